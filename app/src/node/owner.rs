//! Who owns the managers and workers of an embedded cluster? One task. It opens what opens by itself, waits for the key of
//! the rest, starts what is open, and lets go of everything when it is told to lock or to end.
//!
//! ```text
//! locked ──right key──> managers start ──more than half──> a leader, workers ──> all runs
//!    └──────────────────────── swarm lock (autolock is on) ────────────────────────┘
//! ```
//!
//! A manager that a crash left under an earlier unlock key opens with what the running ones have kept of that key; if they
//! have not, it waits for it while the others run.

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::{BoxFuture, join_all, select_all};
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardroom_agent::Agent;
use wardroom_ca::Clock;
use wardroom_keys::{OsChance, UnlockKey};
use wardroom_manager::Manager;

use super::badge::{self, Badge};
use super::cluster::{Phase, failed, served, stop_workers};
use super::establish::establish;
use super::founding::{KEYRING, cannot_write};
use super::front::Front;
use super::house::House;
use super::keyring::{self, Found};
use super::keys::Keys;
use super::manifest::ManagerEntry;
use super::nodes::{self, Ground};
use super::renewal::Renewal;
use super::unlocking::{Door, LockOrder, Shown, Unlocking};
use crate::report::Report;

/// A manager that runs.
pub struct Running {
    pub node_id: String,
    pub manager: Manager,
}

/// What comes once the cluster is led.
struct Settled {
    workers: Vec<Agent>,
    renewing: JoinHandle<()>,
}

type Failures = FuturesUnordered<BoxFuture<'static, (String, Option<String>)>>;

pub struct Owner {
    pub house: Box<House>,
    pub clock: Arc<dyn Clock>,
    pub seed: Option<u64>,
    pub front: Front,
    pub orders: mpsc::Receiver<LockOrder>,
    pub shown: watch::Sender<Shown>,
    pub phase: watch::Sender<Phase>,
    pub stop: CancellationToken,
    pub parts: Parts,
}

/// What the owner has of its cluster at a moment.
#[derive(Default)]
pub struct Parts {
    /// The managers that wait for their key.
    pub unlocking: Unlocking,
    /// The managers whose keys are open.
    pub open: Vec<Badge>,
    /// Of the workers. Whoever renews their certificates and whoever shows them share one.
    workers: Vec<Badge>,
    pub running: Vec<Running>,
    /// Epochs whose unlock key the running managers had, and which was tried.
    kept: Vec<u32>,
    settled: Option<Settled>,
    failures: Failures,
    failed: usize,
}

impl Owner {
    /// Opens what opens by itself, and starts it. Fails when that cannot be started.
    pub async fn begin(&mut self) -> Result<(), Report> {
        self.look()?;
        if self.parts.unlocking.is_locked() {
            self.open_socket()?;
            self.tell();
            self.try_credentials();
        }
        self.start().await?;
        let settled = self.settle().await;
        if settled.is_err() {
            self.end().await;
        }
        settled
    }

    /// Until `stop`, or until so much has failed that nothing can be decided any more.
    pub async fn run(mut self) -> Result<(), Report> {
        let outcome = self.serve().await;
        self.end().await;
        tracing::info!(dir = %self.house.dir.display(), "the cluster has stopped");
        outcome
    }

    async fn serve(&mut self) -> Result<(), Report> {
        let stop = self.stop.clone();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                settled = self.settle() => settled?,
            }
            if self.open_with_kept_keys().await {
                continue;
            }
            self.tell();
            tokio::select! {
                biased;
                () = stop.cancelled() => return Ok(()),
                Some((node_id, reason)) = self.parts.failures.next() => self.has_failed(&node_id, reason).await?,
                Some(order) = self.orders.recv() => self.obey(order).await,
                () = learns(&self.parts.unlocking, &self.parts.running) => {}
            }
        }
    }

    /// Every keyring that is not open yet: it opens by itself, or is a door.
    pub fn look(&mut self) -> Result<(), Report> {
        if self.parts.workers.is_empty() {
            self.parts.workers = badge::workers(&self.house.dir, &self.house.manifest, &self.clock)?;
        }
        let mut doors = Vec::new();
        for entry in self.closed() {
            let path = self.house.node(&entry.hostname).join(KEYRING);
            match keyring::look(&path, &self.house.manifest.cluster_id, &entry.node_id)? {
                Found::Open(keyring) => self.take_open(&entry, keyring)?,
                Found::Locked(file) => doors.push(Door {
                    node_id: entry.node_id,
                    hostname: entry.hostname,
                    file,
                }),
            }
        }
        self.parts.unlocking = Unlocking::new(&self.house.manifest.cluster_id, doors);
        Ok(())
    }

    fn closed(&self) -> Vec<ManagerEntry> {
        let is_open = |entry: &&ManagerEntry| self.parts.open.iter().any(|badge| badge.node_id == entry.node_id);
        let managers = self.house.manifest.managers.iter();
        managers.filter(|entry| !is_open(entry)).cloned().collect()
    }

    fn take_open(&mut self, entry: &ManagerEntry, keyring: wardroom_keys::Keyring) -> Result<(), Report> {
        let dir = self.house.node(&entry.hostname);
        let keys = Keys::open(keyring, nodes::disk(&dir)?, dir.clone(), Arc::new(OsChance));
        let badge = badge::manager(dir, entry, keys, &self.clock)?;
        self.parts.open.push(badge);
        Ok(())
    }

    /// Opens every door to which that is the key.
    pub fn open_doors(&mut self, key: &UnlockKey) -> Result<(), Report> {
        let opens = self.parts.unlocking.opens(key);
        let entries: Vec<_> = self
            .closed()
            .into_iter()
            .filter(|entry| opens.contains(&entry.node_id))
            .collect();
        for entry in entries {
            let path = self.house.node(&entry.hostname).join(KEYRING);
            let keyring = keyring::unlock(&path, &self.house.manifest.cluster_id, &entry.node_id, key)?;
            self.take_open(&entry, keyring)?;
            self.parts.unlocking.opened(&entry.node_id);
            tracing::info!(manager = entry.hostname, "its keys are open");
        }
        Ok(())
    }

    /// Whether a manager was opened and started with an unlock key that the running ones have kept. What cannot be is told
    /// once, and goes on waiting: the others run without it.
    async fn open_with_kept_keys(&mut self) -> bool {
        let keys = self.kept_keys();
        if keys.is_empty() {
            return false;
        }
        let before = self.parts.open.len();
        let mut opened = keys.iter().try_for_each(|key| self.open_doors(key));
        if opened.is_ok() {
            opened = self.start().await;
        }
        if let Err(report) = opened {
            tracing::error!(%report, "a manager that was left behind does not start");
            self.withdraw();
        }
        self.parts.open.len() > before
    }

    /// What is open and does not run waits for its key again.
    pub fn withdraw(&mut self) {
        let running = &self.parts.running;
        let runs = |badge: &Badge| running.iter().any(|running| running.node_id == badge.node_id);
        self.parts.open.retain(runs);
        if let Err(report) = self.look() {
            tracing::error!(%report, "what waits for a key cannot be read");
        }
    }

    /// The unlock keys of the doors' epochs that the running managers have kept; each is told once.
    fn kept_keys(&mut self) -> Vec<UnlockKey> {
        let cluster_id = self.house.manifest.cluster_id.clone();
        let mut keys = Vec::new();
        for waiting in self.parts.unlocking.shown().managers {
            if self.parts.kept.contains(&waiting.epoch) {
                continue;
            }
            for running in &self.parts.running {
                let sealed = running
                    .manager
                    .replica()
                    .read(|state| state.keys().sealed_unlock_key(waiting.epoch).cloned());
                let badge = self.parts.open.iter().find(|badge| badge.node_id == running.node_id);
                let root = badge
                    .and_then(|badge| badge.keys.as_ref())
                    .map(|keys| keys.ring().sealing_root());
                let (Some(sealed), Some(root)) = (sealed, root) else {
                    continue;
                };
                match root.open_unlock_key(&cluster_id, waiting.epoch, &sealed) {
                    Ok(key) => {
                        self.parts.kept.push(waiting.epoch);
                        keys.push(key);
                    }
                    Err(error) => tracing::error!(%error, epoch = waiting.epoch, "a kept unlock key does not open"),
                }
                break;
            }
        }
        keys
    }

    /// Starts the managers that are open and do not run.
    pub async fn start(&mut self) -> Result<(), Report> {
        let (open, running) = (&self.parts.open, &self.parts.running);
        let is_to_start = |entry: &&ManagerEntry| {
            open.iter().any(|badge| badge.node_id == entry.node_id)
                && !running.iter().any(|running| running.node_id == entry.node_id)
        };
        let managers = self.house.manifest.managers.iter();
        let entries: Vec<ManagerEntry> = managers.filter(is_to_start).cloned().collect();
        if entries.is_empty() {
            return Ok(());
        }
        let started = nodes::start_managers(&self.ground(), &entries).await?;
        for (entry, manager) in entries.into_iter().zip(started) {
            let (node_id, failure) = (entry.node_id.clone(), manager.failure());
            self.parts
                .failures
                .push(Box::pin(async move { (node_id, failed(failure).await) }));
            self.parts.running.push(Running {
                node_id: entry.node_id,
                manager,
            });
        }
        self.lead();
        self.front.open_door();
        // Whoever renews is to know the new ones.
        if let Some(settled) = &mut self.parts.settled {
            settled.renewing.abort();
            let renewal = self.renewal();
            if let Some(settled) = &mut self.parts.settled {
                settled.renewing = tokio::spawn(renewal.run());
            }
        }
        Ok(())
    }

    /// The first manager that runs answers: one and the same as long as it is well, so that whoever writes also reads what
    /// was written.
    fn lead(&self) {
        self.front
            .lead_to(self.parts.running.first().map(|running| &running.manager));
    }

    /// Once more than half of the managers run: the cluster is founded or led, and its workers start. They come last:
    /// whatever fails before them leaves no file to erase.
    async fn settle(&mut self) -> Result<(), Report> {
        let managers = self.managers();
        if self.parts.settled.is_some() || managers.len() * 2 <= self.house.manifest.managers.len() {
            return Ok(());
        }
        let renewal = self.renewal();
        let manifest = &self.house.manifest;
        let founding = manifest.founding.as_ref();
        let founding = founding.map(|founding| founding.cluster(&manifest.cluster_id, &manifest.name));
        renewal.at_start(founding.as_ref())?;
        let badges = self.badges();
        establish(&mut self.house, &managers, &badges).await?;
        self.open_socket()?;
        let workers = nodes::start_workers(&self.ground()).await?;
        join_all(workers.iter().map(served)).await;
        self.parts.settled = Some(Settled {
            workers,
            renewing: tokio::spawn(renewal.run()),
        });
        Ok(())
    }

    fn open_socket(&mut self) -> Result<(), Report> {
        let opened = self.front.open_socket(&self.house.socket());
        opened.map_err(|error| cannot_write(&self.house.dir, &error))
    }

    pub fn managers(&self) -> Vec<Manager> {
        self.parts
            .running
            .iter()
            .map(|running| running.manager.clone())
            .collect()
    }

    fn ground(&self) -> Ground {
        Ground {
            manifest: self.house.manifest.clone(),
            badges: self.badges(),
            clock: Arc::clone(&self.clock),
            seed: self.seed,
        }
    }

    fn renewal(&self) -> Renewal {
        Renewal {
            managers: self.managers(),
            badges: self.badges(),
            clock: Arc::clone(&self.clock),
            chance: self.ground().chance("renewal"),
        }
    }

    /// Of every node that is open, managers first.
    fn badges(&self) -> Vec<Badge> {
        self.parts.open.iter().chain(&self.parts.workers).cloned().collect()
    }

    /// A manager that fails is stopped, and the next one answers.
    async fn has_failed(&mut self, node_id: &str, reason: Option<String>) -> Result<(), Report> {
        let (Some(reason), Some(place)) = (
            reason,
            self.parts.running.iter().position(|running| running.node_id == node_id),
        ) else {
            return Ok(()); // it was told to stop
        };
        tracing::error!(%reason, "a manager has stopped");
        let gone = self.parts.running.remove(place);
        self.lead();
        gone.manager.shutdown().await;
        self.parts.failed += 1;
        if self.parts.failed * 2 <= self.house.manifest.managers.len() {
            return Ok(());
        }
        Err(
            Report::failure(format!("too many managers have stopped: {reason}")).hint(format!(
                "make room in {} or repair its disk, then start wardroom again",
                self.house.dir.display()
            )),
        )
    }

    /// Ends tasks and erases their files first, then stops the managers and lets go of their keys.
    pub async fn end(&mut self) {
        self.front.lead_to(None);
        let parts = std::mem::take(&mut self.parts);
        if let Some(settled) = parts.settled {
            settled.renewing.abort();
            stop_workers(settled.workers).await;
        }
        join_all(parts.running.iter().map(|running| running.manager.shutdown())).await;
    }

    /// What this cluster is now, to whoever asks or waits.
    pub fn tell(&mut self) {
        let shown = Shown {
            serves: !self.parts.running.is_empty(),
            ..self.parts.unlocking.shown()
        };
        let phase = match &self.parts.settled {
            Some(_) => Phase::Running(self.managers()),
            None if self.parts.running.is_empty() && self.parts.unlocking.is_locked() => Phase::Locked,
            None => Phase::Starting,
        };
        self.shown
            .send_if_modified(|known| std::mem::replace(known, shown.clone()) != shown);
        self.phase.send_replace(phase);
    }
}

/// Returns when a running manager has learnt something, while others wait for a key that it may have been.
async fn learns(unlocking: &Unlocking, running: &[Running]) {
    let waits = unlocking.is_locked();
    let replicas = running.iter().filter(|_| waits);
    let moving: Vec<_> = replicas
        .map(|running| {
            let mut indices = running.manager.replica().indices();
            Box::pin(async move {
                if indices.changed().await.is_err() {
                    std::future::pending::<()>().await;
                }
            })
        })
        .collect();
    if moving.is_empty() {
        return std::future::pending().await;
    }
    select_all(moving).await;
}

#[cfg(test)]
#[path = "owner_tests.rs"]
mod tests;
