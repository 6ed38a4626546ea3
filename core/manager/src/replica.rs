//! What is true here and now? This manager's copy of the state, and everybody who wants to know when it changes.
//!
//! The state machine applies committed entries under one lock and publishes what changed before it lets go of it, so
//! that [`Replica::follow`] sees a state and then exactly what came after, with no gap and nothing twice. Nobody holds
//! the lock across an await.

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use tokio::sync::{broadcast, watch};
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::Proposal;
use wardroom_state::event::Event;
use wardroom_state::refusal::Refusal;

use crate::control::convert;

/// Applied entries a slow subscriber may fall behind before it has to read the state anew.
const BACKLOG: usize = 1024;

/// What one applied entry changed.
#[derive(Debug)]
pub struct Applied {
    /// Raft index of the entry.
    pub index: u64,
    pub events: Vec<Event>,
    /// The same events as clients see them, made while the state was at `index`.
    pub changes: Vec<v1::Change>,
    /// The whole state came in a snapshot: the events do not say what changed, read it anew.
    pub replaced: bool,
}

/// Cheap to clone; all clones are the same replica.
#[derive(Clone)]
pub struct Replica(Arc<Inner>);

struct Inner {
    state: RwLock<State>,
    /// Index of the last applied entry, Raft's own entries included; `None` before the first.
    index: watch::Sender<Option<u64>>,
    applied: broadcast::Sender<Arc<Applied>>,
}

impl Replica {
    pub(crate) fn new() -> Self {
        Self(Arc::new(Inner {
            state: RwLock::new(State::default()),
            index: watch::Sender::new(None),
            applied: broadcast::Sender::new(BACKLOG),
        }))
    }

    /// Looks at the state. Keep it short: entries are not applied meanwhile.
    pub fn read<R>(&self, look: impl FnOnce(&State) -> R) -> R {
        look(&self.reading())
    }

    /// Index of the last applied entry; 0 before the first.
    pub fn index(&self) -> u64 {
        self.0.index.borrow().unwrap_or(0)
    }

    /// The index as it moves; `None` before the first entry.
    pub fn indices(&self) -> watch::Receiver<Option<u64>> {
        self.0.index.subscribe()
    }

    /// What is applied from now on.
    pub fn subscribe(&self) -> broadcast::Receiver<Arc<Applied>> {
        self.0.applied.subscribe()
    }

    /// Looks at the state and subscribes to exactly what comes after it.
    pub fn follow<R>(&self, look: impl FnOnce(&State) -> R) -> (R, broadcast::Receiver<Arc<Applied>>) {
        let state = self.reading();
        let changes = self.0.applied.subscribe();
        (look(&state), changes)
    }

    /// Returns once the entry at `index` is applied here. Put a deadline around it: it may never be.
    pub async fn wait_index(&self, index: u64) {
        let mut moving = self.0.index.subscribe();
        let reached = moving.wait_for(|at| at.is_some_and(|at| at >= index)).await;
        reached
            .map(|_| ())
            .expect("the replica owns the sender and is borrowed here");
    }

    /// Applies one committed proposal. A refusal is an answer: the index moves on all the same.
    pub(crate) fn apply(&self, index: u64, proposal: &Proposal) -> Result<Arc<Applied>, Refusal> {
        let mut state = self.writing();
        let outcome = state.apply(index, proposal).map(|events| {
            let changes = convert::changes(&state, &events);
            let applied = Arc::new(Applied {
                index,
                events,
                changes,
                replaced: false,
            });
            // Nobody listening is no failure.
            let _ = self.0.applied.send(Arc::clone(&applied));
            applied
        });
        self.0.index.send_replace(Some(index));
        outcome
    }

    /// Notes an entry of Raft's own, which changes nothing here.
    pub(crate) fn pass(&self, index: u64) {
        self.writing().pass_over(index);
        self.0.index.send_replace(Some(index));
    }

    /// Puts a snapshot's state in place of this one.
    pub(crate) fn replace(&self, index: u64, state: State) {
        let mut current = self.writing();
        *current = state;
        let applied = Applied {
            index,
            events: Vec::new(),
            changes: Vec::new(),
            replaced: true,
        };
        let _ = self.0.applied.send(Arc::new(applied));
        self.0.index.send_replace(Some(index));
    }

    fn reading(&self) -> RwLockReadGuard<'_, State> {
        // A panic inside apply has stopped Raft on this manager; what is readable is the last state it vouched for.
        self.0.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, State> {
        self.0.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::command::{Actor, Command};
    use wardroom_state::ids::SecretId;

    use super::*;

    fn remove_what_is_not_there() -> Proposal {
        Proposal {
            at_ms: 1,
            actor: Actor {
                name: "admin:test".into(),
                from: "local".into(),
            },
            command: Command::RemoveSecret {
                secret: SecretId::new("none"),
            },
        }
    }

    #[tokio::test]
    async fn a_refusal_moves_the_index_and_publishes_nothing() {
        let replica = Replica::new();
        let mut changes = replica.subscribe();
        replica.apply(7, &remove_what_is_not_there()).unwrap_err();
        assert_eq!(replica.index(), 7);
        assert!(changes.try_recv().is_err());
    }

    #[tokio::test]
    async fn waiting_for_an_index_ends_when_it_is_reached() {
        let replica = Replica::new();
        let waiting = tokio::spawn({
            let replica = replica.clone();
            async move { replica.wait_index(2).await }
        });
        replica.pass(1);
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        replica.pass(2);
        waiting.await.unwrap();
        replica.wait_index(1).await;
    }

    #[tokio::test]
    async fn index_zero_is_reached_by_the_first_entry_and_not_before() {
        let replica = Replica::new();
        assert!(futures_util::FutureExt::now_or_never(replica.wait_index(0)).is_none());
        replica.pass(0);
        replica.wait_index(0).await;
    }

    #[tokio::test]
    async fn a_snapshot_s_state_is_published_as_a_whole() {
        let replica = Replica::new();
        let mut other = State::default();
        other.pass_over(9);
        let (before, mut changes) = replica.follow(State::index);
        replica.replace(9, other);
        let applied = changes.try_recv().unwrap();
        assert_eq!((before, applied.index, applied.replaced), (0, 9, true));
        assert_eq!((replica.index(), replica.read(State::index)), (9, 9));
    }
}
