//! Which machines belong? Managers and workers by the identity in their certificates.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: NodeId,
    pub hostname: String,
    pub role: Role,
    pub availability: Availability,
    pub state: NodeState,
    /// Why it is in that state.
    pub message: String,
    pub state_since_ms: i64,
    /// `host:port` of a manager's TLS port; empty for workers.
    pub address: String,
    /// 0 for workers; never reused.
    pub raft_id: u64,
    pub labels: BTreeMap<String, String>,
    pub certificate: Certificate,
    pub created_at_ms: i64,
    pub version_index: u64,
}

/// What the cluster remembers of a node's certificate.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// sha256 of the DER form, hex.
    pub fingerprint: String,
    pub not_before_ms: i64,
    pub not_after_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    Manager,
    Worker,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Availability {
    Active,
    Pause,
    Drain,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum NodeState {
    Unknown,
    Ready,
    Down,
}
