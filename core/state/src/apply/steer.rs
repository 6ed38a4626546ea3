//! What may an operator do to a rotation that is under way?

use super::rotate::version_or_none;
use super::rotation::{check_way_back, known, return_to};
use super::step::Step;
use crate::ids::RotationId;
use crate::refusal::Refusal;
use crate::rotation::{RotationPhase, RotationSteer};

/// What is so already is no change.
pub(super) fn apply(step: &mut Step<'_>, id: &RotationId, steer: RotationSteer) -> Result<(), Refusal> {
    let rotation = known(step.state, id)?;
    let secret = step.secret_name(&rotation.secret);
    if rotation.phase.is_final() {
        return Err(Refusal::RotationOver {
            rotation: id.to_string(),
        });
    }
    if rotation.phase == RotationPhase::RollingBack {
        return Err(Refusal::RotationReturning { secret });
    }
    let detail = format!("{} -> v{}", version_or_none(rotation.from), rotation.to);
    let action = match steer {
        RotationSteer::Pause if rotation.paused => return Ok(()),
        RotationSteer::Resume if !rotation.paused => return Ok(()),
        RotationSteer::Pause => "rotation.pause",
        RotationSteer::Resume => "rotation.resume",
        RotationSteer::Cancel => {
            check_way_back(step.state, rotation)?;
            "rotation.cancel"
        }
    };
    let (of, from, to) = (rotation.secret.clone(), rotation.from, rotation.to);
    let message = format!("cancelled by {}", step.actor.name);
    step.edit_rotation(id, |rotation| {
        rotation.paused = steer == RotationSteer::Pause;
        if steer == RotationSteer::Cancel {
            rotation.phase = RotationPhase::RollingBack;
            rotation.message = message;
        }
    });
    if steer == RotationSteer::Cancel {
        return_to(step, &of, from, to);
    }
    step.audit(action, secret, detail);
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::command::Command;
    use crate::ids::RotationId;
    use crate::rotation::RotationPhase::{Done, RollingBack};
    use crate::rotation::RotationSteer::{self, Cancel, Pause, Resume};
    use crate::script::{Script, advance, expect, revoke, rotate};
    use crate::secret::VersionState;

    fn steer(name: &str, number: u8, steer: RotationSteer) -> Command {
        Command::SteerRotation {
            rotation: RotationId::new(format!("r-{name}-{number}")),
            steer,
        }
    }

    fn wanted(script: &Script) -> u32 {
        let web = script.state.find_service("web").unwrap();
        script.state.files_wanted(web)[0].version
    }

    #[test]
    fn a_paused_rotation_gives_new_tasks_the_version_before() {
        let mut script = Script::with_web(&["db"]);
        script.play(rotate("db", 2));
        assert_eq!(wanted(&script), 2);
        expect(
            &script.play(steer("db", 2, Pause)),
            "rotation r-db-2\nrotation.pause db [ok] v1 -> v2",
        );
        expect(&script.play(steer("db", 2, Pause)), "");
        assert_eq!(wanted(&script), 1);
        script.play(revoke("db", Some(1)));
        assert_eq!(wanted(&script), 2, "there is nothing else to give");
        expect(
            &script.play(steer("db", 2, Resume)),
            "rotation r-db-2\nrotation.resume db [ok] v1 -> v2",
        );
        expect(&script.play(steer("db", 2, Resume)), "");
    }

    #[test]
    fn a_cancelled_rotation_returns_like_a_failed_one() {
        let mut script = Script::with_web(&["db"]);
        script.play(rotate("db", 2));
        script.play(steer("db", 2, Pause));
        expect(
            &script.play(steer("db", 2, Cancel)),
            "secret s-db\nrotation r-db-2\nrotation.cancel db [ok] v1 -> v2",
        );
        let rotation = &script.state.rotations()[&RotationId::new("r-db-2")];
        assert_eq!((rotation.phase, rotation.paused), (RollingBack, false));
        assert_eq!(rotation.message, "cancelled by admin:root");
        assert_eq!(script.version("db", 1), VersionState::Current);
        assert_eq!(script.version("db", 2), VersionState::Failed);
        expect(
            &script.play(steer("db", 2, Pause)),
            "Precondition: the rotation of 'db' is rolling back already; wait until everything is back",
        );
    }

    #[test]
    fn what_is_over_or_has_no_way_back_is_refused() {
        let mut script = Script::new();
        script.play(crate::script::create("db"));
        expect(
            &script.play(steer("db", 2, Cancel)),
            "NotFound: rotation r-db-2 not found",
        );
        script.play(rotate("db", 2));
        script.play(revoke("db", Some(1)));
        assert!(script.play(steer("db", 2, Cancel)).contains("has nothing to return to"));
        script.play(advance("db", 2, Done));
        expect(
            &script.play(steer("db", 2, Resume)),
            "Conflict: rotation r-db-2 is over; look at the secret again",
        );
    }
}
