//! When does a version's value go for good? After a revoke with the last receipt; otherwise when it is older than what
//! the secret keeps for a roll-back and nobody needs it.

use super::audited::counted;
use super::step::Step;
use crate::holding::HoldingState;
use crate::ids::SecretId;
use crate::secret::{Version, VersionState};
use crate::state::State;

impl Version {
    /// Moves to a state and drops the value unless that state keeps it.
    pub(super) fn turn(&mut self, state: VersionState, now_ms: i64) {
        if matches!(state, VersionState::Revoked | VersionState::Destroyed) {
            self.sealed = None;
        }
        self.state = state;
        self.state_since_ms = now_ms;
    }
}

/// A receipt came in, or a reference went: what can be destroyed now?
pub(super) fn settle(step: &mut Step<'_>, secret: &SecretId, number: u32) {
    let version = step
        .state
        .secrets()
        .get(secret)
        .and_then(|secret| secret.versions.get(&number));
    match version.map(|version| version.state) {
        Some(VersionState::Revoked) => finish_revoked(step, secret, number),
        Some(VersionState::Superseded | VersionState::Failed) => prune(step, secret),
        _ => {}
    }
}

/// A revoked version whose every erasure receipt is in is destroyed.
pub(super) fn finish_revoked(step: &mut Step<'_>, secret: &SecretId, number: u32) {
    let holdings = || step.state.holdings_of_version(secret, number);
    if holdings().any(|(_, holding)| holding.owed) {
        return;
    }
    let unconfirmed = holdings().filter(|(_, holding)| holding.state == HoldingState::Unconfirmed);
    let why = match unconfirmed.count() {
        0 => "revoked, and no worker holds it".to_owned(),
        count => format!(
            "revoked; {} never came: node removed",
            counted(count, "erasure receipt")
        ),
    };
    destroy(step, secret, number, &why);
}

/// The contrary of [`finish_revoked`]: an erasure receipt is owed after all.
pub(super) fn reopen(step: &mut Step<'_>, id: &SecretId, number: u32) {
    let version = step
        .state
        .secrets()
        .get(id)
        .and_then(|secret| secret.versions.get(&number));
    if version.is_some_and(|version| version.state == VersionState::Destroyed) {
        let now_ms = step.now_ms;
        step.edit_secret(id, |secret| {
            if let Some(version) = secret.versions.get_mut(&number) {
                version.turn(VersionState::Revoked, now_ms);
            }
        });
    }
}

/// Destroys superseded and failed versions beyond the newest that the secret keeps, unless somebody needs them.
pub(super) fn prune(step: &mut Step<'_>, id: &SecretId) {
    let Some(secret) = step.state.secrets().get(id) else {
        return;
    };
    let keep = usize::try_from(secret.keep_versions).unwrap_or(usize::MAX);
    let spare = |version: &&Version| {
        matches!(version.state, VersionState::Superseded | VersionState::Failed) && version.sealed.is_some()
    };
    let numbers: Vec<u32> = secret
        .versions
        .values()
        .rev()
        .filter(spare)
        .skip(keep)
        .map(|version| version.number)
        .collect();
    for number in numbers {
        if !is_needed(step.state, id, number) {
            destroy(step, id, number, &format!("older than the newest {keep} kept"));
            forget_erased(step, id, number);
        }
    }
}

fn destroy(step: &mut Step<'_>, id: &SecretId, number: u32, why: &str) {
    let now_ms = step.now_ms;
    step.edit_secret(id, |secret| {
        if let Some(version) = secret.versions.get_mut(&number) {
            version.turn(VersionState::Destroyed, now_ms);
        }
    });
    let object = format!("{} v{number}", step.secret_name(id));
    step.audit("secret.destroy", object, why);
}

fn is_needed(state: &State, id: &SecretId, number: u32) -> bool {
    let returns_to_it = state
        .running_rotation(id)
        .is_some_and(|rotation| rotation.from == Some(number));
    let pinned = state.services_with(id).any(|service| {
        let specs = std::iter::once(&service.spec).chain(&service.previous);
        specs
            .flat_map(|spec| &spec.grants)
            .any(|grant| grant.secret == *id && grant.pinned == Some(number))
    });
    let assigned = || {
        let mut live = state.tasks_with(id).filter(|task| task.is_live());
        live.any(|task| {
            task.files
                .iter()
                .any(|file| file.secret == *id && file.version == number)
        })
    };
    let held = || {
        state
            .holdings_of_version(id, number)
            .any(|(_, holding)| holding.is_live())
    };
    returns_to_it || pinned || assigned() || held()
}

/// The audit chain remembers; without this every rotation would leave a row per long-running task.
fn forget_erased(step: &mut Step<'_>, id: &SecretId, number: u32) {
    let keys: Vec<_> = step
        .state
        .holdings_of_version(id, number)
        .map(|(key, _)| key.clone())
        .collect();
    for key in keys {
        step.remove_holding(&key);
    }
}
