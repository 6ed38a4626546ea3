//! What does the log hold right now? The state in memory that the writer changes and readers look at.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::error::LogError;
use crate::record::{Purged, Record};
use crate::roll::EpochUse;
use crate::segment::Segment;
use crate::stats::{LogStats, SyncTimes};

/// Shared between one writer and any number of readers.
#[derive(Default)]
pub(crate) struct View(Mutex<Content>);

/// Includes what is submitted but not yet durable: Raft must be able to read an entry while its write is on the way.
#[derive(Default)]
pub(crate) struct Content {
    pub(crate) vote: Option<Vec<u8>>,
    pub(crate) committed: Option<Vec<u8>>,
    pub(crate) purged: Option<Purged>,
    pub(crate) entries: BTreeMap<u64, Slot>,
    pub(crate) segments: BTreeMap<u64, Arc<Segment>>,
    pub(crate) cache_limit: usize,
    cached_bytes: usize,
    /// No entry below has its payload in memory.
    cached_from: u64,
    next_ticket: u64,
    pub(crate) stats: LogStats,
    pub(crate) uses: Vec<EpochUse>,
    /// Bytes of the current segment that entries may still take.
    pub(crate) room: u64,
    pub(crate) sync_times: SyncTimes,
    /// Set once the writer has failed.
    pub(crate) poisoned: Option<LogError>,
}

/// One live entry.
pub(crate) struct Slot {
    pub(crate) term: u64,
    /// Tells this write of the index from another one after a truncation.
    ticket: u64,
    /// `None`: only on disk.
    pub(crate) payload: Option<Arc<[u8]>>,
    /// `None`: not durable yet.
    pub(crate) place: Option<Place>,
}

/// Where a durable entry lies, and what its record follows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) segment: u64,
    pub(crate) offset: u64,
    /// The whole frame.
    pub(crate) len: usize,
    pub(crate) before: crate::frame::Link,
}

impl View {
    pub(crate) fn new(cache_limit: usize) -> Self {
        Self(Mutex::new(Content {
            cache_limit,
            ..Content::default()
        }))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Content> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    pub(crate) fn last_index(&self) -> Option<u64> {
        self.entries.keys().next_back().copied()
    }

    /// Whether the records may follow what is here, one after the other.
    pub(crate) fn check(&self, records: &[Record]) -> Result<(), LogError> {
        if let Some(error) = &self.poisoned {
            return Err(error.clone());
        }
        let floor = self.purged.as_ref().map(|purged| purged.index);
        let mut last = self.last_index().max(floor);
        for record in records {
            crate::frame::check_len(record)?;
            match record {
                Record::Entry { index, .. } => {
                    if let Some(last) = last.filter(|last| index <= last) {
                        return Err(LogError::OutOfOrder { index: *index, last });
                    }
                    last = Some(*index);
                }
                Record::TruncateFrom(index) => last = last.min(index.checked_sub(1)).max(floor),
                Record::PurgeUpTo(purged) => last = last.max(Some(purged.index)),
                Record::Vote(_) | Record::Committed(_) => {}
            }
        }
        Ok(())
    }

    /// Makes a record visible. Returns the ticket that [`Content::settle`] wants once it is durable.
    pub(crate) fn stage(&mut self, record: &Record) -> u64 {
        self.next_ticket += 1;
        match record {
            Record::Vote(vote) => self.vote = Some(vote.clone()),
            Record::Committed(committed) => self.committed = Some(committed.clone()),
            Record::Entry { term, index, payload } => {
                self.cached_bytes += payload.len();
                self.cached_from = self.cached_from.min(*index);
                let slot = Slot {
                    term: *term,
                    ticket: self.next_ticket,
                    payload: Some(Arc::clone(payload)),
                    place: None,
                };
                self.replace(*index, slot);
            }
            Record::TruncateFrom(index) => {
                let gone = self.entries.split_off(index);
                self.forget(gone);
            }
            Record::PurgeUpTo(purged) => {
                let kept = purged
                    .index
                    .checked_add(1)
                    .map(|next| self.entries.split_off(&next))
                    .unwrap_or_default();
                let gone = std::mem::replace(&mut self.entries, kept);
                self.forget(gone);
                if self.purged.as_ref().is_none_or(|before| before.index <= purged.index) {
                    self.purged = Some(purged.clone());
                }
            }
        }
        self.next_ticket
    }

    /// Notes where a staged entry lies now that it is durable, unless it was replaced meanwhile.
    pub(crate) fn settle(&mut self, index: u64, ticket: u64, place: Place) {
        if let Some(slot) = self.entries.get_mut(&index).filter(|slot| slot.ticket == ticket) {
            slot.place = Some(place);
        }
    }

    /// Drops the oldest payloads from memory until the limit holds; those not yet durable stay.
    pub(crate) fn evict(&mut self) {
        while self.cached_bytes > self.cache_limit {
            let Some((index, slot)) = self.entries.range_mut(self.cached_from..).next() else {
                return;
            };
            if slot.place.is_none() {
                return;
            }
            self.cached_bytes -= slot.payload.take().map_or(0, |payload| payload.len());
            self.cached_from = index + 1;
        }
    }

    fn replace(&mut self, index: u64, slot: Slot) {
        if let Some(before) = self.entries.insert(index, slot) {
            self.cached_bytes -= before.payload.map_or(0, |payload| payload.len());
        }
    }

    fn forget(&mut self, gone: BTreeMap<u64, Slot>) {
        for slot in gone.into_values() {
            self.cached_bytes -= slot.payload.map_or(0, |payload| payload.len());
        }
        self.cached_from = self.cached_from.min(self.last_index().map_or(0, |last| last + 1));
    }
}
