//! How far is a rotation? A replicated object, so that it survives a change of leader.

use serde::{Deserialize, Serialize};

use crate::ids::{RotationId, SecretId, ServiceId};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rotation {
    pub id: RotationId,
    pub secret: SecretId,
    /// `None` when the secret had no current version.
    pub from: Option<u32>,
    pub to: u32,
    pub phase: RotationPhase,
    /// Nothing more is moved until it is resumed.
    pub paused: bool,
    pub cause: RotationCause,
    /// Per service, by service id.
    pub progress: Vec<RotationProgress>,
    pub actor: String,
    pub message: String,
    pub started_at_ms: i64,
    /// 0 while it runs.
    pub finished_at_ms: i64,
    pub version_index: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RotationProgress {
    pub service: ServiceId,
    pub tasks: u32,
    /// Tasks whose receipt proves the new bytes.
    pub proven: u32,
    /// Those of them that have stayed well for as long as their service watches.
    pub settled: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationCause {
    Operator,
    /// The version had reached its maximum age.
    Age,
}

/// What an operator can do to a rotation that is not over.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationSteer {
    Pause,
    Resume,
    /// Everything returns to the version before.
    Cancel,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RotationPhase {
    Rolling,
    Verifying,
    Done,
    RollingBack,
    RolledBack,
    Failed,
}

impl RotationPhase {
    pub fn is_final(self) -> bool {
        matches!(self, Self::Done | Self::RolledBack | Self::Failed)
    }
}
