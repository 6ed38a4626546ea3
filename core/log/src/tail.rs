//! Was the machine cut off while writing, or did the disk lose something? Only the first may be repaired in silence.
//!
//! A segment is zero-filled before use and never reused, and a batch is written only after the one before it is on
//! the disk. So what a power cut leaves behind is zeros where sectors of the *last* batch never arrived. Anything else
//! is damage.

use crate::frame::{BATCH_START, HEAD_LEN, claimed_len};
use crate::record::{COMMITTED, VOTE};
use crate::segment::is_zero;

const SECTOR: usize = 512;
/// Far more records than one batch holds.
const BATCH_SEQS_MAX: u64 = 1 << 24;

/// What stands after the last valid record of the last segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tail {
    /// Zeros to the end.
    Clean,
    /// A batch that never finished: the bytes up to `end` are to be overwritten with zeros.
    Torn { end: usize },
    /// Something that was written once and is not there any more.
    Damaged,
}

/// Judges `bytes` from `at` on, where no valid record with sequence `next_seq` begins.
pub(crate) fn judge(bytes: &[u8], at: usize, epoch: u32, next_seq: u64) -> Tail {
    let rest = bytes.get(at..).unwrap_or_default();
    if is_zero(rest) {
        return Tail::Clean;
    }
    let written_end = at + rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let claimed_end = claimed_len(rest).map_or(at, |len| at + HEAD_LEN + len);
    let extent = written_end.max(claimed_end).min(bytes.len());
    if has_lost_sector(bytes, at, extent) && !has_later_batch(rest, epoch, next_seq) {
        Tail::Torn { end: written_end }
    } else {
        Tail::Damaged
    }
}

/// Whether some sector's share of `from..to` is all zero.
fn has_lost_sector(bytes: &[u8], from: usize, to: usize) -> bool {
    let mut at = from;
    while at < to {
        let end = ((at / SECTOR + 1) * SECTOR).min(to);
        if is_zero(&bytes[at..end]) {
            return true;
        }
        at = end;
    }
    false
}

/// Whether a batch begins in `rest` that can only have been written after `next_seq` was on the disk.
fn has_later_batch(rest: &[u8], epoch: u32, next_seq: u64) -> bool {
    let epoch = epoch.to_le_bytes();
    rest.windows(13).any(|window| {
        let kind = window[0];
        kind & BATCH_START != 0
            && (VOTE..=COMMITTED).contains(&(kind & !BATCH_START))
            && window[1..5] == epoch
            && window[5..].first_chunk().is_some_and(|seq| {
                let ahead = u64::from_le_bytes(*seq).wrapping_sub(next_seq);
                (1..BATCH_SEQS_MAX).contains(&ahead)
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn start_of_batch(seq: u64) -> Vec<u8> {
        let mut head = vec![100, 0, 0, 0, BATCH_START | VOTE, 1, 0, 0, 0];
        head.extend_from_slice(&seq.to_le_bytes());
        head
    }

    #[test]
    fn zeros_are_a_clean_end() {
        assert_eq!(judge(&[0; 2048], 100, 1, 5), Tail::Clean);
        assert_eq!(judge(&[0; 2048], 2048, 1, 5), Tail::Clean);
    }

    #[test]
    fn a_lost_sector_in_the_last_batch_is_a_torn_write() {
        let mut bytes = vec![0; 4096];
        bytes[1024..1300].fill(7); // the batch began at 600 and its first sector never arrived
        assert_eq!(judge(&bytes, 600, 1, 5), Tail::Torn { end: 1300 });
    }

    #[test]
    fn a_record_without_a_lost_sector_is_damage() {
        let mut bytes = vec![0; 4096];
        bytes[600..617].copy_from_slice(&start_of_batch(5));
        bytes[617..600 + HEAD_LEN + 100].fill(7);
        assert_eq!(judge(&bytes, 600, 1, 5), Tail::Damaged);
    }

    #[test]
    fn a_lost_sector_before_a_later_batch_is_damage() {
        let mut bytes = vec![0; 4096];
        bytes[1100..1117].copy_from_slice(&start_of_batch(9));
        assert_eq!(judge(&bytes, 512, 1, 5), Tail::Damaged);
        bytes[1100..1117].copy_from_slice(&start_of_batch(5));
        assert_eq!(judge(&bytes, 512, 1, 5), Tail::Torn { end: 1110 });
    }
}
