//! Was the machine cut off while writing, or did the disk lose something? Only the first may be repaired in silence.
//!
//! A segment is zero-filled before use and never reused, and a batch is written only after the one before it is on
//! the disk. So what a power cut leaves behind is zeros where sectors of the *last* batch never arrived. Anything else
//! is damage.

use crate::frame::{BATCH_START, HEAD_LEN, claimed_len};
use crate::record::{KEEP, VOTE};
use crate::segment::is_zero;

const SECTOR: usize = 512;
/// More zeros in a row than a record ever has: what ends in so many does not go on behind them.
const RUN: usize = 12;
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

/// What should have come next.
pub(crate) struct Expected {
    pub(crate) epoch: u32,
    pub(crate) seq: u64,
}

/// Judges `bytes` from `at` on, where the expected record does not begin or is not valid.
///
/// `is_whole(end)` tells whether the bytes up to `end` are that record, complete but for its length field.
pub(crate) fn judge(bytes: &[u8], at: usize, expected: &Expected, is_whole: impl Fn(usize) -> bool) -> Tail {
    let rest = bytes.get(at..).unwrap_or_default();
    if is_zero(rest) {
        return Tail::Clean;
    }
    let end = at + rest.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    let claimed_end = claimed_len(rest).map(|len| at + HEAD_LEN + len);
    let extent = claimed_end.map_or(end, |claimed| claimed.max(end)).min(bytes.len());
    let only_length_is_wrong = || {
        let first_sector_is_there = !is_zero(&bytes[at..next_sector(at).min(bytes.len())]);
        first_sector_is_there && (end..(end + RUN).min(bytes.len())).any(&is_whole)
    };
    let torn = lost_a_sector(bytes, at, extent)
        && !contradicted(rest, claimed_end.map(|claimed| claimed - at), expected)
        && !only_length_is_wrong();
    if torn { Tail::Torn { end } } else { Tail::Damaged }
}

fn next_sector(at: usize) -> usize {
    (at / SECTOR + 1) * SECTOR
}

/// Whether some sector's share of `from..to` never arrived: it is all zero, and what was written before it goes right up
/// to it. (Zeros behind the end of what was written are no loss, whatever a damaged length claims.)
fn lost_a_sector(bytes: &[u8], from: usize, to: usize) -> bool {
    let mut at = from;
    let mut goes_on = true;
    while at < to {
        let end = next_sector(at).min(to);
        let share = &bytes[at..end];
        if is_zero(share) {
            if goes_on {
                return true;
            }
        } else {
            goes_on = !is_zero(&share[share.len().saturating_sub(RUN)..]);
        }
        at = end;
    }
    false
}

/// Whether `rest` holds the head of a record that a torn batch cannot have there: one of a later batch, which was
/// written only after this one was on the disk, or the next one at another place than the length of this one says.
fn contradicted(rest: &[u8], claimed_end: Option<usize>, expected: &Expected) -> bool {
    let epoch = expected.epoch.to_le_bytes();
    rest.windows(17).enumerate().any(|(at, head)| {
        let kind = head[4];
        if head[5..9] != epoch || !(VOTE..=KEEP).contains(&(kind & !BATCH_START)) {
            return false;
        }
        let Some(seq) = head[9..].first_chunk().map(|seq| u64::from_le_bytes(*seq)) else {
            return false;
        };
        let ahead = seq.wrapping_sub(expected.seq);
        let later_batch = kind & BATCH_START != 0 && (1..BATCH_SEQS_MAX).contains(&ahead);
        let misplaced = ahead == 1 && claimed_end.is_some_and(|end| end != at);
        later_batch || misplaced
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(bytes: &[u8], at: usize) -> Tail {
        judge(bytes, at, &Expected { epoch: 1, seq: 5 }, |_| false)
    }

    fn start_of_batch(seq: u64) -> Vec<u8> {
        let mut head = vec![100, 0, 0, 0, BATCH_START | VOTE, 1, 0, 0, 0];
        head.extend_from_slice(&seq.to_le_bytes());
        head
    }

    #[test]
    fn zeros_are_a_clean_end() {
        assert_eq!(judged(&[0; 2048], 100), Tail::Clean);
        assert_eq!(judged(&[0; 2048], 2048), Tail::Clean);
    }

    #[test]
    fn a_lost_sector_in_the_last_batch_is_a_torn_write() {
        let mut bytes = vec![0; 4096];
        bytes[1024..1300].fill(7); // the batch began at 600 and its first sector never arrived
        assert_eq!(judged(&bytes, 600), Tail::Torn { end: 1300 });
    }

    #[test]
    fn a_record_without_a_lost_sector_is_damage() {
        let mut bytes = vec![0; 4096];
        bytes[600..617].copy_from_slice(&start_of_batch(5));
        bytes[617..600 + HEAD_LEN + 100].fill(7);
        assert_eq!(judged(&bytes, 600), Tail::Damaged);
    }

    #[test]
    fn a_lost_sector_before_a_later_batch_is_damage() {
        let mut bytes = vec![0; 4096];
        bytes[1100..1117].copy_from_slice(&start_of_batch(9));
        assert_eq!(judged(&bytes, 512), Tail::Damaged);
        bytes[1100..1117].copy_from_slice(&start_of_batch(5));
        assert_eq!(judged(&bytes, 512), Tail::Torn { end: 1110 });
    }

    #[test]
    fn a_length_that_claims_the_zeros_behind_is_damage() {
        let mut bytes = vec![0; 4096];
        bytes[600..617].copy_from_slice(&start_of_batch(5));
        bytes[617..900].fill(7);
        bytes[601] = 8; // 2148 bytes instead of 100
        assert_eq!(judged(&bytes, 600), Tail::Damaged);
        bytes[617..1024].fill(7); // now the record seems to go on into the sector that is zero
        assert_eq!(judged(&bytes, 600), Tail::Torn { end: 1024 });
        let whole = judge(&bytes, 600, &Expected { epoch: 1, seq: 5 }, |end| end == 1024);
        assert_eq!(whole, Tail::Damaged);
        bytes[803..820].copy_from_slice(&start_of_batch(6));
        bytes[807] = VOTE; // the next record of the same batch, not where the length says
        assert_eq!(judged(&bytes, 600), Tail::Damaged);
    }
}
