//! How does the leader talk to the others? openraft's network over the pooled channels of [`crate::links`].
//!
//! Heartbeats and ballots use the urgent lane; entries and snapshots the bulk one. The peer proves to be the addressed
//! node during the handshake. A node that cannot be reached is `Unreachable`, so that openraft backs off.

use std::future::Future;
use std::time::Duration;

use openraft::error::{
    Fatal, NetworkError, RPCError, RaftError, ReplicationClosed, StreamingError, Timeout, Unreachable,
};
use openraft::network::{Backoff, RPCOption};
use openraft::raft::{AppendEntriesRequest, AppendEntriesResponse, SnapshotResponse, VoteRequest, VoteResponse};
use openraft::{RPCTypes, RaftNetwork, RaftNetworkFactory, Snapshot};
use tokio::sync::watch;
use tonic::transport::Channel;
use tonic::{Request, Status};
use wardroom_api::v1::raft_client::RaftClient;
use wardroom_api::{channel, v1};

use super::types::{Peer, TypeConfig, Vote};
use super::wire;
use crate::links::{Lane, Links, is_late};

/// Bytes of a snapshot in one message.
const CHUNK: usize = 64 * 1024;
/// How long a snapshot may make no progress: no message of it is taken, or the other end does not say that it has it. The
/// deadline for all of it is far longer, and a manager whose link swallows everything would hear nothing until then.
const STALL: Duration = Duration::from_secs(15);

type RpcError = RPCError<u64, Peer, RaftError<u64>>;
type SnapshotError = StreamingError<TypeConfig, Fatal<u64>>;

/// Makes a connection per peer; cheap, since the channels are pooled.
pub(crate) struct Network {
    me: u64,
    links: Links,
    /// First pause before an unreachable peer is tried again; doubles up to four times itself, so that one that comes
    /// back hears the leader before it stands for election.
    pause: Duration,
}

impl Network {
    pub(crate) fn new(me: u64, links: Links, heartbeat: Duration) -> Self {
        Self {
            me,
            links,
            pause: heartbeat,
        }
    }
}

impl RaftNetworkFactory<TypeConfig> for Network {
    type Network = Line;

    async fn new_client(&mut self, target: u64, peer: &Peer) -> Line {
        Line {
            me: self.me,
            target,
            peer: peer.clone(),
            links: self.links.clone(),
            pause: self.pause,
        }
    }
}

/// The line to one peer.
pub(crate) struct Line {
    me: u64,
    target: u64,
    peer: Peer,
    links: Links,
    pause: Duration,
}

impl Line {
    /// Makes one call on a lane, under its deadline.
    async fn call<M, R, F>(
        &self,
        lane: Lane,
        message: M,
        ttl: Duration,
        send: impl FnOnce(RaftClient<Channel>, Request<M>) -> F,
    ) -> Result<R, Status>
    where
        F: Future<Output = Result<tonic::Response<R>, Status>>,
    {
        let (carrier, attempt) = self.links.attempt(&self.peer, lane);
        let sending = send(channel::raft(carrier), channel::request(message, ttl));
        let Ok(answer) = tokio::time::timeout(ttl, sending).await else {
            return Err(Status::deadline_exceeded("the peer did not answer in time"));
        };
        if !answer.as_ref().is_err_and(is_late) {
            attempt.answered();
        }
        answer.map(tonic::Response::into_inner)
    }

    fn timeout(&self, action: RPCTypes, timeout: Duration) -> Timeout<u64> {
        Timeout {
            action,
            id: self.me,
            target: self.target,
            timeout,
        }
    }

    fn failure(&self, action: RPCTypes, ttl: Duration, status: &Status) -> RpcError {
        if is_late(status) {
            return RPCError::Timeout(self.timeout(action, ttl));
        }
        RPCError::Unreachable(Unreachable::new(status))
    }
}

impl RaftNetwork<TypeConfig> for Line {
    async fn append_entries(
        &mut self,
        rpc: AppendEntriesRequest<TypeConfig>,
        option: RPCOption,
    ) -> Result<AppendEntriesResponse<u64>, RpcError> {
        let lane = if rpc.entries.is_empty() {
            Lane::Urgent
        } else {
            Lane::Bulk
        };
        let ttl = option.hard_ttl();
        let answer = self
            .call(lane, wire::append(&rpc), ttl, |mut client, request| async move {
                client.append(request).await
            })
            .await
            .map_err(|status| self.failure(RPCTypes::AppendEntries, ttl, &status))?;
        wire::append_answer_from(answer).map_err(|error| RPCError::Network(NetworkError::new(&error)))
    }

    async fn vote(&mut self, rpc: VoteRequest<u64>, option: RPCOption) -> Result<VoteResponse<u64>, RpcError> {
        let ttl = option.hard_ttl();
        let answer = self
            .call(
                Lane::Urgent,
                wire::ballot(&rpc),
                ttl,
                |mut client, request| async move { client.vote(request).await },
            )
            .await
            .map_err(|status| self.failure(RPCTypes::Vote, ttl, &status))?;
        wire::ballot_answer_from(answer).map_err(|error| RPCError::Network(NetworkError::new(&error)))
    }

    async fn full_snapshot(
        &mut self,
        vote: Vote,
        snapshot: Snapshot<TypeConfig>,
        cancel: impl Future<Output = ReplicationClosed> + Send + 'static,
        option: RPCOption,
    ) -> Result<SnapshotResponse<u64>, SnapshotError> {
        let ttl = option.hard_ttl();
        let (taken, progress) = watch::channel(());
        let chunks = Chunks::new(&vote, snapshot).inspect(move |_| {
            taken.send_replace(());
        });
        let chunks = tokio_stream::iter(chunks);
        let sending = self.call(Lane::Bulk, chunks, ttl, |mut client, request| async move {
            client.install_snapshot(request).await
        });
        let answer = tokio::select! {
            biased;
            closed = cancel => return Err(StreamingError::Closed(closed)),
            answer = sending => answer,
            () = stalled(progress) => {
                return Err(StreamingError::Timeout(self.timeout(RPCTypes::InstallSnapshot, STALL)));
            }
        };
        let answer = answer.map_err(|status| {
            if is_late(&status) {
                return StreamingError::Timeout(self.timeout(RPCTypes::InstallSnapshot, ttl));
            }
            StreamingError::Unreachable(Unreachable::new(&status))
        })?;
        let vote = wire::vote_from(answer.vote).map_err(|error| StreamingError::Network(NetworkError::new(&error)))?;
        Ok(SnapshotResponse::new(vote))
    }

    fn backoff(&self) -> Backoff {
        let first = self.pause;
        Backoff::new((0..).map(move |attempt: u32| first * 2_u32.pow(attempt.min(2))))
    }
}

/// Ends when nothing has moved for too long; once all is sent, when the answer takes that long.
async fn stalled(mut progress: watch::Receiver<()>) {
    loop {
        match tokio::time::timeout(STALL, progress.changed()).await {
            Ok(Ok(())) => {}
            Ok(Err(_all_sent)) => return tokio::time::sleep(STALL).await,
            Err(_elapsed) => return,
        }
    }
}

/// A snapshot as messages: the header with the first bytes, then the rest.
struct Chunks {
    header: Option<v1::SnapshotHeader>,
    snapshot: Snapshot<TypeConfig>,
    sent: usize,
}

impl Chunks {
    fn new(vote: &Vote, snapshot: Snapshot<TypeConfig>) -> Self {
        let size = snapshot.snapshot.0.len() as u64;
        Self {
            header: Some(wire::snapshot_header(vote, &snapshot.meta, size)),
            snapshot,
            sent: 0,
        }
    }
}

impl Iterator for Chunks {
    type Item = v1::SnapshotChunk;

    fn next(&mut self) -> Option<v1::SnapshotChunk> {
        let header = self.header.take();
        let rest = &self.snapshot.snapshot.0[self.sent..];
        if header.is_none() && rest.is_empty() {
            return None;
        }
        let data = rest[..rest.len().min(CHUNK)].to_vec();
        self.sent += data.len();
        Some(v1::SnapshotChunk { header, data })
    }
}
