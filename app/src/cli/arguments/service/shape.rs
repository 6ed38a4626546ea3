//! What `service create` and `service update` both take: how tasks run, and how they are restarted, replaced and watched.
//! What is not given is Docker's default in a new service, and stays as it is in one that is there.

use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::cli::{duration, ratio};

#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct Shape {
    /// Tasks to run
    #[arg(long, value_name = "R")]
    pub replicas: Option<u32>,
    /// Tasks on one node at most, 0 for any number
    #[arg(long, value_name = "N")]
    pub replicas_max_per_node: Option<u32>,
    #[command(flatten)]
    pub running: Running,
    #[command(flatten)]
    pub health: Health,
    #[command(flatten)]
    pub restart: Restart,
    #[command(flatten)]
    pub update: Roll,
    #[command(flatten)]
    pub rollback: RollbackRoll,
    #[command(flatten)]
    pub reload: ReloadHook,
}

/// What one task is.
#[derive(Clone, Debug, Default, PartialEq, Args)]
pub struct Running {
    /// Image of its containers
    #[arg(long, value_name = "IMAGE")]
    pub image: Option<String>,
    /// User and group, by name or number: user, user:group
    #[arg(short = 'u', long, value_name = "USER")]
    pub user: Option<String>,
    /// Working directory
    #[arg(short = 'w', long, value_name = "DIR")]
    pub workdir: Option<String>,
    /// Hostname of its containers
    #[arg(long, value_name = "NAME")]
    pub hostname: Option<String>,
    /// What the image starts, as one text
    #[arg(long, value_name = "COMMAND")]
    pub entrypoint: Option<String>,
    /// An init process in each container that forwards signals and reaps
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub init: Option<bool>,
    /// The root file system of its containers cannot be written
    #[arg(
        id = "read_only_root",
        long = "read-only",
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub read_only: Option<bool>,
    /// What asks a task to end, e.g. SIGINT
    #[arg(long, value_name = "SIGNAL")]
    pub stop_signal: Option<String>,
    /// Time from there until it is killed, e.g. 30s (10s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub stop_grace_period: Option<Duration>,
}

#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the flags that people know from Docker"
)]
pub struct Health {
    /// Command that says whether a task is well
    #[arg(long, value_name = "COMMAND")]
    pub health_cmd: Option<String>,
    /// Time between two of them (30s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub health_interval: Option<Duration>,
    /// Failures in a row that count (3 unless given)
    #[arg(long, value_name = "N")]
    pub health_retries: Option<u32>,
    /// Time at the start in which failures do not count
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub health_start_period: Option<Duration>,
    /// Time that one may take (30s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub health_timeout: Option<Duration>,
    /// No check, not even the image's own
    #[arg(long)]
    pub no_healthcheck: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum RestartChoice {
    None,
    OnFailure,
    Any,
}

#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the flags that people know from Docker"
)]
pub struct Restart {
    /// When an ended task is followed by another one (any unless given)
    #[arg(long, value_enum, value_name = "WHEN")]
    pub restart_condition: Option<RestartChoice>,
    /// Before the first restart; it doubles with each failure in a row (5s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub restart_delay: Option<Duration>,
    /// Restarts of one task within the window, 0 for any number
    #[arg(long, value_name = "N")]
    pub restart_max_attempts: Option<u64>,
    /// Time in which restarts are counted
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub restart_window: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum FailureChoice {
    Pause,
    Continue,
    Rollback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum OrderChoice {
    StopFirst,
    StartFirst,
}

/// How an update replaces tasks.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the flags that people know from Docker"
)]
pub struct Roll {
    /// Tasks that an update replaces at once, 0 for all (1 unless given)
    #[arg(long, value_name = "N")]
    pub update_parallelism: Option<u32>,
    /// Time between two batches of an update
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub update_delay: Option<Duration>,
    /// Time for which a replaced task is watched (5s unless given)
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub update_monitor: Option<Duration>,
    /// What a failed update does (pause unless given)
    #[arg(long, value_enum, value_name = "ACTION")]
    pub update_failure_action: Option<FailureChoice>,
    /// Share of replaced tasks that may fail, e.g. 0.2
    #[arg(long, value_name = "RATIO", value_parser = ratio::parse)]
    pub update_max_failure_ratio: Option<u32>,
    /// Whether the old task stops before the new one runs (stop-first unless given)
    #[arg(long, value_enum, value_name = "ORDER")]
    pub update_order: Option<OrderChoice>,
}

/// How a roll-back replaces tasks.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the flags that people know from Docker"
)]
pub struct RollbackRoll {
    /// As --update-parallelism, for a roll-back
    #[arg(long, value_name = "N")]
    pub rollback_parallelism: Option<u32>,
    /// As --update-delay, for a roll-back
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub rollback_delay: Option<Duration>,
    /// As --update-monitor, for a roll-back
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub rollback_monitor: Option<Duration>,
    /// What a failed roll-back does: pause or continue
    #[arg(long, value_enum, value_name = "ACTION")]
    pub rollback_failure_action: Option<FailureChoice>,
    /// As --update-max-failure-ratio, for a roll-back
    #[arg(long, value_name = "RATIO", value_parser = ratio::parse)]
    pub rollback_max_failure_ratio: Option<u32>,
    /// As --update-order, for a roll-back
    #[arg(long, value_enum, value_name = "ORDER")]
    pub rollback_order: Option<OrderChoice>,
}

/// What tells the host's own programs that their files have changed; one of three.
#[derive(Clone, Debug, Default, PartialEq, Args)]
#[expect(
    clippy::struct_field_names,
    reason = "they are the flags, and each belongs to the hook"
)]
pub struct ReloadHook {
    /// File that holds the id of the process to be told, with the files executor
    #[arg(long, value_name = "FILE")]
    pub reload_pidfile: Option<String>,
    /// The signal it gets (SIGHUP unless given)
    #[arg(long, value_name = "SIGNAL", requires = "reload_pidfile")]
    pub reload_signal: Option<String>,
    /// Unit of systemd to reload, with the files executor
    #[arg(long, value_name = "UNIT", conflicts_with = "reload_pidfile")]
    pub reload_unit: Option<String>,
    /// Command to run, as one text, with the files executor
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["reload_pidfile", "reload_unit"])]
    pub reload_cmd: Option<String>,
}
