//! When has a task stayed well for long enough? It runs, has proven its files, and nothing that could have hurt it has
//! happened within the time for which its service watches.

use wardroom_state::State;
use wardroom_state::holding::HoldingState;
use wardroom_state::rotation::Rotation;
use wardroom_state::service::{Executor, OnChange, Service};
use wardroom_state::task::{SecretFile, Task, TaskState};

/// Every file of the task has a receipt that matches its version.
pub(crate) fn has_proven_all(state: &State, task: &Task) -> bool {
    task.files
        .iter()
        .all(|file| proven_since_ms(state, task, file).is_some())
}

pub(crate) fn is_well(state: &State, task: &Task) -> bool {
    task.is_live() && task.status.state == TaskState::Running && has_proven_all(state, task)
}

fn proven_since_ms(state: &State, task: &Task, file: &SecretFile) -> Option<i64> {
    let mut holdings = state.holdings_of_task(&task.id);
    let found = holdings.find(|(key, holding)| {
        key.secret == file.secret
            && key.version == file.version
            && key.target == file.target
            && holding.state == HoldingState::Present
            && holding.proven
    });
    found.map(|(_, holding)| holding.since_ms)
}

/// The service knows by more than the life of a process whether a task is well.
pub(crate) fn has_health_check(service: &Service) -> bool {
    let health = service.spec.run.health.as_ref();
    health.is_some_and(|health| health.test.first().is_none_or(|word| word != "NONE"))
}

/// The next task waits for this one: a change of the file may hurt it at once, because it is signalled, or its health
/// suffers. A plain swap is noticed when the program reads the file again, so all tasks get it together.
pub(crate) fn is_watched(service: &Service, file: &SecretFile) -> bool {
    has_health_check(service) || file.on_change != OnChange::Swap
}

/// When the task, which is well, counts as settled: as long as the service watches after the last thing that happened to
/// it since `began_ms`. 0 when nothing has; `None` while it is not well.
pub(crate) fn settled_at_ms(
    state: &State,
    service: &Service,
    task: &Task,
    began_ms: i64,
    monitor_ms: u64,
) -> Option<i64> {
    if !is_well(state, task) {
        return None;
    }
    let watched = task.files.iter().filter(|file| is_watched(service, file));
    let changed = watched.filter_map(|file| proven_since_ms(state, task, file));
    let last = changed
        .chain([task.status.since_ms])
        .filter(|at_ms| *at_ms >= began_ms)
        .max();
    let monitor_ms = i64::try_from(monitor_ms).unwrap_or(i64::MAX);
    Some(last.map_or(0, |at_ms| at_ms.saturating_add(monitor_ms)))
}

/// The same for one rotation. A plain swap is watched as well, though nobody waits for it with the next task: a program
/// that reads its file again and cannot live with it must turn the rotation back by itself. Only where nothing runs that
/// could die, the proof is all there is.
pub(crate) fn rotation_settled_at_ms(
    state: &State,
    service: &Service,
    task: &Task,
    rotation: &Rotation,
) -> Option<i64> {
    if task.status.state != TaskState::Running || !state.has_proven_rotation(service, task, rotation) {
        return None;
    }
    let run = &service.spec.run;
    if run.executor == Executor::Files && run.reload.is_none() {
        return Some(0);
    }
    let monitor_ms = service.spec.update.monitor_ms;
    let settled = settled_at_ms(state, service, task, rotation.started_at_ms, monitor_ms)?;
    let files = task.files.iter().filter(|file| file.secret == rotation.secret);
    let proven = files.filter_map(|file| proven_since_ms(state, task, file)).max();
    let watched_ms = i64::try_from(monitor_ms).unwrap_or(i64::MAX);
    Some(proven.map_or(settled, |at_ms| settled.max(at_ms.saturating_add(watched_ms))))
}
