//! A whole cluster in this process: managers and workers with an identity, a folder and a port each, speaking mutual TLS
//! over loopback as they would between machines. Nothing here is short-cut for being together.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use wardroom_agent::Agent;
use wardroom_ca::{Clock, SystemClock};
use wardroom_manager::Manager;

use super::door::Door;
use super::front::Front;
use super::house::House;
use super::owner::{Owner, Parts};
use super::refusal::Refusal;
use super::switch::Switch;
use super::unlocking::{self, Shown, words};
use crate::report::Report;

/// How long workers may take to find their leader before others are let in.
const WORKERS: Duration = Duration::from_secs(2);

/// Orders about the lock that wait for their turn.
const ORDERS: usize = 4;

/// A cluster of this process.
pub struct Embedded {
    phase: watch::Receiver<Phase>,
    stop: CancellationToken,
    running: JoinHandle<()>,
    /// Why it has ended by itself.
    ended: watch::Receiver<bool>,
    reason: Arc<Mutex<Option<Report>>>,
}

/// Where it is on its way.
#[derive(Clone, Default)]
pub enum Phase {
    #[default]
    Starting,
    /// Nothing but its lock answers.
    Locked,
    /// It is led; these are its managers.
    Running(#[cfg_attr(not(test), expect(dead_code, reason = "tests look into their replicas"))] Vec<Manager>),
}

/// Starts the house's nodes. Connections of `door` are served from the first moment on; the socket appears when there is
/// a leader, so that whoever finds it can work, or when somebody is to unlock the cluster.
pub async fn start(house: Box<House>, seed: Option<u64>, door: Door) -> Result<Embedded, Report> {
    start_at(house, seed, door, Arc::new(SystemClock)).await
}

/// As [`start`], by a clock.
async fn start_at(house: Box<House>, seed: Option<u64>, door: Door, clock: Arc<dyn Clock>) -> Result<Embedded, Report> {
    let (phase, told) = watch::channel(Phase::default());
    let (shown, lock) = watch::channel(Shown::open(&house.manifest.cluster_id));
    let (order, orders) = mpsc::channel(ORDERS);
    let own = Routes::new(unlocking::service(order, lock, Arc::clone(&clock)));
    let why_none = why_none(told.clone());
    let stop = CancellationToken::new();
    let mut owner = Owner {
        seed: seed.filter(|_| house.is_new),
        house,
        clock,
        front: Front::new(door, own, Switch::new(why_none)),
        orders,
        shown,
        phase,
        stop: stop.clone(),
        parts: Parts::default(),
    };
    owner.begin().await?;
    owner.tell();
    let (over, ended) = watch::channel(false);
    let reason = Arc::new(Mutex::new(None));
    let tell_reason = Arc::clone(&reason);
    let running = tokio::spawn(async move {
        if let Err(report) = owner.run().await {
            *tell_reason.lock().unwrap_or_else(PoisonError::into_inner) = Some(report);
            over.send_replace(true);
        }
    });
    Ok(Embedded {
        phase: told,
        stop,
        running,
        ended,
        reason,
    })
}

/// Why no manager answers.
fn why_none(phase: watch::Receiver<Phase>) -> impl Fn() -> Refusal {
    move || match &*phase.borrow() {
        Phase::Locked => Refusal::state(words::LOCKED),
        Phase::Starting | Phase::Running(_) => {
            Refusal::unreachable("no manager of this cluster answers: try again in a moment")
        }
    }
}

/// A worker that is not served yet is no failure: it goes on trying.
pub async fn served(worker: &Agent) {
    let mut served_by = worker.served_by();
    let _ = tokio::time::timeout(WORKERS, served_by.wait_for(Option::is_some)).await;
}

/// Ends their tasks and erases their files.
pub async fn stop_workers(workers: Vec<Agent>) {
    let left = join_all(workers.into_iter().map(Agent::shutdown)).await;
    for error in left.into_iter().filter_map(Result::err) {
        tracing::error!(error = %chain(&error), "a worker could not erase all its files; its next start does");
    }
}

impl Embedded {
    /// Waits until it has ended by itself, and says why.
    pub fn failure(&self) -> impl Future<Output = Report> + use<> {
        let (mut ended, reason) = (self.ended.clone(), Arc::clone(&self.reason));
        async move {
            let has_ended = ended.wait_for(|ended| *ended).await.is_ok();
            let report = reason.lock().unwrap_or_else(PoisonError::into_inner).take();
            match report.filter(|_| has_ended) {
                Some(report) => report,
                // It has stopped because it was told to.
                None => std::future::pending().await,
            }
        }
    }

    /// Whether nothing but its lock answers.
    pub fn is_locked(&self) -> bool {
        matches!(*self.phase.borrow(), Phase::Locked)
    }

    /// Waits until it is led; for ever if it never is.
    pub async fn led(&self) {
        let mut phase = self.phase.clone();
        if phase
            .wait_for(|phase| matches!(phase, Phase::Running(_)))
            .await
            .is_err()
        {
            std::future::pending::<()>().await;
        }
    }

    /// Ends tasks and erases their files first, then stops the managers. The socket goes with it.
    pub async fn shutdown(self) {
        self.stop.cancel();
        if let Err(panic) = self.running.await {
            tracing::error!(%panic, "the cluster did not stop in order");
        }
    }
}

/// Why a manager failed; `None` when it was stopped.
pub async fn failed(mut failure: watch::Receiver<Option<String>>) -> Option<String> {
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
