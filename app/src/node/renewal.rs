//! How does a cluster outlive its certificates? This process holds the root's key and all nodes, so it reissues what is
//! past half of its life: at its start, before anybody needs a quorum, and later by a timer.
//!
//! A node's new files are durable before it shows the new certificate; what the state says of it follows as soon as one
//! of the managers leads, and catches up after a crash because it is compared and not remembered.

use std::sync::Arc;
use std::time::Duration;

use wardroom_ca::{CertificateFacts, Clock, Root};
use wardroom_keys::Chance;
use wardroom_manager::Manager;
use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::state::command::Command;
use wardroom_manager::state::ids::NodeId;

use super::badge::{self, Badge};
use super::establish::leading;
use super::{bootstrap, explain, explain_with};
use crate::report::Report;

/// When the timer renews, in percent of a certificate's life; drawn anew each time, so that processes that were started
/// together part.
const PERCENT: std::ops::Range<u64> = 50..81;
/// After this part of its life a certificate is renewed when there is an occasion.
const DUE_PERCENT: u64 = 50;
/// Before another try, after one that failed.
const RETRY: Duration = Duration::from_secs(600);
/// The runtime's time stands still while the machine sleeps: after this the clock is looked at again.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// Keeps the certificates of this process's nodes young.
pub struct Renewal {
    pub managers: Vec<Manager>,
    pub badges: Vec<Badge>,
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
}

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

    /// Renews by the clock, for ever.
    pub async fn run(self) {
        loop {
            let due_ms = self.next_ms();
            tokio::select! {
                biased;
                () = self.sleep_until(due_ms) => {}
                () = async { self.announce().await; std::future::pending().await } => {}
            }
            if let Err(report) = self.renew(None) {
                tracing::error!(%report, "certificates could not be renewed; it is tried again");
            }
        }
    }

    /// Reissues every certificate that is due. A node that fails keeps the one it has, and the others go on.
    fn renew(&self, founding: Option<&Cluster>) -> Result<(), Report> {
        let now_ms = self.clock.now_ms();
        let due: Vec<_> = self
            .badges
            .iter()
            .filter(|badge| is_due(&badge.tls.facts(), now_ms))
            .collect();
        if due.is_empty() {
            return Ok(());
        }
        let Some(root) = self.root(founding)? else {
            tracing::warn!("no manager knows the cluster's root yet; certificates are renewed later");
            return Ok(());
        };
        let mut outcome = Ok(());
        for badge in due {
            match self.renew_one(badge, &root, now_ms) {
                Ok(()) => tracing::info!(node = %badge.hostname, "its certificate is renewed"),
                Err(report) => outcome = outcome.and(Err(report)),
            }
        }
        outcome
    }

    fn renew_one(&self, badge: &Badge, root: &Root, now_ms: i64) -> Result<(), Report> {
        let about = |error: &dyn std::error::Error| {
            explain_with(
                &format!("the certificate of {} cannot be renewed", badge.hostname),
                error,
            )
        };
        let issued = badge::issue(root, &badge.node_id, badge.role, now_ms, &*self.chance);
        let files = issued.map_err(|error| about(&error))?;
        files.save(&badge.dir).map_err(|error| about(&error))?;
        let reloaded = badge.tls.reload(&files.certificate_pem, &files.key);
        reloaded.map_err(|error| about(&error))
    }

    /// `None` while no manager has applied the first change.
    fn root(&self, founding: Option<&Cluster>) -> Result<Option<Root>, Report> {
        let known = |manager: &Manager| manager.replica().read(|state| state.cluster().cloned());
        let found = self
            .managers
            .iter()
            .find_map(|manager| Some((manager, known(manager)?)));
        let (manager, cluster) = match (found, self.managers.first(), founding) {
            (Some(found), ..) => found,
            (None, Some(first), Some(founding)) => (first, founding.clone()),
            _ => return Ok(None),
        };
        manager.root(&cluster).map(Some).map_err(|error| explain(&error))
    }

    /// The earliest time at which a certificate wants to be renewed by the timer.
    fn next_ms(&self) -> i64 {
        let percent = draw(&*self.chance);
        let times = self.badges.iter().map(|badge| point_ms(&badge.tls.facts(), percent));
        times.min().unwrap_or(i64::MAX)
    }

    /// A time that has passed already belongs to a try that failed: it waits too.
    async fn sleep_until(&self, due_ms: i64) {
        loop {
            let left = u64::try_from(due_ms.saturating_sub(self.clock.now_ms())).unwrap_or(0);
            tokio::time::sleep(Duration::from_millis(left).clamp(RETRY, LONGEST_SLEEP)).await;
            if self.clock.now_ms() >= due_ms {
                return;
            }
        }
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
            let (node, certificate) = (NodeId::new(&badge.node_id), bootstrap::certificate(badge));
            let is_news = leader.replica().read(|state| {
                let recorded = state.nodes().get(&node);
                // A node that was removed has nothing to say.
                recorded.is_some_and(|recorded| recorded.certificate != certificate)
            });
            if is_news {
                let change = Command::SetCertificate { node, certificate };
                leader.proposer().propose(bootstrap::system(), change).await?;
            }
        }
        Ok(())
    }
}

fn draw(chance: &dyn Chance) -> u64 {
    PERCENT.start + chance.next_u64() % (PERCENT.end - PERCENT.start)
}

/// Whether to renew when there is an occasion.
fn is_due(facts: &CertificateFacts, now_ms: i64) -> bool {
    now_ms >= point_ms(facts, DUE_PERCENT)
}

/// When `percent` of a certificate's life are over.
fn point_ms(facts: &CertificateFacts, percent: u64) -> i64 {
    let life = i128::from(facts.not_after_ms) - i128::from(facts.not_before_ms);
    let point = i128::from(facts.not_before_ms) + life.max(0) * i128::from(percent) / 100;
    i64::try_from(point).unwrap_or(i64::MAX)
}

#[cfg(test)]
#[path = "renewal_tests.rs"]
mod tests;
