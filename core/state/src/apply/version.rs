//! When does a version's value go for good? After a revoke with the last receipt; otherwise when it is older than what
//! the secret keeps for a roll-back and nobody needs it.

use std::collections::BTreeSet;

use super::audited::counted;
use super::step::Step;
use crate::holding::HoldingState;
use crate::ids::{NodeId, SecretId};
use crate::secret::{Version, VersionState};
use crate::service::ServiceSpec;
use crate::state::State;
use crate::task::Task;

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
        if step.state.need_of_version(id, number).is_none() {
            discard(step, id, number, &format!("older than the newest {keep} kept"));
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

impl State {
    /// What the version's value is still there for; `None` when nobody needs it.
    pub fn need_of_version(&self, id: &SecretId, number: u32) -> Option<String> {
        if self
            .secrets()
            .get(id)
            .is_some_and(|secret| secret.current == Some(number))
        {
            return Some("it is the current version".to_owned());
        }
        if self
            .running_rotation(id)
            .is_some_and(|rotation| rotation.from == Some(number))
        {
            return Some("the rotation that runs would return to it".to_owned());
        }
        self.pins(id, number)
            .or_else(|| self.assignments(id, number))
            .or_else(|| self.holders(id, number))
    }

    fn pins(&self, id: &SecretId, number: u32) -> Option<String> {
        let pins = |spec: &ServiceSpec| {
            let mut grants = spec.grants.iter();
            grants.any(|grant| grant.secret == *id && grant.pinned == Some(number))
        };
        self.services_with(id).find_map(|service| {
            let name = &service.spec.name;
            if pins(&service.spec) {
                Some(format!("service {name} pins it"))
            } else if service.previous.as_ref().is_some_and(pins) {
                Some(format!("a roll-back of service {name} would return to it"))
            } else {
                None
            }
        })
    }

    fn assignments(&self, id: &SecretId, number: u32) -> Option<String> {
        let has_it = |task: &&Task| {
            let mut files = task.files.iter();
            task.is_live() && files.any(|file| file.secret == *id && file.version == number)
        };
        let tasks = self.tasks_with(id).filter(has_it).count();
        (tasks > 0).then(|| format!("in use by {}", counted(tasks, "task")))
    }

    fn holders(&self, id: &SecretId, number: u32) -> Option<String> {
        let held = self.holdings_of_version(id, number);
        let workers: BTreeSet<&NodeId> = held
            .filter(|(_, holding)| holding.is_live())
            .map(|(key, _)| &key.node)
            .collect();
        (!workers.is_empty()).then(|| format!("still held by {}", counted(workers.len(), "worker")))
    }
}

/// Drops the value and what is known of erased files of it.
pub(super) fn discard(step: &mut Step<'_>, id: &SecretId, number: u32, why: &str) {
    destroy(step, id, number, why);
    forget_erased(step, id, number);
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
