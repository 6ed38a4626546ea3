//! Does a node's key change its form without ever being lost, and without a clear one left behind?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::sync::{Arc, Mutex};

use wardroom_keys::{SealingRoot, SeededChance, failpoint};

use super::*;
use crate::files::NodeFiles;
use crate::identity::Role;
use crate::root::tests::{issue, root};

/// The files of node n1 with its `number`th certificate.
fn files(number: i64) -> NodeFiles {
    let root = root("c1");
    let issued = issue(&root, "n1", Role::Manager, number * 1000);
    NodeFiles {
        root_pem: root.certificate_pem().into(),
        certificate_pem: issued.certificate_pem,
        key: issued.key,
    }
}

/// A manager's keyring in the middle of a rotation: DEKs 1 and 2.
fn keyring() -> Keyring {
    let chance = SeededChance::new(1);
    let mut keyring = Keyring::create(&chance, "c1", "n1", &SealingRoot::generate(&chance), 0);
    keyring.set_autolock(true);
    assert!(keyring.begin_dek_rotation(&chance, 1, 0));
    keyring
}

/// Does `work` with a key rest that is sealed under the DEK of that epoch.
fn sealed<T>(epoch: u32, work: impl FnOnce(&KeyRest<'_>) -> T) -> T {
    let dek = keyring().dek_of(epoch).unwrap();
    work(&KeyRest::Sealed(KeySeal {
        dek: &dek,
        cluster: "c1",
        node: "n1",
        chance: &SeededChance::new(9),
    }))
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<_> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

/// No file of the folder holds one of these keys in clear, or its seed.
fn assert_hidden(folder: &Path, numbers: &[i64]) {
    for name in names(folder) {
        let bytes = fs::read(folder.join(&name)).unwrap();
        for number in numbers {
            let key = files(*number).key;
            let seed = &key.expose()[16..];
            assert!(!bytes.windows(seed.len()).any(|window| window == seed), "{name}");
        }
    }
}

/// The number of the certificate that is there with its key.
fn loaded(folder: &Path) -> i64 {
    let loaded = NodeFiles::load(folder, Some(&keyring())).unwrap();
    let number = (1..9).find(|number| files(*number).certificate_pem == loaded.certificate_pem);
    let number = number.unwrap();
    assert!(loaded.key.equals(files(number).key.expose()));
    number
}

#[test]
fn a_sealed_key_comes_back_with_its_keyring_only() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sealed(1, |rest| files(1).save(folder, rest)).unwrap();
    assert_eq!(names(folder), ["cert.pem", SEALED, "root.pem"]);
    assert_hidden(folder, &[1]);
    assert_eq!(loaded(folder), 1);
    let error = NodeFiles::load(folder, None).err().unwrap();
    assert!(matches!(error, FilesError::Sealed { .. }), "{error}");
    let (identity, _) = NodeFiles::identity(folder).unwrap();
    assert_eq!((identity.node_id.as_str(), identity.role), ("n1", Role::Manager));
    let stranger = Keyring::create(
        &SeededChance::new(5),
        "c1",
        "n1",
        &SealingRoot::generate(&SeededChance::new(5)),
        0,
    );
    let error = NodeFiles::load(folder, Some(&stranger)).err().unwrap();
    assert!(matches!(error, FilesError::Unseal { .. }), "{error}");
}

#[test]
fn a_rotation_needs_no_step_for_both_files_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sealed(1, |rest| files(1).save(folder, rest)).unwrap();
    sealed(2, |rest| NodeFiles::rest_key(folder, &files(1).key, rest)).unwrap();
    assert_eq!(node_key_epoch(&fs::read(folder.join(SEALED)).unwrap()), Some(2));
    assert_eq!(loaded(folder), 1);
    let mut finished = keyring();
    assert!(finished.finish_dek_rotation(&SeededChance::new(3)));
    assert!(NodeFiles::load(folder, Some(&finished)).is_ok());
    assert_eq!(names(folder), ["cert.pem", SEALED, "root.pem"]);
}

#[test]
fn a_key_that_stood_in_clear_is_named_until_it_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    files(1).save(folder, &KeyRest::Clear).unwrap();
    assert!(!NodeFiles::was_exposed(folder).unwrap());
    fs::hard_link(folder.join(CLEAR), folder.join("copy")).unwrap();
    sealed(1, |rest| NodeFiles::rest_key(folder, &files(1).key, rest)).unwrap();
    assert!(NodeFiles::was_exposed(folder).unwrap());
    assert_hidden(folder, &[1]); // also not in the inode that went: the link keeps it in sight
    sealed(2, |rest| NodeFiles::rest_key(folder, &files(1).key, rest)).unwrap();
    assert!(
        NodeFiles::was_exposed(folder).unwrap(),
        "sealing it again changes nothing"
    );
    sealed(2, |rest| files(2).save(folder, rest)).unwrap();
    assert!(!NodeFiles::was_exposed(folder).unwrap());
    assert_eq!(loaded(folder), 2);
    assert!(
        !folder.join(EXPOSED).exists(),
        "of a key that is gone nothing is to be said"
    );
}

#[test]
fn a_key_comes_back_into_the_clear() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sealed(1, |rest| files(1).save(folder, rest)).unwrap();
    NodeFiles::rest_key(folder, &files(1).key, &KeyRest::Clear).unwrap();
    assert_eq!(names(folder), ["cert.pem", CLEAR, "root.pem"]);
    assert!(NodeFiles::load(folder, None).is_ok());
    assert!(!NodeFiles::was_exposed(folder).unwrap());
}

#[test]
fn the_key_of_a_joiner_is_sealed_with_its_certificate_and_noted() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    NodeFiles::stage_key(folder, &files(1).key).unwrap();
    sealed(1, |rest| files(1).save(folder, rest)).unwrap();
    assert_hidden(folder, &[1]);
    assert!(NodeFiles::was_exposed(folder).unwrap());
}

#[test]
fn half_of_a_key_that_waits_is_none() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    sealed(1, |rest| files(1).save(folder, rest)).unwrap();
    for half in [&b""[..], b"WRDNODEK", b"WRDNODEK\x01\x00\x01\x00\x00\x00half"] {
        write(&waiting(folder, SEALED), half, 0o600).unwrap();
        assert_eq!(loaded(folder), 1);
    }
}

/// The folder as it is each time this thread passes a step of a key's way, and at the end.
fn crashes(folder: &Path, work: impl FnOnce()) -> Vec<tempfile::TempDir> {
    let copies = Arc::new(Mutex::new(Vec::new()));
    let (me, from, into) = (std::thread::current().id(), folder.to_owned(), Arc::clone(&copies));
    let copy = move || {
        if std::thread::current().id() == me {
            let to = tempfile::tempdir().unwrap();
            for name in names(&from) {
                fs::copy(from.join(&name), to.path().join(&name)).unwrap();
            }
            into.lock().unwrap().push(to);
        }
    };
    let armed = ["node-key.written", "node-key.renamed"].map(|point| failpoint::arm(point, copy.clone()));
    work();
    drop(armed);
    copy();
    std::mem::take(&mut *copies.lock().unwrap())
}

#[test]
fn a_crash_at_every_step_leaves_a_key_that_belongs_and_can_be_finished() {
    for what in ["locked", "unlocked", "renewed", "resealed"] {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        match what {
            "locked" => files(1).save(folder, &KeyRest::Clear).unwrap(),
            _ => sealed(1, |rest| files(1).save(folder, rest)).unwrap(),
        }
        let copies = crashes(folder, || match what {
            "locked" => sealed(2, |rest| NodeFiles::rest_key(folder, &files(1).key, rest)).unwrap(),
            "unlocked" => NodeFiles::rest_key(folder, &files(1).key, &KeyRest::Clear).unwrap(),
            "renewed" => sealed(1, |rest| files(2).save(folder, rest)).unwrap(),
            _ => sealed(2, |rest| NodeFiles::rest_key(folder, &files(1).key, rest)).unwrap(),
        });
        assert_eq!(copies.len(), 3, "{what}");
        for (step, copy) in copies.iter().enumerate() {
            let copy = copy.path();
            let number = loaded(copy);
            assert!(number == 1 || what == "renewed", "{what} {step}");
            if what == "renewed" || what == "resealed" {
                assert_hidden(copy, &[1, 2]);
            }
            // The next start brings it to an end.
            let key = files(number).key;
            sealed(2, |rest| NodeFiles::rest_key(copy, &key, rest)).unwrap();
            assert_eq!(loaded(copy), number, "{what} {step}");
            assert_hidden(copy, &[1, 2]);
            let exposed = what == "locked" || what == "unlocked"; // it was on the disk in clear, if only for a moment
            assert_eq!(NodeFiles::was_exposed(copy).unwrap(), exposed, "{what} {step}");
            NodeFiles::rest_key(copy, &key, &KeyRest::Clear).unwrap();
            assert!(
                NodeFiles::load(copy, None).unwrap().key.equals(key.expose()),
                "{what} {step}"
            );
        }
    }
}
