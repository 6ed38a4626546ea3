//! How is something made sure of? Sealed into the current segment with one write and one sync, or refused.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use wardroom_keys::{Chance, Keyring};

use crate::disk::{Disk, read_exact_at};
use crate::error::{LogError, RecoverError, is_no_space};
use crate::frame::{self, BATCH_START, Link, OVERHEAD};
use crate::prepare::{Prepared, prepare, remove_if_there};
use crate::reader::LogReader;
use crate::record::{Purged, Record};
use crate::recover::{self, Recovered};
use crate::segment::{DIR, HEADER_LEN, Header, Segment, is_zero, path_of};
use crate::stats::Stopwatch;
use crate::view::{Place, View};
use crate::Identity;

/// Sizes of a log.
#[derive(Clone, Copy, Debug)]
pub struct LogOptions {
    /// Bytes of a new segment; a batch that is larger gets a segment of its own size.
    pub segment_bytes: u64,
    /// Bytes of entry payloads kept in memory for readers.
    pub cache_bytes: usize,
}

impl Default for LogOptions {
    fn default() -> Self {
        // Small enough that three managers on one laptop start in milliseconds; rolling costs one extra sync each time.
        Self { segment_bytes: 4 << 20, cache_bytes: 2 << 20 }
    }
}

/// The log's one writer. Use it directly, or hand it to a [`crate::Writer`] for group commit.
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) identity: Identity,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) options: LogOptions,
    pub(crate) view: Arc<View>,
    /// Oldest first; the last one is written to.
    pub(crate) kept: VecDeque<Kept>,
    /// End of the last record in the current segment.
    pub(crate) position: u64,
    pub(crate) link: Link,
    pub(crate) marks: Marks,
    pub(crate) next: Option<Prepared>,
    /// Batches to wait before another try to make the next segment on a full disk.
    pub(crate) patience: u32,
    pub(crate) measure: bool,
    pub(crate) poisoned: Option<LogError>,
}

/// A segment on disk.
pub(crate) struct Kept {
    pub(crate) segment: Arc<Segment>,
    /// Highest entry index ever written into it.
    pub(crate) max_index: Option<u64>,
}

/// What must outlive the segments it was first written to: the durable values, repeated at the head of each segment.
#[derive(Default)]
pub(crate) struct Marks {
    pub(crate) vote: Option<Vec<u8>>,
    pub(crate) committed: Option<Vec<u8>>,
    pub(crate) purged: Option<Purged>,
    /// Oldest segment that is still needed.
    pub(crate) keep_from: u64,
}

impl Marks {
    pub(crate) fn note(&mut self, record: &Record, keep_from: u64) {
        match record {
            Record::Vote(vote) => self.vote = Some(vote.clone()),
            Record::Committed(committed) => self.committed = Some(committed.clone()),
            Record::PurgeUpTo(purged) => {
                if self.purged.as_ref().is_none_or(|before| before.index <= purged.index) {
                    self.purged = Some(purged.clone());
                }
                self.keep_from = self.keep_from.max(keep_from);
            }
            Record::Entry { .. } | Record::TruncateFrom(_) => {}
        }
    }

    fn records(&self) -> Vec<Record> {
        let vote = self.vote.clone().map(Record::Vote);
        let purged = self.purged.clone().map(Record::PurgeUpTo);
        let committed = self.committed.clone().map(Record::Committed);
        vote.into_iter().chain(purged).chain(committed).collect()
    }
}

/// A batch sealed for its place, not yet written.
struct Sealed {
    bytes: Vec<u8>,
    link: Link,
    /// One per record that the caller gave.
    places: Vec<Place>,
}

impl Log {
    /// Opens the log under `log/` of the disk, or begins one if there is none.
    ///
    /// A batch that a power cut interrupted is cut off; any other damage is an error and changes nothing.
    pub fn open(
        disk: Arc<dyn Disk>,
        identity: Identity,
        keyring: Arc<Keyring>,
        chance: Arc<dyn Chance>,
        options: LogOptions,
    ) -> Result<(Self, Recovered), RecoverError> {
        recover::open(disk, identity, keyring, chance, options)
    }

    /// Reads what this log holds, from any thread.
    pub fn reader(&self) -> LogReader {
        LogReader { view: Arc::clone(&self.view) }
    }

    /// Makes the records durable, all in order. On return they are, or an error says why not.
    pub fn append(&mut self, records: &[Record]) -> Result<(), LogError> {
        self.view.lock().check(records)?;
        let places = self.write(&records.iter().collect::<Vec<_>>())?;
        {
            let mut content = self.view.lock();
            for (record, place) in records.iter().zip(places) {
                let ticket = content.stage(record);
                if let Record::Entry { index, .. } = record {
                    content.settle(*index, ticket, place);
                }
            }
            content.evict();
        }
        self.tidy();
        Ok(())
    }

    /// One write and one sync; afterwards the records are durable, or the log is poisoned, or nothing happened at all
    /// ([`LogError::NoSpace`]). Returns where each record lies.
    pub(crate) fn write(&mut self, records: &[&Record]) -> Result<Vec<Place>, LogError> {
        if let Some(error) = &self.poisoned {
            return Err(error.clone());
        }
        if records.is_empty() {
            return Ok(Vec::new());
        }
        self.make_room(records)?;
        let sealed = self.seal(records);
        let segment = Arc::clone(&self.current().segment);
        let stopwatch = Stopwatch::start(self.measure);
        if let Err(error) = segment.file.write_at(self.position, &sealed.bytes) {
            return Err(self.write_failed(&segment, sealed.bytes.len(), error));
        }
        segment.file.sync().map_err(|error| self.poison("syncing", segment.number, error))?;

        self.position += sealed.bytes.len() as u64;
        self.link = sealed.link;
        for record in records {
            let keep_from = self.keep_from(record);
            self.marks.note(record, keep_from);
            if let Record::Entry { index, .. } = record {
                let current = self.kept.back_mut().expect("a log has a current segment");
                current.max_index = current.max_index.max(Some(*index));
            }
        }
        self.count(records.len(), &stopwatch);
        Ok(sealed.places)
    }

    /// What may wait until the batch is acknowledged: removes segments that are not needed, makes the next one ahead.
    pub(crate) fn tidy(&mut self) {
        if self.poisoned.is_some() {
            return;
        }
        self.remove_purged();
        let current = self.current().segment.size;
        if self.next.is_none() && self.position > current / 2 {
            if self.patience > 0 {
                self.patience -= 1;
                return;
            }
            let number = self.current().segment.number + 1;
            self.next = prepare(&*self.disk, number, self.options.segment_bytes).ok();
            self.patience = 64;
            self.view.lock().stats.low_space = self.next.is_none();
        }
    }

    fn remove_purged(&mut self) {
        let mut removed = false;
        while self.kept.len() > 1 && self.kept.front().is_some_and(|kept| kept.segment.number < self.marks.keep_from) {
            let number = self.kept[0].segment.number;
            // A segment that cannot be removed costs space and nothing else; it is tried again after the next batch.
            if remove_if_there(&*self.disk, &path_of(number)).is_err() {
                break;
            }
            self.kept.pop_front();
            self.view.lock().segments.remove(&number);
            removed = true;
        }
        if removed {
            let _ = self.disk.sync_dir(DIR); // a name that comes back after a crash is removed at the next start
            self.count_segments();
        }
    }

    /// The oldest segment still needed once `record`, if it is a purge, is durable.
    fn keep_from(&self, record: &Record) -> u64 {
        let Record::PurgeUpTo(purged) = record else { return 0 };
        let current = self.current().segment.number;
        let needed = self.kept.iter().find(|kept| kept.max_index.is_some_and(|max| max > purged.index));
        needed.map_or(current, |kept| kept.segment.number).max(self.marks.keep_from)
    }

    pub(crate) fn current(&self) -> &Kept {
        self.kept.back().expect("a log has a current segment")
    }

    /// Goes on to a new segment if the batch, and the marks that begin a segment, do not fit.
    fn make_room(&mut self, records: &[&Record]) -> Result<(), LogError> {
        let frames = |records: &mut dyn Iterator<Item = &Record>| -> u64 {
            records.map(|record| (OVERHEAD + record.plain_len()) as u64).sum()
        };
        let batch = frames(&mut records.iter().copied());
        let marks = frames(&mut self.marks.records().iter());
        let here = if self.position == HEADER_LEN as u64 { marks } else { 0 };
        let size = self.current().segment.size;
        // On a full disk the last eighth of the last segment is ballast: votes and purges still find room there.
        let grows = records.iter().any(|record| matches!(record, Record::Entry { .. }));
        let ballast = if grows && self.view.lock().stats.low_space { size / 8 } else { 0 };
        if self.position + here + batch + ballast <= size {
            return Ok(());
        }
        self.roll(HEADER_LEN as u64 + marks + batch)
    }

    /// Begins the next segment. Its header is durable before any record follows, so a header is whole or absent.
    fn roll(&mut self, needed: u64) -> Result<(), LogError> {
        let number = self.current().segment.number + 1;
        let size = needed.max(self.options.segment_bytes);
        let prepared = match self.next.take() {
            Some(prepared) if prepared.size >= needed => prepared,
            _ => prepare(&*self.disk, number, size).map_err(|error| {
                self.view.lock().stats.low_space |= is_no_space(&error);
                refused("making", number, error)
            })?,
        };
        let segment = begin(self, prepared).map_err(|error| self.poison("beginning", number, error))?;
        self.kept.push_back(segment);
        self.patience = 0;
        self.view.lock().stats.low_space = false;
        Ok(())
    }

    fn seal(&self, records: &[&Record]) -> Sealed {
        let segment = &self.current().segment;
        let marks = if self.position == HEADER_LEN as u64 { self.marks.records() } else { Vec::new() };
        let mut out = Sealed { bytes: Vec::new(), link: self.link, places: Vec::with_capacity(records.len()) };
        for record in marks.iter().chain(records.iter().copied()) {
            let flag = if out.bytes.is_empty() { BATCH_START } else { 0 };
            let (before, start) = (out.link, out.bytes.len());
            let plain = record.encode(self.keep_from(record));
            frame::seal(&mut out.bytes, segment, &mut out.link, record.kind() | flag, &plain, &*self.chance);
            out.places.push(Place {
                segment: segment.number,
                offset: self.position + start as u64,
                len: out.bytes.len() - start,
                before,
            });
        }
        out.places.drain(..marks.len());
        out
    }

    /// A failed write poisons, unless the disk was full and provably nothing of the batch was written.
    fn write_failed(&mut self, segment: &Segment, len: usize, error: io::Error) -> LogError {
        let mut behind = vec![0; len];
        let untouched = is_no_space(&error)
            && read_exact_at(&*segment.file, self.position, &mut behind).is_ok()
            && is_zero(&behind);
        if untouched {
            return LogError::NoSpace { segment: segment.number };
        }
        self.poison("writing", segment.number, error)
    }

    fn poison(&mut self, doing: &'static str, segment: u64, error: io::Error) -> LogError {
        let error = LogError::Io { doing, segment, source: Arc::new(error) };
        self.poisoned = Some(error.poison());
        error
    }

    fn count(&mut self, records: usize, stopwatch: &Stopwatch) {
        {
            let mut content = self.view.lock();
            content.stats.appends += 1;
            content.stats.records += records as u64;
            if let Some(took) = stopwatch.elapsed() {
                content.sync_times.add(took);
            }
        }
        self.count_segments();
    }

    pub(crate) fn count_segments(&self) {
        let mut content = self.view.lock();
        content.stats.segments = self.kept.len() as u64;
        let full: u64 = self.kept.iter().rev().skip(1).map(|kept| kept.segment.size).sum();
        content.stats.bytes = full + self.position;
    }
}

/// An error that leaves the log as it was.
fn refused(doing: &'static str, segment: u64, error: io::Error) -> LogError {
    if is_no_space(&error) {
        LogError::NoSpace { segment }
    } else {
        LogError::Io { doing, segment, source: Arc::new(error) }
    }
}

/// Writes and syncs a header into a prepared file and makes it the segment that `log` writes to.
pub(crate) fn begin(log: &mut Log, prepared: Prepared) -> io::Result<Kept> {
    let mut id = [0; 16];
    log.chance.fill(&mut id);
    let header = Header {
        epoch: log.keyring.dek().epoch(),
        number: prepared.number,
        first_seq: log.link.seq + 1,
        id,
        chain_before: log.link.chain,
    };
    let segment = Segment::begin(&log.identity, &log.keyring, &header, prepared.file, prepared.size)
        .expect("the keyring holds the key it hands out for writing");
    let (bytes, chain) = header.encode(&log.identity, &segment.cipher);
    segment.file.write_at(0, &bytes)?;
    segment.file.sync()?;
    let segment = Arc::new(segment);
    log.view.lock().segments.insert(segment.number, Arc::clone(&segment));
    log.link.chain = chain;
    log.position = HEADER_LEN as u64;
    Ok(Kept { segment, max_index: None })
}
