//! How is a path opened without leaving its directory? `openat2` beneath a directory handle, and by no other way.
//!
//! `openat2` needs Linux 5.6. Without it the kernel says `ENOSYS`, and the agent refuses rather than open less strictly.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{Dir, FileType, Mode, OFlags, ResolveFlags, openat2};
use rustix::io::{Errno, Result};

const STRICT: ResolveFlags = ResolveFlags::BENEATH
    .union(ResolveFlags::NO_SYMLINKS)
    .union(ResolveFlags::NO_MAGICLINKS)
    .union(ResolveFlags::NO_XDEV);

/// Opens a directory; no element of `path` may be a link or another file system.
pub(super) fn directory(below: impl AsFd, path: &str) -> Result<OwnedFd> {
    openat2(
        below,
        path,
        OFlags::DIRECTORY | OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
        STRICT,
    )
}

/// Creates a file that nobody may open yet: mode 0 until owner and mode are set on the handle.
pub(super) fn create(below: impl AsFd, path: &str) -> Result<OwnedFd> {
    let flags = OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::RDWR | OFlags::CLOEXEC;
    openat2(below, path, flags, Mode::empty(), STRICT)
}

/// Opens an existing file for overwriting.
pub(super) fn overwrite(below: impl AsFd, path: &str) -> Result<OwnedFd> {
    openat2(
        below,
        path,
        OFlags::WRONLY | OFlags::NOFOLLOW | OFlags::CLOEXEC,
        Mode::empty(),
        STRICT,
    )
}

/// Opens a file as a task does, through the links of the set, but never out of `below`.
pub(super) fn visible(below: impl AsFd, path: &str) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS | ResolveFlags::NO_XDEV;
    openat2(
        below,
        path,
        OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NONBLOCK,
        Mode::empty(),
        resolve,
    )
}

/// The entries of a directory by name, `.` and `..` left out.
pub(super) fn entries(directory: impl AsFd) -> Result<Vec<(String, FileType)>> {
    let mut found = Vec::new();
    for entry in Dir::read_from(directory)? {
        let entry = entry?;
        // Every name below the root is written by this worker; a foreign one that is not UTF-8 cannot be erased by name.
        let name = entry.file_name().to_str().map_err(|_| Errno::ILSEQ)?;
        if name != "." && name != ".." {
            found.push((name.to_owned(), entry.file_type()));
        }
    }
    found.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(found)
}
