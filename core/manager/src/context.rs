//! What do the parts of a manager share? Handles, all cheap to clone; no part owns another.

use std::sync::Arc;

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wardroom_ca::{Clock, NodeTls};
use wardroom_keys::{Chance, SharedKeyring};

use crate::config::ManagerConfig;
use crate::control::offices::Offices;
use crate::hooks::Hooks;
use crate::links::Links;
use crate::mark::Mark;
use crate::peer::Managers;
use crate::propose::Proposer;
use crate::raft::Consensus;
use crate::replica::Replica;
use crate::status::Leadership;

#[derive(Clone)]
pub(crate) struct Context {
    pub(crate) config: Arc<ManagerConfig>,
    /// Seals values on their way in, opens them on their way to a worker.
    pub(crate) keyring: Arc<SharedKeyring>,
    /// This manager's certificate, and whom it trusts and refuses.
    pub(crate) tls: NodeTls,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) chance: Arc<dyn Chance>,
    /// Make the next values of secrets that are due.
    pub(crate) hooks: Arc<dyn Hooks>,
    pub(crate) replica: Replica,
    pub(crate) proposer: Proposer,
    /// Who is in the consensus, and how that is changed.
    pub(crate) consensus: Consensus,
    /// The store was refounded, and the state does not know it yet.
    pub(crate) mark: Mark,
    /// Who leads; whether this manager may decide.
    pub(crate) leadership: watch::Receiver<Leadership>,
    /// Channels to the other managers, e.g. to forward a write to the leader.
    pub(crate) links: Links,
    /// Every manager's latest word about itself.
    pub(crate) managers: Managers,
    /// What control, watch, dispatcher and reconcile share among themselves.
    pub(crate) offices: Offices,
    /// Cancelled when the manager stops; every loop ends on it.
    pub(crate) stop: CancellationToken,
}
