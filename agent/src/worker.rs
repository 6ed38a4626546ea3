//! How does an assignment become running tasks? Takes the messages in, keeps the values, and hands each task its orders.

use std::collections::BTreeMap;

use crate::assignments::{Action, Assignments, Gap};
use crate::ids::TaskId;
use crate::task::{Order, Shared, Task};
use crate::wire::Incoming;

/// All that this worker holds and runs.
pub(crate) struct Worker {
    assignments: Assignments,
    tasks: BTreeMap<TaskId, Task>,
    /// No longer assigned, and not done erasing.
    ending: BTreeMap<TaskId, Task>,
    shared: Shared,
    closed: bool,
}

impl Worker {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            assignments: Assignments::default(),
            tasks: BTreeMap::new(),
            ending: BTreeMap::new(),
            shared,
            closed: false,
        }
    }

    /// The stream of assignments broke: tasks go on, and the next message must be a complete one.
    pub(crate) fn broken_off(&mut self) {
        self.assignments.broken_off();
    }

    /// Takes one message. After an error nothing has changed and the stream is to be opened again.
    pub(crate) fn take(&mut self, mut incoming: Incoming) -> Result<(), Gap> {
        if self.closed {
            return Ok(());
        }
        for action in self.assignments.apply(incoming.update)? {
            match action {
                Action::Keep(version) => {
                    if let Some(value) = incoming.values.remove(&version) {
                        self.shared.values.keep(version, value);
                    }
                }
                Action::Bring(wanted) => {
                    if let Some(task) = self.tasks.get_mut(&wanted.id) {
                        task.order(Order::Bring(wanted));
                    } else {
                        let before = self.ending.remove(&wanted.id);
                        self.tasks
                            .insert(wanted.id.clone(), Task::begin(wanted, before, self.shared.clone()));
                    }
                }
                Action::End(id) => {
                    if let Some(mut task) = self.tasks.remove(&id) {
                        task.order(Order::End);
                        self.ending.insert(id, task);
                    }
                }
                Action::Drop(version) => self.shared.values.drop_value(&version),
            }
        }
        self.ending.retain(|_, task| !task.is_over());
        Ok(())
    }

    /// Ends every task and takes nothing more. Returns when each is over, to be waited for without this worker's lock.
    /// Asked again, it returns what is not over yet.
    pub(crate) fn close(&mut self) -> Vec<impl Future<Output = ()> + use<>> {
        self.closed = true;
        self.shared.values.clear();
        for (id, mut task) in std::mem::take(&mut self.tasks) {
            task.order(Order::End);
            self.ending.insert(id, task);
        }
        self.ending.values().map(Task::over).collect()
    }
}
