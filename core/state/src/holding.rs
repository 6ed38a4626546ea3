//! Who holds what? One holding per node, task, version and target: the worker's last word about it.

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, SecretId, TaskId};

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct HoldingKey {
    pub secret: SecretId,
    pub version: u32,
    pub node: NodeId,
    pub task: TaskId,
    pub target: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holding {
    pub state: HoldingState,
    /// When that state began, by the proposer's clock.
    pub since_ms: i64,
    /// The receipt's digest equals the version's.
    pub proven: bool,
    /// The version or the grant is cut and the erasure receipt is still missing.
    pub owed: bool,
    pub message: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum HoldingState {
    /// Assigned, no receipt yet.
    Pending,
    Present,
    Erased,
    Failed,
    /// Its node was removed before it said that the bytes are gone: nobody will answer any more.
    Unconfirmed,
}

impl Holding {
    /// Nothing says that the bytes are gone, and its node could still say so.
    pub fn is_live(&self) -> bool {
        !matches!(self.state, HoldingState::Erased | HoldingState::Unconfirmed)
    }
}
