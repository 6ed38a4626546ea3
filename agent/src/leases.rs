//! How long may this worker keep what it holds while no manager is heard? A lease per version, counted from the last
//! contact, and one timer for the one that runs out first.
//!
//! Time is the monotonic clock's, as everywhere in this worker. It stands still while the machine is suspended: nothing can
//! erase then, and nothing runs that could read. What was left of a lease when it fell asleep is left when it wakes; with
//! its managers gone for good a worker erases that much awake time later.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::ids::VersionId;
use crate::worker::Worker;

/// A longer lease is as good as this one, and the time it ends at can still be said.
const LEASE_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The leases of the versions that this worker holds, and which of them have run out. Pure: it is told the time.
#[derive(Debug)]
pub(crate) struct Leases {
    contact: Instant,
    held: BTreeMap<VersionId, Lease>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lease {
    For(Duration),
    RanOut,
}

impl Leases {
    pub(crate) fn new(now: Instant) -> Self {
        Self {
            contact: now,
            held: BTreeMap::new(),
        }
    }

    /// The leader answered what was asked at `at`, or spoke by itself then.
    pub(crate) fn heard(&mut self, at: Instant) {
        self.contact = self.contact.max(at);
    }

    /// The value of `version` came, with its lease or without one. Returns whether it had run out before.
    pub(crate) fn hold(&mut self, version: VersionId, lease: Option<Duration>) -> bool {
        let before = match lease {
            Some(lease) => self.held.insert(version, Lease::For(lease.min(LEASE_MAX))),
            None => self.held.remove(&version),
        };
        before == Some(Lease::RanOut)
    }

    /// The version is not wanted here any more.
    pub(crate) fn forget(&mut self, version: &VersionId) {
        self.held.remove(version);
    }

    pub(crate) fn has_run_out(&self, version: &VersionId) -> bool {
        self.held.get(version) == Some(&Lease::RanOut)
    }

    /// Whether anything that is wanted here was erased for its lease.
    pub(crate) fn any_ran_out(&self) -> bool {
        self.held.values().any(|lease| *lease == Lease::RanOut)
    }

    /// The shortest of the leases that run.
    pub(crate) fn shortest(&self) -> Option<Duration> {
        let running = self.held.values().filter_map(|lease| match lease {
            Lease::For(lease) => Some(*lease),
            Lease::RanOut => None,
        });
        running.min()
    }

    /// When the next one runs out, if nothing is heard until then.
    pub(crate) fn due(&self) -> Option<Instant> {
        self.shortest().map(|lease| self.contact + lease)
    }

    /// Ends the leases that have run out by `now`. Returns their versions.
    pub(crate) fn run_out(&mut self, now: Instant) -> Vec<VersionId> {
        let silence = now.duration_since(self.contact);
        let mut over = Vec::new();
        for (version, lease) in &mut self.held {
            if matches!(*lease, Lease::For(lease) if lease <= silence) {
                *lease = Lease::RanOut;
                over.push(version.clone());
            }
        }
        over
    }
}

/// Has `worker` erase what it may no longer keep, when the time comes. Contact in between moves the time on; nothing is
/// looked at before the lease that seemed to be over first would be.
pub(crate) async fn keep_time(worker: &Mutex<Worker>) -> Infallible {
    let lock = || worker.lock().expect("no code panics while it holds this lock");
    let mut shortest = lock().shortest_lease();
    loop {
        shortest.borrow_and_update();
        let due = lock().run_out(Instant::now());
        tokio::select! {
            biased;
            () = sleep_until(due.unwrap_or_else(Instant::now)), if due.is_some() => {}
            changed = shortest.changed() => changed.expect("the worker is borrowed, and it keeps the sender"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn version(name: &str) -> VersionId {
        VersionId::new(name)
    }

    #[test]
    fn a_lease_runs_from_the_last_contact() {
        let begun = Instant::now();
        let mut leases = Leases::new(begun);
        assert_eq!(leases.due(), None);
        leases.hold(version("long"), Some(30 * SECOND));
        leases.hold(version("short"), Some(10 * SECOND));
        leases.hold(version("for ever"), None);
        assert_eq!(leases.due(), Some(begun + 10 * SECOND));
        leases.heard(begun + 5 * SECOND);
        leases.heard(begun + 2 * SECOND);
        assert_eq!(
            leases.due(),
            Some(begun + 15 * SECOND),
            "an older answer takes nothing back"
        );
        assert!(leases.run_out(begun + 14 * SECOND).is_empty());
        assert_eq!(leases.run_out(begun + 15 * SECOND), [version("short")]);
        assert!(leases.has_run_out(&version("short")) && leases.any_ran_out());
        assert_eq!(leases.due(), Some(begun + 35 * SECOND));
        assert!(leases.run_out(begun + 16 * SECOND).is_empty(), "it runs out once");
    }

    #[test]
    fn a_lease_that_changes_counts_at_once() {
        let begun = Instant::now();
        let mut leases = Leases::new(begun);
        leases.hold(version("a"), Some(30 * SECOND));
        assert!(!leases.hold(version("a"), Some(SECOND)));
        assert_eq!(leases.due(), Some(begun + SECOND));
        assert!(!leases.hold(version("a"), None));
        assert_eq!((leases.due(), leases.shortest()), (None, None));
    }

    #[test]
    fn a_value_that_comes_again_ends_the_lack_of_it() {
        let begun = Instant::now();
        let mut leases = Leases::new(begun);
        for name in ["a", "b", "c"] {
            leases.hold(version(name), Some(SECOND));
        }
        assert_eq!(leases.run_out(begun + SECOND).len(), 3);
        assert!(leases.hold(version("a"), Some(SECOND)) && leases.hold(version("b"), None));
        leases.forget(&version("c"));
        assert!(!leases.any_ran_out());
    }

    #[test]
    fn the_longest_lease_has_an_end_that_can_be_said() {
        let mut leases = Leases::new(Instant::now());
        leases.hold(version("a"), Some(Duration::from_millis(u64::MAX)));
        assert!(leases.due().is_some());
    }
}
