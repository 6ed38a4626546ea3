//! Who is connected? Open TLS connections by the id in their certificate, so that they can be cut when their holder is
//! removed, and the few that strangers may have at once, none of them for long.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio_util::sync::CancellationToken;

/// Connections of callers that have no certificate, or one that is good for nothing, at once.
const STRANGERS: usize = 64;
/// Such a connection ends after this time, whatever it is at: to join takes one call.
pub(crate) const STRANGER_LIFE: Duration = Duration::from_secs(30);

/// Cheap to clone; all clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Connections(Arc<Inner>);

#[derive(Default)]
struct Inner {
    open: Mutex<Table>,
}

#[derive(Default)]
struct Table {
    next: u64,
    /// By subject, then by a number of their own.
    by_subject: BTreeMap<String, BTreeMap<u64, Entry>>,
    /// By number, oldest first.
    strangers: BTreeMap<u64, Stranger>,
}

struct Stranger {
    host: String,
    cut: CancellationToken,
}

struct Entry {
    cut: CancellationToken,
    /// Of a manager's certificate: whether it was taken for a manager's.
    as_manager: Option<bool>,
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
            until: None,
        }
    }

    /// A place for a stranger. While all are taken, the oldest of the machine that has the most makes room: who piles
    /// them up keeps nobody else out.
    pub(crate) fn stranger(&self, host: &str) -> Ticket {
        let cut = CancellationToken::new();
        let mut table = self.0.open.lock().unwrap_or_else(PoisonError::into_inner);
        if table.strangers.len() >= STRANGERS {
            table.evict();
        }
        let number = table.next;
        table.next += 1;
        let stranger = Stranger {
            host: host.to_owned(),
            cut: cut.clone(),
        };
        table.strangers.insert(number, stranger);
        drop(table);
        Ticket {
            place: Place::Stranger(self.clone(), number),
            cut,
            until: Some(STRANGER_LIFE),
        }
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

impl Table {
    fn evict(&mut self) {
        let mut by_host: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
        for (number, stranger) in &self.strangers {
            by_host.entry(&stranger.host).or_insert((0, *number)).0 += 1;
        }
        let oldest = by_host
            .values()
            .max_by_key(|(count, _)| *count)
            .map(|(_, number)| *number);
        if let Some(stranger) = oldest.and_then(|number| self.strangers.remove(&number)) {
            stranger.cut.cancel();
        }
    }
}

/// One open connection's place; dropped with it.
pub(crate) struct Ticket {
    place: Place,
    cut: CancellationToken,
    /// How long it may last; `None`: as long as its holder's standing.
    until: Option<Duration>,
}

enum Place {
    Of(Connections, String, u64),
    Stranger(Connections, u64),
}

impl Ticket {
    /// At most so long from now on.
    pub(crate) fn for_at_most(mut self, time: Duration) -> Self {
        self.until = Some(self.until.map_or(time, |until| until.min(time)));
        self
    }

    /// Returns when the connection has to end, and why. The place is kept until then, or until the future is dropped.
    pub(crate) async fn ended(self) -> &'static str {
        let over = async {
            match self.until {
                Some(time) => tokio::time::sleep(time).await,
                None => std::future::pending().await,
            }
        };
        let (cut, over_because) = match self.place {
            Place::Of(..) => (
                "its holder's standing in the cluster has changed",
                "its holder's certificate has expired",
            ),
            Place::Stranger(..) => (
                "callers without a certificate are too many, and most of them from there",
                "a caller without a certificate may not stay",
            ),
        };
        tokio::select! {
            biased;
            () = self.cut.cancelled() => cut,
            () = over => over_because,
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        match &self.place {
            Place::Of(connections, subject, number) => connections.close(subject, *number),
            Place::Stranger(connections, number) => {
                let mut table = connections.0.open.lock().unwrap_or_else(PoisonError::into_inner);
                table.strangers.remove(number);
            }
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
        let before = tokio::time::Instant::now();
        connections.stranger("10.0.0.7").ended().await;
        assert_eq!(before.elapsed(), STRANGER_LIFE);
        let node = Box::pin(connections.open("w1", None).ended());
        assert!(
            tokio::time::timeout(STRANGER_LIFE * 2, node).await.is_err(),
            "a node may stay"
        );
        let cut = connections.open("w1", None);
        connections.cut("w1");
        assert!(cut.ended().now_or_never().is_some());
        let operator = connections.open("o1", None).for_at_most(STRANGER_LIFE * 3);
        let before = tokio::time::Instant::now();
        operator.ended().await;
        assert_eq!(before.elapsed(), STRANGER_LIFE * 3, "until the certificate ends");
    }

    #[tokio::test]
    async fn a_machine_that_takes_all_places_makes_room_for_others() {
        let connections = Connections::default();
        let honest = connections.stranger("10.0.0.8");
        let many: Vec<Ticket> = (1..STRANGERS).map(|_| connections.stranger("10.0.0.7")).collect();
        assert!(many.iter().all(|ticket| !is_cut(ticket)));
        let late = connections.stranger("10.0.0.9");
        assert!(is_cut(&many[0]) && many[1..].iter().all(|ticket| !is_cut(ticket)));
        assert!(!is_cut(&honest) && !is_cut(&late));
        drop((honest, many, late));
        assert!(connections.0.open.lock().unwrap().strangers.is_empty());
    }
}
