//! When does every manager write under a fresh DEK? An order says so once, and names why; how far each manager is stands
//! in `manager_keys`.

use std::collections::BTreeMap;

use super::audited::counted;
use super::step::Step;
use crate::keys::{Order, OrderReason, UNFINISHED_ORDERS_MAX};
use crate::refusal::Refusal;
use crate::state::State;

/// An operator wants it.
pub(super) fn demand(step: &mut Step<'_>) -> Result<(), Refusal> {
    check_room(step.state)?;
    let order = give(step, OrderReason::Demand);
    let detail = format!("on demand, {}", owed(step.state, order));
    step.audit("dek.rotate", format!("order {order}"), detail);
    Ok(())
}

/// A manager that stays away for ever must not let the state grow for ever.
pub(super) fn check_room(state: &State) -> Result<(), Refusal> {
    let mut unfinished = state.keys().unfinished_orders();
    let oldest = unfinished.next();
    let orders = unfinished.count() + 1;
    let Some(oldest) = oldest.filter(|_| orders >= UNFINISHED_ORDERS_MAX) else {
        return Ok(());
    };
    let names = state.owing(oldest.number);
    let names = names.iter().filter_map(|id| state.nodes().get(id));
    let owing = names.map(|node| node.hostname.clone()).collect();
    Err(Refusal::OrdersTooMany { orders, owing })
}

/// The caller has checked that there is room, and writes the audit record. Returns the order's number.
pub(super) fn give(step: &mut Step<'_>, reason: OrderReason) -> u64 {
    let number = step.state.keys().last_order.saturating_add(1);
    let order = Order {
        number,
        reason,
        at_ms: step.now_ms,
        index: step.index,
        by: step.actor.name.clone(),
        done: BTreeMap::new(),
        finished_at_ms: 0,
    };
    step.edit_keys(|keys| {
        keys.last_order = number;
        keys.orders.push_back(order);
    });
    number
}

/// `2 managers owe it`.
pub(super) fn owed(state: &State, order: u64) -> String {
    let owing = state.owing(order).len();
    let verb = if owing == 1 { "owes" } else { "owe" };
    format!("{} {verb} it", counted(owing, "manager"))
}

#[cfg(test)]
#[path = "dek_order_tests.rs"]
mod tests;
