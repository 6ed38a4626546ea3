//! Is the format what it was? Logs and snapshots that stand in `vectors/` are read as they were meant.
//!
//! `tests/formats/log.py` reads them too, from the pages that describe the format alone. To write vectors for a new format:
//! `cargo test -p wardroom-log --test vectors -- --ignored`, then `log.py` for `records.txt`; those before it stay.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use support::{entries, entry, purge, sized_entry, vote};
use wardroom_keys::{Keyring, KeyringFile, MemKeyStore, SealingRoot, SeededChance, SharedKeyring};
use wardroom_log::{Disk, Identity, Log, LogOptions, MemDisk, RealDisk, Record, Snapshots};

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/vectors").join(name)
}

/// The files on a disk of their own, so that nothing here changes them.
fn disk(name: &str) -> Arc<dyn Disk> {
    let disk = MemDisk::new();
    for dir in ["log", "snapshots"] {
        disk.create_dir(dir).unwrap();
        for file in fs::read_dir(folder(name).join(dir)).unwrap() {
            let file = file.unwrap();
            let path = format!("{dir}/{}", file.file_name().to_str().unwrap());
            disk.tamper(&path, fs::read(file.path()).unwrap());
        }
    }
    Arc::new(disk)
}

fn keyring(name: &str) -> Arc<SharedKeyring> {
    let bytes = fs::read(folder(name).join("keyring")).unwrap();
    let keyring = Keyring::open(KeyringFile::decode(&bytes).unwrap(), "cluster1", "node1").unwrap();
    Arc::new(SharedKeyring::new(keyring, Arc::new(MemKeyStore::default())))
}

fn identity() -> Identity {
    Identity {
        cluster: "cluster1".into(),
        node: "node1".into(),
    }
}

fn open(disk: &Arc<dyn Disk>, keyring: &Arc<SharedKeyring>, chance: &Arc<SeededChance>) -> Log {
    let options = LogOptions {
        segment_bytes: 2048,
        cache_bytes: 0,
    };
    let (keyring, chance) = (Arc::clone(keyring), Arc::clone(chance));
    let opened = Log::open(Arc::clone(disk), identity(), keyring, chance, options);
    let (log, recovered) = opened.unwrap();
    assert_eq!(recovered.cut, None);
    log
}

fn snapshots(disk: &Arc<dyn Disk>, keyring: &Arc<SharedKeyring>, chance: &Arc<SeededChance>) -> Snapshots {
    let (keyring, chance) = (Arc::clone(keyring), Arc::clone(chance));
    Snapshots::open(Arc::clone(disk), identity(), keyring, chance).unwrap()
}

#[test]
fn format_1_is_read_and_goes_on_in_the_newest() {
    let (disk, keyring, chance) = (disk("format-1"), keyring("format-1"), Arc::new(SeededChance::new(5)));
    let mut log = open(&disk, &keyring, &chance);
    let mut expected = vec![entry(3), sized_entry(4, 33)];
    expected.extend((5..=12).map(|index| sized_entry(index, 60)));
    assert_eq!(entries(&log), expected);
    let reader = log.reader();
    assert_eq!(
        (reader.vote(), reader.committed()),
        (Some(vec![2; 12]), Some(vec![7; 9]))
    );
    assert_eq!(reader.purged().unwrap().index, 2);

    let before = reader.stats().segments;
    for index in 13..=40 {
        log.append(&[sized_entry(index, 60)]).unwrap();
        expected.push(sized_entry(index, 60));
    }
    assert!(reader.stats().segments > before);
    drop(log);
    let log = open(&disk, &keyring, &chance);
    assert_eq!(entries(&log), expected, "segments of both formats are one log");

    let newest = snapshots(&disk, &keyring, &chance).newest().unwrap().unwrap();
    assert_eq!(
        (&*newest.meta, &*newest.data),
        (&b"what the snapshot is"[..], &b"and its data"[..])
    );
}

#[test]
fn two_epochs_are_read() {
    let (disk, keyring, chance) = (
        disk("two-epochs"),
        keyring("two-epochs"),
        Arc::new(SeededChance::new(5)),
    );
    let log = open(&disk, &keyring, &chance);
    let (reader, expected) = (
        log.reader(),
        [sized_entry(3, 7), entry(4), sized_entry(5, 1200), entry(6), entry(7)],
    );
    assert_eq!(entries(&log), expected);
    assert_eq!(
        (reader.vote(), reader.committed()),
        (Some(vec![3; 12]), Some(vec![5; 9]))
    );
    assert_eq!(reader.purged().unwrap().index, 2);
    let uses: Vec<_> = reader
        .uses()
        .iter()
        .map(|found| (found.epoch, found.segments))
        .collect();
    assert_eq!(uses, [(1, 3), (2, 1)]);
    let snapshots = snapshots(&disk, &keyring, &chance);
    assert_eq!(snapshots.uses().unwrap()[0].epoch, 2);
    let newest = snapshots.newest().unwrap().unwrap();
    assert_eq!((&*newest.meta, newest.data), (&b"up to entry 5"[..], data()));
}

/// More than a chunk, so that there are two.
fn data() -> Vec<u8> {
    (0..66_000_u32)
        .map(|at| at.to_le_bytes()[usize::from(at % 3 == 0)])
        .collect()
}

#[test]
#[ignore = "writes the vectors anew"]
fn write_two_epochs() {
    let root = folder("two-epochs");
    let _ = fs::remove_dir_all(&root); // it may be the first time
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(&root).unwrap());
    let chance = Arc::new(SeededChance::new(2));
    let keyring = Keyring::create(&*chance, "cluster1", "node1", &SealingRoot::generate(&*chance), 1);
    let store = Arc::new(MemKeyStore::default());
    let keyring = Arc::new(SharedKeyring::new(keyring, Arc::clone(&store) as _));
    let mut log = open(&disk, &keyring, &chance);
    log.append(&[vote(1), entry(1), entry(2)]).unwrap();
    log.append(&[sized_entry(3, 100), sized_entry(4, 0)]).unwrap();
    log.append(&[
        Record::TruncateFrom(3),
        sized_entry(3, 7),
        Record::Committed(vec![5; 9]),
    ])
    .unwrap();
    log.append(&[entry(4), sized_entry(5, 1200)]).unwrap();
    log.append(&[vote(3)]).unwrap();
    let begin = |keyring: &mut Keyring| keyring.begin_dek_rotation(&*chance, 4, 2);
    assert!(keyring.change(begin).unwrap());
    log.append(&[entry(6)]).unwrap();
    log.roll().unwrap();
    snapshots(&disk, &keyring, &chance)
        .save(b"up to entry 5", &data())
        .unwrap();
    log.append(&[purge(2)]).unwrap();
    log.append(&[entry(7)]).unwrap();
    fs::write(root.join("keyring"), store.keyring().unwrap().expose()).unwrap();
}
