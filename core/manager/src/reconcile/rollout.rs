//! Which tasks change next? What needs no turn changes in all of them at once; the others go a few at a time, by the
//! settings of the service, and only while the ones before prove well.

use wardroom_state::State;
use wardroom_state::command::{NewTask, TaskChange};
use wardroom_state::ids::TaskId;
use wardroom_state::service::{RollOrder, Service};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;
use crate::reconcile::placement::Placement;
use crate::reconcile::places::has_failed_version;
use crate::reconcile::stands::{Pace, Stand, stands};
use crate::reconcile::turn::Turn;

pub(crate) fn decide(state: &State, now_ms: i64, new_id: &mut dyn FnMut() -> TaskId) -> Decision {
    let mut rollout = Rollout {
        now_ms,
        placement: None,
        decision: Decision::default(),
        changes: Vec::new(),
        created: Vec::new(),
        new_id,
    };
    for service in state.services().values() {
        rollout.roll(&Turn::of(state, service, now_ms));
    }
    let Rollout {
        mut decision,
        changes,
        created,
        ..
    } = rollout;
    decision.change_tasks(changes);
    decision.create_tasks(created);
    decision
}

struct Rollout<'a, 'f> {
    now_ms: i64,
    /// Made when the first successor is to be placed.
    placement: Option<Placement<'a>>,
    decision: Decision,
    changes: Vec<TaskChange>,
    created: Vec<NewTask>,
    new_id: &'f mut dyn FnMut() -> TaskId,
}

impl<'a> Rollout<'a, '_> {
    fn roll(&mut self, turn: &Turn<'a>) {
        let live = turn.state.tasks_of(&turn.service.id).filter(|task| task.is_live());
        let mut waits = false;
        for task in live {
            let files = turn.at_once(task);
            waits |= turn.needs_step(task);
            self.give(task, files);
        }
        if waits {
            self.take_turns(turn);
        }
    }

    fn give(&mut self, task: &Task, files: Vec<wardroom_state::task::SecretFile>) {
        if files != task.files {
            self.changes.push(TaskChange::Files {
                task: task.id.clone(),
                files,
            });
        }
    }

    /// As many as the parallelism leaves room for. Those that do not run go first, they are no loss.
    fn take_turns(&mut self, turn: &Turn<'a>) {
        let pace = Pace::of(turn);
        let stands = stands(turn, &pace, self.now_ms, &mut self.decision);
        let at_once = match pace.settings.parallelism {
            0 => usize::MAX,
            some => usize::try_from(some).unwrap_or(usize::MAX),
        };
        let taken = stands.iter().filter(|stand| self.takes_room(stand, &pace)).count();
        let mut todo: Vec<&Task> = stands
            .iter()
            .filter_map(|stand| match stand {
                Stand::Todo(task) if may_step(turn, task) => Some(*task),
                _ => None,
            })
            .collect();
        todo.sort_by_key(|task| (task.status.state == TaskState::Running, task.slot, &task.id));
        for task in todo.into_iter().take(at_once.saturating_sub(taken)) {
            self.step(turn, pace.settings.order, task);
        }
    }

    /// It is under way, or the delay after it is not over.
    fn takes_room(&mut self, stand: &Stand<'_>, pace: &Pace) -> bool {
        match stand {
            Stand::UnderWay => true,
            Stand::Well(since_ms) if *since_ms > 0 && !pace.returning => {
                let delay_ms = i64::try_from(pace.settings.delay_ms).unwrap_or(i64::MAX);
                let over_ms = since_ms.saturating_add(delay_ms);
                if over_ms > self.now_ms {
                    self.decision.again_at(over_ms);
                }
                over_ms > self.now_ms
            }
            _ => false,
        }
    }

    fn step(&mut self, turn: &Turn<'a>, order: RollOrder, task: &Task) {
        if !turn.is_outdated(task) {
            return self.give(task, turn.in_place(task));
        }
        let starts_first = order == RollOrder::StartFirst && task.status.state == TaskState::Running;
        if starts_first && turn.is_complete() {
            return self.succeed(turn, task);
        }
        self.changes.push(TaskChange::Desire {
            task: task.id.clone(),
            desired: TaskState::Shutdown,
        });
    }

    /// The successor runs beside the task before; [`super::tasks`] ends that one once it has proven well.
    fn succeed(&mut self, turn: &Turn<'a>, task: &Task) {
        let placement = self.placement.get_or_insert_with(|| Placement::of(turn.state));
        let node = match task.slot {
            0 => task.node.clone(),
            _ => placement.pick(turn.service),
        };
        self.created.push(NewTask {
            id: (self.new_id)(),
            service: turn.service.id.clone(),
            slot: task.slot,
            generation: turn.service.generation,
            node,
            files: turn.files_for_new(),
        });
    }
}

/// What runs once is never replaced. While an update is paused only what is dangerous is.
fn may_step(turn: &Turn<'_>, task: &Task) -> bool {
    let service: &Service = turn.service;
    let outdated = turn.is_outdated(task);
    let dangerous = has_failed_version(turn.state, task);
    !(outdated && (service.spec.one_off || turn.is_paused() && !dangerous))
}
