//! Is the format what it was? A log and a snapshot that an earlier wardroom wrote are read as they were meant.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use support::{entries, entry, sized_entry};
use wardroom_keys::{Keyring, KeyringFile, MemKeyStore, SeededChance, SharedKeyring};
use wardroom_log::{Disk, Identity, Log, LogOptions, MemDisk, Snapshots};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The files on a disk of their own, so that nothing here changes them.
fn disk(name: &str) -> Arc<dyn Disk> {
    let disk = MemDisk::new();
    for dir in ["log", "snapshots"] {
        disk.create_dir(dir).unwrap();
        for file in std::fs::read_dir(folder(name).join(dir)).unwrap() {
            let file = file.unwrap();
            let path = format!("{dir}/{}", file.file_name().to_str().unwrap());
            disk.tamper(&path, std::fs::read(file.path()).unwrap());
        }
    }
    Arc::new(disk)
}

fn identity() -> Identity {
    Identity {
        cluster: "cluster1".into(),
        node: "node1".into(),
    }
}

#[test]
fn format_1_is_read_and_goes_on_in_the_newest() {
    let bytes = std::fs::read(folder("format-1").join("keyring")).unwrap();
    let keyring = Keyring::open(KeyringFile::decode(&bytes).unwrap(), "cluster1", "node1").unwrap();
    let keyring = Arc::new(SharedKeyring::new(keyring, Arc::new(MemKeyStore::default())));
    let disk = disk("format-1");
    let open = || {
        let options = LogOptions {
            segment_bytes: 2048,
            cache_bytes: 0,
        };
        let chance = Arc::new(SeededChance::new(5));
        Log::open(Arc::clone(&disk), identity(), Arc::clone(&keyring), chance, options).unwrap()
    };
    let mut expected = vec![entry(3), sized_entry(4, 33)];
    expected.extend((5..=12).map(|index| sized_entry(index, 60)));
    let (mut log, recovered) = open();
    assert_eq!(entries(&log), expected);
    assert_eq!(
        (recovered.vote, recovered.committed),
        (Some(vec![2; 12]), Some(vec![7; 9]))
    );
    assert_eq!((recovered.purged.unwrap().index, recovered.cut), (2, None));

    let before = log.reader().stats().segments;
    for index in 13..=40 {
        log.append(&[sized_entry(index, 60)]).unwrap();
        expected.push(sized_entry(index, 60));
    }
    assert!(log.reader().stats().segments > before);
    drop(log);
    assert_eq!(entries(&open().0), expected, "segments of both formats are one log");

    let snapshots = Snapshots::open(disk, identity(), keyring, Arc::new(SeededChance::new(5))).unwrap();
    let newest = snapshots.newest().unwrap().unwrap();
    assert_eq!(
        (&*newest.meta, &*newest.data),
        (&b"what the snapshot is"[..], &b"and its data"[..])
    );
}
