//! Which cluster is this? Its identity, its roots, the tokens that let nodes in, and its spec.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::ids::ClusterId;
use crate::node::Role;

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cluster {
    pub id: ClusterId,
    pub name: String,
    pub created_at_ms: i64,
    /// PEM.
    pub root_certificate: String,
    /// sha256 of the root certificate's DER form, hex.
    pub root_fingerprint: String,
    /// The root's subject key identifier, hex: what certificates name as their issuer.
    pub root_key_id: String,
    pub root_not_after_ms: i64,
    /// The root's signing key, sealed under the cluster's sealing root.
    pub sealed_root_key: Vec<u8>,
    /// Roots before this one that some certificate may still hang on, oldest first.
    pub retiring: Vec<RetiringRoot>,
    /// How long a new certificate of a node or an operator is valid.
    pub certificate_life_ms: u64,
    pub worker_token: JoinToken,
    pub manager_token: JoinToken,
    /// Check value of the sealing root, so that a manager with a wrong one is noticed.
    pub sealing_root_check: [u8; 4],
    pub autolock: bool,
    /// Period of the workers' heartbeats.
    pub heartbeat_ms: u64,
    /// Finished tasks to keep per slot.
    pub task_history: u32,
    /// Applied entries between two snapshots of a manager's log.
    pub snapshot_every: u64,
    /// Secrets in environments (`wardroom run --env`) are refused.
    pub refuse_env: bool,
    pub version_index: u64,
}

impl Cluster {
    pub fn token(&self, role: Role) -> &JoinToken {
        match role {
            Role::Manager => &self.manager_token,
            Role::Worker => &self.worker_token,
        }
    }

    pub(crate) fn token_mut(&mut self, role: Role) -> &mut JoinToken {
        match role {
            Role::Manager => &mut self.manager_token,
            Role::Worker => &mut self.worker_token,
        }
    }
}

/// A root that issues nothing any more. Its key is forgotten; its certificate is trusted until nobody needs it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RetiringRoot {
    /// PEM.
    pub certificate: String,
    /// sha256 of the certificate's DER form, hex.
    pub fingerprint: String,
    /// Its subject key identifier, hex.
    pub key_id: String,
    /// PEM of the next root's key, signed by this one: lets who only knows this root trust what the next one issued.
    pub cross_signed: String,
    /// When the next root took over.
    pub since_ms: i64,
}

/// What lets a node in, in one role. The secret itself is sealed; `Default` admits nobody.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct JoinToken {
    /// The token's secret under the cluster's sealing root.
    pub sealed_secret: Vec<u8>,
    /// Of the secret; how a joiner's token is known again. All zeros: nobody's.
    pub digest: [u8; 32],
    pub created_at_ms: i64,
    /// From then on it admits nobody; 0: never.
    pub expires_at_ms: i64,
    /// Nodes that may join with it; 0: any number.
    pub max_uses: u32,
    /// Nodes that have.
    pub uses: u32,
}

impl JoinToken {
    /// Whether this is the token with that digest; the token that admits nobody is none.
    pub fn is(&self, digest: &[u8; 32]) -> bool {
        self.digest == *digest && *digest != [0; 32]
    }

    pub fn is_expired(&self, now_ms: i64) -> bool {
        self.expires_at_ms != 0 && now_ms >= self.expires_at_ms
    }

    pub fn is_used_up(&self) -> bool {
        self.max_uses != 0 && self.uses >= self.max_uses
    }
}

/// Neither the sealed secret nor its digest are for a log line.
impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JoinToken")
            .field("created_at_ms", &self.created_at_ms)
            .field("expires_at_ms", &self.expires_at_ms)
            .field("max_uses", &self.max_uses)
            .field("uses", &self.uses)
            .finish_non_exhaustive()
    }
}
