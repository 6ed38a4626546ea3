//! What is a secret? A name with a policy, and immutable versions whose values are sealed before they get here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::ids::{SecretId, VersionId};

/// A secret: a stable name and target over versions that never change.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Secret {
    pub id: SecretId,
    pub name: String,
    pub labels: BTreeMap<String, String>,
    /// Number of the current version; `None` once everything is revoked.
    pub current: Option<u32>,
    /// By number, from 1, oldest first.
    pub versions: BTreeMap<u32, Version>,
    /// Age at which the current version is due for rotation; 0: no policy.
    pub max_age_ms: u64,
    /// Superseded versions to keep sealed for a roll-back; older ones are destroyed.
    pub keep_versions: u32,
    /// A worker that is cut off erases its files after so long without a manager; 0: never.
    pub lease_ms: u64,
    /// Superseded versions that are older than this are destroyed; 0: only the number counts.
    pub keep_ms: u64,
    /// What the worker makes of a value before it writes the file.
    pub template: Template,
    /// What makes the next value once the current version has reached its maximum age.
    pub schedule: Option<Schedule>,
    /// Why the last scheduled rotation did not begin, and when (Unix milliseconds).
    pub schedule_failure: Option<(i64, String)>,
    pub created_at_ms: i64,
    pub updated_at_ms: i64,
    /// Raft index of the last change: the optimistic-concurrency token.
    pub version_index: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Template {
    /// The file is the value.
    #[default]
    None,
    /// The value is a template in Go's language, as Docker's `golang` driver expands it.
    Golang,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Schedule {
    /// So many characters of `[A-Za-z0-9]`, made by the leader.
    Generate(u32),
    /// What this program of the leader's hooks folder writes.
    Hook(String),
}

/// One immutable version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Version {
    pub id: VersionId,
    pub number: u32,
    /// Docker name: `db_password`, then `db_password_v2`.
    pub name: String,
    /// Bytes of the plaintext.
    pub size: u32,
    pub state: VersionState,
    pub state_since_ms: i64,
    pub created_at_ms: i64,
    pub created_by: String,
    /// `None` once destroyed: the key that opens the value goes with it.
    pub sealed: Option<SealedValue>,
    /// HMAC-SHA256 of the plaintext under the version's receipt key: what an honest receipt carries.
    pub receipt_digest: [u8; 32],
    /// HMAC-SHA256 of the plaintext under a key of the secret: tells "same value as v3?" and nothing else.
    pub fingerprint: [u8; 32],
}

/// A value as the replicated state knows it. Opaque here; `wardroom-keys` seals and opens it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedValue {
    /// The version's data key, wrapped under the cluster's sealing root.
    #[serde(with = "crate::bytes")]
    pub wrapped_key: Vec<u8>,
    /// The value under the data key.
    #[serde(with = "crate::bytes")]
    pub ciphertext: Vec<u8>,
    /// First 4 bytes of a check value of the data key.
    pub key_check: [u8; 4],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum VersionState {
    Current,
    Superseded,
    /// Cut off and its sealed value dropped; erasure receipts are still owed.
    Revoked,
    /// Dropped, and every receipt is in.
    Destroyed,
    /// A rotation to it was rolled back.
    Failed,
}
