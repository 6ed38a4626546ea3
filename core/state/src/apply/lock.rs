//! Do managers lock, and under which unlock key? The key is sealed before it gets here; once somebody keeps it, each manager
//! wraps its own keys under it, and until all have, the ones before it stay.

use super::dek_order;
use super::rotate::check_token;
use super::step::Step;
use crate::command::NewUnlockKey;
use crate::keys::{OrderReason, UnlockKeyRecord};
use crate::refusal::Refusal;
use crate::state::State;

pub(super) fn apply(
    step: &mut Step<'_>,
    autolock: bool,
    new: Option<&NewUnlockKey>,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    let cluster = step.state.cluster().ok_or(Refusal::NotBootstrapped)?;
    check_token(cluster.version_index, expected)?;
    let name = cluster.name.clone();
    match (cluster.autolock, autolock, new) {
        (_, false, Some(_)) => Err(Refusal::AutolockOff),
        (false, true, None) => Err(Refusal::UnlockKeyMissing),
        (false, true, Some(new)) => turn_on(step, name, new),
        (true, true, Some(new)) => rotate(step, name, new),
        (true, false, None) => {
            step.edit_cluster(|cluster| cluster.autolock = false);
            step.audit("cluster.autolock", name, "on -> off");
            Ok(())
        }
        (true, true, None) | (false, false, None) => Ok(()),
    }
}

fn turn_on(step: &mut Step<'_>, name: String, new: &NewUnlockKey) -> Result<(), Refusal> {
    check(step.state, new)?;
    step.edit_cluster(|cluster| cluster.autolock = true);
    take(step, new, true);
    let detail = format!("off -> on: unlock key epoch {}", new.epoch);
    step.audit("cluster.autolock", name, detail);
    Ok(())
}

fn rotate(step: &mut Step<'_>, name: String, new: &NewUnlockKey) -> Result<(), Refusal> {
    check(step.state, new)?;
    let before = step.state.keys().unlock_epoch();
    // Whoever planned with the key before plans again.
    step.edit_cluster(|_| ());
    // One that turned autolock on, and that nobody kept, leaves that to the next.
    let turns_on = step
        .state
        .keys()
        .unlock_key
        .as_ref()
        .is_some_and(|record| record.turns_on && !record.is_kept());
    take(step, new, turns_on);
    let detail = format!("epoch {before} -> {}", new.epoch);
    step.audit("unlock-key.rotate", name, detail);
    Ok(())
}

/// The managers' disks need the key from now on. Said again, nothing changes.
pub(super) fn keep(step: &mut Step<'_>, epoch: u32) -> Result<(), Refusal> {
    let current = step.state.keys().unlock_epoch();
    let record = step
        .state
        .keys()
        .unlock_key
        .as_ref()
        .filter(|record| record.epoch == epoch);
    let record = record.ok_or(Refusal::UnlockKeyGone { epoch, current })?;
    if record.is_kept() {
        return Ok(());
    }
    if !step.state.cluster().is_some_and(|cluster| cluster.autolock) {
        return Err(Refusal::AutolockOff);
    }
    let reason = if record.turns_on {
        OrderReason::Autolock
    } else {
        OrderReason::UnlockKey
    };
    dek_order::check_room(step.state)?;
    let now_ms = step.now_ms;
    step.edit_keys(|keys| {
        if let Some(record) = &mut keys.unlock_key {
            record.kept_at_ms = now_ms;
        }
    });
    let order = dek_order::give(step, reason);
    step.audit(
        "unlock-key.keep",
        format!("epoch {epoch}"),
        format!("DEK order {order}"),
    );
    Ok(())
}

fn check(state: &State, new: &NewUnlockKey) -> Result<(), Refusal> {
    if new.sealed.is_empty() {
        return Err(Refusal::UnlockKeyMissing);
    }
    let current = state.keys().unlock_epoch();
    if current.checked_add(1) != Some(new.epoch) {
        let epoch = new.epoch;
        return Err(Refusal::UnlockKeyEpoch { epoch, current });
    }
    dek_order::check_room(state)
}

/// The key before stays for whoever is down now and hangs on it. The one from the beginning is on their disks anyway.
fn take(step: &mut Step<'_>, new: &NewUnlockKey, turns_on: bool) {
    let record = UnlockKeyRecord {
        epoch: new.epoch,
        check: new.check,
        sealed: new.sealed.clone(),
        since_ms: step.now_ms,
        by: step.actor.name.clone(),
        turns_on,
        kept_at_ms: 0,
    };
    step.edit_keys(|keys| {
        // One that nobody kept was never on a disk.
        if let Some(before) = keys.unlock_key.replace(record).filter(UnlockKeyRecord::is_kept) {
            keys.earlier.insert(before.epoch, before.sealed);
        }
    });
}

#[cfg(test)]
#[path = "lock_tests.rs"]
mod tests;
