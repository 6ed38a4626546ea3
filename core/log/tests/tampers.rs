//! Is there any change to a log that goes unnoticed? Every bit, every cut, every swap, replay and repetition over a small
//! reference log: each is refused with its place, or falls on a batch that was never acknowledged.
//!
//! What no disk can tell is that it is as it really was at an earlier moment; the tests say which changes are that.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use support::reference::{HEADER, Reference, Verdict, each, frames, place_of};

#[test]
fn every_flipped_bit_is_refused_at_its_record() {
    let reference = Reference::write();
    let bits = (0..reference.segments.len())
        .flat_map(|position| (0..reference.segments[position].len() * 8).map(move |bit| (position, bit)));
    each(bits, |(position, bit)| {
        let good = &reference.segments[position];
        let mut bent = good.clone();
        bent[bit / 8] ^= 1 << (bit % 8);
        let starts = frames(good);
        let end = *starts.last().unwrap();
        if position == reference.last() && bit / 8 >= end {
            // Zeros behind the end: what seems to stand there may be a batch that was under way.
            if let Verdict::Opened { held, cut } = reference.open(&[(position, &bent)]) {
                assert_eq!(held, reference.held);
                let cut = cut.expect("the bit does not stay");
                assert_eq!((cut.segment, cut.offset), (position as u64 + 1, end as u64));
            }
            return;
        }
        let record = starts.iter().rev().find(|start| **start <= bit / 8);
        let is_prepared = position > reference.last();
        let at = record.filter(|_| !is_prepared).map_or(0, |start| *start as u64);
        let place = reference.refused(position, &bent, &bit);
        assert_eq!(place, (position as u64 + 1, at), "bit {bit}");
    });
}

#[test]
fn a_file_cut_off_or_extended_at_any_byte_is_refused() {
    let reference = Reference::write();
    for position in 0..=reference.last() {
        let good = &reference.segments[position];
        for end in 0..good.len() {
            let place = reference.refused(position, &good[..end], &end);
            assert_eq!(place.0, position as u64 + 1, "{end}");
        }
        for more in [1, 2, 511, 512, 1536] {
            let longer = [good.as_slice(), &vec![0; more]].concat();
            let place = reference.refused(position, &longer, &more);
            assert_eq!(place, (position as u64 + 1, good.len() as u64));
        }
    }
    // A prepared file holds nothing; any part of it is made anew.
    let prepared = reference.last() + 1;
    for end in 0..reference.segments[prepared].len() {
        let Verdict::Opened { held, cut: None } = reference.open(&[(prepared, &vec![0; end])]) else {
            panic!("{end} zeros were refused");
        };
        assert_eq!(held, reference.held);
    }
}

#[test]
fn zeros_from_any_byte_on_are_refused_cut_or_how_the_disk_was_before() {
    let reference = Reference::write();
    for position in 0..=reference.last() {
        let good = &reference.segments[position];
        let starts = frames(good);
        for end in 0..*starts.last().unwrap() {
            let mut cut = good.clone();
            cut[end..].fill(0);
            if position < reference.last() {
                let place = reference.refused(position, &cut, &end);
                assert!(
                    place.0 == position as u64 + 1 && place.1 <= end as u64,
                    "{place:?}, {end}"
                );
                continue;
            }
            // In the last segment this is what a power cut leaves, had the batches from there on never been answered.
            match reference.open(&[(position, &cut)]) {
                Verdict::Refused(error) => assert_eq!(place_of(&error).0, position as u64 + 1),
                Verdict::Opened { cut, .. } => match cut {
                    Some(cut) => assert!(starts.contains(&usize::try_from(cut.offset).unwrap())),
                    None => assert!(starts.contains(&end), "{end}"),
                },
            }
        }
    }
}

#[test]
fn no_two_records_can_change_places() {
    let reference = Reference::write();
    let places = records(&reference);
    let pairs = (0..places.len()).flat_map(|a| (a + 1..places.len()).map(move |b| (a, b)));
    each(pairs, |(a, b)| {
        let ((in_a, from_a), (in_b, from_b)) = (&places[a], &places[b]);
        let record = |position: &usize, from: &std::ops::Range<usize>| &reference.segments[*position][from.clone()];
        let (one, other) = (record(in_a, from_a), record(in_b, from_b));
        let mut changed: Vec<(usize, Vec<u8>)> = vec![(*in_a, reference.segments[*in_a].clone())];
        if in_b != in_a {
            changed.push((*in_b, reference.segments[*in_b].clone()));
        }
        // The later one first, so that the other's place is still where it was.
        for (position, from, by) in [(in_b, from_b, one), (in_a, from_a, other)] {
            let (_, bytes) = changed.iter_mut().find(|(at, _)| at == position).unwrap();
            let size = bytes.len();
            bytes.splice(from.clone(), by.iter().copied());
            bytes.resize(size, 0);
        }
        let changed: Vec<(usize, &[u8])> = changed.iter().map(|(at, bytes)| (*at, bytes.as_slice())).collect();
        let Verdict::Refused(error) = reference.open(&changed) else {
            panic!("records {a} and {b} changed places unnoticed");
        };
        assert_eq!(place_of(&error), (*in_a as u64 + 1, from_a.start as u64), "{a} {b}");
    });
}

#[test]
fn no_record_can_stand_twice_or_be_left_out() {
    let reference = Reference::write();
    let places = records(&reference);
    let last = reference.last();
    each(&places, |(of, from)| {
        let record = &reference.segments[*of][from.clone()];
        for (position, at) in places.iter().map(|(position, at)| (*position, at.start)) {
            let mut repeated = reference.segments[position].clone();
            repeated.splice(at..at, record.iter().copied());
            repeated.truncate(reference.segments[position].len());
            let place = reference.refused(position, &repeated, &at);
            let is_there_already = (*of, from.start) == (position, at);
            let stops_at = if is_there_already { from.end } else { at };
            assert_eq!(place, (position as u64 + 1, stops_at as u64));
        }
        // Behind the end it is no record of this log, whichever it is.
        let mut repeated = reference.segments[last].clone();
        let end = *frames(&repeated).last().unwrap();
        repeated.splice(end..end, record.iter().copied());
        repeated.truncate(reference.segments[last].len());
        if let Verdict::Opened { held, cut } = reference.open(&[(last, &repeated)]) {
            assert!(cut.is_some_and(|cut| cut.offset == end as u64) && held == reference.held);
        }
        let mut shorter = reference.segments[*of].clone();
        shorter.splice(from.clone(), []);
        shorter.resize(reference.segments[*of].len(), 0);
        if (*of, from.end) == (last, end) {
            return; // the last record of all: how the disk was before it
        }
        assert_eq!(
            reference.refused(*of, &shorter, from),
            (*of as u64 + 1, from.start as u64)
        );
    });
}

#[test]
fn no_segment_can_stand_in_another_s_place() {
    let reference = Reference::write();
    let count = reference.segments.len();
    for (a, b) in (0..count)
        .flat_map(|a| (0..count).map(move |b| (a, b)))
        .filter(|(a, b)| a != b)
    {
        let (one, other) = (&reference.segments[a], &reference.segments[b]);
        let Verdict::Refused(error) = reference.open(&[(a, other), (b, one)]) else {
            panic!("segments {a} and {b} changed places unnoticed");
        };
        assert_eq!(place_of(&error), (a.min(b) as u64 + 1, 0));
        if a != reference.last() || b < a {
            assert_eq!(reference.refused(a, other, &b), (a as u64 + 1, 0));
        }
    }
}

#[test]
fn no_segment_passes_for_one_of_another_epoch() {
    let reference = Reference::write();
    for position in 0..=reference.last() {
        let mut bent = reference.segments[position].clone();
        let other = 3 - bent[12];
        bent[12] = other;
        assert_eq!(reference.refused(position, &bent, &other), (position as u64 + 1, 0));
        for start in frames(&bent).windows(2).map(|pair| pair[0]) {
            let mut bent = reference.segments[position].clone();
            bent[start + 5] = other;
            assert_eq!(
                reference.refused(position, &bent, &start),
                (position as u64 + 1, start as u64)
            );
        }
    }
}

#[test]
fn an_older_copy_of_a_segment_is_refused_or_how_the_disk_was_then() {
    let reference = Reference::write();
    for (segments, held) in &reference.past {
        for (position, older) in segments.iter().enumerate() {
            if *older == reference.segments[position] {
                continue;
            }
            match reference.open(&[(position, older)]) {
                Verdict::Refused(error) => assert!(place_of(&error).0 <= position as u64 + 1),
                Verdict::Opened { held: found, .. } => {
                    let untouched = segments[..position] == reference.segments[..position];
                    assert!(position == reference.last() && untouched, "segment {}", position + 1);
                    assert_eq!(found, *held);
                }
            }
        }
    }
}

/// Where each record lies: the segment's position and the bytes in it.
fn records(reference: &Reference) -> Vec<(usize, std::ops::Range<usize>)> {
    let segments = reference.segments.iter().enumerate();
    let found: Vec<_> = segments
        .flat_map(|(position, bytes)| {
            let starts = frames(bytes);
            let ranges: Vec<_> = starts.windows(2).map(|pair| (position, pair[0]..pair[1])).collect();
            ranges
        })
        .collect();
    assert!(found.len() > 15 && found.iter().all(|(_, range)| range.start >= HEADER));
    found
}
