//! Do the managers' keys fit together? The unlock keys, the orders, and what each manager has done.

use super::Broken;
use crate::ids::NodeId;
use crate::keys::{FINISHED_ORDERS_KEPT, FIRST_UNLOCK_KEY, KeyFacts, Order, UNFINISHED_ORDERS_MAX};
use crate::state::State;

pub(super) fn check(state: &State, broken: &mut Broken) {
    let keys = state.keys();
    let locks = state.cluster().is_some_and(|cluster| cluster.autolock);
    broken.unless(!locks || keys.unlock_key.is_some(), || {
        "autolock is on and no unlock key is known".into()
    });
    check_unlock_keys(state, keys, broken);
    check_orders(keys, broken);
    for order in keys.unfinished_orders() {
        check_unfinished(state, keys, order, broken);
    }
    for (id, manager) in &keys.managers {
        let in_raft = state.nodes().get(id).is_some_and(crate::node::Node::is_in_raft);
        broken.unless(in_raft, || format!("keys of {id}, which is no manager, are remembered"));
        let asked = manager.order <= keys.last_order && manager.kek_epoch <= keys.kept_unlock_key().0;
        broken.unless(asked, || format!("{id} has done what nobody asked of it"));
    }
}

fn check_unlock_keys(state: &State, keys: &KeyFacts, broken: &mut Broken) {
    if let Some(record) = &keys.unlock_key {
        let made = record.epoch > FIRST_UNLOCK_KEY && !record.sealed.is_empty();
        broken.unless(made, || {
            format!("the unlock key of epoch {} was never made", record.epoch)
        });
    }
    let epochs = state
        .managers()
        .map(|node| keys.managers.get(&node.id).map(|keys| keys.kek_epoch));
    let oldest = epochs.min().flatten().unwrap_or(FIRST_UNLOCK_KEY);
    for epoch in keys.earlier.keys() {
        broken.unless(*epoch < keys.unlock_epoch() && *epoch > FIRST_UNLOCK_KEY, || {
            format!("the unlock key of epoch {epoch} is no earlier one")
        });
        broken.unless(*epoch >= oldest, || {
            format!("nobody hangs on the unlock key of epoch {epoch} any more")
        });
    }
}

fn check_orders(keys: &KeyFacts, broken: &mut Broken) {
    let numbers: Vec<u64> = keys.orders.iter().map(|order| order.number).collect();
    let ascend = numbers.windows(2).all(|pair| pair[0] < pair[1]);
    broken.unless(ascend, || "the orders are out of order".into());
    let given = numbers.last().is_none_or(|newest| *newest <= keys.last_order);
    broken.unless(given, || "an order's number can be given again".into());
    let unfinished = keys.unfinished_orders().count();
    let finished = numbers.len() - unfinished;
    broken.unless(
        finished <= FINISHED_ORDERS_KEPT && unfinished <= UNFINISHED_ORDERS_MAX,
        || format!("{finished} finished and {unfinished} unfinished orders are too many"),
    );
}

fn check_unfinished(state: &State, keys: &KeyFacts, order: &Order, broken: &mut Broken) {
    let number = order.number;
    broken.unless(!state.owing(number).is_empty(), || {
        format!("nobody owes order {number}, and it is not finished")
    });
    let fulfilled = keys.managers.iter().filter(|(_, manager)| manager.order >= number);
    let fulfilled: Vec<&NodeId> = fulfilled.map(|(id, _)| id).collect();
    broken.unless(order.done.keys().eq(fulfilled), || {
        format!("order {number} is done by others than those that have done it")
    });
}
