//! Which workers speak to this manager? One session per worker and term; a new one ends the one before.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use wardroom_state::ids::NodeId;

use crate::reconcile::Liveness;

/// Registrations of one node that are taken within [`RATE_WINDOW`].
const RATE: usize = 3;
const RATE_WINDOW: Duration = Duration::from_secs(8);

/// Why a worker is not served.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum SessionError {
    #[error("not the leader")]
    NotLeading,
    #[error("node exceeded rate limit count of registrations")]
    TooOften,
    #[error("session invalid")]
    Unknown,
}

/// The sessions of the term in which this manager leads. Cheap to clone; all clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Sessions(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    term: Option<Term>,
    /// When each node registered lately; kept across terms.
    registered: BTreeMap<NodeId, VecDeque<Instant>>,
}

struct Term {
    since: Instant,
    over: CancellationToken,
    sessions: BTreeMap<NodeId, Session>,
}

struct Session {
    id: String,
    heard: Instant,
    /// The worker has said what it holds; what it was told since is all it can have besides.
    inventoried: watch::Sender<bool>,
    over: CancellationToken,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.over.cancel();
    }
}

impl Sessions {
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// This manager leads from now on.
    pub(crate) fn begin(&self, now: Instant) {
        self.table().term = Some(Term {
            since: now,
            over: CancellationToken::new(),
            sessions: BTreeMap::new(),
        });
    }

    /// It leads no more: every session is over.
    pub(crate) fn end(&self) {
        if let Some(term) = self.table().term.take() {
            term.over.cancel();
        }
    }

    /// Whether a worker may register now. Counts as a registration, whatever becomes of it.
    pub(crate) fn admit(&self, node: &NodeId, now: Instant) -> Result<(), SessionError> {
        let mut table = self.table();
        let Table { term, registered } = &mut *table;
        if term.is_none() {
            return Err(SessionError::NotLeading);
        }
        registered.retain(|_, times| {
            times.retain(|at| now.duration_since(*at) < RATE_WINDOW);
            !times.is_empty()
        });
        let times = registered.entry(node.clone()).or_default();
        if times.len() >= RATE {
            return Err(SessionError::TooOften);
        }
        times.push_back(now);
        Ok(())
    }

    /// Begins a session; the token is cancelled when it is over.
    pub(crate) fn register(&self, node: &NodeId, id: &str, now: Instant) -> Result<CancellationToken, SessionError> {
        let mut table = self.table();
        let term = table.term.as_mut().ok_or(SessionError::NotLeading)?;
        let over = term.over.child_token();
        let session = Session {
            id: id.to_owned(),
            heard: now,
            inventoried: watch::Sender::new(false),
            over: over.clone(),
        };
        term.sessions.insert(node.clone(), session);
        Ok(over)
    }

    /// A word from the worker in its session: it lives.
    pub(crate) fn hear(&self, node: &NodeId, id: &str, now: Instant) -> Result<CancellationToken, SessionError> {
        let mut table = self.table();
        let term = table.term.as_mut().ok_or(SessionError::NotLeading)?;
        let session = term
            .sessions
            .get_mut(node)
            .filter(|session| session.id == id)
            .ok_or(SessionError::Unknown)?;
        session.heard = now;
        Ok(session.over.clone())
    }

    /// The session's inventory is applied.
    pub(crate) fn note_inventory(&self, node: &NodeId, id: &str) {
        if let Some(term) = &mut self.table().term
            && let Some(session) = term.sessions.get_mut(node).filter(|session| session.id == id)
        {
            session.inventoried.send_replace(true);
        }
    }

    /// Whether the session's inventory is applied, and when it is.
    pub(crate) fn inventoried(&self, node: &NodeId, id: &str) -> Result<watch::Receiver<bool>, SessionError> {
        let table = self.table();
        let term = table.term.as_ref().ok_or(SessionError::NotLeading)?;
        let session = term.sessions.get(node).filter(|session| session.id == id);
        Ok(session.ok_or(SessionError::Unknown)?.inventoried.subscribe())
    }

    /// Ends a node's session, so that it has to register anew.
    pub(crate) fn drop_node(&self, node: &NodeId) {
        if let Some(term) = &mut self.table().term {
            term.sessions.remove(node);
        }
    }

    /// When each worker was heard in this term; `None` while this manager does not lead.
    pub(crate) fn liveness(&self, period: Duration) -> Option<Liveness> {
        let table = self.table();
        let term = table.term.as_ref()?;
        let heard = term
            .sessions
            .iter()
            .map(|(node, session)| (node.clone(), session.heard))
            .collect();
        Some(Liveness {
            leading_since: term.since,
            period,
            heard,
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    fn node() -> NodeId {
        NodeId::new("w1")
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_is_served_before_and_after_a_term() {
        let sessions = Sessions::default();
        assert_eq!(
            sessions.register(&node(), "a", Instant::now()).unwrap_err(),
            SessionError::NotLeading
        );
        sessions.begin(Instant::now());
        let over = sessions.register(&node(), "a", Instant::now()).unwrap();
        assert!(!over.is_cancelled());
        sessions.end();
        assert!(over.is_cancelled());
        assert_eq!(
            sessions.hear(&node(), "a", Instant::now()).unwrap_err(),
            SessionError::NotLeading
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_session_ends_the_one_before() {
        let sessions = Sessions::default();
        sessions.begin(Instant::now());
        let first = sessions.register(&node(), "a", Instant::now()).unwrap();
        let second = sessions.register(&node(), "b", Instant::now()).unwrap();
        assert!(first.is_cancelled() && !second.is_cancelled());
        assert_eq!(
            sessions.hear(&node(), "a", Instant::now()).unwrap_err(),
            SessionError::Unknown
        );
        assert!(sessions.hear(&node(), "b", Instant::now()).is_ok());
        assert_eq!(
            sessions.hear(&NodeId::new("w2"), "b", Instant::now()).unwrap_err(),
            SessionError::Unknown
        );
    }

    #[tokio::test(start_paused = true)]
    async fn registrations_are_limited_per_node() {
        let sessions = Sessions::default();
        sessions.begin(Instant::now());
        for _ in 0..3 {
            assert!(sessions.admit(&node(), Instant::now()).is_ok());
        }
        assert_eq!(
            sessions.admit(&node(), Instant::now()).unwrap_err(),
            SessionError::TooOften
        );
        assert!(sessions.admit(&NodeId::new("w2"), Instant::now()).is_ok());
        tokio::time::advance(RATE_WINDOW).await;
        assert!(sessions.admit(&node(), Instant::now()).is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn an_inventory_belongs_to_its_session() {
        let sessions = Sessions::default();
        sessions.begin(Instant::now());
        sessions.register(&node(), "a", Instant::now()).unwrap();
        let first = sessions.inventoried(&node(), "a").unwrap();
        assert!(!*first.borrow());
        sessions.note_inventory(&node(), "a");
        assert!(*first.borrow());
        sessions.register(&node(), "b", Instant::now()).unwrap();
        sessions.note_inventory(&node(), "a");
        assert!(!*sessions.inventoried(&node(), "b").unwrap().borrow());
        assert_eq!(sessions.inventoried(&node(), "a").unwrap_err(), SessionError::Unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn every_word_counts_as_a_heartbeat() {
        let sessions = Sessions::default();
        sessions.begin(Instant::now());
        sessions.register(&node(), "a", Instant::now()).unwrap();
        tokio::time::advance(Duration::from_secs(4)).await;
        sessions.hear(&node(), "a", Instant::now()).unwrap();
        let liveness = sessions.liveness(Duration::from_secs(5)).unwrap();
        assert_eq!(liveness.heard[&node()], Instant::now());
    }
}
