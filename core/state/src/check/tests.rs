//! Is every broken invariant named? One thing is broken at a time.

use super::*;
use crate::cluster::{Cluster, RetiringRoot};
use crate::ids::{NodeId, OperatorId, SecretId, TaskId};
use crate::keys::ManagerKeys;
use crate::node::{Certificate, Node, Role, Tombstone};
use crate::operator::{Operator, OperatorRole};
use crate::script::{Script, keep, lock, record, secret, service_id};
use crate::service::{RunSpec, UpdateStatus};
use crate::state::Facts;

/// Breaks one thing and expects it to be named.
fn check(break_it: impl FnOnce(&mut Facts), words: &str) {
    let mut facts = Script::with_web(&["db"]).state.facts;
    break_it(&mut facts);
    let broken = State::from_facts(1, facts).check();
    assert!(
        broken.iter().any(|line| line.contains(words)),
        "{words:?} is not in {broken:?}"
    );
}

fn db(facts: &mut Facts) -> &mut Secret {
    facts.secrets.get_mut(&secret("db")).unwrap()
}

fn web(facts: &mut Facts) -> &mut Service {
    facts.services.get_mut(&service_id("web")).unwrap()
}

fn task(facts: &mut Facts) -> &mut Task {
    facts.tasks.get_mut(&TaskId::new("t1")).unwrap()
}

#[test]
fn every_broken_invariant_is_named() {
    check(|facts| db(facts).current = Some(2), "has no version Some(2)");
    check(|facts| db(facts).current = None, "v1 is Current");
    check(
        |facts| db(facts).versions.get_mut(&1).unwrap().state = VersionState::Revoked,
        "does not say so",
    );
    check(
        |facts| db(facts).versions.get_mut(&1).unwrap().state = VersionState::Revoked,
        "waits for nothing",
    );
    check(
        |facts| db(facts).versions.get_mut(&1).unwrap().sealed = None,
        "does not say so",
    );
    check(|facts| facts.secrets.clear(), "a grant to a missing secret");
    check(
        |facts| {
            let twin = Secret {
                id: SecretId::new("other"),
                name: "DB".into(),
                ..db(facts).clone()
            };
            facts.secrets.insert(twin.id.clone(), twin);
        },
        "two secrets are called db",
    );
    check(|facts| facts.services.clear(), "has no service");
    check(|facts| task(facts).node = Some(NodeId::new("n9")), "missing node");
    check(|facts| task(facts).files.clear(), "nobody wants it, not owed");
    check(|facts| task(facts).files[0].version = 3, "missing version");
    check(|facts| facts.holdings.clear(), "has no holding");
    check(
        |facts| facts.holdings.values_mut().for_each(|holding| holding.proven = true),
        "proven, not there",
    );
    check(|facts| facts.tasks.clear(), "the task is missing");
    check(|facts| task(facts).generation = 2, "has no run spec of generation 2");
    check(
        |facts| drop(web(facts).earlier.insert(0, RunSpec::default())),
        "generations without tasks: {0}",
    );
    check(
        |facts| drop(web(facts).earlier.insert(2, RunSpec::default())),
        "a later generation",
    );
    check(
        |facts| {
            web(facts).update_status = Some(UpdateStatus {
                state: UpdateState::Completed,
                started_at_ms: 1,
                completed_at_ms: 0,
                message: String::new(),
            });
        },
        "over at the wrong time",
    );
    check(|facts| facts.audit[1].detail.push('!'), "broken at record 2");
    check(|facts| drop(facts.audit.pop_back()), "the audit's length");
    check(
        |facts| drop(facts.audit.pop_front()),
        "audit records are kept instead of",
    );
}

#[test]
fn indexes_are_compared_with_the_facts() {
    let mut state = Script::with_web(&["db"]).state;
    state.derived.secret_names.clear();
    assert_eq!(state.check(), ["the indexes differ from the facts"]);
}

fn member<'a>(facts: &'a mut Facts, id: &str) -> &'a mut Node {
    facts.nodes.get_mut(&NodeId::new(id)).unwrap()
}

fn cluster(facts: &mut Facts) -> &mut Cluster {
    facts.cluster.as_mut().unwrap()
}

#[test]
fn members_that_do_not_fit_are_named() {
    check(
        |facts| member(facts, "n1").desired_role = Role::Manager,
        "has no Raft id",
    );
    check(|facts| member(facts, "m1").raft_id = 0, "has no Raft id");
    check(
        |facts| {
            let twin = Node {
                id: NodeId::new("m2"),
                ..member(facts, "m1").clone()
            };
            facts.nodes.insert(twin.id.clone(), twin);
        },
        "two nodes have the Raft id 1",
    );
    check(
        |facts| {
            facts.retired_raft_ids.insert(1);
        },
        "a Raft id that was another's",
    );
    check(
        |facts| {
            for id in ["n1", "n2"] {
                member(facts, id).certificate.key_fingerprint = "key".into();
            }
        },
        "has another node's key",
    );
    check(
        |facts| member(facts, "m1").desired_role = Role::Worker,
        "no manager is left",
    );
    check(
        |facts| drop(facts.nodes.remove(&NodeId::new("n1"))),
        "on a missing node",
    );
    check(|facts| drop(facts.nodes.remove(&NodeId::new("n1"))), "cannot answer");
    check(
        |facts| {
            for holding in facts.holdings.values_mut() {
                holding.state = HoldingState::Unconfirmed;
            }
        },
        "given up, and its node is there",
    );
}

#[test]
fn graves_tokens_and_roots_are_compared() {
    let bury = |facts: &mut Facts, filed: &str, id: &str, raft_id: u64| {
        let tombstone = Tombstone {
            id: id.into(),
            name: String::new(),
            raft_id,
            removed_at_ms: 0,
        };
        facts.removed.insert(filed.into(), tombstone);
    };
    check(
        |facts| bury(facts, "n1", "n1", 0),
        "node ember was removed and is there",
    );
    check(
        |facts| bury(facts, "a", "b", 0),
        "the removed a is filed under another id",
    );
    check(|facts| bury(facts, "a", "a", 9), "could come back");
    check(
        |facts| cluster(facts).manager_token.digest = [1; 32],
        "for managers and for workers",
    );
    check(
        |facts| {
            let token = &mut cluster(facts).worker_token;
            (token.uses, token.max_uses) = (3, 2);
        },
        "more often than it may be",
    );
    check(
        |facts| {
            let root = RetiringRoot {
                certificate: String::new(),
                fingerprint: "00".into(),
                key_id: String::new(),
                cross_signed: String::new(),
                since_ms: 0,
            };
            cluster(facts).retiring.push(root);
        },
        "the root 00 is there twice",
    );
    let operator = |id: &str, name: &str| Operator {
        id: OperatorId::new(id),
        name: name.into(),
        role: OperatorRole::Admin,
        certificate: Certificate::default(),
        created_at_ms: 0,
        created_by: String::new(),
        version_index: 0,
    };
    let add = |facts: &mut Facts, operator: Operator| {
        facts.operators.insert(operator.id.clone(), operator);
    };
    check(
        |facts| {
            add(facts, operator("o1", "ada"));
            add(facts, operator("o2", "ADA"));
        },
        "two operators are called ADA",
    );
    check(
        |facts| add(facts, operator("n1", "ada")),
        "operator ada has a node's id",
    );
    check(
        |facts| {
            bury(facts, "o1", "o1", 0);
            add(facts, operator("o1", "ada"));
        },
        "operator ada was removed and is there",
    );
}

/// Locked under the unlock key of epoch 3, with order 1 finished and order 2 owed.
fn check_keys(break_it: impl FnOnce(&mut Facts), words: &str) {
    let mut script = Script::new();
    script.play(lock(2));
    script.play(keep(2));
    script.play(record("m1", 2, 1));
    script.play(lock(3));
    script.play(keep(3));
    let mut facts = script.state.facts;
    break_it(&mut facts);
    let broken = State::from_facts(1, facts).check();
    assert!(
        broken.iter().any(|line| line.contains(words)),
        "{words:?} is not in {broken:?}"
    );
}

/// What harbour said of its keys.
fn told(facts: &mut Facts) -> &mut ManagerKeys {
    facts.keys.managers.get_mut(&NodeId::new("m1")).unwrap()
}

#[test]
fn keys_that_do_not_fit_are_named() {
    check_keys(|facts| facts.keys.unlock_key = None, "no unlock key is known");
    check_keys(
        |facts| facts.keys.unlock_key.as_mut().unwrap().sealed = Vec::new().into(),
        "the unlock key of epoch 3 was never made",
    );
    for epoch in [1, 3] {
        check_keys(
            |facts| {
                facts.keys.earlier.insert(epoch, vec![1].into());
            },
            &format!("the unlock key of epoch {epoch} is no earlier one"),
        );
    }
    check_keys(
        |facts| told(facts).kek_epoch = 3,
        "nobody hangs on the unlock key of epoch 2 any more",
    );
    check_keys(|facts| told(facts).kek_epoch = 4, "done what nobody asked");
    check_keys(|facts| told(facts).order = 9, "done what nobody asked");
    check_keys(
        |facts| told(facts).order = 2,
        "nobody owes order 2, and it is not finished",
    );
    check_keys(
        |facts| {
            let told = told(facts).clone();
            facts.keys.managers.insert(NodeId::new("n1"), told);
        },
        "keys of n1, which is no manager",
    );
    check_keys(|facts| facts.keys.orders.swap(0, 1), "the orders are out of order");
    check_keys(|facts| facts.keys.last_order = 1, "can be given again");
    check_keys(
        |facts| {
            facts.keys.orders[1].done.insert(NodeId::new("m1"), 1);
        },
        "order 2 is done by others",
    );
    check_keys(
        |facts| {
            let finished = facts.keys.orders[0].clone();
            facts.keys.orders.extend(vec![finished; 16]);
        },
        "17 finished and 1 unfinished orders are too many",
    );
}
