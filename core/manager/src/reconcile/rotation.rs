//! How far is each rotation? It is done when every task has proved the new bytes and has settled with them, and turns
//! back on the first failure; then it is over when nobody has the failed version any more.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::rotation::{Rotation, RotationPhase, RotationProgress};
use wardroom_state::secret::VersionState;
use wardroom_state::service::Service;
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::blame::{failure, followers};
use crate::reconcile::decision::Decision;
use crate::reconcile::places::places;
use crate::reconcile::restart::{Restart, restart};
use crate::reconcile::settled::rotation_settled_at_ms;
use crate::reconcile::turn::Turn;

pub(crate) fn decide(state: &State, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    for rotation in state.rotations().values().filter(|rotation| !rotation.phase.is_final()) {
        let step = advance(state, rotation, now_ms, &mut decision);
        decision.commands.extend(step);
    }
    decision
}

/// The rotation's next step, or nothing when it stands where it should.
fn advance(state: &State, rotation: &Rotation, now_ms: i64, decision: &mut Decision) -> Option<Command> {
    let progress = progress(state, rotation, now_ms, decision);
    let (phase, message) = match rotation.phase {
        RotationPhase::RollingBack => roll_back(state, rotation, now_ms),
        _ => roll_forward(state, rotation, &progress, now_ms),
    };
    let moved = phase != rotation.phase || message != rotation.message || progress != rotation.progress;
    moved.then(|| Command::AdvanceRotation {
        rotation: rotation.id.clone(),
        phase,
        progress,
        message,
    })
}

/// What the state knows is proven, and what has settled by now.
fn progress(state: &State, rotation: &Rotation, now_ms: i64, decision: &mut Decision) -> Vec<RotationProgress> {
    let mut progress = state.rotation_progress(rotation);
    for of_service in &mut progress {
        let Some(service) = state.services().get(&of_service.service) else {
            continue;
        };
        let live = state.tasks_of(&service.id).filter(|task| task.is_placed_and_live());
        for task in live {
            match rotation_settled_at_ms(state, service, task, rotation) {
                Some(at_ms) if at_ms <= now_ms => of_service.settled = of_service.settled.saturating_add(1),
                Some(at_ms) => decision.again_at(at_ms),
                None => {}
            }
        }
    }
    progress
}

fn roll_forward(
    state: &State,
    rotation: &Rotation,
    progress: &[RotationProgress],
    now_ms: i64,
) -> (RotationPhase, String) {
    if let Some(failure) = failure(state, rotation) {
        return if has_way_back(state, rotation) {
            (RotationPhase::RollingBack, format!("rolled back due to {failure}"))
        } else {
            (
                RotationPhase::Failed,
                format!("failed due to {failure}; there is no version to return to"),
            )
        };
    }
    if !everything_moved(state, rotation, rotation.to, now_ms) {
        return (RotationPhase::Rolling, why_waiting(state, rotation, now_ms));
    }
    let settled = progress
        .iter()
        .all(|of| of.proven == of.tasks && of.settled == of.tasks);
    let phase = if settled {
        RotationPhase::Done
    } else {
        RotationPhase::Verifying
    };
    (phase, String::new())
}

fn why_waiting(state: &State, rotation: &Rotation, now_ms: i64) -> String {
    let mut reasons = followers(state, rotation).filter_map(|service| {
        let turn = Turn::of(state, service, now_ms);
        turn.why_waiting(rotation).map(str::to_owned)
    });
    reasons.next().unwrap_or_default()
}

/// The version before still has its value, and nothing newer took over.
fn has_way_back(state: &State, rotation: &Rotation) -> bool {
    state.secrets().get(&rotation.secret).is_some_and(|secret| {
        let before = rotation.from.and_then(|from| secret.versions.get(&from));
        secret.current == Some(rotation.to)
            && before.is_some_and(|before| before.state == VersionState::Superseded && before.sealed.is_some())
    })
}

/// Over when no task and no worker has the failed version any more, and every task has proved the one before.
fn roll_back(state: &State, rotation: &Rotation, now_ms: i64) -> (RotationPhase, String) {
    let current = state.secrets().get(&rotation.secret).and_then(|secret| secret.current);
    let Some(from) = rotation.from.filter(|from| current == Some(*from)) else {
        let message = format!(
            "{}; the version to return to is gone, rotate it again",
            rotation.message
        );
        return (RotationPhase::Failed, message);
    };
    let mut held = state.holdings_of_version(&rotation.secret, rotation.to);
    let back = everything_moved(state, rotation, from, now_ms)
        && !held.any(|(_, holding)| holding.is_live())
        && everything_proven(state, rotation);
    let phase = if back {
        RotationPhase::RolledBack
    } else {
        RotationPhase::RollingBack
    };
    (phase, rotation.message.clone())
}

fn everything_proven(state: &State, rotation: &Rotation) -> bool {
    // What is to be proven is what the rotation came from.
    let back = Rotation {
        to: rotation.from.unwrap_or(rotation.to),
        ..rotation.clone()
    };
    state.rotation_progress(&back).iter().all(|of| of.proven == of.tasks)
}

/// Every place has its task, every task was given `version`, and none on its way out still runs with another one.
fn everything_moved(state: &State, rotation: &Rotation, version: u32, now_ms: i64) -> bool {
    followers(state, rotation).all(|service| {
        let unended = state
            .tasks_of(&service.id)
            .filter(|task| !task.status.state.is_final() && task.desired < TaskState::Remove);
        let given = |task: &Task| {
            let mut targets = service.followed_by(task, rotation);
            targets.all(|target| {
                let mut files = task.files.iter();
                files.any(|file| file.target == target && file.secret == rotation.secret && file.version == version)
            })
        };
        unended.into_iter().all(given) && is_filled(state, service, now_ms)
    })
}

/// No place waits for its next task.
fn is_filled(state: &State, service: &Service, now_ms: i64) -> bool {
    let turn = Turn::of(state, service, now_ms);
    places(state, service).iter().all(|place| {
        let occupied = place.tasks.iter().any(|task| !task.status.state.is_final());
        occupied || restart(&turn, place, now_ms) == Restart::Never
    })
}
