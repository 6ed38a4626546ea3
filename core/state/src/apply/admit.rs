//! May this machine come in? A token decides, and a key that is known makes it the node it was.

use super::audited::shorten;
use super::node::{check_key, learn_root};
use super::step::Step;
use crate::cluster::JoinToken;
use crate::event::ObjectKey;
use crate::ids::OperatorId;
use crate::node::{Node, NodeState, Role};
use crate::refusal::{Noun, Refusal};
use crate::state::State;
use crate::validate;

pub(super) const VERSION_SHOWN: usize = 64;

pub(super) fn apply(step: &mut Step<'_>, node: &Node, token_digest: &[u8; 32]) -> Result<(), Refusal> {
    check_form(node)?;
    let (role, token) = step.state.token_by_digest(token_digest).ok_or(Refusal::TokenUnknown)?;
    if token.is_expired(step.now_ms) {
        return Err(Refusal::TokenExpired { role });
    }
    check_key(step.state, &node.id, &node.certificate)?;
    if let Some(known) = step.state.node_by_key(&node.certificate.key_fingerprint) {
        check_role(known.desired_role, role, &known.hostname)?;
        rejoin(step, node);
        return Ok(());
    }
    check_role(node.role, role, &node.hostname)?;
    check_unused(role, token)?;
    check_ids(step.state, node)?;
    join(step, node, role);
    Ok(())
}

fn check_form(node: &Node) -> Result<(), Refusal> {
    validate::hostname(&node.hostname)?;
    if node.address.is_empty() {
        return Ok(());
    }
    validate::address(&node.address)
}

fn check_role(node: Role, token: Role, hostname: &str) -> Result<(), Refusal> {
    if node == token {
        return Ok(());
    }
    Err(Refusal::TokenOfOtherRole {
        hostname: shorten(hostname, validate::HOSTNAME_MAX),
        node,
        token,
    })
}

fn check_unused(role: Role, token: &JoinToken) -> Result<(), Refusal> {
    if token.is_used_up() {
        let max_uses = token.max_uses;
        return Err(Refusal::TokenUsedUp { role, max_uses });
    }
    Ok(())
}

fn check_ids(state: &State, node: &Node) -> Result<(), Refusal> {
    let (noun, id) = (Noun::Node, node.id.to_string());
    if state.subject_removed(&id) {
        return Err(Refusal::IdRetired { noun, id });
    }
    let is_an_operator = state.operators().contains_key(&OperatorId::new(id.as_str()));
    if is_an_operator || state.nodes().contains_key(&node.id) {
        return Err(Refusal::IdTaken { noun, id });
    }
    match node.role {
        Role::Manager => check_raft_id(state, node.raft_id),
        Role::Worker if node.raft_id != 0 => Err(Refusal::NodeInvalid {
            problem: "a worker has no Raft id".into(),
        }),
        Role::Worker => Ok(()),
    }
}

/// A manager's Raft id is new: one that voted before and comes back without its log could undo what it confirmed.
pub(super) fn check_raft_id(state: &State, raft_id: u64) -> Result<(), Refusal> {
    if raft_id == 0 {
        return Err(Refusal::RaftIdMissing);
    }
    if state.raft_id_used(raft_id) {
        return Err(Refusal::RaftIdTaken { raft_id });
    }
    Ok(())
}

fn join(step: &mut Step<'_>, node: &Node, role: Role) {
    let now_ms = step.now_ms;
    step.insert_node(Node {
        desired_role: role,
        state: NodeState::Unknown,
        message: "joined".into(),
        state_since_ms: now_ms,
        created_at_ms: now_ms,
        version: shorten(&node.version, VERSION_SHOWN),
        ..node.clone()
    });
    learn_root(step, &node.certificate);
    let uses = count_use(step, role);
    step.audit(
        "node.join",
        &node.hostname,
        format!("as a {role}, with its token{uses}"),
    );
}

/// The cluster's own settings have not changed: its token of concurrency stays.
fn count_use(step: &mut Step<'_>, role: Role) -> String {
    let Some(cluster) = &mut step.state.facts.cluster else {
        return String::new();
    };
    let token = cluster.token_mut(role);
    token.uses = token.uses.saturating_add(1);
    let words = match (token.uses, token.max_uses) {
        (_, 0) => String::new(),
        (uses, most) => format!(" (use {uses} of {most})"),
    };
    step.put(ObjectKey::Cluster);
    words
}

fn rejoin(step: &mut Step<'_>, node: &Node) {
    step.edit_node(&node.id, |known| {
        known.hostname.clone_from(&node.hostname);
        known.address.clone_from(&node.address);
        known.runs_tasks = node.runs_tasks;
        known.version = shorten(&node.version, VERSION_SHOWN);
        known.certificate = node.certificate.clone();
    });
    learn_root(step, &node.certificate);
    step.audit("node.join", &node.hostname, "again, with the key it had");
}

#[cfg(test)]
#[path = "admit_tests.rs"]
mod tests;
