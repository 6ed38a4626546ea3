//! Does a cluster run in this directory? One process at a time holds the lock; the kernel lets go of it when that
//! process ends, however it ends.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::{FlockOperation, flock};

/// Name of the lock in a cluster's directory.
pub const LOCK: &str = "wardroom.lock";

/// Held as long as it lives.
pub struct Lock {
    _file: File,
}

/// What came of trying.
pub enum Taken {
    Mine(Lock),
    /// By this process id, 0 when it has not said yet.
    Held(u32),
}

/// Takes the lock of a directory, or says who has it.
pub fn take(dir: &Path) -> io::Result<Taken> {
    let path = dir.join(LOCK);
    loop {
        let mut file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .mode(0o600)
            .open(&path)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut text = String::new();
                // The number is a courtesy: who cannot be named is 0.
                let _ = file.read_to_string(&mut text);
                return Ok(Taken::Held(text.trim().parse().unwrap_or(0)));
            }
            Err(error) => return Err(error.into()),
        }
        // Between opening and locking, its last holder may have removed it: a lock that nobody else finds guards nothing.
        if is_at(&file, &path)? {
            if let Err(error) = sign(&mut file) {
                tracing::debug!(%error, "the lock does not say whose it is");
            }
            return Ok(Taken::Mine(Lock { _file: file }));
        }
    }
}

/// Says who holds it. On a full disk it cannot, and is held all the same.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

/// Whether this very file is the one found at `path`.
fn is_at(file: &File, path: &Path) -> io::Result<bool> {
    let held = file.metadata()?;
    match fs::metadata(path) {
        Ok(found) => Ok((found.dev(), found.ino()) == (held.dev(), held.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn one_holds_it_and_the_other_learns_who() {
        let dir = tempfile::tempdir().unwrap();
        let Taken::Mine(lock) = take(dir.path()).unwrap() else {
            panic!("the directory is new")
        };
        match take(dir.path()).unwrap() {
            Taken::Held(pid) => assert_eq!(pid, std::process::id()),
            Taken::Mine(_) => panic!("taken twice"),
        }
        drop(lock);
        assert!(matches!(take(dir.path()).unwrap(), Taken::Mine(_)));
    }

    #[test]
    fn a_removed_file_is_no_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(LOCK);
        fs::write(&path, "").unwrap();
        let opened_before = File::open(&path).unwrap();
        assert!(is_at(&opened_before, &path).unwrap());
        fs::remove_file(&path).unwrap();
        assert!(!is_at(&opened_before, &path).unwrap(), "nobody finds it any more");
        fs::write(&path, "").unwrap();
        assert!(!is_at(&opened_before, &path).unwrap(), "others find another one");
    }
}
