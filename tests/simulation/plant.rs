//! Which bug is planted, to prove that the checks find it? None in a normal run.

use std::path::PathBuf;
use std::sync::Arc;

use wardroom_agent::TaskId;
use wardroom_agent::files::{Files, FilesError, MemoryFiles, NewFile, Reach, SetName, Target};
use wardroom_keys::SecretBytes;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Plant {
    NothingPlanted,
    /// Managers' disks acknowledge a write before it is made: I1 and I2 break.
    LyingDisk,
    /// Workers say that they erase and do not: I5 and I6 break.
    KeepingWorker,
}

impl Plant {
    /// `None` for a name that is none.
    pub(crate) fn named(name: Option<&str>) -> Option<Self> {
        match name {
            None => Some(Self::NothingPlanted),
            Some("lying-disk") => Some(Self::LyingDisk),
            Some("keeping-worker") => Some(Self::KeepingWorker),
            Some(_) => None,
        }
    }
}

/// A worker's memory that forgets nothing until it is wiped.
pub(crate) struct KeepingFiles(pub(crate) Arc<MemoryFiles>);

impl Files for KeepingFiles {
    fn directory(&self, task: &TaskId) -> PathBuf {
        self.0.directory(task)
    }

    fn hidden(&self) -> Option<PathBuf> {
        self.0.hidden()
    }

    fn publish(&self, task: &TaskId, reach: Reach, files: &[NewFile<'_>]) -> Result<SetName, FilesError> {
        self.0.publish(task, reach, files)
    }

    fn read(&self, task: &TaskId, target: &Target) -> Result<SecretBytes, FilesError> {
        self.0.read(task, target)
    }

    fn erase_files(&self, _task: &TaskId, _set: &SetName, _targets: &[Target]) -> Result<(), FilesError> {
        Ok(())
    }

    fn erase_set(&self, _task: &TaskId, _set: &SetName) -> Result<(), FilesError> {
        Ok(())
    }

    fn erase_task(&self, _task: &TaskId) -> Result<(), FilesError> {
        Ok(())
    }

    fn wipe(&self) -> Result<(), FilesError> {
        self.0.wipe()
    }

    fn leave(&self) -> Result<(), FilesError> {
        self.0.leave()
    }
}
