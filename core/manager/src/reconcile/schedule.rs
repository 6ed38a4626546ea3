//! Which secrets are due for a new value that somebody makes for them? When the current version has reached its maximum
//! age, and not while a rotation runs.
//!
//! What goes wrong must not go wrong in a loop. A value that could not be made is tried again after as long as it has
//! been due already, from a minute to an hour: the waits double, and a new leader goes on with them, because they follow
//! from the state alone. A value that was rolled back is followed by the next one only after another whole age.

use wardroom_state::State;
use wardroom_state::ids::SecretId;
use wardroom_state::rotation::{Rotation, RotationCause, RotationPhase};
use wardroom_state::secret::Secret;

const SHORTEST_WAIT_MS: i64 = 60_000;
const LONGEST_WAIT_MS: i64 = 3_600_000;

/// Who is due now, and when somebody is due next.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Due {
    pub(crate) now: Vec<SecretId>,
    /// Unix milliseconds.
    pub(crate) again_at_ms: Option<i64>,
}

pub(crate) fn decide(state: &State, now_ms: i64) -> Due {
    let mut due = Due::default();
    for secret in state.secrets().values() {
        match due_at(state, secret) {
            Some(at_ms) if at_ms <= now_ms => due.now.push(secret.id.clone()),
            Some(at_ms) => due.again_at_ms = Some(due.again_at_ms.map_or(at_ms, |before| before.min(at_ms))),
            None => {}
        }
    }
    due
}

/// `None` while nothing but a change of the state can make it due. A revoked secret is an operator's business.
fn due_at(state: &State, secret: &Secret) -> Option<i64> {
    secret.schedule.as_ref()?;
    let age_ms = i64::try_from(secret.max_age_ms).ok().filter(|age_ms| *age_ms > 0)?;
    let current = secret.versions.get(&secret.current?)?;
    if state.running_rotation(&secret.id).is_some() {
        return None;
    }
    let last = state
        .rotations_of(&secret.id)
        .max_by_key(|rotation| (rotation.started_at_ms, rotation.to));
    let failed = last.filter(|rotation| was_in_vain(rotation));
    let from_ms = failed.map_or(current.created_at_ms, |rotation| {
        rotation.finished_at_ms.max(current.created_at_ms)
    });
    let due_ms = from_ms.saturating_add(age_ms);
    let Some((failed_at_ms, _)) = secret.schedule_failure else {
        return Some(due_ms);
    };
    let wait_ms = failed_at_ms
        .saturating_sub(due_ms)
        .clamp(SHORTEST_WAIT_MS, LONGEST_WAIT_MS);
    Some(due_ms.max(failed_at_ms.saturating_add(wait_ms)))
}

fn was_in_vain(rotation: &Rotation) -> bool {
    rotation.cause == RotationCause::Age && matches!(rotation.phase, RotationPhase::RolledBack | RotationPhase::Failed)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::command::Command;
    use wardroom_state::secret::Schedule;

    use super::*;
    use crate::reconcile::scene::Scene;

    const AGE_MS: i64 = 86_400_000;

    fn id() -> SecretId {
        SecretId::new("db")
    }

    fn scene() -> Scene {
        let mut scene = Scene::with_workers(1);
        scene.secret("db");
        scene.apply(Command::UpdateSecret {
            secret: id(),
            labels: None,
            max_age_ms: Some(u64::try_from(AGE_MS).unwrap()),
            keep_versions: None,
            lease_ms: None,
            expected: None,
        });
        scene.apply(Command::UpdateRetention {
            secret: id(),
            keep_ms: None,
            schedule: Some(Some(Schedule::Generate(20))),
            expected: None,
        });
        scene
    }

    fn created(scene: &Scene) -> i64 {
        let secret = &scene.state.secrets()[&id()];
        secret.versions[&secret.current.unwrap()].created_at_ms
    }

    fn when(scene: &Scene) -> Option<i64> {
        due_at(&scene.state, &scene.state.secrets()[&id()])
    }

    fn fail(scene: &mut Scene, at_ms: i64) {
        scene.now_ms = at_ms;
        scene.apply(Command::NoteScheduleFailure {
            secret: id(),
            reason: "hook x ended with 1".into(),
        });
    }

    #[test]
    fn it_is_due_at_its_age() {
        let mut scene = scene();
        let at = created(&scene) + AGE_MS;
        assert_eq!(
            decide(&scene.state, at - 1),
            Due {
                now: vec![],
                again_at_ms: Some(at)
            }
        );
        assert_eq!(decide(&scene.state, at).now, [id()]);
        scene.rotate("db");
        assert_eq!(when(&scene), None, "a rotation runs");
        scene.apply(Command::UpdateRetention {
            secret: id(),
            keep_ms: None,
            schedule: Some(None),
            expected: None,
        });
        assert_eq!(decide(&scene.state, i64::MAX), Due::default());
    }

    #[test]
    fn failures_are_retried_more_and_more_seldom() {
        let mut scene = scene();
        let aged = created(&scene) + AGE_MS;
        let mut at = aged;
        let mut waits = Vec::new();
        for _ in 0..9 {
            fail(&mut scene, at);
            let next = when(&scene).unwrap();
            waits.push((next - at) / 60_000);
            at = next;
        }
        assert_eq!(waits, [1, 1, 2, 4, 8, 16, 32, 60, 60], "in minutes");
    }

    #[test]
    fn a_value_that_was_rolled_back_is_not_followed_at_once() {
        let mut scene = scene();
        let finish = |scene: &mut Scene, cause| {
            let rotation = scene.rotate_because("db", cause);
            scene.apply(Command::AdvanceRotation {
                rotation,
                phase: RotationPhase::RollingBack,
                progress: Vec::new(),
                message: "unhealthy".into(),
            });
            let running = scene.state.running_rotation(&id()).map(|rotation| rotation.id.clone());
            if let Some(rotation) = running {
                scene.apply(Command::AdvanceRotation {
                    rotation,
                    phase: RotationPhase::RolledBack,
                    progress: Vec::new(),
                    message: String::new(),
                });
            }
        };
        scene.now_ms = created(&scene) + AGE_MS;
        let before = created(&scene);
        finish(&mut scene, RotationCause::Age);
        assert_eq!(created(&scene), before, "the version before is current again");
        let last = scene
            .state
            .rotations_of(&id())
            .max_by_key(|rotation| rotation.to)
            .unwrap();
        assert_eq!(last.phase, RotationPhase::RolledBack);
        assert_eq!(when(&scene), Some(last.finished_at_ms + AGE_MS), "another whole age");
        // An operator who tried has it in hand: the old version is due by its own age.
        finish(&mut scene, RotationCause::Operator);
        assert_eq!(when(&scene), Some(before + AGE_MS));
    }
}
