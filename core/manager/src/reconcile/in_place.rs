//! Which files can change under a running task, and which of them only in its turn?

use std::collections::BTreeMap;

use wardroom_state::secret::VersionState;
use wardroom_state::service::OnChange;
use wardroom_state::task::{SecretFile, Task};

use crate::reconcile::settled::is_watched;
use crate::reconcile::turn::Turn;

impl Turn<'_> {
    /// It has to be replaced: it runs what the service ran before, or a file changed that asks for a restart.
    pub(crate) fn is_outdated(&self, task: &Task) -> bool {
        self.is_of_before(task) || self.in_place(task) != self.files_for(task)
    }

    fn is_of_before(&self, task: &Task) -> bool {
        task.generation != self.service.generation
    }

    /// It is outdated, or files of it wait for their turn.
    pub(crate) fn needs_step(&self, task: &Task) -> bool {
        self.is_outdated(task) || self.at_once(task) != self.in_place(task)
    }

    /// The task's files once everything has changed that can without a restart. One that has not been given to a node
    /// yet takes everything; one of an earlier generation keeps the files that it began with, in their newest versions.
    pub(crate) fn in_place(&self, task: &Task) -> Vec<SecretFile> {
        let wanted = self.files_for(task);
        if self.is_of_before(task) {
            let newest = |file: &SecretFile| {
                let mut same = wanted.iter().filter(|new| new.target == file.target);
                let new = same.find(|new| new.secret == file.secret && !restarts(new) && !restarts(file));
                new.unwrap_or(file).clone()
            };
            return task.files.iter().map(newest).collect();
        }
        if task.node.is_none() {
            return wanted;
        }
        let kept = task.files.iter().filter(|file| restarts(file));
        let mut files: BTreeMap<&str, &SecretFile> = kept.map(|file| (file.target.as_str(), file)).collect();
        for file in &wanted {
            let before = find(&task.files, &file.target);
            if !restarts(file) && before.is_none_or(|before| !restarts(before)) {
                files.insert(&file.target, file);
            }
        }
        files.into_values().cloned().collect()
    }

    /// Those of the changes in place that need no turn: what is plainly swapped, what is new or taken away, and what
    /// goes back to a version that was well.
    pub(crate) fn at_once(&self, task: &Task) -> Vec<SecretFile> {
        let in_its_turn = |new: SecretFile| {
            let before = find(&task.files, &new.target).filter(|before| **before != new);
            let watched = |before: &&SecretFile| is_watched(self.service, before) || is_watched(self.service, &new);
            let waits = before.filter(watched).filter(|before| !self.has_failed(before));
            waits.cloned().unwrap_or(new)
        };
        let files = self.in_place(task);
        if task.node.is_none() {
            return files;
        }
        files.into_iter().map(in_its_turn).collect()
    }

    fn has_failed(&self, file: &SecretFile) -> bool {
        let secret = self.state.secrets().get(&file.secret);
        let version = secret.and_then(|secret| secret.versions.get(&file.version));
        version.is_some_and(|version| version.state == VersionState::Failed)
    }
}

fn restarts(file: &SecretFile) -> bool {
    file.on_change == OnChange::Restart
}

fn find<'a>(files: &'a [SecretFile], target: &str) -> Option<&'a SecretFile> {
    files.iter().find(|file| file.target == target)
}
