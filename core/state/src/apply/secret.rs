//! How does a secret come and go?

use std::collections::BTreeMap;

use super::audited::counted;
use super::holding;
use super::step::Step;
use crate::command::NewVersion;
use crate::ids::{SecretId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::secret::{Secret, Version, VersionState};
use crate::service::{Service, ServiceSpec};
use crate::state::State;
use crate::validate;

/// Superseded versions that a new secret keeps sealed for a roll-back.
const KEEP_VERSIONS: u32 = 5;

pub(super) struct Creation<'a> {
    pub(super) id: &'a SecretId,
    pub(super) name: &'a str,
    pub(super) labels: &'a BTreeMap<String, String>,
    pub(super) max_age_ms: u64,
    pub(super) version: &'a NewVersion,
}

pub(super) fn create(step: &mut Step<'_>, new: &Creation<'_>) -> Result<(), Refusal> {
    validate::secret_name(new.name)?;
    check_size(new.version)?;
    if step.state.secrets().contains_key(new.id) {
        return Err(Refusal::IdTaken {
            noun: Noun::Secret,
            id: new.id.to_string(),
        });
    }
    if name_is_taken(step.state, new.name) {
        return Err(Refusal::NameTaken {
            noun: Noun::Secret,
            name: new.name.to_owned(),
        });
    }
    let first = version_of(step, new.version, 1, new.name.to_owned());
    step.insert_secret(Secret {
        id: new.id.clone(),
        name: new.name.to_owned(),
        labels: new.labels.clone(),
        current: Some(1),
        versions: BTreeMap::from([(1, first)]),
        max_age_ms: new.max_age_ms,
        keep_versions: KEEP_VERSIONS,
        created_at_ms: step.now_ms,
        updated_at_ms: step.now_ms,
        version_index: step.index,
    });
    step.audit("secret.create", new.name, format!("v1, {} bytes", new.version.size));
    Ok(())
}

/// Refused while a spec, or one that a roll-back could return to, or a task that still runs by an older one, has it.
pub(super) fn remove(step: &mut Step<'_>, id: &SecretId) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    let (name, versions) = (secret.name.clone(), secret.versions.len());
    if let Some(refusal) = in_use(step.state, secret) {
        return Err(refusal);
    }
    let tasks: Vec<TaskId> = step.state.tasks_with(id).map(|task| task.id.clone()).collect();
    for task in tasks {
        step.edit_task(&task, |task| task.files.retain(|file| file.secret != *id));
    }
    let rotations: Vec<_> = step
        .state
        .rotations_of(id)
        .map(|rotation| rotation.id.clone())
        .collect();
    for rotation in rotations {
        step.remove_rotation(&rotation);
    }
    let owing = leave_debts(step, id, &name);
    step.remove_secret(id);
    let debts = if owing == 0 {
        String::new()
    } else {
        format!(", {} owed", counted(owing, "erasure receipt"))
    };
    step.audit(
        "secret.remove",
        name,
        format!("{}{debts}", counted(versions, "version")),
    );
    Ok(())
}

/// What workers still hold stays listed until they say that it is gone, also after the secret itself is.
fn leave_debts(step: &mut Step<'_>, id: &SecretId, name: &str) -> usize {
    let keys: Vec<_> = step.state.holdings_of_secret(id).map(|(key, _)| key.clone()).collect();
    let mut owing = 0;
    for key in keys {
        if holding::cut(step, &key) {
            owing += 1;
            step.edit_holding(&key, |holding| holding.message = format!("secret {name} was removed"));
        } else {
            step.remove_holding(&key);
        }
    }
    owing
}

fn in_use(state: &State, secret: &Secret) -> Option<Refusal> {
    let grants = |spec: &ServiceSpec| spec.grants.iter().any(|grant| grant.secret == secret.id);
    let runs = |service: &Service| {
        state
            .tasks_of(&service.id)
            .any(|task| task.is_live() && task.files.iter().any(|file| file.secret == secret.id))
    };
    let mut now: Vec<&Service> = state
        .services_with(&secret.id)
        .filter(|service| grants(&service.spec))
        .collect();
    for task in state.tasks_with(&secret.id).filter(|task| task.is_live()) {
        now.extend(state.services().get(&task.service).filter(|service| runs(service)));
    }
    let only_previous = now.is_empty();
    if only_previous {
        now.extend(state.services_with(&secret.id));
    }
    let mut services: Vec<String> = now.into_iter().map(|service| service.spec.name.clone()).collect();
    services.sort();
    services.dedup();
    (!services.is_empty()).then(|| Refusal::SecretInUse {
        secret: secret.name.clone(),
        services,
        only_previous,
    })
}

pub(super) fn known<'a>(state: &'a State, id: &SecretId) -> Result<&'a Secret, Refusal> {
    state.secrets().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Secret,
        reference: id.to_string(),
    })
}

/// Names are unique in any case, those of versions included.
pub(super) fn name_is_taken(state: &State, name: &str) -> bool {
    state.derived.secret_names.contains_key(&name.to_lowercase())
}

pub(super) fn check_size(version: &NewVersion) -> Result<(), Refusal> {
    validate::secret_size(usize::try_from(version.size).unwrap_or(usize::MAX))
}

pub(super) fn version_of(step: &Step<'_>, new: &NewVersion, number: u32, name: String) -> Version {
    Version {
        id: new.id.clone(),
        number,
        name,
        size: new.size,
        state: VersionState::Current,
        state_since_ms: step.now_ms,
        created_at_ms: step.now_ms,
        created_by: step.actor.name.clone(),
        sealed: Some(new.sealed.clone()),
        receipt_digest: new.receipt_digest,
        fingerprint: new.fingerprint,
    }
}
