//! Who decides? Consensus among the managers: openraft over our log, our state machine and our network.
//!
//! Everything that names openraft lives in this module. Outside, a manager proposes bytes and is told an index, and
//! watches who leads.
//!
//! ```text
//! propose ─> openraft ─> log_store ─> wardroom_log (one writer, one fdatasync per batch)
//!               │  └───> network ──> links ──> service of the other managers
//!               └──────> state_machine ─> replica
//! ```

#![allow(
    clippy::result_large_err,
    reason = "openraft's storage error is that large, and its traits ask for it"
)]

mod encode;
mod handover;
mod log_store;
mod members;
mod network;
mod open;
mod refound;
mod rekey;
mod runtime;
mod service;
mod snapshot_store;
mod state_machine;
mod types;
mod view;
mod wire;

#[cfg(test)]
mod refound_tests;
#[cfg(test)]
mod suite_tests;

use std::collections::BTreeMap;
use std::sync::Arc;

use openraft::error::{CheckIsLeaderError, ClientWriteError, RaftError};
use tokio::sync::{Mutex, MutexGuard};
use wardroom_api::v1;
use wardroom_api::v1::raft_server::RaftServer;

use self::log_store::LogStore;
use self::snapshot_store::SnapshotStore;
use self::types::{Proposed, Raft};
use crate::founding::InitializeError;
use crate::propose::ProposeError;

pub(crate) use self::encode::DecodeError;
pub(crate) use self::log_store::Room;
pub(crate) use self::members::Members;
pub use self::open::{OpenError, SnapshotGone};
pub(crate) use self::open::{Opening, open};
pub(crate) use self::refound::{Ground, restored, survivor};
pub(crate) use self::types::Outcome;
pub use self::types::Peer;
pub(crate) use self::view::{Changes, View};

/// This manager's part in the consensus. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Consensus {
    raft: Raft,
    log: LogStore,
    snapshots: Arc<SnapshotStore>,
    /// One at a time changes who is a member or who leads.
    turn: Arc<Mutex<()>>,
}

impl Consensus {
    /// Waits for one's turn to change who is a member or who leads; it is over when the guard is dropped.
    pub(crate) async fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().await
    }

    /// Replicates `bytes` and returns the index and what applying them gave. Waits for a quorum without a deadline.
    pub(crate) async fn write(&self, bytes: Vec<u8>) -> Result<(u64, Outcome), ProposeError> {
        match self.raft.client_write(Proposed(bytes)).await {
            Ok(written) => Ok((written.log_id.index, written.data)),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_node })
            }
            Err(error) => Err(ProposeError::Stopped(error.to_string())),
        }
    }

    /// Confirms with a quorum that this manager leads, and waits until it has applied what was committed before.
    pub(crate) async fn confirm(&self) -> Result<u64, ProposeError> {
        match self.raft.ensure_linearizable().await {
            Ok(read) => Ok(read.map_or(0, |id| id.index)),
            Err(RaftError::APIError(CheckIsLeaderError::ForwardToLeader(to))) => {
                Err(ProposeError::NotLeader { leader: to.leader_node })
            }
            Err(RaftError::APIError(CheckIsLeaderError::QuorumNotEnough(_))) => {
                Err(ProposeError::NotLeader { leader: None })
            }
            Err(error) => Err(ProposeError::Stopped(error.to_string())),
        }
    }

    /// Records in the log under this manager's key: those found at the start and those written since.
    pub(crate) fn log_records(&self) -> u64 {
        self.log.records()
    }

    /// Begins a cluster of `members`, all of them voters. Exactly one pristine manager may be asked.
    pub(crate) async fn initialize(&self, members: BTreeMap<u64, Peer>) -> Result<(), InitializeError> {
        use openraft::error::InitializeError as Raw;
        self.raft.initialize(members).await.map_err(|error| match error {
            RaftError::APIError(Raw::NotAllowed(_)) => InitializeError::NotPristine,
            RaftError::APIError(Raw::NotInMembers(refused)) => InitializeError::NotAMember(refused.node_id),
            RaftError::Fatal(fatal) => InitializeError::Stopped(fatal.to_string()),
        })
    }

    /// What the other managers' calls are answered with.
    pub(crate) fn service(&self) -> RaftServer<impl v1::raft_server::Raft> {
        let limit = wardroom_api::channel::MESSAGE_BYTES_MAX;
        RaftServer::new(service::Service::new(self.raft.clone(), self.log.clone()))
            .max_decoding_message_size(limit)
            .max_encoding_message_size(limit)
    }

    /// Whether Raft leads here, be it confirmed or not.
    pub(crate) fn leads(&self) -> bool {
        self.raft.server_metrics().borrow().state.is_leader()
    }

    /// What still finds room on this manager's disk.
    pub(crate) async fn room(&self) -> Room {
        self.log.room().await
    }

    /// Raft as it is now.
    pub(crate) fn view(&self) -> View {
        let running = self.raft.metrics().borrow().running_state.is_ok();
        let (data, server) = (self.raft.data_metrics(), self.raft.server_metrics());
        let (data, server) = (data.borrow().clone(), server.borrow().clone());
        View::new(running, &data, &server, self.log.pointers())
    }

    pub(crate) fn changes(&self) -> Changes {
        Changes {
            whole: self.raft.metrics(),
            data: self.raft.data_metrics(),
            server: self.raft.server_metrics(),
        }
    }

    /// What the disk does.
    pub(crate) fn log_status(&self) -> v1::LogStatus {
        self.log.status(&self.snapshots)
    }

    /// Takes a snapshot of what is applied now, without waiting for it.
    pub(crate) async fn snapshot(&self) -> Result<(), ProposeError> {
        self.raft
            .trigger()
            .snapshot()
            .await
            .map_err(|fatal| ProposeError::Stopped(fatal.to_string()))
    }

    /// Stops Raft and makes the log's last word durable.
    pub(crate) async fn shutdown(&self) {
        if let Err(error) = self.raft.shutdown().await {
            tracing::warn!(%error, "raft did not stop cleanly");
        }
        self.log.close().await;
    }

    /// Closes the log's files without a last word, as a kill does.
    #[cfg(test)]
    pub(crate) async fn halt(&self) {
        self.log.halt().await;
    }
}
