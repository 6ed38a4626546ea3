//! Do the pages that describe the formats suffice? A short script in another language, written from them alone, reads the
//! logs that stand in `core/log/tests/vectors/`, and a log that was written just now.
//!
//! It needs python3 with the packages in `requirements.txt`; `.ci/run` puts such a one first in `PATH`.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use harness::skip;
use wardroom_keys::{Keyring, MemKeyStore, OsChance, SealingRoot, SharedKeyring};
use wardroom_log::{Disk, Identity, Log, LogOptions, RealDisk, Record, Snapshots};

fn vectors(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../core/log/tests/vectors")
        .join(name)
}

fn read(arguments: &[&Path]) -> Output {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/formats/log.py");
    Command::new("python3").arg(script).args(arguments).output().unwrap()
}

fn printed(output: &Output) -> &str {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::str::from_utf8(&output.stdout).unwrap()
}

#[test]
fn the_vectors_are_read_as_they_stand() {
    if !skip::python_or_skip("the_vectors_are_read_as_they_stand") {
        return;
    }
    for name in ["format-1", "two-epochs"] {
        let (folder, keyring) = (vectors(name), vectors(name).join("keyring"));
        let expected = fs::read_to_string(folder.join("records.txt")).unwrap();
        assert_eq!(printed(&read(&[&folder])), expected, "{name}");
        let by_keyring = read(&[&folder, Path::new("--keyring"), &keyring]);
        assert_eq!(printed(&by_keyring), expected, "{name}, with the keys of its keyring");
    }
}

#[test]
fn a_changed_byte_is_refused_by_the_script_too() {
    if !skip::python_or_skip("a_changed_byte_is_refused_by_the_script_too") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let name = "log/00000000000000000001.seg";
    let good = fs::read(vectors("two-epochs").join(name)).unwrap();
    fs::create_dir(scratch.path().join("log")).unwrap();
    fs::copy(vectors("two-epochs").join("deks.txt"), scratch.path().join("deks.txt")).unwrap();
    for at in [40, 470, 513, 517, 530, 560, 600, 1900] {
        let mut bent = good.clone();
        bent[at] ^= 1;
        fs::write(scratch.path().join(name), bent).unwrap();
        let output = read(&[scratch.path()]);
        let error = String::from_utf8_lossy(&output.stderr);
        assert!(
            error.starts_with("log segment 1 is damaged at offset "),
            "byte {at}: {error}"
        );
    }
}

#[test]
fn a_log_of_today_is_read_through_a_rotation() {
    if !skip::python_or_skip("a_log_of_today_is_read_through_a_rotation") {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(scratch.path()).unwrap());
    let identity = Identity {
        cluster: "c".into(),
        node: "n".into(),
    };
    let keys = Keyring::create(&OsChance, "c", "n", &SealingRoot::generate(&OsChance), 1);
    let store = Arc::new(MemKeyStore::default());
    let keys = Arc::new(SharedKeyring::new(keys, Arc::clone(&store) as _));
    let (options, chance) = (LogOptions::default(), Arc::new(OsChance));
    let opened = Log::open(Arc::clone(&disk), identity.clone(), Arc::clone(&keys), chance, options);
    let (mut log, _) = opened.unwrap();
    let snapshots = Snapshots::open(disk, identity, Arc::clone(&keys), Arc::new(OsChance)).unwrap();
    let mut expected = 0;
    for index in 1..=2000_u64 {
        if index == 1000 {
            let begin = |keys: &mut Keyring| keys.begin_dek_rotation(&OsChance, 1, 2);
            assert!(keys.change(begin).unwrap());
            log.roll().unwrap();
            snapshots.save(&[1], &vec![2; 200_000]).unwrap();
        }
        let payload = vec![7; usize::try_from(index % 700).unwrap()];
        expected += payload.len();
        let payload = payload.into();
        log.append(&[Record::Entry {
            term: 1,
            index,
            payload,
        }])
        .unwrap();
    }
    let keyring = scratch.path().join("keyring");
    fs::write(&keyring, store.keyring().unwrap().expose()).unwrap();
    let output = read(&[scratch.path(), Path::new("--keyring"), &keyring]);
    let text = printed(&output);
    let entries: Vec<&str> = text
        .lines()
        .filter(|line| line.contains(" entry term 1 index "))
        .collect();
    assert_eq!(entries.len(), 2000);
    let sevens: usize = entries
        .iter()
        .map(|line| line.rsplit_once("index ").unwrap().1.matches("07").count())
        .sum();
    assert!(
        sevens >= expected,
        "every payload is there: {sevens} of {expected} bytes"
    );
    let snapshot = text.lines().last().unwrap();
    assert!(snapshot.starts_with("  data 200000 bytes, sha256 "), "{snapshot}");
}
