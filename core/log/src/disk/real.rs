//! What is a disk in production? A directory that only its owner may enter.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{CWD, RenameFlags, renameat_with};
use rustix::io::Errno;

use super::{Disk, DiskFile, checked, parent_of};

/// Real files under one directory: directories 0700, files 0600.
#[derive(Clone, Debug)]
pub struct RealDisk {
    root: PathBuf,
}

impl RealDisk {
    /// Makes the directory (and those above it) if it is not there yet.
    pub fn new(root: impl Into<PathBuf>) -> io::Result<Self> {
        let root = root.into();
        DirBuilder::new().recursive(true).mode(0o700).create(&root)?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Path {
        &self.root
    }

    fn path(&self, path: &str) -> io::Result<PathBuf> {
        Ok(self.root.join(checked(path)?))
    }
}

impl Disk for RealDisk {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        match DirBuilder::new().mode(0o700).create(self.path(dir)?) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
            Ok(()) => self.sync_dir(parent_of(dir)),
        }
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        let mut names = Vec::new();
        for entry in fs::read_dir(self.path(dir)?)? {
            let entry = entry?;
            if entry.file_type()?.is_file() {
                names.extend(entry.file_name().into_string()); // wardroom makes no other names than UTF-8
            }
        }
        names.sort();
        Ok(names)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(self.path(path)?)?;
        Ok(Arc::new(RealFile(file)))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        Ok(Arc::new(RealFile(
            OpenOptions::new().read(true).write(true).open(self.path(path)?)?,
        )))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from)?, self.path(to)?)
    }

    fn exchange(&self, one: &str, other: &str) -> io::Result<()> {
        let (one, other) = (self.path(one)?, self.path(other)?);
        renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).map_err(|error| match error {
            // An unknown flag, to a file system or to an old kernel.
            Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP => io::ErrorKind::Unsupported.into(),
            error => error.into(),
        })
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.path(path)?)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        File::open(self.path(dir)?)?.sync_all()
    }
}

struct RealFile(File);

impl DiskFile for RealFile {
    fn size(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.0.read_at(out, offset)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all_at(bytes, offset)
    }

    fn sync(&self) -> io::Result<()> {
        self.0.sync_data()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

    use std::os::unix::fs::PermissionsExt;

    use super::super::{read_file, write_file};
    use super::*;

    #[test]
    fn only_the_owner_gets_in() {
        let scratch = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(scratch.path().join("data")).unwrap();
        disk.create_dir("log").unwrap();
        disk.create_dir("log").unwrap();
        disk.create("log/a").unwrap();
        let mode = |path: &str| fs::metadata(disk.root().join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(""), mode("log"), mode("log/a")), (0o700, 0o700, 0o600));
        assert_eq!(disk.create("log/a").err().unwrap().kind(), io::ErrorKind::AlreadyExists);
    }

    #[test]
    fn files_are_replaced_whole_and_read_within_a_limit() {
        let scratch = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(scratch.path()).unwrap();
        write_file(&disk, "keys", b"old").unwrap();
        disk.create("keys.tmp").unwrap(); // a crash before the rename leaves this
        write_file(&disk, "keys", b"new!").unwrap();
        assert_eq!(read_file(&disk, "keys", 4).unwrap(), b"new!");
        assert_eq!(
            read_file(&disk, "keys", 3).err().unwrap().kind(),
            io::ErrorKind::FileTooLarge
        );
        assert_eq!(disk.list("").unwrap(), ["keys"]);
    }

    #[test]
    fn no_path_leads_out() {
        let scratch = tempfile::tempdir().unwrap();
        let disk = RealDisk::new(scratch.path()).unwrap();
        for path in ["../x", "/etc/passwd", "a/../../x", "a//b", "./a"] {
            assert_eq!(
                disk.open(path).err().unwrap().kind(),
                io::ErrorKind::InvalidInput,
                "{path}"
            );
        }
    }
}
