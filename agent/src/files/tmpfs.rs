//! How does a set of files change in one step? Written aside, then one rename of a link; the old set is erased later.
//!
//! Owner, mode and content are set on the open handle of a file that was created with mode 0 in a directory nobody knows
//! yet: at no moment do the bytes stand under a wrong owner or a wider mode.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, Uid, fchmod, fchown, fstat, mkdirat, readlinkat, renameat, symlinkat, unlinkat,
};
use rustix::io::Errno;
use rustix::process::geteuid;
use wardroom_keys::SecretBytes;

use super::{Files, FilesError, NewFile, Reach, Root, SetName, Target, beneath, check_set, erase};
use crate::ids::TaskId;

const CURRENT: &str = "..data";
const NEXT: &str = "..data_tmp";
/// A task's directory of files, in the task's own.
pub(super) const SECRETS: &str = "secrets";
/// What the names of sets begin with.
pub(super) const SET: &str = "..set-";
/// No value is larger; reading back never takes more than this from a file that somebody enlarged.
const VALUE_BYTES_MAX: u64 = 1 << 20;

/// Files on tmpfs or ramfs below a proven root.
pub struct TmpfsFiles {
    root: Root,
    sequence: AtomicU64,
}

impl TmpfsFiles {
    /// Takes the root as it is; [`Files::wipe`] rids it of what an earlier life left.
    pub fn new(root: Root) -> Self {
        Self {
            root,
            sequence: AtomicU64::new(1),
        }
    }

    pub fn root(&self) -> &Root {
        &self.root
    }

    fn secrets(&self, task: &TaskId) -> Result<OwnedFd, FilesError> {
        beneath::directory(self.root.handle(), &format!("{}/{SECRETS}", name(task)?))
            .map_err(FilesError::io(format!("open the directory of task {task}")))
    }

    fn make_secrets(&self, task: &TaskId, reach: Reach) -> Result<OwnedFd, FilesError> {
        let mode = match reach {
            Reach::Task | Reach::Container => 0o700,
            Reach::Host => 0o711,
        };
        make_directory(self.root.handle(), name(task)?, mode)
            .and_then(|task| make_directory(&task, SECRETS, 0o755))
            .map_err(FilesError::io(format!("create the directory of task {task}")))
    }

    /// A fresh directory for one set.
    fn make_set(&self, secrets: &OwnedFd) -> Result<(SetName, OwnedFd), FilesError> {
        let set = SetName(format!("{SET}{}", self.sequence.fetch_add(1, Ordering::Relaxed)));
        let made = make_directory(secrets, &set.0, 0o755).map_err(FilesError::io("create a set"))?;
        Ok((set, made))
    }
}

impl Files for TmpfsFiles {
    fn directory(&self, task: &TaskId) -> PathBuf {
        self.root.path().join(task.as_str()).join(SECRETS)
    }

    fn hidden(&self) -> Option<PathBuf> {
        Some(self.root.path().to_owned())
    }

    fn publish(&self, task: &TaskId, reach: Reach, files: &[NewFile<'_>]) -> Result<SetName, FilesError> {
        check_set(files.iter().map(|file| file.target))?;
        let secrets = self.make_secrets(task, reach)?;
        let (set, directory) = self.make_set(&secrets)?;
        let written = write_all(&directory, files).and_then(|()| switch(&secrets, &set, files));
        if let Err(error) = written {
            // The first error is the one to tell; what cannot be erased now goes with the task.
            let _ = erase::tree(&secrets, &set.0);
            let _ = drop_stale_links(&secrets);
            return Err(error);
        }
        // The switch is done: a link that points nowhere is untidy but hides nothing and shows nothing.
        let _ = drop_stale_links(&secrets);
        Ok(set)
    }

    fn read(&self, task: &TaskId, target: &Target) -> Result<SecretBytes, FilesError> {
        let doing = || format!("read back {target} of task {task}");
        let opened = beneath::visible(self.secrets(task)?, target.as_str()).map_err(FilesError::io(doing()))?;
        let stat = fstat(&opened).map_err(FilesError::io(doing()))?;
        if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
            return Err(FilesError::io(doing())(Errno::INVAL));
        }
        // One allocation of the right size: a buffer that grows would leave copies behind.
        let size = u64::try_from(stat.st_size).unwrap_or(0).min(VALUE_BYTES_MAX);
        let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or(0));
        let read = std::fs::File::from(opened).take(size).read_to_end(&mut bytes);
        let bytes = SecretBytes::new(bytes);
        read.map_err(|error| FilesError::io(doing())(Errno::from_io_error(&error).unwrap_or(Errno::IO)))?;
        Ok(bytes)
    }

    fn erase_files(&self, task: &TaskId, set: &SetName, targets: &[Target]) -> Result<(), FilesError> {
        let doing = || format!("erase files of task {task}");
        let secrets = self.secrets(task)?;
        let set = match beneath::directory(&secrets, &set.0) {
            Err(Errno::NOENT) => return Ok(()),
            opened => opened.map_err(FilesError::io(doing()))?,
        };
        for target in targets {
            erase::file(&set, target.as_str()).map_err(FilesError::io(doing()))?;
            drop_empty(&set, target);
        }
        // As after a switch: a link that points nowhere is untidy, and no more.
        let _ = drop_stale_links(&secrets);
        Ok(())
    }

    fn erase_set(&self, task: &TaskId, set: &SetName) -> Result<(), FilesError> {
        erase::tree(self.secrets(task)?, &set.0).map_err(FilesError::io(format!("erase an old set of task {task}")))
    }

    fn erase_task(&self, task: &TaskId) -> Result<(), FilesError> {
        erase::tree(self.root.handle(), name(task)?).map_err(FilesError::io(format!("erase the files of task {task}")))
    }

    fn wipe(&self) -> Result<(), FilesError> {
        erase::contents(self.root.handle()).map_err(FilesError::io("erase everything"))
    }

    fn leave(&self) -> Result<(), FilesError> {
        self.wipe()?;
        self.root.give_back().map_err(FilesError::io("give back the directory"))
    }
}

/// A task's id becomes one name below the root, or nothing.
fn name(task: &TaskId) -> Result<&str, FilesError> {
    let text = task.as_str();
    if text.is_empty() || text.len() > 64 || !text.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(FilesError::TaskName(text.escape_default().to_string()));
    }
    Ok(text)
}

/// Opens the directory, making it first if it is not there; the mode holds whatever the umask is.
fn make_directory(below: impl AsFd, name: &str, mode: u32) -> rustix::io::Result<OwnedFd> {
    match mkdirat(below.as_fd(), name, Mode::RWXU) {
        Ok(()) | Err(Errno::EXIST) => {}
        Err(error) => return Err(error),
    }
    let directory = beneath::directory(below, name)?;
    fchmod(&directory, Mode::from_raw_mode(mode))?;
    Ok(directory)
}

fn write_all(set: &OwnedFd, files: &[NewFile<'_>]) -> Result<(), FilesError> {
    for file in files {
        write_one(set, file).map_err(FilesError::io(format!("write {}", file.target)))?;
    }
    Ok(())
}

fn write_one(set: &OwnedFd, file: &NewFile<'_>) -> rustix::io::Result<()> {
    for directory in file.target.directories() {
        make_directory(set, directory, 0o755)?;
    }
    let created = beneath::create(set, file.target.as_str())?;
    if geteuid().is_root() {
        // The all-ones id means "leave it as it is" to the kernel; nobody is called that.
        if file.uid == u32::MAX || file.gid == u32::MAX {
            return Err(Errno::INVAL);
        }
        fchown(&created, Some(Uid::from_raw(file.uid)), Some(Gid::from_raw(file.gid)))?;
    }
    fchmod(&created, Mode::from_raw_mode(file.mode & 0o777))?;
    std::fs::File::from(created)
        .write_all(file.value.expose())
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))
}

/// Makes `set` the visible one. New names are linked first and lead nowhere until the rename; it moves all at once.
fn switch(secrets: &OwnedFd, set: &SetName, files: &[NewFile<'_>]) -> Result<(), FilesError> {
    let visible: BTreeSet<&str> = files.iter().map(|file| file.target.first()).collect();
    for first in visible {
        match symlinkat(format!("{CURRENT}/{first}"), secrets, first) {
            Ok(()) | Err(Errno::EXIST) => {}
            Err(error) => return Err(FilesError::io(format!("link {first}"))(error)),
        }
    }
    match unlinkat(secrets, NEXT, AtFlags::empty()) {
        Ok(()) | Err(Errno::NOENT) => {}
        Err(error) => return Err(FilesError::io("prepare the switch")(error)),
    }
    symlinkat(set.0.as_str(), secrets, NEXT)
        .and_then(|()| renameat(secrets, NEXT, secrets, CURRENT))
        .map_err(FilesError::io("switch to the new set"))
}

/// Removes the directories of `target` that hold nothing any more; the kernel keeps those that do.
fn drop_empty(set: &OwnedFd, target: &Target) {
    let directories: Vec<&str> = target.directories().collect();
    for directory in directories.into_iter().rev() {
        let _ = unlinkat(set, directory, AtFlags::REMOVEDIR);
    }
}

/// Removes the visible names that the current set does not have.
fn drop_stale_links(secrets: &OwnedFd) -> rustix::io::Result<()> {
    let current = match readlinkat(secrets, CURRENT, Vec::new()) {
        Ok(link) => link.into_string().map_err(|_| Errno::ILSEQ)?,
        Err(Errno::NOENT) => String::new(),
        Err(error) => return Err(error),
    };
    let kept: BTreeSet<String> = match current.as_str() {
        "" => BTreeSet::new(),
        set => beneath::entries(beneath::directory(secrets, set)?)?
            .into_iter()
            .map(|(name, _)| name)
            .collect(),
    };
    for (name, kind) in beneath::entries(secrets)? {
        if kind == FileType::Symlink && !name.starts_with("..") && !kept.contains(&name) {
            unlinkat(secrets, &*name, AtFlags::empty())?;
        }
    }
    Ok(())
}

#[cfg(test)]
#[path = "tmpfs_tests.rs"]
mod tests;
