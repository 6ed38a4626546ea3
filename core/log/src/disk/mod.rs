//! What does wardroom ask of a disk? One seam: real files, or a simulated machine whose power can be cut.
//!
//! All paths are relative to the disk's root, with `/` between parts, and never lead out of it. Calls are synchronous.

mod mem;
mod mem_inner;
mod mem_inode;
mod real;

use std::io;
use std::sync::Arc;

pub use mem::{Fault, MemDisk};
pub use real::RealDisk;

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

/// Replaces a file by `bytes`: afterwards, also after a crash, it holds the old content or the new one, never a part.
pub fn write_file(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = format!("{path}.tmp");
    match disk.unlink(&aside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let file = disk.create(&aside)?;
    let written = file
        .write_at(0, bytes)
        .and_then(|()| file.sync())
        .and_then(|()| disk.rename(&aside, path));
    if let Err(error) = written {
        let _ = disk.unlink(&aside); // the first error is the one that tells
        return Err(error);
    }
    disk.sync_dir(parent_of(path))
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
