//! Where does the next batch find room? In the current segment, or in the next one; purged segments make way.

use std::io;
use std::sync::Arc;

use crate::error::{LogError, is_no_space};
use crate::frame::OVERHEAD;
use crate::log::{Kept, Log};
use crate::prepare::{Prepared, prepare, remove_if_there};
use crate::record::{Purged, Record};
use crate::segment::{DIR, HEADER_LEN, Header, LOG_FORMAT, Segment, path_of};

impl Log {
    /// Goes on to a new segment if the batch, and the marks that begin a segment, do not fit.
    pub(crate) fn make_room(&mut self, records: &[&Record]) -> Result<(), LogError> {
        let frames = |records: &mut dyn Iterator<Item = &Record>| -> u64 {
            records.map(|record| (OVERHEAD + record.plain_len()) as u64).sum()
        };
        let batch = frames(&mut records.iter().copied());
        let marks = frames(&mut self.marks.records().iter());
        let here = if self.is_at_head() { marks } else { 0 };
        let size = self.current().segment.size;
        let grows = records.iter().any(|record| matches!(record, Record::Entry { .. }));
        let low_space = self.view.lock().stats.low_space;
        let ballast = if grows && low_space { ballast_of(size) } else { 0 };
        if self.position + here + batch + ballast <= size {
            return Ok(());
        }
        self.begin_next(HEADER_LEN as u64 + marks + batch, self.options.segment_bytes)
    }

    /// Begins the next segment; if none is prepared that has room for `needed` bytes, one of `usual` bytes or more is made.
    /// Its header is durable before any record follows, so a header is whole or absent.
    pub(crate) fn begin_next(&mut self, needed: u64, usual: u64) -> Result<(), LogError> {
        let number = self.current().segment.number + 1;
        let size = needed.max(usual);
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

    /// What may wait until the batch is acknowledged: removes segments that are not needed, makes the next one ahead.
    pub(crate) fn tidy(&mut self) {
        if self.poisoned.is_some() {
            return;
        }
        self.remove_purged();
        let current = self.current().segment.size;
        let low_space = self.view.lock().stats.low_space;
        if self.next.is_none() && (self.position > current / 2 || low_space) {
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

    /// Tries at once to make the next segment if the last try failed, so that a disk with room again is noticed.
    pub(crate) fn look_for_room(&mut self) {
        self.patience = 0;
        self.tidy();
    }

    pub(crate) fn remove_purged(&mut self) {
        let older = self.kept.iter().take(self.kept.len() - 1);
        let numbers = older.map(|kept| kept.segment.number);
        let removed: Vec<u64> = numbers
            .take_while(|number| *number < self.marks.keep_from)
            .take_while(|number| remove_if_there(&*self.disk, &path_of(*number)).is_ok())
            .collect();
        // What cannot be removed, or could come back after a crash, still counts: the key of its epoch must stay. It is
        // tried again after the next batch.
        if removed.is_empty() || self.disk.sync_dir(DIR).is_err() {
            return;
        }
        self.kept.drain(..removed.len());
        {
            let mut content = self.view.lock();
            content.segments.retain(|number, _| !removed.contains(number));
        }
        self.count_segments();
    }

    /// The oldest segment still needed once `record`, if it is a purge, is durable.
    pub(crate) fn keep_from(&self, record: &Record) -> u64 {
        let Record::PurgeUpTo(purged) = record else { return 0 };
        self.needed(Some(purged)).max(self.marks.keep_from)
    }

    /// The oldest segment that an entry behind `purged` was written to, or the current one.
    pub(crate) fn needed(&self, purged: Option<&Purged>) -> u64 {
        let upto = purged.map(|purged| purged.index);
        let mut kept = self.kept.iter();
        let needed = kept.find(|kept| kept.max_index > upto).unwrap_or(self.current());
        needed.segment.number
    }
}

/// On a full disk the last eighth of the last segment is ballast: votes and purges still find room there.
pub(crate) fn ballast_of(size: u64) -> u64 {
    size / 8
}

/// An error that leaves the log as it was.
fn refused(doing: &'static str, segment: u64, error: io::Error) -> LogError {
    if is_no_space(&error) {
        LogError::NoSpace { segment }
    } else {
        LogError::Io {
            doing,
            segment,
            source: Arc::new(error),
        }
    }
}

/// Writes and syncs a header into a prepared file and makes it the segment that `log` writes to.
pub(crate) fn begin(log: &mut Log, prepared: Prepared) -> io::Result<Kept> {
    let mut id = [0; 16];
    log.chance.fill(&mut id);
    let dek = log.keyring.dek();
    let header = Header {
        format: LOG_FORMAT,
        epoch: dek.epoch(),
        number: prepared.number,
        first_seq: log.link.seq + 1,
        id,
        chain_before: log.link.chain,
        size: Some(prepared.size),
    };
    let segment = Segment::begin(&log.identity, &dek, &header, prepared.file, prepared.size);
    let (bytes, chain) = header.encode(&log.identity, &segment.cipher);
    segment.file.write_at(0, &bytes)?;
    segment.file.sync()?;
    let segment = Arc::new(segment);
    log.view.lock().segments.insert(segment.number, Arc::clone(&segment));
    log.link.chain = chain;
    log.position = HEADER_LEN as u64;
    Ok(Kept {
        segment,
        max_index: None,
        records: 0,
    })
}
