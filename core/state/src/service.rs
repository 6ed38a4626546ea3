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
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    pub version_index: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceSpec {
    pub name: String,
    pub labels: BTreeMap<String, String>,
    pub executor: Executor,
    /// Program and arguments; empty for [`Executor::Files`].
    pub command: Vec<String>,
    pub mode: Mode,
    /// Sorted by target: the order is canonical.
    pub grants: Vec<Grant>,
    /// A node has to satisfy all of them.
    pub constraints: Vec<Constraint>,
    /// Tasks replaced at once by a restarting update; 0: all.
    pub update_parallelism: u32,
    /// How long a replaced task must stay up before the next one is touched.
    pub update_monitor_ms: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Executor {
    Process,
    Files,
    Container,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    Replicated(u32),
    Global,
}

/// A service's reference to a secret: who may have it, where, and what happens when it changes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Grant {
    /// File name below the secrets directory.
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
