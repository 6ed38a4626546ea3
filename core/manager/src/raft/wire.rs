//! How do Raft's messages look between managers? The conversions between openraft's types and the protos.
//!
//! What a peer sends is checked here: a message with a missing part is refused as malformed and never guessed at.

use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, VoteRequest, VoteResponse};
use wardroom_api::v1;
use wardroom_api::v1::append_response::Outcome;

use super::encode::{self, DecodeError};
use super::types::{Entry, LogId, SnapshotMeta, TypeConfig, Vote};

pub(crate) fn vote(vote: &Vote) -> v1::VoteId {
    v1::VoteId {
        term: vote.leader_id.term,
        node: vote.leader_id.node_id,
        committed: vote.committed,
    }
}

pub(crate) fn vote_from(message: Option<v1::VoteId>) -> Result<Vote, DecodeError> {
    let message = message.ok_or(DecodeError::Malformed("vote of a message"))?;
    let mut vote = Vote::new(message.term, message.node);
    vote.committed = message.committed;
    Ok(vote)
}

fn position(id: LogId) -> v1::LogPosition {
    v1::LogPosition {
        term: id.leader_id.term,
        node: id.leader_id.node_id,
        index: id.index,
    }
}

fn position_from(message: v1::LogPosition) -> LogId {
    encode::position(message.term, message.node, message.index)
}

pub(crate) fn append(request: &AppendEntriesRequest<TypeConfig>) -> v1::AppendRequest {
    v1::AppendRequest {
        vote: Some(vote(&request.vote)),
        previous: request.prev_log_id.map(position),
        committed: request.leader_commit.map(position),
        entries: request
            .entries
            .iter()
            .map(|entry| v1::Entry {
                position: Some(position(entry.log_id)),
                payload: encode::payload(&entry.payload),
            })
            .collect(),
    }
}

/// Also checks that the entries follow each other and the previous one, so that no message can leave a hole.
pub(crate) fn append_from(message: v1::AppendRequest) -> Result<AppendEntriesRequest<TypeConfig>, DecodeError> {
    let prev_log_id = message.previous.map(position_from);
    let mut next = prev_log_id.map_or(0, |id| id.index.saturating_add(1));
    let mut entries = Vec::with_capacity(message.entries.len());
    for entry in message.entries {
        let log_id = position_from(entry.position.ok_or(DecodeError::Malformed("position of an entry"))?);
        if log_id.index != next {
            return Err(DecodeError::Malformed("sequence of entries"));
        }
        next = next.saturating_add(1);
        entries.push(Entry {
            log_id,
            payload: encode::decode_payload(&entry.payload)?,
        });
    }
    Ok(AppendEntriesRequest {
        vote: vote_from(message.vote)?,
        prev_log_id,
        entries,
        leader_commit: message.committed.map(position_from),
    })
}

pub(crate) fn append_answer(answer: &AppendEntriesResponse<u64>) -> v1::AppendResponse {
    let outcome = match answer {
        AppendEntriesResponse::Success => Some(Outcome::Success(true)),
        AppendEntriesResponse::PartialSuccess(matched) => matched.map(|id| Outcome::Partial(position(id))),
        AppendEntriesResponse::Conflict => Some(Outcome::Conflict(true)),
        AppendEntriesResponse::HigherVote(higher) => Some(Outcome::HigherVote(vote(higher))),
    };
    v1::AppendResponse { outcome }
}

pub(crate) fn append_answer_from(message: v1::AppendResponse) -> Result<AppendEntriesResponse<u64>, DecodeError> {
    Ok(
        match message.outcome.ok_or(DecodeError::Malformed("answer to an append"))? {
            Outcome::Success(_) => AppendEntriesResponse::Success,
            Outcome::Partial(matched) => AppendEntriesResponse::PartialSuccess(Some(position_from(matched))),
            Outcome::Conflict(_) => AppendEntriesResponse::Conflict,
            Outcome::HigherVote(higher) => AppendEntriesResponse::HigherVote(vote_from(Some(higher))?),
        },
    )
}

pub(crate) fn ballot(request: &VoteRequest<u64>) -> v1::VoteRequest {
    v1::VoteRequest {
        vote: Some(vote(&request.vote)),
        last: request.last_log_id.map(position),
    }
}

pub(crate) fn ballot_from(message: v1::VoteRequest) -> Result<VoteRequest<u64>, DecodeError> {
    Ok(VoteRequest::new(
        vote_from(message.vote)?,
        message.last.map(position_from),
    ))
}

pub(crate) fn ballot_answer(answer: &VoteResponse<u64>) -> v1::VoteResponse {
    v1::VoteResponse {
        vote: Some(vote(&answer.vote)),
        granted: answer.vote_granted,
        last: answer.last_log_id.map(position),
    }
}

pub(crate) fn ballot_answer_from(message: v1::VoteResponse) -> Result<VoteResponse<u64>, DecodeError> {
    Ok(VoteResponse::new(
        vote_from(message.vote)?,
        message.last.map(position_from),
        message.granted,
    ))
}

/// What precedes a snapshot's bytes; `size` is their length.
pub(crate) fn snapshot_header(sender: &Vote, meta: &SnapshotMeta, size: u64) -> v1::SnapshotHeader {
    v1::SnapshotHeader {
        vote: Some(vote(sender)),
        last: meta.last_log_id.map(position),
        membership: encode::stored_membership(&meta.last_membership),
        snapshot_id: meta.snapshot_id.clone(),
        size,
    }
}

pub(crate) fn snapshot_header_from(header: v1::SnapshotHeader) -> Result<(Vote, SnapshotMeta), DecodeError> {
    let meta = SnapshotMeta {
        last_log_id: header.last.map(position_from),
        last_membership: encode::decode_stored_membership(&header.membership)?,
        snapshot_id: header.snapshot_id,
    };
    Ok((vote_from(header.vote)?, meta))
}

#[cfg(test)]
mod tests {
    use openraft::EntryPayload;

    use super::super::types::{Membership, Proposed, StoredMembership};
    use super::*;

    fn request() -> AppendEntriesRequest<TypeConfig> {
        let entry = |index, payload| Entry {
            log_id: encode::position(2, 1, index),
            payload,
        };
        AppendEntriesRequest {
            vote: Vote::new_committed(2, 1),
            prev_log_id: Some(encode::position(1, 3, 9)),
            entries: vec![
                entry(10, EntryPayload::Blank),
                entry(11, EntryPayload::Normal(Proposed(vec![1, 2]))),
            ],
            leader_commit: Some(encode::position(1, 3, 8)),
        }
    }

    #[test]
    fn appends_come_back() {
        let expected = request();
        let back = append_from(append(&expected)).expect("well formed");
        assert_eq!(format!("{back:?}"), format!("{expected:?}"));
        assert_eq!(back.entries, expected.entries);
    }

    #[test]
    fn an_append_with_a_hole_or_without_a_vote_is_malformed() {
        let mut holed = append(&request());
        holed.entries.remove(0);
        assert_eq!(
            append_from(holed).err(),
            Some(DecodeError::Malformed("sequence of entries"))
        );
        let voteless = v1::AppendRequest {
            vote: None,
            ..append(&request())
        };
        assert_eq!(
            append_from(voteless).err(),
            Some(DecodeError::Malformed("vote of a message"))
        );
    }

    #[test]
    fn answers_come_back() {
        for expected in [
            AppendEntriesResponse::Success,
            AppendEntriesResponse::PartialSuccess(Some(encode::position(1, 1, 4))),
            AppendEntriesResponse::Conflict,
            AppendEntriesResponse::HigherVote(Vote::new(9, 2)),
        ] {
            assert_eq!(append_answer_from(append_answer(&expected)), Ok(expected));
        }
        assert!(append_answer_from(v1::AppendResponse { outcome: None }).is_err());
    }

    #[test]
    fn ballots_come_back() {
        let expected = VoteRequest::new(Vote::new(4, 2), None);
        assert_eq!(ballot_from(ballot(&expected)), Ok(expected));
        let expected = VoteResponse::new(Vote::new(4, 2), Some(encode::position(3, 1, 7)), true);
        assert_eq!(ballot_answer_from(ballot_answer(&expected)), Ok(expected));
    }

    #[test]
    fn snapshot_headers_come_back() {
        let last = Some(encode::position(3, 1, 7));
        let meta = SnapshotMeta {
            last_log_id: last,
            last_membership: StoredMembership::new(last, Membership::default()),
            snapshot_id: "3-1-7".into(),
        };
        let header = snapshot_header(&Vote::new_committed(3, 1), &meta, 12);
        assert_eq!(header.size, 12);
        assert_eq!(snapshot_header_from(header), Ok((Vote::new_committed(3, 1), meta)));
    }
}
