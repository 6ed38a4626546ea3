//! Is a snapshot whole or absent? Saving, replacing, damage, power cuts, full disks, and whose it is.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::sync::Arc;

use support::{Machine, machine};
use wardroom_log::{Fault, Snapshot, SnapshotError, Snapshots};

const CHUNK: usize = 64 << 10;

fn open(machine: &Machine) -> Result<Snapshots, SnapshotError> {
    let disk = Arc::new(machine.disk.clone());
    Snapshots::open(
        disk,
        machine.identity.clone(),
        Arc::clone(&machine.keyring),
        Arc::clone(&machine.chance) as _,
    )
}

fn snapshot(number: u8, len: usize) -> Snapshot {
    Snapshot {
        meta: vec![number; 20],
        data: vec![number.wrapping_add(1); len],
    }
}

fn save(snapshots: &Snapshots, snapshot: &Snapshot) -> Result<(), SnapshotError> {
    snapshots.save(&snapshot.meta, &snapshot.data)
}

#[test]
fn every_size_around_a_chunk_comes_back() {
    let machine = machine();
    let snapshots = open(&machine).unwrap();
    assert_eq!(snapshots.newest().unwrap(), None);
    assert_eq!(snapshots.size().unwrap(), 0);
    for len in [
        0,
        1,
        CHUNK - 25,
        CHUNK - 24,
        CHUNK - 23,
        CHUNK,
        3 * CHUNK - 24,
        3 * CHUNK + 5,
    ] {
        save(&snapshots, &snapshot(1, len)).unwrap();
        assert_eq!(
            open(&machine).unwrap().newest().unwrap(),
            Some(snapshot(1, len)),
            "{len}"
        );
    }
    assert_eq!(machine.disk.dump().len(), 1, "only the newest is kept");
    assert!(snapshots.size().unwrap() > 3 * CHUNK as u64);
}

#[test]
fn whose_it_is_and_which_format_is_said() {
    let machine = machine();
    save(&open(&machine).unwrap(), &snapshot(1, 10)).unwrap();
    let (path, good) = machine.disk.dump().remove(0);
    let mut newer = good.clone();
    newer[8] = 2;
    machine.disk.tamper(&path, newer);
    assert!(matches!(
        open(&machine).unwrap().newest(),
        Err(SnapshotError::Newer { number: 1, format: 2 })
    ));

    let other = Machine::new("cluster2", "node9");
    save(&open(&other).unwrap(), &snapshot(1, 10)).unwrap();
    machine.disk.tamper(&path, other.disk.dump().remove(0).1);
    let text = open(&machine).unwrap().newest().err().unwrap().to_string();
    assert!(text.contains("belongs to cluster cluster2, node node9"), "{text}");
}

#[test]
fn a_power_cut_leaves_the_old_one_or_the_new_one() {
    for after in 0..12 {
        for seed in 0..10 {
            let machine = machine();
            let snapshots = open(&machine).unwrap();
            save(&snapshots, &snapshot(1, 900)).unwrap();
            machine.disk.inject(Fault::PowerCut { after });
            let saved = save(&snapshots, &snapshot(2, 1800));
            machine.disk.crash(seed);
            let found = open(&machine).unwrap().newest().unwrap().unwrap();
            assert!(
                found == snapshot(2, 1800) || (saved.is_err() && found == snapshot(1, 900)),
                "{after} {seed}"
            );
            save(&open(&machine).unwrap(), &snapshot(3, 9)).unwrap();
            assert_eq!(open(&machine).unwrap().newest().unwrap(), Some(snapshot(3, 9)));
        }
    }
}

#[test]
fn a_full_or_failing_disk_keeps_the_one_before() {
    let machine = machine();
    let snapshots = open(&machine).unwrap();
    save(&snapshots, &snapshot(1, 900)).unwrap();
    machine.disk.set_capacity(Some(2000));
    let error = save(&snapshots, &snapshot(2, 1800)).err().unwrap();
    assert!(matches!(error, SnapshotError::NoSpace), "{error}");
    machine.disk.set_capacity(None);
    machine.disk.inject(Fault::SyncFails { after: 0 });
    assert!(save(&snapshots, &snapshot(2, 1800)).is_err());
    assert_eq!(snapshots.newest().unwrap(), Some(snapshot(1, 900)));
    assert_eq!(machine.disk.dump().len(), 1, "nothing half done is left");
}

#[test]
fn no_plaintext_reaches_the_disk() {
    let machine = machine();
    let canary = b"canary-77b0-snapshot".repeat(40);
    open(&machine).unwrap().save(&canary, &canary).unwrap();
    let (_, bytes) = machine.disk.dump().remove(0);
    assert!(
        !bytes
            .windows(8)
            .any(|window| canary[..20].windows(8).any(|part| part == window))
    );
}
