//! Which tasks should there be, and where? Slots are filled, surplus is removed, dead nodes are left behind, ended tasks
//! are replaced.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_state::State;
use wardroom_state::command::{NewTask, TaskChange};
use wardroom_state::ids::{NodeId, TaskId};
use wardroom_state::node::NodeState;
use wardroom_state::service::{Mode, Service};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;
use crate::reconcile::placement::{Placement, keeps_tasks};

/// Docker's restart delay: a task that ended by itself is replaced this long after.
pub(crate) const RESTART_DELAY_MS: i64 = 5_000;

/// Compares every service with its tasks. `new_id` names the tasks to create.
pub(crate) fn decide(state: &State, now_ms: i64, new_id: &mut dyn FnMut() -> TaskId) -> Decision {
    let mut round = Round {
        state,
        now_ms,
        placement: Placement::of(state),
        decision: Decision::default(),
        changes: Vec::new(),
        created: Vec::new(),
        new_id,
    };
    round.leave_dead_nodes();
    round.remove_strays();
    for service in state.services().values() {
        match service.spec.mode {
            Mode::Replicated(replicas) => round.fill_slots(service, replicas),
            Mode::Global => round.cover_nodes(service),
        }
    }
    let Round {
        mut decision,
        changes,
        created,
        ..
    } = round;
    decision.change_tasks(changes);
    decision.create_tasks(created);
    decision
}

fn is_left_behind(state: &State, task: &Task) -> bool {
    let down = |id| state.nodes().get(id).is_none_or(|node| node.state == NodeState::Down);
    !task.status.state.is_final() && task.node.as_ref().is_some_and(down)
}

/// What one slot (or one node of a global service) looks like.
#[derive(Default)]
struct Slot<'a> {
    /// Meant to run and not ended.
    live: Vec<&'a Task>,
    /// Told to end and not ended yet.
    stopping: bool,
    last_ended: Option<&'a Task>,
}

struct Round<'a, 'f> {
    state: &'a State,
    now_ms: i64,
    placement: Placement<'a>,
    decision: Decision,
    changes: Vec<TaskChange>,
    created: Vec<NewTask>,
    new_id: &'f mut dyn FnMut() -> TaskId,
}

impl<'a> Round<'a, '_> {
    /// Nobody will report on the tasks of a node that is down.
    fn leave_dead_nodes(&mut self) {
        let state = self.state;
        for task in state.tasks().values().filter(|task| is_left_behind(state, task)) {
            let hostname = task
                .node
                .as_ref()
                .and_then(|id| state.nodes().get(id))
                .map(|node| &node.hostname);
            let message = hostname.map_or_else(|| "its node is gone".to_owned(), |name| format!("node {name} is down"));
            self.changes.push(TaskChange::Orphan {
                task: task.id.clone(),
                message,
            });
        }
    }

    /// Tasks whose service was removed.
    fn remove_strays(&mut self) {
        let state = self.state;
        for task in state
            .tasks()
            .values()
            .filter(|task| !state.services().contains_key(&task.service))
        {
            self.desire(task, TaskState::Remove);
        }
    }

    fn desire(&mut self, task: &Task, desired: TaskState) {
        if task.desired < desired && !task.status.state.is_final() && !is_left_behind(self.state, task) {
            self.changes.push(TaskChange::Desire {
                task: task.id.clone(),
                desired,
            });
        }
    }

    fn slot(&self, tasks: &[&'a Task]) -> Slot<'a> {
        let mut slot = Slot::default();
        for &task in tasks {
            if task.status.state.is_final() || is_left_behind(self.state, task) {
                let later = |before: &Task| (before.status.since_ms, &before.id) < (task.status.since_ms, &task.id);
                if slot.last_ended.is_none_or(later) {
                    slot.last_ended = Some(task);
                }
            } else if task.desired.is_final() {
                slot.stopping = true;
            } else {
                slot.live.push(task);
            }
        }
        slot
    }

    fn fill_slots(&mut self, service: &'a Service, replicas: u32) {
        let mut by_slot: BTreeMap<u32, Vec<&Task>> = (1..=replicas).map(|slot| (slot, Vec::new())).collect();
        for task in self.state.tasks_of(&service.id) {
            by_slot.entry(task.slot).or_default().push(task);
        }
        for (number, tasks) in by_slot {
            let slot = self.slot(&tasks);
            if number == 0 || number > replicas {
                slot.live.iter().for_each(|task| self.desire(task, TaskState::Remove));
                continue;
            }
            let Some(kept) = self.keep_one(service, &slot) else {
                if self.may_start(&slot) {
                    let node = self.place(service);
                    self.create(service, number, node, slot.last_ended);
                }
                continue;
            };
            if kept.node.is_none() {
                self.place_pending(service, kept);
            }
        }
    }

    /// The slot's task, if it has one that may stay where it is; whatever else lives there is shut down.
    fn keep_one(&mut self, service: &Service, slot: &Slot<'a>) -> Option<&'a Task> {
        let state = self.state;
        let stays = |task: &Task| task.node.as_ref().is_none_or(|id| keeps_tasks(state, id, service));
        let kept = slot
            .live
            .iter()
            .copied()
            .filter(|task| stays(task))
            .max_by_key(|task| (task.status.state, task.created_at_ms, &task.id));
        for task in &slot.live {
            if kept.is_none_or(|kept| kept.id != task.id) {
                self.desire(task, TaskState::Shutdown);
            }
        }
        // What was just told to end still occupies the slot.
        kept.or_else(|| slot.live.first().copied())
    }

    /// One task per slot: the one before must have ended, and some time ago if it ended by itself.
    fn may_start(&mut self, slot: &Slot<'_>) -> bool {
        if slot.stopping {
            return false;
        }
        let Some(ended) = slot.last_ended else { return true };
        if !matches!(
            ended.status.state,
            TaskState::Failed | TaskState::Rejected | TaskState::Complete
        ) {
            return true;
        }
        let due_ms = ended.status.since_ms.saturating_add(RESTART_DELAY_MS);
        if due_ms > self.now_ms {
            self.decision.again_at(due_ms);
        }
        due_ms <= self.now_ms
    }

    /// A task without all of its files waits for them, off any node.
    fn place(&mut self, service: &'a Service) -> Option<NodeId> {
        if self.is_complete(service) {
            self.placement.pick(service)
        } else {
            None
        }
    }

    fn is_complete(&self, service: &Service) -> bool {
        self.state.files_wanted(service).len() == service.spec.grants.len()
    }

    /// Says why a task has no node, once.
    fn explain(&mut self, service: &Service, task: &Task) {
        let message = if self.is_complete(service) {
            self.placement.reason(service)
        } else {
            "a secret it was granted has no version to deliver; rotate it, or take it out of the service".to_owned()
        };
        if task.status.message != message {
            self.changes.push(TaskChange::Wait {
                task: task.id.clone(),
                message,
            });
        }
    }

    fn place_pending(&mut self, service: &'a Service, task: &Task) {
        let placed = self.place(service);
        if placed.is_none() {
            self.explain(service, task);
        }
        if let Some(node) = placed {
            let files = self.state.files_wanted(service);
            if files != task.files {
                self.changes.push(TaskChange::Files {
                    task: task.id.clone(),
                    files,
                });
            }
            self.changes.push(TaskChange::Place {
                task: task.id.clone(),
                node,
            });
        }
    }

    fn create(&mut self, service: &Service, slot: u32, node: Option<NodeId>, ended: Option<&Task>) {
        if let Some(ended) = ended.filter(|ended| !ended.desired.is_final() && ended.status.state.is_final()) {
            self.changes.push(TaskChange::Desire {
                task: ended.id.clone(),
                desired: TaskState::Shutdown,
            });
        }
        let files = self.state.files_wanted(service);
        self.created.push(NewTask {
            id: (self.new_id)(),
            service: service.id.clone(),
            slot,
            generation: service.generation,
            node,
            files,
        });
    }

    /// One task on every node that takes tasks; none where tasks may not stay.
    fn cover_nodes(&mut self, service: &'a Service) {
        let mut by_node: BTreeMap<&NodeId, Vec<&Task>> = BTreeMap::new();
        for task in self.state.tasks_of(&service.id) {
            match &task.node {
                Some(node) => by_node.entry(node).or_default().push(task),
                None => self.desire(task, TaskState::Remove),
            }
        }
        let covered: BTreeSet<NodeId> = self.placement.nodes(service).cloned().collect();
        let complete = self.is_complete(service);
        for node in &covered {
            let slot = self.slot(by_node.get(node).map_or(&[][..], Vec::as_slice));
            if self.keep_one(service, &slot).is_none() && self.may_start(&slot) && complete {
                self.create(service, 0, Some(node.clone()), slot.last_ended);
            }
        }
        for (_, tasks) in by_node
            .iter()
            .filter(|(node, _)| !keeps_tasks(self.state, node, service))
        {
            let slot = self.slot(tasks);
            slot.live.iter().for_each(|task| self.desire(task, TaskState::Shutdown));
        }
    }
}
