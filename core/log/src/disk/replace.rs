//! How is a file replaced so that a crash leaves the old content or the new one, and, if that matters, nothing of the old
//! content where it lay?

use std::io;

use super::{Disk, DiskFile, parent_of};
use crate::prepare::{overwrite_with_zeros, remove_if_there};

/// Replaces a file by `bytes`: afterwards, also after a crash, it holds the old content or the new one, never a part.
pub fn write_file(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    let aside = aside_of(path);
    remove_if_there(disk, &aside)?;
    let file = disk.create(&aside)?;
    let written = write(&*file, bytes).and_then(|()| disk.rename(&aside, path));
    if let Err(error) = written {
        let _ = disk.unlink(&aside); // the first error is the one that tells
        return Err(error);
    }
    disk.sync_dir(parent_of(path))
}

/// Like [`write_file`], and what stood there before is overwritten with zeros where it lay: durable on return. What a crash
/// leaves of either content beside the file has the name that [`wipe`] takes, so call that at the next start.
///
/// On an error the file holds the old content or the new one, and asking again is safe.
pub fn replace_and_wipe(disk: &dyn Disk, path: &str, bytes: &[u8]) -> io::Result<()> {
    wipe(disk, path)?;
    let aside = aside_of(path);
    let file = disk.create(&aside)?;
    // Its name is durable before it holds anything: no crash leaves bytes that have no name.
    disk.sync_dir(parent_of(path))?;
    write(&*file, bytes)?;
    match disk.exchange(&aside, path) {
        Ok(()) => {
            // Only when no crash can bring the old content back is it let go; until then it is the only one.
            disk.sync_dir(parent_of(path))?;
            wipe(disk, path)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            disk.rename(&aside, path)?;
            disk.sync_dir(parent_of(path))
        }
        Err(error) if error.kind() == io::ErrorKind::Unsupported => replace_without_exchange(disk, &aside, path),
        Err(error) => Err(error),
    }
}

/// A crash between the last two steps leaves the old content in blocks without a name: there is nothing better where files
/// cannot be exchanged.
fn replace_without_exchange(disk: &dyn Disk, aside: &str, path: &str) -> io::Result<()> {
    let old = match disk.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        opened => Some(opened?),
    };
    disk.rename(aside, path)?;
    disk.sync_dir(parent_of(path))?;
    old.map_or(Ok(()), |old| zero(&*old))
}

/// Overwrites and removes what a crash during [`replace_and_wipe`] left beside the file at `path`, be it the content before
/// or one that never came into force.
pub fn wipe(disk: &dyn Disk, path: &str) -> io::Result<()> {
    let aside = aside_of(path);
    let file = match disk.open(&aside) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    // An exchange that is not durable yet could be undone by the next crash: then this is the content in force.
    disk.sync_dir(parent_of(path))?;
    zero(&*file)?;
    disk.unlink(&aside)?;
    disk.sync_dir(parent_of(path))
}

fn aside_of(path: &str) -> String {
    format!("{path}.tmp")
}

fn write(file: &dyn DiskFile, bytes: &[u8]) -> io::Result<()> {
    file.write_at(0, bytes)?;
    file.sync()
}

fn zero(file: &dyn DiskFile) -> io::Result<()> {
    overwrite_with_zeros(file, 0, file.size()?)?;
    file.sync()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

    use std::fs;
    use std::sync::Arc;

    use super::super::{Disk, DiskFile, RealDisk, read_file};
    use super::*;

    /// A file system that cannot exchange files.
    struct Plain(RealDisk);

    impl Disk for Plain {
        fn create_dir(&self, dir: &str) -> io::Result<()> {
            self.0.create_dir(dir)
        }
        fn list(&self, dir: &str) -> io::Result<Vec<String>> {
            self.0.list(dir)
        }
        fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
            self.0.create(path)
        }
        fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
            self.0.open(path)
        }
        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.0.rename(from, to)
        }
        fn exchange(&self, _: &str, _: &str) -> io::Result<()> {
            Err(io::ErrorKind::Unsupported.into())
        }
        fn unlink(&self, path: &str) -> io::Result<()> {
            self.0.unlink(path)
        }
        fn sync_dir(&self, dir: &str) -> io::Result<()> {
            self.0.sync_dir(dir)
        }
    }

    fn is_wiped(disk: &dyn Disk, root: &std::path::Path) {
        replace_and_wipe(disk, "keys", b"old").unwrap();
        // A second name for the same bytes on the disk, and for those that a crash has left.
        let (old, left) = (root.join("second"), root.join("left"));
        fs::hard_link(root.join("keys"), &old).unwrap();
        fs::write(root.join("keys.tmp"), "left by a crash").unwrap();
        fs::hard_link(root.join("keys.tmp"), &left).unwrap();
        replace_and_wipe(disk, "keys", b"new!").unwrap();
        assert_eq!(read_file(disk, "keys", 4).unwrap(), b"new!");
        assert_eq!(
            (fs::read(old).unwrap(), fs::read(left).unwrap()),
            (vec![0; 3], vec![0; 15])
        );
        assert_eq!(disk.list("").unwrap(), ["keys", "left", "second"]);
    }

    #[test]
    fn what_is_replaced_is_wiped_where_it_lay() {
        let scratch = tempfile::tempdir().unwrap();
        is_wiped(&RealDisk::new(scratch.path()).unwrap(), scratch.path());
    }

    #[test]
    fn also_where_files_cannot_be_exchanged() {
        let scratch = tempfile::tempdir().unwrap();
        is_wiped(&Plain(RealDisk::new(scratch.path()).unwrap()), scratch.path());
    }
}
