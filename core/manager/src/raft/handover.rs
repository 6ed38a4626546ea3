//! How does a leader let go? openraft 0.9 has no transfer of leadership; these are the parts it is made of: silence on
//! the leader, and an election that is asked for on the manager to come.

use std::time::Duration;

use super::Consensus;

/// No heartbeats and no election of its own from this manager, until it is dropped.
pub(crate) struct Quiet {
    consensus: Consensus,
}

impl Drop for Quiet {
    fn drop(&mut self) {
        let settings = self.consensus.raft.runtime_config();
        settings.heartbeat(true);
        settings.elect(true);
    }
}

impl Consensus {
    pub(crate) fn quiet(&self) -> Quiet {
        let settings = self.raft.runtime_config();
        settings.heartbeat(false);
        settings.elect(false);
        Quiet {
            consensus: self.clone(),
        }
    }

    /// How long this manager still refuses its ballot to others because it knows a leader, itself included.
    pub(crate) async fn lease_left(&self, lease: Duration) -> Duration {
        let modified = self.raft.with_raft_state(openraft::RaftState::vote_last_modified).await;
        let age = modified.ok().flatten().map(|at| at.elapsed());
        age.map_or(Duration::ZERO, |age| lease.saturating_sub(age))
    }

    /// Stands for election now. `false` when Raft has stopped.
    pub(crate) async fn elect(&self) -> bool {
        self.raft.trigger().elect().await.is_ok()
    }
}
