//! What does Raft look like from outside? openraft's metrics as plain values, and a wake-up when they change.

use std::sync::Arc;

use openraft::metrics::{RaftDataMetrics, RaftServerMetrics};
use openraft::{RaftMetrics, ServerState};
use tokio::sync::watch;
use wardroom_api::v1;

use super::log_store::Pointers;
use super::types::{Peer, StoredMembership};
use crate::status::Leadership;

/// Raft at one moment.
#[derive(Clone, PartialEq)]
pub(crate) struct View {
    /// `leader`, `follower`, `candidate`, `learner` or `stopped`.
    pub(crate) role: &'static str,
    pub(crate) term: u64,
    pub(crate) voted_for: u64,
    leader: Option<u64>,
    me: u64,
    /// Index and term of the last applied entry.
    applied: (u64, u64),
    pub(crate) snapshot: u64,
    pub(crate) pointers: Pointers,
    /// On the leader: how long ago a quorum last answered.
    pub(crate) quorum_acked_ms_ago: Option<u64>,
    membership: Arc<StoredMembership>,
    matched: Vec<(u64, u64)>,
}

impl View {
    /// From the two streams that [`Changes`] wakes on: the whole metrics are sent after them, and whoever looks between
    /// the two would keep what is outdated until the next change. Only why Raft stopped stands in the whole alone.
    pub(super) fn new(
        running: bool,
        data: &RaftDataMetrics<u64>,
        server: &RaftServerMetrics<u64, Peer>,
        pointers: Pointers,
    ) -> Self {
        let role = match server.state {
            _ if !running => "stopped",
            ServerState::Shutdown => "stopped",
            ServerState::Leader => "leader",
            ServerState::Follower => "follower",
            ServerState::Candidate => "candidate",
            ServerState::Learner => "learner",
        };
        let matched = data.replication.iter().flatten();
        Self {
            role,
            term: server.vote.leader_id.term,
            voted_for: server.vote.leader_id.node_id,
            leader: server.current_leader.filter(|_| role != "stopped"),
            me: server.id,
            applied: data.last_applied.map_or((0, 0), |id| (id.index, id.leader_id.term)),
            snapshot: data.snapshot.map_or(0, |id| id.index),
            pointers,
            quorum_acked_ms_ago: data.millis_since_quorum_ack,
            membership: Arc::clone(&server.membership_config),
            matched: matched.map(|(id, at)| (*id, at.map_or(0, |at| at.index))).collect(),
        }
    }

    /// Equal but for the time since the quorum's answer, which moves with every heartbeat.
    pub(crate) fn stands_as(&self, other: &Self) -> bool {
        let still = |view: &Self| Self {
            quorum_acked_ms_ago: None,
            ..view.clone()
        };
        still(self) == still(other)
    }

    /// The leader; a candidate that this manager only voted for is none.
    pub(crate) fn leader_peer(&self) -> Option<Peer> {
        self.membership.membership().get_node(&self.leader?).cloned()
    }

    /// A leader that runs alone needs nobody's answer.
    pub(crate) fn is_only_voter(&self) -> bool {
        self.membership.membership().voter_ids().eq([self.me])
    }

    /// `confirmed`: a quorum has answered this manager lately. openraft restores a leader after a restart and lets it
    /// lead for ever without an answer, so its role alone means nothing.
    pub(crate) fn leadership(&self, confirmed: bool) -> Leadership {
        let mine = self.role == "leader" && self.applied.1 == self.term && confirmed;
        Leadership {
            term: self.term,
            leader: self.leader_peer(),
            mine,
        }
    }

    pub(crate) fn members(&self) -> Vec<Peer> {
        self.membership.nodes().map(|(_, peer)| peer.clone()).collect()
    }

    /// Empty for a node the membership does not know.
    pub(crate) fn node_id_of(&self, raft_id: u64) -> String {
        self.membership
            .membership()
            .get_node(&raft_id)
            .map(|peer| peer.node_id.clone())
            .unwrap_or_default()
    }

    /// How far each other manager is, on the leader.
    pub(crate) fn followers(&self) -> Vec<v1::Follower> {
        let others = self.matched.iter().filter(|(raft_id, _)| *raft_id != self.me);
        others
            .map(|&(raft_id, matched)| v1::Follower {
                raft_id,
                node_id: self.node_id_of(raft_id),
                matched,
            })
            .collect()
    }
}

/// Wakes when Raft's data or its role changes.
pub(crate) struct Changes {
    pub(super) whole: watch::Receiver<RaftMetrics<u64, Peer>>,
    pub(super) data: watch::Receiver<RaftDataMetrics<u64>>,
    pub(super) server: watch::Receiver<RaftServerMetrics<u64, Peer>>,
}

impl Changes {
    /// Waits for the next change; an error says why there will be none.
    pub(crate) async fn next(&mut self) -> Result<(), String> {
        let changed = tokio::select! {
            biased;
            changed = self.server.changed() => changed,
            changed = self.data.changed() => changed,
        };
        let running = self.whole.borrow().running_state.clone();
        match (running, changed) {
            (Ok(()), Ok(())) => Ok(()),
            (Err(reason), _) => Err(reason.to_string()),
            (Ok(()), Err(_)) => Err("raft ended".to_owned()),
        }
    }
}
