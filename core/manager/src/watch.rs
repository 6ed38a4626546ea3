//! What is new? A snapshot, then only what came after it; or only what came after an index the client already has.
//!
//! One ring of the newest applied entries serves all watchers, each with a cursor of its own. Who falls behind the ring
//! gets a fresh snapshot instead of a queue, so that a slow consumer costs no memory.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::{RecvError, TryRecvError};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use wardroom_api::v1;
use wardroom_state::State;

use crate::control::convert;
use crate::peer::{Table, Word};
use crate::replica::{Applied, Replica};

/// Entries kept for clients that come back.
const KEPT: usize = 1_024;
/// Audit records in a snapshot; `List` pages through the rest.
const AUDIT_IN_SNAPSHOT: u64 = 1_000;
/// Changes in one message; what is more follows in the next.
const CHANGES_IN_MESSAGE: usize = 512;

/// The ring. Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Recent(Arc<Mutex<Ring>>, watch::Receiver<u64>);

#[derive(Debug, Default)]
struct Ring {
    /// Everything applied after this index is in `entries`.
    floor: u64,
    entries: VecDeque<Arc<Applied>>,
}

impl Ring {
    fn push(&mut self, applied: Arc<Applied>) {
        if applied.replaced {
            self.restart(applied.index);
        } else if applied.index > self.floor {
            self.entries.push_back(applied);
            if self.entries.len() > KEPT
                && let Some(dropped) = self.entries.pop_front()
            {
                self.floor = dropped.index;
            }
        }
    }

    fn restart(&mut self, floor: u64) {
        self.entries.clear();
        self.floor = floor;
    }

    /// What came after `cursor`, oldest first; `None` when some of it is gone.
    fn after(&self, cursor: u64) -> Option<Vec<Arc<Applied>>> {
        if cursor < self.floor {
            return None;
        }
        let first = self.entries.partition_point(|applied| applied.index <= cursor);
        Some(self.entries.range(first..).cloned().collect())
    }
}

impl Recent {
    /// Starts collecting what `replica` applies until `stop`.
    pub(crate) fn start(replica: &Replica, stop: CancellationToken) -> Self {
        let (floor, mut applied) = replica.follow(|_| replica.index());
        let ring = Arc::new(Mutex::new(Ring {
            floor,
            entries: VecDeque::new(),
        }));
        let (moved, moving) = watch::channel(floor);
        let (shared, replica) = (Arc::clone(&ring), replica.clone());
        tokio::spawn(async move {
            loop {
                let next = tokio::select! {
                    biased;
                    () = stop.cancelled() => return,
                    next = applied.recv() => next,
                };
                let mut ring = shared.lock().unwrap_or_else(PoisonError::into_inner);
                match next {
                    Ok(next) => ring.push(next),
                    Err(RecvError::Lagged(_)) => {
                        let (floor, resubscribed) = replica.follow(|_| replica.index());
                        ring.restart(floor);
                        applied = resubscribed;
                    }
                    Err(RecvError::Closed) => return,
                }
                let index = ring.entries.back().map_or(ring.floor, |applied| applied.index);
                drop(ring);
                moved.send_replace(index);
            }
        });
        Self(ring, moving)
    }

    fn after(&self, cursor: u64) -> Option<Vec<Arc<Applied>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).after(cursor)
    }
}

/// One client's place in the stream.
pub(crate) struct Watcher {
    replica: Replica,
    recent: Recent,
    moving: watch::Receiver<u64>,
    /// Empty: all.
    kinds: BTreeSet<i32>,
    /// The client has everything up to here; `None` before its snapshot.
    cursor: Option<u64>,
    managers: Option<watch::Receiver<Table>>,
    /// Revision of the managers' table that the client has.
    told: u64,
    pending: VecDeque<v1::WatchMessage>,
}

impl Watcher {
    pub(crate) fn new(
        replica: Replica,
        recent: &Recent,
        request: &v1::WatchRequest,
        managers: Option<watch::Receiver<Table>>,
    ) -> Self {
        // An index from the future is another cluster's, or one whose log was lost.
        let resumable = request.resume_index != 0 && request.resume_index <= replica.index();
        Self {
            replica,
            recent: recent.clone(),
            moving: recent.1.clone(),
            kinds: request.kinds.iter().copied().collect(),
            cursor: resumable.then_some(request.resume_index),
            managers,
            told: 0,
            pending: VecDeque::new(),
        }
    }

    /// The next message; waits for it. `None` when the manager stops.
    pub(crate) async fn next(&mut self) -> Option<v1::WatchMessage> {
        loop {
            if let Some(message) = self.pending.pop_front() {
                return Some(message);
            }
            self.moving.mark_unchanged();
            self.look();
            self.hear();
            if !self.pending.is_empty() {
                continue;
            }
            tokio::select! {
                biased;
                moved = self.moving.changed() => if moved.is_err() { return None },
                heard = changed(self.managers.as_mut()) => if !heard { return None },
            }
        }
    }

    /// Takes in what was applied since the cursor.
    fn look(&mut self) {
        match self.cursor.and_then(|cursor| self.recent.after(cursor)) {
            None => {
                let snapshot = self.replica.read(|state| self.snapshot(state));
                self.cursor = Some(snapshot.index);
                self.pending.push_back(snapshot);
            }
            Some(entries) => {
                let mut batch = v1::Changes::default();
                for applied in entries {
                    self.cursor = Some(applied.index);
                    batch
                        .changes
                        .extend(applied.changes.iter().filter(|change| self.wants(change)).cloned());
                    if batch.changes.len() >= CHANGES_IN_MESSAGE {
                        self.pending
                            .push_back(message(applied.index, std::mem::take(&mut batch)));
                    }
                }
                if !batch.changes.is_empty() {
                    self.pending.push_back(message(self.cursor.unwrap_or(0), batch));
                }
            }
        }
    }

    fn snapshot(&self, state: &State) -> v1::WatchMessage {
        let from_audit = state.audit_length().saturating_sub(AUDIT_IN_SNAPSHOT);
        let kinds = [
            v1::Kind::Cluster,
            v1::Kind::Node,
            v1::Kind::Operator,
            v1::Kind::Secret,
            v1::Kind::Service,
            v1::Kind::Task,
            v1::Kind::Rotation,
            v1::Kind::Holding,
            v1::Kind::Audit,
        ];
        let wanted = kinds.into_iter().filter(|kind| self.wants_kind(*kind as i32));
        let objects = wanted
            .flat_map(|kind| convert::objects(state, kind, from_audit))
            .collect();
        let body = v1::watch_message::Body::Snapshot(v1::Snapshot { objects });
        // The index that entries of the ring are compared with: Raft's own entries change nothing.
        v1::WatchMessage {
            index: state.index(),
            body: Some(body),
        }
    }

    fn wants(&self, change: &v1::Change) -> bool {
        let kind = match &change.action {
            Some(v1::change::Action::Put(object)) => convert::kind_of(object),
            Some(v1::change::Action::Removed(key)) => key.kind(),
            None => v1::Kind::Unspecified,
        };
        self.wants_kind(kind.into())
    }

    fn wants_kind(&self, kind: i32) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    /// Takes in the managers' new words about themselves.
    fn hear(&mut self) {
        let Some(managers) = &mut self.managers else { return };
        let table = managers.borrow_and_update();
        let index = self.cursor.unwrap_or(0);
        for (node_id, word) in table.since(self.told) {
            let body = match word {
                Word::Status(status) => v1::watch_message::Body::Manager(v1::ManagerStatus::clone(status)),
                Word::Lost(reason) => v1::watch_message::Body::ManagerLost(v1::ManagerLost {
                    node_id: node_id.to_owned(),
                    reason: reason.clone(),
                }),
            };
            self.pending.push_back(v1::WatchMessage {
                index,
                body: Some(body),
            });
        }
        self.told = table.revision;
    }
}

/// Passes over what is waiting already: one look at the state takes in all of it.
pub(crate) fn skip(applied: &mut Receiver<Arc<Applied>>) {
    while !matches!(applied.try_recv(), Err(TryRecvError::Empty | TryRecvError::Closed)) {}
}

fn message(index: u64, changes: v1::Changes) -> v1::WatchMessage {
    v1::WatchMessage {
        index,
        body: Some(v1::watch_message::Body::Changes(changes)),
    }
}

/// Waits for a new word of a manager; for ever when nobody asked for them.
async fn changed(managers: Option<&mut watch::Receiver<Table>>) -> bool {
    match managers {
        Some(managers) => managers.changed().await.is_ok(),
        None => std::future::pending().await,
    }
}
