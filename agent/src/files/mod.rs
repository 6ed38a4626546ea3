//! Where does a worker keep plaintext? In complete sets of files in memory, never on a disk.
//!
//! ```text
//! <root>/<task>/secrets/..set-7/tls/pay.pem     the bytes, in a directory of their own
//!                       ..data -> ..set-7       one rename moves every target at once
//!                       tls    -> ..data/tls    what a task sees
//!                       ..absolute -> ..data/..absolute    what links inside a container lead to
//! ```
//!
//! `Files` is the seam: `TmpfsFiles` is real, `MemoryFiles` serves simulations. Neither knows tasks, grants or receipts.

mod beneath;
mod erase;
mod memory;
mod place;
mod root;
mod sweep;
mod target;
mod tmpfs;

use std::fmt;
use std::path::PathBuf;

use thiserror::Error;
use wardroom_keys::SecretBytes;

pub use memory::MemoryFiles;
pub use place::{Place, choose, forget, is_in_use};
pub use root::{Root, RootError};
pub(crate) use sweep::is_abandoned;
pub(crate) use target::{ABSOLUTE, SEEN_AT};
pub use target::{Target, TargetError, check_set};
pub use tmpfs::TmpfsFiles;

use crate::ids::TaskId;

/// One file of a set, as it is to be written.
#[derive(Clone, Copy)]
pub struct NewFile<'a> {
    pub target: &'a Target,
    /// Honoured by root only; any other user's files belong to that user.
    pub uid: u32,
    pub gid: u32,
    /// Permission bits; set-id and sticky bits are dropped.
    pub mode: u32,
    pub value: &'a SecretBytes,
}

/// Who, besides root and the worker's own user, may walk into a task's directory on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Nobody: the task sees its files through a mount of its own.
    Task,
    /// Nobody either: a container has them bound, and a root of its own to have files at absolute paths of.
    Container,
    /// Whoever knows the path; the files' own modes decide.
    Host,
}

/// The name of one complete set of a task's files.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct SetName(pub(crate) String);

impl fmt::Display for SetName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Keeps sets of files in memory. Calls are short and never wait.
pub trait Files: Send + Sync {
    /// The host's path of the directory that `task` sees as its secrets directory.
    fn directory(&self, task: &TaskId) -> PathBuf;

    /// What a task must not see of other tasks: the host's path below which all of them are kept, if there is one.
    fn hidden(&self) -> Option<PathBuf>;

    /// Writes a complete set aside, then makes it the visible one in one step. The set before stays until it is erased.
    /// After an error the set before is still the visible one, and nothing of the new one is left.
    fn publish(&self, task: &TaskId, reach: Reach, files: &[NewFile<'_>]) -> Result<SetName, FilesError>;

    /// Reads the bytes that a task finds at `target` now.
    fn read(&self, task: &TaskId, target: &Target) -> Result<SecretBytes, FilesError>;

    /// Overwrites and removes single files of a set, which may be the visible one; those that are gone already count as
    /// erased. Needs no room.
    fn erase_files(&self, task: &TaskId, set: &SetName, targets: &[Target]) -> Result<(), FilesError>;

    /// Overwrites and removes a whole set.
    fn erase_set(&self, task: &TaskId, set: &SetName) -> Result<(), FilesError>;

    /// Overwrites and removes all that is kept for `task`.
    fn erase_task(&self, task: &TaskId) -> Result<(), FilesError>;

    /// Overwrites and removes everything, such as what an earlier life that was killed has left.
    fn wipe(&self) -> Result<(), FilesError>;

    /// As [`Files::wipe`], and gives the place back. Nothing can be published after it.
    fn leave(&self) -> Result<(), FilesError>;
}

#[derive(Debug, Error)]
pub enum FilesError {
    #[error(transparent)]
    Target(#[from] TargetError),
    #[error("'{0}' is not a usable task id; ids are lower-case letters and digits")]
    TaskName(String),
    #[error("no room left in the secrets directory; raise its size or run fewer tasks on this node")]
    Full,
    #[error("cannot {doing} in the secrets directory")]
    Io {
        /// What was being done and to what; never a value.
        doing: String,
        #[source]
        source: rustix::io::Errno,
    },
}

impl FilesError {
    fn io(doing: impl Into<String>) -> impl FnOnce(rustix::io::Errno) -> Self {
        let doing = doing.into();
        move |source| match source {
            rustix::io::Errno::NOSPC | rustix::io::Errno::DQUOT => Self::Full,
            source => Self::Io { doing, source },
        }
    }

    /// The whole chain in one line, for receipts and task messages.
    pub fn line(&self) -> String {
        match self {
            Self::Io { source, .. } => format!("{self}: {source}"),
            other => other.to_string(),
        }
    }
}

#[cfg(test)]
mod mount_tests;
