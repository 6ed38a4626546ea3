//! What may another manager ask of this one's Raft? The server side of the Raft service.
//!
//! Only manager certificates are heard, and a caller must not speak for another: the Raft id in its vote and the node
//! in its certificate may not contradict the membership known here.

use std::sync::Arc;
use std::time::Duration;

use openraft::Snapshot;
use openraft::raft::AppendEntriesRequest;
use tonic::{Request, Response, Status, Streaming};
use wardroom_api::v1;
use wardroom_api::v1::raft_server::Raft as RaftService;
use wardroom_state::State;

use super::encode::DecodeError;
use super::log_store::LogStore;
use super::types::{Membership, Raft, SnapshotBytes, TypeConfig, Vote};
use super::wire;
use crate::control::caller::{Caller, Identity};

/// Time between two chunks of a snapshot.
const CHUNK_DEADLINE: Duration = Duration::from_secs(10);
/// Bytes that an entry takes in the log beyond its payload, at most.
const ENTRY_OVERHEAD: usize = 128;
/// Largest snapshot taken from a peer, in bytes.
const SNAPSHOT_MAX: u64 = 512 * 1024 * 1024;

pub(crate) struct Service {
    raft: Raft,
    log: LogStore,
}

impl Service {
    pub(crate) fn new(raft: Raft, log: LogStore) -> Self {
        Self { raft, log }
    }

    /// openraft stops for good when an append fails, so what would not fit is not taken.
    async fn has_room(&self, append: &v1::AppendRequest) -> bool {
        let bytes = append
            .entries
            .iter()
            .map(|entry| entry.payload.len() + ENTRY_OVERHEAD)
            .sum();
        bytes == 0 || self.log.room().await.fits(bytes)
    }

    /// A leader that has entries to send sends no heartbeats beside them: who cannot take them hears the leader all the
    /// same, or it would stand for election again and again. The leader asks again.
    async fn only_hear(&self, mut append: AppendEntriesRequest<TypeConfig>) -> Result<v1::AppendResponse, Status> {
        append.entries.clear();
        let answer = self.raft.append_entries(append).await.map_err(stopped)?;
        if !answer.is_success() {
            return Ok(wire::append_answer(&answer));
        }
        tracing::warn!("the disk of this manager is almost full; it takes no entries until there is space again");
        Err(Status::unavailable("the disk of this manager is almost full"))
    }

    fn heard<T>(&self, request: &Request<T>, vote: &Vote) -> Result<(), Status> {
        let node_id = manager(request)?;
        let raft_id = vote.leader_id.node_id;
        let metrics = self.raft.server_metrics();
        let known = Arc::clone(&metrics.borrow().membership_config);
        if contradicts(known.membership(), raft_id, node_id) {
            return Err(Status::permission_denied(format!(
                "node {node_id} is not the member with raft id {raft_id}"
            )));
        }
        Ok(())
    }
}

/// The node id of the manager that calls.
fn manager<T>(request: &Request<T>) -> Result<&str, Status> {
    match request.extensions().get::<Caller>() {
        // What a manager says on behalf of another is not the other's word.
        Some(Caller {
            identity: Identity::Manager(node_id),
            forwarded: false,
            ..
        }) => Ok(node_id),
        _ => Err(Status::permission_denied("only managers speak Raft")),
    }
}

/// A Raft id belongs to one node for ever. A membership this manager has not caught up with may not know the id at all, or
/// know the node by an earlier one: that is no contradiction.
fn contradicts(known: &Membership, raft_id: u64, node_id: &str) -> bool {
    known.get_node(&raft_id).is_some_and(|peer| peer.node_id != node_id)
}

#[tonic::async_trait]
impl RaftService for Service {
    async fn append(&self, request: Request<v1::AppendRequest>) -> Result<Response<v1::AppendResponse>, Status> {
        let vote = wire::vote_from(request.get_ref().vote).map_err(malformed)?;
        self.heard(&request, &vote)?;
        let has_room = self.has_room(request.get_ref()).await;
        let append = wire::append_from(request.into_inner()).map_err(malformed)?;
        if !has_room {
            return self.only_hear(append).await.map(Response::new);
        }
        let answer = self.raft.append_entries(append).await.map_err(stopped)?;
        Ok(Response::new(wire::append_answer(&answer)))
    }

    async fn vote(&self, request: Request<v1::VoteRequest>) -> Result<Response<v1::VoteResponse>, Status> {
        let vote = wire::vote_from(request.get_ref().vote).map_err(malformed)?;
        self.heard(&request, &vote)?;
        let ballot = wire::ballot_from(request.into_inner()).map_err(malformed)?;
        let answer = self.raft.vote(ballot).await.map_err(stopped)?;
        Ok(Response::new(wire::ballot_answer(&answer)))
    }

    async fn install_snapshot(
        &self,
        request: Request<Streaming<v1::SnapshotChunk>>,
    ) -> Result<Response<v1::SnapshotResponse>, Status> {
        manager(&request)?;
        let (extensions, mut chunks) = {
            let (_, extensions, chunks) = request.into_parts();
            (extensions, chunks)
        };
        let first = next(&mut chunks)
            .await?
            .ok_or_else(|| Status::invalid_argument("an empty snapshot stream"))?;
        let header = first
            .header
            .ok_or_else(|| Status::invalid_argument("a snapshot without a header"))?;
        let size = header.size;
        let (vote, meta) = wire::snapshot_header_from(header).map_err(malformed)?;
        self.heard(
            &Request::from_parts(tonic::metadata::MetadataMap::new(), extensions, ()),
            &vote,
        )?;
        let bytes = collect(first.data, size, &mut chunks).await?;
        // Raft stops a manager that cannot install what it was given; bytes that are no state must not get that far.
        State::decode(&bytes)
            .map_err(|error| Status::invalid_argument(format!("the snapshot does not decode: {error}")))?;
        let snapshot = Snapshot {
            meta,
            snapshot: Box::new(SnapshotBytes(Arc::new(bytes))),
        };
        let answer = self.raft.install_full_snapshot(vote, snapshot).await.map_err(stopped)?;
        Ok(Response::new(v1::SnapshotResponse {
            vote: Some(wire::vote(&answer.vote)),
        }))
    }
}

async fn collect(first: Vec<u8>, size: u64, chunks: &mut Streaming<v1::SnapshotChunk>) -> Result<Vec<u8>, Status> {
    if size > SNAPSHOT_MAX {
        return Err(Status::resource_exhausted(format!(
            "a snapshot of {size} bytes is over the limit of {SNAPSHOT_MAX}"
        )));
    }
    let mut bytes = first;
    while let Some(chunk) = next(chunks).await? {
        bytes.extend_from_slice(&chunk.data);
        if bytes.len() as u64 > size {
            break;
        }
    }
    if bytes.len() as u64 == size {
        return Ok(bytes);
    }
    Err(Status::invalid_argument(format!(
        "a snapshot of {size} bytes came with {}",
        bytes.len()
    )))
}

async fn next(chunks: &mut Streaming<v1::SnapshotChunk>) -> Result<Option<v1::SnapshotChunk>, Status> {
    let chunk = tokio::time::timeout(CHUNK_DEADLINE, chunks.message()).await;
    chunk.map_err(|_| Status::deadline_exceeded("the snapshot stopped coming"))?
}

#[allow(clippy::needless_pass_by_value)] // shaped for map_err
fn malformed(error: DecodeError) -> Status {
    Status::invalid_argument(format!("malformed Raft message: {error}"))
}

#[allow(clippy::needless_pass_by_value)] // shaped for map_err
fn stopped(error: impl std::fmt::Display) -> Status {
    Status::unavailable(format!("Raft has stopped on this manager: {error}"))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::types::Peer;
    use super::*;

    #[test]
    fn only_the_manager_itself_speaks() {
        let says = |identity: Identity, forwarded: bool| {
            let mut request = Request::new(());
            let mut caller = Caller::new(identity, "10.0.0.1:2377");
            caller.forwarded = forwarded;
            request.extensions_mut().insert(caller);
            manager(&request).map(str::to_owned).ok()
        };
        assert_eq!(says(Identity::Manager("ada".into()), false).as_deref(), Some("ada"));
        assert_eq!(says(Identity::Manager("ada".into()), true), None);
        assert_eq!(says(Identity::Worker("ada".into()), false), None);
        assert!(manager(&Request::new(())).is_err());
    }

    #[test]
    fn a_caller_may_be_unknown_but_may_not_have_another_s_id() {
        let peer = |node: &str| Peer {
            address: String::new(),
            node_id: node.into(),
        };
        let nodes: BTreeMap<u64, Peer> = [(1, peer("ada")), (2, peer("bob"))].into();
        let known = Membership::new(vec![[1, 2].into()], nodes);
        assert!(!contradicts(&known, 1, "ada"));
        assert!(!contradicts(&known, 3, "cleo"));
        assert!(!contradicts(&Membership::default(), 1, "ada"));
        assert!(contradicts(&known, 2, "ada"));
        assert!(contradicts(&known, 1, "cleo"));
        assert!(!contradicts(&known, 3, "ada"), "it left and came back under a new id");
    }
}
