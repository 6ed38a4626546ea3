//! What do the hosts of one run share with the harness? The founded cluster, the calls made, and a window into every
//! manager that is alive. One thread.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::select_all;
use tokio::sync::{Notify, broadcast, watch};
use wardroom_api::v1::ManagerStatus;
use wardroom_manager::{Applied, Leadership, Manager};

use crate::founding::Founded;
use crate::history::History;

pub(crate) struct World {
    pub(crate) seed: u64,
    pub(crate) cluster: Founded,
    pub(crate) history: RefCell<History>,
    /// By manager's place. They come and go by [`World::begins`], [`World::ends`] and [`World::all_end`].
    pub(crate) lives: RefCell<BTreeMap<usize, Life>>,
    /// How often one came or went.
    changes: watch::Sender<u64>,
    /// By manager's place: the run says when a client asks something.
    turns: Vec<Notify>,
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
            turns: cluster.managers.iter().map(|_| Notify::new()).collect(),
            changes: watch::Sender::new(0),
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

    pub(crate) fn begins(&self, place: usize, life: Life) {
        self.lives.borrow_mut().insert(place, life);
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn ends(&self, place: usize) {
        self.lives.borrow_mut().remove(&place);
        self.changes.send_modify(|count| *count += 1);
    }

    pub(crate) fn all_end(&self) {
        self.lives.borrow_mut().clear();
        self.changes.send_modify(|count| *count += 1);
    }

    /// Let the client on that manager ask something.
    pub(crate) fn give_turn(&self, place: usize) {
        self.turns[place].notify_one();
    }

    /// Waits for the next turn of the client on that manager.
    pub(crate) async fn turn(&self, place: usize) {
        self.turns[place].notified().await;
    }

    /// What comes from now on: ask for it before looking, and wait for it after.
    pub(crate) fn news(&self) -> News {
        let lives = self.lives.borrow();
        News {
            changes: self.changes.subscribe(),
            indices: lives.values().map(|life| life.manager.replica().indices()).collect(),
        }
    }

    /// A manager's process ends in order.
    pub(crate) fn leave(&self, place: usize) {
        self.ends(place);
        self.left.borrow_mut().push(place);
    }

    pub(crate) fn complain(&self, text: String) {
        self.complaints.borrow_mut().push(text);
    }
}

/// That some manager has applied another entry, or that one came or went.
pub(crate) struct News {
    changes: watch::Receiver<u64>,
    indices: Vec<watch::Receiver<Option<u64>>>,
}

impl News {
    pub(crate) async fn come(mut self) {
        let moves = self.indices.iter_mut().map(|index| Box::pin(index.changed()));
        let some_index = async {
            if moves.len() == 0 {
                return std::future::pending().await;
            }
            // An index that is gone is news too.
            drop(select_all(moves).await);
        };
        tokio::select! {
            biased;
            // The world outlives whoever waits in it.
            _ = self.changes.changed() => {}
            () = some_index => {}
        }
    }
}

/// Simulated milliseconds since the run began, on the host that asks.
pub(crate) fn now_ms() -> u64 {
    let elapsed = turmoil::sim_elapsed().expect("asked from inside a simulated host");
    u64::try_from(elapsed.as_millis()).expect("a simulation lasts seconds")
}
