//! Do keyring and node key rest as the cluster wants them, whoever changes them and wherever it is cut short?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::fs;
use std::path::Path;

use wardroom_ca::{Clock as _, Role, Root, SystemClock};
use wardroom_keys::{OsChance, SealingRoot, SeededChance, UnlockKey};
use wardroom_log::RealDisk;

use super::*;
use crate::node::beginning::Founding;
use crate::node::issuer::Issuer;
use crate::node::keyring::{self, Found};

struct Place {
    dir: tempfile::TempDir,
    issuer: Issuer,
}

impl Place {
    fn new() -> Self {
        let root = Root::create("c1", &SystemClock, &OsChance).unwrap();
        let sealing_root = SealingRoot::generate(&OsChance);
        let (founding, _) = Founding::of(&root, &sealing_root, SystemClock.now_ms(), &OsChance);
        let issuer = Issuer::new(root, &founding.cluster("c1", "name"));
        let dir = tempfile::tempdir().unwrap();
        Self { dir, issuer }
    }

    fn issue(&self) -> NodeFiles {
        let issued = self
            .issuer
            .issue("n1", Role::Manager, &[], SystemClock.now_ms(), &OsChance);
        issued.unwrap()
    }

    fn disk(&self) -> Arc<dyn Disk> {
        Arc::new(RealDisk::new(self.dir.path()).unwrap())
    }

    /// A manager's keys as they are made.
    fn create(&self, locks: bool) -> Keys {
        let mut keyring = Keyring::create(&OsChance, "c1", "n1", &SealingRoot::generate(&OsChance), 0);
        keyring.set_autolock(locks);
        let folder = self.dir.path().to_owned();
        Keys::create(keyring, self.disk(), folder, Arc::new(OsChance)).unwrap()
    }

    /// As the next start finds them, with the key that was in force.
    fn reopen(&self, key: &UnlockKey) -> Keys {
        let path = self.dir.path().join(KEYRING);
        let keyring = match keyring::look(&path, "c1", "n1").unwrap() {
            Found::Open(keyring) => keyring,
            Found::Locked(_) => keyring::unlock(&path, "c1", "n1", key).unwrap(),
        };
        Keys::open(keyring, self.disk(), self.dir.path().to_owned(), Arc::new(OsChance))
    }

    fn has(&self, name: &str) -> bool {
        self.dir.path().join(name).exists()
    }
}

/// No file below the folder holds these bytes.
fn assert_nowhere(folder: &Path, secret: &[u8]) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let bytes = fs::read(&path).unwrap();
        let found = bytes.windows(secret.len()).any(|window| window == secret);
        assert!(!found, "{}", path.display());
    }
}

fn lock(keys: &Keys, key: &UnlockKey) {
    let ring = keys.ring();
    let changed = ring.change(|keyring| {
        keyring.rewrap(&SeededChance::new(1), key, 2, true);
        true
    });
    assert!(changed.unwrap());
}

#[test]
fn a_manager_that_locks_from_the_beginning_has_no_key_in_clear() {
    let place = Place::new();
    let keys = place.create(true);
    let files = place.issue();
    keys.save_node(&files).unwrap();
    assert!(place.has("key.sealed") && !place.has("key.der"));
    assert_nowhere(place.dir.path(), &files.key.expose()[16..]);
    assert!(!*keys.exposed().borrow());
    // A renewal leaves none either.
    let renewed = place.issue();
    keys.save_node(&renewed).unwrap();
    assert_nowhere(place.dir.path(), &renewed.key.expose()[16..]);
    let again = place.reopen(&keys.ring().unlock_key());
    assert!(again.load_node().unwrap().key.equals(renewed.key.expose()));
}

#[test]
fn turning_the_lock_seals_the_key_and_wants_another_one() {
    let place = Place::new();
    let keys = place.create(false);
    let files = place.issue();
    keys.save_node(&files).unwrap();
    assert!(place.has("key.der"));
    let key = UnlockKey::generate(&OsChance);
    lock(&keys, &key);
    let mut exposed = keys.exposed();
    assert!(!*exposed.borrow_and_update());
    keys.ring().rest_node_key().unwrap();
    assert!(exposed.has_changed().unwrap() && *exposed.borrow_and_update());
    assert_nowhere(place.dir.path(), &files.key.expose()[16..]);
    // A crash before the renewal: the next start knows it too.
    let again = place.reopen(&key);
    again.load_node().unwrap();
    assert!(*again.exposed().borrow());
    again.save_node(&place.issue()).unwrap();
    assert!(!*again.exposed().borrow());
    // And back.
    again
        .ring()
        .change(|keyring| {
            keyring.set_autolock(false);
            true
        })
        .unwrap();
    again.ring().rest_node_key().unwrap();
    assert!(place.has("key.der") && !place.has("key.sealed"));
}

#[test]
fn a_start_brings_to_rest_what_a_crash_left_apart() {
    // The keyring is locked, the node's key lies in clear.
    let place = Place::new();
    let keys = place.create(false);
    let files = place.issue();
    keys.save_node(&files).unwrap();
    let key = UnlockKey::generate(&OsChance);
    lock(&keys, &key);
    drop(keys);
    let keys = place.reopen(&key);
    assert!(keys.load_node().unwrap().key.equals(files.key.expose()));
    assert_nowhere(place.dir.path(), &files.key.expose()[16..]);
    assert!(*keys.exposed().borrow());
    // The keyring is open, the node's key is sealed.
    keys.ring()
        .change(|keyring| {
            keyring.set_autolock(false);
            true
        })
        .unwrap();
    drop(keys);
    let keys = place.reopen(&key);
    keys.load_node().unwrap();
    assert!(place.has("key.der") && !place.has("key.sealed"));
}

/// What stands beside a keyring while it is being replaced becomes the keyring in the next step: whoever touched it there
/// would leave a manager without any.
#[test]
fn reading_the_nodes_files_leaves_a_keyring_that_is_being_replaced_alone() {
    let place = Place::new();
    let keys = place.create(true);
    let files = place.issue();
    keys.save_node(&files).unwrap();
    let aside = place.dir.path().join("keyring.tmp");
    fs::write(&aside, "the next keyring").unwrap();
    assert!(keys.load_node().unwrap().key.equals(files.key.expose()));
    assert_eq!(fs::read(&aside).unwrap(), b"the next keyring");
    // At a start nobody writes yet, and what a crash has left goes.
    let again = place.reopen(&keys.ring().unlock_key());
    assert!(!aside.exists());
    assert!(again.load_node().unwrap().key.equals(files.key.expose()));
}

#[test]
fn files_of_different_moments_are_told_in_words() {
    let place = Place::new();
    let keys = place.create(true);
    keys.save_node(&place.issue()).unwrap();
    let ring = keys.ring();
    for order in 1..=2 {
        let turn = |keyring: &mut Keyring| {
            keyring.begin_dek_rotation(&OsChance, order, 0) && keyring.finish_dek_rotation(&OsChance)
        };
        assert!(ring.change(turn).unwrap());
    }
    let again = place.reopen(&ring.unlock_key());
    let text = chain(&again.load_node().err().unwrap());
    assert!(text.contains("put back the files of one moment"), "{text}");
}
