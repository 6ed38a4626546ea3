//! What does a loop hand back? Commands to propose now, and the time at which to look again without being woken.

use wardroom_state::command::{Command, NewTask, TaskChange};
use wardroom_state::task::SecretFile;

/// Bytes of one command's items: far below what a proposal may have, and more than one task with all the grants that a
/// service can have.
const PORTION: usize = 512 * 1024;
/// Bytes of an item besides its texts of free length: ids, numbers, and the lengths of all that.
const ITEM: usize = 128;

/// One loop's answer to one state.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Decision {
    pub(crate) commands: Vec<Command>,
    /// Unix milliseconds.
    pub(crate) again_at_ms: Option<i64>,
}

impl Decision {
    /// Look again at `at_ms`, or earlier if somebody said so before.
    pub(crate) fn again_at(&mut self, at_ms: i64) {
        self.again_at_ms = Some(self.again_at_ms.map_or(at_ms, |before| before.min(at_ms)));
    }

    /// The task changes of a loop go into one command, so that they are applied together; very many go into several.
    pub(crate) fn change_tasks(&mut self, changes: Vec<TaskChange>) {
        let bytes = |change: &TaskChange| match change {
            TaskChange::Files { files, .. } => ITEM + bytes_of(files),
            TaskChange::Orphan { message, .. } | TaskChange::Wait { message, .. } => ITEM + message.len(),
            TaskChange::Desire { .. } | TaskChange::Place { .. } | TaskChange::Reap { .. } => ITEM,
        };
        let portions = portions(changes, bytes).into_iter();
        self.commands
            .extend(portions.map(|changes| Command::ChangeTasks { changes }));
    }

    /// The same for new tasks.
    pub(crate) fn create_tasks(&mut self, tasks: Vec<NewTask>) {
        let portions = portions(tasks, |task| ITEM + bytes_of(&task.files)).into_iter();
        self.commands
            .extend(portions.map(|tasks| Command::CreateTasks { tasks }));
    }
}

fn bytes_of(files: &[SecretFile]) -> usize {
    files.iter().map(|file| ITEM + file.target.len()).sum()
}

/// The items in their order, as many together as fit into a portion.
fn portions<T>(items: Vec<T>, bytes: impl Fn(&T) -> usize) -> Vec<Vec<T>> {
    let mut portions: Vec<Vec<T>> = Vec::new();
    let mut left = 0;
    for item in items {
        let needed = bytes(&item);
        match portions.last_mut() {
            Some(portion) if needed <= left => {
                portion.push(item);
                left -= needed;
            }
            _ => {
                portions.push(vec![item]);
                left = PORTION.saturating_sub(needed);
            }
        }
    }
    portions
}

#[cfg(test)]
mod tests {
    use wardroom_state::command::{Actor, Proposal};
    use wardroom_state::encode_proposal;
    use wardroom_state::ids::{SecretId, ServiceId, TaskId, VersionId};
    use wardroom_state::service::OnChange;

    use super::*;

    fn file(number: usize) -> SecretFile {
        SecretFile {
            target: format!("{number:0>255}"),
            secret: SecretId::new("s".repeat(25)),
            version_id: VersionId::new("v".repeat(25)),
            version: u32::MAX,
            uid: u32::MAX,
            gid: u32::MAX,
            mode: u32::MAX,
            on_change: OnChange::Signal("SIGWINCH".into()),
        }
    }

    #[test]
    fn the_largest_service_is_created_in_proposals_of_bounded_size() {
        let task = |slot: u32| NewTask {
            generation: 1,
            id: TaskId::new(format!("{slot:0>25}")),
            service: ServiceId::new("w".repeat(25)),
            slot,
            node: None,
            files: (0..1_000).map(file).collect(),
        };
        let mut decision = Decision::default();
        decision.create_tasks((0..20).map(task).collect());
        let mut slots = Vec::new();
        for command in decision.commands {
            let Command::CreateTasks { tasks } = &command else {
                panic!("{command:?}")
            };
            slots.extend(tasks.iter().map(|task| task.slot));
            let actor = Actor {
                name: "system".into(),
                from: "local".into(),
            };
            let encoded = encode_proposal(&Proposal {
                at_ms: i64::MAX,
                actor,
                command,
            });
            assert!(encoded.len() < PORTION, "{} bytes", encoded.len());
        }
        assert_eq!(slots, (0..20).collect::<Vec<_>>(), "all of them, in order");
    }

    #[test]
    fn few_changes_are_applied_together() {
        let reap = |number: u32| TaskChange::Reap {
            task: TaskId::new(number.to_string()),
        };
        let mut decision = Decision::default();
        decision.change_tasks(Vec::new());
        assert_eq!(decision, Decision::default());
        decision.change_tasks((0..1_000).map(reap).collect());
        assert_eq!(decision.commands.len(), 1);
    }
}
