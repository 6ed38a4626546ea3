//! What do the hosts of one run share with the harness? The founded cluster, the calls made, and a window into every
//! manager that is alive. One thread; nothing here waits.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::broadcast;
use wardroom_api::v1::ManagerStatus;
use wardroom_manager::{Applied, Leadership, Manager};

use crate::founding::Founded;
use crate::history::History;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) cluster: Founded,
    pub(crate) history: RefCell<History>,
    /// By manager's place.
    pub(crate) lives: RefCell<BTreeMap<usize, Life>>,
    /// Starts of each host so far: every incarnation draws from a stream of its own.
    starts: RefCell<BTreeMap<String, u64>>,
    /// The cluster's first change was confirmed.
    pub(crate) begun: Cell<bool>,
    /// Clients ask nothing new from here on, simulated milliseconds.
    pub(crate) work_until_ms: Cell<u64>,
    /// Managers that have left in order since the last look.
    pub(crate) left: RefCell<Vec<usize>>,
    /// Changes of the membership that were confirmed, by kind.
    pub(crate) moves: RefCell<BTreeMap<&'static str, u32>>,
    /// What hosts found wrong.
    pub(crate) complaints: RefCell<Vec<String>>,
}

/// One incarnation of a manager, as the harness sees it between two steps.
pub(crate) struct Life {
    pub(crate) manager: Manager,
    pub(crate) applied: broadcast::Receiver<Arc<Applied>>,
}

impl Life {
    pub(crate) fn new(manager: Manager) -> Self {
        let applied = manager.replica().subscribe();
        Self { manager, applied }
    }

    /// Why it has stopped by itself, if it has.
    pub(crate) fn failure(&self) -> Option<String> {
        self.manager.failure().borrow().clone()
    }

    pub(crate) fn leadership(&self) -> Leadership {
        self.manager.leadership().borrow().clone()
    }

    pub(crate) fn status(&self) -> ManagerStatus {
        self.manager.status().borrow().clone()
    }
}

impl World {
    pub(crate) fn new(seed: u64, cluster: Founded) -> Self {
        Self {
            seed,
            cluster,
            history: RefCell::default(),
            lives: RefCell::default(),
            starts: RefCell::default(),
            begun: Cell::new(false),
            work_until_ms: Cell::new(u64::MAX),
            left: RefCell::default(),
            moves: RefCell::default(),
            complaints: RefCell::default(),
        }
    }

    /// Names the next incarnation of a host: `m1/3`.
    pub(crate) fn next_life(&self, host: &str) -> String {
        let mut starts = self.starts.borrow_mut();
        let start = starts.entry(host.to_owned()).or_default();
        *start += 1;
        format!("{host}/{start}")
    }

    /// A manager's process ends in order.
    pub(crate) fn leave(&self, place: usize) {
        self.lives.borrow_mut().remove(&place);
        self.left.borrow_mut().push(place);
    }

    pub(crate) fn complain(&self, text: String) {
        self.complaints.borrow_mut().push(text);
    }
}

/// Simulated milliseconds since the run began, on the host that asks.
pub(crate) fn now_ms() -> u64 {
    let elapsed = turmoil::sim_elapsed().expect("asked from inside a simulated host");
    u64::try_from(elapsed.as_millis()).expect("a simulation lasts seconds")
}
