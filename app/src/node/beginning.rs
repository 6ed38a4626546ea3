//! What does a new cluster know of itself? Its root, its sealed keys and its join tokens, made together; and the state's
//! words for them, with Docker's settings.

use serde::{Deserialize, Serialize};
use wardroom_ca::{JoinToken, NodeTls, Role as Certified, Root};
use wardroom_keys::{Chance, SealingRoot};
use wardroom_manager::state::cluster::{self, Cluster};
use wardroom_manager::state::command::Actor;
use wardroom_manager::state::ids::{ClusterId, id_from_entropy};
use wardroom_manager::state::node::{Certificate, Role};

/// Period of the workers' heartbeats, Docker's.
const HEARTBEAT_MS: u64 = 5_000;
/// Finished tasks to keep per slot, Docker's.
const TASK_HISTORY: u32 = 5;
/// Applied entries between two snapshots, Docker's.
pub const SNAPSHOT_EVERY: u64 = 10_000;
/// Life of a certificate, Docker's: 90 days.
const CERTIFICATE_LIFE_MS: u64 = 90 * 24 * 3600 * 1000;

/// The facts of a founding. No key and no token can be read from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Founding {
    pub at_ms: i64,
    /// PEM.
    pub root_certificate: String,
    /// SHA-256 of its DER form, hex.
    pub root_fingerprint: String,
    /// What certificates name as their issuer, hex.
    pub root_key_id: String,
    pub root_not_after_ms: i64,
    /// Under the cluster's sealing root.
    pub sealed_root_key: Vec<u8>,
    pub sealing_root_check: [u8; 4],
    pub worker_token: SealedToken,
    pub manager_token: SealedToken,
}

/// A join token as the state keeps it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedToken {
    /// Under the cluster's sealing root.
    pub sealed_secret: Vec<u8>,
    pub digest: [u8; 32],
}

impl Founding {
    /// Of the cluster whose root that is; also gives the token by which workers join.
    pub fn of(root: &Root, sealing_root: &SealingRoot, at_ms: i64, chance: &dyn Chance) -> (Self, JoinToken) {
        let seal = |role: Role| {
            let token = JoinToken::create(root.certificate_der(), chance);
            let sealed_secret = sealing_root.seal_join_secret(chance, root.cluster_id(), role.as_str(), token.secret());
            let sealed = SealedToken {
                sealed_secret,
                digest: token.digest(),
            };
            (sealed, token)
        };
        let ((worker_token, shown), (manager_token, _)) = (seal(Role::Worker), seal(Role::Manager));
        let founding = Self {
            at_ms,
            root_certificate: root.certificate_pem().to_owned(),
            root_fingerprint: root.fingerprint().to_owned(),
            root_key_id: root.key_id().to_owned(),
            root_not_after_ms: root.facts().not_after_ms,
            sealed_root_key: sealing_root.seal_root_key(chance, root.cluster_id(), root.key_der()),
            sealing_root_check: sealing_root.check(),
            worker_token,
            manager_token,
        };
        (founding, shown)
    }

    /// What the first change says of the cluster.
    pub fn cluster(&self, id: &str, name: &str) -> Cluster {
        let token = |sealed: &SealedToken| cluster::JoinToken {
            sealed_secret: sealed.sealed_secret.clone(),
            digest: sealed.digest,
            created_at_ms: self.at_ms,
            ..cluster::JoinToken::default()
        };
        Cluster {
            id: ClusterId::new(id),
            name: name.to_owned(),
            created_at_ms: self.at_ms,
            root_certificate: self.root_certificate.clone(),
            root_fingerprint: self.root_fingerprint.clone(),
            root_key_id: self.root_key_id.clone(),
            root_not_after_ms: self.root_not_after_ms,
            sealed_root_key: self.sealed_root_key.clone(),
            retiring: Vec::new(),
            certificate_life_ms: CERTIFICATE_LIFE_MS,
            worker_token: token(&self.worker_token),
            manager_token: token(&self.manager_token),
            sealing_root_check: self.sealing_root_check,
            autolock: false,
            heartbeat_ms: HEARTBEAT_MS,
            task_history: TASK_HISTORY,
            snapshot_every: SNAPSHOT_EVERY,
            refuse_env: false,
            version_index: 0,
        }
    }
}

/// Docker's shape of an id.
pub fn id(chance: &dyn Chance) -> String {
    let mut entropy = [0; 17];
    chance.fill(&mut entropy);
    id_from_entropy(entropy)
}

/// In whose name this process changes its own cluster.
pub fn system() -> Actor {
    Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    }
}

/// The certificate that a node shows, as the state keeps it.
pub fn certificate(tls: &NodeTls) -> Certificate {
    let facts = tls.facts();
    Certificate {
        fingerprint: facts.fingerprint,
        key_fingerprint: tls.key_fingerprint(),
        issuer: facts.issuer,
        not_before_ms: facts.not_before_ms,
        not_after_ms: facts.not_after_ms,
    }
}

/// The role that the state has for the holder of a certificate; an operator is no node and becomes none.
pub fn role(certified: Certified) -> Role {
    if certified == Certified::Manager {
        Role::Manager
    } else {
        Role::Worker
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use wardroom_ca::SystemClock;
    use wardroom_keys::SeededChance;

    use super::*;

    #[test]
    fn the_tokens_that_are_sealed_are_those_that_admit() {
        let chance = SeededChance::new(1);
        let root = Root::create("c1", &SystemClock, &chance).unwrap();
        let sealing_root = SealingRoot::generate(&chance);
        let (founding, shown) = Founding::of(&root, &sealing_root, 7, &chance);
        let cluster = founding.cluster("c1", "name");
        assert!(cluster.worker_token.is(&shown.digest()));
        assert!(
            !cluster.manager_token.is(&shown.digest()),
            "another role, another token"
        );
        assert!(shown.pin().is_of(root.certificate_der()));
        for role in [Role::Worker, Role::Manager] {
            let token = cluster.token(role);
            let secret = sealing_root
                .open_join_secret("c1", role.as_str(), &token.sealed_secret)
                .unwrap();
            let opened = JoinToken::from_parts(root.certificate_der(), secret).unwrap();
            assert!(token.is(&opened.digest()), "{role}");
        }
    }
}
