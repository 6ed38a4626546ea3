//! What runs where, with which exact versions? A task is one slot of a service on one node.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, SecretId, ServiceId, TaskId, VersionId};
use crate::service::OnChange;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    pub id: TaskId,
    pub service: ServiceId,
    /// `web.1`; for a global service `web.<node id>`.
    pub name: String,
    /// From 1; 0 for a global service.
    pub slot: u32,
    /// Of its service's run spec, when it was made.
    pub generation: u64,
    /// `None` while no node fits.
    pub node: Option<NodeId>,
    pub desired: TaskState,
    pub status: TaskStatus,
    /// The exact versions it was given, sorted by target.
    pub files: Vec<SecretFile>,
    pub created_at_ms: i64,
    pub version_index: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskStatus {
    pub state: TaskState,
    pub since_ms: i64,
    /// When it began to run; 0 while it never has.
    pub running_since_ms: i64,
    pub message: String,
    pub error: String,
    pub exit_code: i32,
    /// 0 when there is none.
    pub pid: u32,
    /// Where its files are on the worker's host.
    pub secrets_dir: String,
    /// `starting`, `healthy`, or why not; empty without a health check.
    pub health: String,
}

/// One file a task should hold.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecretFile {
    pub target: String,
    pub secret: SecretId,
    pub version_id: VersionId,
    pub version: u32,
    pub uid: u32,
    pub gid: u32,
    pub mode: u32,
    pub on_change: OnChange,
}

/// Swarm's states in Swarm's order; the order is meaningful (above `Running` is final).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum TaskState {
    New,
    Pending,
    Assigned,
    Accepted,
    Preparing,
    Ready,
    Starting,
    Running,
    Complete,
    Shutdown,
    Failed,
    Rejected,
    Remove,
    Orphaned,
}

impl TaskState {
    /// It ended, or will never start.
    pub fn is_final(self) -> bool {
        self > Self::Running
    }
}

impl Task {
    /// It should run and has not ended: it has a claim to its files.
    pub fn is_live(&self) -> bool {
        !self.desired.is_final() && !self.status.state.is_final()
    }

    pub fn is_placed_and_live(&self) -> bool {
        self.node.is_some() && self.is_live()
    }
}
