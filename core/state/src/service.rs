//! What runs, and which secrets may it read? A service spec and its grants.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::constraint::Constraint;
use crate::ids::{SecretId, ServiceId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    pub id: ServiceId,
    pub spec: ServiceSpec,
    /// What a roll-back returns to; it pins the secrets it names.
    pub previous: Option<ServiceSpec>,
    /// Counts the changes of `spec.run`, from 1: a task of an earlier generation is outdated.
    pub generation: u64,
    /// What tasks of earlier generations run, while there are any.
    pub earlier: BTreeMap<u64, RunSpec>,
    /// How far the last update or roll-back is; `None` before the first.
    pub update_status: Option<UpdateStatus>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub version_index: u64,
}

impl Service {
    /// What a task of that generation runs.
    pub fn run_of(&self, generation: u64) -> Option<&RunSpec> {
        if generation == self.generation {
            Some(&self.spec.run)
        } else {
            self.earlier.get(&generation)
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub run: RunSpec,
    pub mode: Mode,
    /// Sorted by target: the order is canonical.
    pub grants: Vec<Grant>,
    /// A node has to satisfy all of them.
    pub constraints: Vec<Constraint>,
    /// Tasks of the service on one node; 0: any number.
    pub max_per_node: u32,
    pub restart: RestartPolicy,
    pub update: RollSettings,
    pub rollback: RollSettings,
    /// The service is removed once its task has ended: `wardroom run`.
    pub one_off: bool,
}

impl Default for ServiceSpec {
    fn default() -> Self {
        Self {
            name: String::new(),
            labels: BTreeMap::new(),
            run: RunSpec::default(),
            mode: Mode::Replicated(1),
            grants: Vec::new(),
            constraints: Vec::new(),
            max_per_node: 0,
            restart: RestartPolicy::default(),
            update: RollSettings::default(),
            rollback: RollSettings::default(),
            one_off: false,
        }
    }
}

/// What one task runs. A change of it replaces tasks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSpec {
    pub executor: Executor,
    /// Of a container.
    pub image: String,
    /// Of a container; empty: the image's own.
    pub entrypoint: Vec<String>,
    /// Program and arguments of a process, arguments of a container; empty for [`Executor::Files`].
    pub command: Vec<String>,
    /// `NAME=value`, in the order given. Not for secrets.
    pub env: Vec<String>,
    /// `user`, `uid`, `user:group` or `uid:gid`; empty: the image's, or the worker's own.
    pub user: String,
    /// Further groups, by name or number.
    pub groups: Vec<String>,
    /// Working directory; empty: the image's, or `/`.
    pub dir: String,
    /// Of a container; empty: the engine's choice.
    pub hostname: String,
    /// An init process inside the container.
    pub init: bool,
    /// The container's root file system is read-only.
    pub read_only: bool,
    /// The engine's networks, by name; empty: its default one.
    pub networks: Vec<String>,
    pub mounts: Vec<Mount>,
    /// On the node that runs the container.
    pub ports: Vec<Port>,
    pub container_labels: BTreeMap<String, String>,
    /// Name of a signal, e.g. `SIGTERM`; empty: the image's, or SIGTERM.
    pub stop_signal: String,
    /// Between the stop signal and the kill; `None`: ten seconds.
    pub stop_grace_ms: Option<u64>,
    pub health: Option<HealthCheck>,
    /// What tells the host's own programs that the files have changed; with [`Executor::Files`].
    pub reload: Option<Reload>,
    /// Counted up by `service update --force`: tasks are replaced although nothing has changed.
    pub force: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Executor {
    #[default]
    Process,
    Files,
    Container,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mount {
    pub kind: MountKind,
    /// Path on the node, or a volume's name; empty for [`MountKind::Tmpfs`].
    pub source: String,
    /// Absolute path inside the container.
    pub target: String,
    pub read_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum MountKind {
    Bind,
    Volume,
    Tmpfs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Port {
    /// On the node; 0: one that the engine chooses.
    pub published: u16,
    /// Inside the container.
    pub target: u16,
    pub protocol: Protocol,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Protocol {
    Tcp,
    Udp,
    Sctp,
}

/// How a task is known to be well. Until the first success it is `Starting`; after `retries` failures in a row it has
/// failed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HealthCheck {
    /// `["CMD", program, args...]`, `["CMD-SHELL", line]`, or `["NONE"]`: also not the image's own. Empty: the image's.
    pub test: Vec<String>,
    /// 0: 30 s.
    pub interval_ms: u64,
    /// 0: 30 s.
    pub timeout_ms: u64,
    /// Failures in it do not count.
    pub start_period_ms: u64,
    /// 0: 3.
    pub retries: u32,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Reload {
    /// This signal to the process whose id is in that file.
    Pidfile { path: String, signal: String },
    /// `systemctl reload UNIT`.
    Unit(String),
    /// Program and arguments.
    Command(Vec<String>),
}

/// When an ended task is followed by another one. Docker's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RestartPolicy {
    pub condition: RestartCondition,
    /// Before the first restart; it doubles with each failure in a row, up to a minute (or this, if it is longer).
    pub delay_ms: u64,
    /// Restarts of one slot within the window; 0: any number.
    pub max_attempts: u64,
    /// 0: for ever.
    pub window_ms: u64,
}

impl Default for RestartPolicy {
    fn default() -> Self {
        Self {
            condition: RestartCondition::Any,
            delay_ms: 5_000,
            max_attempts: 0,
            window_ms: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RestartCondition {
    None,
    OnFailure,
    Any,
}

/// How tasks are replaced, by an update or by a roll-back. Docker's defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RollSettings {
    /// Tasks at once; 0: all.
    pub parallelism: u32,
    /// Between two batches.
    pub delay_ms: u64,
    /// How long a replaced task must stay up before it counts as well.
    pub monitor_ms: u64,
    pub on_failure: FailureAction,
    /// Share of replaced tasks that may fail, in millionths.
    pub max_failure_ppm: u32,
    pub order: RollOrder,
}

impl Default for RollSettings {
    fn default() -> Self {
        Self {
            parallelism: 1,
            delay_ms: 0,
            monitor_ms: 5_000,
            on_failure: FailureAction::Pause,
            max_failure_ppm: 0,
            order: RollOrder::StopFirst,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FailureAction {
    Pause,
    Continue,
    /// Not of a roll-back.
    Rollback,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RollOrder {
    StopFirst,
    /// The new task runs before the old one is stopped.
    StartFirst,
}

/// Docker's states of an update.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UpdateStatus {
    pub state: UpdateState,
    pub started_at_ms: i64,
    /// 0 while it runs.
    pub completed_at_ms: i64,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum UpdateState {
    Updating,
    Paused,
    Completed,
    RollbackStarted,
    RollbackPaused,
    RollbackCompleted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    Replicated(u32),
    Global,
}

/// A service's reference to a secret: who may have it, where, and what happens when it changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// File name below the secrets directory, or an absolute path inside a container.
    pub target: String,
    pub secret: SecretId,
    /// A version number, or `None` to follow the current one.
    pub pinned: Option<u32>,
    pub uid: u32,
    pub gid: u32,
    /// Permission bits, at most 0777.
    pub mode: u32,
    pub on_change: OnChange,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum OnChange {
    /// The file's content changes in place, atomically; nothing restarts.
    Swap,
    /// Tasks are replaced, as Docker does.
    Restart,
    /// As swap, then this signal to the process, e.g. `SIGHUP`.
    Signal(String),
}
