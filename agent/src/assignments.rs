//! What should this worker hold, and what has to be done to get there? A pure comparison of wanted with held.
//!
//! One complete message, then incremental ones whose `applies_to` is the number the last one resulted in. Anything else is
//! a gap: nothing of the message is taken, and the stream is opened again. Values are named here by id only; the bytes
//! travel beside.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use thiserror::Error;

use crate::ids::{SecretId, TaskId, VersionId};
use crate::run::{Run, Service};

/// One task as the manager wants it on this worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) id: TaskId,
    /// `web.1`.
    pub(crate) name: String,
    pub(crate) service: Arc<Service>,
    pub(crate) slot: u32,
    /// The same for as long as the task lives.
    pub(crate) run: Arc<Run>,
    pub(crate) desired: Desired,
    pub(crate) files: Vec<WantedFile>,
}

/// How far a task should go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Desired {
    /// Its files are complete, its workload waits.
    Ready,
    Running,
    Stopped,
}

/// One file that a task should see. The target is checked by whoever makes a path of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct WantedFile {
    pub(crate) target: String,
    pub(crate) secret: SecretId,
    pub(crate) version_id: VersionId,
    pub(crate) version: u32,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) mode: u32,
    /// Sent to the workload after the file has changed under it.
    pub(crate) signal: Option<String>,
}

/// What one receipt is about: a version of a secret at a target of its task.
pub(crate) type About = (SecretId, u32, String);

impl WantedFile {
    pub(crate) fn about(&self) -> About {
        (self.secret.clone(), self.version, self.target.clone())
    }
}

/// One message of the assignments stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Update {
    pub(crate) complete: bool,
    pub(crate) applies_to: u64,
    pub(crate) results_in: u64,
    pub(crate) changes: Vec<Change>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// The value of this version came with the message.
    Value(VersionId),
    Task(Wanted),
    ValueRemoved(VersionId),
    TaskRemoved(TaskId),
}

/// What there is to do, in this order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Keep the value that came with the message.
    Keep(VersionId),
    /// Take up a task, or bring one to what is wanted now.
    Bring(Wanted),
    /// End a task and forget it.
    End(TaskId),
    /// Wipe a value: no assigned task lists it any more.
    Drop(VersionId),
}

#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum Gap {
    #[error("the first message of the assignments is not a complete one")]
    NotComplete,
    #[error("an assignments message applies to {applies_to}, but {held} is what this worker has")]
    Sequence { held: u64, applies_to: u64 },
}

/// The assignment as last received.
#[derive(Debug, Default)]
pub(crate) struct Assignments {
    sequence: Option<u64>,
    tasks: BTreeMap<TaskId, Wanted>,
    /// Values held, and whether an assigned task has listed them yet.
    values: BTreeMap<VersionId, bool>,
}

impl Assignments {
    /// The stream broke: what is held stays, and the next message must be a complete one.
    pub(crate) fn broken_off(&mut self) {
        self.sequence = None;
    }

    /// The assigned tasks that list one of `versions`.
    pub(crate) fn tasks_with<'a>(&'a self, versions: &'a [VersionId]) -> impl Iterator<Item = &'a Wanted> {
        let lists = |task: &&Wanted| task.files.iter().any(|file| versions.contains(&file.version_id));
        self.tasks.values().filter(lists)
    }

    /// Takes one message and says what to do. After an error nothing has changed.
    pub(crate) fn apply(&mut self, update: Update) -> Result<Vec<Action>, Gap> {
        if !update.complete {
            let held = self.sequence.ok_or(Gap::NotComplete)?;
            if held != update.applies_to {
                return Err(Gap::Sequence {
                    held,
                    applies_to: update.applies_to,
                });
            }
        }
        self.sequence = Some(update.results_in);
        let mut news = News::default();
        if update.complete {
            // Whatever the complete message does not name is not wanted.
            news.values_gone = self.values.keys().cloned().collect();
            news.tasks = self.tasks.keys().map(|id| (id.clone(), None)).collect();
        }
        for change in update.changes {
            news.note(change);
        }
        Ok(self.act(news))
    }

    fn act(&mut self, news: News) -> Vec<Action> {
        let mut actions = Vec::new();
        for version in news.values {
            self.values.insert(version.clone(), false);
            actions.push(Action::Keep(version));
        }
        for (id, wanted) in news.tasks {
            match wanted {
                Some(wanted) if self.tasks.get(&id) == Some(&wanted) => {}
                Some(wanted) => {
                    self.tasks.insert(id, wanted.clone());
                    actions.push(Action::Bring(wanted));
                }
                None => {
                    if self.tasks.remove(&id).is_some() {
                        actions.push(Action::End(id));
                    }
                }
            }
        }
        for version in self.no_longer_needed(&news.values_gone) {
            self.values.remove(&version);
            actions.push(Action::Drop(version));
        }
        actions
    }

    /// Values the manager took back, and those whose last task is gone. One that no task has listed yet is still to be used.
    fn no_longer_needed(&mut self, gone: &BTreeSet<VersionId>) -> Vec<VersionId> {
        let listed: BTreeSet<&VersionId> = self
            .tasks
            .values()
            .flat_map(|task| &task.files)
            .map(|file| &file.version_id)
            .collect();
        let mut unneeded = Vec::new();
        for (version, used) in &mut self.values {
            let lists = listed.contains(version);
            if gone.contains(version) || (*used && !lists) {
                unneeded.push(version.clone());
            }
            *used |= lists;
        }
        unneeded
    }
}

/// What one message says in all: the last word about each thing counts.
#[derive(Default)]
struct News {
    values: BTreeSet<VersionId>,
    values_gone: BTreeSet<VersionId>,
    tasks: BTreeMap<TaskId, Option<Wanted>>,
}

impl News {
    fn note(&mut self, change: Change) {
        match change {
            Change::Value(version) => {
                self.values_gone.remove(&version);
                self.values.insert(version);
            }
            Change::ValueRemoved(version) => {
                self.values.remove(&version);
                self.values_gone.insert(version);
            }
            Change::Task(wanted) => {
                self.tasks.insert(wanted.id.clone(), Some(wanted));
            }
            Change::TaskRemoved(id) => {
                self.tasks.insert(id, None);
            }
        }
    }
}

#[cfg(test)]
#[path = "assignments_tests.rs"]
mod tests;
