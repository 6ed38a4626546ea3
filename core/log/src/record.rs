//! What does the log remember? Votes, entries, and the marks that say which entries still count.

use std::sync::Arc;

/// One thing to remember. Opaque bytes belong to whoever speaks Raft.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The vote; replaces the one before.
    Vote(Vec<u8>),
    /// One entry. Indices ascend; to replace an entry, truncate first.
    Entry { term: u64, index: u64, payload: Arc<[u8]> },
    /// Forgets the entries from this index on.
    TruncateFrom(u64),
    /// Forgets the entries up to and including this index, because a durable snapshot holds them.
    PurgeUpTo(Purged),
    /// The committed mark; replaces the one before.
    Committed(Vec<u8>),
}

/// How far the log has been purged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Purged {
    pub index: u64,
    /// The whole log id, opaque here.
    pub id: Vec<u8>,
}

pub(crate) const VOTE: u8 = 1;
pub(crate) const ENTRY: u8 = 2;
pub(crate) const TRUNCATE: u8 = 3;
pub(crate) const PURGE: u8 = 4;
pub(crate) const COMMITTED: u8 = 5;
/// What the log writes for itself when it goes on under a new key: older segments that hold no entry in force may go.
pub(crate) const KEEP: u8 = 6;

/// What a plaintext says.
pub(crate) struct Decoded {
    /// `None` for what the log wrote for itself.
    pub(crate) record: Option<Record>,
    /// The oldest segment that is needed from then on.
    pub(crate) keep_from: Option<u64>,
}

impl Record {
    pub(crate) fn kind(&self) -> u8 {
        match self {
            Self::Vote(_) => VOTE,
            Self::Entry { .. } => ENTRY,
            Self::TruncateFrom(_) => TRUNCATE,
            Self::PurgeUpTo(_) => PURGE,
            Self::Committed(_) => COMMITTED,
        }
    }

    /// Bytes of the plaintext.
    pub(crate) fn plain_len(&self) -> usize {
        match self {
            Self::Vote(bytes) | Self::Committed(bytes) => bytes.len(),
            Self::Entry { payload, .. } => 16 + payload.len(),
            Self::TruncateFrom(_) => 8,
            Self::PurgeUpTo(purged) => 16 + purged.id.len(),
        }
    }

    /// The plaintext. A purge also names the oldest segment that is needed from then on.
    pub(crate) fn encode(&self, keep_from: u64) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.plain_len());
        match self {
            Self::Vote(bytes) | Self::Committed(bytes) => out.extend_from_slice(bytes),
            Self::Entry { term, index, payload } => {
                out.extend_from_slice(&term.to_le_bytes());
                out.extend_from_slice(&index.to_le_bytes());
                out.extend_from_slice(payload);
            }
            Self::TruncateFrom(index) => out.extend_from_slice(&index.to_le_bytes()),
            Self::PurgeUpTo(purged) => {
                out.extend_from_slice(&purged.index.to_le_bytes());
                out.extend_from_slice(&keep_from.to_le_bytes());
                out.extend_from_slice(&purged.id);
            }
        }
        out
    }

    /// `None`: not a plaintext of this format.
    pub(crate) fn decode(kind: u8, plain: &[u8]) -> Option<Decoded> {
        let number = |at: usize| Some(u64::from_le_bytes(*plain.get(at..)?.first_chunk()?));
        let record = match kind {
            VOTE => Self::Vote(plain.to_vec()),
            COMMITTED => Self::Committed(plain.to_vec()),
            ENTRY => Self::Entry {
                term: number(0)?,
                index: number(8)?,
                payload: plain.get(16..)?.into(),
            },
            TRUNCATE if plain.len() == 8 => Self::TruncateFrom(number(0)?),
            PURGE => Self::PurgeUpTo(Purged {
                index: number(0)?,
                id: plain.get(16..)?.to_vec(),
            }),
            KEEP if plain.len() == 8 => {
                return Some(Decoded {
                    record: None,
                    keep_from: number(0),
                });
            }
            _ => return None,
        };
        let keep_from = if kind == PURGE { number(8) } else { None };
        Some(Decoded {
            record: Some(record),
            keep_from,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_round_trips() {
        let records = [
            Record::Vote(vec![1, 2]),
            Record::Entry {
                term: 3,
                index: 4,
                payload: Arc::from(*b"payload"),
            },
            Record::TruncateFrom(5),
            Record::PurgeUpTo(Purged { index: 6, id: vec![7] }),
            Record::Committed(vec![]),
        ];
        for record in records {
            let plain = record.encode(9);
            assert_eq!(plain.len(), record.plain_len());
            let read = Record::decode(record.kind(), &plain).expect("round trip");
            assert_eq!(read.keep_from, matches!(record, Record::PurgeUpTo(_)).then_some(9));
            assert_eq!(read.record, Some(record));
        }
        let kept = Record::decode(KEEP, &9_u64.to_le_bytes()).expect("round trip");
        assert_eq!((kept.record, kept.keep_from), (None, Some(9)));
    }

    #[test]
    fn short_or_unknown_plaintexts_are_none() {
        for kind in 0..=255 {
            for len in 0..16 {
                let known = matches!(kind, VOTE | COMMITTED) || (matches!(kind, TRUNCATE | KEEP) && len == 8);
                assert_eq!(
                    Record::decode(kind, &vec![0; len]).is_some(),
                    known,
                    "kind {kind}, {len} bytes"
                );
            }
        }
    }
}
