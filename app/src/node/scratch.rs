//! Where does a cluster live that is gone afterwards? In a directory of its own below the system's temporary one. What a
//! killed process left there is removed by the next one that comes: it would hold keys that nobody misses.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use wardroom_keys::{Chance, OsChance};

use super::beginning;
use super::founding::cannot_write;
use super::lock::{self, Lock, Taken};
use crate::report::Report;

/// Letters of randomness in the name: short, because a socket's path must be.
const SUFFIX: usize = 8;
const PREFIX: &str = "wardroom-";
/// A directory with this file in it may be removed by anybody who gets its lock. It is made under the lock.
pub const EPHEMERAL: &str = "ephemeral";

/// A temporary directory, removed when it is dropped.
pub struct Scratch {
    path: PathBuf,
    keep: bool,
    lock: Option<Lock>,
}

impl Scratch {
    /// With `keep` the directory stays where it is, for ever.
    pub fn create(keep: bool) -> Result<Self, Report> {
        let parent = std::env::temp_dir();
        if let Err(error) = sweep(&parent) {
            tracing::warn!(%error, "what killed demos left could not be looked for");
        }
        let made = Self::create_in(&parent, keep, &OsChance);
        made.map_err(|error| cannot_write(&parent, &error))
    }

    fn create_in(parent: &Path, keep: bool, chance: &dyn Chance) -> io::Result<Self> {
        let parent = parent.canonicalize()?;
        let path = loop {
            let id = beginning::id(chance);
            let path = parent.join(format!("{PREFIX}{}", &id[..SUFFIX]));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => break path,
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        };
        // From here on a failure removes it.
        let mut scratch = Self {
            path,
            keep: false,
            lock: None,
        };
        if let Taken::Mine(lock) = lock::take(&scratch.path)? {
            scratch.lock = Some(lock);
        }
        if !keep {
            OpenOptions::new()
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(scratch.path.join(EPHEMERAL))?;
        }
        scratch.keep = keep;
        Ok(scratch)
    }

    /// Absolute.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The directory's lock, for who is to live in it; once.
    pub fn lock(&mut self) -> Option<Lock> {
        self.lock.take()
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if self.keep {
            return;
        }
        match fs::remove_dir_all(&self.path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                tracing::warn!(%error, path = %self.path.display(), "the temporary directory could not be removed");
            }
            _ => {}
        }
    }
}

/// From now on a directory stays that was made to be removed; its lock must be held.
pub fn retain(dir: &Path) -> io::Result<()> {
    match fs::remove_file(dir.join(EPHEMERAL)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Removes what killed processes of this user have left below `parent`.
fn sweep(parent: &Path) -> io::Result<()> {
    for entry in fs::read_dir(parent)? {
        let entry = entry?;
        let is_named_so = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX));
        if is_named_so && let Err(error) = sweep_one(&entry.path()) {
            tracing::warn!(%error, path = %entry.path().display(), "what a killed demo left could not be removed");
        }
    }
    Ok(())
}

fn sweep_one(dir: &Path) -> io::Result<()> {
    let found = fs::symlink_metadata(dir)?;
    let is_ours = found.is_dir() && found.uid() == rustix::process::geteuid().as_raw();
    if !is_ours || !dir.join(EPHEMERAL).exists() {
        return Ok(());
    }
    match lock::take(dir)? {
        // Looked at again under the lock: its owner may have decided to keep it.
        Taken::Mine(_lock) if dir.join(EPHEMERAL).exists() => fs::remove_dir_all(dir),
        Taken::Mine(_) | Taken::Held(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use wardroom_keys::SeededChance;

    use super::*;

    #[test]
    fn it_is_gone_afterwards_unless_kept() {
        let parent = tempfile::tempdir().unwrap();
        let chance = SeededChance::new(1);
        let scratch = Scratch::create_in(parent.path(), false, &chance).unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
        let kept = Scratch::create_in(parent.path(), true, &chance).unwrap();
        let path = kept.path().to_owned();
        drop(kept);
        assert!(path.exists());
    }

    /// What stays when the process is killed: no destructor runs, and the kernel lets go of the lock.
    fn killed(mut scratch: Scratch) -> PathBuf {
        drop(scratch.lock());
        let path = scratch.path().to_owned();
        std::mem::forget(scratch);
        fs::create_dir(path.join("manager-1")).unwrap();
        fs::write(path.join("manager-1/keyring"), "keys").unwrap();
        path
    }

    #[test]
    fn what_a_killed_one_left_is_removed_and_nothing_else() {
        let parent = tempfile::tempdir().unwrap();
        let chance = SeededChance::new(1);
        let create = |keep| Scratch::create_in(parent.path(), keep, &chance).unwrap();
        let (dead, kept, retained) = (killed(create(false)), killed(create(true)), killed(create(false)));
        retain(&retained).unwrap();
        let live = create(false);
        let foreign = parent.path().join("wardroom-letters");
        fs::create_dir(&foreign).unwrap();
        let elsewhere = parent.path().join("elsewhere");
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join(EPHEMERAL), "").unwrap();
        std::os::unix::fs::symlink(&elsewhere, parent.path().join("wardroom-link")).unwrap();
        sweep(parent.path()).unwrap();
        assert!(!dead.exists());
        for stays in [kept.as_path(), &retained, live.path(), &foreign, &elsewhere] {
            assert!(stays.exists(), "{}", stays.display());
        }
    }
}
