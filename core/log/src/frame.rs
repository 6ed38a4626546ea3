//! How does a record lie in a segment? Framed, sealed, and chained to every record before it.

use wardroom_keys::{Chance, NONCE_LEN, TAG_LEN};

use crate::Identity;
use crate::segment::{Header, Segment};

/// `len u32 | kind u8 | epoch u32 | seq u64`: the part that the associated data covers.
const BOUND_LEN: usize = 17;
/// Bytes before the ciphertext.
pub(crate) const HEAD_LEN: usize = BOUND_LEN + NONCE_LEN;
/// Bytes a record takes besides its plaintext.
pub(crate) const OVERHEAD: usize = HEAD_LEN + TAG_LEN;
/// Largest `len`, checked before anything is allocated.
pub(crate) const LEN_MAX: usize = 16 << 20;
/// Set in `kind` of the first record of each batch: tells a torn last batch from damage before it.
pub(crate) const BATCH_START: u8 = 0x80;

/// Where a chain stands: what the next record must follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Link {
    /// Of the last record; the next one has `seq + 1`.
    pub(crate) seq: u64,
    pub(crate) chain: [u8; 32],
}

/// A record as it was read.
pub(crate) struct Framed {
    pub(crate) kind: u8,
    pub(crate) plain: Vec<u8>,
    /// The whole frame.
    pub(crate) len: usize,
    pub(crate) link: Link,
}

/// What every record's associated data begins with: domain, format and the segment's whole identity.
pub(crate) fn aad_prefix(identity: &Identity, header: &Header) -> Vec<u8> {
    let mut out = b"wardroom/log-record/v1".to_vec();
    out.extend_from_slice(&header.format.to_le_bytes());
    for id in [&identity.cluster, &identity.node] {
        out.extend_from_slice(&u32::try_from(id.len()).expect("ids are short").to_le_bytes());
        out.extend_from_slice(id.as_bytes());
    }
    out.extend_from_slice(&header.number.to_le_bytes());
    out.extend_from_slice(&header.id);
    out
}

/// Appends one sealed record to `out` and moves `link` on.
pub(crate) fn seal(out: &mut Vec<u8>, segment: &Segment, link: &mut Link, kind: u8, plain: &[u8], chance: &dyn Chance) {
    let seq = link.seq + 1;
    let len = u32::try_from(plain.len() + TAG_LEN).expect("records are checked against LEN_MAX before");
    let mut head = [0; HEAD_LEN];
    head[..4].copy_from_slice(&len.to_le_bytes());
    head[4] = kind;
    head[5..9].copy_from_slice(&segment.epoch.to_le_bytes());
    head[9..17].copy_from_slice(&seq.to_le_bytes());
    head[17..25].copy_from_slice(&seq.to_le_bytes());
    chance.fill(&mut head[25..]);
    let nonce = head[BOUND_LEN..].first_chunk().expect("the nonce ends the head");
    let sealed = segment.cipher.seal(nonce, &aad(segment, &head, &link.chain), plain);
    let tag = &sealed[plain.len()..];
    *link = Link {
        seq,
        chain: segment.cipher.chain(&link.chain, &head, tag),
    };
    out.extend_from_slice(&head);
    out.extend_from_slice(&sealed);
}

/// Opens the record at the start of `bytes`; the reason if it is not the one that follows `link`.
pub(crate) fn open(bytes: &[u8], segment: &Segment, link: &Link) -> Result<Framed, &'static str> {
    let head: &[u8; HEAD_LEN] = bytes.first_chunk().ok_or("the record is cut off")?;
    let len = claimed_len(bytes).ok_or("the record's length is impossible")?;
    let seq = link.seq + 1;
    if head[5..9] != segment.epoch.to_le_bytes() || head[9..17] != seq.to_le_bytes() || head[17..25] != head[9..17] {
        return Err("the record is not the one that belongs here");
    }
    let sealed = bytes[HEAD_LEN..].get(..len).ok_or("the record is cut off")?;
    let nonce = head[BOUND_LEN..].first_chunk().expect("the nonce ends the head");
    let plain = segment.cipher.open(nonce, &aad(segment, head, &link.chain), sealed);
    let plain = plain.map_err(|_| "the record does not authenticate")?;
    let chain = segment.cipher.chain(&link.chain, head, &sealed[len - TAG_LEN..]);
    Ok(Framed {
        kind: head[4] & !BATCH_START,
        plain,
        len: HEAD_LEN + len,
        link: Link { seq, chain },
    })
}

/// Whether `bytes` are the record that follows `link`, complete but for its length field.
pub(crate) fn is_whole(bytes: &[u8], segment: &Segment, link: &Link) -> bool {
    let Some(len) = bytes
        .len()
        .checked_sub(HEAD_LEN)
        .and_then(|len| u32::try_from(len).ok())
    else {
        return false;
    };
    let mut mended = bytes.to_vec();
    mended[..4].copy_from_slice(&len.to_le_bytes());
    open(&mended, segment, link).is_ok()
}

/// Bytes after the head that the record at the start of `bytes` claims, if that is possible at all.
pub(crate) fn claimed_len(bytes: &[u8]) -> Option<usize> {
    let len = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    (TAG_LEN..=LEN_MAX).contains(&len).then_some(len)
}

fn aad(segment: &Segment, head: &[u8; HEAD_LEN], chain: &[u8; 32]) -> Vec<u8> {
    let mut out = Vec::with_capacity(segment.aad.len() + BOUND_LEN + 32);
    out.extend_from_slice(&segment.aad);
    out.extend_from_slice(&head[..BOUND_LEN]);
    out.extend_from_slice(chain);
    out
}

/// Refuses what could not be framed.
pub(crate) fn check_len(record: &crate::Record) -> Result<(), crate::LogError> {
    let bytes = record.plain_len() + TAG_LEN;
    if bytes > LEN_MAX {
        Err(crate::LogError::TooLarge { bytes })
    } else {
        Ok(())
    }
}
