//! Who is connected? Open TLS connections by the id in their certificate, so that they can be cut when their holder is
//! removed, and the few that strangers may have at once, none of them for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

/// Connections of callers that have no certificate, or one that is good for nothing, at once.
const STRANGERS: usize = 64;
/// Such a connection ends after this time, whatever it is at: to join takes one call.
pub(crate) const STRANGER_LIFE: Duration = Duration::from_secs(30);

/// Cheap to clone; all clones are the same table.
#[derive(Clone)]
pub(crate) struct Connections(Arc<Inner>);

struct Inner {
    open: Mutex<Table>,
    strangers: Arc<Semaphore>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By subject, then by a number of their own.
    by_subject: BTreeMap<String, BTreeMap<u64, Entry>>,
}

struct Entry {
    cut: CancellationToken,
    /// Of a manager's certificate: whether it was taken for a manager's.
    as_manager: Option<bool>,
}

impl Default for Connections {
    fn default() -> Self {
        Self(Arc::new(Inner {
            open: Mutex::default(),
            strangers: Arc::new(Semaphore::new(STRANGERS)),
        }))
    }
}

impl Connections {
    /// Notes an open connection until the ticket is dropped.
    pub(crate) fn open(&self, subject: &str, as_manager: Option<bool>) -> Ticket {
        let cut = CancellationToken::new();
        let mut table = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        let number = table.next;
        table.next += 1;
        let entry = Entry {
            cut: cut.clone(),
            as_manager,
        };
        table
            .by_subject
            .entry(subject.to_owned())
            .or_default()
            .insert(number, entry);
        drop(table);
        Ticket {
            place: Place::Of(self.clone(), subject.to_owned(), number),
            cut,
        }
    }

    /// A place for a stranger; `None` while all are taken.
    pub(crate) fn stranger(&self) -> Option<Ticket> {
        let place = Arc::clone(&self.0.strangers).try_acquire_owned().ok()?;
        Some(Ticket {
            place: Place::Stranger(place),
            cut: CancellationToken::new(),
        })
    }

    /// Cuts every connection of a subject.
    pub(crate) fn cut(&self, subject: &str) {
        let table = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        for entry in table.by_subject.get(subject).into_iter().flat_map(BTreeMap::values) {
            entry.cut.cancel();
        }
    }

    /// Cuts the connections with a manager's certificate that were taken for what their holder is no longer, or was not
    /// yet: they come back and are taken for what it is.
    pub(crate) fn review(&self, is_manager: impl Fn(&str) -> bool) {
        let table = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        for (subject, entries) in &table.by_subject {
            let stale = |entry: &&Entry| entry.as_manager.is_some_and(|taken| taken != is_manager(subject));
            for entry in entries.values().filter(stale) {
                entry.cut.cancel();
            }
        }
    }

    fn close(&self, subject: &str, number: u64) {
        let mut table = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entries) = table.by_subject.get_mut(subject) {
            entries.remove(&number);
            if entries.is_empty() {
                table.by_subject.remove(subject);
            }
        }
    }
}

/// One open connection's place; dropped with it.
pub(crate) struct Ticket {
    place: Place,
    cut: CancellationToken,
}

#[allow(dead_code, reason = "the permit is held, not read")]
enum Place {
    Of(Connections, String, u64),
    Stranger(OwnedSemaphorePermit),
}

impl Ticket {
    /// Returns when the connection has to end, and why. The place is kept until then, or until the future is dropped.
    pub(crate) async fn ended(self) -> &'static str {
        let over = async {
            match self.place {
                Place::Stranger(_) => tokio::time::sleep(STRANGER_LIFE).await,
                Place::Of(..) => std::future::pending().await,
            }
        };
        tokio::select! {
            biased;
            () = self.cut.cancelled() => "its holder's standing in the cluster has changed",
            () = over => "a caller without a certificate may not stay",
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Place::Of(connections, subject, number) = &self.place {
            connections.close(subject, *number);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use futures_util::FutureExt;

    use super::*;

    fn is_cut(ticket: &Ticket) -> bool {
        ticket.cut.is_cancelled()
    }

    #[tokio::test]
    async fn all_connections_of_one_subject_are_cut_and_no_others() {
        let connections = Connections::default();
        let (one, two) = (connections.open("w1", None), connections.open("w1", None));
        let other = connections.open("w2", None);
        connections.cut("w1");
        assert_eq!([&one, &two, &other].map(is_cut), [true, true, false]);
        drop((one, two, other));
        assert!(connections.0.open.lock().unwrap().by_subject.is_empty());
    }

    #[tokio::test]
    async fn only_what_was_taken_for_something_else_is_reviewed() {
        let connections = Connections::default();
        let manager = connections.open("m1", Some(true));
        let demoted = connections.open("m2", Some(true));
        let promoted = connections.open("m3", Some(false));
        let worker = connections.open("m2", None);
        connections.review(|subject| subject != "m2");
        let found = [&manager, &demoted, &promoted, &worker].map(is_cut);
        assert_eq!(found, [false, true, true, false]);
    }

    #[tokio::test(start_paused = true)]
    async fn strangers_are_few_and_do_not_stay() {
        let connections = Connections::default();
        let mut places: Vec<Ticket> = std::iter::from_fn(|| connections.stranger()).collect();
        assert_eq!(places.len(), STRANGERS);
        let before = tokio::time::Instant::now();
        places.pop().unwrap().ended().await;
        assert_eq!(before.elapsed(), STRANGER_LIFE);
        assert!(connections.stranger().is_some(), "a place that is left can be taken");
        let node = Box::pin(connections.open("w1", None).ended());
        assert!(
            tokio::time::timeout(STRANGER_LIFE * 2, node).await.is_err(),
            "a node may stay"
        );
        let cut = connections.open("w1", None);
        connections.cut("w1");
        assert!(cut.ended().now_or_never().is_some());
    }
}
