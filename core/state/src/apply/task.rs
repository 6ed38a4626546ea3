//! How does a task begin? The leader's reconcile loop proposes it with the exact files it is to hold.

use std::collections::BTreeSet;

use super::holding::assign;
use super::step::Step;
use super::{files, node, service};
use crate::command::NewTask;
use crate::refusal::{Noun, Refusal};
use crate::service::Mode;
use crate::task::{Task, TaskState, TaskStatus};

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
    if new.generation != owner.generation {
        let service = owner.spec.name.clone();
        return Err(Refusal::GenerationGone { service });
    }
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
        generation: new.generation,
        node: new.node.clone(),
        desired: TaskState::Running,
        status: TaskStatus {
            state,
            since_ms: step.now_ms,
            running_since_ms: 0,
            message: String::new(),
            error: String::new(),
            exit_code: 0,
            pid: 0,
            secrets_dir: String::new(),
            health: String::new(),
        },
        files: files::checked(step.state, owner, &[], &new.files)?,
        created_at_ms: step.now_ms,
        version_index: step.index,
    })
}

#[cfg(test)]
mod tests {
    use crate::command::{Command, NewTask, TaskChange};
    use crate::ids::{NodeId, TaskId};
    use crate::script::{Script, change, expect, service_id};

    fn new_task(id: &str, slot: u32, node: Option<&str>) -> Command {
        let node = node.map(NodeId::new);
        let new = NewTask {
            id: TaskId::new(id),
            service: service_id("web"),
            slot,
            generation: 1,
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
            generation: 1,
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
    fn a_task_fits_its_service_and_has_a_known_node() {
        let mut script = Script::with_web(&["db"]);
        expect(
            &script.play(new_task("t2", 0, None)),
            "Invalid: a task of a replicated service has a slot from 1, one of a global service slot 0 and a node",
        );
        expect(
            &script.play(new_task("t2", 1, Some("n9"))),
            "NotFound: node n9 not found",
        );
        let Command::CreateTasks { mut tasks } = new_task("t2", 2, None) else {
            unreachable!("a creation")
        };
        tasks[0].generation = 2;
        expect(
            &script.play(Command::CreateTasks { tasks }),
            "Conflict: service web has got a new spec meanwhile; plan again",
        );
        expect(
            &script.play(new_task("t1", 1, None)),
            "AlreadyExists: task id t1 already exists; propose again with a new id",
        );
    }
}
