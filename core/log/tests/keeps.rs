//! Does the log keep what it is given? Appending, reading, rolling, truncating and purging, across restarts.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::sync::Arc;

use support::{entries, entry, machine, purge, sized_entry, vote};
use wardroom_log::{Disk, LogError, LogOptions, RealDisk, Record};

#[test]
fn everything_comes_back_after_a_restart() {
    let machine = machine();
    let (mut log, recovered) = machine.open().unwrap();
    assert!(recovered.fresh);
    log.append(&[vote(1), entry(1), entry(2)]).unwrap();
    log.append(&[Record::Committed(vec![9]), entry(3)]).unwrap();
    drop(log);
    let (log, recovered) = machine.open().unwrap();
    assert!(!recovered.fresh);
    assert_eq!(recovered.vote, Some(vec![1; 12]));
    assert_eq!(recovered.committed, Some(vec![9]));
    assert_eq!(
        (recovered.entries, recovered.records, recovered.cut),
        (Some((1, 3)), 5, None)
    );
    assert_eq!(entries(&log), [entry(1), entry(2), entry(3)]);
}

#[test]
fn real_files_keep_it_too() {
    let scratch = tempfile::tempdir().unwrap();
    let machine = machine();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk::new(scratch.path().join("data")).unwrap());
    let (mut log, _) = machine.open_on(Arc::clone(&disk)).unwrap();
    for index in 0..300 {
        log.append(&[sized_entry(index, 300)]).unwrap();
    }
    log.append(&[purge(200)]).unwrap();
    drop(log);
    let (log, recovered) = machine.open_on(Arc::clone(&disk)).unwrap();
    assert_eq!(recovered.entries, Some((201, 299)));
    assert_eq!(entries(&log).len(), 99);
    let names = disk.list("log").unwrap();
    assert!(names.len() < 6, "purged segments are gone: {names:?}");
}

#[test]
fn truncation_and_new_entries_survive() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[entry(1), entry(2), entry(3)]).unwrap();
    log.append(&[Record::TruncateFrom(2), sized_entry(2, 7)]).unwrap();
    let expected = [entry(1), sized_entry(2, 7)];
    assert_eq!(entries(&log), expected);
    assert_eq!(entries(&machine.log()), expected);
}

#[test]
fn marks_outlive_the_segments_they_were_written_to() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[vote(7), Record::Committed(vec![8])]).unwrap();
    for index in 1..=200 {
        log.append(&[sized_entry(index, 500)]).unwrap();
    }
    log.append(&[purge(150)]).unwrap();
    assert!(log.reader().stats().segments < 5);
    drop(log);
    let (log, recovered) = machine.open().unwrap();
    assert_eq!(recovered.vote, Some(vec![7; 12]));
    assert_eq!(recovered.committed, Some(vec![8]));
    assert_eq!(recovered.purged.unwrap().index, 150);
    assert_eq!(
        entries(&log),
        (151..=200).map(|index| sized_entry(index, 500)).collect::<Vec<_>>()
    );
    assert!(
        !machine
            .disk
            .dump()
            .iter()
            .any(|(path, _)| *path == support::segment_path(1))
    );
}

#[test]
fn a_snapshot_may_purge_past_the_end() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[entry(1), purge(50), entry(51)]).unwrap();
    assert_eq!(entries(&log), [entry(51)]);
    assert_eq!(entries(&machine.log()), [entry(51)]);
}

#[test]
fn order_and_size_are_checked_before_anything_is_written() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[entry(1), entry(2)]).unwrap();
    let before = machine.disk.operations();
    let error = log.append(&[entry(3), entry(2)]).err().unwrap();
    assert!(matches!(error, LogError::OutOfOrder { index: 2, last: 3 }), "{error}");
    let error = log.append(&[sized_entry(3, 16 << 20)]).err().unwrap();
    assert!(matches!(error, LogError::TooLarge { .. }), "{error}");
    assert_eq!(machine.disk.operations(), before);
    assert_eq!(entries(&log), [entry(1), entry(2)]);
}

#[test]
fn a_batch_larger_than_a_segment_gets_its_own() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[entry(1)]).unwrap();
    log.append(&[sized_entry(2, 100_000)]).unwrap();
    log.append(&[entry(3)]).unwrap();
    assert_eq!(entries(&machine.log()), [entry(1), sized_entry(2, 100_000), entry(3)]);
}

#[test]
fn a_batch_costs_one_write_and_one_sync() {
    let machine = machine();
    let mut log = machine.log();
    log.append(&[entry(1)]).unwrap();
    let before = machine.disk.operations();
    log.append(&[entry(2), entry(3), vote(1)]).unwrap();
    assert_eq!(machine.disk.operations() - before, 2);
}

#[test]
fn reads_are_limited_and_old_payloads_come_from_disk() {
    let mut machine = machine();
    machine.options = LogOptions {
        segment_bytes: 1 << 20,
        cache_bytes: 0,
    };
    let mut log = machine.log();
    for index in 1..=50 {
        log.append(&[sized_entry(index, 100)]).unwrap();
    }
    let reader = log.reader();
    assert_eq!(reader.read_limited(10..20, 350).unwrap().len(), 2);
    assert_eq!(reader.read_limited(10..20, 1).unwrap().len(), 1);
    assert_eq!(
        reader
            .read(10..=12)
            .unwrap()
            .iter()
            .map(|entry| entry.index)
            .collect::<Vec<_>>(),
        [10, 11, 12]
    );
    assert_eq!(reader.term(12), Some(4));
    assert!(reader.read(60..).unwrap().is_empty());
    assert!(reader.read(std::ops::Range { start: 20, end: 10 }).unwrap().is_empty());
    assert_eq!(reader.bounds(), Some((1, 50)));
}
