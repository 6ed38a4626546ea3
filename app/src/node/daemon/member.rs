//! What does the supervisor hold of a node that belongs to a cluster? Its parts, what it waits for, and the watchers that
//! tell when something of it moves.

use std::path::Path;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::{AbortHandle, JoinSet};
use wardroom_agent::{Agent, Instructions};
use wardroom_api::v1;
use wardroom_ca::{FilesError, KeyRest, NodeFiles, NodeTls, Role};
use wardroom_manager::Manager;

use super::local::Standing;
use super::manifest::{Manifest, NodeRole};
use super::news::{News, Teller, Told};
use super::order::Reply;
use super::parts::Ground;
use super::trial::Trial;
use super::words;
use crate::node::due::{draw, point_ms, sleep_until};
use crate::node::keys::Keys;

/// A manager that nobody lets vote for so long asks for a new certificate: the answer says what it is to be.
const NEWCOMER: Duration = Duration::from_secs(30);

/// Whether a new certificate is wanted by the clock, and what was tried.
#[derive(Default)]
pub struct Renewal {
    pub is_due: bool,
    pub trial: Trial,
}

/// Whether a manager takes part in decisions; one that was let in a moment ago only learns.
pub fn votes(status: &v1::ManagerStatus) -> bool {
    matches!(status.role.as_str(), "leader" | "follower" | "candidate")
}

/// A node that belongs to a cluster.
pub struct Member {
    pub manifest: Manifest,
    pub tls: NodeTls,
    /// The trusted roots as they are on disk, newest first.
    pub roots_pem: String,
    /// Of its manager, from the moment it has them.
    pub keys: Option<Keys>,
    pub manager: Option<Manager>,
    pub agent: Option<Agent>,
    /// Its cluster has heard it since it was started: an agent is served, or a manager votes.
    pub is_served: bool,
    pub votes: bool,
    /// Something is asked of a manager, and not answered yet.
    pub is_asking: bool,
    pub renewal: Renewal,
    /// Of its manager.
    pub starting: Trial,
    pub agent_starting: Trial,
    /// Why its manager does not run, and what to do.
    pub manager_trouble: Option<String>,
    /// Why its agent does not run, and what to do.
    pub agent_trouble: Option<String>,
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
            keys: None,
            manager: None,
            agent: None,
            is_served: false,
            votes: false,
            is_asking: false,
            renewal: Renewal::default(),
            starting: Trial::default(),
            agent_starting: Trial::default(),
            manager_trouble: None,
            agent_trouble: None,
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
        match (&self.manager_trouble, &self.agent_trouble) {
            (Some(why), _) | (None, Some(why)) => return Standing::Error(why.clone()),
            (None, None) => {}
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

    /// Takes the keys of its manager. A node's key that stood on the disk in clear wants to be replaced once it is sealed.
    pub fn take_keys(&mut self, keys: Keys) {
        let (mut exposed, tell) = (keys.exposed(), self.teller());
        self.keys = Some(keys);
        self.watchers.spawn(async move {
            while exposed.wait_for(|was| *was).await.is_ok() {
                tell.tell(News::Due);
                if exposed.wait_for(|was| !*was).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Saves new files of this node, their key at rest as its manager's keys say; a worker's in clear.
    pub fn save(&self, identity: &Path, files: &NodeFiles, role: NodeRole) -> Result<(), FilesError> {
        match &self.keys {
            Some(keys) if role == NodeRole::Manager => keys.save_node(files),
            _ => files.save(identity, &KeyRest::Clear),
        }
    }

    pub fn watch_manager(&mut self, manager: Manager) {
        let (mut status, failure) = (manager.status(), manager.failure());
        self.manager = Some(manager);
        let tell = self.teller();
        self.watchers.spawn(async move {
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
        self.renewal.is_due = false;
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
        let pause = self.renewal.trial.failed();
        self.wake_in(pause);
    }

    /// Its agent did not start: another try later.
    pub fn agent_failed(&mut self) {
        let pause = self.agent_starting.failed();
        self.wake_in(pause);
    }

    /// Its manager did not start: another try later.
    pub fn start_failed(&mut self) {
        let pause = self.starting.failed();
        self.wake_in(pause);
    }

    /// Looks at the node again, after what is under way now.
    pub fn retry(&self) {
        self.teller().tell(News::Retry);
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
