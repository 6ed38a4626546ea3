//! What is a worker believed? Its word about its own tasks and files, and nothing else: an item that names another
//! node's task, or a file it was never given, is passed over, so that a taken-over worker cannot speak for others.

use std::collections::BTreeSet;

use super::audited::{Outcome, shorten};
use super::holding::{cut_task, erase, erase_unconfirmed, key_of};
use super::node;
use super::step::Step;
use super::version;
use crate::command::{Receipt, TaskReport};
use crate::holding::{Holding, HoldingKey, HoldingState};
use crate::ids::{NodeId, TaskId};
use crate::refusal::Refusal;
use crate::task::{Task, TaskState, TaskStatus};

const MISMATCH: &str = "the bytes read back are not this version's";

pub(super) fn apply(
    step: &mut Step<'_>,
    node: &NodeId,
    tasks: &[TaskReport],
    receipts: &[Receipt],
    inventory: bool,
) -> Result<(), Refusal> {
    node::known(step.state, node)?;
    let (stuck, others): (Vec<&Receipt>, Vec<&Receipt>) = receipts.iter().partition(|receipt| is_stuck(receipt, tasks));
    for receipt in others {
        take_receipt(step, node, receipt);
    }
    if inventory {
        sweep(step, node, receipts);
    }
    for report in tasks {
        take_status(step, node, report);
    }
    // The end has settled what was never there: what failed and is not settled by now is still there.
    for receipt in stuck {
        take_receipt(step, node, receipt);
    }
    for receipt in receipts.iter().filter(|receipt| receipt.state == HoldingState::Erased) {
        expect_again(step, &key_in(node, receipt));
    }
    Ok(())
}

/// A worker without a manager for a whole lease erases what it is still to have. It will be delivered again: from now on
/// nobody can say that it is not there, and who revokes it waits for another receipt.
fn expect_again(step: &mut Step<'_>, key: &HoldingKey) {
    let is_erased = |holding: &Holding| holding.state == HoldingState::Erased;
    if step.state.holdings().get(key).is_some_and(is_erased) && is_claimed(step, key) {
        step.edit_holding(key, |holding| holding.state = HoldingState::Pending);
    }
}

/// It is to come, again or for the first time: that it is not there is no news, however often it is said.
fn is_on_its_way(step: &Step<'_>, key: &HoldingKey) -> bool {
    let pending = |holding: &Holding| holding.state == HoldingState::Pending && !holding.owed;
    step.state.holdings().get(key).is_some_and(pending) && is_claimed(step, key)
}

/// A failure that may be about an erasure. A task that was rejected failed to get its files, and has none.
fn is_stuck(receipt: &Receipt, tasks: &[TaskReport]) -> bool {
    let rejected = |report: &TaskReport| report.task == receipt.task && report.state == TaskState::Rejected;
    receipt.state == HoldingState::Failed && !tasks.iter().any(rejected)
}

fn take_receipt(step: &mut Step<'_>, node: &NodeId, receipt: &Receipt) {
    let key = key_in(node, receipt);
    if !step.state.holdings().contains_key(&key) {
        return;
    }
    // Of a secret that is gone only the erasure is news: nobody can tell its bytes any more.
    let known = step.state.secrets().contains_key(&key.secret);
    match receipt.state {
        HoldingState::Pending | HoldingState::Unconfirmed => {}
        HoldingState::Present | HoldingState::Failed if !known => {}
        HoldingState::Erased if is_on_its_way(step, &key) => {}
        HoldingState::Erased => erase(step, &key, &erased_words(&key, &receipt.message)),
        HoldingState::Failed => failed(step, &key, &shorten(&receipt.message, 500)),
        HoldingState::Present if proves(step, &key, receipt) => present(step, &key),
        HoldingState::Present => failed(step, &key, MISMATCH),
    }
}

fn key_in(node: &NodeId, receipt: &Receipt) -> HoldingKey {
    HoldingKey {
        secret: receipt.secret.clone(),
        version: receipt.version,
        node: node.clone(),
        task: receipt.task.clone(),
        target: receipt.target.clone(),
    }
}

fn proves(step: &Step<'_>, key: &HoldingKey, receipt: &Receipt) -> bool {
    let version = step
        .state
        .secrets()
        .get(&key.secret)
        .and_then(|secret| secret.versions.get(&key.version));
    version.is_some_and(|version| receipt.digest == Some(version.receipt_digest))
}

fn present(step: &mut Step<'_>, key: &HoldingKey) {
    let Some(holding) = step.state.holdings().get(key) else {
        return;
    };
    if holding.state == HoldingState::Present && holding.proven {
        return;
    }
    let claimed = is_claimed(step, key);
    step.edit_holding(key, |holding| {
        holding.state = HoldingState::Present;
        holding.proven = true;
        holding.owed |= !claimed;
        holding.message.clear();
    });
    reopen(step, key);
    let delivery = step.delivery(key);
    step.audit("secret.deliver", delivery, format!("{}, proven", target_words(key)));
    replaced_unseen(step, key);
}

fn failed(step: &mut Step<'_>, key: &HoldingKey, message: &str) {
    let Some(holding) = step.state.holdings().get(key) else {
        return;
    };
    let task = step.state.tasks().get(&key.task);
    let ended_without = !holding.is_live() && task.is_none_or(|task| task.status.state.is_final());
    let told = holding.state == HoldingState::Failed && holding.message == message;
    if told || ended_without {
        return;
    }
    let claimed = is_claimed(step, key);
    step.edit_holding(key, |holding| {
        holding.state = HoldingState::Failed;
        holding.proven = false;
        holding.owed |= !claimed;
        message.clone_into(&mut holding.message);
    });
    reopen(step, key);
    let delivery = step.delivery(key);
    let detail = format!("{}: {message}", target_words(key));
    step.audit_outcome("secret.deliver", delivery, Outcome::Failed, detail);
}

/// A worker that has again what it had erased owes again, and the version is not gone after all.
fn reopen(step: &mut Step<'_>, key: &HoldingKey) {
    if step.state.holdings().get(key).is_some_and(|holding| holding.owed) {
        version::reopen(step, &key.secret, key.version);
    }
}

/// A version that was assigned and cut before the worker ever saw it gives no receipt of its own. Another version at
/// the same target shows that it is not there.
fn replaced_unseen(step: &mut Step<'_>, now_there: &HoldingKey) {
    let unseen = step.state.holdings_of_task(&now_there.task).filter(|(key, holding)| {
        let other = key.target == now_there.target && *key != now_there;
        other && holding.state == HoldingState::Pending && holding.owed
    });
    let keys: Vec<HoldingKey> = unseen.map(|(key, _)| key.clone()).collect();
    for key in keys {
        erase(
            step,
            &key,
            &format!("{}, replaced before it arrived", target_words(&key)),
        );
    }
}

/// The receipts that say Present are all this worker has; what it failed to erase is there too.
fn sweep(step: &mut Step<'_>, node: &NodeId, receipts: &[Receipt]) {
    let there = |state| matches!(state, HoldingState::Present | HoldingState::Failed);
    let present = receipts.iter().filter(|receipt| there(receipt.state));
    let named: BTreeSet<HoldingKey> = present.map(|receipt| key_in(node, receipt)).collect();
    let missing = step
        .state
        .holdings_on(node)
        .filter(|(key, holding)| holding.is_live() && !named.contains(key));
    let missing: Vec<HoldingKey> = missing.map(|(key, _)| key.clone()).collect();
    for key in missing {
        let claimed = is_claimed(step, &key);
        let unseen = step
            .state
            .holdings()
            .get(&key)
            .is_some_and(|holding| holding.state == HoldingState::Pending);
        if claimed && unseen {
            continue;
        }
        erase(
            step,
            &key,
            &format!("{}, not in the worker's inventory", target_words(&key)),
        );
        if claimed {
            // Gone and wanted: it will be delivered again.
            step.edit_holding(&key, |holding| holding.state = HoldingState::Pending);
        }
    }
}

fn is_claimed(step: &Step<'_>, key: &HoldingKey) -> bool {
    let task = step.state.tasks().get(&key.task).filter(|task| task.is_live());
    task.is_some_and(|task| task.files.iter().any(|file| key_of(&key.task, &key.node, file) == *key))
}

fn take_status(step: &mut Step<'_>, node: &NodeId, report: &TaskReport) {
    let Some(task) = step.state.tasks().get(&report.task) else {
        return;
    };
    if task.node.as_ref() != Some(node) || !is_news(task, report.state) {
        return;
    }
    let moved = report.state != task.status.state;
    let status = TaskStatus {
        state: report.state,
        since_ms: if moved { step.now_ms } else { task.status.since_ms },
        running_since_ms: if moved && report.state == TaskState::Running && !step.earlier {
            step.now_ms
        } else {
            task.status.running_since_ms
        },
        message: shorten(&report.message, 500),
        error: shorten(&report.error, 500),
        exit_code: report.exit_code,
        pid: report.pid,
        secrets_dir: shorten(&report.secrets_dir, 4_096),
        health: shorten(&report.health, 500),
    };
    if task.status == status {
        return;
    }
    step.edit_task(&report.task, |task| task.status = status);
    if report.state.is_final() {
        ended(step, &report.task);
    }
}

/// States only move forward, within what a worker can see.
fn is_news(task: &Task, state: TaskState) -> bool {
    let sayable = (TaskState::Accepted..=TaskState::Rejected).contains(&state);
    sayable && !task.status.state.is_final() && state >= task.status.state
}

/// An ended task keeps no files: what was confirmed is owed, what never was is not there.
fn ended(step: &mut Step<'_>, task: &TaskId) {
    erase_unconfirmed(step, task, "the task ended without it");
    cut_task(step, task);
}

/// With the worker's reason, if it had one of its own.
fn erased_words(key: &HoldingKey, reason: &str) -> String {
    match reason {
        "" => target_words(key),
        reason => format!("{}: {}", target_words(key), shorten(reason, 500)),
    }
}

fn target_words(key: &HoldingKey) -> String {
    format!("target {}", key.target)
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
