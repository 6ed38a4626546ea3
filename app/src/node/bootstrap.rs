//! What is an embedded cluster's first change? The facts of its founding and all its nodes, in the words of the state
//! machine.

use std::collections::BTreeMap;

use wardroom_manager::state::command::Command;
use wardroom_manager::state::ids::NodeId;
use wardroom_manager::state::node::{Availability, Node, NodeState, Role};

use super::badge::Badge;
use super::beginning::{Founding, certificate, role};
use super::house::House;

/// The command that names the cluster and all its nodes, with the certificates that they show now.
pub fn first_change(house: &House, founding: &Founding, badges: &[Badge]) -> Command {
    let manifest = &house.manifest;
    let nodes = badges.iter().map(|badge| {
        let mut node = node(badge, founding.at_ms);
        let manager = manifest.managers.iter().find(|entry| entry.node_id == badge.node_id);
        if let Some(manager) = manager {
            node.raft_id = manager.raft_id;
            node.address.clone_from(&manager.address);
        }
        node
    });
    Command::Bootstrap {
        cluster: founding.cluster(&manifest.cluster_id, &manifest.name),
        nodes: nodes.collect(),
    }
}

/// Managers are up when this is committed; a worker is not known to be until it opens its session. Each does one of the
/// two works here, as on machines of their own.
fn node(badge: &Badge, at_ms: i64) -> Node {
    let role = role(badge.role);
    Node {
        id: NodeId::new(&badge.node_id),
        hostname: badge.hostname.clone(),
        role,
        desired_role: role,
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
        runs_tasks: role == Role::Worker,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        labels: BTreeMap::new(),
        certificate: certificate(&badge.tls),
        created_at_ms: at_ms,
        version_index: 0,
    }
}
