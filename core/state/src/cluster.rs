//! Which cluster is this? Its identity and its spec.

use serde::{Deserialize, Serialize};

use crate::ids::ClusterId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: String,
    pub created_at_ms: i64,
    /// PEM.
    pub root_certificate: String,
    /// sha256 of the root certificate's DER form, hex.
    pub root_fingerprint: String,
    pub root_not_after_ms: i64,
    /// The root's signing key, sealed under the cluster's sealing root.
    pub sealed_root_key: Vec<u8>,
    /// Check value of the sealing root, so that a manager with a wrong one is noticed.
    pub sealing_root_check: [u8; 4],
    pub autolock: bool,
    /// Period of the workers' heartbeats.
    pub heartbeat_ms: u64,
    /// Finished tasks to keep per slot.
    pub task_history: u32,
    pub version_index: u64,
}
