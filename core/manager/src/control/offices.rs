//! What do control, watch, dispatcher and reconcile share? Their own tables, one set per manager.

use tokio_util::sync::CancellationToken;

use crate::control::refusals::Refusals;
use crate::dispatcher::sessions::Sessions;
use crate::replica::Replica;
use crate::watch::Recent;

/// Cheap to clone; all clones are the same tables.
#[derive(Clone)]
pub(crate) struct Offices {
    /// The newest applied entries, for everybody who watches.
    pub(crate) recent: Recent,
    /// Workers that speak to this manager while it leads.
    pub(crate) sessions: Sessions,
    /// Refused calls that wait for the audit chain.
    pub(crate) refusals: Refusals,
}

impl Offices {
    pub(crate) fn open(replica: &Replica, stop: CancellationToken) -> Self {
        Self {
            recent: Recent::start(replica, stop),
            sessions: Sessions::default(),
            refusals: Refusals::default(),
        }
    }
}
