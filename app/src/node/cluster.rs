//! A whole cluster in this process: managers and workers with an identity, a folder and a port each, speaking mutual TLS
//! over loopback as they would between machines. Nothing here is short-cut for being together.

use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use wardroom_agent::Agent;
use wardroom_ca::{Clock, SystemClock};
use wardroom_manager::Manager;

use super::badge;
use super::door::{self, Door};
use super::establish::establish;
use super::founding::cannot_write;
use super::house::House;
use super::nodes::{self, Ground};
use super::renewal::Renewal;
use super::router;
use super::socket::{self, SocketFile};
use crate::report::Report;

/// How long workers may take to find their leader before others are let in.
const WORKERS: Duration = Duration::from_secs(2);

/// A running cluster.
pub struct Embedded {
    managers: Vec<Manager>,
    workers: Vec<Agent>,
    renewing: JoinHandle<()>,
    _socket: SocketFile,
    house: Box<House>,
}

/// Starts the house's nodes. Connections of `door` are served from the first moment on; the socket appears when there is
/// a leader, so that whoever finds it can work.
pub async fn start(house: Box<House>, seed: Option<u64>, door: Door) -> Result<Embedded, Report> {
    start_at(house, seed, door, Arc::new(SystemClock)).await
}

/// As [`start`], by a clock.
async fn start_at(
    mut house: Box<House>,
    seed: Option<u64>,
    door: Door,
    clock: Arc<dyn Clock>,
) -> Result<Embedded, Report> {
    let ground = Ground {
        manifest: house.manifest.clone(),
        badges: badge::all(&house, &clock)?,
        clock,
        seed: seed.filter(|_| house.is_new),
    };
    let managers = nodes::start_managers(&ground).await?;
    let renewal = Renewal {
        managers: managers.clone(),
        badges: ground.badges.clone(),
        clock: Arc::clone(&ground.clock),
        chance: ground.chance("renewal"),
    };
    match finish(&mut house, &managers, &ground, &renewal, door).await {
        Ok((workers, socket)) => Ok(Embedded {
            managers,
            workers,
            renewing: tokio::spawn(renewal.run()),
            _socket: socket,
            house,
        }),
        Err(report) => {
            join_all(managers.iter().map(Manager::shutdown)).await;
            Err(report)
        }
    }
}

/// What follows on managers that run. The workers come last: whatever fails before them leaves no file to erase.
async fn finish(
    house: &mut House,
    managers: &[Manager],
    ground: &Ground,
    renewal: &Renewal,
    door: Door,
) -> Result<(Vec<Agent>, SocketFile), Report> {
    let incoming = router::start(managers);
    tokio::spawn(door::serve(door, incoming.clone()));
    let founding = house.manifest.founding.as_ref();
    let founding = founding.map(|founding| founding.cluster(&house.manifest.cluster_id, &house.manifest.name));
    renewal.at_start(founding.as_ref())?;
    establish(house, managers, &ground.badges).await?;
    let socket = socket::bind(&house.socket()).map_err(|error| cannot_write(&house.dir, &error))?;
    let workers = nodes::start_workers(ground).await?;
    join_all(workers.iter().map(served)).await;
    Ok((workers, socket.serve(incoming)))
}

/// A worker that is not served yet is no failure: it goes on trying.
async fn served(worker: &Agent) {
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
        self.renewing.abort();
        stop_workers(self.workers).await;
        join_all(self.managers.iter().map(Manager::shutdown)).await;
        tracing::info!(dir = %self.house.dir.display(), "the cluster has stopped");
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
