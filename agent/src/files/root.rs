//! Is this directory really memory? Proven by asking the kernel, not by its name.

use std::path::{Path, PathBuf};

use rustix::fd::OwnedFd;
use rustix::fs::{CWD, FlockOperation, Mode, OFlags, fchmod, flock, fstat, open, openat, statfs};
use rustix::io::Errno;
use rustix::mount::{UnmountFlags, unmount};
use rustix::process::geteuid;
use thiserror::Error;

/// What statfs(2) says of file systems that keep their files in memory.
const TMPFS_MAGIC: u64 = 0x0102_1994;
const RAMFS_MAGIC: u64 = 0x8584_58f6;

/// A directory in memory that belongs to this worker alone, locked for as long as this lives.
pub struct Root {
    path: PathBuf,
    /// Holds the lock too: the kernel lets it go however the process ends.
    handle: OwnedFd,
    mounted: bool,
    swap_free: bool,
}

#[derive(Debug, Error)]
pub enum RootError {
    #[error(
        "{path} is not in memory (file system type {kind:#x}); secrets are kept on tmpfs or ramfs only: give a directory on one, for example below /dev/shm"
    )]
    NotMemory { path: PathBuf, kind: u64 },
    #[error("no memory-backed directory is to be had ({tried}); mount a tmpfs and name it as the secrets root")]
    Nothing { tried: String },
    #[error("{path} is in use by another agent of this node; stop that one first")]
    Busy { path: PathBuf },
    #[error("{path} belongs to somebody else; remove it or name another secrets root")]
    Foreign { path: PathBuf },
    #[error("'{0}' is not a usable node id; ids are letters, digits, '-' and '_'")]
    NodeName(String),
    #[error("cannot {doing} {path}; check that this user may write there, or name another secrets root")]
    Io {
        doing: &'static str,
        path: PathBuf,
        #[source]
        source: Errno,
    },
}

impl RootError {
    pub(super) fn io(doing: &'static str, path: &Path) -> impl FnOnce(Errno) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { doing, path, source }
    }
}

impl Root {
    /// Fails unless `path` lies on tmpfs or ramfs.
    pub fn prove(path: &Path) -> Result<(), RootError> {
        let kind = statfs(path).map_err(RootError::io("look at", path))?.f_type;
        match u64::try_from(kind) {
            Ok(TMPFS_MAGIC | RAMFS_MAGIC) => Ok(()),
            kind => Err(RootError::NotMemory {
                path: path.to_owned(),
                kind: kind.unwrap_or_default(),
            }),
        }
    }

    /// Takes an existing directory: in memory, owned by this user, writable by nobody else, and locked from here on.
    /// `mounted` says that the whole file system was made for this worker; `swap_free` that it never reaches swap.
    pub(super) fn take(path: &Path, mounted: bool, swap_free: bool) -> Result<Self, RootError> {
        Self::prove(path)?;
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let handle = openat(CWD, path, flags, Mode::empty()).map_err(|errno| match errno {
            Errno::LOOP | Errno::NOTDIR => RootError::Foreign { path: path.to_owned() },
            errno => RootError::Io {
                doing: "open",
                path: path.to_owned(),
                source: errno,
            },
        })?;
        if fstat(&handle).map_err(RootError::io("look at", path))?.st_uid != geteuid().as_raw() {
            return Err(RootError::Foreign { path: path.to_owned() });
        }
        flock(&handle, FlockOperation::NonBlockingLockExclusive).map_err(|errno| match errno {
            Errno::WOULDBLOCK => RootError::Busy { path: path.to_owned() },
            errno => RootError::Io {
                doing: "lock",
                path: path.to_owned(),
                source: errno,
            },
        })?;
        // Root's tasks may run as other users that were given a path below; nobody lists the tasks of a node.
        let mode = if geteuid().is_root() { 0o711 } else { 0o700 };
        fchmod(&handle, Mode::from_raw_mode(mode)).map_err(RootError::io("set the mode of", path))?;
        Ok(Self {
            path: path.to_owned(),
            handle,
            mounted,
            swap_free,
        })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the kernel promised that no page of it reaches swap.
    pub fn is_swap_free(&self) -> bool {
        self.swap_free
    }

    pub(super) fn handle(&self) -> &OwnedFd {
        &self.handle
    }

    /// Whether it was removed before it was locked.
    pub(super) fn is_removed(&self) -> bool {
        fstat(&self.handle).is_ok_and(|stat| stat.st_nlink == 0)
    }

    /// Gives the place back once it is empty.
    pub(super) fn give_back(&self) -> Result<(), Errno> {
        if self.mounted {
            unmount(&self.path, UnmountFlags::DETACH)?;
        }
        match rustix::fs::rmdir(&self.path) {
            Err(Errno::NOENT) => Ok(()),
            other => other,
        }
    }
}

/// Whether another file system is mounted at `path`.
pub(super) fn is_mount_point(path: &Path) -> bool {
    let device = |path: &Path| {
        let handle = open(path, OFlags::DIRECTORY | OFlags::PATH | OFlags::CLOEXEC, Mode::empty()).ok()?;
        fstat(handle).ok().map(|stat| stat.st_dev)
    };
    match path.parent() {
        Some(parent) => device(path).is_some() && device(path) != device(parent),
        None => true,
    }
}
