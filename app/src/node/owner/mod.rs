//! Who owns the managers and workers of an embedded cluster? One task. It opens what opens by itself, waits for the key of
//! the rest, starts what is open, and lets go of everything when it is told to lock or to end.
//!
//! ```text
//! locked ──right key──> managers start ──more than half──> a leader, workers ──> all runs
//!    └──────────────────────── swarm lock (autolock is on) ────────────────────────┘
//! ```
//!
//! `doors` is what of it is locked and what opens it, `running` what runs, `lock` what it is told about its lock.

mod doors;
mod lock;
mod running;

use std::sync::Arc;

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use wardroom_agent::Agent;
use wardroom_ca::Clock;
use wardroom_manager::{Manager, Note};

use self::doors::learns;
use super::badge::Badge;
use super::cluster::Phase;
use super::front::Front;
use super::house::House;
use super::unlocking::{LockOrder, Shown, Unlocking};
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
    /// Who unlocked what, until a manager can say so.
    unlocked: Vec<Note>,
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
                () = self.parts.unlocking.patience(&self.clock) => {
                    self.parts.unlocking.forget_old(self.clock.now_ms());
                }
                () = learns(&self.parts.unlocking, &self.parts.running) => {}
            }
        }
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

#[cfg(test)]
mod tests;
