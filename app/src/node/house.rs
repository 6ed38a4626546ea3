//! Which directory is this cluster's home, and is it ours alone? Opens what is there, founds what is not, and says which
//! process has it when it is taken. Nothing is put into a directory that holds something else.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use wardroom_keys::Chance;

use super::founding::{self, Wanted, cannot_write};
use super::lock::{self, LOCK, Lock, Taken};
use super::manifest::Manifest;
use super::scratch::EPHEMERAL;
use crate::cli::connect::SOCKET;
use crate::report::Report;

/// The longest path that a unix socket can have.
const SOCKET_PATH_BYTES: usize = 107;

/// A cluster's directory, locked by this process.
pub struct House {
    /// Absolute.
    pub dir: PathBuf,
    pub manifest: Manifest,
    /// Made just now: nothing of it has run yet.
    pub is_new: bool,
    _lock: Lock,
}

pub enum Opened {
    Mine(Box<House>),
    /// A cluster runs there, in this process (0: not known).
    Running {
        pid: u32,
        socket: PathBuf,
    },
}

impl House {
    pub fn socket(&self) -> PathBuf {
        self.dir.join(SOCKET)
    }

    pub fn log_file(&self) -> PathBuf {
        self.dir.join("wardroom.log")
    }

    /// Where a manager or a worker keeps what is its own.
    pub fn node(&self, hostname: &str) -> PathBuf {
        self.dir.join(hostname)
    }
}

/// Opens the cluster of a directory, or founds the wanted one in it when it is empty or not there.
pub fn open(dir: &Path, wanted: &Wanted, chance: &dyn Chance) -> Result<Opened, Report> {
    let new_folders: Vec<&Path> = dir.ancestors().take_while(|folder| !folder.exists()).collect();
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    let opened = made
        .map_err(|error| cannot_write(dir, &error))
        .and_then(|()| open_existing(dir, wanted, chance));
    if opened.is_err() {
        for folder in new_folders {
            // Does nothing where another process has begun something meanwhile.
            let _ = fs::remove_dir(folder);
        }
    }
    opened
}

fn open_existing(dir: &Path, wanted: &Wanted, chance: &dyn Chance) -> Result<Opened, Report> {
    let dir = dir.canonicalize().map_err(|error| cannot_write(dir, &error))?;
    let socket = dir.join(SOCKET);
    if socket.as_os_str().len() > SOCKET_PATH_BYTES {
        return Err(
            Report::failure(format!("{} is too long a path for a socket", socket.display())).hint(format!(
                "choose a directory with at most {} bytes in its path",
                SOCKET_PATH_BYTES - SOCKET.len() - 1
            )),
        );
    }
    match lock::take(&dir).map_err(|error| cannot_write(&dir, &error))? {
        Taken::Mine(lock) => enter(&dir, lock, wanted, chance).map(Opened::Mine),
        Taken::Held(pid) => Ok(Opened::Running { pid, socket }),
    }
}

/// Opens or founds the cluster of a directory whose lock is held; `dir` is absolute. Everything that looks at the
/// directory does it here, because without the lock it may be looking at another process's half-made cluster.
pub fn enter(dir: &Path, lock: Lock, wanted: &Wanted, chance: &dyn Chance) -> Result<Box<House>, Report> {
    match read_or_found(dir, wanted, chance) {
        Ok((manifest, is_new)) => Ok(Box::new(House {
            dir: dir.to_owned(),
            manifest,
            is_new,
            _lock: lock,
        })),
        Err(report) => {
            if matches!(Manifest::read(dir), Ok(None)) {
                // No cluster: then this attempt made the lock, and takes it away again while it still holds it.
                let _ = fs::remove_file(dir.join(LOCK));
            }
            Err(report)
        }
    }
}

/// The manifest, and whether it was made just now.
fn read_or_found(dir: &Path, wanted: &Wanted, chance: &dyn Chance) -> Result<(Manifest, bool), Report> {
    if let Some(manifest) = Manifest::read(dir)? {
        founding::finished(dir).map_err(|error| cannot_write(dir, &error))?;
        return Ok((manifest, false));
    }
    check_free(dir)?;
    Ok((founding::found(dir, wanted, chance)?, true))
}

/// A directory without a cluster must hold nothing else either.
fn check_free(dir: &Path) -> Result<(), Report> {
    if founding::is_under_way(dir) {
        return Ok(());
    }
    let names = fs::read_dir(dir)
        .and_then(|entries| {
            entries
                .map(|entry| Ok(entry?.file_name()))
                .collect::<io::Result<Vec<_>>>()
        })
        .map_err(|error| cannot_write(dir, &error))?;
    match names.iter().find(|name| *name != LOCK && *name != EPHEMERAL) {
        None => Ok(()),
        Some(name) => Err(Report::failure(format!(
            "{} holds no cluster, but other things ({})",
            dir.display(),
            crate::text::clean(&name.to_string_lossy())
        ))
        .hint("choose an empty directory, or one that does not exist yet, with --dir")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::print_stderr)] // a failed unwrap is a failed test; a skip is said aloud

    use wardroom_keys::SeededChance;

    use super::*;

    fn open_with_one_manager(dir: &Path) -> Result<Opened, Report> {
        let wanted = Wanted {
            name: "test".into(),
            managers: 1,
            workers: 0,
        };
        open(dir, &wanted, &SeededChance::new(1))
    }

    #[test]
    fn a_cluster_is_founded_once_and_found_again() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("a/b");
        let Opened::Mine(house) = open_with_one_manager(&dir).unwrap() else {
            panic!("nobody else is there")
        };
        assert!(house.is_new);
        let id = house.manifest.cluster_id.clone();
        match open_with_one_manager(&dir).unwrap() {
            Opened::Running { pid, socket } => {
                assert_eq!(pid, std::process::id());
                assert!(socket.ends_with(SOCKET));
            }
            Opened::Mine(_) => panic!("opened twice"),
        }
        drop(house);
        let Opened::Mine(house) = open_with_one_manager(&dir).unwrap() else {
            panic!("the lock is free")
        };
        assert!(!house.is_new);
        assert_eq!(house.manifest.cluster_id, id);
    }

    #[test]
    fn a_directory_with_other_things_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        fs::write(scratch.path().join("letter.txt"), "dear").unwrap();
        let report = open_with_one_manager(scratch.path()).err().unwrap();
        assert!(report.message.contains("letter.txt"));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_start_that_fails_leaves_another_process_its_lock() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("a");
        let letter = dir.join("letter.txt");
        // The other process made the directory and holds its lock when this one comes to look.
        fs::create_dir(&dir).unwrap();
        let Taken::Mine(theirs) = lock::take(&dir).unwrap() else {
            panic!("the directory is new")
        };
        fs::write(&letter, "dear").unwrap();
        assert!(
            matches!(open_with_one_manager(&dir), Ok(Opened::Running { .. })),
            "whatever it is about to make there"
        );
        assert!(dir.join(LOCK).exists());
        drop(theirs);
        assert!(open_with_one_manager(&dir).is_err(), "it has ended without a cluster");
        assert!(!dir.join(LOCK).exists() && letter.exists());
    }

    #[test]
    fn a_mark_that_outlived_its_founding_goes() {
        let scratch = tempfile::tempdir().unwrap();
        drop(open_with_one_manager(scratch.path()).unwrap());
        fs::create_dir(scratch.path().join("founding")).unwrap();
        let Opened::Mine(house) = open_with_one_manager(scratch.path()).unwrap() else {
            panic!("the lock is free")
        };
        assert!(!house.is_new && !founding::is_under_way(scratch.path()));
        // Had it stayed, a lost manifest would have had the keys swept with it.
        fs::remove_file(scratch.path().join(super::super::manifest::MANIFEST)).unwrap();
        drop(house);
        assert!(open_with_one_manager(scratch.path()).is_err());
        assert!(scratch.path().join("manager-1").join(founding::KEYRING).exists());
    }

    #[test]
    fn a_path_below_a_file_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let file = scratch.path().join("file");
        fs::write(&file, "").unwrap();
        for dir in [file.clone(), file.join("below")] {
            assert!(
                open_with_one_manager(&dir)
                    .err()
                    .unwrap()
                    .hint
                    .unwrap()
                    .contains("--dir")
            );
        }
    }

    #[test]
    fn a_path_too_long_for_a_socket_leaves_nothing() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("x".repeat(120)).join("y");
        assert!(open_with_one_manager(&dir).err().unwrap().message.contains("too long"));
        assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0);
    }

    /// A file system of its own, gone with the test.
    struct Mounted(PathBuf);

    impl Mounted {
        /// `None` where this user may not mount.
        fn with(dir: &Path, options: &str) -> Option<Self> {
            let mut mount = std::process::Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", options, "none"]).arg(dir);
            let mounted = mount.status().is_ok_and(|status| status.success());
            mounted.then(|| Self(dir.to_owned()))
        }
    }

    impl Drop for Mounted {
        fn drop(&mut self) {
            let _ = std::process::Command::new("umount").arg("--lazy").arg(&self.0).status();
        }
    }

    #[test]
    fn a_full_disk_and_a_read_only_one_are_named_and_left_as_they_are() {
        const NAME: &str = "a_full_disk_and_a_read_only_one_are_named_and_left_as_they_are";
        if !harness::skip::root_or_skip(NAME) {
            return;
        }
        for (options, hint) in [
            ("size=16k", "make room"),
            ("size=4k", "make room"),
            ("ro", "mount it writable"),
        ] {
            let scratch = tempfile::tempdir().unwrap();
            let Some(mounted) = Mounted::with(scratch.path(), options) else {
                eprintln!("\n*** SKIPPED {NAME}: this root may not mount ***\n");
                return;
            };
            for dir in [scratch.path().to_owned(), scratch.path().join("a/b")] {
                let report = open_with_one_manager(&dir).err().unwrap();
                assert!(
                    report.hint.unwrap_or_default().contains(hint),
                    "{options}: {}",
                    report.message
                );
                assert_eq!(fs::read_dir(scratch.path()).unwrap().count(), 0, "{options}");
            }
            drop(mounted);
        }
    }
}
