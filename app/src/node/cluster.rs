//! A whole cluster in this process: managers and workers with an identity, a folder and a port each, speaking mutual TLS
//! over loopback as they would between machines. Nothing here is short-cut for being together.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace};
use wardroom_api::TcpNet;
use wardroom_ca::{NodeFiles, NodeTls, SystemClock};
use wardroom_keys::{Chance, Keyring, KeyringFile, OsChance, SeededChance};
use wardroom_log::{RealDisk, Spawn};
use wardroom_manager::{InitializeError, Manager, ManagerConfig, Peer, Seams, StartError, Timing};

use super::bootstrap;
use super::door::{self, Door};
use super::founding::{KEYRING, cannot_write};
use super::house::House;
use super::manifest::{ManagerEntry, Manifest, WorkerEntry};
use super::router;
use super::socket::{self, SocketFile};
use super::{explain, explain_with};
use crate::report::{Exit, Report};

/// Applied entries between two snapshots.
const SNAPSHOT_EVERY: u64 = 5_000;
/// How long managers that were up before may take to elect a leader again.
const ELECTION: Duration = Duration::from_secs(15);
/// How long workers may take to find their leader before others are let in.
const WORKERS: Duration = Duration::from_secs(2);
/// This very program, also when its file was replaced meanwhile.
const MYSELF: &str = "/proc/self/exe";

/// A running cluster.
pub struct Embedded {
    managers: Vec<Manager>,
    workers: Vec<Agent>,
    _socket: SocketFile,
    house: Box<House>,
}

/// Starts the house's nodes. Connections of `door` are served from the first moment on; the socket appears when there is
/// a leader, so that whoever finds it can work.
pub async fn start(mut house: Box<House>, seed: Option<u64>, door: Door) -> Result<Embedded, Report> {
    // A seed repeats its nonces: it may serve a cluster's first life only.
    let seed = if house.is_new { seed } else { None };
    let managers = start_managers(&house, seed).await?;
    let started = finish(&mut house, &managers, seed, door).await;
    match started {
        Ok((workers, socket)) => Ok(Embedded {
            managers,
            workers,
            _socket: socket,
            house,
        }),
        Err(report) => {
            join_all(managers.iter().map(Manager::shutdown)).await;
            Err(report)
        }
    }
}

async fn finish(
    house: &mut House,
    managers: &[Manager],
    seed: Option<u64>,
    door: Door,
) -> Result<(Vec<Agent>, SocketFile), Report> {
    let Some(first) = managers.first() else {
        return Err(
            Report::failure("a cluster without a manager cannot run").hint("choose another directory with --dir")
        );
    };
    let incoming = router::start(managers);
    tokio::spawn(door::serve(door, incoming.clone()));
    establish(house, first).await?;
    let workers = start_workers(house, seed)?;
    join_all(workers.iter().map(served)).await;
    let socket = socket::bind(&house.socket()).map_err(|error| cannot_write(&house.dir, &error))?;
    Ok((workers, socket.serve(incoming)))
}

/// A worker that is not served yet is no failure: it goes on trying.
async fn served(worker: &Agent) {
    let mut served_by = worker.served_by();
    let _ = tokio::time::timeout(WORKERS, served_by.wait_for(Option::is_some)).await;
}

impl Embedded {
    /// Waits until so many managers have failed that nothing can be decided any more, and says why.
    pub fn failure(&self) -> impl Future<Output = Report> + use<> {
        let failures: Vec<_> = self.managers.iter().map(Manager::failure).collect();
        let dir = self.house.dir.clone();
        async move {
            let most = failures.len() / 2;
            let mut waiting: FuturesUnordered<_> = failures.into_iter().map(failed).collect();
            let mut count = 0;
            while let Some(reason) = waiting.next().await {
                count += usize::from(reason.is_some());
                if let Some(reason) = reason.filter(|_| count > most) {
                    return Report::failure(format!("too many managers have stopped: {reason}")).hint(format!(
                        "make room in {} or repair its disk, then start wardroom again",
                        dir.display()
                    ));
                }
            }
            // All have stopped because they were told to.
            std::future::pending().await
        }
    }

    /// Ends tasks and erases their files first, then stops the managers. The socket goes with it.
    pub async fn shutdown(self) {
        let left = join_all(self.workers.into_iter().map(Agent::shutdown)).await;
        for error in left.into_iter().filter_map(Result::err) {
            tracing::error!(error = %chain(&error), "a worker could not erase all its files; its next start does");
        }
        join_all(self.managers.iter().map(Manager::shutdown)).await;
        tracing::info!(dir = %self.house.dir.display(), "the cluster has stopped");
    }
}

/// Founds the cluster if that is still to be done; otherwise waits for the leader that must come.
async fn establish(house: &mut House, first: &Manager) -> Result<(), Report> {
    let Some(founding) = house.manifest.founding.clone() else {
        return match first.wait_leader(ELECTION).await {
            Ok(_) => Ok(()),
            Err(error) => Err(Report::new(Exit::NoQuorum, error.to_string())
                .hint(format!("look into {}", house.log_file().display()))),
        };
    };
    let (actor, command) = bootstrap::first_change(house, &founding)?;
    let members = house.manifest.managers.iter().map(|entry| {
        (
            entry.raft_id,
            Peer {
                address: entry.address.clone(),
                node_id: entry.node_id.clone(),
            },
        )
    });
    match first
        .initialize(members.collect::<BTreeMap<_, _>>(), actor, command)
        .await
    {
        // A crash came after the change was committed and before this was noted.
        Ok(_) | Err(InitializeError::NotPristine) => {}
        Err(error) => return Err(explain(&error)),
    }
    house.manifest.founding = None;
    house
        .manifest
        .write(&house.dir)
        .map_err(|error| cannot_write(&house.dir, &error))
}

/// All at once: each waits for its own disk only.
async fn start_managers(house: &House, seed: Option<u64>) -> Result<Vec<Manager>, Report> {
    let starting = house.manifest.managers.iter().map(|entry| {
        let (dir, manifest, entry) = (house.node(&entry.hostname), house.manifest.clone(), entry.clone());
        tokio::spawn(async move { start_manager(&dir, &manifest, &entry, chance(seed, &entry.hostname)).await })
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

async fn start_manager(
    dir: &Path,
    manifest: &Manifest,
    entry: &ManagerEntry,
    chance: Arc<dyn Chance>,
) -> Result<Manager, Report> {
    let about = |error: &dyn Error| explain_with(&format!("{} does not start", entry.hostname), error);
    let disk = RealDisk::new(dir).map_err(|error| cannot_write(dir, &error))?;
    let path = dir.join(KEYRING);
    let bytes = std::fs::read(&path).map_err(|error| {
        Report::failure(format!("cannot read {}: {error}", path.display()))
            .hint("restore the file: without it this manager's log cannot be read")
    })?;
    let file = KeyringFile::decode(&bytes).map_err(|error| about(&error))?;
    let keyring = Keyring::open(file, &manifest.cluster_id, &entry.node_id).map_err(|error| about(&error))?;
    let config = ManagerConfig {
        cluster_id: manifest.cluster_id.clone(),
        node_id: entry.node_id.clone(),
        raft_id: entry.raft_id,
        hostname: entry.hostname.clone(),
        listen: entry.address.clone(),
        advertise: entry.address.clone(),
        timing: Timing::default(),
        snapshot_every: SNAPSHOT_EVERY,
    };
    let seams = Seams {
        clock: Arc::new(SystemClock),
        chance,
        net: Arc::new(TcpNet),
        disk: Arc::new(disk),
        spawn: Spawn::Thread,
    };
    Manager::start(config, keyring, tls(dir)?, seams)
        .await
        .map_err(|error| match &error {
            StartError::Bind { .. } => {
                about(&error).hint("see what listens there with `ss -ltnp`, stop it, then start again")
            }
            _ => about(&error),
        })
}

fn start_workers(house: &House, seed: Option<u64>) -> Result<Vec<Agent>, Report> {
    house
        .manifest
        .workers
        .iter()
        .map(|entry| start_worker(house, entry, seed))
        .collect()
}

fn start_worker(house: &House, entry: &WorkerEntry, seed: Option<u64>) -> Result<Agent, Report> {
    let about = |error: &dyn Error| explain_with(&format!("{} does not start", entry.hostname), error);
    let config = AgentConfig {
        cluster_id: house.manifest.cluster_id.clone(),
        node_id: entry.node_id.clone(),
        hostname: entry.hostname.clone(),
        managers: house
            .manifest
            .managers
            .iter()
            .map(|manager| manager.address.clone())
            .collect(),
        secrets_root: None,
        shim: PathBuf::from(MYSELF),
        pace: Pace::default(),
    };
    let mut seams = AgentSeams::real(&config).map_err(|error| about(&error))?;
    seams.chance = chance(seed, &entry.hostname);
    Agent::start(config, tls(&house.node(&entry.hostname))?, seams).map_err(|error| about(&error))
}

/// Who the node in this folder is.
pub fn tls(dir: &Path) -> Result<NodeTls, Report> {
    let files = NodeFiles::load(dir).map_err(|error| explain(&error))?;
    NodeTls::new(
        &files.root_pem,
        &files.certificate_pem,
        &files.key,
        Arc::new(SystemClock),
    )
    .map_err(|error| explain_with(&format!("{} is not usable", dir.display()), &error))
}

/// A node's own stream of randomness.
fn chance(seed: Option<u64>, label: &str) -> Arc<dyn Chance> {
    match seed {
        Some(seed) => Arc::new(SeededChance::new(seed).derive(label)),
        None => Arc::new(OsChance),
    }
}

/// Why a manager failed; `None` when it was stopped.
async fn failed(mut failure: watch::Receiver<Option<String>>) -> Option<String> {
    failure.wait_for(Option::is_some).await.ok()?.clone()
}

/// An error and its causes in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        let words = next.to_string();
        if !text.contains(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = next.source();
    }
    text
}

#[cfg(test)]
#[path = "cluster_tests.rs"]
mod tests;
