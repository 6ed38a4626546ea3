//! Did the new version of a rotation hurt anybody? A failure has one cause: what an update is to blame for, or the
//! version of another rotation, does not count.

use wardroom_state::State;
use wardroom_state::holding::HoldingState;
use wardroom_state::ids::SecretId;
use wardroom_state::rotation::{Rotation, RotationPhase};
use wardroom_state::secret::VersionState;
use wardroom_state::service::{Service, UpdateState};
use wardroom_state::task::{SecretFile, Task, TaskState};

/// Services whose tasks the rotation changes.
pub(crate) fn followers<'a>(state: &'a State, rotation: &'a Rotation) -> impl Iterator<Item = &'a Service> {
    let services = state.services_with(&rotation.secret);
    services.filter(|service| service.followed(rotation).next().is_some())
}

/// The first failure with the new version since the rotation began: a task that ran and ended by itself, or a file that
/// could not be written. What was rejected has never run with it: an image that is missing is nobody's value's fault.
pub(crate) fn failure(state: &State, rotation: &Rotation) -> Option<String> {
    let services = followers(state, rotation);
    let mut tasks = services.flat_map(|service| state.tasks_of(&service.id).map(move |task| (service, task)));
    tasks.find_map(|(service, task)| {
        let failed = task.status.state == TaskState::Failed && task.status.since_ms >= rotation.started_at_ms;
        // What a person runs once may fail for reasons of its own.
        let counts = failed && has(task, rotation) && !service.spec.one_off;
        if counts && !is_explained(state, service, task, rotation) {
            return Some(format!("failure of task {}: {}", task.name, reason(task)));
        }
        let mut holdings = state.holdings_of_task(&task.id);
        let refused = holdings.find(|(key, holding)| {
            key.secret == rotation.secret && key.version == rotation.to && holding.state == HoldingState::Failed
        });
        refused.map(|(key, holding)| format!("task {}: file {}: {}", task.name, key.target, holding.message))
    })
}

fn has(task: &Task, rotation: &Rotation) -> bool {
    let mut files = task.files.iter();
    files.any(|file| file.secret == rotation.secret && file.version == rotation.to)
}

fn is_explained(state: &State, service: &Service, task: &Task, rotation: &Rotation) -> bool {
    is_of_update(service, task) || task.files.iter().any(|file| is_to_blame(state, file, task, rotation))
}

/// An update that is under way made the task: it counts the failure.
fn is_of_update(service: &Service, task: &Task) -> bool {
    let status = service.update_status.as_ref();
    let status = status.filter(|status| matches!(status.state, UpdateState::Updating | UpdateState::RollbackStarted));
    let made = |started_at_ms| task.created_at_ms >= started_at_ms && task.generation == service.generation;
    status.is_some_and(|status| made(status.started_at_ms))
}

/// Another secret's version in the same task has failed already, or came later: the last change is the likely cause.
fn is_to_blame(state: &State, file: &SecretFile, task: &Task, rotation: &Rotation) -> bool {
    if file.secret == rotation.secret {
        return false;
    }
    let secret = state.secrets().get(&file.secret);
    let version = secret.and_then(|secret| secret.versions.get(&file.version));
    let failed = version.is_some_and(|version| version.state == VersionState::Failed);
    failed || is_later(state, &file.secret, task, rotation)
}

fn is_later(state: &State, secret: &SecretId, task: &Task, rotation: &Rotation) -> bool {
    let other = state.running_rotation(secret);
    other.is_some_and(|other| {
        let forward = other.phase != RotationPhase::RollingBack;
        let began = |rotation: &Rotation| (rotation.started_at_ms, rotation.id.clone());
        forward && has(task, other) && began(other) > began(rotation)
    })
}

fn reason(task: &Task) -> &str {
    match (task.status.error.as_str(), task.status.message.as_str()) {
        ("", "") => "no reason given",
        ("", message) => message,
        (error, _) => error,
    }
}
