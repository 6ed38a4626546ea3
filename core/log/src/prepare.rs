//! Where do new segments come from? From files of written zeros, made ahead of time.
//!
//! Writing the zeros (and not only reserving the space) is what makes a later `fdatasync` cheap: no metadata changes any
//! more. It also makes a torn write recognisable, and a full disk shows up here, before anything was promised.

use std::io;
use std::sync::Arc;

use crate::disk::{Disk, DiskFile};
use crate::segment::{DIR, path_of};

const CHUNK: usize = 256 << 10;

/// A zero-filled, durable file that has no header yet.
pub(crate) struct Prepared {
    pub(crate) number: u64,
    pub(crate) size: u64,
    pub(crate) file: Arc<dyn DiskFile>,
}

/// Makes the file, replacing a leftover of the same name. On failure nothing is left behind if the disk allows it.
pub(crate) fn prepare(disk: &dyn Disk, number: u64, size: u64) -> io::Result<Prepared> {
    let path = path_of(number);
    remove_if_there(disk, &path)?;
    let file = disk.create(&path)?;
    match fill(&*file, size).and_then(|()| disk.sync_dir(DIR)) {
        Ok(()) => Ok(Prepared { number, size, file }),
        Err(error) => {
            let _ = disk.unlink(&path); // the first error is the one that tells
            Err(error)
        }
    }
}

pub(crate) fn remove_if_there(disk: &dyn Disk, path: &str) -> io::Result<()> {
    match disk.unlink(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn fill(file: &dyn DiskFile, size: u64) -> io::Result<()> {
    overwrite_with_zeros(file, 0, size)?;
    file.sync()
}

/// Writes zeros over `from..to`; not synced.
pub(crate) fn overwrite_with_zeros(file: &dyn DiskFile, from: u64, to: u64) -> io::Result<()> {
    let zeros = vec![0; CHUNK];
    let mut at = from;
    while at < to {
        let count = usize::try_from(to - at).map_or(CHUNK, |left| left.min(CHUNK));
        file.write_at(at, &zeros[..count])?;
        at += count as u64;
    }
    Ok(())
}
