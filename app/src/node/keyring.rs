//! Where are a manager's keys? In one file, in clear as long as the cluster is not locked: readable by its owner only, and
//! refused when it is not.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::Arc;

use wardroom_keys::{Dek, KeyStore, Keyring, KeyringFile, SecretBytes, SharedKeyring};
use wardroom_log::{Disk, DiskKeyring};

use super::founding::KEYRING;
use super::{durable, explain_with};
use crate::report::{Exit, Report};

/// The keyring at `path`, which must be of that node of that cluster.
pub fn open(path: &Path, cluster_id: &str, node_id: &str) -> Result<Keyring, Report> {
    let about = |error: wardroom_keys::KeyringError| {
        let report = explain_with(&path.display().to_string(), &error);
        match error {
            wardroom_keys::KeyringError::Locked => Report {
                exit: Exit::Locked,
                ..report
            },
            _ => report,
        }
    };
    let file = KeyringFile::decode(read(path)?.expose()).map_err(about)?;
    Keyring::open(file, cluster_id, node_id).map_err(about)
}

/// Replaces the file; durable on return.
pub fn save(path: &Path, keyring: &Keyring) -> io::Result<()> {
    durable::replace(path, keyring.encode().expose())
}

/// The keyring as a running manager shares it; what changes in it is saved below the root of `disk`.
pub fn share(keyring: Keyring, disk: Arc<dyn Disk>) -> Arc<SharedKeyring> {
    let store = Store(DiskKeyring::new(disk, KEYRING));
    Arc::new(SharedKeyring::new(keyring, Arc::new(store)))
}

struct Store(DiskKeyring);

impl KeyStore for Store {
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()> {
        self.0.save(bytes)
    }

    fn rest_node_key(&self, dek: Option<&Dek>) -> io::Result<()> {
        match dek {
            Some(_) => Err(io::Error::new(
                io::ErrorKind::Unsupported,
                "the node key rests in clear",
            )),
            None => Ok(()),
        }
    }
}

/// Whether no manager has begun at `path` yet: there is no keyring, nor anything beside it that one would open. Half of a
/// keyring, as a crash leaves it, is none.
pub fn is_to_come(path: &Path) -> io::Result<bool> {
    let entries = match path.parent().map(fs::read_dir) {
        Some(Ok(entries)) => entries,
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => return Ok(true),
    };
    let half = durable::aside(path);
    for entry in entries {
        if entry?.path() != half {
            return Ok(false);
        }
    }
    Ok(true)
}

fn read(path: &Path) -> Result<SecretBytes, Report> {
    let unreadable = |error: io::Error| {
        Report::failure(format!("cannot read {}: {error}", path.display()))
            .hint("restore the file: without it this manager's log cannot be read")
    };
    let mode = fs::metadata(path).map_err(unreadable)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(
            Report::failure(format!("{} holds keys and is open to other users", path.display())).hint(format!(
                "run `chmod 600 {}`, then start again; if others may have read it, rotate every secret",
                path.display()
            )),
        );
    }
    fs::read(path).map(SecretBytes::new).map_err(unreadable)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::fs::Permissions;

    use wardroom_keys::{SealingRoot, SeededChance};

    use super::*;

    #[test]
    fn a_keyring_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        let chance = SeededChance::new(1);
        let keyring = Keyring::create(&chance, "c1", "n1", &SealingRoot::generate(&chance), 0);
        save(&path, &keyring).unwrap();
        assert!(open(&path, "c1", "n1").is_ok());
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let report = open(&path, "c1", "n1").err().unwrap();
            assert!(report.hint.unwrap().contains("chmod 600"), "{mode:o}");
        }
    }

    #[test]
    fn half_a_keyring_is_none_and_a_log_without_one_is_not_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manager/keyring");
        assert!(is_to_come(&path).unwrap());
        fs::create_dir(dir.path().join("manager")).unwrap();
        fs::write(dir.path().join("manager/keyring.new"), "hal").unwrap();
        assert!(is_to_come(&path).unwrap());
        fs::write(dir.path().join("manager/wal-1"), "log").unwrap();
        assert!(!is_to_come(&path).unwrap());
        fs::remove_file(dir.path().join("manager/wal-1")).unwrap();
        fs::write(&path, "keys").unwrap();
        assert!(!is_to_come(&path).unwrap());
    }

    #[test]
    fn a_locked_keyring_says_so() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("keyring");
        let chance = SeededChance::new(1);
        let mut keyring = Keyring::create(&chance, "c1", "n1", &SealingRoot::generate(&chance), 0);
        keyring.set_autolock(true);
        save(&path, &keyring).unwrap();
        assert_eq!(open(&path, "c1", "n1").err().unwrap().exit, Exit::Locked);
        assert_eq!(open(&path, "c1", "n2").err().unwrap().exit, Exit::Failure);
    }
}
