//! How does one manager reach another? Pooled mutual-TLS channels, each bound to the node that must answer.
//!
//! Every peer has two lanes, so that a heartbeat never waits behind a snapshot. Making a channel connects nothing: the
//! first call does. A lane whose calls keep missing their deadlines is dropped and made anew, because a connection can
//! lose bytes for ever without ever closing.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tonic::transport::Channel;
use tonic::{Code, Status};
use wardroom_api::net::Net;
use wardroom_ca::{ExpectPeer, HandshakeError, NodeTls};

use crate::Peer;

/// Missed deadlines in a row after which a lane is made anew.
const PATIENCE: u32 = 3;

/// Which of a peer's connections carries a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Heartbeats, ballots and forwarded calls.
    Urgent,
    /// Entries, snapshots and feeds.
    Bulk,
}

/// Cheap to clone; all clones share the pool.
#[derive(Clone)]
pub(crate) struct Links(Arc<Inner>);

struct Inner {
    net: Arc<dyn Net>,
    tls: NodeTls,
    pool: Mutex<BTreeMap<(Lane, String, String), Link>>,
}

/// One lane to one peer.
#[derive(Clone)]
struct Link {
    channel: Channel,
    missed: Arc<AtomicU32>,
}

impl Links {
    pub(crate) fn new(net: Arc<dyn Net>, tls: NodeTls) -> Self {
        Self(Arc::new(Inner {
            net,
            tls,
            pool: Mutex::default(),
        }))
    }

    /// A channel on which only `peer` itself can answer.
    pub(crate) fn channel(&self, peer: &Peer, lane: Lane) -> Channel {
        self.link(peer, lane).channel
    }

    /// A channel and the record of whether calls on it come back.
    pub(crate) fn attempt(&self, peer: &Peer, lane: Lane) -> (Channel, Attempt) {
        let link = self.link(peer, lane);
        let attempt = Attempt {
            links: self.clone(),
            key: key(peer, lane),
            missed: Arc::clone(&link.missed),
            answered: false,
        };
        (link.channel, attempt)
    }

    fn link(&self, peer: &Peer, lane: Lane) -> Link {
        let mut pool = self.0.pool.lock().unwrap_or_else(PoisonError::into_inner);
        pool.entry(key(peer, lane)).or_insert_with(|| self.open(peer)).clone()
    }

    fn open(&self, peer: &Peer) -> Link {
        let (net, tls) = (Arc::clone(&self.0.net), self.0.tls.clone());
        let peer = peer.clone();
        let channel = wardroom_api::channel::lazy(move || {
            let (net, tls, peer) = (Arc::clone(&net), tls.clone(), peer.clone());
            async move {
                let stream = net.connect(&peer.address).await.map_err(HandshakeError::Stream)?;
                tls.connect(stream, ExpectPeer::Node(peer.node_id)).await
            }
        });
        Link {
            channel,
            missed: Arc::default(),
        }
    }
}

/// Whether the deadline passed without an answer: whichever timer is first says so, tonic's own with `Cancelled`.
pub(crate) fn is_late(status: &Status) -> bool {
    matches!(status.code(), Code::DeadlineExceeded | Code::Cancelled)
}

fn key(peer: &Peer, lane: Lane) -> (Lane, String, String) {
    (lane, peer.node_id.clone(), peer.address.clone())
}

/// One call under way. Dropped without [`Attempt::answered`], it counts as a missed deadline.
pub(crate) struct Attempt {
    links: Links,
    key: (Lane, String, String),
    missed: Arc<AtomicU32>,
    answered: bool,
}

impl Attempt {
    /// The call came back, be it with an error: the connection carries bytes both ways, or is known to be closed.
    pub(crate) fn answered(mut self) {
        self.missed.store(0, Ordering::Relaxed);
        self.answered = true;
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        if self.answered || self.missed.fetch_add(1, Ordering::Relaxed) + 1 < PATIENCE {
            return;
        }
        let mut pool = self.links.0.pool.lock().unwrap_or_else(PoisonError::into_inner);
        // Only the lane that was counted: a newer one under the same key has its own count.
        if pool
            .get(&self.key)
            .is_some_and(|link| Arc::ptr_eq(&link.missed, &self.missed))
        {
            pool.remove(&self.key);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_api::net::TcpNet;
    use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, Role, Root, SystemClock};
    use wardroom_keys::OsChance;

    use super::*;

    fn links() -> Links {
        let root = Root::create("c", &SystemClock, &OsChance).unwrap();
        let request = IssueRequest {
            node_id: "me",
            role: Role::Manager,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: SystemClock.now_ms(),
        };
        let issued = root.issue(&request, &OsChance).unwrap();
        let clock = Arc::new(SystemClock);
        let tls = NodeTls::new(root.certificate_pem(), &issued.certificate_pem, &issued.key, clock).unwrap();
        Links::new(Arc::new(TcpNet), tls)
    }

    fn peer() -> Peer {
        Peer {
            address: "127.0.0.1:1".into(),
            node_id: "other".into(),
        }
    }

    /// Tells one connection from the next.
    fn count_of(links: &Links, lane: Lane) -> Arc<AtomicU32> {
        links.link(&peer(), lane).missed
    }

    #[tokio::test]
    async fn a_lane_whose_calls_never_come_back_is_made_anew() {
        let links = links();
        let (urgent, bulk) = (count_of(&links, Lane::Urgent), count_of(&links, Lane::Bulk));
        for missed in 0..PATIENCE {
            assert!(
                Arc::ptr_eq(&urgent, &count_of(&links, Lane::Urgent)),
                "kept after {missed}"
            );
            drop(links.attempt(&peer(), Lane::Urgent));
        }
        assert!(!Arc::ptr_eq(&urgent, &count_of(&links, Lane::Urgent)));
        assert!(
            Arc::ptr_eq(&bulk, &count_of(&links, Lane::Bulk)),
            "the other lane is as it was"
        );
    }

    #[tokio::test]
    async fn an_answer_in_between_starts_the_count_again() {
        let links = links();
        let urgent = count_of(&links, Lane::Urgent);
        for _ in 0..PATIENCE {
            drop(links.attempt(&peer(), Lane::Urgent));
            links.attempt(&peer(), Lane::Urgent).1.answered();
        }
        assert!(Arc::ptr_eq(&urgent, &count_of(&links, Lane::Urgent)));
    }

    #[tokio::test]
    async fn a_late_miss_on_an_old_connection_leaves_the_new_one_alone() {
        let links = links();
        let late = links.attempt(&peer(), Lane::Urgent).1;
        for _ in 0..PATIENCE {
            drop(links.attempt(&peer(), Lane::Urgent));
        }
        let anew = count_of(&links, Lane::Urgent);
        drop(late);
        assert!(Arc::ptr_eq(&anew, &count_of(&links, Lane::Urgent)));
    }
}
