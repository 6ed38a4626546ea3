//! What happens to a node that is gone for good, and to what it still held?

use super::admit::check_raft_id;
use super::audited::counted;
use super::change::orphan;
use super::holding;
use super::manager_keys;
use super::node::{check_key, known};
use super::step::Step;
use crate::holding::HoldingKey;
use crate::ids::{NodeId, TaskId};
use crate::node::{Node, NodeState, Role};
use crate::refusal::{Noun, Refusal};

pub(super) fn remove(step: &mut Step<'_>, id: &NodeId, force: bool) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let (hostname, down) = (node.hostname.clone(), node.state == NodeState::Down);
    if node.is_in_raft() {
        return Err(Refusal::NodeIsManager { node: hostname });
    }
    if !down && !force {
        return Err(Refusal::NodeNotDown { node: hostname });
    }
    let left = bury(step, id);
    let forced = if down { "" } else { ", by force" };
    step.audit("node.rm", hostname, format!("{left}{forced}"));
    Ok(())
}

/// The quorum is lost for good: this manager goes on alone.
pub(super) fn force_new_cluster(step: &mut Step<'_>, survivor: &Node) -> Result<(), Refusal> {
    check_survivor(step, survivor)?;
    let others: Vec<(NodeId, String)> = step
        .state
        .managers()
        .filter(|node| node.id != survivor.id)
        .map(|node| (node.id.clone(), node.hostname.clone()))
        .collect();
    settle_in(step, survivor);
    for (id, hostname) in &others {
        let left = bury(step, id);
        step.audit("node.rm", hostname, format!("{left}, as a new cluster was forced"));
    }
    step.audit(
        "cluster.force-new",
        &survivor.hostname,
        format!("the only manager; {} removed", counted(others.len(), "other manager")),
    );
    manager_keys::settle(step);
    Ok(())
}

fn check_survivor(step: &Step<'_>, survivor: &Node) -> Result<(), Refusal> {
    let (state, id) = (&*step.state, survivor.id.to_string());
    if state.subject_removed(&id) {
        return Err(Refusal::IdRetired { noun: Noun::Node, id });
    }
    check_key(state, &survivor.id, &survivor.certificate)?;
    let keeps = |node: &Node| survivor.raft_id != 0 && node.raft_id == survivor.raft_id;
    match state.nodes().get(&survivor.id) {
        Some(node) if keeps(node) => Ok(()),
        _ => check_raft_id(state, survivor.raft_id),
    }
}

fn settle_in(step: &mut Step<'_>, survivor: &Node) {
    let manager = Node {
        role: Role::Manager,
        desired_role: Role::Manager,
        ..survivor.clone()
    };
    let Some(known) = step.state.nodes().get(&survivor.id).cloned() else {
        return step.insert_node(Node {
            created_at_ms: step.now_ms,
            state_since_ms: step.now_ms,
            ..manager
        });
    };
    let kept = Node {
        availability: known.availability,
        labels: known.labels.clone(),
        created_at_ms: known.created_at_ms,
        version_index: known.version_index,
        ..manager
    };
    if kept == known {
        return;
    }
    if kept.raft_id != known.raft_id {
        // Its storage is new, and so are its keys.
        step.retire_raft_id(known.raft_id);
        manager_keys::forget(step, &known.id);
    }
    step.edit_node(&known.id, |node| *node = kept);
}

/// Removes the node with what it leaves: its tasks are orphans, and nobody waits for its receipts any more.
fn bury(step: &mut Step<'_>, id: &NodeId) -> String {
    let tasks: Vec<TaskId> = step.state.tasks_on(id).map(|task| task.id.clone()).collect();
    let reason = format!("node {} was removed", step.hostname(id));
    for task in &tasks {
        orphan(step, task, &reason);
    }
    let owed = step.state.holdings_on(id).filter(|(_, holding)| holding.is_live());
    let owed: Vec<HoldingKey> = owed.map(|(key, _)| key.clone()).collect();
    for key in &owed {
        holding::give_up(step, key);
    }
    step.remove_node(id);
    manager_keys::forget(step, id);
    let receipts = counted(owed.len(), "erasure receipt");
    format!("{} left, {receipts} never came", counted(tasks.len(), "task"))
}

#[cfg(test)]
#[path = "removal_tests.rs"]
mod tests;
