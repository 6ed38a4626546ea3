//! Do the members fit together? Nodes, operators, what was removed, tokens and roots.

use std::collections::BTreeSet;

use super::Broken;
use crate::cluster::{Cluster, JoinToken};
use crate::node::{Node, Role};
use crate::state::State;

pub(super) fn check(state: &State, broken: &mut Broken) {
    let mut seen = Seen::default();
    for (id, node) in state.nodes() {
        broken.unless(*id == node.id, || format!("node {id} is filed under another id"));
        check_node(state, node, &mut seen, broken);
    }
    check_operators(state, broken);
    check_removed(state, broken);
    if let Some(cluster) = state.cluster() {
        check_tokens(cluster, broken);
        check_roots(cluster, broken);
        let keeps = |node: &Node| node.role == Role::Manager && node.desired_role == Role::Manager;
        broken.unless(state.nodes().values().any(keeps), || "no manager is left".into());
    }
}

/// What no two nodes share.
#[derive(Default)]
struct Seen<'a> {
    raft_ids: BTreeSet<u64>,
    keys: BTreeSet<&'a str>,
}

fn check_node<'a>(state: &State, node: &'a Node, seen: &mut Seen<'a>, broken: &mut Broken) {
    let name = &node.hostname;
    let is_worker = node.role == Role::Worker && node.desired_role == Role::Worker;
    broken.unless(is_worker || node.raft_id != 0, || {
        format!("node {name} is to be a manager and has no Raft id")
    });
    broken.unless(node.raft_id == 0 || seen.raft_ids.insert(node.raft_id), || {
        format!("two nodes have the Raft id {}", node.raft_id)
    });
    broken.unless(!state.facts.retired_raft_ids.contains(&node.raft_id), || {
        format!("node {name} has a Raft id that was another's")
    });
    let key = node.certificate.key_fingerprint.as_str();
    broken.unless(key.is_empty() || seen.keys.insert(key), || {
        format!("node {name} has another node's key")
    });
    broken.unless(!state.subject_removed(node.id.as_str()), || {
        format!("node {name} was removed and is there")
    });
}

fn check_operators(state: &State, broken: &mut Broken) {
    let mut names = BTreeSet::new();
    for (id, operator) in state.operators() {
        let name = &operator.name;
        broken.unless(*id == operator.id, || {
            format!("operator {id} is filed under another id")
        });
        broken.unless(names.insert(name.to_lowercase()), || {
            format!("two operators are called {name}")
        });
        broken.unless(!state.subject_removed(id.as_str()), || {
            format!("operator {name} was removed and is there")
        });
        let is_a_node = state.nodes().keys().any(|node| node.as_str() == id.as_str());
        broken.unless(!is_a_node, || format!("operator {name} has a node's id"));
    }
}

fn check_removed(state: &State, broken: &mut Broken) {
    for (id, tombstone) in state.removed() {
        broken.unless(*id == tombstone.id, || {
            format!("the removed {id} is filed under another id")
        });
        let retired = tombstone.raft_id == 0 || state.facts.retired_raft_ids.contains(&tombstone.raft_id);
        broken.unless(retired, || format!("the Raft id of the removed {id} could come back"));
    }
}

fn check_tokens(cluster: &Cluster, broken: &mut Broken) {
    let (worker, manager) = (&cluster.worker_token, &cluster.manager_token);
    broken.unless(!worker.is(&manager.digest), || {
        "one join token is for managers and for workers".into()
    });
    let within = |token: &JoinToken| token.max_uses == 0 || token.uses <= token.max_uses;
    broken.unless(within(worker) && within(manager), || {
        "a join token was used more often than it may be".into()
    });
}

fn check_roots(cluster: &Cluster, broken: &mut Broken) {
    let mut fingerprints = BTreeSet::from([&cluster.root_fingerprint]);
    for root in &cluster.retiring {
        broken.unless(fingerprints.insert(&root.fingerprint), || {
            format!("the root {} is there twice", root.fingerprint)
        });
    }
}
