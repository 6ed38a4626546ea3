//! Does a node get its files back, whatever interrupts their saving?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::clock::ManualClock;
use crate::identity::Role;
use crate::node_key::CLEAR;
use crate::root::tests::{NOW_MS, issue, next_root, root};
use crate::tls::NodeTls;

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

fn check(folder: &Path, number: i64) {
    let (loaded, expected) = (NodeFiles::load(folder, None).unwrap(), files(number));
    assert_eq!(loaded.certificate_pem, expected.certificate_pem);
    assert!(loaded.key.equals(expected.key.expose()));
}

#[test]
fn files_come_back_with_their_permissions() {
    let folder = tempfile::tempdir().unwrap();
    assert!(!NodeFiles::exist(folder.path()));
    files(1).save(folder.path(), &KeyRest::Clear).unwrap();
    assert!(NodeFiles::exist(folder.path()));
    check(folder.path(), 1);
    let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(ROOT), mode(CERTIFICATE), mode(CLEAR)), (0o644, 0o644, 0o600));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left aside");
}

#[test]
fn a_crash_between_any_two_steps_leaves_a_pair() {
    let folder = tempfile::tempdir().unwrap();
    files(1).save(folder.path(), &KeyRest::Clear).unwrap();
    NodeFiles::stage_key(folder.path(), &files(2).key).unwrap();
    check(folder.path(), 1);
    files(2).place_certificates(folder.path()).unwrap();
    check(folder.path(), 2);
    assert!(!folder.path().join("key.der.new").exists(), "loading finished the save");
    files(3).save(folder.path(), &KeyRest::Clear).unwrap();
    check(folder.path(), 3);
}

#[test]
fn a_key_of_another_certificate_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    files(1).save(folder.path(), &KeyRest::Clear).unwrap();
    write(&folder.path().join(CLEAR), files(2).key.expose(), 0o600).unwrap();
    assert!(matches!(
        NodeFiles::load(folder.path(), None),
        Err(FilesError::Mismatch { .. })
    ));
}

#[test]
fn a_key_that_others_can_read_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    files(1).save(folder.path(), &KeyRest::Clear).unwrap();
    fs::set_permissions(folder.path().join(CLEAR), fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(
        NodeFiles::load(folder.path(), None),
        Err(FilesError::Exposed { .. })
    ));
}

#[test]
fn a_missing_file_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let error = NodeFiles::load(folder.path(), None).err().unwrap().to_string();
    assert!(error.contains("root.pem"), "{error}");
}

#[test]
fn several_roots_and_a_chain_come_back_and_make_a_node() {
    let folder = tempfile::tempdir().unwrap();
    let (old, new) = (root("c1"), next_root("c1", 1));
    let issued = issue(&new, "n1", Role::Manager, 0);
    let files = NodeFiles {
        root_pem: [new.certificate_pem(), old.certificate_pem()].concat(),
        certificate_pem: issued.certificate_pem + &old.cross_sign(&new).unwrap(),
        key: issued.key,
    };
    files.save(folder.path(), &KeyRest::Clear).unwrap();
    let loaded = NodeFiles::load(folder.path(), None).unwrap();
    assert_eq!(
        (&loaded.root_pem, &loaded.certificate_pem),
        (&files.root_pem, &files.certificate_pem)
    );
    let node = |files: &NodeFiles| {
        let clock = std::sync::Arc::new(ManualClock::new(NOW_MS));
        NodeTls::new(&files.root_pem, &files.certificate_pem, &files.key, clock).unwrap()
    };
    assert_eq!(node(&loaded).roots_pem(), files.root_pem);
    NodeFiles::save_roots(folder.path(), new.certificate_pem()).unwrap();
    let later = NodeFiles::load(folder.path(), None).unwrap();
    assert_eq!(later.certificate_pem, files.certificate_pem);
    assert_eq!(node(&later).roots_pem(), new.certificate_pem());
}

#[test]
fn a_key_waits_for_its_certificate() {
    let folder = tempfile::tempdir().unwrap();
    assert!(NodeFiles::staged_key(folder.path()).unwrap().is_none());
    NodeFiles::stage_key(folder.path(), &files(1).key).unwrap();
    let staged = NodeFiles::staged_key(folder.path()).unwrap().unwrap();
    assert!(staged.equals(files(1).key.expose()));
    assert!(!NodeFiles::exist(folder.path()), "a key alone is no node");
    files(1).save(folder.path(), &KeyRest::Clear).unwrap();
    assert!(NodeFiles::staged_key(folder.path()).unwrap().is_none());
    // A node that is one already goes on as it is until the new certificate comes.
    NodeFiles::stage_key(folder.path(), &files(2).key).unwrap();
    check(folder.path(), 1);
    assert!(NodeFiles::staged_key(folder.path()).unwrap().is_some());
    let waiting = folder.path().join("key.der.new");
    fs::set_permissions(waiting, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        NodeFiles::staged_key(folder.path()),
        Err(FilesError::Exposed { .. })
    ));
}
