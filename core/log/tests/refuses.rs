//! Is a changed log refused, and what is said? Torn batches, forked histories, foreign directories, newer formats.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use support::reference::frames;
use support::{Machine, entries, entry, machine, segment_path, sized_entry, vote};
use wardroom_log::{Disk, LOG_FORMAT, LogOptions, Record, RecoverError};

/// A machine with two small segments and their bytes: several batches, several sectors.
fn written() -> (Machine, Vec<Record>) {
    let mut machine = machine();
    machine.options = LogOptions {
        segment_bytes: 2048,
        cache_bytes: 0,
    };
    let mut log = machine.log();
    let mut expected = Vec::new();
    for index in (1..=15).step_by(3) {
        let batch = [entry(index), sized_entry(index + 1, 150), entry(index + 2)];
        log.append(&batch).unwrap();
        log.append(&[vote(u8::try_from(index).unwrap())]).unwrap();
        expected.extend(batch);
    }
    assert_eq!(log.reader().stats().segments, 2);
    (machine, expected)
}

fn refusal(machine: &Machine) -> RecoverError {
    machine.open().err().expect("must be refused")
}

#[test]
fn the_last_batch_cut_anywhere_is_cut_off_or_refused_and_all_before_it_stays() {
    let mut machine = machine();
    machine.options.segment_bytes = 4096;
    let mut log = machine.log();
    log.append(&[entry(1), entry(2)]).unwrap();
    let start = *frames(&machine.segment_bytes(1)).last().unwrap();
    log.append(&[sized_entry(3, 700), sized_entry(4, 300), sized_entry(5, 500)])
        .unwrap();
    let good = machine.segment_bytes(1);
    let starts = frames(&good);
    for end in start..*starts.last().unwrap() {
        let mut cut = good.clone();
        cut[end..].fill(0);
        machine.disk.tamper(&segment_path(1), cut);
        let whole = starts.iter().filter(|at| **at <= end).count() - 1;
        match machine.open() {
            Ok((log, recovered)) => {
                assert_eq!(entries(&log).len(), whole, "{end}");
                assert_eq!(recovered.cut.is_none(), starts.contains(&end), "{end}");
                // What was cut is zeros now, and the log goes on from there.
                assert!(machine.open().unwrap().1.cut.is_none());
            }
            Err(error) => {
                assert!(end % 512 != 0, "a sector boundary is a torn write: {error}");
                let text = error.to_string();
                assert!(text.starts_with("log segment 1 is damaged at offset"), "{text}");
                assert!(
                    text.ends_with("stop it, remove its data directory, start it again"),
                    "{text}"
                );
            }
        }
    }
}

#[test]
fn a_record_of_a_history_that_was_cut_off_does_not_fit_into_the_one_that_went_on() {
    let machine = machine();
    machine.log().append(&[entry(1)]).unwrap();
    let before = machine.segment_bytes(1);
    machine.log().append(&[sized_entry(2, 30)]).unwrap();
    let other = machine.segment_bytes(1); // as if a power cut had undone it: same segment, same sequence number
    machine.disk.tamper(&segment_path(1), before);
    machine.log().append(&[sized_entry(2, 30)]).unwrap();
    machine.log().append(&[entry(3)]).unwrap();
    let mut spliced = machine.segment_bytes(1);
    let starts = frames(&spliced);
    spliced[starts[1]..starts[2]].copy_from_slice(&other[starts[1]..starts[2]]);
    machine.disk.tamper(&segment_path(1), spliced);
    let offset = starts[2] as u64; // the record itself is real; what follows it does not follow from it
    assert!(matches!(refusal(&machine), RecoverError::Damaged { segment: 1, offset: at, .. } if at == offset));
}

#[test]
fn segments_of_another_time_node_or_cluster_do_not_fit() {
    let (machine, _) = written();
    let good = machine.segment_bytes(2);
    let (twin, _) = written();
    // The same manager, restored and continued: same keys, same number, another segment id.
    let mut log = twin.log();
    log.append(&[sized_entry(16, 900)]).unwrap();
    machine.disk.tamper(&segment_path(2), twin.segment_bytes(3));
    assert!(machine.open().is_err());
    machine.disk.tamper(&segment_path(2), machine.segment_bytes(1));
    assert!(refusal(&machine).to_string().contains("belongs to another segment"));

    let other = Machine::new("cluster1", "node2");
    other.log().append(&[entry(1)]).unwrap();
    machine.disk.tamper(&segment_path(2), other.segment_bytes(1));
    assert!(
        refusal(&machine)
            .to_string()
            .contains("belongs to node node2, not to node1")
    );

    let other = Machine::new("cluster2", "node1");
    other.log().append(&[entry(1)]).unwrap();
    machine.disk.tamper(&segment_path(2), other.segment_bytes(1));
    assert!(
        refusal(&machine)
            .to_string()
            .contains("belongs to cluster cluster2, not to cluster1")
    );
    machine.disk.tamper(&segment_path(2), good);
    machine.open().unwrap();
}

#[test]
fn a_missing_segment_is_named() {
    let mut machine = machine();
    machine.options.segment_bytes = 2048;
    let mut log = machine.log();
    for index in 1..=20 {
        log.append(&[sized_entry(index, 400)]).unwrap();
    }
    for missing in [1, 3] {
        let copy = support::machine();
        copy.disk.create_dir("log").unwrap();
        for (path, bytes) in machine.disk.dump() {
            if path != segment_path(missing) {
                copy.disk.tamper(&path, bytes);
            }
        }
        let error = refusal(&copy);
        assert!(
            matches!(error, RecoverError::Missing { segment } if segment == missing),
            "{error}"
        );
    }
}

#[test]
fn a_newer_format_is_named() {
    let (machine, _) = written();
    let mut bytes = machine.segment_bytes(1);
    bytes[8..10].copy_from_slice(&(LOG_FORMAT + 1).to_le_bytes());
    machine.disk.tamper(&segment_path(1), bytes);
    let text = refusal(&machine).to_string();
    assert!(text.contains("has format 3, this wardroom reads up to 2"), "{text}");
}

#[test]
fn no_plaintext_reaches_the_disk() {
    let machine = machine();
    let mut log = machine.log();
    let canary = b"canary-4f1c9a77-plaintext";
    log.append(&[
        Record::Vote(canary.to_vec()),
        Record::Entry {
            term: 1,
            index: 1,
            payload: canary.as_slice().into(),
        },
        Record::Committed(canary.to_vec()),
        Record::PurgeUpTo(wardroom_log::Purged {
            index: 1,
            id: canary.to_vec(),
        }),
    ])
    .unwrap();
    for (path, bytes) in machine.disk.dump() {
        assert!(
            !bytes
                .windows(8)
                .any(|window| canary.windows(8).any(|part| part == window)),
            "{path}"
        );
    }
}
