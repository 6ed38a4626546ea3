//! Who decides, who is told? One manager of a cluster: its part in the consensus, its replica of the state, and the
//! services it offers to operators, workers and the other managers. This file is wiring only.
//!
//! ```text
//! operator ─> control ─> propose ─> raft ─> replica ─> watch ─> operator
//!                                              ├─────> dispatcher ─> worker ─> (receipt) ─> propose
//!                                              └─────> reconcile ─> propose      on the leader only
//! ```
//!
//! Time, chance, disk and network come in through [`Seams`], so that a whole cluster runs in one thread from a seed.

pub mod backup;
mod config;
mod connections;
mod context;
pub(crate) mod control;
mod digest;
pub(crate) mod dispatcher;
mod doorstep;
mod elections;
mod founding;
mod guests;
mod hooks;
mod keeping;
mod keys;
mod links;
mod mark;
mod membership;
mod notes;
mod peer;
mod propose;
mod raft;
mod recognize;
pub(crate) mod reconcile;
mod refound;
mod replica;
mod root;
mod server;
mod status;
mod tasks;
mod trust;
pub(crate) mod watch;

#[cfg(test)]
mod cluster_tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::watch as channel;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use wardroom_api::v1;
use wardroom_ca::NodeTls;
use wardroom_keys::SharedKeyring;
use wardroom_state::command::{Actor, Command};

pub use config::{ManagerConfig, Seams, StartError, Timing};
pub use founding::InitializeError;
pub use guests::{Guests, actor_of};
pub use hooks::{HookError, Hooks, NoHooks};
pub use keys::{FetchError, fetch_keys};
pub use notes::Note;
pub use peer::{Managers, Table, Word};
pub use propose::{Committed, NO_LEADER, ProposeError, Proposer};
pub use raft::{OpenError, Peer, SnapshotGone};
pub use refound::{RefoundError, Refounded, Refounding, refound};
pub use replica::{Applied, Replica};
pub use root::RootError;
pub use server::{Local, serve_local};
pub use status::Leadership;
/// The founder of a cluster names its first change in these words.
pub use wardroom_state as state;

use context::Context;
use control::offices::Offices;
use raft::Opening;
use tasks::Tasks;

/// A running manager. Cheap to clone; all clones are the same manager.
#[derive(Clone)]
pub struct Manager(Arc<Inner>);

struct Inner {
    context: Context,
    reports: status::Reports,
    address: String,
    tasks: Tasks,
}

impl Manager {
    /// Recovers what is on disk, joins the consensus and serves the TLS port. A pristine manager waits to be contacted
    /// by a leader, or for [`Self::initialize`].
    pub async fn start(
        mut config: ManagerConfig,
        keyring: Arc<SharedKeyring>,
        tls: NodeTls,
        seams: Seams,
    ) -> Result<Self, StartError> {
        if keyring.cluster() != config.cluster_id || keyring.node() != config.node_id {
            let (found_cluster, found_node) = (keyring.cluster().to_owned(), keyring.node().to_owned());
            return Err(StartError::OtherKeyring {
                found_cluster,
                found_node,
            });
        }
        let bound = seams.net.bind(&config.listen).await;
        let listener = bound.map_err(|source| StartError::Bind {
            address: config.listen.clone(),
            source,
        })?;
        let address = listener.address();
        if config.advertise.is_empty() {
            config.advertise.clone_from(&address);
        }

        let (config, replica) = (Arc::new(config), Replica::new());
        let links = links::Links::new(Arc::clone(&seams.net), tls.clone());
        let opening = Opening {
            config: Arc::clone(&config),
            keyring: Arc::clone(&keyring),
            links: links.clone(),
            replica: replica.clone(),
            seams: seams.clone(),
        };
        let mark = mark::Mark::read(Arc::clone(&seams.disk)).map_err(StartError::Disk)?;
        let consensus = raft::open(opening).await?;
        let stop = CancellationToken::new();
        let (progress, keeping) = channel::channel(keeping::Progress::default());
        let reporter = status::Reporter {
            config: Arc::clone(&config),
            keeping,
            consensus: consensus.clone(),
            replica: replica.clone(),
            keyring: Arc::clone(&keyring),
            tls: tls.clone(),
            clock: Arc::clone(&seams.clock),
        };
        let reports = reporter.start(stop.clone());
        let proposer = Proposer::new(consensus.clone(), Arc::clone(&seams.clock), &config.hostname);
        let context = Context {
            config,
            keyring,
            proposer,
            consensus,
            mark,
            tls,
            clock: seams.clock,
            chance: seams.chance,
            hooks: seams.hooks,
            offices: Offices::open(&replica, stop.clone()),
            replica,
            leadership: reports.leadership.clone(),
            links,
            managers: Managers::new(),
            stop,
        };
        let manager = Self(Arc::new(Inner {
            context,
            reports,
            address,
            tasks: Tasks::default(),
        }));
        manager.keep_trust();
        manager.serve_peers(listener);
        manager.follow_managers();
        manager.reconcile();
        manager.keep_membership();
        manager.note_refusals();
        manager.keep_keys(progress);
        Ok(manager)
    }

    /// Begins a cluster of `members` with `bootstrap` as its first change. Ask exactly one manager, once; asking it
    /// again finishes what a crash interrupted.
    pub async fn initialize(
        &self,
        members: BTreeMap<u64, Peer>,
        actor: Actor,
        bootstrap: Command,
    ) -> Result<Committed, InitializeError> {
        founding::begin(&self.0.context, &self.0.context.consensus, members, actor, bootstrap).await
    }

    /// Serves the Control service to local connections, until the stream ends or the manager stops.
    pub fn serve_local(&self, incoming: impl Stream<Item = Local> + Send + 'static) {
        let stop = self.0.context.stop.clone();
        self.0
            .tasks
            .start(server::serve_local(incoming, self.local_routes(), stop));
    }

    /// The Control service as local connections reach it, for a server that outlives this manager. Connections are to come
    /// from [`serve_local`], which says who is at their other end.
    pub fn local_routes(&self) -> Routes {
        control::local_routes(&self.0.context)
    }

    /// The bound address of the TLS port.
    pub fn address(&self) -> &str {
        &self.0.address
    }

    pub fn replica(&self) -> &Replica {
        &self.0.context.replica
    }

    pub fn proposer(&self) -> &Proposer {
        &self.0.context.proposer
    }

    /// Every manager's latest word about itself, this one's included.
    pub fn managers(&self) -> &Managers {
        &self.0.context.managers
    }

    /// This manager's word about itself, whenever it changes.
    pub fn status(&self) -> channel::Receiver<v1::ManagerStatus> {
        self.0.reports.status.clone()
    }

    pub fn leadership(&self) -> channel::Receiver<Leadership> {
        self.0.reports.leadership.clone()
    }

    /// Why Raft stopped by itself (its disk failed, its log disagrees); `None` while it runs. Then nothing can be done
    /// here but to end the process.
    pub fn failure(&self) -> channel::Receiver<Option<String>> {
        self.0.reports.failure.clone()
    }

    /// Has the audit chain told, in the background: when somebody leads, unless this manager stops before.
    pub fn note(&self, note: Note) {
        let context = self.0.context.clone();
        self.0.tasks.start(async move {
            tokio::select! {
                biased;
                () = context.stop.cancelled() => {}
                () = notes::write(&context, &note) => {}
            }
        });
    }

    /// As [`Self::note`], but returns when the chain has it, which may be never: put a deadline around it.
    pub async fn noted(&self, note: &Note) {
        notes::write(&self.0.context, note).await;
    }

    /// Waits until somebody leads, or says in Docker's words that nobody does.
    pub async fn wait_leader(&self, patience: Duration) -> Result<Peer, ProposeError> {
        let mut leadership = self.leadership();
        let led = leadership.wait_for(|leadership| leadership.leader.is_some());
        let known = tokio::time::timeout(patience, led).await;
        let leader = known
            .ok()
            .and_then(Result::ok)
            .and_then(|leadership| leadership.leader.clone());
        leader.ok_or(ProposeError::NotLeader { leader: None })
    }

    /// Takes a snapshot of what is applied now; it is done in the background.
    pub async fn take_snapshot(&self) -> Result<(), ProposeError> {
        self.0.context.consensus.snapshot().await
    }

    /// Stops serving and leaves the disk in order. Connections get a moment to finish.
    pub async fn shutdown(&self) {
        self.0.context.stop.cancel();
        self.0.tasks.end().await;
        self.0.context.consensus.shutdown().await;
    }

    fn serve_peers(&self, listener: Box<dyn wardroom_api::net::Listener>) {
        let context = &self.0.context;
        let peers = peer::service(self.status(), context);
        let routes = control::tls_routes(context, self.0.context.consensus.service(), peers);
        let door = server::Door {
            tls: context.tls.clone(),
            replica: context.replica.clone(),
            connections: context.offices.connections.clone(),
            clock: Arc::clone(&context.clock),
        };
        self.0
            .tasks
            .start(server::serve_tls(listener, door, routes, context.stop.clone()));
    }

    fn keep_trust(&self) {
        self.0.tasks.start(trust::keep(self.0.context.clone()));
    }

    fn follow_managers(&self) {
        let context = &self.0.context;
        let following = peer::follow_all(
            context.managers.clone(),
            self.status(),
            self.0.reports.members.clone(),
            context.links.clone(),
            context.stop.clone(),
        );
        self.0.tasks.start(following);
    }

    fn reconcile(&self) {
        self.0.tasks.start(reconcile::run(self.0.context.clone()));
        self.0.tasks.start(reconcile::scheduled::run(self.0.context.clone()));
    }

    fn keep_membership(&self) {
        self.0.tasks.start(membership::run(self.0.context.clone()));
    }

    fn keep_keys(&self, progress: channel::Sender<keeping::Progress>) {
        let context = &self.0.context;
        self.0.tasks.start(keeping::run(context.clone(), progress));
        self.0.tasks.start(keeping::record(context.clone()));
    }

    fn note_refusals(&self) {
        self.0.tasks.start(control::refusals::run(self.0.context.clone()));
    }
}
