//! How do bytes leave memory? Overwritten in place, cut to nothing, then unlinked.
//!
//! On tmpfs the overwrite hits the same pages: whoever still holds the file open reads zeros, then nothing. Unlinking alone
//! would leave the bytes to that reader, and in freed pages.

use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, FileType, Mode, chmodat, fstat, ftruncate, statat, unlinkat};
use rustix::io::{Errno, Result, pwrite};

use super::beneath;

static ZEROS: [u8; 16 * 1024] = [0; 16 * 1024];

/// Erases one regular file below `directory`. One that is not there counts as erased.
pub(super) fn file(directory: impl AsFd, name: &str) -> Result<()> {
    let directory = directory.as_fd();
    let opened = match open(directory, name) {
        Err(Errno::NOENT) => return Ok(()),
        other => other?,
    };
    blank(&opened)?;
    unlinkat(directory, name, AtFlags::empty())
}

/// Erases everything below `directory`; the directory itself stays.
pub(super) fn contents(directory: impl AsFd) -> Result<()> {
    let directory = directory.as_fd();
    for (name, kind) in beneath::entries(directory)? {
        match kind_of(directory, &name, kind)? {
            FileType::RegularFile => file(directory, &name)?,
            FileType::Directory => {
                contents(beneath::directory(directory, &name)?)?;
                unlinkat(directory, &*name, AtFlags::REMOVEDIR)?;
            }
            _ => unlinkat(directory, &*name, AtFlags::empty())?,
        }
    }
    Ok(())
}

/// Erases the directory `name` and everything below it. One that is not there counts as erased.
pub(super) fn tree(below: impl AsFd, name: &str) -> Result<()> {
    match beneath::directory(below.as_fd(), name) {
        Err(Errno::NOENT) => Ok(()),
        opened => {
            contents(opened?)?;
            unlinkat(below, name, AtFlags::REMOVEDIR)
        }
    }
}

/// A file of mode 0444 opens for writing to root only; the directory is this worker's, so its mode may be lifted first.
fn open(directory: impl AsFd, name: &str) -> Result<OwnedFd> {
    match beneath::overwrite(directory.as_fd(), name) {
        Err(Errno::ACCESS) => {
            chmodat(directory.as_fd(), name, Mode::RUSR | Mode::WUSR, AtFlags::empty())?;
            beneath::overwrite(directory, name)
        }
        other => other,
    }
}

fn blank(file: &OwnedFd) -> Result<()> {
    let size = u64::try_from(fstat(file)?.st_size).unwrap_or(0);
    let mut at = 0;
    while at < size {
        let chunk = usize::try_from(size - at).unwrap_or(ZEROS.len()).min(ZEROS.len());
        match pwrite(file, &ZEROS[..chunk], at) {
            Ok(0) => return Err(Errno::IO),
            Ok(written) => at += written as u64,
            Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
    ftruncate(file, 0)
}

/// Directory entries need not say what they are.
fn kind_of(directory: impl AsFd, name: &str, listed: FileType) -> Result<FileType> {
    match listed {
        FileType::Unknown => Ok(FileType::from_raw_mode(
            statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?.st_mode,
        )),
        known => Ok(known),
    }
}
