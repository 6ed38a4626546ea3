//! What is a cluster's first change? The facts of its founding, in the words of the state machine.

use std::collections::BTreeMap;

use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::{Actor, Command};
use wardroom_manager::state::ids::{ClusterId, NodeId};
use wardroom_manager::state::node::{Availability, Certificate, Node, NodeState, Role};

use super::cluster::tls;
use super::house::House;
use super::manifest::Founding;
use crate::report::Report;

/// Period of the workers' heartbeats, Docker's.
const HEARTBEAT_MS: u64 = 5_000;
/// Finished tasks to keep per slot, Docker's.
const TASK_HISTORY: u32 = 5;

/// The command that names the cluster and all its nodes.
pub fn first_change(house: &House, founding: &Founding) -> Result<(Actor, Command), Report> {
    let mut nodes = Vec::new();
    for manager in &house.manifest.managers {
        let mut node = node(
            house,
            &manager.hostname,
            &manager.node_id,
            Role::Manager,
            founding.at_ms,
        )?;
        node.raft_id = manager.raft_id;
        node.address.clone_from(&manager.address);
        nodes.push(node);
    }
    for worker in &house.manifest.workers {
        nodes.push(node(
            house,
            &worker.hostname,
            &worker.node_id,
            Role::Worker,
            founding.at_ms,
        )?);
    }
    let cluster = cluster(house, founding);
    let actor = Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    };
    Ok((actor, Command::Bootstrap { cluster, nodes }))
}

fn cluster(house: &House, founding: &Founding) -> Cluster {
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
fn node(house: &House, hostname: &str, node_id: &str, role: Role, at_ms: i64) -> Result<Node, Report> {
    let facts = tls(&house.node(hostname))?.facts();
    Ok(Node {
        id: NodeId::new(node_id),
        hostname: hostname.to_owned(),
        role,
        availability: Availability::Active,
        state: if role == Role::Manager {
            NodeState::Ready
        } else {
            NodeState::Unknown
        },
        message: String::new(),
        state_since_ms: at_ms,
        address: String::new(),
        raft_id: 0,
        labels: BTreeMap::new(),
        certificate: Certificate {
            fingerprint: facts.fingerprint,
            not_before_ms: facts.not_before_ms,
            not_after_ms: facts.not_after_ms,
        },
        created_at_ms: at_ms,
        version_index: 0,
    })
}
