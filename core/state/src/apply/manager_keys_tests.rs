//! Does the cluster know who has done what, and forget whoever is gone?

use crate::command::Command;
use crate::ids::NodeId;
use crate::keys::FINISHED_ORDERS_KEPT;
use crate::node::Role;
use crate::script::{Script, admit, desire_role, expect, joiner, keep, lock, record, set_role};

/// Harbour and onyx.
fn two_managers() -> Script {
    let mut script = Script::new();
    script.play(admit(&joiner("m2", "onyx", 7), 2));
    script
}

fn owing(script: &Script, order: u64) -> Vec<String> {
    let owing = script.state.owing(order);
    owing.iter().map(ToString::to_string).collect()
}

#[test]
fn an_order_is_finished_by_the_last_who_owes_it() {
    let mut script = two_managers();
    script.play(Command::OrderDek);
    script.play(Command::OrderDek);
    expect(&script.play(record("m1", 1, 0)), "cluster");
    // The same again tells nothing new.
    expect(&script.play(record("m1", 1, 0)), "");
    assert_eq!(owing(&script, 1), ["m1", "m2"]);
    expect(&script.play(record("m1", 1, 2)), "cluster");
    assert_eq!(owing(&script, 2), ["m2"]);
    assert_eq!(script.state.keys().order(1).unwrap().done[&NodeId::new("m1")], 1_007);
    expect(
        &script.play(record("m2", 1, 1)),
        "cluster\ndek.done order 1 [ok] on demand: harbour, onyx",
    );
    assert_eq!(script.state.keys().order(1).unwrap().finished_at_ms, 1_008);
    assert_eq!(owing(&script, 2), ["m2"]);
    let keys = &script.state.keys().managers[&NodeId::new("m2")];
    assert_eq!((keys.dek_epoch, keys.order, keys.at_ms), (2, 1, 1_008));
}

#[test]
fn who_begins_anew_owes_again() {
    let mut script = two_managers();
    script.play(Command::OrderDek);
    script.play(record("m1", 1, 1));
    script.play(record("m1", 1, 0));
    assert_eq!(owing(&script, 1), ["m1", "m2"]);
    assert!(script.state.keys().order(1).unwrap().done.is_empty());
}

#[test]
fn nobody_has_done_what_was_never_asked() {
    let mut script = two_managers();
    expect(
        &script.play(record("m1", 1, 1)),
        "Conflict: node harbour says it has fulfilled DEK order 1, which this cluster never gave; look at that node",
    );
    expect(
        &script.play(record("m1", 2, 0)),
        "Conflict: node harbour says it has an unlock key of epoch 2, which this cluster never gave; look at that node",
    );
    script.play(lock(2));
    expect(
        &script.play(record("m1", 2, 0)),
        "Conflict: node harbour says it has an unlock key of epoch 2, which this cluster never gave; look at that node",
    );
    expect(
        &script.play(record("n1", 1, 0)),
        "Conflict: node ember is not a manager and keeps no keys; plan again",
    );
    expect(&script.play(record("n9", 1, 0)), "NotFound: node n9 not found");
}

#[test]
fn a_manager_that_leaves_owes_nothing_and_one_that_comes_back_begins_anew() {
    let mut script = two_managers();
    script.play(lock(2));
    script.play(keep(2));
    script.play(record("m1", 2, 1));
    script.play(record("m2", 1, 0));
    script.play(desire_role("m2", Role::Worker, 0));
    assert_eq!(owing(&script, 1), ["m2"]);
    expect(
        &script.play(set_role("m2", Role::Worker)),
        "cluster
         node m2
         node.role onyx [ok] manager -> worker
         dek.done order 1 [ok] autolock was turned on: harbour",
    );
    assert!(!script.state.keys().managers.contains_key(&NodeId::new("m2")));
    // A finished order stays so, whoever comes.
    script.play(desire_role("m2", Role::Manager, 8));
    assert!(owing(&script, 1).is_empty());
    // One on its way has a log already.
    script.play(Command::OrderDek);
    assert_eq!(owing(&script, 2), ["m1", "m2"]);
}

#[test]
fn a_forced_cluster_waits_for_nobody_who_was_left_behind() {
    let mut script = two_managers();
    script.play(Command::OrderDek);
    script.play(record("m1", 1, 1));
    let survivor = script.state.nodes()[&NodeId::new("m1")].clone();
    expect(
        &script.play(Command::ForceNewCluster { node: survivor }),
        "cluster
         -node m2
         node.rm onyx [ok] 0 tasks left, 0 erasure receipts never came, as a new cluster was forced
         cluster.force-new harbour [ok] the only manager; 1 other manager removed
         dek.done order 1 [ok] on demand: harbour",
    );
    script.play(Command::OrderDek);
    // On new storage its old keys are gone: what they had fulfilled counts no more.
    let mut renewed = script.state.nodes()[&NodeId::new("m1")].clone();
    renewed.raft_id = 9;
    script.play(record("m1", 1, 1));
    script.play(Command::ForceNewCluster { node: renewed });
    assert!(script.state.keys().managers.is_empty());
    assert_eq!(owing(&script, 2), ["m1"]);
}

#[test]
fn finished_orders_are_forgotten_before_unfinished_ones() {
    let mut script = two_managers();
    let most = FINISHED_ORDERS_KEPT as u64;
    for _ in 0..most + 3 {
        script.play(Command::OrderDek);
    }
    script.play(record("m1", 1, most + 3));
    script.play(record("m2", 1, most + 2));
    let numbers: Vec<u64> = script.state.keys().orders.iter().map(|order| order.number).collect();
    assert_eq!(numbers, (3..=most + 3).collect::<Vec<_>>());
    assert_eq!(owing(&script, most + 3), ["m2"]);
}
