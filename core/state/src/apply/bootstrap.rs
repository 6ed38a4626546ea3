//! How does a cluster begin? Its identity and its first nodes, once.

use std::collections::BTreeSet;

use super::audited::counted;
use super::step::Step;
use crate::cluster::Cluster;
use crate::event::ObjectKey;
use crate::node::{Node, Role};
use crate::refusal::Refusal;

pub(super) fn apply(step: &mut Step<'_>, cluster: &Cluster, nodes: &[Node]) -> Result<(), Refusal> {
    if step.state.cluster().is_some() {
        return Err(Refusal::AlreadyBootstrapped);
    }
    check_members(nodes)?;
    step.state.facts.cluster = Some(Cluster {
        version_index: step.index,
        ..cluster.clone()
    });
    step.put(ObjectKey::Cluster);
    for node in nodes {
        let node = Node {
            version_index: step.index,
            ..node.clone()
        };
        step.put(ObjectKey::Node(node.id.clone()));
        step.state.facts.nodes.insert(node.id.clone(), node);
    }
    let managers = nodes.iter().filter(|node| node.role == Role::Manager).count();
    let workers = counted(nodes.len() - managers, "worker");
    step.audit(
        "cluster.bootstrap",
        &cluster.name,
        format!("{}, {workers}", counted(managers, "manager")),
    );
    Ok(())
}

fn check_members(nodes: &[Node]) -> Result<(), Refusal> {
    let (mut ids, mut raft_ids) = (BTreeSet::new(), BTreeSet::new());
    for node in nodes {
        let invalid = |problem: &str| Refusal::MemberInvalid {
            node: node.hostname.clone(),
            problem: problem.into(),
        };
        if !ids.insert(&node.id) {
            return Err(invalid("another node has its id"));
        }
        match (node.role, node.raft_id) {
            (Role::Manager, 0) => return Err(invalid("a manager needs a Raft id")),
            (Role::Worker, 1..) => return Err(invalid("a worker has no Raft id")),
            (Role::Manager, raft_id) if !raft_ids.insert(raft_id) => {
                return Err(invalid("another manager has its Raft id"));
            }
            _ => {}
        }
    }
    Ok(())
}
