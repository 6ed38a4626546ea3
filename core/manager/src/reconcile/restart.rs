//! May the next task of a place start? By the service's restart policy: under its condition, within its attempts, and
//! after a delay that doubles while one task after the other fails.

use wardroom_state::service::{RestartCondition, RestartPolicy};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::places::{Place, has_failed, has_failed_version};
use crate::reconcile::turn::Turn;

/// The delay does not grow beyond it by itself. A task that ran for as long has not failed in a row.
const LONGEST_MS: u64 = 60_000;
/// Ended tasks of a slot that are remembered to count attempts; more of them count as any number.
pub(crate) const ATTEMPTS_COUNTED: u64 = 1_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Restart {
    Now,
    /// Unix milliseconds.
    At(i64),
    Never,
}

pub(crate) fn restart(turn: &Turn<'_>, place: &Place<'_>, now_ms: i64) -> Restart {
    let (service, ended) = (turn.service, place.ended());
    let Some(last) = ended.first().copied() else {
        return Restart::Now;
    };
    if service.spec.one_off {
        return Restart::Never;
    }
    // A new spec is tried, and the way back from a version that killed is free, whatever the policy says.
    let returns = has_failed(last) && has_failed_version(turn.state, last);
    if last.generation != service.generation || returns || last.desired.is_final() || !ended_by_itself(last) {
        return Restart::Now;
    }
    let policy = &service.spec.restart;
    let own: Vec<&Task> = ended
        .into_iter()
        .filter(|task| task.generation == service.generation && ended_by_itself(task))
        .collect();
    let wanted = match policy.condition {
        RestartCondition::None => false,
        RestartCondition::OnFailure => has_failed(last),
        RestartCondition::Any => true,
    };
    let Some(free_at_ms) = attempts_free_at_ms(policy, &own).filter(|_| wanted) else {
        return Restart::Never;
    };
    let delay_ms = i64::try_from(delay_ms(policy, &own)).unwrap_or(i64::MAX);
    let due_ms = last.status.since_ms.saturating_add(delay_ms).max(free_at_ms);
    if due_ms <= now_ms {
        Restart::Now
    } else {
        Restart::At(due_ms)
    }
}

/// Told to end, or left behind with its node, is no end of its own.
fn ended_by_itself(task: &Task) -> bool {
    let state = task.status.state;
    has_failed(task) || state == TaskState::Complete
}

/// When there is an attempt left: `None`: never again. Each end of its own but the first was that of a restart.
fn attempts_free_at_ms(policy: &RestartPolicy, own: &[&Task]) -> Option<i64> {
    let most = usize::try_from(policy.max_attempts).unwrap_or(usize::MAX);
    if policy.max_attempts == 0 || policy.max_attempts > ATTEMPTS_COUNTED || own.len() <= most {
        return Some(0);
    }
    if policy.window_ms == 0 {
        return None;
    }
    // Newest first: once this one has left the window, the ends within it are as many as there may be.
    let leaves = own.get(most)?.status.since_ms;
    Some(leaves.saturating_add(i64::try_from(policy.window_ms).unwrap_or(i64::MAX)))
}

fn delay_ms(policy: &RestartPolicy, own: &[&Task]) -> u64 {
    let brief = |task: &&&Task| {
        let began_ms = match task.status.running_since_ms {
            0 => task.status.since_ms,
            since_ms => since_ms,
        };
        let ran_ms = u64::try_from(task.status.since_ms.saturating_sub(began_ms)).unwrap_or(0);
        has_failed(task) && ran_ms < LONGEST_MS.max(policy.delay_ms)
    };
    let row = own.iter().take_while(brief).count();
    let doublings = u32::try_from(row.saturating_sub(1)).unwrap_or(u32::MAX).min(20);
    let grown = policy.delay_ms.saturating_mul(1 << doublings);
    grown.min(LONGEST_MS.max(policy.delay_ms))
}
