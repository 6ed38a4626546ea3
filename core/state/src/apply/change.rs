//! What does the leader's reconcile loop change about tasks? Their placement, files, desired states, and the end.
//!
//! Where a task has ended meanwhile a change is empty; where it would hand out what nobody granted, or what is gone,
//! the whole command is refused and the loop plans again.

use std::collections::BTreeSet;

use super::audited::shorten;
use super::holding::{assign, cut, cut_task, key_of};
use super::step::Step;
use super::{files, node, service};
use crate::command::TaskChange;
use crate::ids::{NodeId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::state::State;
use crate::task::{SecretFile, Task, TaskState};

pub(super) fn apply(step: &mut Step<'_>, changes: &[TaskChange]) -> Result<(), Refusal> {
    check(step.state, changes)?;
    for change in changes {
        match change {
            TaskChange::Desire { task, desired } => desire(step, task, *desired),
            TaskChange::Place { task, node } => place(step, task, node),
            TaskChange::Files { task, files } => replace_files(step, task, files),
            TaskChange::Orphan { task, message } => orphan(step, task, message),
            TaskChange::Reap { task } => step.remove_task(task),
            TaskChange::Wait { task, message } => wait(step, task, message),
        }
    }
    Ok(())
}

/// All of them before the first change. Within one command a task is placed at most once and reaped last.
fn check(state: &State, changes: &[TaskChange]) -> Result<(), Refusal> {
    let (mut placed_now, mut reaped_now) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        let id = subject(change);
        let unknown = || Refusal::NotFound {
            noun: Noun::Task,
            reference: id.to_string(),
        };
        let task = state
            .tasks()
            .get(id)
            .filter(|_| !reaped_now.contains(id))
            .ok_or_else(unknown)?;
        match change {
            TaskChange::Place { node, .. } => {
                node::known(state, node)?;
                if task.node.is_some() || !placed_now.insert(id) {
                    return Err(Refusal::TaskPlaced {
                        task: task.name.clone(),
                    });
                }
            }
            TaskChange::Files { files: wanted, .. } if task.is_live() => {
                let owner = service::known(state, &task.service)?;
                files::checked(state, owner, &task.files, wanted)?;
            }
            TaskChange::Reap { .. } => {
                check_reap(state, task)?;
                reaped_now.insert(id);
            }
            _ => {}
        }
    }
    Ok(())
}

fn subject(change: &TaskChange) -> &TaskId {
    match change {
        TaskChange::Desire { task, .. }
        | TaskChange::Place { task, .. }
        | TaskChange::Files { task, .. }
        | TaskChange::Orphan { task, .. }
        | TaskChange::Reap { task }
        | TaskChange::Wait { task, .. } => task,
    }
}

fn check_reap(state: &State, task: &Task) -> Result<(), Refusal> {
    if !task.status.state.is_final() {
        return Err(Refusal::TaskNotFinished {
            task: task.name.clone(),
        });
    }
    let mut holdings = state.holdings_of_task(&task.id);
    if holdings.any(|(_, holding)| holding.is_live()) {
        return Err(Refusal::TaskOwesReceipt {
            task: task.name.clone(),
        });
    }
    Ok(())
}

/// Desired states only move towards the end.
fn desire(step: &mut Step<'_>, id: &TaskId, desired: TaskState) {
    let desired = desired.min(TaskState::Remove);
    let Some(task) = step.state.tasks().get(id).filter(|task| task.desired < desired) else {
        return;
    };
    let (was_final, unplaced, now_ms) = (task.desired.is_final(), task.node.is_none(), step.now_ms);
    step.edit_task(id, |task| {
        task.desired = desired;
        // Nobody will report the end of a task that was never placed.
        if desired.is_final() && unplaced && !task.status.state.is_final() {
            task.status.state = TaskState::Shutdown;
            task.status.since_ms = now_ms;
        }
    });
    if desired.is_final() && !was_final {
        cut_task(step, id);
    }
}

fn place(step: &mut Step<'_>, id: &TaskId, node: &NodeId) {
    let Some(task) = step.state.tasks().get(id).filter(|task| task.is_live()) else {
        return;
    };
    let (files, now_ms) = (task.files.clone(), step.now_ms);
    step.edit_task(id, |task| {
        task.node = Some(node.clone());
        if task.status.state < TaskState::Assigned {
            task.status.state = TaskState::Assigned;
            task.status.since_ms = now_ms;
            task.status.message.clear();
        }
    });
    assign(step, id, node, &files);
}

/// Only while it has none.
fn wait(step: &mut Step<'_>, id: &TaskId, message: &str) {
    let message = shorten(message, 500);
    let waits = |task: &Task| task.is_live() && task.node.is_none() && task.status.message != message;
    if step.state.tasks().get(id).is_some_and(waits) {
        step.edit_task(id, |task| task.status.message = message);
    }
}

fn replace_files(step: &mut Step<'_>, id: &TaskId, files: &[SecretFile]) {
    let Some(task) = step.state.tasks().get(id).filter(|task| task.is_live()) else {
        return;
    };
    let mut files = files.to_vec();
    files.sort_by(|a, b| a.target.cmp(&b.target));
    if task.files == files {
        return;
    }
    let (node, old) = (task.node.clone(), task.files.clone());
    step.edit_task(id, |task| task.files.clone_from(&files));
    if let Some(node) = node {
        for file in &old {
            let key = key_of(id, &node, file);
            if !files.iter().any(|file| key_of(id, &node, file) == key) {
                cut(step, &key);
            }
        }
        assign(step, id, &node, &files);
    }
}

/// Its node is gone: what it holds stays owed until that node is heard of again.
pub(super) fn orphan(step: &mut Step<'_>, id: &TaskId, message: &str) {
    let Some(task) = step.state.tasks().get(id) else { return };
    if task.status.state.is_final() {
        return;
    }
    let now_ms = step.now_ms;
    step.edit_task(id, |task| {
        task.status.state = TaskState::Orphaned;
        task.status.since_ms = now_ms;
        task.status.message = shorten(message, 500);
        task.status.pid = 0;
    });
    cut_task(step, id);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Command, NewTask};
    use crate::holding::HoldingState::{Erased, Present};
    use crate::script::{Script, change, expect, receipt, receipts, rotate, service_id, status};

    #[test]
    fn a_command_is_refused_as_a_whole() {
        let mut script = Script::with_web(&["db"]);
        let shutdown = TaskChange::Desire {
            task: TaskId::new("t1"),
            desired: TaskState::Shutdown,
        };
        let unknown = TaskChange::Desire {
            task: TaskId::new("t9"),
            desired: TaskState::Shutdown,
        };
        let both = Command::ChangeTasks {
            changes: vec![shutdown, unknown],
        };
        expect(&script.play(both), "NotFound: task t9 not found");
    }

    #[test]
    fn a_task_without_a_node_says_why_until_it_has_one() {
        let mut script = Script::with_web(&[]);
        let id = TaskId::new("t2");
        let new = NewTask {
            generation: 1,
            id: id.clone(),
            service: service_id("web"),
            slot: 2,
            node: None,
            files: Vec::new(),
        };
        script.play(Command::CreateTasks { tasks: vec![new] });
        let wait = |message: &str| {
            change(TaskChange::Wait {
                task: TaskId::new("t2"),
                message: message.into(),
            })
        };
        expect(&script.play(wait("no suitable node")), "task t2");
        assert_eq!(script.state.tasks()[&id].status.message, "no suitable node");
        expect(&script.play(wait("no suitable node")), "");
        script.play(change(TaskChange::Place {
            task: id.clone(),
            node: NodeId::new("n2"),
        }));
        assert_eq!(script.state.tasks()[&id].status.message, "");
        expect(&script.play(wait("no suitable node")), "");
    }

    #[test]
    fn going_back_to_a_version_before_its_erasure_asks_for_a_new_proof() {
        let mut script = Script::with_web(&["db"]);
        let first = script.state.tasks()[&TaskId::new("t1")].files.clone();
        script.play(rotate("db", 2));
        script.refresh("t1");
        expect(
            &script.play(change(TaskChange::Files {
                task: TaskId::new("t1"),
                files: first,
            })),
            "task t1\nholding s-db v1 t1: Pending\nholding s-db v2 t1: Pending, owed",
        );
    }

    #[test]
    fn an_ending_task_owes_and_is_reaped_when_it_is_quits() {
        let mut script = Script::with_web(&["db"]);
        let id = || TaskId::new("t1");
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
        let desire = |desired| {
            change(TaskChange::Desire {
                task: TaskId::new("t1"),
                desired,
            })
        };
        expect(
            &script.play(desire(TaskState::Shutdown)),
            "task t1\nholding s-db v1 t1: Present, proven, owed",
        );
        expect(&script.play(desire(TaskState::Running)), "");
        let reap = || change(TaskChange::Reap { task: id() });
        expect(
            &script.play(reap()),
            "Precondition: task web.1 has not ended; shut it down first",
        );
        expect(&script.play(status("n1", "t1", TaskState::Shutdown)), "task t1");
        expect(
            &script.play(change(TaskChange::Files {
                task: id(),
                files: Vec::new(),
            })),
            "",
        );
        script.play(receipts("n1", vec![receipt("t1", "db", 1, Erased)]));
        expect(&script.play(reap()), "-task t1\n-holding s-db v1 t1");
        assert_eq!(script.state.holdings().len(), 0);
    }

    #[test]
    fn an_unplaced_task_ends_by_itself() {
        let mut script = Script::with_web(&[]);
        let (id, service) = (TaskId::new("t2"), service_id("web"));
        let new = NewTask {
            generation: 1,
            id,
            service,
            slot: 2,
            node: None,
            files: Vec::new(),
        };
        script.play(Command::CreateTasks { tasks: vec![new] });
        let desire = TaskChange::Desire {
            task: TaskId::new("t2"),
            desired: TaskState::Shutdown,
        };
        expect(&script.play(change(desire)), "task t2");
        expect(
            &script.play(change(TaskChange::Reap {
                task: TaskId::new("t2"),
            })),
            "-task t2",
        );
    }
}
