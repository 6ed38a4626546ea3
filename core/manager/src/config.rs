//! Which manager is this, and what does it stand on? Its settings, the seams to the outside, and why they may not do.

use std::io;
use std::sync::Arc;

use wardroom_api::net::Net;
use wardroom_ca::Clock;
use wardroom_keys::Chance;
use wardroom_log::{Disk, Spawn};

use crate::hooks::Hooks;
use crate::raft::OpenError;

/// One manager's settings.
#[derive(Clone, Debug)]
pub struct ManagerConfig {
    pub cluster_id: String,
    /// The common name of its certificate.
    pub node_id: String,
    /// Its number among the managers; never 0, never reused.
    pub raft_id: u64,
    pub hostname: String,
    /// `host:port` of the TLS port to bind; port 0 takes a free one.
    pub listen: String,
    /// `host:port` at which the others reach it; empty: what was bound.
    pub advertise: String,
    pub timing: Timing,
    /// Applied entries between two snapshots.
    pub snapshot_every: u64,
}

/// Raft's clockwork, in milliseconds. An append must be answered within one heartbeat.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    pub heartbeat_ms: u64,
    pub election_min_ms: u64,
    pub election_max_ms: u64,
}

impl Timing {
    /// For managers on one machine or one local network with disks that sync in a few milliseconds.
    ///
    /// A follower waits for the lease (`election_max_ms`) and then for its own draw between the two bounds, checked every
    /// 1.5 heartbeats: elections begin 260 to 380 ms after the last heartbeat, so that a write is acknowledged again
    /// within half a second of a leader's death. A shorter heartbeat gains little and makes an append of the largest size
    /// miss it on a busy disk.
    pub const fn fast() -> Self {
        Self {
            heartbeat_ms: 40,
            election_min_ms: 100,
            election_max_ms: 160,
        }
    }

    /// For managers whose network or disks stall at times, as between sites: elections begin 900 to 1350 ms after the last
    /// heartbeat. What a leader's death costs more here, needless elections cost under [`Self::fast`] there.
    pub const fn calm() -> Self {
        Self {
            heartbeat_ms: 100,
            election_min_ms: 300,
            election_max_ms: 600,
        }
    }
}

impl Default for Timing {
    fn default() -> Self {
        Self::calm()
    }
}

/// Everything a manager touches outside itself.
#[derive(Clone)]
pub struct Seams {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub net: Arc<dyn Net>,
    /// Rooted at this manager's data directory.
    pub disk: Arc<dyn Disk>,
    /// Where the log's writer runs: a thread of its own, or a task in a simulation.
    pub spawn: Spawn,
    /// What makes the next values of secrets that are due.
    pub hooks: Arc<dyn Hooks>,
}

/// Why a manager did not start. The texts say what to do next.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("the keyring is for node {found_node} of cluster {found_cluster}; give the data directory of this manager")]
    OtherKeyring { found_cluster: String, found_node: String },
    #[error("cannot listen at {address}; choose another address, or stop what uses it")]
    Bind { address: String, source: io::Error },
    #[error("cannot read the manager's directory; check its disk and its permissions")]
    Disk(#[source] io::Error),
    #[error(transparent)]
    Open(#[from] OpenError),
}
