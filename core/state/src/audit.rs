//! Who did what? A hash chain of records; each names the hash of the one before.

use serde::{Deserialize, Serialize};

/// The newest records that stay in the state; older ones leave their hash in the chain.
pub const AUDIT_KEPT: usize = 10_000;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRecord {
    /// From 1, without gaps.
    pub sequence: u64,
    /// Raft index.
    pub index: u64,
    pub at_ms: i64,
    pub actor: String,
    /// `local` or an address.
    pub from: String,
    /// `secret.create`, `secret.rotate`, `secret.deliver`, `access.refuse` ...
    pub action: String,
    pub object: String,
    /// `ok` or `denied`.
    pub outcome: String,
    pub detail: String,
    pub previous: [u8; 32],
    pub hash: [u8; 32],
}
