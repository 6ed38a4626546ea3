//! How far is each rotation? It is done when every task has proved the new bytes, and turns back on the first failure.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::holding::HoldingState;
use wardroom_state::rotation::{Rotation, RotationPhase, RotationProgress};
use wardroom_state::secret::VersionState;
use wardroom_state::service::{Mode, Service};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;
use crate::reconcile::rollout::has_proven_all;

pub(crate) fn decide(state: &State) -> Decision {
    let running = state.rotations().values().filter(|rotation| !rotation.phase.is_final());
    Decision {
        commands: running.filter_map(|rotation| advance(state, rotation)).collect(),
        again_at_ms: None,
    }
}

/// The rotation's next step, or nothing when it stands where it should.
fn advance(state: &State, rotation: &Rotation) -> Option<Command> {
    let (phase, message) = match rotation.phase {
        RotationPhase::RollingBack => roll_back(state, rotation),
        _ => roll_forward(state, rotation),
    };
    let progress = state.rotation_progress(rotation);
    let moved = phase != rotation.phase || message != rotation.message || progress != rotation.progress;
    moved.then(|| Command::AdvanceRotation {
        rotation: rotation.id.clone(),
        phase,
        progress,
        message,
    })
}

fn roll_forward(state: &State, rotation: &Rotation) -> (RotationPhase, String) {
    if let Some(failure) = failure(state, rotation, rotation.to) {
        return if has_way_back(state, rotation) {
            (RotationPhase::RollingBack, format!("rolled back due to {failure}"))
        } else {
            (
                RotationPhase::Failed,
                format!("failed due to {failure}; there is no version to return to"),
            )
        };
    }
    let progress = state.rotation_progress(rotation);
    if !everything_moved(state, rotation, rotation.to) {
        return (RotationPhase::Rolling, String::new());
    }
    let proven = progress
        .iter()
        .all(|RotationProgress { tasks, proven, .. }| proven == tasks);
    (
        if proven {
            RotationPhase::Done
        } else {
            RotationPhase::Verifying
        },
        String::new(),
    )
}

/// The version before still has its value, and nothing newer took over.
fn has_way_back(state: &State, rotation: &Rotation) -> bool {
    state.secrets().get(&rotation.secret).is_some_and(|secret| {
        let before = rotation.from.and_then(|from| secret.versions.get(&from));
        secret.current == Some(rotation.to)
            && before.is_some_and(|before| before.state == VersionState::Superseded && before.sealed.is_some())
    })
}

fn roll_back(state: &State, rotation: &Rotation) -> (RotationPhase, String) {
    let stays = (RotationPhase::RollingBack, rotation.message.clone());
    let Some(from) = rotation.from else {
        return (RotationPhase::Failed, rotation.message.clone());
    };
    let back = everything_moved(state, rotation, from);
    let proven = followers(state, rotation).all(|service| {
        let live = state.tasks_of(&service.id).filter(|task| task.is_placed_and_live());
        live.into_iter().all(|task| has_proven_all(state, task))
    });
    if back && proven {
        (RotationPhase::RolledBack, rotation.message.clone())
    } else {
        stays
    }
}

/// Services that follow the secret's current version.
fn followers<'a>(state: &'a State, rotation: &'a Rotation) -> impl Iterator<Item = &'a Service> {
    let follows = |service: &&Service| {
        service
            .spec
            .grants
            .iter()
            .any(|grant| grant.secret == rotation.secret && grant.pinned.is_none())
    };
    state.services_with(&rotation.secret).filter(follows)
}

fn followed_targets<'a>(service: &'a Service, rotation: &'a Rotation) -> impl Iterator<Item = &'a str> {
    let follows = service
        .spec
        .grants
        .iter()
        .filter(|grant| grant.secret == rotation.secret && grant.pinned.is_none());
    follows.map(|grant| grant.target.as_str())
}

/// Every slot has a task, every task was given `version`, and none on its way out still runs with another one.
fn everything_moved(state: &State, rotation: &Rotation, version: u32) -> bool {
    followers(state, rotation).all(|service| {
        let targets: Vec<&str> = followed_targets(service, rotation).collect();
        let given = |task: &Task| {
            targets.iter().all(|target| {
                let file = task
                    .files
                    .iter()
                    .find(|file| file.target == *target && file.secret == rotation.secret);
                file.is_some_and(|file| file.version == version)
            })
        };
        let unended = || state.tasks_of(&service.id).filter(|task| !task.status.state.is_final());
        let occupied = |slot: u32| unended().any(|task| task.slot == slot);
        let filled = match service.spec.mode {
            Mode::Replicated(replicas) => (1..=replicas).all(occupied),
            Mode::Global => true,
        };
        filled && unended().filter(|task| task.desired < TaskState::Remove).all(given)
    })
}

/// The first failure with `version` since the rotation began: a task that ended by itself, or a file that could not be
/// written.
fn failure(state: &State, rotation: &Rotation, version: u32) -> Option<String> {
    let mut tasks = followers(state, rotation).flat_map(|service| state.tasks_of(&service.id));
    tasks.find_map(|task| {
        let has = task
            .files
            .iter()
            .any(|file| file.secret == rotation.secret && file.version == version);
        let ended = matches!(task.status.state, TaskState::Failed | TaskState::Rejected);
        if has && ended && task.status.since_ms >= rotation.started_at_ms {
            return Some(format!("failure of task {}: {}", task.name, reason(task)));
        }
        let refused = state.holdings_of_task(&task.id).find(|(key, holding)| {
            key.secret == rotation.secret && key.version == version && holding.state == HoldingState::Failed
        });
        refused.map(|(key, holding)| format!("task {}: file {}: {}", task.name, key.target, holding.message))
    })
}

fn reason(task: &Task) -> &str {
    match (task.status.error.as_str(), task.status.message.as_str()) {
        ("", "") => "no reason given",
        ("", message) => message,
        (error, _) => error,
    }
}
