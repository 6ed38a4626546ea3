//! What is a cluster's first change? The facts of its founding, in the words of the state machine.

use std::collections::BTreeMap;

use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::{Actor, Command};
use wardroom_manager::state::ids::{ClusterId, NodeId};
use wardroom_manager::state::node::{Availability, Certificate, Node, NodeState, Role};

use super::badge::Badge;
use super::house::House;
use super::manifest::Founding;

/// Period of the workers' heartbeats, Docker's.
const HEARTBEAT_MS: u64 = 5_000;
/// Finished tasks to keep per slot, Docker's.
const TASK_HISTORY: u32 = 5;

/// The command that names the cluster and all its nodes, with the certificates that they show now.
pub fn first_change(house: &House, founding: &Founding, badges: &[Badge]) -> Command {
    let nodes = badges.iter().map(|badge| {
        let mut node = node(badge, founding.at_ms);
        let manager = house
            .manifest
            .managers
            .iter()
            .find(|entry| entry.node_id == badge.node_id);
        if let Some(manager) = manager {
            node.raft_id = manager.raft_id;
            node.address.clone_from(&manager.address);
        }
        node
    });
    Command::Bootstrap {
        cluster: cluster(house, founding),
        nodes: nodes.collect(),
    }
}

/// In whose name this process changes its own cluster.
pub fn system() -> Actor {
    Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    }
}

/// The certificate of a node, as the state keeps it.
pub fn certificate(badge: &Badge) -> Certificate {
    let facts = badge.tls.facts();
    Certificate {
        fingerprint: facts.fingerprint,
        not_before_ms: facts.not_before_ms,
        not_after_ms: facts.not_after_ms,
    }
}

/// What the first change says of the cluster.
pub fn cluster(house: &House, founding: &Founding) -> Cluster {
    Cluster {
        id: ClusterId::new(&house.manifest.cluster_id),
        name: house.manifest.name.clone(),
        created_at_ms: founding.at_ms,
        root_certificate: founding.root_certificate.clone(),
        root_fingerprint: founding.root_fingerprint.clone(),
        root_not_after_ms: founding.root_not_after_ms,
        sealed_root_key: founding.sealed_root_key.clone(),
        sealing_root_check: founding.sealing_root_check,
        autolock: false,
        heartbeat_ms: HEARTBEAT_MS,
        task_history: TASK_HISTORY,
        version_index: 0,
    }
}

/// Managers are up when this is committed; a worker is not known to be until it opens its session.
fn node(badge: &Badge, at_ms: i64) -> Node {
    let (role, state) = match badge.role {
        wardroom_ca::Role::Manager => (Role::Manager, NodeState::Ready),
        _ => (Role::Worker, NodeState::Unknown),
    };
    Node {
        id: NodeId::new(&badge.node_id),
        hostname: badge.hostname.clone(),
        role,
        availability: Availability::Active,
        state,
        message: String::new(),
        state_since_ms: at_ms,
        address: String::new(),
        raft_id: 0,
        labels: BTreeMap::new(),
        certificate: certificate(badge),
        created_at_ms: at_ms,
        version_index: 0,
    }
}
