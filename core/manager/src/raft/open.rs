//! How does this manager's Raft begin? It opens log and snapshots, rebuilds the replica, and starts openraft on them.

use std::sync::Arc;
use std::time::Duration;

use openraft::{Config, SnapshotPolicy};
use wardroom_keys::SharedKeyring;
use wardroom_log::{Identity, Log, LogOptions, RecoverError, SnapshotError, Snapshots};

use super::Consensus;
use super::log_store::LogStore;
use super::network::Network;
use super::runtime::seed_jitter;
use super::snapshot_store::SnapshotStore;
use super::state_machine::StateMachine;
use super::types::{LogId, Raft, StorageError};
use crate::links::Links;
use crate::replica::Replica;
use crate::{ManagerConfig, Seams};

/// Entries kept behind a snapshot, so that a follower that was away shortly needs no snapshot.
const KEPT: u64 = 1000;
/// Time for a snapshot to travel and to be installed.
const SNAPSHOT_DEADLINE: Duration = Duration::from_secs(60);
/// Entries in one message to a follower; their bytes are capped by the log store.
const BATCH: u64 = 300;

/// What Raft runs on.
pub(crate) struct Opening {
    pub(crate) config: Arc<ManagerConfig>,
    pub(crate) keyring: Arc<SharedKeyring>,
    pub(crate) links: Links,
    pub(crate) replica: Replica,
    pub(crate) seams: Seams,
}

/// Why Raft could not begin.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    #[error(transparent)]
    Log(#[from] RecoverError),
    #[error(transparent)]
    Snapshot(#[from] SnapshotError),
    #[error(transparent)]
    SnapshotGone(#[from] SnapshotGone),
    #[error("the timing does not fit together ({0}); heartbeat < shortest election < longest election must hold")]
    Timing(String),
    #[error("what the log and the snapshot hold does not fit together: {0}")]
    Storage(String),
}

/// The log has forgotten what a snapshot holds that is not on this disk: it was removed, or an older one put in its place.
#[derive(Debug, thiserror::Error)]
#[error(
    "the log begins behind entry {purged}, and the snapshot that holds what came before is missing or was replaced by an \
     older one; the manager can heal it from its peers: stop it, remove its data directory, start it again"
)]
pub struct SnapshotGone {
    purged: u64,
}

/// A purge becomes durable only after the snapshot that covers it, so less than that is no power cut.
pub(crate) fn snapshot_reaches(purged: Option<LogId>, covered: Option<LogId>) -> Result<(), SnapshotGone> {
    match purged.filter(|purged| Some(*purged) > covered) {
        Some(purged) => Err(SnapshotGone { purged: purged.index }),
        None => Ok(()),
    }
}

/// Opens the stores and starts Raft on them.
pub(crate) async fn open(opening: Opening) -> Result<Consensus, OpenError> {
    let config = settings(&opening.config)?;
    let (log, snapshots) = stores(&opening)?;
    let machine = StateMachine::recover(opening.replica, Arc::clone(&snapshots), log.clone()).map_err(storage)?;
    snapshot_reaches(log.purged(), snapshots.covers())?;
    let me = opening.config.raft_id;
    let heartbeat = Duration::from_millis(opening.config.timing.heartbeat_ms);
    let network = Network::new(me, opening.links, heartbeat);
    // Nothing may be awaited between the seed and the draw that `Raft::new` makes first.
    seed_jitter(opening.seams.chance.next_u64());
    let raft = Raft::new(me, Arc::new(config), network, log.clone(), machine).await;
    let raft = raft.map_err(|fatal| OpenError::Storage(fatal.to_string()))?;
    Ok(Consensus {
        raft,
        log,
        snapshots,
        turn: Arc::default(),
    })
}

fn stores(opening: &Opening) -> Result<(LogStore, Arc<SnapshotStore>), OpenError> {
    let Opening {
        config, keyring, seams, ..
    } = opening;
    let identity = Identity {
        cluster: config.cluster_id.clone(),
        node: config.node_id.clone(),
    };
    let (log, recovered) = Log::open(
        Arc::clone(&seams.disk),
        identity.clone(),
        Arc::clone(keyring),
        Arc::clone(&seams.chance),
        LogOptions::default(),
    )?;
    if let Some(cut) = recovered.cut {
        tracing::warn!(
            segment = cut.segment,
            offset = cut.offset,
            bytes = cut.bytes,
            "an unfinished write was cut off"
        );
    }
    let files = Snapshots::open(
        Arc::clone(&seams.disk),
        identity,
        Arc::clone(keyring),
        Arc::clone(&seams.chance),
    )?;
    let snapshots = Arc::new(SnapshotStore::new(files, Arc::clone(&seams.clock), seams.spawn));
    let log = LogStore::new(log, &recovered, snapshots.coverage(), seams.spawn).map_err(storage)?;
    Ok((log, snapshots))
}

#[allow(clippy::needless_pass_by_value)] // shaped for map_err
fn storage(error: StorageError) -> OpenError {
    OpenError::Storage(error.to_string())
}

fn settings(config: &ManagerConfig) -> Result<Config, OpenError> {
    let settings = Config {
        cluster_name: config.cluster_id.clone(),
        heartbeat_interval: config.timing.heartbeat_ms,
        election_timeout_min: config.timing.election_min_ms,
        election_timeout_max: config.timing.election_max_ms,
        install_snapshot_timeout: u64::try_from(SNAPSHOT_DEADLINE.as_millis()).unwrap_or(u64::MAX),
        max_payload_entries: BATCH,
        snapshot_policy: SnapshotPolicy::LogsSinceLast(config.snapshot_every),
        max_in_snapshot_log_to_keep: KEPT.min(config.snapshot_every),
        ..Config::default()
    };
    settings
        .validate()
        .map_err(|error| OpenError::Timing(error.to_string()))
}
