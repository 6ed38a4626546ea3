//! What do the tests tamper with? A small log of several segments, what it holds, and what opening a changed copy says.

use std::sync::Arc;

use wardroom_log::{Cut, Disk, Log, LogOptions, MemDisk, Purged, Record, RecoverError, Recovered};

use super::{Machine, entries, entry, machine, purge, segment_path, sized_entry, vote};

pub(crate) const HEADER: usize = 512;

/// What a log holds, as its reader tells.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Held {
    vote: Option<Vec<u8>>,
    committed: Option<Vec<u8>>,
    purged: Option<Purged>,
    entries: Vec<Record>,
}

impl Held {
    pub(crate) fn by(log: &Log) -> Self {
        let reader = log.reader();
        Self {
            vote: reader.vote(),
            committed: reader.committed(),
            purged: reader.purged(),
            entries: entries(log),
        }
    }
}

/// What became of a changed log.
#[derive(Debug)]
pub(crate) enum Verdict {
    Refused(RecoverError),
    Opened { held: Held, cut: Option<Cut> },
}

pub(crate) struct Reference {
    pub(crate) machine: Machine,
    /// Each segment's bytes; the last one is prepared and empty.
    pub(crate) segments: Vec<Vec<u8>>,
    pub(crate) held: Held,
    /// What stood on the disk after each batch, and what the log held then.
    pub(crate) past: Vec<(Vec<Vec<u8>>, Held)>,
}

impl Reference {
    /// Four segments, the last of a second epoch, with records of every kind; none is purged. And one that is prepared.
    pub(crate) fn write() -> Self {
        let mut machine = machine();
        machine.options = LogOptions {
            segment_bytes: 1536,
            cache_bytes: 0,
        };
        let mut log = machine.log();
        let mut past = vec![(segments(&machine.disk), Held::by(&log))];
        for batch in batches() {
            log.append(&batch).unwrap();
            past.push((segments(&machine.disk), Held::by(&log)));
        }
        machine.begin_rotation();
        log.roll().unwrap();
        for index in 12..=14 {
            past.push((segments(&machine.disk), Held::by(&log)));
            log.append(&[sized_entry(index, 120)]).unwrap();
        }
        past.push((segments(&machine.disk), Held::by(&log)));
        let (segments, held) = past.last().cloned().unwrap();
        let reference = Self {
            machine,
            segments,
            held,
            past,
        };
        assert_eq!((reference.segments.len(), reference.last()), (5, 3));
        assert!(reference.segments[4].iter().all(|byte| *byte == 0));
        let epochs: Vec<u8> = reference.segments.iter().map(|bytes| bytes[12]).collect();
        assert_eq!(epochs, [1, 1, 1, 2, 0]);
        reference
    }

    /// Position of the segment that is written to.
    pub(crate) fn last(&self) -> usize {
        self.segments.iter().rposition(|bytes| frames(bytes).len() > 1).unwrap()
    }

    /// Opens the log with other bytes in some segments.
    pub(crate) fn open(&self, changed: &[(usize, &[u8])]) -> Verdict {
        let disk = MemDisk::new();
        disk.create_dir("log").unwrap();
        for (position, bytes) in self.segments.iter().enumerate() {
            let other = changed.iter().find(|(at, _)| *at == position);
            let bytes = other.map_or(bytes.as_slice(), |(_, bytes)| bytes);
            disk.tamper(&segment_path(position as u64 + 1), bytes.to_vec());
        }
        self.open_on(disk)
    }

    pub(crate) fn open_on(&self, disk: MemDisk) -> Verdict {
        match self.machine.open_on(Arc::new(disk)) {
            Err(error) => Verdict::Refused(error),
            Ok((log, Recovered { cut, .. })) => Verdict::Opened {
                held: Held::by(&log),
                cut,
            },
        }
    }

    /// Opens the log with one changed segment; it must be refused, and the refusal must say where.
    pub(crate) fn refused(&self, position: usize, bytes: &[u8], context: &dyn std::fmt::Debug) -> (u64, u64) {
        match self.open(&[(position, bytes)]) {
            Verdict::Refused(error) => place_of(&error),
            Verdict::Opened { .. } => panic!("segment {}, {context:?}: went unnoticed", position + 1),
        }
    }
}

/// Segment and offset that a refusal names; every refusal names a segment, in a text that says what to do.
pub(crate) fn place_of(error: &RecoverError) -> (u64, u64) {
    let (segment, offset) = match error {
        RecoverError::Damaged { segment, offset, .. } => (*segment, *offset),
        RecoverError::Newer { segment, .. }
        | RecoverError::KeyGone { segment, .. }
        | RecoverError::OtherCluster { segment, .. }
        | RecoverError::OtherNode { segment, .. }
        | RecoverError::Missing { segment } => (*segment, 0),
        other => panic!("{other} names no segment"),
    };
    let text = error.to_string();
    assert!(text.contains(&format!("log segment {segment} ")), "{text}");
    assert!(!matches!(error, RecoverError::Damaged { .. }) || text.contains(&format!("at offset {offset}:")));
    (segment, offset)
}

fn batches() -> Vec<Vec<Record>> {
    vec![
        vec![vote(1), entry(1), entry(2)],
        vec![sized_entry(3, 200)],
        vec![Record::Committed(vec![9; 12]), entry(4)],
        vec![entry(5), entry(6), vote(2)],
        vec![Record::TruncateFrom(6), sized_entry(6, 10)],
        vec![purge(1)],
        vec![entry(7), sized_entry(8, 90)],
        vec![sized_entry(9, 130)],
        vec![sized_entry(10, 300), vote(3)],
        vec![entry(11)],
    ]
}

fn segments(disk: &MemDisk) -> Vec<Vec<u8>> {
    disk.dump().into_iter().map(|(_, bytes)| bytes).collect()
}

/// Offsets at which records begin, and the end of the last one.
pub(crate) fn frames(bytes: &[u8]) -> Vec<usize> {
    let mut at = HEADER;
    let mut out = vec![at];
    while let Some(len) = bytes.get(at..at + 4) {
        let len = u32::from_le_bytes(len.try_into().unwrap());
        if len == 0 {
            break;
        }
        at += 41 + len as usize;
        out.push(at);
    }
    out
}

/// Spreads independent cases over the machine's cores.
pub(crate) fn each<T: Send>(cases: impl IntoIterator<Item = T>, try_one: impl Fn(T) + Sync) {
    let cases: Vec<T> = cases.into_iter().collect();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    let share = cases.len().div_ceil(workers).max(1);
    let mut cases = cases.into_iter();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            let mine: Vec<T> = cases.by_ref().take(share).collect();
            let try_one = &try_one;
            scope.spawn(move || mine.into_iter().for_each(try_one));
        }
    });
}
