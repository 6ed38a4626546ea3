//! How does an assignment become running tasks? Takes the messages in, keeps the values, and hands each task its orders.
//!
//! A value whose lease ran out is gone from here and from every task's files, though it stays assigned: the tasks that list
//! it are ordered to go on without it, and with it again once a manager has sent it again.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

use crate::assignments::{Action, Assignments, Gap, Wanted};
use crate::ids::TaskId;
use crate::leases::Leases;
use crate::task::{Brief, Order, Shared, Task};
use crate::wire::Incoming;

/// All that this worker holds and runs.
pub(crate) struct Worker {
    assignments: Assignments,
    tasks: BTreeMap<TaskId, Task>,
    /// No longer assigned, and not done erasing.
    ending: BTreeMap<TaskId, Task>,
    shared: Shared,
    leases: Leases,
    shortest_lease: watch::Sender<Option<Duration>>,
    lacks: watch::Sender<bool>,
    closed: bool,
}

impl Worker {
    pub(crate) fn new(shared: Shared) -> Self {
        Self {
            assignments: Assignments::default(),
            tasks: BTreeMap::new(),
            ending: BTreeMap::new(),
            shared,
            leases: Leases::new(Instant::now()),
            shortest_lease: watch::Sender::new(None),
            lacks: watch::Sender::new(false),
            closed: false,
        }
    }

    /// The stream of assignments broke: tasks go on, and the next message must be a complete one.
    pub(crate) fn broken_off(&mut self) {
        self.assignments.broken_off();
    }

    /// The leader answered what was asked at `at`.
    pub(crate) fn heard(&mut self, at: Instant) {
        self.leases.heard(at);
    }

    /// The shortest lease that runs: something must be heard more often than that.
    pub(crate) fn shortest_lease(&self) -> watch::Receiver<Option<Duration>> {
        self.shortest_lease.subscribe()
    }

    /// Whether something is assigned and not here, because its lease ran out: only a complete message brings it again.
    pub(crate) fn lacks(&self) -> watch::Receiver<bool> {
        self.lacks.subscribe()
    }

    /// Takes one message. After an error nothing has changed and the stream is to be opened again.
    pub(crate) fn take(&mut self, mut incoming: Incoming) -> Result<(), Gap> {
        if self.closed {
            return Ok(());
        }
        let actions = self.assignments.apply(incoming.update)?;
        self.leases.heard(Instant::now());
        // Before any task is told of it: what is not wanted is not lacking.
        for action in &actions {
            if let Action::Drop(version) = action {
                self.leases.forget(version);
            }
        }
        let mut back = Vec::new();
        for action in actions {
            match action {
                Action::Keep(version) => {
                    if let Some(value) = incoming.values.remove(&version) {
                        self.shared.values.keep(version.clone(), value);
                        if self.leases.hold(version.clone(), incoming.leases.remove(&version)) {
                            back.push(version);
                        }
                    }
                }
                Action::Bring(wanted) => self.bring(wanted),
                Action::End(id) => {
                    if let Some(mut task) = self.tasks.remove(&id) {
                        task.order(Order::End);
                        self.ending.insert(id, task);
                    }
                }
                Action::Drop(version) => self.shared.values.drop_value(&version),
            }
        }
        // The assignment of these tasks need not have changed; what can be had of it has.
        let whole_again: Vec<Wanted> = self.assignments.tasks_with(&back).cloned().collect();
        for wanted in whole_again {
            self.bring(wanted);
        }
        self.ending.retain(|_, task| !task.is_over());
        self.tell();
        Ok(())
    }

    fn bring(&mut self, wanted: Wanted) {
        let brief = Brief::of(wanted, |version| self.leases.has_run_out(version));
        let id = brief.wanted.id.clone();
        if let Some(task) = self.tasks.get_mut(&id) {
            task.order(Order::Bring(brief));
        } else {
            let before = self.ending.remove(&id);
            self.tasks.insert(id, Task::begin(brief, before, self.shared.clone()));
        }
    }

    /// Gives up what may not be kept any longer at `now`. Returns when to look again, if nothing is heard until then.
    pub(crate) fn run_out(&mut self, now: Instant) -> Option<Instant> {
        if self.closed {
            return None;
        }
        let over = self.leases.run_out(now);
        if !over.is_empty() {
            tracing::warn!(
                versions = over.len(),
                "no manager was heard for as long as a lease; these secrets are erased until one is"
            );
            // The tasks first: a task that finds a value gone must find its order changed as well.
            let without: Vec<Wanted> = self.assignments.tasks_with(&over).cloned().collect();
            for wanted in without {
                self.bring(wanted);
            }
            for version in &over {
                self.shared.values.drop_value(version);
            }
            self.tell();
        }
        self.leases.due()
    }

    fn tell(&self) {
        fn tell_if_new<T: PartialEq>(of: &watch::Sender<T>, new: T) {
            of.send_if_modified(|told| {
                let is_new = *told != new;
                *told = new;
                is_new
            });
        }
        tell_if_new(&self.shortest_lease, self.leases.shortest());
        tell_if_new(&self.lacks, self.leases.any_ran_out());
    }

    /// The most that a service grants its task between asking it to end and killing it.
    pub(crate) fn longest_grace(&self) -> Duration {
        let graces = self.tasks.values().chain(self.ending.values()).filter_map(Task::grace);
        graces.max().unwrap_or_default()
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
