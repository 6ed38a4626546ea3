//! How do Raft's words look on disk? Votes, log ids, entries and snapshot headers in an encoding of our own.
//!
//! Every encoding opens with a version byte, so that openraft can change its types without changing what is stored.
//! Integers are little-endian. Bytes that do not decode are an error and never a panic.

use std::collections::{BTreeMap, BTreeSet};

use openraft::{CommittedLeaderId, EntryPayload};
use serde::{Deserialize, Serialize};

use super::types::{Entry, LogId, Membership, Peer, Proposed, SnapshotMeta, StoredMembership, Vote};

const VERSION: u8 = 1;
const BLANK: u8 = 0;
const NORMAL: u8 = 1;
const MEMBERSHIP: u8 = 2;

/// Why bytes from disk or from a peer were not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DecodeError {
    #[error("raft encoding version {0} is not known to this program")]
    Version(u8),
    #[error("the {0} does not decode")]
    Malformed(&'static str),
}

/// A vote: version, term, node, committed.
pub(crate) fn vote(vote: &Vote) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(vote.leader_id.term.to_le_bytes());
    out.extend(vote.leader_id.node_id.to_le_bytes());
    out.push(u8::from(vote.committed));
    out
}

pub(crate) fn decode_vote(bytes: &[u8]) -> Result<Vote, DecodeError> {
    let (numbers, rest) = integers::<2>(versioned(bytes)?, "vote")?;
    let [committed @ (0 | 1)] = rest else {
        return Err(DecodeError::Malformed("vote"));
    };
    let mut vote = Vote::new(numbers[0], numbers[1]);
    vote.committed = *committed == 1;
    Ok(vote)
}

/// A log id: version, term, node, index.
pub(crate) fn log_id(id: &LogId) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(id.leader_id.term.to_le_bytes());
    out.extend(id.leader_id.node_id.to_le_bytes());
    out.extend(id.index.to_le_bytes());
    out
}

pub(crate) fn decode_log_id(bytes: &[u8]) -> Result<LogId, DecodeError> {
    match integers::<3>(versioned(bytes)?, "log id")? {
        ([term, node, index], []) => Ok(position(term, node, index)),
        _ => Err(DecodeError::Malformed("log id")),
    }
}

pub(crate) fn position(term: u64, node: u64, index: u64) -> LogId {
    LogId::new(CommittedLeaderId::new(term, node), index)
}

/// An entry as the log keeps it: version, the leader's node, then kind and body. Term and index stand beside it.
pub(crate) fn entry(entry: &Entry) -> Vec<u8> {
    let mut out = vec![VERSION];
    out.extend(entry.log_id.leader_id.node_id.to_le_bytes());
    body(&entry.payload, &mut out);
    out
}

pub(crate) fn decode_entry(term: u64, index: u64, bytes: &[u8]) -> Result<Entry, DecodeError> {
    let ([node], rest) = integers::<1>(versioned(bytes)?, "log entry")?;
    Ok(Entry {
        log_id: position(term, node, index),
        payload: decode_body(rest)?,
    })
}

/// The log id of an entry without its payload.
pub(crate) fn decode_entry_id(term: u64, index: u64, bytes: &[u8]) -> Result<LogId, DecodeError> {
    let ([node], _) = integers::<1>(versioned(bytes)?, "log entry")?;
    Ok(position(term, node, index))
}

/// A payload as managers send it: version, kind, body.
pub(crate) fn payload(payload: &EntryPayload<super::types::TypeConfig>) -> Vec<u8> {
    let mut out = vec![VERSION];
    body(payload, &mut out);
    out
}

pub(crate) fn decode_payload(bytes: &[u8]) -> Result<EntryPayload<super::types::TypeConfig>, DecodeError> {
    decode_body(versioned(bytes)?)
}

fn body(payload: &EntryPayload<super::types::TypeConfig>, out: &mut Vec<u8>) {
    match payload {
        EntryPayload::Blank => out.push(BLANK),
        EntryPayload::Normal(proposed) => {
            out.push(NORMAL);
            out.extend_from_slice(&proposed.0);
        }
        EntryPayload::Membership(members) => {
            out.push(MEMBERSHIP);
            out.extend(postcard_of(&Members::from(members)));
        }
    }
}

fn decode_body(bytes: &[u8]) -> Result<EntryPayload<super::types::TypeConfig>, DecodeError> {
    match bytes {
        [BLANK] => Ok(EntryPayload::Blank),
        [NORMAL, rest @ ..] => Ok(EntryPayload::Normal(Proposed(rest.to_vec()))),
        [MEMBERSHIP, rest @ ..] => {
            let members: Members = postcard_from(rest, "membership entry")?;
            Ok(EntryPayload::Membership(members.into()))
        }
        _ => Err(DecodeError::Malformed("log entry")),
    }
}

/// A stored membership: version, then where it stands in the log and what it is.
pub(crate) fn stored_membership(stored: &StoredMembership) -> Vec<u8> {
    let record = StoredMembers {
        at: stored.log_id().map(Position::from),
        members: stored.membership().into(),
    };
    [vec![VERSION], postcard_of(&record)].concat()
}

pub(crate) fn decode_stored_membership(bytes: &[u8]) -> Result<StoredMembership, DecodeError> {
    let record: StoredMembers = postcard_from(versioned(bytes)?, "membership")?;
    Ok(StoredMembership::new(record.at.map(LogId::from), record.members.into()))
}

/// A snapshot's header as it lies beside its data, with the time it was made (Unix milliseconds).
pub(crate) fn snapshot_header(meta: &SnapshotMeta, at_ms: i64) -> Vec<u8> {
    let record = Header {
        at_ms,
        last: meta.last_log_id.map(Position::from),
        membership: stored_membership(&meta.last_membership),
        id: meta.snapshot_id.clone(),
    };
    [vec![VERSION], postcard_of(&record)].concat()
}

pub(crate) fn decode_snapshot_header(bytes: &[u8]) -> Result<(SnapshotMeta, i64), DecodeError> {
    let record: Header = postcard_from(versioned(bytes)?, "snapshot header")?;
    let meta = SnapshotMeta {
        last_log_id: record.last.map(LogId::from),
        last_membership: decode_stored_membership(&record.membership)?,
        snapshot_id: record.id,
    };
    Ok((meta, record.at_ms))
}

#[derive(Serialize, Deserialize)]
struct Position(u64, u64, u64);

impl From<LogId> for Position {
    fn from(id: LogId) -> Self {
        Self(id.leader_id.term, id.leader_id.node_id, id.index)
    }
}

impl From<Position> for LogId {
    fn from(Position(term, node, index): Position) -> Self {
        position(term, node, index)
    }
}

#[derive(Serialize, Deserialize)]
struct Members {
    /// Voters; two sets while the membership is joint.
    configs: Vec<BTreeSet<u64>>,
    /// Raft id to address and node id, learners included.
    nodes: BTreeMap<u64, (String, String)>,
}

#[derive(Serialize, Deserialize)]
struct StoredMembers {
    at: Option<Position>,
    members: Members,
}

#[derive(Serialize, Deserialize)]
struct Header {
    at_ms: i64,
    last: Option<Position>,
    membership: Vec<u8>,
    id: String,
}

impl From<&Membership> for Members {
    fn from(membership: &Membership) -> Self {
        Self {
            configs: membership.get_joint_config().clone(),
            nodes: membership
                .nodes()
                .map(|(id, peer)| (*id, (peer.address.clone(), peer.node_id.clone())))
                .collect(),
        }
    }
}

impl From<Members> for Membership {
    fn from(members: Members) -> Self {
        let nodes: BTreeMap<u64, Peer> = members
            .nodes
            .into_iter()
            .map(|(id, (address, node_id))| (id, Peer { address, node_id }))
            .collect();
        Self::new(members.configs, nodes)
    }
}

fn versioned(bytes: &[u8]) -> Result<&[u8], DecodeError> {
    match bytes {
        [VERSION, rest @ ..] => Ok(rest),
        [other, ..] => Err(DecodeError::Version(*other)),
        [] => Err(DecodeError::Malformed("empty record")),
    }
}

fn integers<'a, const N: usize>(bytes: &'a [u8], what: &'static str) -> Result<([u64; N], &'a [u8]), DecodeError> {
    let mut rest = bytes;
    let mut out = [0; N];
    for number in &mut out {
        let (head, tail) = rest.split_first_chunk::<8>().ok_or(DecodeError::Malformed(what))?;
        *number = u64::from_le_bytes(*head);
        rest = tail;
    }
    Ok((out, rest))
}

fn postcard_of(value: &impl Serialize) -> Vec<u8> {
    postcard::to_allocvec(value).expect("plain data with known lengths always encodes")
}

fn postcard_from<'a, T: Deserialize<'a>>(bytes: &'a [u8], what: &'static str) -> Result<T, DecodeError> {
    match postcard::take_from_bytes(bytes) {
        Ok((value, [])) => Ok(value),
        _ => Err(DecodeError::Malformed(what)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Membership {
        let peer = |n: u64| Peer {
            address: format!("127.0.0.1:{n}"),
            node_id: format!("node{n}"),
        };
        let nodes: BTreeMap<u64, Peer> = [(1, peer(1)), (2, peer(2)), (u64::MAX, peer(3))].into();
        Membership::new(vec![[1, 2].into(), [1, u64::MAX].into()], nodes)
    }

    fn entries() -> Vec<Entry> {
        let at = position(7, 2, 41);
        [
            EntryPayload::Blank,
            EntryPayload::Normal(Proposed(Vec::new())),
            EntryPayload::Normal(Proposed(vec![1, 0, 255, 9])),
            EntryPayload::Membership(members()),
        ]
        .into_iter()
        .map(|payload| Entry { log_id: at, payload })
        .collect()
    }

    #[test]
    fn votes_and_log_ids_come_back() {
        for expected in [
            Vote::default(),
            Vote::new(3, 9),
            Vote::new_committed(u64::MAX, u64::MAX),
        ] {
            assert_eq!(decode_vote(&vote(&expected)), Ok(expected));
        }
        let id = position(3, 9, u64::MAX);
        assert_eq!(decode_log_id(&log_id(&id)), Ok(id));
    }

    #[test]
    fn entries_come_back_from_disk_and_wire() {
        for expected in entries() {
            let bytes = entry(&expected);
            assert_eq!(decode_entry(7, 41, &bytes).as_ref(), Ok(&expected));
            assert_eq!(decode_entry_id(7, 41, &bytes), Ok(expected.log_id));
            assert_eq!(
                decode_payload(&payload(&expected.payload)).as_ref(),
                Ok(&expected.payload)
            );
        }
    }

    #[test]
    fn snapshot_headers_come_back() {
        for last in [None, Some(position(2, 1, 5000))] {
            let expected = SnapshotMeta {
                last_log_id: last,
                last_membership: StoredMembership::new(last, members()),
                snapshot_id: "2-1-5000".into(),
            };
            assert_eq!(
                decode_snapshot_header(&snapshot_header(&expected, 17)),
                Ok((expected, 17))
            );
        }
    }

    #[test]
    fn every_prefix_and_every_longer_text_of_a_fixed_record_is_refused() {
        let whole = log_id(&position(1, 2, 3));
        for end in 0..whole.len() {
            assert!(decode_log_id(&whole[..end]).is_err(), "{end}");
            assert!(decode_vote(&whole[..end]).is_err() || end == 18, "{end}");
        }
        assert!(decode_log_id(&[whole, vec![0]].concat()).is_err());
        assert_eq!(decode_vote(&[9]), Err(DecodeError::Version(9)));
    }

    #[test]
    fn rubbish_is_an_error_and_never_a_panic() {
        let mut state = 0x9E37_79B9_7F4A_7C15_u64;
        for length in 0..2_000_usize {
            let bytes: Vec<u8> = std::iter::once(VERSION)
                .chain((0..length % 67).map(|_| {
                    state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    u8::try_from(state >> 56).expect("eight bits")
                }))
                .collect();
            let _ = (
                decode_vote(&bytes),
                decode_log_id(&bytes),
                decode_entry(1, 1, &bytes),
                decode_payload(&bytes),
            );
            let _ = (decode_stored_membership(&bytes), decode_snapshot_header(&bytes));
        }
    }

    #[test]
    fn every_flipped_bit_of_a_membership_is_an_error_or_another_membership() {
        let whole = stored_membership(&StoredMembership::new(Some(position(1, 1, 1)), members()));
        for bit in 0..whole.len() * 8 {
            let mut bytes = whole.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            if let Ok(other) = decode_stored_membership(&bytes) {
                assert!(other.membership().nodes().count() < 100);
            }
        }
    }
}
