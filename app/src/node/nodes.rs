//! How does one node start? A manager on its log and its keyring, a worker on its folder in memory; both with the
//! identity that was made for them, and with the settings of a cluster on one machine.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::future::join_all;
use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace};
use wardroom_api::TcpNet;
use wardroom_ca::{Clock, NodeTls};
use wardroom_keys::{Chance, OsChance, SeededChance};
use wardroom_log::{Disk, RealDisk, Spawn};
use wardroom_manager::{Manager, ManagerConfig, Seams, StartError, Timing};

use super::badge::Badge;
use super::cluster::stop_workers;
use super::explain_with;
use super::founding::cannot_write;
use super::hooks::{self, FolderHooks};
use super::manifest::{ManagerEntry, Manifest, WorkerEntry};
use crate::report::Report;

/// Applied entries between two snapshots.
const SNAPSHOT_EVERY: u64 = 5_000;
/// This very program, also when its file was replaced meanwhile.
pub const MYSELF: &str = "/proc/self/exe";

/// What all nodes of the process stand on.
#[derive(Clone)]
pub struct Ground {
    pub manifest: Manifest,
    pub badges: Vec<Badge>,
    pub clock: Arc<dyn Clock>,
    /// Repeats a demo; it may serve a cluster's first life only, because it repeats its nonces too.
    pub seed: Option<u64>,
}

impl Ground {
    /// A stream of randomness of its own.
    pub fn chance(&self, label: &str) -> Arc<dyn Chance> {
        match self.seed {
            Some(seed) => Arc::new(SeededChance::new(seed).derive(label)),
            None => Arc::new(OsChance),
        }
    }

    fn badge(&self, node_id: &str) -> Result<&Badge, Report> {
        let badge = self.badges.iter().find(|badge| badge.node_id == node_id);
        badge.ok_or_else(|| Report::failure(format!("node {node_id} has no identity here")))
    }
}

/// Those of these managers that have an identity, all at once: each waits for its own disk only. When one fails, none of
/// them is left running.
pub async fn start_managers(ground: &Ground, entries: &[ManagerEntry]) -> Result<Vec<Manager>, Report> {
    let starting = entries.iter().map(|entry| {
        let (ground, entry) = (ground.clone(), entry.clone());
        tokio::spawn(async move { start_manager(&ground, &entry).await })
    });
    let mut managers = Vec::new();
    let mut failed = None;
    for started in join_all(starting).await {
        match started {
            Ok(Ok(manager)) => managers.push(manager),
            Ok(Err(report)) => failed = failed.or(Some(report)),
            Err(panic) => failed = failed.or(Some(Report::failure(format!("a manager did not start: {panic}")))),
        }
    }
    let Some(report) = failed else { return Ok(managers) };
    join_all(managers.iter().map(Manager::shutdown)).await;
    Err(report)
}

/// All managers of a directory run the same hooks: those of the folder beside their own.
fn hooks_of(node: &Path) -> PathBuf {
    node.parent().unwrap_or(node).join(hooks::FOLDER)
}

/// A manager's own, below its folder.
pub fn disk(dir: &Path) -> Result<Arc<dyn Disk>, Report> {
    let disk = RealDisk::new(dir).map_err(|error| cannot_write(dir, &error))?;
    Ok(Arc::new(disk))
}

async fn start_manager(ground: &Ground, entry: &ManagerEntry) -> Result<Manager, Report> {
    let about = |error: &dyn Error| explain_with(&format!("{} does not start", entry.hostname), error);
    let (cluster_id, badge) = (&ground.manifest.cluster_id, ground.badge(&entry.node_id)?);
    let disk = disk(&badge.dir)?;
    let keys = badge
        .keys
        .as_ref()
        .ok_or_else(|| Report::failure(format!("{} has no keys here", entry.hostname)))?;
    let config = ManagerConfig {
        cluster_id: cluster_id.clone(),
        node_id: entry.node_id.clone(),
        raft_id: entry.raft_id,
        hostname: entry.hostname.clone(),
        listen: entry.address.clone(),
        advertise: entry.address.clone(),
        timing: Timing::default(),
        snapshot_every: SNAPSHOT_EVERY,
    };
    let seams = Seams {
        clock: Arc::clone(&ground.clock),
        chance: ground.chance(&entry.hostname),
        net: Arc::new(TcpNet),
        disk,
        spawn: Spawn::Thread,
        hooks: Arc::new(FolderHooks::new(hooks_of(&badge.dir))),
    };
    let started = Manager::start(config, keys.ring(), badge.tls.clone(), seams).await;
    started.map_err(|error| match &error {
        StartError::Bind { .. } => {
            about(&error).hint("see what listens there with `ss -ltnp`, stop it, then start again")
        }
        _ => about(&error),
    })
}

/// When one fails, those before it are ended and their files erased.
pub async fn start_workers(ground: &Ground) -> Result<Vec<Agent>, Report> {
    let mut workers = Vec::new();
    for entry in &ground.manifest.workers {
        match start_worker(ground, entry) {
            Ok(worker) => workers.push(worker),
            Err(report) => {
                stop_workers(workers).await;
                return Err(report);
            }
        }
    }
    Ok(workers)
}

fn start_worker(ground: &Ground, entry: &WorkerEntry) -> Result<Agent, Report> {
    let about = |error: &dyn Error| explain_with(&format!("{} does not start", entry.hostname), error);
    let managers = ground.manifest.managers.iter().map(|manager| manager.address.clone());
    let config = AgentConfig {
        cluster_id: ground.manifest.cluster_id.clone(),
        node_id: entry.node_id.clone(),
        hostname: entry.hostname.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        managers: managers.collect(),
        secrets_root: None,
        shim: PathBuf::from(MYSELF),
        pace: Pace::default(),
    };
    let tls: NodeTls = ground.badge(&entry.node_id)?.tls.clone();
    let mut seams = AgentSeams::real(&config).map_err(|error| about(&error))?;
    seams.chance = ground.chance(&entry.hostname);
    Agent::start(config, tls, seams).map_err(|error| about(&error))
}
