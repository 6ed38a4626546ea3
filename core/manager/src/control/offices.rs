//! What do control, watch, dispatcher and reconcile share? Their own tables, one set per manager.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::connections::Connections;
use crate::control::attempts::Attempts;
use crate::control::refusals::Refusals;
use crate::dispatcher::logs::Logs;
use crate::dispatcher::sessions::Sessions;
use crate::replica::Replica;
use crate::watch::Recent;

/// Readers of logs at once.
const READERS: usize = 64;

/// Cheap to clone; all clones are the same tables.
#[derive(Clone)]
pub(crate) struct Offices {
    /// The newest applied entries, for everybody who watches.
    pub(crate) recent: Recent,
    /// Workers that speak to this manager while it leads.
    pub(crate) sessions: Sessions,
    /// Open connections by who is at the other end.
    pub(crate) connections: Connections,
    /// Machines that tried wrong join tokens a moment ago.
    pub(crate) attempts: Attempts,
    /// One backup at a time: each takes the memory of the state once more.
    pub(crate) backing_up: Arc<Semaphore>,
    /// Refused calls that wait for the audit chain.
    pub(crate) refusals: Refusals,
    /// Readers of logs, and the workers that have the lines.
    pub(crate) logs: Logs,
    pub(crate) readers: Arc<Semaphore>,
}

impl Offices {
    pub(crate) fn open(replica: &Replica, stop: CancellationToken) -> Self {
        Self {
            recent: Recent::start(replica, stop),
            sessions: Sessions::default(),
            connections: Connections::default(),
            attempts: Attempts::default(),
            backing_up: Arc::new(Semaphore::new(1)),
            refusals: Refusals::default(),
            logs: Logs::default(),
            readers: Arc::new(Semaphore::new(READERS)),
        }
    }
}
