//! How does a cluster go on after its quorum is gone, or from a backup? One manager is made its only voter, while it does
//! not run: from what its disk holds, or from a state that was kept elsewhere. It then leads by itself when it starts,
//! and tells the state that the others are gone.

use std::io;
use std::sync::Arc;

use wardroom_keys::SharedKeyring;
use wardroom_log::{Identity, LogError, RecoverError, SnapshotError};
use wardroom_state::State;

use crate::mark::Mark;
use crate::raft::{DecodeError, Ground, Peer, SnapshotGone, restored, survivor};
use crate::{ManagerConfig, Seams};

/// What the cluster goes on from.
#[derive(Debug)]
pub enum Refounding {
    /// Everything that this manager's disk holds, also what it does not know to be committed.
    Survivor,
    /// A state, on an empty disk.
    State(Box<State>),
}

/// A store on which [`crate::Manager::start`] leads alone.
pub struct Refounded {
    /// The term that the next leader's is above.
    pub term: u64,
    /// Raft index of the last entry.
    pub index: u64,
}

/// Why a cluster could not be begun anew. Asking again is safe in every case.
#[derive(Debug, thiserror::Error)]
pub enum RefoundError {
    #[error("the keyring is for node {found_node} of cluster {found_cluster}; give the data directory of this manager")]
    OtherKeyring { found_cluster: String, found_node: String },
    #[error("no address is known at which this manager is reached; give one with --advertise-addr")]
    NoAddress,
    #[error("this disk holds nothing of a cluster; run this on the manager that has survived, or restore a backup")]
    NothingHere,
    #[error("this disk holds a manager already; give an empty data directory, or move this one away")]
    NotEmpty,
    #[error(transparent)]
    Recover(#[from] RecoverError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    SnapshotGone(#[from] SnapshotGone),
    #[error("the disk could not be written; check it, then try again")]
    Disk(#[from] io::Error),
    #[error("what the disk holds was written by another version of wardroom, or is damaged: {0}")]
    Malformed(String),
}

impl From<DecodeError> for RefoundError {
    fn from(error: DecodeError) -> Self {
        Self::Malformed(error.to_string())
    }
}

/// Makes this manager its cluster's only voter, on the disk it is going to start on; it must not run meanwhile.
///
/// A crash leaves the disk as it was or as it shall be, and asking again finishes what was begun. Afterwards start the
/// manager and, once it leads, propose `Command::ForceNewCluster` with its node.
pub async fn refound(
    config: &ManagerConfig,
    keyring: Arc<SharedKeyring>,
    seams: &Seams,
    from: Refounding,
) -> Result<Refounded, RefoundError> {
    if keyring.cluster() != config.cluster_id || keyring.node() != config.node_id {
        let (found_cluster, found_node) = (keyring.cluster().to_owned(), keyring.node().to_owned());
        return Err(RefoundError::OtherKeyring {
            found_cluster,
            found_node,
        });
    }
    let address = if config.advertise.is_empty() {
        &config.listen
    } else {
        &config.advertise
    };
    if address.is_empty() || address.ends_with(":0") {
        return Err(RefoundError::NoAddress);
    }
    let ground = Ground {
        disk: Arc::clone(&seams.disk),
        identity: Identity {
            cluster: config.cluster_id.clone(),
            node: config.node_id.clone(),
        },
        keyring,
        chance: Arc::clone(&seams.chance),
        raft_id: config.raft_id,
        peer: Peer {
            address: address.clone(),
            node_id: config.node_id.clone(),
        },
        now_ms: seams.clock.now_ms(),
    };
    // The disk makes one wait; nobody else shall.
    let done = tokio::task::spawn_blocking(move || {
        let done = match &from {
            Refounding::Survivor => survivor(&ground),
            Refounding::State(state) => restored(&ground, state),
        };
        done.and_then(|end| {
            Mark::set(&*ground.disk)?;
            Ok(end)
        })
    });
    let end = done.await.expect("it returns its errors and does not panic")?;
    tracing::warn!(
        term = end.term,
        index = end.index,
        "this manager is its cluster's only voter from now on"
    );
    Ok(Refounded {
        term: end.term,
        index: end.index,
    })
}
