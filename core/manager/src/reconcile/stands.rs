//! How far is a roll-out at each place of a service?

use wardroom_state::State;
use wardroom_state::secret::VersionState;
use wardroom_state::service::{RollSettings, Service, UpdateState};
use wardroom_state::task::Task;

use crate::reconcile::decision::Decision;
use crate::reconcile::places::{Place, has_failed, has_failed_version, places};
use crate::reconcile::restart::{Restart, restart};
use crate::reconcile::settled::settled_at_ms;
use crate::reconcile::turn::Turn;

#[derive(Clone, Copy)]
pub(crate) enum Stand<'a> {
    /// This task waits for its turn.
    Todo(&'a Task),
    /// It is being changed, or was and has not stayed well for long enough.
    UnderWay,
    /// What it was changed to has failed and is not well yet. It holds up nobody: who counts failures decides.
    Failed,
    /// Since then (Unix milliseconds); 0: it always was.
    Well(i64),
    /// Nothing is to run here any more.
    Over,
}

/// How a service rolls now.
pub(crate) struct Pace {
    pub(crate) settings: RollSettings,
    /// What failed before has nothing to do with it.
    began_ms: i64,
    monitor_ms: u64,
    /// Everything returns to a version that was well.
    pub(crate) returning: bool,
}

impl Pace {
    pub(crate) fn of(turn: &Turn<'_>) -> Self {
        let (state, service) = (turn.state, turn.service);
        let status = service.update_status.as_ref();
        let rolls =
            status.filter(|status| matches!(status.state, UpdateState::Updating | UpdateState::RollbackStarted));
        let goes_back = rolls.is_some_and(|status| status.state == UpdateState::RollbackStarted);
        let failed_at_ms = failed_at_ms(state, service);
        let settings = if goes_back || failed_at_ms.is_some() {
            service.spec.rollback
        } else {
            service.spec.update
        };
        Self {
            settings,
            began_ms: failed_at_ms.or(rolls.map(|status| status.started_at_ms)).unwrap_or(0),
            // A value that was well before need not be watched again.
            monitor_ms: if failed_at_ms.is_some() { 0 } else { settings.monitor_ms },
            returning: failed_at_ms.is_some(),
        }
    }
}

/// When the version failed that a task of the service still has.
fn failed_at_ms(state: &State, service: &Service) -> Option<i64> {
    let live = state.tasks_of(&service.id).filter(|task| task.is_live());
    let files = live.flat_map(|task| &task.files);
    let failed = files.filter_map(|file| {
        let version = state.secrets().get(&file.secret)?.versions.get(&file.version)?;
        (version.state == VersionState::Failed).then_some(version.state_since_ms)
    });
    failed.min()
}

/// One for each place; `decision` learns when to look again.
pub(crate) fn stands<'a>(turn: &Turn<'a>, pace: &Pace, now_ms: i64, decision: &mut Decision) -> Vec<Stand<'a>> {
    let places = places(turn.state, turn.service);
    let stands = places.iter().map(|place| stand(turn, pace, place, now_ms, decision));
    stands.collect()
}

fn stand<'a>(turn: &Turn<'a>, rate: &Pace, place: &Place<'a>, now_ms: i64, decision: &mut Decision) -> Stand<'a> {
    let (state, service) = (turn.state, turn.service);
    let failed = || {
        place
            .tasks
            .iter()
            .any(|task| failed_since(state, service, task, rate.began_ms))
    };
    let best = |task: &&Task| (task.status.state, task.created_at_ms, task.id.clone());
    let (todo, done): (Vec<&Task>, Vec<&Task>) = place.live().partition(|task| turn.needs_step(task));
    if let Some(task) = done.into_iter().max_by_key(best) {
        return match settled_at_ms(state, service, task, rate.began_ms, rate.monitor_ms) {
            Some(at_ms) if at_ms <= now_ms => Stand::Well(at_ms),
            _ if failed() => Stand::Failed,
            // Nobody knows when a node will take it: what is dangerous does not wait for that.
            None if rate.returning && task.node.is_none() => Stand::Failed,
            at_ms => {
                if let Some(at_ms) = at_ms {
                    decision.again_at(at_ms);
                }
                Stand::UnderWay
            }
        };
    }
    let next = || restart(turn, place, now_ms);
    if let Some(task) = todo.into_iter().max_by_key(best) {
        // A successor that failed beside it is tried again after a while.
        let again = place.ended().first().is_some_and(|ended| {
            ended.created_at_ms > task.created_at_ms && failed_since(state, service, ended, rate.began_ms)
        });
        return match next() {
            Restart::At(at_ms) if again => {
                decision.again_at(at_ms);
                Stand::Failed
            }
            Restart::Never if again => Stand::Failed,
            _ => Stand::Todo(task),
        };
    }
    if place.is_stopping() {
        return Stand::UnderWay;
    }
    match next() {
        Restart::Never => Stand::Over,
        _ if failed() => Stand::Failed,
        _ => Stand::UnderWay,
    }
}

/// A task of what the service runs now. Who died of a version that was taken back says nothing of anything else.
fn failed_since(state: &State, service: &Service, task: &Task, began_ms: i64) -> bool {
    let current = task.generation == service.generation && began_ms > 0;
    current && has_failed(task) && task.status.since_ms >= began_ms && !has_failed_version(state, task)
}
