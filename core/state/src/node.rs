//! Which machines belong, and which did? Managers and workers by the identity in their certificates.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::NodeId;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    pub id: NodeId,
    pub hostname: String,
    /// The role of its certificate and its work now.
    pub role: Role,
    /// The role it is to have; differs from `role` while a promotion or demotion is under way.
    pub desired_role: Role,
    pub availability: Availability,
    pub state: NodeState,
    /// Why it is in that state.
    pub message: String,
    pub state_since_ms: i64,
    /// `host:port` of a manager's TLS port; empty for workers.
    pub address: String,
    /// Never reused. 0 for workers that Raft has never heard of or has let go.
    pub raft_id: u64,
    /// It runs an agent.
    pub runs_tasks: bool,
    /// Of its program, as it said.
    pub version: String,
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
    /// sha256 of the public key's DER form, hex: stays when the certificate is renewed with the same key.
    pub key_fingerprint: String,
    /// Key identifier of the root that issued it, hex.
    pub issuer: String,
    pub not_before_ms: i64,
    pub not_after_ms: i64,
}

impl Node {
    /// It is a manager, or becomes one, or Raft may still count it as one.
    pub fn is_in_raft(&self) -> bool {
        self.raft_id != 0
    }
}

/// What stays of a node or an operator that was removed: its id is refused for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tombstone {
    pub id: String,
    /// Hostname, or the operator's name.
    pub name: String,
    /// 0 unless it was a manager when it was removed.
    pub raft_id: u64,
    pub removed_at_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Role {
    Manager,
    Worker,
}

impl Role {
    /// `manager` or `worker`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Manager => "manager",
            Self::Worker => "worker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
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
