//! How far is each manager? Its keys as the leader recorded them, which orders are finished by that, and which unlock
//! keys nobody hangs on any more.

use super::audited::shorten;
use super::node::known;
use super::step::Step;
use crate::ids::NodeId;
use crate::keys::{FINISHED_ORDERS_KEPT, KeyFacts, ManagerKeys, Order};
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn record(step: &mut Step<'_>, id: &NodeId, keys: &ManagerKeys) -> Result<(), Refusal> {
    check(step.state, id, keys)?;
    let at_ms = step.now_ms;
    let keys = ManagerKeys { at_ms, ..keys.clone() };
    if let Some(known) = step.state.keys().managers.get(id)
        && *known
            == (ManagerKeys {
                at_ms: known.at_ms,
                ..keys.clone()
            })
    {
        return Ok(());
    }
    step.edit_keys(|facts| {
        for order in unfinished(facts) {
            if order.number <= keys.order {
                order.done.entry(id.clone()).or_insert(at_ms);
            } else {
                // It began anew, with a keyring that has fulfilled less.
                order.done.remove(id);
            }
        }
        facts.managers.insert(id.clone(), keys);
    });
    settle(step);
    Ok(())
}

/// Nobody is believed to have done what was never asked.
fn check(state: &State, id: &NodeId, keys: &ManagerKeys) -> Result<(), Refusal> {
    let node = known(state, id)?;
    let hostname = || node.hostname.clone();
    if !node.is_in_raft() {
        return Err(Refusal::NotAManager { node: hostname() });
    }
    let unknown = |what: String| Refusal::KeysUnknown { node: hostname(), what };
    if keys.order > state.keys().last_order {
        return Err(unknown(format!("fulfilled DEK order {}", keys.order)));
    }
    // One that nobody keeps yet is on no disk.
    if keys.kek_epoch > state.keys().kept_unlock_key().0 {
        return Err(unknown(format!("an unlock key of epoch {}", keys.kek_epoch)));
    }
    Ok(())
}

/// The node keeps no log any more. The caller calls [`settle`] when the nodes are as they shall be.
pub(super) fn forget(step: &mut Step<'_>, id: &NodeId) {
    if step.state.keys().managers.contains_key(id) {
        step.edit_keys(|facts| {
            facts.managers.remove(id);
            for order in unfinished(facts) {
                order.done.remove(id);
            }
        });
    }
}

fn unfinished(facts: &mut KeyFacts) -> impl Iterator<Item = &mut Order> {
    facts.orders.iter_mut().filter(|order| !order.is_finished())
}

/// What has followed from the managers and their keys as they are now.
pub(super) fn settle(step: &mut Step<'_>) {
    finish_orders(step);
    forget_orders(step);
    forget_unlock_keys(step);
}

fn finish_orders(step: &mut Step<'_>) {
    let orders = step.state.keys().unfinished_orders();
    let paid = orders.filter(|order| step.state.owing(order.number).is_empty());
    let paid: Vec<u64> = paid.map(|order| order.number).collect();
    for number in paid {
        // 0 would say that it is not.
        let now_ms = step.now_ms.max(1);
        step.edit_keys(|facts| {
            if let Some(order) = unfinished(facts).find(|order| order.number == number) {
                order.finished_at_ms = now_ms;
            }
        });
        let detail = step
            .state
            .keys()
            .order(number)
            .map(|order| done_words(step.state, order));
        step.audit("dek.done", format!("order {number}"), detail.unwrap_or_default());
    }
}

/// `db v1 shredded: harbour, opal`.
fn done_words(state: &State, order: &Order) -> String {
    let hosts = order.done.keys().filter_map(|id| state.nodes().get(id));
    let hosts: Vec<&str> = hosts.map(|node| node.hostname.as_str()).collect();
    shorten(&format!("{}: {}", order.reason, hosts.join(", ")), 500)
}

fn forget_orders(step: &mut Step<'_>) {
    let keys = step.state.keys();
    let finished = keys.orders.len() - keys.unfinished_orders().count();
    let mut surplus = finished.saturating_sub(FINISHED_ORDERS_KEPT);
    if surplus > 0 {
        step.edit_keys(|facts| {
            facts.orders.retain(|order| {
                let goes = order.is_finished() && surplus > 0;
                surplus -= usize::from(goes);
                !goes
            });
        });
    }
}

/// A manager is never on an older one than was recorded of it. While one has no record, all of them stay.
fn forget_unlock_keys(step: &mut Step<'_>) {
    let keys = step.state.keys();
    let epochs = step
        .state
        .managers()
        .map(|node| keys.managers.get(&node.id).map(|keys| keys.kek_epoch));
    let Some(oldest) = epochs
        .collect::<Option<Vec<u32>>>()
        .and_then(|epochs| epochs.into_iter().min())
    else {
        return;
    };
    if keys.earlier.first_key_value().is_some_and(|(epoch, _)| *epoch < oldest) {
        step.edit_keys(|facts| facts.earlier = facts.earlier.split_off(&oldest));
    }
}

#[cfg(test)]
#[path = "manager_keys_tests.rs"]
mod tests;
