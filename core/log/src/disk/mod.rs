//! What does wardroom ask of a disk? One seam: real files, or a simulated machine whose power can be cut.
//!
//! All paths are relative to the disk's root, with `/` between parts, and never lead out of it. Calls are synchronous.

mod mem;
mod mem_inner;
mod mem_inode;
mod real;
mod replace;

use std::io;
use std::sync::Arc;

pub use mem::{Fault, MemDisk};
pub use real::RealDisk;
pub use replace::{replace_and_wipe, wipe, write_file};

/// A directory tree that one manager owns.
pub trait Disk: Send + Sync {
    /// Makes a directory (0700) if it is not there yet. Its parent must exist. Durable on return.
    fn create_dir(&self, dir: &str) -> io::Result<()>;
    /// The names of the files in a directory, sorted. `""` is the root.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;
    /// Makes a new empty file (0600); an existing one is `AlreadyExists`.
    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Opens an existing file for reading and writing.
    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>>;
    /// Replaces `to` by `from`. Durable only after [`Disk::sync_dir`].
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;
    /// Exchanges two files in one step; either missing is `NotFound`, and a file system that cannot is `Unsupported`. Durable
    /// only after [`Disk::sync_dir`].
    fn exchange(&self, one: &str, other: &str) -> io::Result<()>;
    /// Removes a file. Durable only after [`Disk::sync_dir`].
    fn unlink(&self, path: &str) -> io::Result<()>;
    /// Makes the names in a directory durable.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
}

/// An open file. Writes are durable only after [`DiskFile::sync`].
pub trait DiskFile: Send + Sync {
    /// Bytes.
    fn size(&self) -> io::Result<u64>;
    /// Reads up to `out.len()` bytes; 0 is the end.
    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize>;
    /// Writes all of `bytes`, or fails with any part of them written.
    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// `fdatasync`. After a failure nothing may be believed about what was written before it.
    fn sync(&self) -> io::Result<()>;
}

/// Fills `out` from `offset` on; a shorter file is `UnexpectedEof`.
pub fn read_exact_at(file: &dyn DiskFile, offset: u64, out: &mut [u8]) -> io::Result<()> {
    let mut done = 0;
    while done < out.len() {
        match file.read_at(offset + done as u64, &mut out[done..])? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            count => done += count,
        }
    }
    Ok(())
}

/// The whole content of a file of at most `max` bytes; a larger one is `FileTooLarge`.
pub fn read_file(disk: &dyn Disk, path: &str, max: u64) -> io::Result<Vec<u8>> {
    let file = disk.open(path)?;
    let size = file.size()?;
    if size > max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    let mut out = vec![0; usize::try_from(size).map_err(|_| io::ErrorKind::FileTooLarge)?];
    read_exact_at(&*file, 0, &mut out)?;
    Ok(out)
}

/// The directory part of a path; `""` is the root.
pub(crate) fn parent_of(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Refuses what could lead out of the root.
pub(crate) fn checked(path: &str) -> io::Result<&str> {
    let inside = path.is_empty()
        || path
            .split('/')
            .all(|part| !matches!(part, "" | "." | "..") && !part.contains('\0'));
    if inside {
        Ok(path)
    } else {
        Err(io::ErrorKind::InvalidInput.into())
    }
}
