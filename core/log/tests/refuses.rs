//! Is a changed log refused? Bits, swaps, replays, foreign directories: nothing is accepted in silence.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use support::{Machine, entries, entry, machine, segment_path, sized_entry, vote};
use wardroom_log::{Disk, LOG_FORMAT, LogOptions, Record, RecoverError};

const HEADER: usize = 512;

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

/// Offsets at which records begin, and the end of the last one.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = HEADER;
    let mut out = vec![at];
    while let Some(len) = bytes
        .get(at..at + 4)
        .map(|len| u32::from_le_bytes(len.try_into().unwrap()))
    {
        if len == 0 {
            break;
        }
        at += 41 + len as usize;
        out.push(at);
    }
    out
}

fn refusal(machine: &Machine) -> RecoverError {
    machine.open().err().expect("must be refused")
}

/// Flips every `step`th bit of what was written; an odd step meets every bit of a byte in turn.
fn flip_bits(step: usize) {
    let (machine, _) = written();
    for number in [1, 2] {
        let good = machine.segment_bytes(number);
        let end = *frames(&good).last().unwrap();
        for bit in (0..end * 8).step_by(step) {
            let mut bent = good.clone();
            bent[bit / 8] ^= 1 << (bit % 8);
            machine.disk.tamper(&segment_path(number), bent);
            assert!(machine.open().is_err(), "bit {bit} of segment {number} went unnoticed");
        }
        machine.disk.tamper(&segment_path(number), good);
    }
    machine.open().unwrap();
}

#[test]
fn a_flipped_bit_of_what_was_written_is_refused() {
    flip_bits(5);
}

#[test]
#[ignore = "takes a minute; run it with --ignored after any change to the format or to recovery"]
fn every_flipped_bit_of_what_was_written_is_refused() {
    flip_bits(1);
}

#[test]
fn a_flipped_bit_after_the_end_loses_nothing() {
    let (machine, expected) = written();
    let good = machine.segment_bytes(2);
    let end = *frames(&good).last().unwrap();
    for bit in (end * 8..good.len() * 8).step_by(11) {
        let mut bent = good.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        machine.disk.tamper(&segment_path(2), bent);
        if let Ok((log, _)) = machine.open() {
            assert_eq!(entries(&log), expected, "bit {bit}");
        }
    }
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
fn a_shortened_file_is_refused() {
    let (machine, _) = written();
    let good = machine.segment_bytes(1);
    for end in (0..good.len() - 600).step_by(7) {
        machine.disk.tamper(&segment_path(1), good[..end].to_vec());
        assert!(machine.open().is_err(), "{end} bytes went through");
    }
}

#[test]
fn no_two_records_can_change_places() {
    let mut machine = machine();
    machine.options.segment_bytes = 8192;
    let mut log = machine.log();
    for index in 1..=12 {
        log.append(&[entry(index)]).unwrap(); // all of one size, so that a swap fits exactly
    }
    let good = machine.segment_bytes(1);
    let starts = frames(&good);
    for a in 0..11 {
        for b in a + 1..12 {
            let mut swapped = good.clone();
            let len = starts[1] - starts[0];
            swapped[starts[a]..starts[a] + len].copy_from_slice(&good[starts[b]..starts[b] + len]);
            swapped[starts[b]..starts[b] + len].copy_from_slice(&good[starts[a]..starts[a] + len]);
            machine.disk.tamper(&segment_path(1), swapped);
            let offset = starts[a] as u64;
            assert!(matches!(refusal(&machine), RecoverError::Damaged { segment: 1, offset: at, .. } if at == offset));
        }
    }
}

#[test]
fn a_record_cannot_be_repeated_or_left_out() {
    let (machine, _) = written();
    let good = machine.segment_bytes(1);
    let starts = frames(&good);
    for pair in starts.windows(2) {
        let record = good[pair[0]..pair[1]].to_vec();
        for changed in [
            [&good[..pair[1]], &record, &good[pair[1]..]].concat(),
            [&good[..pair[0]], &good[pair[1]..], &vec![0; record.len()]].concat(),
        ] {
            machine.disk.tamper(&segment_path(1), changed[..good.len()].to_vec());
            assert!(machine.open().is_err(), "at {}", pair[0]);
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
    assert!(text.contains("has format 2, this wardroom reads up to 1"), "{text}");
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
