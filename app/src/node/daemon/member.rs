//! What does the supervisor hold of a node that belongs to a cluster? Its parts, what it waits for, and the watchers that
//! tell when something of it moves. Whatever they tell carries the node's number, so that the words of one that is gone
//! are not taken for another's.

use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::Instant;
use wardroom_agent::{Agent, Instructions};
use wardroom_api::v1;
use wardroom_ca::{KeyRequest, NodeTls, Role};
use wardroom_keys::Keyring;
use wardroom_manager::{FetchError, Manager};

use super::call::CallFailure;
use super::local::Standing;
use super::manifest::{Manifest, NodeRole};
use super::order::Reply;
use super::parts::Ground;
use super::words;
use crate::node::due::{draw, point_ms, sleep_until};

/// Between two tries of the same thing: from the first to the longest pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// A manager that nobody lets vote for so long asks for a new certificate: the answer says what it is to be.
const NEWCOMER: Duration = Duration::from_secs(30);

/// What moved.
pub enum News {
    /// The managers have new words for this node.
    Told,
    /// A manager serves its agent.
    Served,
    /// Its manager votes.
    Votes,
    /// Its manager has failed, for this reason.
    Failed(String),
    /// The time to renew its certificate has come.
    Due,
    /// What failed may be tried again.
    Retry,
    /// Who waits for the node to be counted in has waited long enough.
    Patience,
    /// An answer to a request for a certificate with this key.
    Renewed(KeyRequest, Result<v1::RenewResponse, CallFailure>),
    /// An answer to a manager's request for keys.
    Keys(Result<Keyring, FetchError>),
}

/// The number of a node, and what it tells.
pub type Told = (u64, News);

/// What was tried in vain, and when it may be tried again.
#[derive(Default)]
pub struct Trial {
    failures: u32,
    not_before: Option<Instant>,
}

impl Trial {
    pub fn may(&self) -> bool {
        self.not_before.is_none_or(|at| at <= Instant::now())
    }

    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Doubles the pause; returns it.
    fn failed(&mut self) -> Duration {
        let pause = pause_after(self.failures);
        self.failures += 1;
        self.not_before = Some(Instant::now() + pause);
        pause
    }
}

fn pause_after(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX)
}

/// A node that belongs to a cluster.
pub struct Member {
    pub manifest: Manifest,
    pub tls: NodeTls,
    /// The trusted roots as they are on disk, newest first.
    pub roots_pem: String,
    pub manager: Option<Manager>,
    pub agent: Option<Agent>,
    /// Its cluster has heard it since it was started: an agent is served, or a manager votes.
    pub is_served: bool,
    pub votes: bool,
    /// Its certificate is to be renewed by the clock.
    pub is_due: bool,
    /// Something is asked of a manager, and not answered yet.
    pub is_asking: bool,
    pub renewing: Trial,
    pub starting: Trial,
    /// Why its manager, or its agent, does not run, and what to do.
    pub manager_trouble: Option<String>,
    pub agent_trouble: Option<String>,
    pub is_locked: bool,
    /// Who waits for it to be counted in.
    pub waiting: Option<(v1::JoinResponse, Reply<v1::JoinResponse>)>,
    number: u64,
    news: mpsc::UnboundedSender<Told>,
    watchers: JoinSet<()>,
    timer: Option<AbortHandle>,
}

impl Member {
    pub fn new(manifest: Manifest, tls: NodeTls, number: u64, news: mpsc::UnboundedSender<Told>) -> Self {
        Self {
            manifest,
            roots_pem: tls.roots_pem(),
            tls,
            manager: None,
            agent: None,
            is_served: false,
            votes: false,
            is_due: false,
            is_asking: false,
            renewing: Trial::default(),
            starting: Trial::default(),
            manager_trouble: None,
            agent_trouble: None,
            is_locked: false,
            waiting: None,
            number,
            news,
            watchers: JoinSet::new(),
            timer: None,
        }
    }

    pub fn number(&self) -> u64 {
        self.number
    }

    pub fn role(&self) -> Role {
        self.tls.identity().role
    }

    /// What it is, by the clock's time.
    pub fn standing(&self, now_ms: i64) -> Standing {
        if self.tls.facts().not_after_ms <= now_ms {
            return Standing::Error(format!(
                "{} Or run `wardroom swarm join` here with a token: the node then keeps its id.",
                words::EXPIRED
            ));
        }
        if self.is_locked {
            return Standing::Locked;
        }
        if let Some(trouble) = self.manager_trouble.as_ref().or(self.agent_trouble.as_ref()) {
            return Standing::Error(trouble.clone());
        }
        let is_heard = match self.manifest.role {
            NodeRole::Manager => self.votes,
            NodeRole::Worker => self.is_served,
        };
        if is_heard { Standing::Active } else { Standing::Pending }
    }

    /// The managers' last words.
    pub fn told(&self) -> Instructions {
        let told = self.agent.as_ref().map(Agent::instructions);
        told.map(|told| told.borrow().clone()).unwrap_or_default()
    }

    /// Follows what the managers tell its agent, for as long as it runs.
    pub fn watch_agent(&mut self, agent: Agent) {
        let (mut told, mut served_by, tell) = (agent.instructions(), agent.served_by(), self.teller());
        self.agent = Some(agent);
        self.watchers.spawn(async move {
            while told.changed().await.is_ok() {
                tell.tell(News::Told);
            }
        });
        let tell = self.teller();
        self.watchers.spawn(async move {
            if served_by.wait_for(Option::is_some).await.is_ok() {
                tell.tell(News::Served);
            }
        });
    }

    pub fn watch_manager(&mut self, manager: Manager) {
        let (mut status, failure) = (manager.status(), manager.failure());
        self.manager = Some(manager);
        let tell = self.teller();
        self.watchers.spawn(async move {
            let votes =
                |status: &v1::ManagerStatus| matches!(status.role.as_str(), "leader" | "follower" | "candidate");
            if tokio::time::timeout(NEWCOMER, status.wait_for(votes)).await.is_err() {
                tell.tell(News::Due);
            }
            if status.wait_for(votes).await.is_ok() {
                tell.tell(News::Votes);
            }
        });
        self.watchers.spawn(tell_failure(failure, self.teller()));
    }

    /// Wakes the node when its certificate wants to be renewed, by a draw anew.
    pub fn watch_certificate(&mut self, ground: &Ground) {
        if let Some(timer) = self.timer.take() {
            timer.abort();
        }
        self.is_due = false;
        let due_ms = point_ms(&self.tls.facts(), draw(&*ground.chance));
        let (clock, tell) = (ground.clock.clone(), self.teller());
        self.timer = Some(self.watchers.spawn(async move {
            sleep_until(&*clock, due_ms, Duration::ZERO).await;
            tell.tell(News::Due);
        }));
    }

    /// What is asked of the managers while the node goes on; at most one thing at a time.
    pub fn ask(&mut self, question: impl Future<Output = News> + Send + 'static) {
        self.is_asking = true;
        let tell = self.teller();
        self.watchers.spawn(async move { tell.tell(question.await) });
    }

    /// A renewal failed, or brought less than is wanted: another try later.
    pub fn renewal_failed(&mut self) {
        let pause = self.renewing.failed();
        self.wake_in(pause);
    }

    /// A part did not start: another try later.
    pub fn start_failed(&mut self) {
        let pause = self.starting.failed();
        self.wake_in(pause);
    }

    fn wake_in(&mut self, pause: Duration) {
        let tell = self.teller();
        self.watchers.spawn(async move {
            tokio::time::sleep(pause).await;
            tell.tell(News::Retry);
        });
    }

    /// Answers `reply` when the node is counted in, or after `patience` with what Docker says then.
    pub fn wait(&mut self, answer: v1::JoinResponse, reply: Reply<v1::JoinResponse>, patience: Duration) {
        self.waiting = Some((answer, reply));
        let tell = self.teller();
        self.watchers.spawn(async move {
            tokio::time::sleep(patience).await;
            tell.tell(News::Patience);
        });
    }

    fn teller(&self) -> Teller {
        Teller {
            number: self.number,
            news: self.news.clone(),
        }
    }
}

async fn tell_failure(mut failure: watch::Receiver<Option<String>>, tell: Teller) {
    let reason = match failure.wait_for(Option::is_some).await {
        Ok(reason) => reason.clone().unwrap_or_default(),
        // It was stopped.
        Err(_closed) => return,
    };
    tell.tell(News::Failed(reason));
}

struct Teller {
    number: u64,
    news: mpsc::UnboundedSender<Told>,
}

impl Teller {
    fn tell(&self, news: News) {
        // A supervisor that has ended needs no news.
        let _ = self.news.send((self.number, news));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_later_and_later() {
        let mut trial = Trial::default();
        assert!(trial.may());
        let pauses: Vec<u64> = (0..8).map(|_| trial.failed().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!trial.may());
        tokio::time::advance(PAUSE_MAX).await;
        assert!(trial.may());
        trial.succeeded();
        assert_eq!(trial.failed(), PAUSE_MIN);
        assert_eq!(pause_after(u32::MAX), PAUSE_MAX);
    }
}
