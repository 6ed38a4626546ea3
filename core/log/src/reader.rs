//! How are entries read back? From memory while they are young, else from their segment, authenticated again.

use std::ops::RangeBounds;
use std::sync::Arc;

use crate::disk::read_exact_at;
use crate::error::LogError;
use crate::frame;
use crate::record::{Decoded, Purged, Record};
use crate::roll::EpochUse;
use crate::segment::Segment;
use crate::stats::LogStats;
use crate::view::{Place, View};

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    pub index: u64,
    pub term: u64,
    pub payload: Arc<[u8]>,
}

/// Reads what was submitted, durable or not. Clones see the same log.
#[derive(Clone)]
pub struct LogReader {
    pub(crate) view: Arc<View>,
}

enum Found {
    InMemory(LogEntry),
    OnDisk {
        index: u64,
        segment: Arc<Segment>,
        place: Place,
    },
}

impl LogReader {
    /// The entries in a range, as far as they exist.
    pub fn read(&self, range: impl RangeBounds<u64>) -> Result<Vec<LogEntry>, LogError> {
        self.read_limited(range, usize::MAX)
    }

    /// Like [`LogReader::read`], but stops once `max_bytes` of payload are collected; the first entry always comes.
    pub fn read_limited(&self, range: impl RangeBounds<u64>, max_bytes: usize) -> Result<Vec<LogEntry>, LogError> {
        let mut out = Vec::new();
        for found in self.find(range, max_bytes) {
            match found {
                Found::InMemory(entry) => out.push(entry),
                Found::OnDisk { index, segment, place } => match read_entry(&segment, &place, index) {
                    Ok(entry) => out.push(entry),
                    // A purge may take the segment away between the look-up and the read; then the entry is gone too.
                    Err(_) if !self.view.lock().entries.contains_key(&index) => {}
                    Err(error) => return Err(error),
                },
            }
        }
        Ok(out)
    }

    /// First and last index of the live entries.
    pub fn bounds(&self) -> Option<(u64, u64)> {
        let content = self.view.lock();
        Some((*content.entries.keys().next()?, content.last_index()?))
    }

    /// Term of an entry, without reading it.
    pub fn term(&self, index: u64) -> Option<u64> {
        self.view.lock().entries.get(&index).map(|slot| slot.term)
    }

    pub fn vote(&self) -> Option<Vec<u8>> {
        self.view.lock().vote.clone()
    }

    pub fn committed(&self) -> Option<Vec<u8>> {
        self.view.lock().committed.clone()
    }

    pub fn purged(&self) -> Option<Purged> {
        self.view.lock().purged.clone()
    }

    pub fn stats(&self) -> LogStats {
        let content = self.view.lock();
        let (fsync_p50_us, fsync_p99_us) = content.sync_times.percentiles();
        LogStats {
            fsync_p50_us,
            fsync_p99_us,
            ..content.stats
        }
    }

    /// What stands on the disk under each DEK, oldest epoch first.
    pub fn uses(&self) -> Vec<EpochUse> {
        self.view.lock().uses.clone()
    }

    /// `None` while the disk has room. Otherwise the bytes that entries, their overhead included, may still take: for
    /// more there is no segment, and an append that does not fit closes the log.
    pub fn room(&self) -> Option<u64> {
        let content = self.view.lock();
        content.stats.low_space.then_some(content.room)
    }

    fn find(&self, range: impl RangeBounds<u64>, max_bytes: usize) -> Vec<Found> {
        let content = self.view.lock();
        let mut found = Vec::new();
        let mut bytes = 0_usize;
        for (index, slot) in range_of(&content.entries, range) {
            let (item, len) = match (&slot.payload, slot.place) {
                (Some(payload), _) => {
                    let entry = LogEntry {
                        index: *index,
                        term: slot.term,
                        payload: Arc::clone(payload),
                    };
                    (Found::InMemory(entry), payload.len())
                }
                (None, Some(place)) => {
                    let Some(segment) = content.segments.get(&place.segment) else {
                        continue;
                    };
                    (
                        Found::OnDisk {
                            index: *index,
                            segment: Arc::clone(segment),
                            place,
                        },
                        place.len,
                    )
                }
                (None, None) => continue, // a payload leaves memory only once it has a place
            };
            bytes = bytes.saturating_add(len);
            if bytes > max_bytes && !found.is_empty() {
                break;
            }
            found.push(item);
        }
        found
    }
}

/// `BTreeMap::range` panics on an empty range such as `5..3`; Raft may ask for one.
fn range_of<T>(
    map: &std::collections::BTreeMap<u64, T>,
    range: impl RangeBounds<u64>,
) -> impl Iterator<Item = (&u64, &T)> {
    use std::ops::Bound::{Excluded, Included, Unbounded};
    let from = match range.start_bound() {
        Included(from) => Some(*from),
        Excluded(from) => from.checked_add(1),
        Unbounded => Some(0),
    };
    let to = match range.end_bound() {
        Included(to) => Some(*to),
        Excluded(to) => to.checked_sub(1),
        Unbounded => Some(u64::MAX),
    };
    let bounds = from.zip(to).filter(|(from, to)| from <= to);
    bounds.into_iter().flat_map(move |(from, to)| map.range(from..=to))
}

fn read_entry(segment: &Segment, place: &Place, index: u64) -> Result<LogEntry, LogError> {
    let mut bytes = vec![0; place.len];
    read_exact_at(&*segment.file, place.offset, &mut bytes).map_err(|error| LogError::Io {
        doing: "reading",
        segment: segment.number,
        source: Arc::new(error),
    })?;
    let damaged = || LogError::Damaged {
        segment: segment.number,
        index,
    };
    let framed = frame::open(&bytes, segment, &place.before).map_err(|_| damaged())?;
    match Record::decode(framed.kind, &framed.plain) {
        Some(Decoded {
            record:
                Some(Record::Entry {
                    term,
                    index: found,
                    payload,
                }),
            ..
        }) if found == index => Ok(LogEntry { index, term, payload }),
        _ => Err(damaged()),
    }
}
