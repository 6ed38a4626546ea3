//! How does a secret get a new value? A new version becomes current and a rotation starts to carry it to the tasks.

use super::rotation::{end, forget_oldest};
use super::secret::{check_size, known, name_is_taken, version_of};
use super::step::Step;
use super::version::prune;
use crate::command::NewVersion;
use crate::ids::{RotationId, SecretId};
use crate::refusal::{Noun, Refusal};
use crate::rotation::{Rotation, RotationPhase};
use crate::secret::{Secret, VersionState};
use crate::state::State;
use crate::validate;

pub(super) fn apply(
    step: &mut Step<'_>,
    id: &SecretId,
    new: &NewVersion,
    rotation: &RotationId,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, expected)?;
    check_size(new)?;
    let (number, name) = next_version(step.state, secret)?;
    if secret.versions.values().any(|version| version.id == new.id) {
        return Err(Refusal::IdTaken {
            noun: Noun::Secret,
            id: new.id.to_string(),
        });
    }
    if step.state.rotations().contains_key(rotation) {
        return Err(Refusal::IdTaken {
            noun: Noun::Rotation,
            id: rotation.to_string(),
        });
    }

    let (from, secret_name) = (secret.current, secret.name.clone());
    // A leaked value must not wait for a roll-out that hangs: the newer rotation takes over.
    end(
        step,
        id,
        RotationPhase::Failed,
        &format!("overtaken by the rotation to v{number}"),
    );
    let detail = format!("{} -> v{number} ({name}), {} bytes", version_or_none(from), new.size);
    make_current(step, id, new, number, name);
    start(step, id, rotation, from, number);
    prune(step, id);
    step.audit("secret.rotate", secret_name, detail);
    Ok(())
}

fn next_version(state: &State, secret: &Secret) -> Result<(u32, String), Refusal> {
    let newest = secret.versions.last_key_value().map_or(0, |(number, _)| *number);
    let version = newest.saturating_add(1);
    let name = validate::version_name(&secret.name, version)?;
    if name_is_taken(state, &name) {
        return Err(Refusal::VersionNameTaken {
            secret: secret.name.clone(),
            version,
            name,
        });
    }
    Ok((version, name))
}

fn make_current(step: &mut Step<'_>, id: &SecretId, new: &NewVersion, number: u32, name: String) {
    let version = version_of(step, new, number, name);
    let now_ms = step.now_ms;
    step.edit_secret(id, |secret| {
        if let Some(before) = secret.current.and_then(|number| secret.versions.get_mut(&number)) {
            before.turn(VersionState::Superseded, now_ms);
        }
        secret.versions.insert(number, version);
        secret.current = Some(number);
    });
}

fn start(step: &mut Step<'_>, secret: &SecretId, id: &RotationId, from: Option<u32>, to: u32) {
    let mut rotation = Rotation {
        id: id.clone(),
        secret: secret.clone(),
        from,
        to,
        phase: RotationPhase::Rolling,
        progress: Vec::new(),
        actor: step.actor.name.clone(),
        message: String::new(),
        started_at_ms: step.now_ms,
        finished_at_ms: 0,
        version_index: step.index,
    };
    rotation.progress = step.state.rotation_progress(&rotation);
    step.insert_rotation(rotation);
    forget_oldest(step, secret);
}

/// The optimistic-concurrency token: what the caller looked at is what is there.
pub(super) fn check_token(version_index: u64, expected: Option<u64>) -> Result<(), Refusal> {
    match expected {
        Some(expected) if expected != version_index => Err(Refusal::OutOfSequence),
        _ => Ok(()),
    }
}

pub(super) fn version_or_none(number: Option<u32>) -> String {
    number.map_or_else(|| "none".to_owned(), |number| format!("v{number}"))
}
