//! What keyring does a manager find on its disk? One that opens by itself, or one that waits for the unlock key; readable by
//! its owner only, and refused when it is not.

use std::fs;
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use wardroom_keys::{Keyring, KeyringError, KeyringFile, SecretBytes, UnlockKey};

use super::{durable, explain_with};
use crate::report::Report;

/// A keyring as it was found.
pub enum Found {
    /// Autolock is off: its key stands beside it.
    Open(Keyring),
    Locked(KeyringFile),
}

/// The keyring at `path`, which must be of that node of that cluster.
pub fn look(path: &Path, cluster_id: &str, node_id: &str) -> Result<Found, Report> {
    let file = decode(path)?;
    if file.is_locked() && (file.cluster(), file.node()) == (cluster_id, node_id) {
        return Ok(Found::Locked(file));
    }
    let opened = Keyring::open(file, cluster_id, node_id).map_err(|error| about(path, &error));
    opened.map(Found::Open)
}

/// Opens it with that key.
pub fn unlock(path: &Path, cluster_id: &str, node_id: &str, key: &UnlockKey) -> Result<Keyring, Report> {
    Keyring::unlock(decode(path)?, key, cluster_id, node_id).map_err(|error| about(path, &error))
}

fn decode(path: &Path) -> Result<KeyringFile, Report> {
    KeyringFile::decode(read(path)?.expose()).map_err(|error| about(path, &error))
}

fn about(path: &Path, error: &KeyringError) -> Report {
    explain_with(&path.display().to_string(), error)
}

/// Whether no manager has begun at `path` yet: there is no keyring, nor anything beside it that one would open. Half of a
/// keyring, as a crash leaves it, is none.
pub fn is_to_come(path: &Path) -> io::Result<bool> {
    let entries = match path.parent().map(fs::read_dir) {
        Some(Ok(entries)) => entries,
        Some(Err(error)) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => return Ok(true),
    };
    // As this program leaves it, and as one before it did.
    let halves = [path.with_extension("tmp"), durable::aside(path)];
    for entry in entries {
        if !halves.contains(&entry?.path()) {
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

    fn saved(dir: &Path, autolock: bool) -> std::path::PathBuf {
        let path = dir.join("keyring");
        let chance = SeededChance::new(1);
        let mut keyring = Keyring::create(&chance, "c1", "n1", &SealingRoot::generate(&chance), 0);
        keyring.set_autolock(autolock);
        durable::replace(&path, keyring.encode().expose()).unwrap();
        path
    }

    #[test]
    fn a_keyring_that_others_can_read_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = saved(dir.path(), false);
        assert!(matches!(look(&path, "c1", "n1"), Ok(Found::Open(_))));
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            let report = look(&path, "c1", "n1").err().unwrap();
            assert!(report.hint.unwrap().contains("chmod 600"), "{mode:o}");
        }
    }

    #[test]
    fn half_a_keyring_is_none_and_a_log_without_one_is_not_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("manager/keyring");
        assert!(is_to_come(&path).unwrap());
        fs::create_dir(dir.path().join("manager")).unwrap();
        fs::write(dir.path().join("manager/keyring.tmp"), "hal").unwrap();
        assert!(is_to_come(&path).unwrap());
        fs::write(dir.path().join("manager/wal-1"), "log").unwrap();
        assert!(!is_to_come(&path).unwrap());
        fs::remove_file(dir.path().join("manager/wal-1")).unwrap();
        fs::write(&path, "keys").unwrap();
        assert!(!is_to_come(&path).unwrap());
    }

    #[test]
    fn a_locked_keyring_waits_for_its_key_and_another_nodes_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = saved(dir.path(), true);
        assert!(matches!(look(&path, "c1", "n1"), Ok(Found::Locked(_))));
        let report = look(&path, "c1", "n2").err().unwrap();
        assert!(report.message.contains("belongs to node n1"), "{}", report.message);
    }
}
