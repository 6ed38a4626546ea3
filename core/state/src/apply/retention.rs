//! How long do old versions stay, and what makes new ones?

use super::audited::{Outcome, duration, shorten};
use super::rotate::check_token;
use super::secret::known;
use super::step::Step;
use super::version::discard;
use crate::ids::SecretId;
use crate::refusal::Refusal;
use crate::secret::{Schedule, Secret, VersionState};
use crate::state::State;
use crate::validate;

/// All of them or none.
pub(super) fn destroy(step: &mut Step<'_>, id: &SecretId, versions: &[u32], why: &str) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    for number in versions {
        check_spare(step.state, secret, *number)?;
    }
    let why = shorten(why, 200);
    for number in versions {
        // Named twice it is destroyed once.
        if step
            .state
            .secrets()
            .get(id)
            .is_some_and(|secret| has_value(secret, *number))
        {
            discard(step, id, *number, &why);
        }
    }
    Ok(())
}

fn has_value(secret: &Secret, number: u32) -> bool {
    secret
        .versions
        .get(&number)
        .is_some_and(|version| version.sealed.is_some())
}

fn check_spare(state: &State, secret: &Secret, number: u32) -> Result<(), Refusal> {
    let name = || secret.name.clone();
    let version = secret.versions.get(&number).ok_or_else(|| Refusal::VersionNotFound {
        secret: name(),
        version: number,
    })?;
    if matches!(version.state, VersionState::Revoked | VersionState::Destroyed) {
        return Err(Refusal::VersionGone {
            secret: name(),
            version: number,
        });
    }
    state.need_of_version(&secret.id, number).map_or(Ok(()), |need| {
        Err(Refusal::VersionNeeded {
            secret: name(),
            version: number,
            need,
        })
    })
}

pub(super) fn update(
    step: &mut Step<'_>,
    id: &SecretId,
    keep_ms: Option<u64>,
    schedule: Option<&Option<Schedule>>,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    if let Some(Some(schedule)) = schedule {
        check_schedule(schedule, secret.max_age_ms)?;
    }
    let keep_ms = keep_ms.filter(|ms| *ms != secret.keep_ms);
    let schedule = schedule.filter(|schedule| **schedule != secret.schedule);
    let mut words = Vec::new();
    if let Some(ms) = keep_ms {
        let word = |ms| if ms == 0 { "none".to_owned() } else { duration(ms) };
        words.push(format!(
            "old versions kept for {} -> {}",
            word(secret.keep_ms),
            word(ms)
        ));
    }
    if let Some(schedule) = schedule {
        let word = schedule.as_ref().map_or_else(|| "nobody".to_owned(), schedule_words);
        words.push(format!("next value by {word}"));
    }
    if words.is_empty() {
        return Ok(());
    }
    let name = secret.name.clone();
    step.edit_secret(id, |secret| {
        secret.keep_ms = keep_ms.unwrap_or(secret.keep_ms);
        if let Some(schedule) = schedule {
            secret.schedule.clone_from(schedule);
            secret.schedule_failure = None;
        }
    });
    step.audit("secret.update", name, words.join(", "));
    Ok(())
}

/// A value is made when the one before has reached its age: without one it never would be.
pub(super) fn check_schedule(schedule: &Schedule, max_age_ms: u64) -> Result<(), Refusal> {
    validate::schedule(schedule)?;
    if max_age_ms == 0 {
        return Err(Refusal::ScheduleWithoutAge);
    }
    Ok(())
}

fn schedule_words(schedule: &Schedule) -> String {
    match schedule {
        Schedule::Generate(length) => format!("a generator of {length} characters"),
        Schedule::Hook(name) => format!("hook {name}"),
    }
}

/// Of a secret that nobody schedules any more there is nothing to note.
pub(super) fn note_failure(step: &mut Step<'_>, id: &SecretId, reason: &str) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    if secret.schedule.is_none() {
        return Ok(());
    }
    let (name, reason, now_ms) = (secret.name.clone(), shorten(reason, 500), step.now_ms);
    let noted = reason.clone();
    step.edit_secret(id, |secret| secret.schedule_failure = Some((now_ms, noted)));
    step.audit_outcome("rotation.failed", name, Outcome::Failed, format!("scheduled: {reason}"));
    Ok(())
}

#[cfg(test)]
#[path = "retention_tests.rs"]
mod tests;
