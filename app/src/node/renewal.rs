//! How does a cluster outlive its certificates and its root? This process holds the root's key and all nodes, so it
//! reissues what is past half of its life or was issued by an older root: at its start, before anybody needs a quorum,
//! then by a timer and whenever the cluster's facts change.
//!
//! A node's new files are durable before it shows the new certificate; what the state says of it follows as soon as one
//! of the managers leads, and catches up after a crash because it is compared and not remembered.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::select_all;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use wardroom_ca::{Clock, NodeFiles};
use wardroom_keys::Chance;
use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::Command;
use wardroom_manager::state::event::{Event, ObjectKey};
use wardroom_manager::state::ids::NodeId;
use wardroom_manager::{Applied, Manager};

use super::badge::{self, Badge};
use super::beginning::{certificate, system};
use super::due::{draw, is_due, point_ms, sleep_until};
use super::establish::leading;
use super::issuer::{Issuer, roots_pem};
use super::keys::Keys;
use super::{explain, explain_with};
use crate::report::Report;

/// Before another try, after one that failed.
const RETRY: Duration = Duration::from_secs(600);

/// Keeps the certificates of this process's nodes young and under the newest root.
pub struct Renewal {
    pub managers: Vec<Manager>,
    pub badges: Vec<Badge>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

type Changes = broadcast::Receiver<Arc<Applied>>;

impl Renewal {
    /// Renews before there is a leader; `founding` is the cluster's first state while that is not committed. Fails only
    /// if a certificate has expired, because without it the cluster cannot run.
    pub fn at_start(&self, founding: Option<&Cluster>) -> Result<(), Report> {
        let Err(report) = self.renew(founding) else {
            return Ok(());
        };
        let now_ms = self.clock.now_ms();
        if self.badges.iter().any(|badge| badge.tls.facts().not_after_ms <= now_ms) {
            return Err(report);
        }
        tracing::warn!(%report, "certificates could not be renewed yet");
        Ok(())
    }

    /// Renews by the clock and by what changes, for ever.
    pub async fn run(self) {
        let mut changes: Vec<Changes> = self
            .managers
            .iter()
            .map(|manager| manager.replica().subscribe())
            .collect();
        let mut exposed: Vec<_> = self
            .badges
            .iter()
            .filter_map(|badge| badge.keys.as_ref())
            .map(Keys::exposed)
            .collect();
        loop {
            for exposed in &mut exposed {
                exposed.borrow_and_update();
            }
            // What changed before anybody listened is seen by this first look.
            if let Err(report) = self.renew(None) {
                tracing::error!(%report, "certificates could not be renewed; it is tried again");
            }
            let due_ms = self.next_ms();
            tokio::select! {
                biased;
                () = sleep_until(&*self.clock, due_ms, RETRY) => {}
                () = any_change(&mut changes) => {}
                () = any_exposed(&mut exposed) => {}
                () = async { self.announce().await; std::future::pending().await } => {}
            }
        }
    }

    /// Trusts the cluster's roots everywhere and reissues every certificate that is due. A node that fails keeps the one
    /// it has, and the others go on.
    fn renew(&self, founding: Option<&Cluster>) -> Result<(), Report> {
        let Some((manager, cluster)) = self.known(founding) else {
            return Ok(());
        };
        let mut outcome = self
            .badges
            .iter()
            .map(|badge| trust(badge, &cluster))
            .fold(Ok(()), Result::and);
        let now_ms = self.clock.now_ms();
        let newest = &cluster.root_key_id;
        let is_wanted = |badge: &&Badge| {
            let facts = badge.tls.facts();
            // A cluster of an older program learns the key of its root from its nodes' certificates.
            is_due(&facts, now_ms) || badge.is_exposed() || (!newest.is_empty() && facts.issuer != *newest)
        };
        let due: Vec<_> = self.badges.iter().filter(is_wanted).collect();
        if due.is_empty() {
            return outcome;
        }
        let issuer = Issuer::open(&manager, &cluster).map_err(|error| explain(&error))?;
        for badge in due {
            match self.renew_one(badge, &issuer, now_ms) {
                Ok(()) => tracing::info!(node = %badge.hostname, "its certificate is renewed"),
                Err(report) => outcome = outcome.and(Err(report)),
            }
        }
        outcome
    }

    fn renew_one(&self, badge: &Badge, issuer: &Issuer, now_ms: i64) -> Result<(), Report> {
        let about = |error: &dyn std::error::Error| {
            explain_with(
                &format!("the certificate of {} cannot be renewed", badge.hostname),
                error,
            )
        };
        let made = badge::issue(issuer, &badge.node_id, badge.role, now_ms, &*self.chance);
        let files = made.map_err(|error| about(&error))?;
        badge.save(&files).map_err(|error| about(&error))?;
        let reloaded = badge.tls.reload(&files.certificate_pem, &files.key);
        reloaded.map_err(|error| about(&error))
    }

    /// The cluster as the manager knows it that has seen most, lest a late one bring an older root back. `None` while no
    /// manager has applied the first change.
    fn known(&self, founding: Option<&Cluster>) -> Option<(Manager, Cluster)> {
        let seen = self.managers.iter().filter_map(|manager| {
            let cluster = manager.replica().read(|state| state.cluster().cloned());
            Some((manager.clone(), cluster?))
        });
        let newest = seen.max_by_key(|(_, cluster)| cluster.version_index);
        newest.or_else(|| Some((self.managers.first()?.clone(), founding?.clone())))
    }

    /// The earliest time at which a certificate wants to be renewed by the timer.
    fn next_ms(&self) -> i64 {
        let percent = draw(&*self.chance);
        let times = self.badges.iter().map(|badge| point_ms(&badge.tls.facts(), percent));
        let exposed = self.badges.iter().find(|badge| badge.is_exposed()).map(|_| 0);
        times.chain(exposed).min().unwrap_or(i64::MAX)
    }

    /// Brings the state up to date with the certificates in use; returns when it is.
    async fn announce(&self) {
        loop {
            let leader = leading(&self.managers).await;
            match self.announce_through(&leader).await {
                Ok(()) => return,
                Err(error) => tracing::warn!(%error, "a new certificate is not recorded yet"),
            }
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn announce_through(&self, leader: &Manager) -> Result<(), wardroom_manager::ProposeError> {
        for badge in &self.badges {
            let (node, certificate) = (NodeId::new(&badge.node_id), certificate(&badge.tls));
            let is_news = leader.replica().read(|state| {
                let recorded = state.nodes().get(&node);
                // A node that was removed has nothing to say.
                recorded.is_some_and(|recorded| recorded.certificate != certificate)
            });
            if is_news {
                let change = Command::SetCertificate { node, certificate };
                leader.proposer().propose(system(), change).await?;
            }
        }
        Ok(())
    }
}

/// The roots on disk and in use are the cluster's.
fn trust(badge: &Badge, cluster: &Cluster) -> Result<(), Report> {
    let about = |error: &dyn std::error::Error| {
        explain_with(&format!("{} cannot trust the cluster's roots", badge.hostname), error)
    };
    let roots = roots_pem(cluster);
    if NodeFiles::saved_roots(&badge.dir).map_err(|error| about(&error))? == roots {
        return Ok(());
    }
    badge.tls.trust(&roots).map_err(|error| about(&error))?;
    NodeFiles::save_roots(&badge.dir, &roots).map_err(|error| about(&error))
}

/// Returns when a manager has applied a change of the cluster's own facts.
async fn any_change(changes: &mut [Changes]) {
    if changes.is_empty() {
        return std::future::pending().await;
    }
    let waiting = changes.iter_mut().map(|changes| Box::pin(change(changes)));
    select_all(waiting).await;
}

/// Returns when a key has been sealed that stood on the disk in clear: it is replaced at once, and once only.
async fn any_exposed(exposed: &mut [watch::Receiver<bool>]) {
    if exposed.is_empty() {
        return std::future::pending().await;
    }
    let waiting = exposed.iter_mut().map(|exposed| {
        Box::pin(async move {
            while exposed.changed().await.is_ok() {
                if *exposed.borrow_and_update() {
                    return;
                }
            }
            std::future::pending::<()>().await;
        })
    });
    select_all(waiting).await;
}

async fn change(changes: &mut Changes) {
    loop {
        match changes.recv().await {
            Ok(applied) if concerns(&applied) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            // That manager has stopped; the others tell.
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

fn concerns(applied: &Applied) -> bool {
    applied.replaced || applied.events.contains(&Event::Put(ObjectKey::Cluster))
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
