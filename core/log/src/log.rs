//! How is something made sure of? Sealed into the current segment with one write and one sync, or refused.

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;

use wardroom_keys::{Chance, SharedKeyring};

use crate::Identity;
use crate::disk::{Disk, read_exact_at};
use crate::error::{LogError, RecoverError, is_no_space};
use crate::frame::{self, BATCH_START, Link};
use crate::marks::Marks;
use crate::prepare::Prepared;
use crate::reader::LogReader;
use crate::record::Record;
use crate::recover::{self, Recovered};
use crate::room::ballast_of;
use crate::segment::{HEADER_LEN, Segment, is_zero};
use crate::stats::Stopwatch;
use crate::view::{Place, View};

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
        Self {
            segment_bytes: 4 << 20,
            cache_bytes: 2 << 20,
        }
    }
}

/// The log's one writer. Use it directly, or hand it to a [`crate::Writer`] for group commit.
pub struct Log {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) identity: Identity,
    pub(crate) keyring: Arc<SharedKeyring>,
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
    /// Highest entry index that it may hold: of those written into it, the highest that was not truncated.
    pub(crate) max_index: Option<u64>,
    pub(crate) records: u64,
}

impl Kept {
    /// What a record says about which entries the segment holds. A truncation is told to the segments before it, too.
    pub(crate) fn note(&mut self, record: &Record) {
        match record {
            Record::Entry { index, .. } => self.max_index = self.max_index.max(Some(*index)),
            Record::TruncateFrom(index) => self.max_index = self.max_index.min(index.checked_sub(1)),
            _ => {}
        }
    }
}

/// A batch sealed for its place, not yet written.
pub(crate) struct Sealed {
    bytes: Vec<u8>,
    link: Link,
    places: Vec<Place>,
}

impl Log {
    /// Opens the log under `log/` of the disk, or begins one if there is none.
    ///
    /// A batch that a power cut interrupted is cut off; any other damage is an error and changes nothing.
    pub fn open(
        disk: Arc<dyn Disk>,
        identity: Identity,
        keyring: Arc<SharedKeyring>,
        chance: Arc<dyn Chance>,
        options: LogOptions,
    ) -> Result<(Self, Recovered), RecoverError> {
        recover::open(disk, identity, keyring, chance, options)
    }

    /// Reads what this log holds, from any thread.
    pub fn reader(&self) -> LogReader {
        LogReader {
            view: Arc::clone(&self.view),
        }
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
        let marks = if self.is_at_head() {
            self.marks.records()
        } else {
            Vec::new()
        };
        let all = marks.iter().chain(records.iter().copied());
        let sealed = self.seal(all.map(|record| (record.kind(), record.encode(self.keep_from(record)))));
        let mut places = self.put(sealed)?;
        places.drain(..marks.len()); // one is left for each record that the caller gave
        for record in records {
            self.marks.keep(self.keep_from(record));
            self.marks.note(record);
            self.note_kept(record);
        }
        self.view.lock().stats.records += records.len() as u64;
        Ok(places)
    }

    pub(crate) fn current(&self) -> &Kept {
        self.kept.back().expect("a log has a current segment")
    }

    /// An entry is in the current segment; what is truncated is in none.
    pub(crate) fn note_kept(&mut self, record: &Record) {
        let told = if matches!(record, Record::TruncateFrom(_)) {
            self.kept.len()
        } else {
            1
        };
        self.kept.iter_mut().rev().take(told).for_each(|kept| kept.note(record));
    }

    /// Whether the current segment holds no record yet.
    pub(crate) fn is_at_head(&self) -> bool {
        self.position == HEADER_LEN as u64
    }

    /// Writes a sealed batch and makes it durable. Returns where each record lies.
    pub(crate) fn put(&mut self, sealed: Sealed) -> Result<Vec<Place>, LogError> {
        let segment = Arc::clone(&self.current().segment);
        let stopwatch = Stopwatch::start(self.measure);
        if let Err(error) = segment.file.write_at(self.position, &sealed.bytes) {
            return Err(self.write_failed(&segment, sealed.bytes.len(), error));
        }
        segment
            .file
            .sync()
            .map_err(|error| self.poison("syncing", segment.number, error))?;
        self.position += sealed.bytes.len() as u64;
        self.link = sealed.link;
        let current = self.kept.back_mut().expect("a log has a current segment");
        current.records += sealed.places.len() as u64;
        self.count(&stopwatch);
        Ok(sealed.places)
    }

    /// Seals kinds and plaintexts as one batch for the current position.
    pub(crate) fn seal(&self, batch: impl Iterator<Item = (u8, Vec<u8>)>) -> Sealed {
        let segment = &self.current().segment;
        let mut out = Sealed {
            bytes: Vec::new(),
            link: self.link,
            places: Vec::new(),
        };
        for (kind, plain) in batch {
            let flag = if out.bytes.is_empty() { BATCH_START } else { 0 };
            let (before, start) = (out.link, out.bytes.len());
            frame::seal(
                &mut out.bytes,
                segment,
                &mut out.link,
                kind | flag,
                &plain,
                &*self.chance,
            );
            out.places.push(Place {
                segment: segment.number,
                offset: self.position + start as u64,
                len: out.bytes.len() - start,
                before,
            });
        }
        out
    }

    /// A failed write poisons, unless the disk was full and provably nothing of the batch was written.
    fn write_failed(&mut self, segment: &Segment, len: usize, error: io::Error) -> LogError {
        let mut behind = vec![0; len];
        let untouched = is_no_space(&error)
            && read_exact_at(&*segment.file, self.position, &mut behind).is_ok()
            && is_zero(&behind);
        if untouched {
            return LogError::NoSpace {
                segment: segment.number,
            };
        }
        self.poison("writing", segment.number, error)
    }

    pub(crate) fn poison(&mut self, doing: &'static str, segment: u64, error: io::Error) -> LogError {
        let error = LogError::Io {
            doing,
            segment,
            source: Arc::new(error),
        };
        self.poisoned = Some(error.poison());
        error
    }

    fn count(&mut self, stopwatch: &Stopwatch) {
        {
            let mut content = self.view.lock();
            content.stats.appends += 1;
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
        content.uses = self.uses();
        content.stats.epoch = self.current().segment.epoch;
        content.stats.oldest_epoch = content.uses.first().map_or(0, |oldest| oldest.epoch);
        let size = self.current().segment.size;
        content.room = size.saturating_sub(self.position + ballast_of(size));
    }
}
