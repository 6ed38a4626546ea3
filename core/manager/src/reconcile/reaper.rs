//! Which ended tasks may be forgotten? All but the newest of each slot, and never one that still owes a receipt.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::command::TaskChange;
use wardroom_state::ids::{NodeId, ServiceId};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;
use crate::reconcile::restart::ATTEMPTS_COUNTED;

/// Ended tasks kept per slot when the cluster does not say.
const HISTORY: u32 = 5;

/// A slot of a replicated service, or a node of a global one.
type Place<'a> = (&'a ServiceId, u32, Option<&'a NodeId>);

pub(crate) fn decide(state: &State) -> Decision {
    let kept = state.cluster().map_or(HISTORY, |cluster| cluster.task_history);
    let kept = usize::try_from(kept).unwrap_or(usize::MAX);
    let mut by_place: BTreeMap<Place<'_>, Vec<&Task>> = BTreeMap::new();
    let mut changes = Vec::new();
    for task in state.tasks().values().filter(|task| task.status.state.is_final()) {
        if task.desired == TaskState::Remove || !state.services().contains_key(&task.service) {
            changes.extend(reap(state, task));
        } else {
            let node = if task.slot == 0 { task.node.as_ref() } else { None };
            by_place.entry((&task.service, task.slot, node)).or_default().push(task);
        }
    }
    for ((service, ..), mut ended) in by_place {
        ended.sort_by_key(|task| std::cmp::Reverse((task.created_at_ms, &task.id)));
        let kept = kept.max(attempts(state, service));
        changes.extend(ended.into_iter().skip(kept).filter_map(|task| reap(state, task)));
    }
    let mut decision = Decision::default();
    decision.change_tasks(changes);
    decision
}

/// Ended tasks that the restart policy still has to know of: the last one, for its delay, and as many as it counts.
fn attempts(state: &State, service: &ServiceId) -> usize {
    let policy = state.services().get(service).map(|service| service.spec.restart);
    let counted = policy.map_or(0, |policy| policy.max_attempts).min(ATTEMPTS_COUNTED);
    usize::try_from(counted).unwrap_or(usize::MAX).saturating_add(1)
}

/// Nothing while its worker may still have a file of it.
fn reap(state: &State, task: &Task) -> Option<TaskChange> {
    let open = state.holdings_of_task(&task.id).any(|(_, holding)| holding.is_live());
    (!open).then(|| TaskChange::Reap { task: task.id.clone() })
}
