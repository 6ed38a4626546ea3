//! How is a leaked value stopped? Grants and files are cut and the sealed value is dropped at once; the version is
//! destroyed when the last worker has said that it erased it.

use super::audited::counted;
use super::rotate::check_token;
use super::rotation::end;
use super::secret::known;
use super::step::Step;
use super::{holding, version};
use crate::holding::HoldingKey;
use crate::ids::{SecretId, ServiceId, TaskId};
use crate::refusal::Refusal;
use crate::rotation::RotationPhase;
use crate::secret::{Secret, VersionState};
use crate::task::SecretFile;

/// Every version, and the grants too.
pub(super) fn whole(step: &mut Step<'_>, id: &SecretId, expected: Option<u64>) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    let name = secret.name.clone();
    let live = live_versions(secret);
    let services: Vec<ServiceId> = step.state.services_with(id).map(|service| service.id.clone()).collect();
    if live.is_empty() && services.is_empty() {
        return Err(Refusal::AlreadyRevoked { secret: name });
    }

    end(step, id, RotationPhase::Failed, "the secret was revoked");
    for service in &services {
        step.edit_service(service, |service| {
            service.spec.grants.retain(|grant| grant.secret != *id);
            if let Some(previous) = &mut service.previous {
                previous.grants.retain(|grant| grant.secret != *id);
            }
        });
    }
    cut_files(step, id, |file| file.secret == *id);
    let owing = cut_holdings(step, step_keys(step, id, None));
    drop_values(step, id, &live);
    let cut = counted(services.len(), "service");
    step.audit(
        "secret.revoke",
        name,
        format!("every version, cut from {cut}, {}", owed(owing)),
    );
    finish(step, id, &live);
    Ok(())
}

/// One version; grants stay. Without its current version the secret has none until the next rotate.
pub(super) fn version(step: &mut Step<'_>, id: &SecretId, number: u32, expected: Option<u64>) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    let name = secret.name.clone();
    if !secret.versions.contains_key(&number) {
        return Err(Refusal::VersionNotFound {
            secret: name,
            version: number,
        });
    }
    if !live_versions(secret).contains(&number) {
        return Err(Refusal::VersionAlreadyRevoked {
            secret: name,
            version: number,
        });
    }

    if step
        .state
        .running_rotation(id)
        .is_some_and(|rotation| rotation.to == number)
    {
        end(step, id, RotationPhase::Failed, &format!("v{number} was revoked"));
    }
    cut_files(step, id, |file| file.secret == *id && file.version == number);
    let owing = cut_holdings(step, step_keys(step, id, Some(number)));
    drop_values(step, id, &[number]);
    step.audit("secret.revoke", format!("{name} v{number}"), owed(owing));
    finish(step, id, &[number]);
    Ok(())
}

fn live_versions(secret: &Secret) -> Vec<u32> {
    let gone = |state| matches!(state, VersionState::Revoked | VersionState::Destroyed);
    secret
        .versions
        .values()
        .filter(|version| !gone(version.state))
        .map(|version| version.number)
        .collect()
}

fn step_keys(step: &Step<'_>, id: &SecretId, number: Option<u32>) -> Vec<HoldingKey> {
    let wanted = |key: &HoldingKey| number.is_none_or(|number| key.version == number);
    step.state
        .holdings_of_secret(id)
        .map(|(key, _)| key.clone())
        .filter(wanted)
        .collect()
}

fn cut_files(step: &mut Step<'_>, id: &SecretId, goes: impl Fn(&SecretFile) -> bool) {
    let affected = step.state.tasks_with(id).filter(|task| task.files.iter().any(&goes));
    let tasks: Vec<TaskId> = affected.map(|task| task.id.clone()).collect();
    for task in tasks {
        step.edit_task(&task, |task| task.files.retain(|file| !goes(file)));
    }
}

/// How many of them are owed now.
fn cut_holdings(step: &mut Step<'_>, keys: Vec<HoldingKey>) -> usize {
    let mut owing = 0;
    for key in keys {
        owing += usize::from(holding::cut(step, &key));
    }
    owing
}

fn drop_values(step: &mut Step<'_>, id: &SecretId, numbers: &[u32]) {
    let now_ms = step.now_ms;
    step.edit_secret(id, |secret| {
        for number in numbers {
            if let Some(version) = secret.versions.get_mut(number) {
                version.turn(VersionState::Revoked, now_ms);
            }
        }
        if secret.current.is_some_and(|current| numbers.contains(&current)) {
            secret.current = None;
        }
    });
}

fn finish(step: &mut Step<'_>, id: &SecretId, numbers: &[u32]) {
    for number in numbers {
        version::finish_revoked(step, id, *number);
    }
}

fn owed(owing: usize) -> String {
    if owing == 0 {
        "no worker holds it".to_owned()
    } else {
        format!("{} owed", counted(owing, "erasure receipt"))
    }
}
