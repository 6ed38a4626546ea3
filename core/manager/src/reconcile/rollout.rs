//! Which tasks have other files than their service grants? Swap and signal files change in place, all at once; restart
//! files replace the task, a few at a time and only while the replaced ones prove healthy.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::command::TaskChange;
use wardroom_state::holding::HoldingState;
use wardroom_state::service::{Mode, OnChange, Service};
use wardroom_state::task::{SecretFile, Task, TaskState};

use crate::reconcile::decision::Decision;

pub(crate) fn decide(state: &State, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    let mut changes = Vec::new();
    for service in state.services().values() {
        let wanted = state.files_wanted(service);
        let live: Vec<&Task> = state.tasks_of(&service.id).filter(|task| task.is_live()).collect();
        for task in &live {
            let files = in_place(task, &wanted);
            if files != task.files {
                changes.push(TaskChange::Files {
                    task: task.id.clone(),
                    files,
                });
            }
        }
        let dirty: Vec<&Task> = live.into_iter().filter(|task| must_restart(task, &wanted)).collect();
        if !dirty.is_empty() {
            changes.extend(replace_some(state, service, dirty, now_ms, &mut decision));
        }
    }
    decision.change_tasks(changes);
    decision
}

/// The files a task should have without being restarted: those it may get in place are as wanted, the others as they
/// are. A task that has not been given to a node yet takes everything.
fn in_place(task: &Task, wanted: &[SecretFile]) -> Vec<SecretFile> {
    if task.node.is_none() {
        return wanted.to_vec();
    }
    let mut files: BTreeMap<&str, &SecretFile> = BTreeMap::new();
    files.extend(
        task.files
            .iter()
            .filter(|file| restarts(file))
            .map(|file| (file.target.as_str(), file)),
    );
    for file in wanted {
        let before = task.files.iter().find(|before| before.target == file.target);
        if !restarts(file) && before.is_none_or(|before| !restarts(before)) {
            files.insert(&file.target, file);
        }
    }
    files.into_values().cloned().collect()
}

fn restarts(file: &SecretFile) -> bool {
    file.on_change == OnChange::Restart
}

/// What stays different once everything that can change in place has.
fn must_restart(task: &Task, wanted: &[SecretFile]) -> bool {
    in_place(task, wanted) != wanted
}

/// Stop-first: shuts down as many outdated tasks as the service's parallelism leaves room for; [`super::tasks`] fills
/// their slots. Outdated tasks that do not run go first, they are no loss.
fn replace_some(
    state: &State,
    service: &Service,
    mut dirty: Vec<&Task>,
    now_ms: i64,
    decision: &mut Decision,
) -> Vec<TaskChange> {
    let at_once = match service.spec.update.parallelism {
        0 => usize::MAX,
        some => usize::try_from(some).unwrap_or(usize::MAX),
    };
    let under_way = under_way(state, service, &dirty, now_ms, decision);
    dirty.sort_by_key(|task| (task.status.state == TaskState::Running, task.slot, &task.id));
    let room = at_once.saturating_sub(under_way);
    let stop = |task: &Task| TaskChange::Desire {
        task: task.id.clone(),
        desired: TaskState::Shutdown,
    };
    dirty.into_iter().take(room).map(stop).collect()
}

/// Places of the service where a replacement is stopping, missing, starting or not yet proven.
fn under_way(state: &State, service: &Service, dirty: &[&Task], now_ms: i64, decision: &mut Decision) -> usize {
    let tasks: Vec<&Task> = state.tasks_of(&service.id).collect();
    let stopping = tasks
        .iter()
        .filter(|task| !task.is_live() && !task.status.state.is_final())
        .count();
    let current = tasks
        .iter()
        .filter(|task| task.is_placed_and_live() && !dirty.iter().any(|other| other.id == task.id));
    let mut unsettled = 0;
    for task in current {
        let until_ms = settled_at_ms(state, service, task);
        if until_ms.is_none_or(|at_ms| at_ms > now_ms) {
            unsettled += 1;
        }
        if let Some(at_ms) = until_ms.filter(|&at_ms| at_ms > now_ms) {
            decision.again_at(at_ms);
        }
    }
    stopping + unsettled + empty_slots(service, &tasks)
}

/// When a replaced task counts as healthy: it runs, has proven its files, and its monitor time is over.
fn settled_at_ms(state: &State, service: &Service, task: &Task) -> Option<i64> {
    if task.status.state != TaskState::Running || !has_proven_all(state, task) {
        return None;
    }
    let monitor_ms = i64::try_from(service.spec.update.monitor_ms).unwrap_or(i64::MAX);
    Some(task.status.since_ms.saturating_add(monitor_ms))
}

/// Every file of the task has a receipt that matches its version.
pub(crate) fn has_proven_all(state: &State, task: &Task) -> bool {
    task.files.iter().all(|file| {
        state.holdings_of_task(&task.id).any(|(key, holding)| {
            key.secret == file.secret
                && key.version == file.version
                && key.target == file.target
                && holding.state == HoldingState::Present
                && holding.proven
        })
    })
}

/// Slots of a replicated service without any task that lives or stops: they wait for their replacement.
fn empty_slots(service: &Service, tasks: &[&Task]) -> usize {
    match service.spec.mode {
        Mode::Global => 0,
        Mode::Replicated(replicas) => (1..=replicas)
            .filter(|slot| {
                !tasks
                    .iter()
                    .any(|task| task.slot == *slot && !task.status.state.is_final())
            })
            .count(),
    }
}
