//! How does a rotation move on? The leader proposes each step; done must be proven, and a way back must exist.

use super::audited::{Outcome, shorten};
use super::rotate::version_or_none;
use super::step::Step;
use super::version::prune;
use crate::ids::{RotationId, SecretId};
use crate::refusal::{Noun, Refusal};
use crate::rotation::{Rotation, RotationPhase, RotationProgress};
use crate::secret::VersionState;
use crate::state::State;

/// Finished rotations to remember per secret.
const ROTATIONS_KEPT: usize = 10;

pub(super) fn advance(
    step: &mut Step<'_>,
    id: &RotationId,
    phase: RotationPhase,
    progress: &[RotationProgress],
    message: &str,
) -> Result<(), Refusal> {
    let rotation = known(step.state, id)?;
    check_step(step.state, rotation, phase)?;
    let (before, secret, from, to) = (rotation.phase, rotation.secret.clone(), rotation.from, rotation.to);
    let message = shorten(message, 500);
    if before == phase && rotation.progress == progress && rotation.message == message {
        return Ok(());
    }
    let now_ms = step.now_ms;
    step.edit_rotation(id, |rotation| {
        rotation.phase = phase;
        rotation.paused &= !phase.is_final() && phase != RotationPhase::RollingBack;
        rotation.progress = progress.to_vec();
        rotation.message.clone_from(&message);
        if phase.is_final() {
            rotation.finished_at_ms = now_ms;
        }
    });
    if before != phase {
        if phase == RotationPhase::RollingBack {
            return_to(step, &secret, from, to);
        }
        record(step, &secret, from, to, phase, &message);
        if phase.is_final() {
            prune(step, &secret);
        }
    }
    Ok(())
}

pub(super) fn known<'a>(state: &'a State, id: &RotationId) -> Result<&'a Rotation, Refusal> {
    state.rotations().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Rotation,
        reference: id.to_string(),
    })
}

fn check_step(state: &State, rotation: &Rotation, to: RotationPhase) -> Result<(), Refusal> {
    use RotationPhase::{Done, Failed, RolledBack, Rolling, RollingBack, Verifying};
    if rotation.phase.is_final() {
        return Err(Refusal::RotationOver {
            rotation: rotation.id.to_string(),
        });
    }
    match (rotation.phase, to) {
        (Rolling | Verifying, Rolling | Verifying) | (RollingBack, RollingBack | RolledBack) | (_, Failed) => Ok(()),
        (Rolling | Verifying, Done) => check_proven(state, rotation),
        (Rolling | Verifying, RollingBack) => check_way_back(state, rotation),
        _ => Err(Refusal::RotationStep {
            rotation: rotation.id.to_string(),
        }),
    }
}

/// A rotation is done only when every task has proven the new bytes, whatever the proposer believes.
fn check_proven(state: &State, rotation: &Rotation) -> Result<(), Refusal> {
    let progress = state.rotation_progress(rotation);
    let tasks = progress.iter().map(|service| service.tasks).sum();
    let proven = progress.iter().map(|service| service.proven).sum();
    if proven < tasks {
        return Err(Refusal::RotationUnproven {
            secret: name(state, &rotation.secret),
            proven,
            tasks,
        });
    }
    Ok(())
}

pub(super) fn check_way_back(state: &State, rotation: &Rotation) -> Result<(), Refusal> {
    let nothing = || Refusal::NothingToReturnTo {
        secret: name(state, &rotation.secret),
    };
    let secret = state.secrets().get(&rotation.secret).ok_or_else(nothing)?;
    let before = rotation
        .from
        .and_then(|from| secret.versions.get(&from))
        .ok_or_else(nothing)?;
    let superseded = before.state == VersionState::Superseded && before.sealed.is_some();
    if superseded && secret.current == Some(rotation.to) {
        Ok(())
    } else {
        Err(nothing())
    }
}

pub(super) fn return_to(step: &mut Step<'_>, secret: &SecretId, from: Option<u32>, to: u32) {
    let now_ms = step.now_ms;
    step.edit_secret(secret, |secret| {
        if let Some(failed) = secret.versions.get_mut(&to) {
            failed.turn(VersionState::Failed, now_ms);
        }
        if let Some(before) = from.and_then(|from| secret.versions.get_mut(&from)) {
            before.turn(VersionState::Current, now_ms);
        }
        secret.current = from;
    });
}

fn record(step: &mut Step<'_>, secret: &SecretId, from: Option<u32>, to: u32, phase: RotationPhase, message: &str) {
    let name = step.secret_name(secret);
    let from = version_or_none(from);
    let reason = if message.is_empty() {
        String::new()
    } else {
        format!(": {message}")
    };
    match phase {
        RotationPhase::Rolling | RotationPhase::Verifying => {}
        RotationPhase::Done => step.audit("rotation.done", name, format!("{from} -> v{to}{reason}")),
        RotationPhase::RollingBack => {
            step.audit_outcome(
                "rotation.rollback",
                name,
                Outcome::Failed,
                format!("v{to} -> {from}{reason}"),
            );
        }
        RotationPhase::RolledBack => {
            step.audit("rotation.rollback", name, format!("everything is back at {from}"));
        }
        RotationPhase::Failed => {
            step.audit_outcome(
                "rotation.failed",
                name,
                Outcome::Failed,
                format!("{from} -> v{to}{reason}"),
            );
        }
    }
}

/// Ends the secret's running rotation, if there is one, because something else decided.
pub(super) fn end(step: &mut Step<'_>, secret: &SecretId, phase: RotationPhase, message: &str) {
    let Some(running) = step.state.running_rotation(secret) else {
        return;
    };
    let (id, from, to, now_ms) = (running.id.clone(), running.from, running.to, step.now_ms);
    step.edit_rotation(&id, |rotation| {
        rotation.phase = phase;
        rotation.paused = false;
        message.clone_into(&mut rotation.message);
        rotation.finished_at_ms = now_ms;
    });
    record(step, secret, from, to, phase, message);
}

pub(super) fn forget_oldest(step: &mut Step<'_>, secret: &SecretId) {
    let over = step
        .state
        .rotations_of(secret)
        .filter(|rotation| rotation.phase.is_final());
    let mut over: Vec<(u32, RotationId)> = over.map(|rotation| (rotation.to, rotation.id.clone())).collect();
    over.sort();
    let surplus = over.len().saturating_sub(ROTATIONS_KEPT);
    for (_, id) in over.drain(..surplus) {
        step.remove_rotation(&id);
    }
}

fn name(state: &State, secret: &SecretId) -> String {
    state
        .secrets()
        .get(secret)
        .map_or_else(|| secret.to_string(), |secret| secret.name.clone())
}

#[cfg(test)]
mod tests {
    use crate::holding::HoldingState::{Erased, Present};
    use crate::rotation::RotationPhase::{Done, Failed, RolledBack, Rolling, RollingBack, Verifying};
    use crate::script::{Script, advance, expect, receipt, receipts, revoke, rotate};
    use crate::secret::VersionState;

    #[test]
    fn done_needs_every_proof() {
        let mut script = Script::with_web(&["db"]);
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        script.play(rotate("db", 2));
        let unproven = "Precondition: the rotation of 'db' is not proven: 0 of 1 tasks; wait for their receipts";
        expect(&script.play(advance("db", 2, Done)), unproven);
        expect(
            &script.refresh("t1"),
            "task t1\nholding s-db v1 t1: Present, proven, owed\nholding s-db v2 t1: Pending",
        );
        expect(&script.refresh("t1"), "");
        expect(&script.play(advance("db", 2, Verifying)), "rotation r-db-2");
        expect(&script.play(advance("db", 2, Verifying)), "");
        expect(&script.play(advance("db", 2, Done)), unproven);
        script.play(receipts(
            "n1",
            vec![receipt("t1", "db", 2, Present), receipt("t1", "db", 1, Erased)],
        ));
        expect(
            &script.play(advance("db", 2, Done)),
            "rotation r-db-2\nrotation.done db [ok] v1 -> v2",
        );
        let over = "Conflict: rotation r-db-2 is over; look at the secret again";
        expect(&script.play(advance("db", 2, RollingBack)), over);
    }

    #[test]
    fn rolling_back_makes_the_version_before_current_again() {
        let mut script = Script::with_web(&["db"]);
        script.play(rotate("db", 2));
        script.refresh("t1");
        expect(
            &script.play(advance("db", 2, RollingBack)),
            "secret s-db\nrotation r-db-2\nrotation.rollback db [failed] v2 -> v1",
        );
        assert_eq!(script.version("db", 1), VersionState::Current);
        assert_eq!(script.version("db", 2), VersionState::Failed);
        expect(
            &script.play(advance("db", 2, Rolling)),
            "Conflict: rotation r-db-2 cannot take that step from where it is; plan again",
        );
        script.refresh("t1");
        expect(
            &script.play(advance("db", 2, RolledBack)),
            "rotation r-db-2\nrotation.rollback db [ok] everything is back at v1",
        );
    }

    #[test]
    fn there_is_no_way_back_to_a_revoked_version() {
        let mut script = Script::with_web(&["db"]);
        script.play(rotate("db", 2));
        script.play(revoke("db", Some(1)));
        assert!(
            script
                .play(advance("db", 2, RollingBack))
                .contains("nothing to return to")
        );
        expect(
            &script.play(advance("db", 2, Failed)),
            "rotation r-db-2\nrotation.failed db [failed] v1 -> v2",
        );
        assert_eq!(script.version("db", 2), VersionState::Current);
    }

    #[test]
    fn the_oldest_finished_rotations_are_forgotten() {
        let mut script = Script::with_web(&["db"]);
        for number in 2..=20 {
            script.play(rotate("db", number));
        }
        assert_eq!(script.state.rotations().len(), super::ROTATIONS_KEPT + 1);
    }
}
