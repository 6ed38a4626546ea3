//! How does a secret get a new value? A new version becomes current and a rotation starts to carry it to the tasks.

use super::rotation::{end, forget_oldest};
use super::secret::{check_size, known, name_is_taken, version_of};
use super::step::Step;
use super::version::prune;
use crate::command::NewVersion;
use crate::ids::{RotationId, SecretId};
use crate::refusal::{Noun, Refusal};
use crate::rotation::{Rotation, RotationCause, RotationPhase};
use crate::secret::{Secret, VersionState};
use crate::state::State;
use crate::validate;

pub(super) fn apply(
    step: &mut Step<'_>,
    id: &SecretId,
    new: &NewVersion,
    rotation: &RotationId,
    cause: RotationCause,
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
    start(step, id, rotation, cause, from, number);
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
        secret.schedule_failure = None;
    });
}

fn start(step: &mut Step<'_>, secret: &SecretId, id: &RotationId, cause: RotationCause, from: Option<u32>, to: u32) {
    let mut rotation = Rotation {
        id: id.clone(),
        secret: secret.clone(),
        from,
        to,
        phase: RotationPhase::Rolling,
        paused: false,
        cause,
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

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::holding::HoldingState::{Erased, Present};
    use crate::refusal::RefusalKind;
    use crate::rotation::RotationPhase;
    use crate::script::{Script, advance, create, expect, receipt, receipts, rotate};
    use crate::secret::VersionState;

    #[test]
    fn a_new_version_becomes_current_under_the_same_name() {
        let mut script = Script::with_web(&["db"]);
        expect(
            &script.play(rotate("db", 2)),
            "secret s-db\nrotation r-db-2\nsecret.rotate db [ok] v1 -> v2 (db_v2), 12 bytes",
        );
        assert_eq!(script.version("db", 1), VersionState::Superseded);
        assert_eq!(script.version("db", 2), VersionState::Current);
        assert_eq!(
            script.state.find_secret("DB_v2").map(|secret| secret.name.as_str()),
            Ok("db")
        );
        let progress = &script
            .state
            .running_rotation(&crate::script::secret("db"))
            .unwrap()
            .progress;
        assert_eq!((progress[0].tasks, progress[0].proven), (1, 0));
    }

    #[test]
    fn refusals() {
        let mut script = Script::new();
        let long = "x".repeat(62);
        script.play(create("db"));
        script.play(create("db_v2"));
        script.play(create(&long));
        let mut stale = rotate("db_v2", 2);
        if let Command::RotateSecret { expected, .. } = &mut stale {
            *expected = Some(1);
        }
        expect(&script.play(stale), "Conflict: update out of sequence");
        expect(
            &script.play(rotate("db", 2)),
            "AlreadyExists: secret db_v2 already exists, and version 2 of 'db' needs that name; remove it or create 'db' anew under another name",
        );
        assert!(script.play(rotate(&long, 2)).contains("longer than 64 characters"));
        expect(&script.play(rotate("nope", 2)), "NotFound: secret s-nope not found");
        let kind = script.state.find_secret("nope").map_err(|refusal| refusal.kind());
        assert_eq!(kind.err(), Some(RefusalKind::NotFound));
    }

    #[test]
    fn a_newer_rotation_takes_over_a_running_one() {
        let mut script = Script::with_web(&["db"]);
        script.play(rotate("db", 2));
        expect(
            &script.play(rotate("db", 3)),
            "secret s-db
             rotation r-db-2
             rotation r-db-3
             rotation.failed db [failed] v1 -> v2: overtaken by the rotation to v3
             secret.rotate db [ok] v2 -> v3 (db_v3), 12 bytes",
        );
    }

    #[test]
    fn old_versions_are_destroyed_once_nobody_holds_them() {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        for number in 2..=6 {
            script.play(rotate("db", number));
        }
        // Six superseded would be one too many, but the task still has the first.
        script.play(rotate("db", 7));
        assert_eq!(script.version("db", 1), VersionState::Superseded);
        script.refresh("t1");
        let both = vec![receipt("t1", "db", 7, Present), receipt("t1", "db", 1, Erased)];
        expect(
            &script.play(receipts("n1", both)),
            "secret s-db
             -holding s-db v1 t1
             holding s-db v7 t1: Present, proven
             secret.deliver db v7 -> ember web.1 [ok] target db, proven
             secret.erase db v1 -> ember web.1 [ok] target db
             secret.destroy db v1 [ok] older than the newest 5 kept",
        );
        assert_eq!(script.version("db", 1), VersionState::Destroyed);
        assert_eq!(script.version("db", 2), VersionState::Superseded);
        script.play(advance("db", 7, RotationPhase::Done));
        script.play(rotate("db", 8));
        assert_eq!(script.version("db", 2), VersionState::Destroyed);
    }
}
