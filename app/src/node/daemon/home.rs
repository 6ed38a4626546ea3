//! Which directory is the daemon's, what stands where in it, and is it ours alone? One process holds its lock; nothing is
//! put into a directory that holds something else.
//!
//! ```text
//! node.json        what this node is (manifest.rs)
//! identity/        the node's certificate, its key and the roots it trusts; before it is admitted its key alone
//! manager/         the keyring, and the encrypted log and snapshots of a manager
//! ```

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wardroom_ca::{CertificateFacts, Identity, KeyRequest, NodeFiles};
use wardroom_keys::Chance;

use super::manifest::{MANIFEST, Manifest};
use crate::node::founding::KEYRING;
use crate::node::lock::{self, LOCK, Lock, Taken};
use crate::node::{durable, explain, explain_with, hooks, manifest as embedded};
use crate::report::{Exit, Report};

const IDENTITY: &str = "identity";
const STORE: &str = "manager";

/// The daemon's directory, locked by this process.
pub struct Home {
    dir: PathBuf,
    _lock: Lock,
}

impl Home {
    /// Makes the directory if need be, for its owner only.
    pub fn open(dir: &Path) -> Result<Self, Report> {
        let cannot = |error: io::Error| cannot_use(dir, &error);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(cannot)?;
        let dir = dir.canonicalize().map_err(cannot)?;
        check_ours(&dir)?;
        let lock = match lock::take(&dir).map_err(cannot)? {
            Taken::Mine(lock) => lock,
            Taken::Held(pid) => return Err(busy(&dir, pid)),
        };
        let home = Self { dir, _lock: lock };
        home.check_contents()?;
        for folder in [home.identity(), home.store()] {
            make(&folder).map_err(cannot)?;
        }
        Ok(home)
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Certificate, key and roots of this node.
    pub fn identity(&self) -> PathBuf {
        self.dir.join(IDENTITY)
    }

    /// Whom this node's certificate names; its key may be sealed.
    pub fn certificate(&self) -> Result<(Identity, CertificateFacts), Report> {
        NodeFiles::identity(&self.identity()).map_err(|error| explain(&error))
    }

    /// What a manager keeps on disk, its keyring included.
    pub fn store(&self) -> PathBuf {
        self.dir.join(STORE)
    }

    /// Programs that make values, where no other folder is named.
    pub fn hooks(&self) -> PathBuf {
        self.dir.join(hooks::FOLDER)
    }

    pub fn keyring(&self) -> PathBuf {
        self.store().join(KEYRING)
    }

    /// Whether a manager has left something here, finished or not.
    pub fn has_store(&self) -> io::Result<bool> {
        match fs::read_dir(self.store()) {
            Ok(mut entries) => Ok(entries.next().is_some()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// The key to join with: the one of an earlier try, or a new one that is durable on return.
    pub fn joining_key(&self, chance: &dyn Chance) -> Result<KeyRequest, Report> {
        let identity = self.identity();
        let staged = NodeFiles::staged_key(&identity).map_err(|error| explain(&error))?;
        if let Some(key) = staged {
            return KeyRequest::with_key(key).map_err(|error| {
                explain_with("the key of an earlier try to join cannot be used", &error).hint(format!(
                    "remove what is in {}; the node then joins as a new one",
                    identity.display()
                ))
            });
        }
        let asked = KeyRequest::generate(chance);
        NodeFiles::stage_key(&identity, &asked.key).map_err(|error| explain(&error))?;
        Ok(asked)
    }

    /// Nothing of a manager is left; its keys go first. Durable on return.
    pub fn wipe_store(&self) -> io::Result<()> {
        durable::shred(&self.keyring())?;
        durable::shred(&self.store())?;
        make(&self.store())
    }

    /// Nothing that could prove this node to anybody is left.
    pub fn wipe_keys(&self) -> io::Result<()> {
        self.wipe_store()?;
        durable::shred(&self.identity())?;
        make(&self.identity())
    }

    /// Nothing of a node is left. The manifest goes last: until then the next start knows what to finish.
    pub fn wipe(&self) -> io::Result<()> {
        self.wipe_keys()?;
        Manifest::remove(&self.dir)
    }

    /// What a node could have left, without a node: somebody put it there.
    fn check_contents(&self) -> Result<(), Report> {
        if self.dir.join(embedded::MANIFEST).exists() {
            return Err(Report::new(
                Exit::Conflict,
                format!(
                    "{} holds an embedded cluster of `wardroom` or `wardroom demo`",
                    self.dir.display()
                ),
            )
            .hint("give the daemon a directory of its own with --state-dir"));
        }
        if Manifest::read(&self.dir)?.is_some() {
            return Ok(());
        }
        // The last one is a manifest that was being replaced.
        let known = [LOCK, IDENTITY, STORE, hooks::FOLDER, &format!("{MANIFEST}.new")];
        let entries = fs::read_dir(&self.dir).map_err(|error| cannot_use(&self.dir, &error))?;
        let strange = entries
            .filter_map(Result::ok)
            .map(|entry| entry.file_name().to_string_lossy().into_owned())
            .find(|name| !known.contains(&name.as_str()));
        match strange {
            None => Ok(()),
            Some(name) => Err(Report::new(
                Exit::Conflict,
                format!(
                    "{} holds no node, but other things ({})",
                    self.dir.display(),
                    crate::text::clean(&name)
                ),
            )
            .hint("give the daemon an empty directory, or one that does not exist yet, with --state-dir")),
        }
    }

    /// Whether data of a node is here that the manifest knows nothing of: a directory that was copied, or whose manifest
    /// was lost. No node begins on top of it.
    pub fn check_empty(&self) -> Result<(), Report> {
        let has_certificate = NodeFiles::exist(&self.identity());
        let has_store = self.has_store().map_err(|error| cannot_use(&self.dir, &error))?;
        if !has_certificate && !has_store {
            return Ok(());
        }
        Err(Report::new(
            Exit::Conflict,
            format!(
                "{} holds the data of another node, and no manifest that names it",
                self.dir.display()
            ),
        )
        .hint("start the daemon with an empty --state-dir, or move this data away first"))
    }
}

fn make(folder: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
        _ => Ok(()),
    }
}

/// Keys will stand in it: it must be this user's, and nobody else's business.
fn check_ours(dir: &Path) -> Result<(), Report> {
    let found = fs::metadata(dir).map_err(|error| cannot_use(dir, &error))?;
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err(
            Report::new(Exit::Permission, format!("{} belongs to another user", dir.display()))
                .hint("run the daemon as that user, or give it a directory of its own with --state-dir"),
        );
    }
    if found.permissions().mode() & 0o077 != 0 {
        return Err(
            Report::new(Exit::Permission, format!("{} is open to other users", dir.display())).hint(format!(
                "run `chmod 700 {}`, then start the daemon again",
                dir.display()
            )),
        );
    }
    Ok(())
}

fn busy(dir: &Path, pid: u32) -> Report {
    let process = if pid == 0 {
        "another process".to_owned()
    } else {
        format!("process {pid}")
    };
    Report::new(
        Exit::Conflict,
        format!("a daemon already runs in {} ({process})", dir.display()),
    )
    .hint("stop it first, or give this one a directory of its own with --state-dir")
}

/// Full, read-only, somebody else's: what the system says, and what to do.
pub fn cannot_use(dir: &Path, error: &io::Error) -> Report {
    let hint = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room there",
        io::ErrorKind::ReadOnlyFilesystem => "mount it writable",
        io::ErrorKind::PermissionDenied => "run the daemon as the directory's owner, or name another with --state-dir",
        _ => "check the path and the disk, or name another directory with --state-dir",
    };
    Report::failure(format!("cannot use {}: {error}", dir.display())).hint(hint)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use wardroom_keys::SeededChance;

    use super::super::manifest::{NodeRole, Phase};
    use super::*;

    fn opened(dir: &Path) -> Home {
        Home::open(&dir.join("state")).unwrap()
    }

    #[test]
    fn a_directory_is_private_and_has_one_daemon() {
        let scratch = tempfile::tempdir().unwrap();
        let home = opened(scratch.path());
        assert_eq!(fs::metadata(home.dir()).unwrap().permissions().mode() & 0o777, 0o700);
        let report = Home::open(home.dir()).err().unwrap();
        assert!(
            report.message.contains(&std::process::id().to_string()),
            "{}",
            report.message
        );
        let dir = home.dir().to_owned();
        drop(home);
        fs::set_permissions(&dir, fs::Permissions::from_mode(0o750)).unwrap();
        let report = Home::open(&dir).err().unwrap();
        assert!(report.hint.unwrap().contains("chmod 700"));
    }

    #[test]
    fn a_directory_with_other_things_is_left_alone() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = scratch.path().join("state");
        DirBuilder::new().mode(0o700).create(&dir).unwrap();
        for (name, word) in [(embedded::MANIFEST, "embedded"), ("letter.txt", "letter.txt")] {
            fs::write(dir.join(name), "dear").unwrap();
            let report = Home::open(&dir).err().unwrap();
            assert!(report.message.contains(word), "{}", report.message);
            fs::remove_file(dir.join(name)).unwrap();
        }
        assert!(Home::open(&dir).is_ok());
    }

    #[test]
    fn one_key_joins_until_it_is_wiped() {
        let scratch = tempfile::tempdir().unwrap();
        let home = opened(scratch.path());
        let key = || home.joining_key(&wardroom_keys::OsChance).unwrap().key_fingerprint;
        let first = key();
        assert_eq!(first, key(), "a try that is repeated is the same node");
        home.wipe_keys().unwrap();
        assert_ne!(first, key());
    }

    #[test]
    fn what_is_wiped_is_empty_and_can_begin_again() {
        let scratch = tempfile::tempdir().unwrap();
        let home = opened(scratch.path());
        fs::write(home.keyring(), "keys").unwrap();
        assert!(home.check_empty().is_err(), "a store without a manifest");
        Manifest::new(Phase::Member, "c1".into(), "n1".into(), NodeRole::Worker)
            .write(home.dir())
            .unwrap();
        home.joining_key(&SeededChance::new(1)).unwrap();
        home.wipe().unwrap();
        assert!(home.check_empty().is_ok());
        assert_eq!(Manifest::read(home.dir()).unwrap(), None);
        assert_eq!(fs::read_dir(home.identity()).unwrap().count(), 0);
    }
}
