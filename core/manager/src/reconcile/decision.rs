//! What does a loop hand back? Commands to propose now, and the time at which to look again without being woken.

use wardroom_state::command::{Command, TaskChange};

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

    /// All task changes of a loop go into one command, so that they are applied together.
    pub(crate) fn change_tasks(&mut self, changes: Vec<TaskChange>) {
        if !changes.is_empty() {
            self.commands.push(Command::ChangeTasks { changes });
        }
    }
}
