//! Does group commit answer everybody, in order, and only after the sync? On a thread and as a task.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::sync::{Arc, Mutex};

use support::{Machine, entry, machine, sized_entry, vote};
use wardroom_log::{Fault, LogError, Record, Spawn, Writer};

/// Submits `count` entries and returns the order in which they were answered, and how.
async fn answers(writer: &Writer, count: u64) -> Vec<(u64, bool)> {
    let order = Arc::new(Mutex::new(Vec::new()));
    for index in 1..=count {
        let order = Arc::clone(&order);
        let done = move |result: Result<(), LogError>| order.lock().unwrap().push((index, result.is_ok()));
        writer.submit(vec![entry(index)], Box::new(done));
        assert_eq!(
            writer.reader().bounds(),
            Some((1, index)),
            "readable before it is durable"
        );
    }
    let _ = writer.write(vec![vote(1)]).await;
    order.lock().unwrap().clone()
}

#[tokio::test]
async fn a_task_answers_in_order_and_shares_the_sync() {
    let machine = machine();
    let writer = Writer::spawn(machine.log(), Spawn::Task);
    let expected: Vec<_> = (1..=100).map(|index| (index, true)).collect();
    assert_eq!(answers(&writer, 100).await, expected);
    let stats = writer.reader().stats();
    assert_eq!(
        (stats.appends, stats.records),
        (1, 101),
        "all that waited went in one batch"
    );
    assert_eq!(
        (stats.fsync_p50_us, stats.fsync_p99_us),
        (0, 0),
        "a task measures no time"
    );
    writer.shutdown().await;
    assert_eq!(machine.open().unwrap().1.entries, Some((1, 100)));
}

#[tokio::test]
async fn a_thread_does_the_same() {
    let machine = machine();
    let writer = Writer::spawn(machine.log(), Spawn::Thread);
    let expected: Vec<_> = (1..=100).map(|index| (index, true)).collect();
    assert_eq!(answers(&writer, 100).await, expected);
    assert!(writer.reader().stats().appends <= 101);
    writer.shutdown().await;
    assert_eq!(machine.open().unwrap().1.entries, Some((1, 100)));
}

#[tokio::test]
async fn after_a_failure_everybody_hears_of_it() {
    for how in [Spawn::Task, Spawn::Thread] {
        let machine = machine();
        let writer = Writer::spawn(machine.log(), how);
        writer.write(vec![vote(1)]).await.unwrap();
        machine.disk.inject(Fault::SyncFails { after: 0 });
        assert!(writer.write(vec![vote(2)]).await.is_err());
        let error = writer.write(vec![vote(3)]).await.err().unwrap();
        assert!(matches!(error, LogError::Poisoned { .. }), "{error}");
        assert!(error.to_string().contains("syncing log segment 1 failed"), "{error}");
    }
}

#[tokio::test]
async fn a_refused_batch_harms_nobody_else() {
    let machine = machine();
    let writer = Writer::spawn(machine.log(), Spawn::Task);
    writer.write(vec![entry(1), entry(2)]).await.unwrap();
    assert!(matches!(
        writer.write(vec![entry(2)]).await,
        Err(LogError::OutOfOrder { index: 2, last: 2 })
    ));
    writer.write(vec![entry(3)]).await.unwrap();
}

#[tokio::test]
async fn a_rewritten_index_is_read_as_it_was_written_last() {
    let mut machine = machine();
    machine.options.cache_bytes = 0; // every read goes to the place on disk that the last write noted
    let writer = Writer::spawn(machine.log(), Spawn::Task);
    let mut waiting = Vec::new(); // all submitted before the first one is written
    for round in 0..20_u8 {
        let records = vec![
            Record::TruncateFrom(1),
            Record::Entry {
                term: u64::from(round),
                index: 1,
                payload: vec![round; 30].into(),
            },
        ];
        let (sender, receiver) = tokio::sync::oneshot::channel();
        writer.submit(records, Box::new(move |result| sender.send(result).unwrap()));
        waiting.push(receiver);
    }
    for answer in waiting {
        answer.await.unwrap().unwrap();
    }
    let read = writer.reader().read(..).unwrap();
    assert_eq!((read.len(), read[0].term, &*read[0].payload), (1, 19, &[19; 30][..]));
}

#[tokio::test]
async fn a_closed_writer_says_so() {
    for how in [Spawn::Task, Spawn::Thread] {
        let machine = machine();
        let writer = Writer::spawn(machine.log(), how);
        writer.shutdown().await;
        writer.shutdown().await;
        assert!(matches!(writer.write(vec![vote(1)]).await, Err(LogError::Closed)));
    }
}

fn small() -> Machine {
    let mut machine = machine();
    machine.options.segment_bytes = 2048;
    machine
}

#[tokio::test]
async fn a_full_disk_is_foreseen_and_found_to_have_room_again_without_a_write() {
    let machine = small();
    let log = machine.log();
    machine.disk.set_capacity(Some(3 * 2048));
    let writer = Writer::spawn(log, Spawn::Task);
    let mut index = 0;
    let room = loop {
        index += 1;
        assert!(index < 100, "the disk must fill up");
        writer.write(vec![sized_entry(index, 300)]).await.unwrap();
        if let Some(room) = writer.reader().room() {
            break room;
        }
    };
    assert!((300..2048).contains(&room), "what is left is known: {room}");
    writer.look_for_room().await;
    assert_eq!(writer.reader().room(), Some(room), "the disk is as full as it was");
    machine.disk.set_capacity(None);
    writer.look_for_room().await;
    assert_eq!(writer.reader().room(), None);
    writer.write(vec![sized_entry(index + 1, 300)]).await.unwrap();
}

#[tokio::test]
async fn a_disk_found_full_is_known_before_the_first_write() {
    let machine = small();
    let mut log = machine.log();
    machine.disk.set_capacity(Some(2048));
    let mut index = 0;
    while log.reader().stats().bytes < 1400 {
        index += 1;
        log.append(&[sized_entry(index, 100)]).unwrap();
    }
    drop(log);
    let writer = Writer::spawn(machine.log(), Spawn::Task);
    writer.write(Vec::new()).await.unwrap();
    assert!(writer.reader().room().is_some());
}
