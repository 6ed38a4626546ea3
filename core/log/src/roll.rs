//! How does the log go on under a new key? In a segment of its own, begun at once; what the old key sealed goes as soon as
//! nothing in it is needed.

use crate::error::LogError;
use crate::frame::OVERHEAD;
use crate::log::Log;
use crate::record::KEEP;
use crate::segment::HEADER_LEN;

/// Bytes of the segment that a roll makes if none was prepared: writes wait for it, so it is small.
const SMALL: u64 = 256 << 10;

/// Where the log stands after [`Log::roll`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rolled {
    /// Whose DEK seals everything from now on.
    pub epoch: u32,
    /// The highest entry index that stands under another epoch: once the log is purged up to it, nothing does any more.
    /// `None` when nothing does now.
    pub upto: Option<u64>,
}

/// What stands on the disk under one DEK.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct EpochUse {
    pub epoch: u32,
    pub segments: u64,
    /// Of the segments, as far as they are written.
    pub bytes: u64,
    pub records: u64,
}

impl Log {
    /// Goes on under the keyring's DEK: a new segment begins, durably, unless the current one is of that epoch already.
    /// Older segments without an entry in force go now, the others once a purge allows it.
    ///
    /// It costs a write and a sync each for the header and for the marks; asking again after a crash is safe.
    pub fn roll(&mut self) -> Result<Rolled, LogError> {
        if let Some(error) = &self.poisoned {
            return Err(error.clone());
        }
        let epoch = self.keyring.dek().epoch();
        if self.current().segment.epoch != epoch {
            let needed = HEADER_LEN as u64 + self.release_bytes();
            self.begin_next(needed, SMALL.min(self.options.segment_bytes))?;
        }
        let is_mixed = self.kept.iter().any(|kept| kept.segment.epoch != epoch);
        let goes = self.needed(self.marks.purged.as_ref()) > self.marks.keep_from;
        if is_mixed && (self.is_at_head() || goes) {
            self.release()?;
        }
        self.remove_purged();
        let others = self.kept.iter().filter(|kept| kept.segment.epoch != epoch);
        Ok(Rolled {
            epoch,
            upto: others.filter_map(|kept| kept.max_index).max(),
        })
    }

    /// Repeats the marks, and says behind them which segments are needed no more: whoever finds that has found the marks.
    fn release(&mut self) -> Result<(), LogError> {
        let bytes = self.release_bytes();
        if self.position + bytes > self.current().segment.size {
            self.begin_next(HEADER_LEN as u64 + bytes, self.options.segment_bytes)?;
        }
        let keep_from = self.needed(self.marks.purged.as_ref()).max(self.marks.keep_from);
        let marks = self.marks.records();
        let marks = marks.iter().map(|mark| (mark.kind(), mark.encode(keep_from)));
        let keep = (KEEP, keep_from.to_le_bytes().to_vec());
        let sealed = self.seal(marks.chain([keep]));
        self.put(sealed)?;
        self.marks.keep(keep_from);
        Ok(())
    }

    fn release_bytes(&self) -> u64 {
        let marks: usize = self
            .marks
            .records()
            .iter()
            .map(|mark| OVERHEAD + mark.plain_len())
            .sum();
        (marks + OVERHEAD + 8) as u64
    }

    /// By epoch, oldest first; an epoch's segments lie one behind the other.
    pub(crate) fn uses(&self) -> Vec<EpochUse> {
        let mut uses: Vec<EpochUse> = Vec::new();
        for kept in &self.kept {
            let is_current = kept.segment.number == self.current().segment.number;
            let bytes = if is_current { self.position } else { kept.segment.size };
            match uses.last_mut().filter(|last| last.epoch == kept.segment.epoch) {
                Some(last) => {
                    last.segments += 1;
                    last.bytes += bytes;
                    last.records += kept.records;
                }
                None => uses.push(EpochUse {
                    epoch: kept.segment.epoch,
                    segments: 1,
                    bytes,
                    records: kept.records,
                }),
            }
        }
        uses
    }
}
