//! Who votes, who only follows, and how is that changed? Raft's membership as plain values, and the single steps that
//! change it. Which step comes next is decided in [`crate::membership`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use openraft::ChangeMembers;
use openraft::error::{ChangeMembershipError, ClientWriteError, RaftError};

use super::Consensus;
use super::types::Peer;

/// Raft's membership at one moment, as this manager knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    /// The voters of the newest configuration, by Raft id.
    pub(crate) voters: BTreeMap<u64, Peer>,
    /// Members without a vote.
    pub(crate) learners: BTreeMap<u64, Peer>,
    /// Two configurations are in force at once: somebody began to change the voters and has not finished.
    pub(crate) joint: bool,
    /// On the leader: the last index that each other member has acknowledged. One that has acknowledged nothing is not in
    /// it: on a young cluster, nothing at all would pass for almost everything.
    pub(crate) matched: BTreeMap<u64, u64>,
    /// Last index of this manager's log.
    pub(crate) last: u64,
}

impl Members {
    /// Entries that a member lacks, on the leader; `None` while it has not answered.
    pub(crate) fn lag(&self, raft_id: u64) -> Option<u64> {
        let matched = self.matched.get(&raft_id)?;
        Some(self.last.saturating_sub(*matched))
    }
}

/// Why a change of the membership was not made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChangeError {
    #[error("this manager does not lead any more")]
    NotLeader,
    #[error("the change before is not confirmed yet")]
    InProgress,
    #[error("{0}")]
    Refused(String),
}

impl Consensus {
    pub(crate) fn members(&self) -> Members {
        let (data, server) = (self.raft.data_metrics(), self.raft.server_metrics());
        let stored = Arc::clone(&server.borrow().membership_config);
        let membership = stored.membership();
        let configs = membership.get_joint_config();
        let newest = configs.last().cloned().unwrap_or_default();
        let of = |ids: &BTreeSet<u64>| {
            let known = membership.nodes().filter(|(id, _)| ids.contains(id));
            known.map(|(id, peer)| (*id, peer.clone())).collect()
        };
        let matched = data
            .borrow()
            .replication
            .iter()
            .flatten()
            .filter_map(|(id, at)| Some((*id, (*at)?.index)))
            .collect();
        Members {
            voters: of(&newest),
            learners: of(&membership.learner_ids().collect()),
            joint: configs.len() > 1,
            matched,
            last: self.log.pointers().last,
        }
    }

    /// Whether that member votes, in any of the configurations in force.
    pub(crate) fn votes(&self, raft_id: u64) -> bool {
        let server = self.raft.server_metrics();
        let stored = Arc::clone(&server.borrow().membership_config);
        stored.membership().voter_ids().any(|id| id == raft_id)
    }

    /// A member that is told everything and has no vote.
    pub(crate) async fn add_learner(&self, raft_id: u64, peer: Peer) -> Result<(), ChangeError> {
        self.change(ChangeMembers::AddNodes([(raft_id, peer)].into())).await
    }

    /// Gives a learner a vote.
    pub(crate) async fn promote(&self, raft_id: u64) -> Result<(), ChangeError> {
        self.change(ChangeMembers::AddVoterIds([raft_id].into())).await
    }

    /// Takes a voter's vote and forgets it.
    pub(crate) async fn remove_voter(&self, raft_id: u64) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveVoters([raft_id].into())).await
    }

    pub(crate) async fn drop_learner(&self, raft_id: u64) -> Result<(), ChangeError> {
        self.change(ChangeMembers::RemoveNodes([raft_id].into())).await
    }

    /// Notes a member's new address. It proves in the handshake that it is the same node, so that openraft's warning
    /// about two nodes under one id does not apply.
    pub(crate) async fn readdress(&self, raft_id: u64, peer: Peer) -> Result<(), ChangeError> {
        self.change(ChangeMembers::SetNodes([(raft_id, peer)].into())).await
    }

    /// Finishes a change of voters that was begun: the newest configuration alone is in force afterwards.
    pub(crate) async fn settle(&self) -> Result<(), ChangeError> {
        let voters = self.members().voters.into_keys().collect();
        self.change(ChangeMembers::ReplaceAllVoters(voters)).await
    }

    async fn change(&self, change: ChangeMembers<u64, Peer>) -> Result<(), ChangeError> {
        match self.raft.change_membership(change, false).await {
            Ok(_) => Ok(()),
            Err(RaftError::APIError(ClientWriteError::ForwardToLeader(_))) => Err(ChangeError::NotLeader),
            Err(RaftError::APIError(ClientWriteError::ChangeMembershipError(ChangeMembershipError::InProgress(_)))) => {
                Err(ChangeError::InProgress)
            }
            Err(error) => Err(ChangeError::Refused(error.to_string())),
        }
    }
}
