//! What does the leader's reconcile loop change? Tasks: new ones, their placement, files, desired states, and the end.
//!
//! Where a task has ended meanwhile a change is empty; where it would hand out what nobody granted, or what is gone,
//! the whole command is refused and the loop plans again.

use std::collections::BTreeSet;

use super::audited::shorten;
use super::holding::{assign, cut, cut_task, key_of};
use super::step::Step;
use super::{node, service};
use crate::command::{NewTask, TaskChange};
use crate::ids::{NodeId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::service::{Mode, Service};
use crate::state::State;
use crate::task::{SecretFile, Task, TaskState, TaskStatus};
use crate::validate;

pub(super) fn create(step: &mut Step<'_>, tasks: &[NewTask]) -> Result<(), Refusal> {
    let mut ids = BTreeSet::new();
    let mut ready = Vec::with_capacity(tasks.len());
    for new in tasks {
        if !ids.insert(&new.id) || step.state.tasks().contains_key(&new.id) {
            return Err(Refusal::IdTaken {
                noun: Noun::Task,
                id: new.id.to_string(),
            });
        }
        ready.push(built(step, new)?);
    }
    for task in ready {
        let (id, node, files) = (task.id.clone(), task.node.clone(), task.files.clone());
        step.insert_task(task);
        if let Some(node) = node {
            assign(step, &id, &node, &files);
        }
    }
    Ok(())
}

fn built(step: &Step<'_>, new: &NewTask) -> Result<Task, Refusal> {
    let owner = service::known(step.state, &new.service)?;
    if let Some(id) = &new.node {
        node::known(step.state, id)?;
    }
    let place = match (owner.spec.mode, new.slot, &new.node) {
        (Mode::Replicated(_), 1.., _) => new.slot.to_string(),
        (Mode::Global, 0, Some(node)) => node.to_string(),
        _ => return Err(Refusal::SlotInvalid),
    };
    let state = if new.node.is_some() {
        TaskState::Assigned
    } else {
        TaskState::Pending
    };
    Ok(Task {
        id: new.id.clone(),
        service: new.service.clone(),
        name: format!("{}.{place}", owner.spec.name),
        slot: new.slot,
        node: new.node.clone(),
        desired: TaskState::Running,
        status: TaskStatus {
            state,
            since_ms: step.now_ms,
            message: String::new(),
            error: String::new(),
            exit_code: 0,
            pid: 0,
            secrets_dir: String::new(),
        },
        files: checked_files(step.state, owner, &[], &new.files)?,
        created_at_ms: step.now_ms,
        version_index: step.index,
    })
}

pub(super) fn change(step: &mut Step<'_>, changes: &[TaskChange]) -> Result<(), Refusal> {
    check(step.state, changes)?;
    for change in changes {
        match change {
            TaskChange::Desire { task, desired } => desire(step, task, *desired),
            TaskChange::Place { task, node } => place(step, task, node),
            TaskChange::Files { task, files } => replace_files(step, task, files),
            TaskChange::Orphan { task, message } => orphan(step, task, message),
            TaskChange::Reap { task } => step.remove_task(task),
        }
    }
    Ok(())
}

/// All of them before the first change. Within one command a task is placed at most once and reaped last.
fn check(state: &State, changes: &[TaskChange]) -> Result<(), Refusal> {
    let (mut placed, mut reaped) = (BTreeSet::new(), BTreeSet::new());
    for change in changes {
        let id = subject(change);
        let unknown = || Refusal::NotFound {
            noun: Noun::Task,
            reference: id.to_string(),
        };
        let task = state
            .tasks()
            .get(id)
            .filter(|_| !reaped.contains(id))
            .ok_or_else(unknown)?;
        match change {
            TaskChange::Place { node, .. } => {
                node::known(state, node)?;
                if task.node.is_some() || !placed.insert(id) {
                    return Err(Refusal::TaskPlaced {
                        task: task.name.clone(),
                    });
                }
            }
            TaskChange::Files { files, .. } if task.is_live() => {
                let owner = service::known(state, &task.service)?;
                checked_files(state, owner, &task.files, files)?;
            }
            TaskChange::Reap { .. } => {
                check_reap(state, task)?;
                reaped.insert(id);
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
        | TaskChange::Reap { task } => task,
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

/// Sorted by target. A worker gets only versions that its task has a claim to and whose value exists.
fn checked_files(
    state: &State,
    owner: &Service,
    held: &[SecretFile],
    files: &[SecretFile],
) -> Result<Vec<SecretFile>, Refusal> {
    let mut files = files.to_vec();
    files.sort_by(|a, b| a.target.cmp(&b.target));
    let mut targets = BTreeSet::new();
    for file in &files {
        let stale = || Refusal::NotGranted {
            service: owner.spec.name.clone(),
            target: file.target.clone(),
        };
        if validate::target(&file.target)? != file.target || !targets.insert(&file.target) {
            return Err(stale());
        }
        let granted = owner.spec.grants.iter().any(|grant| {
            grant.target == file.target
                && grant.secret == file.secret
                && grant.pinned.is_none_or(|version| version == file.version)
        });
        // While an update rolls, a task of the spec before still follows what it was given.
        let kept = || {
            held.iter()
                .any(|old| old.target == file.target && old.secret == file.secret)
        };
        if !granted && !kept() {
            return Err(stale());
        }
        let secret = state.secrets().get(&file.secret).ok_or_else(stale)?;
        let version = secret
            .versions
            .get(&file.version)
            .filter(|version| version.id == file.version_id);
        if version.ok_or_else(stale)?.sealed.is_none() {
            return Err(Refusal::VersionGone {
                secret: secret.name.clone(),
                version: file.version,
            });
        }
    }
    Ok(files)
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
        }
    });
    assign(step, id, node, &files);
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
fn orphan(step: &mut Step<'_>, id: &TaskId, message: &str) {
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
    use crate::command::Command;
    use crate::holding::HoldingState::Erased;
    use crate::script::{Script, change, create, expect, receipt, receipts, revoke, rotate, service_id, status};

    fn new_task(id: &str, slot: u32, node: Option<&str>) -> Command {
        let node = node.map(NodeId::new);
        let new = NewTask {
            id: TaskId::new(id),
            service: service_id("web"),
            slot,
            node,
            files: Vec::new(),
        };
        Command::CreateTasks { tasks: vec![new] }
    }

    #[test]
    fn a_task_gets_its_holdings_with_its_node() {
        let mut script = Script::with_web(&["db"]);
        let files = script.state.files_wanted(script.state.find_service("web").unwrap());
        let (id, node) = (TaskId::new("t2"), NodeId::new("n2"));
        let new = NewTask {
            id: id.clone(),
            service: service_id("web"),
            slot: 2,
            node: None,
            files,
        };
        expect(&script.play(Command::CreateTasks { tasks: vec![new] }), "task t2");
        assert_eq!(script.state.tasks()[&id].name, "web.2");
        let place = || {
            change(TaskChange::Place {
                task: id.clone(),
                node: node.clone(),
            })
        };
        expect(&script.play(place()), "task t2\nholding s-db v1 t2: Pending");
        expect(
            &script.play(place()),
            "Conflict: task web.2 has a node already; plan again",
        );
        assert_eq!(script.state.tasks_on(&node).count(), 1);
    }

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
        expect(
            &script.play(new_task("t2", 0, None)),
            "Invalid: a task of a replicated service has a slot from 1, one of a global service slot 0 and a node",
        );
        expect(
            &script.play(new_task("t2", 1, Some("n9"))),
            "NotFound: node n9 not found",
        );
        expect(
            &script.play(new_task("t1", 1, None)),
            "AlreadyExists: task id t1 already exists; propose again with a new id",
        );
    }

    #[test]
    fn nobody_gets_a_file_without_a_grant_or_a_value() {
        let mut script = Script::with_web(&["db"]);
        script.play(create("api"));
        script.play(rotate("db", 2));
        let wanted = script.state.files_wanted(script.state.find_service("web").unwrap());
        let give = |file: SecretFile| {
            change(TaskChange::Files {
                task: TaskId::new("t1"),
                files: vec![file],
            })
        };
        let stale = "Conflict: service web has no grant for 'db' with that version; plan again";
        let (secret, version_id) = (crate::script::secret("api"), crate::ids::VersionId::new("v-api-1"));
        expect(
            &script.play(give(SecretFile {
                secret,
                version_id,
                version: 1,
                ..wanted[0].clone()
            })),
            stale,
        );
        expect(
            &script.play(give(SecretFile {
                version: 1,
                ..wanted[0].clone()
            })),
            stale,
        );
        script.play(revoke("db", Some(2)));
        expect(
            &script.play(give(wanted[0].clone())),
            "Precondition: version 2 of secret 'db' has no value any more; name another version or follow the current one",
        );
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
        script.play(receipts(
            "n1",
            vec![receipt("t1", "db", 1, crate::holding::HoldingState::Present)],
        ));
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
        script.play(new_task("t2", 2, None));
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
