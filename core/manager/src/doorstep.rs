//! Who waits to prove who it is? Handshakes under way, few at once, and fewer from any one machine: one that opens
//! connections and says nothing fills its own share and nobody else's.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Handshakes under way at once.
const HANDSHAKES: usize = 64;
/// ... from one machine; what comes on top waits for its turn.
const SHARE: usize = 16;
/// Connections of one machine that may wait; what comes on top is closed.
const WAITING: usize = 256;

/// Cheap to clone; all clones are the same.
#[derive(Clone)]
pub(crate) struct Doorstep {
    slots: Arc<Semaphore>,
    hosts: Arc<Mutex<BTreeMap<String, Host>>>,
}

#[derive(Clone)]
struct Host {
    slots: Arc<Semaphore>,
    here: usize,
}

/// A connection's place on the doorstep; dropped when its handshake is over.
pub(crate) struct Visit {
    doorstep: Doorstep,
    host: String,
    slots: Arc<Semaphore>,
}

/// The right to do the handshake now.
pub(crate) struct Turn {
    _own: OwnedSemaphorePermit,
    _all: OwnedSemaphorePermit,
}

impl Default for Doorstep {
    fn default() -> Self {
        Self {
            slots: Arc::new(Semaphore::new(HANDSHAKES)),
            hosts: Arc::default(),
        }
    }
}

impl Doorstep {
    /// `None` when too many of that machine wait already.
    pub(crate) fn arrive(&self, host: &str) -> Option<Visit> {
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let known = hosts.entry(host.to_owned()).or_insert_with(|| Host {
            slots: Arc::new(Semaphore::new(SHARE)),
            here: 0,
        });
        if known.here >= WAITING {
            return None;
        }
        known.here += 1;
        Some(Visit {
            doorstep: self.clone(),
            host: host.to_owned(),
            slots: Arc::clone(&known.slots),
        })
    }
}

impl Visit {
    /// Waits for a slot of its machine, then for one of all; `None` is never: the slots are not closed.
    pub(crate) async fn turn(&self) -> Option<Turn> {
        let own = Arc::clone(&self.slots).acquire_owned().await.ok()?;
        let all = Arc::clone(&self.doorstep.slots).acquire_owned().await.ok()?;
        Some(Turn { _own: own, _all: all })
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        let mut hosts = self.doorstep.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = hosts.get_mut(&self.host) {
            known.here -= 1;
            if known.here == 0 {
                hosts.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn one_machine_has_its_share_and_no_more() {
        let doorstep = Doorstep::default();
        let silent: Vec<Visit> = (0..WAITING).map(|_| doorstep.arrive("10.0.0.7").unwrap()).collect();
        assert!(doorstep.arrive("10.0.0.7").is_none());
        let turns: Vec<_> = silent.iter().filter_map(|visit| visit.turn().now_or_never()).collect();
        assert_eq!(turns.len(), SHARE);
        let other = doorstep.arrive("10.0.0.8").unwrap();
        assert!(other.turn().now_or_never().is_some(), "somebody else need not wait");
        drop((turns, silent, other));
        assert!(doorstep.hosts.lock().unwrap().is_empty());
    }
}
