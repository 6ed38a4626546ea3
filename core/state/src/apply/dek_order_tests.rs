//! Is an order given once, numbered, and refused when too many wait?

use crate::command::Command;
use crate::keys::{OrderReason, UNFINISHED_ORDERS_MAX};
use crate::script::{Script, expect, lock, record};

#[test]
fn an_order_names_its_reason_and_who_owes_it() {
    let mut script = Script::new();
    let before = script.state.cluster().unwrap().version_index;
    expect(
        &script.play(Command::OrderDek),
        "cluster\ndek.rotate order 1 [ok] on demand, 1 manager owes it",
    );
    let order = script.state.keys().order(1).unwrap();
    assert_eq!(
        (order.reason.clone(), order.index, order.at_ms),
        (OrderReason::Demand, 2, 1_002)
    );
    assert_eq!((order.by.as_str(), order.is_finished()), ("admin:root", false));
    // The cluster's settings are what they were: a plan made with them holds.
    assert_eq!(script.state.cluster().unwrap().version_index, before);
    script.play(Command::OrderDek);
    assert_eq!(script.state.keys().last_order, 2);
    assert!(script.state.keys().order(3).is_none() && script.state.owing(3).is_empty());
}

#[test]
fn orders_do_not_pile_up_behind_a_manager_that_stays_away() {
    let mut script = Script::new();
    for _ in 0..UNFINISHED_ORDERS_MAX {
        script.play(Command::OrderDek);
    }
    let full = format!(
        "Precondition: {UNFINISHED_ORDERS_MAX} DEK rotations wait for harbour; start these managers, or demote and \
         remove them"
    );
    expect(&script.play(Command::OrderDek), &full);
    expect(&script.play(lock(2)), &full);
    // One word pays for all of them.
    script.play(record("m1", 1, UNFINISHED_ORDERS_MAX as u64));
    assert_eq!(script.state.keys().unfinished_orders().count(), 0);
    expect(
        &script.play(Command::OrderDek),
        "cluster\ndek.rotate order 257 [ok] on demand, 1 manager owes it",
    );
}
