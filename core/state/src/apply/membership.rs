//! Who is a manager? The role a node is to have, and the one it has.

use super::admit::check_raft_id;
use super::manager_keys;
use super::node::{check_key, known, take_certificate};
use super::step::Step;
use crate::ids::NodeId;
use crate::node::{Certificate, Node, Role};
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn set_desired_role(step: &mut Step<'_>, id: &NodeId, to: Role, raft_id: u64) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    if node.desired_role == to {
        return Ok(());
    }
    match to {
        Role::Manager => promote(step, id, raft_id),
        Role::Worker => demote(step, id),
    }
}

fn promote(step: &mut Step<'_>, id: &NodeId, raft_id: u64) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let hostname = node.hostname.clone();
    if node.is_in_raft() {
        return Err(Refusal::StillDemoting { node: hostname });
    }
    check_raft_id(step.state, raft_id)?;
    step.edit_node(id, |node| {
        node.desired_role = Role::Manager;
        node.raft_id = raft_id;
    });
    step.audit("node.promote", hostname, "worker -> manager");
    Ok(())
}

/// A promotion that is not through yet is called off. Raft may have the node already, even with a vote, so that it stays
/// in the consensus until [`set_role`] says that it has left.
fn demote(step: &mut Step<'_>, id: &NodeId) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let (hostname, is_manager) = (node.hostname.clone(), node.role == Role::Manager);
    if is_manager && !has_other_manager(step.state, node) {
        return Err(Refusal::LastManager);
    }
    step.edit_node(id, |node| node.desired_role = Role::Worker);
    let detail = if is_manager {
        "manager -> worker"
    } else {
        "its promotion is called off"
    };
    step.audit("node.demote", hostname, detail);
    Ok(())
}

/// One that is promoted but not there yet cannot keep the cluster.
fn has_other_manager(state: &State, node: &Node) -> bool {
    state
        .nodes()
        .values()
        .any(|other| other.id != node.id && other.role == Role::Manager && other.desired_role == Role::Manager)
}

pub(super) fn set_role(
    step: &mut Step<'_>,
    id: &NodeId,
    to: Role,
    certificate: Option<&Certificate>,
) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let (hostname, from, desired, raft_id) = (node.hostname.clone(), node.role, node.desired_role, node.raft_id);
    if to != desired {
        return Err(Refusal::RoleNotDesired {
            node: hostname,
            desired,
        });
    }
    if let Some(certificate) = certificate {
        check_key(step.state, id, certificate)?;
    }
    let leaves = to == Role::Worker && raft_id != 0;
    if from != to || leaves {
        step.edit_node(id, |node| {
            node.role = to;
            if leaves {
                node.raft_id = 0;
                node.address.clear();
            }
        });
        if leaves {
            step.retire_raft_id(raft_id);
        }
        let detail = if from == to {
            "a worker still; it takes no part in the consensus".to_owned()
        } else {
            format!("{from} -> {to}")
        };
        step.audit("node.role", hostname, detail);
        if leaves {
            manager_keys::forget(step, id);
            manager_keys::settle(step);
        }
    }
    if let Some(certificate) = certificate {
        take_certificate(step, id, certificate);
    }
    Ok(())
}

#[cfg(test)]
#[path = "membership_tests.rs"]
mod tests;
