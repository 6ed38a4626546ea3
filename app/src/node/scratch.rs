//! Where does a cluster live that is gone afterwards? In a directory of its own below the system's temporary one.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use wardroom_keys::{Chance, OsChance};

use super::founding::{self, cannot_write};
use crate::report::Report;

/// Letters of randomness in the name: short, because a socket's path must be.
const SUFFIX: usize = 8;

/// A temporary directory, removed when it is dropped.
pub struct Scratch {
    path: PathBuf,
    keep: bool,
}

impl Scratch {
    pub fn create() -> Result<Self, Report> {
        let parent = std::env::temp_dir();
        let made = Self::create_in(&parent, &OsChance);
        made.map_err(|error| cannot_write(&parent, &error))
    }

    fn create_in(parent: &Path, chance: &dyn Chance) -> io::Result<Self> {
        loop {
            let id = founding::id(chance);
            let path = parent.join(format!("wardroom-{}", &id[..SUFFIX]));
            match DirBuilder::new().mode(0o700).create(&path) {
                Ok(()) => return Ok(Self { path, keep: false }),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Leaves the directory where it is.
    pub fn keep(&mut self) {
        self.keep = true;
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        if !self.keep
            && let Err(error) = fs::remove_dir_all(&self.path)
        {
            tracing::warn!(%error, path = %self.path.display(), "the temporary directory could not be removed");
        }
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
        let scratch = Scratch::create_in(parent.path(), &chance).unwrap();
        let path = scratch.path().to_owned();
        fs::write(path.join("file"), "x").unwrap();
        drop(scratch);
        assert!(!path.exists());
        let mut kept = Scratch::create_in(parent.path(), &chance).unwrap();
        kept.keep();
        let path = kept.path().to_owned();
        drop(kept);
        assert!(path.exists());
    }
}
