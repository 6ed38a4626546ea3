//! `wardroom swarm`, as it is written. Docker's flags, with its defaults.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};

use super::{Asking, AvailabilityChoice, SwarmDek, SwarmLock, SwarmUnlock, SwarmUnlockKey};
use crate::cli::duration;

#[derive(Debug, Subcommand)]
pub enum Swarm {
    Init(SwarmInit),
    Join(SwarmJoin),
    JoinToken(SwarmJoinToken),
    Leave(SwarmLeave),
    Update(SwarmUpdate),
    Unlock(SwarmUnlock),
    UnlockKey(SwarmUnlockKey),
    Lock(SwarmLock),
    Dek(SwarmDek),
    Ca(SwarmCa),
    StepDown(SwarmStepDown),
    Info,
}

/// Where a node listens and how others reach it.
#[derive(Debug, Args)]
pub struct Addresses {
    /// How other nodes reach this one; without it the one address that this machine has
    #[arg(long, value_name = "IP|INTERFACE[:PORT]")]
    pub advertise_addr: Option<String>,
    /// Where this node listens; without it 0.0.0.0:2377
    #[arg(long, value_name = "IP|INTERFACE[:PORT]")]
    pub listen_addr: Option<String>,
}

#[derive(Debug, Args)]
pub struct SwarmInit {
    #[command(flatten)]
    pub addresses: Addresses,
    /// Managers need an unlock key after a restart, which is printed
    #[arg(long, conflicts_with = "force_new_cluster")]
    pub autolock: bool,
    /// Whether this node takes tasks
    #[arg(long, value_enum, default_value = "active")]
    pub availability: AvailabilityChoice,
    /// How long certificates of nodes are valid, at least 1h; without it 2160h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub cert_expiry: Option<Duration>,
    /// How often workers show that they are there; without it 5s
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub dispatcher_heartbeat: Option<Duration>,
    /// Finished tasks kept per slot; without it 5
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub task_history_limit: Option<u32>,
    /// Log entries between two snapshots; without it 10000
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_interval: Option<u64>,
    /// On the last manager that is left: go on with this one alone, with everything it knows
    #[arg(long)]
    pub force_new_cluster: bool,
    /// What the cluster is called; without it default
    #[arg(long, value_name = "NAME", conflicts_with = "force_new_cluster")]
    pub name: Option<String>,
}

#[derive(Debug, Args)]
pub struct SwarmJoin {
    /// The join token; prefer --token-file, as arguments can be read by others and stay in the shell's history
    #[arg(long, value_name = "TOKEN", conflicts_with = "token_file")]
    pub token: Option<String>,
    /// File that holds the join token, - for standard input
    #[arg(long, value_name = "FILE|-")]
    pub token_file: Option<PathBuf>,
    #[command(flatten)]
    pub addresses: Addresses,
    /// Whether this node takes tasks
    #[arg(long, value_enum, default_value = "active")]
    pub availability: AvailabilityChoice,
    /// Managers of the cluster, tried in turn; without a port 2377
    #[arg(value_name = "HOST:PORT", required = true)]
    pub remotes: Vec<String>,
}

#[derive(Debug, Args)]
pub struct SwarmJoinToken {
    /// Make a new token; the old one is refused from then on
    #[arg(long)]
    pub rotate: bool,
    /// How long the new token lets nodes in, e.g. 1h; without it for ever
    #[arg(long, value_name = "DURATION", requires = "rotate", value_parser = duration::parse_positive)]
    pub ttl: Option<Duration>,
    /// How many nodes the new token lets in; without it any number
    #[arg(long, value_name = "N", requires = "rotate", value_parser = clap::value_parser!(u32).range(1..))]
    pub max_uses: Option<u32>,
    /// Print the token only
    #[arg(short, long)]
    pub quiet: bool,
    // Docker's own words for another role, instead of a list of possible values.
    #[arg(value_name = "worker|manager")]
    pub role: String,
}

#[derive(Debug, Args)]
pub struct SwarmLeave {
    /// Also when the cluster loses a manager, or its last one
    #[arg(short, long)]
    pub force: bool,
}

#[derive(Debug, Args)]
pub struct SwarmUpdate {
    /// Whether managers need an unlock key after a restart; turned on, the key is printed
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub autolock: Option<bool>,
    /// How long certificates of nodes are valid, at least 1h
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub cert_expiry: Option<Duration>,
    /// How often workers show that they are there
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub dispatcher_heartbeat: Option<Duration>,
    /// Finished tasks kept per slot
    #[arg(long, value_name = "N")]
    pub task_history_limit: Option<u32>,
    /// Log entries between two snapshots
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub snapshot_interval: Option<u64>,
    /// Whether `wardroom run --env` is refused: environments leak
    #[arg(
        long,
        value_name = "true|false",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true",
        hide_possible_values = true
    )]
    pub refuse_env: Option<bool>,
    #[command(flatten)]
    pub asking: Asking,
    /// Do not wait until every manager locks, or does not any more
    #[arg(short, long)]
    pub detach: bool,
}

#[derive(Debug, Args)]
pub struct SwarmCa {
    /// Make a new root; nodes get new certificates one after another, and none is cut off
    #[arg(long)]
    pub rotate: bool,
    #[command(flatten)]
    pub asking: Asking,
    /// How long certificates of nodes are valid from then on, at least 1h; only with --rotate
    #[arg(long, value_name = "DURATION", value_parser = duration::parse_positive)]
    pub cert_expiry: Option<Duration>,
    /// Do not wait until the nodes have new certificates
    #[arg(short, long)]
    pub detach: bool,
    /// Show neither progress nor the new root
    #[arg(short, long)]
    pub quiet: bool,
}

#[derive(Debug, Args)]
pub struct SwarmStepDown {
    /// The manager that is to lead; without it the one that has most of the log
    #[arg(value_name = "NODE")]
    pub to: Option<String>,
}
