//! What does it cost to go on under a new key, and when does the old one's last segment go?
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use support::{Machine, entries, entry, machine, purge, sized_entry, vote};
use wardroom_log::{EpochUse, Fault, Log, LogError, LogOptions, Record, Rolled, Spawn, Writer};

fn small() -> Machine {
    Machine {
        options: LogOptions {
            segment_bytes: 2048,
            cache_bytes: 0,
        },
        ..machine()
    }
}

fn oldest(log: &Log) -> u32 {
    log.reader().stats().oldest_epoch
}

fn operations(machine: &Machine, work: impl FnOnce()) -> u64 {
    let before = machine.disk.operations();
    work();
    machine.disk.operations() - before
}

#[test]
fn a_roll_costs_a_write_and_a_sync_for_the_header_and_for_the_marks() {
    let machine = small();
    let mut log = machine.log();
    for index in 1..=3 {
        log.append(&[sized_entry(index, 250), vote(1)]).unwrap(); // past the half, so that the next segment is ready
    }
    assert_eq!(machine.disk.dump().len(), 2);
    assert_eq!(
        operations(&machine, || assert_eq!(log.roll().unwrap().epoch, 1)),
        0,
        "the key is the same"
    );
    machine.begin_rotation();
    let rolled = Rolled {
        epoch: 2,
        upto: Some(3),
    };
    assert_eq!(operations(&machine, || assert_eq!(log.roll().unwrap(), rolled)), 4);
    assert_eq!(operations(&machine, || assert_eq!(log.roll().unwrap(), rolled)), 0);
}

#[test]
fn a_roll_without_a_prepared_segment_makes_a_small_one() {
    let mut machine = machine();
    machine.options.segment_bytes = 4 << 20;
    let mut log = machine.log();
    log.append(&[entry(1)]).unwrap();
    machine.begin_rotation();
    let cost = operations(&machine, || assert_eq!(log.roll().unwrap().epoch, 2));
    assert_eq!(cost, 8, "create, fill, sync and name it; then header and marks");
    assert_eq!(machine.segment_bytes(2).len(), 256 << 10);
    // It is soon half full; what follows is of the usual size, made ahead of time.
    for index in 2..=4 {
        log.append(&[sized_entry(index, 60 << 10)]).unwrap();
    }
    assert_eq!(machine.segment_bytes(3).len(), 4 << 20);
    assert_eq!(entries(&machine.log()).len(), 4);
}

#[test]
fn old_segments_go_with_the_purge_that_reaches_their_last_entry() {
    let machine = small();
    let mut log = machine.log();
    for index in 1..=9 {
        log.append(&[sized_entry(index, 400), vote(3)]).unwrap();
    }
    machine.begin_rotation();
    assert_eq!(log.roll().unwrap().upto, Some(9));
    log.append(&[sized_entry(10, 400), purge(8)]).unwrap();
    assert_eq!(oldest(&log), 1, "entry 9 is still needed");
    log.append(&[purge(9)]).unwrap();
    assert_eq!((oldest(&log), log.roll().unwrap().upto), (2, None));
    machine.finish_rotation();
    drop(log);
    let (log, recovered) = machine.open().unwrap();
    assert_eq!(recovered.vote, Some(vec![3; 12]));
    assert_eq!(entries(&log), [sized_entry(10, 400)]);
}

#[test]
fn entries_that_were_truncated_hold_nothing_back() {
    for restart in [false, true] {
        let machine = small();
        let mut log = machine.log();
        for index in 1..=12 {
            log.append(&[sized_entry(index, 400)]).unwrap();
        }
        log.append(&[Record::TruncateFrom(4)]).unwrap();
        if restart {
            drop(log);
            log = machine.log();
        }
        machine.begin_rotation();
        assert_eq!(log.roll().unwrap().upto, Some(3), "no entry 12 need ever come again");
        log.append(&[purge(3)]).unwrap();
        assert_eq!(oldest(&log), 2);
        log.append(&[sized_entry(4, 50)]).unwrap();
        assert_eq!(entries(&machine.log()), [sized_entry(4, 50)]);
    }
}

#[test]
fn segments_without_an_entry_in_force_go_at_once() {
    for purged in [false, true] {
        let machine = small();
        let mut log = machine.log();
        log.append(&[vote(1), Record::Committed(vec![4])]).unwrap();
        if purged {
            log.append(&[entry(1), entry(2), purge(2)]).unwrap();
        }
        machine.begin_rotation();
        let rolled = log.roll().unwrap();
        assert_eq!((rolled.upto, oldest(&log)), (None, 2), "{purged}");
        assert_eq!(log.reader().uses().len(), 1);
        machine.finish_rotation();
        drop(log);
        let (mut log, recovered) = machine.open().unwrap();
        assert_eq!(recovered.vote, Some(vec![1; 12]));
        assert_eq!(recovered.committed, Some(vec![4]));
        assert_eq!(recovered.purged.map(|purged| purged.index), purged.then_some(2));
        log.append(&[entry(3)]).unwrap();
        assert_eq!(entries(&machine.log()), [entry(3)]);
    }
}

#[test]
fn a_restart_goes_on_with_a_rotation_where_it_was() {
    let machine = small();
    let mut log = machine.log();
    log.append(&[vote(1), entry(1)]).unwrap();
    machine.begin_rotation();
    drop(log);
    let mut log = machine.log();
    log.append(&[entry(2)]).unwrap(); // in the old segment still
    assert_eq!(log.roll().unwrap().upto, Some(2));
    log.append(&[purge(2)]).unwrap();
    drop(log);
    let mut log = machine.log();
    assert_eq!((log.roll().unwrap().upto, oldest(&log)), (None, 2));
}

#[test]
fn what_may_come_back_after_a_crash_still_counts() {
    let machine = small();
    let mut log = machine.log();
    log.append(&[entry(1)]).unwrap();
    machine.begin_rotation();
    log.roll().unwrap();
    // Write and sync of the purge, the segment's removal, and then the names.
    machine.disk.inject(Fault::Error { after: 3 });
    log.append(&[purge(1)]).unwrap();
    assert_eq!(oldest(&log), 1, "its removal is not durable");
    log.append(&[entry(2)]).unwrap();
    assert_eq!(oldest(&log), 2);
}

#[test]
fn uses_are_counted_by_epoch_and_found_again() {
    let machine = small();
    let mut log = machine.log();
    for index in 1..=6 {
        log.append(&[sized_entry(index, 400)]).unwrap();
    }
    machine.begin_rotation();
    log.roll().unwrap();
    log.append(&[entry(7), entry(8)]).unwrap();
    let uses = log.reader().uses();
    let [old, new] = uses[..] else {
        panic!("{uses:?}");
    };
    assert_eq!((old.epoch, old.segments, old.bytes, old.records), (1, 2, 4096, 6));
    // Two entries, and the word that the log wrote for itself.
    assert!(matches!(
        new,
        EpochUse {
            epoch: 2,
            segments: 1,
            records: 3,
            ..
        }
    ));
    let stats = log.reader().stats();
    assert_eq!((stats.oldest_epoch, stats.epoch), (1, 2));
    assert_eq!(machine.log().reader().uses(), uses);
}

#[test]
fn a_roll_that_finds_no_space_changes_nothing() {
    let machine = small();
    let mut log = machine.log();
    log.append(&[vote(1), entry(1)]).unwrap();
    machine.begin_rotation();
    machine.disk.set_capacity(Some(2048));
    assert!(matches!(log.roll(), Err(LogError::NoSpace { segment: 2 })));
    log.append(&[entry(2)]).unwrap();
    machine.disk.set_capacity(None);
    assert_eq!(log.roll().unwrap().upto, Some(2));
}

#[tokio::test]
async fn a_writer_rolls_between_two_batches_and_nobody_waits_for_more_than_that() {
    let run = async |rolls: bool| {
        let machine = machine();
        let writer = Writer::spawn(machine.log(), Spawn::Task);
        let mut waiting = Vec::new();
        for index in 1..=60 {
            if index == 31 && rolls {
                machine.begin_rotation();
                let rolling = writer.clone(); // queued with the writes around it
                waiting.push(tokio::spawn(async move { rolling.roll().await.map(|_| ()) }));
                tokio::task::yield_now().await;
            }
            let writer = writer.clone();
            waiting.push(tokio::spawn(async move { writer.write(vec![entry(index)]).await }));
            tokio::task::yield_now().await;
        }
        for answer in waiting {
            answer.await.unwrap().unwrap();
        }
        let uses = writer.reader().uses();
        writer.shutdown().await;
        assert_eq!(machine.open().unwrap().1.entries, Some((1, 60)));
        (machine.disk.operations(), uses)
    };
    let ((without, _), (with, uses)) = (run(false).await, run(true).await);
    assert!(with - without <= 10, "{with} instead of {without} operations");
    assert_eq!(uses.iter().map(|used| used.epoch).collect::<Vec<_>>(), [1, 2]);
}

#[tokio::test]
async fn what_is_submitted_after_a_roll_is_under_the_new_key() {
    for how in [Spawn::Task, Spawn::Thread] {
        let machine = small();
        let writer = Writer::spawn(machine.log(), how);
        for index in 1..=8 {
            writer.write(vec![sized_entry(index, 300)]).await.unwrap();
        }
        machine.begin_rotation();
        let upto = writer.roll().await.unwrap().upto;
        assert_eq!(upto, Some(8));
        writer.write(vec![entry(9), purge(8)]).await.unwrap();
        assert_eq!(writer.oldest_epoch().await, 2);
        machine.finish_rotation();
        writer.shutdown().await;
        assert!(matches!(writer.roll().await, Err(LogError::Closed)));
        assert_eq!(entries(&machine.log()), [entry(9)]);
    }
}
