//! Which tasks should there be, and where? Slots are filled, surplus is removed, dead nodes are left behind, ended tasks
//! are replaced.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_state::State;
use wardroom_state::command::{NewTask, TaskChange};
use wardroom_state::ids::{NodeId, TaskId};
use wardroom_state::node::NodeState;
use wardroom_state::service::Mode;
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;
use crate::reconcile::placement::{Placement, keeps_tasks};
use crate::reconcile::places::Place;
use crate::reconcile::restart::{Restart, restart};
use crate::reconcile::settled::is_well;
use crate::reconcile::turn::Turn;

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
        let turn = Turn::of(state, service, now_ms);
        match service.spec.mode {
            Mode::Replicated(replicas) => round.fill_slots(&turn, replicas),
            Mode::Global => round.cover_nodes(&turn),
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
struct Slot<'a> {
    place: Place<'a>,
    /// Meant to run and not ended.
    live: Vec<&'a Task>,
    /// Told to end and not ended yet.
    stopping: bool,
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

    fn slot(&self, tasks: Vec<&'a Task>) -> Slot<'a> {
        let left_behind = |task: &&Task| is_left_behind(self.state, task);
        let here = tasks
            .iter()
            .filter(|task| !left_behind(task) && !task.status.state.is_final());
        let (stopping, live): (Vec<&Task>, Vec<&Task>) = here.partition(|task| task.desired.is_final());
        Slot {
            stopping: !stopping.is_empty(),
            live,
            place: Place { tasks },
        }
    }

    fn fill_slots(&mut self, turn: &Turn<'a>, replicas: u32) {
        let mut by_slot: BTreeMap<u32, Vec<&Task>> = (1..=replicas).map(|slot| (slot, Vec::new())).collect();
        for task in self.state.tasks_of(&turn.service.id) {
            by_slot.entry(task.slot).or_default().push(task);
        }
        for (number, tasks) in by_slot {
            let slot = self.slot(tasks);
            if number == 0 || number > replicas {
                slot.live.iter().for_each(|task| self.desire(task, TaskState::Remove));
                continue;
            }
            let Some(kept) = self.keep_one(turn, &slot) else {
                if self.may_start(turn, &slot) {
                    let node = self.place(turn);
                    self.create(turn, number, node, &slot);
                }
                continue;
            };
            if kept.node.is_none() {
                self.place_pending(turn, kept);
            }
        }
    }

    /// The slot's task, if it has one that may stay where it is; whatever else lives there is shut down. Only a task
    /// whose successor is still to prove well lives beside it.
    fn keep_one(&mut self, turn: &Turn<'_>, slot: &Slot<'a>) -> Option<&'a Task> {
        let state = self.state;
        let stays = |task: &Task| task.node.as_ref().is_none_or(|id| keeps_tasks(state, id, turn.service));
        let best = |tasks: Vec<&'a Task>| {
            let key = |task: &&Task| (task.status.state, task.created_at_ms, task.id.clone());
            tasks.into_iter().max_by_key(key)
        };
        let staying = slot.live.iter().copied().filter(|task| stays(task));
        let (old, current): (Vec<&Task>, Vec<&Task>) = match slot.live.len() {
            0 | 1 => (Vec::new(), staying.collect()),
            _ => staying.partition(|task| turn.is_outdated(task)),
        };
        let (old, current) = (best(old), best(current));
        let beside = old.filter(|_| !current.is_some_and(|current| is_well(state, current)));
        let kept = current.or(beside);
        for task in &slot.live {
            let keeps = |kept: Option<&Task>| kept.is_some_and(|kept| kept.id == task.id);
            if !keeps(kept) && !keeps(beside) {
                self.desire(task, TaskState::Shutdown);
            }
        }
        // What was just told to end still occupies the slot.
        kept.or_else(|| slot.live.first().copied())
    }

    /// One task per slot: the one before must have ended, and the service must want another one.
    fn may_start(&mut self, turn: &Turn<'_>, slot: &Slot<'_>) -> bool {
        if slot.stopping {
            return false;
        }
        match restart(turn, &slot.place, self.now_ms) {
            Restart::Now => true,
            Restart::Never => false,
            Restart::At(due_ms) => {
                self.decision.again_at(due_ms);
                false
            }
        }
    }

    /// A task without all of its files waits for them, off any node.
    fn place(&mut self, turn: &Turn<'a>) -> Option<NodeId> {
        if turn.is_complete() {
            self.placement.pick(turn.service)
        } else {
            None
        }
    }

    /// Says why a task has no node, once.
    fn explain(&mut self, turn: &Turn<'_>, task: &Task) {
        let message = if turn.is_complete() {
            self.placement.reason(turn.service)
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

    fn place_pending(&mut self, turn: &Turn<'a>, task: &Task) {
        // One of an earlier generation is replaced, not placed.
        let placed = if turn.is_outdated(task) { None } else { self.place(turn) };
        if placed.is_none() {
            self.explain(turn, task);
        }
        if let Some(node) = placed {
            let files = turn.files_for_new();
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

    fn create(&mut self, turn: &Turn<'_>, number: u32, node: Option<NodeId>, slot: &Slot<'_>) {
        let ended = slot.place.ended();
        if let Some(ended) = ended.first().filter(|ended| !ended.desired.is_final()) {
            self.changes.push(TaskChange::Desire {
                task: ended.id.clone(),
                desired: TaskState::Shutdown,
            });
        }
        self.created.push(NewTask {
            id: (self.new_id)(),
            service: turn.service.id.clone(),
            slot: number,
            generation: turn.service.generation,
            node,
            files: turn.files_for_new(),
        });
    }

    /// One task on every node that takes tasks; none where tasks may not stay.
    fn cover_nodes(&mut self, turn: &Turn<'a>) {
        let service = turn.service;
        let mut by_node: BTreeMap<&NodeId, Vec<&Task>> = BTreeMap::new();
        for task in self.state.tasks_of(&service.id) {
            match &task.node {
                Some(node) => by_node.entry(node).or_default().push(task),
                None => self.desire(task, TaskState::Remove),
            }
        }
        let covered: BTreeSet<NodeId> = self.placement.nodes(service).cloned().collect();
        let complete = turn.is_complete();
        for node in &covered {
            let slot = self.slot(by_node.get(node).cloned().unwrap_or_default());
            if self.keep_one(turn, &slot).is_none() && self.may_start(turn, &slot) && complete {
                self.create(turn, 0, Some(node.clone()), &slot);
            }
        }
        for (node, tasks) in by_node {
            if !keeps_tasks(self.state, node, service) {
                let slot = self.slot(tasks);
                slot.live.iter().for_each(|task| self.desire(task, TaskState::Shutdown));
            }
        }
    }
}
