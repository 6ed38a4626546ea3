//! When does a worker owe, and when is it quits? The life of a holding.
//!
//! ```text
//! assigned -> Pending -> Present (proven) -> cut: owed -> Erased
//!                     -> Failed           -> cut: owed -> Erased
//!                                         -> owed, and the node is removed -> Unconfirmed
//! ```

use super::audited::Outcome;
use super::step::Step;
use super::version;
use crate::holding::{Holding, HoldingKey, HoldingState};
use crate::ids::{NodeId, TaskId};
use crate::task::SecretFile;

const UNCONFIRMED: &str = "node removed before it confirmed";

pub(super) fn key_of(task: &TaskId, node: &NodeId, file: &SecretFile) -> HoldingKey {
    HoldingKey {
        secret: file.secret.clone(),
        version: file.version,
        node: node.clone(),
        task: task.clone(),
        target: file.target.clone(),
    }
}

/// The files are the node's to fetch: it has given no receipt yet.
pub(super) fn assign(step: &mut Step<'_>, task: &TaskId, node: &NodeId, files: &[SecretFile]) {
    for file in files {
        let key = key_of(task, node, file);
        match step.state.holdings().get(&key) {
            // The same bytes at the same place: a new owner or mode needs no new proof of them.
            Some(holding) if holding.is_live() && !holding.owed => {}
            Some(_) => step.edit_holding(&key, |holding| {
                holding.state = HoldingState::Pending;
                holding.proven = false;
                holding.owed = false;
                holding.message.clear();
            }),
            None => {
                let since_ms = step.now_ms;
                let (state, message) = (HoldingState::Pending, String::new());
                step.insert_holding(
                    key,
                    Holding {
                        state,
                        since_ms,
                        proven: false,
                        owed: false,
                        message,
                    },
                );
            }
        }
    }
}

/// From now on an erasure receipt is missing. A failed write counts: its bytes may be wrong and there all the same.
/// Returns whether the worker owes.
pub(super) fn cut(step: &mut Step<'_>, key: &HoldingKey) -> bool {
    let Some(holding) = step.state.holdings().get(key) else {
        return false;
    };
    if holding.is_live() && !holding.owed {
        step.edit_holding(key, |holding| holding.owed = true);
    }
    step.state.holdings().get(key).is_some_and(|holding| holding.owed)
}

/// Everything the task holds has to go.
pub(super) fn cut_task(step: &mut Step<'_>, task: &TaskId) {
    for key in step.holding_keys_of(task) {
        cut(step, &key);
    }
}

/// The bytes are gone, says the worker; `detail` says how we know.
pub(super) fn erase(step: &mut Step<'_>, key: &HoldingKey, detail: &str) {
    if !step.state.holdings().get(key).is_some_and(Holding::is_live) {
        return;
    }
    step.edit_holding(key, |holding| {
        holding.state = HoldingState::Erased;
        holding.proven = false;
        holding.owed = false;
        holding.message.clear();
    });
    let delivery = step.delivery(key);
    step.audit("secret.erase", delivery, detail);
    settled(step, key);
}

/// Its node is removed and can never answer. Nobody waits for it, and nobody claims that the bytes are gone.
pub(super) fn give_up(step: &mut Step<'_>, key: &HoldingKey) {
    step.edit_holding(key, |holding| {
        holding.state = HoldingState::Unconfirmed;
        holding.proven = false;
        holding.owed = false;
        UNCONFIRMED.clone_into(&mut holding.message);
    });
    let delivery = step.delivery(key);
    let detail = format!("target {}: {UNCONFIRMED}", key.target);
    step.audit_outcome("secret.erase", delivery, Outcome::Failed, detail);
    settled(step, key);
}

/// Nothing is expected of the holding any more: its version may go, and so may the memory of a secret that is gone.
fn settled(step: &mut Step<'_>, key: &HoldingKey) {
    if step.state.secrets().contains_key(&key.secret) {
        version::settle(step, &key.secret, key.version);
    } else {
        step.remove_holding(key);
    }
}

/// The worker never said that it had them: what is still pending, or failed, ended without a trace.
pub(super) fn erase_unconfirmed(step: &mut Step<'_>, task: &TaskId, detail: &str) {
    for key in step.holding_keys_of(task) {
        let state = step.state.holdings().get(&key).map(|holding| holding.state);
        if matches!(state, Some(HoldingState::Pending | HoldingState::Failed)) {
            erase(step, &key, detail);
        }
    }
}
