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
