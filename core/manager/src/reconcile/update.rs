//! How far is each update of a service? Over when every place has settled; paused or taken back when too many of the
//! tasks that it made have failed. Docker's rules and texts.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::service::{FailureAction, RollSettings, Service, UpdateState, UpdateStatus};
use wardroom_state::task::Task;

use crate::reconcile::decision::Decision;
use crate::reconcile::places::{Place, has_failed, has_failed_version, places};
use crate::reconcile::stands::{Pace, Stand, stands};
use crate::reconcile::turn::Turn;

pub(crate) fn decide(state: &State, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    for service in state.services().values() {
        let Some(status) = &service.update_status else { continue };
        let goes_back = match status.state {
            UpdateState::Updating => false,
            UpdateState::RollbackStarted => true,
            _ => continue,
        };
        if let Some((state, message)) = next(state, service, status, goes_back, now_ms, &mut decision) {
            decision.commands.push(Command::AdvanceUpdate {
                service: service.id.clone(),
                state,
                message,
            });
        }
    }
    decision
}

fn next(
    state: &State,
    service: &Service,
    status: &UpdateStatus,
    goes_back: bool,
    now_ms: i64,
    decision: &mut Decision,
) -> Option<(UpdateState, String)> {
    let settings = if goes_back {
        &service.spec.rollback
    } else {
        &service.spec.update
    };
    let why = |what: &str, task: &Task| format!("{what} due to failure or early termination of task {}", task.id);
    if let Some(task) = too_many_failures(state, service, status, settings) {
        match settings.on_failure {
            FailureAction::Continue => {}
            _ if goes_back => return Some((UpdateState::RollbackPaused, why("rollback paused", task))),
            FailureAction::Pause => return Some((UpdateState::Paused, why("update paused", task))),
            FailureAction::Rollback => {
                return Some(match state.way_back(service) {
                    Ok(_) => (UpdateState::RollbackStarted, why("update rolled back", task)),
                    Err(refusal) => (
                        UpdateState::Paused,
                        format!("{}; {refusal}", why("update paused", task)),
                    ),
                });
            }
        }
    }
    let turn = Turn::of(state, service, now_ms);
    let over = |stand: &Stand<'_>| matches!(stand, Stand::Well(_) | Stand::Failed | Stand::Over);
    let stands = stands(&turn, &Pace::of(&turn), now_ms, decision);
    let mut tasks = state.tasks_of(&service.id);
    // A failed one beside which the task before still runs will be tried again.
    let over = stands.iter().all(over) && !tasks.any(|task| task.is_live() && turn.needs_step(task));
    let done = if goes_back {
        (UpdateState::RollbackCompleted, "rollback completed")
    } else {
        (UpdateState::Completed, "update completed")
    };
    over.then(|| (done.0, done.1.to_owned()))
}

/// The newest failure, when more places than may have had one.
fn too_many_failures<'a>(
    state: &'a State,
    service: &Service,
    status: &UpdateStatus,
    settings: &RollSettings,
) -> Option<&'a Task> {
    let places = places(state, service);
    let failed = |place: &Place<'a>| {
        let failures = place.tasks.iter().copied();
        let failures = failures.filter(|task| counts(state, service, status, settings, task));
        failures.max_by_key(|task| (task.status.since_ms, &task.id))
    };
    let failures: Vec<&Task> = places.iter().filter_map(failed).collect();
    let share = u128::try_from(failures.len()).unwrap_or(0) * 1_000_000;
    let allowed = u128::from(settings.max_failure_ppm) * u128::try_from(places.len()).unwrap_or(0);
    let newest = failures.into_iter().max_by_key(|task| (task.status.since_ms, &task.id));
    newest.filter(|_| share > allowed)
}

/// A task that the update made or changed has failed while it was watched, or has never come up.
fn counts(state: &State, service: &Service, status: &UpdateStatus, settings: &RollSettings, task: &Task) -> bool {
    let (ended_ms, began_ms) = (task.status.since_ms, task.status.running_since_ms);
    let failed = has_failed(task) && task.generation == service.generation && ended_ms >= status.started_at_ms;
    if !failed || has_failed_version(state, task) {
        return false;
    }
    if task.created_at_ms < status.started_at_ms {
        // Only new files in place can have hurt it.
        let previous = service.previous.as_ref();
        return previous.is_some_and(|previous| previous.grants != service.spec.grants);
    }
    let monitor_ms = i64::try_from(settings.monitor_ms).unwrap_or(i64::MAX);
    began_ms == 0 || ended_ms.saturating_sub(began_ms) <= monitor_ms
}
