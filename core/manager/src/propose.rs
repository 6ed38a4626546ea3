//! How does a change get into the log? The only door: it adds the time, encodes, and waits until the change is applied
//! here. Only the leader's door opens; the others name the leader.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedRwLockWriteGuard, RwLock};
use tokio::time::Instant;
pub use wardroom_api::NO_LEADER;
use wardroom_ca::Clock;
use wardroom_state::command::{Actor, Command, Proposal};
use wardroom_state::encode_proposal;
use wardroom_state::event::Event;
use wardroom_state::refusal::Refusal;

use crate::raft::{Consensus, Peer, Room};

/// How long a proposal may wait for a quorum.
const DEADLINE: Duration = Duration::from_secs(5);

/// Largest encoded proposal, in bytes. One entry has to travel and become durable within one heartbeat on every follower;
/// a larger one would stand in the leader's log for ever and block everything behind it. Values are at most 500 KB.
const BYTES_MAX: usize = 1 << 20;

/// A change that a quorum holds and this manager has applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    /// Raft index.
    pub index: u64,
    pub events: Vec<Event>,
}

/// Why a proposal was not confirmed.
#[derive(Clone, Debug, thiserror::Error)]
pub enum ProposeError {
    /// Every manager said the same no; nothing changed.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// This manager does not lead; nothing changed. Without `leader` nobody is known to lead.
    #[error("{}", not_leader(leader.as_ref()))]
    NotLeader { leader: Option<Peer> },
    /// The change is in the leader's log and no quorum answered in time: it may still be applied.
    #[error(
        "no quorum of managers confirmed the change within {} s; it may still be made. \
         Make sure more than half of the managers are online, then look before you repeat it.",
        DEADLINE.as_secs()
    )]
    NoQuorum,
    /// Nothing was proposed.
    #[error(
        "the change takes {bytes} bytes, more than the {BYTES_MAX} that managers replicate at once; make it smaller"
    )]
    TooLarge { bytes: usize },
    /// Nothing was proposed.
    #[error("the disk of manager {manager} is almost full: free space, then repeat")]
    DiskFull { manager: String },
    #[error("this manager has stopped ({0}); ask another one, and see its log for the reason")]
    Stopped(String),
}

fn not_leader(leader: Option<&Peer>) -> String {
    match leader {
        Some(peer) => format!("this manager does not lead; ask the one at {}", peer.address),
        None => NO_LEADER.to_owned(),
    }
}

fn fitting(bytes: Vec<u8>) -> Result<Vec<u8>, ProposeError> {
    match bytes.len() {
        0..=BYTES_MAX => Ok(bytes),
        bytes => Err(ProposeError::TooLarge { bytes }),
    }
}

/// On a full disk nothing new is begun. What workers say, and what takes a secret away, still goes as long as it fits:
/// it must not be lost, and the tasks it is about run all the same. So does the record that a backup waits for.
fn admits(room: Room, command: &Command, bytes: usize) -> bool {
    let must_go_on = matches!(
        command,
        Command::Report { .. }
            | Command::SetNodeState { .. }
            | Command::RevokeSecret { .. }
            | Command::ShredSecret { .. }
            | Command::RecordKeys { .. }
            | Command::NoteAccess { .. }
    );
    room == Room::Enough || (must_go_on && room.fits(bytes))
}

/// Cheap to clone.
#[derive(Clone)]
pub struct Proposer {
    consensus: Consensus,
    clock: Arc<dyn Clock>,
    /// What operators call this manager.
    hostname: Arc<str>,
    /// Everybody who asks the consensus is inside; who holds it shut is alone with Raft.
    door: Arc<RwLock<()>>,
}

impl Proposer {
    pub(crate) fn new(consensus: Consensus, clock: Arc<dyn Clock>, hostname: &str) -> Self {
        Self {
            consensus,
            clock,
            hostname: hostname.into(),
            door: Arc::default(),
        }
    }

    /// Proposes `command` in the name of `actor` and returns once it is applied here.
    pub async fn propose(&self, actor: Actor, command: Command) -> Result<Committed, ProposeError> {
        let proposal = Proposal {
            at_ms: self.clock.now_ms(),
            actor,
            command,
        };
        let bytes = fitting(encode_proposal(&proposal))?;
        let deadline = Instant::now() + DEADLINE;
        let Ok(_inside) = tokio::time::timeout_at(deadline, self.door.read()).await else {
            return Err(ProposeError::NotLeader { leader: None });
        };
        if self.consensus.leads() && !admits(self.consensus.room().await, &proposal.command, bytes.len()) {
            return Err(ProposeError::DiskFull {
                manager: self.hostname.to_string(),
            });
        }
        let writing = self.consensus.write(bytes);
        let Ok(written) = tokio::time::timeout_at(deadline, writing).await else {
            return Err(ProposeError::NoQuorum);
        };
        let (index, outcome) = written?;
        match outcome.refusal {
            Some(refusal) => Err(refusal.into()),
            None => Ok(Committed {
                index,
                events: outcome
                    .applied
                    .map(|applied| applied.events.clone())
                    .unwrap_or_default(),
            }),
        }
    }

    /// Returns once a quorum has confirmed that this manager leads and everything committed before is applied here:
    /// what the replica shows then is not older than this call.
    pub async fn confirm(&self) -> Result<u64, ProposeError> {
        let confirming = tokio::time::timeout(DEADLINE, async {
            let _inside = self.door.read().await;
            self.consensus.confirm().await
        });
        confirming
            .await
            .unwrap_or(Err(ProposeError::NotLeader { leader: None }))
    }

    /// Waits until everybody inside has their answer and holds the door shut: who comes now waits outside, and nothing
    /// is refused for it. Put a deadline around it: without a quorum those inside wait long.
    pub(crate) async fn hold(&self) -> OwnedRwLockWriteGuard<()> {
        Arc::clone(&self.door).write_owned().await
    }
}

#[cfg(test)]
mod tests {
    use wardroom_state::ids::{NodeId, SecretId};

    use super::*;

    #[test]
    fn every_no_says_what_to_do() {
        let leader = Peer {
            address: "10.0.0.1:2377".into(),
            node_id: "ada".into(),
        };
        let text = |error: ProposeError| error.to_string();
        assert!(text(ProposeError::NotLeader { leader: Some(leader) }).contains("ask the one at 10.0.0.1:2377"));
        assert_eq!(text(ProposeError::NotLeader { leader: None }), NO_LEADER);
        assert!(text(ProposeError::NoQuorum).contains("look before you repeat it"));
        assert!(text(ProposeError::TooLarge { bytes: 2_000_000 }).contains("2000000 bytes, more than the 1048576"));
        let full = ProposeError::DiskFull { manager: "ada".into() };
        assert_eq!(
            text(full),
            "the disk of manager ada is almost full: free space, then repeat"
        );
        assert!(text(ProposeError::Stopped("disk".into())).contains("ask another one"));
    }

    #[test]
    fn on_a_full_disk_reports_and_revocations_go_on_while_they_fit() {
        let secret = SecretId::new("s");
        let report = Command::Report {
            node: NodeId::new("n"),
            tasks: Vec::new(),
            receipts: Vec::new(),
            inventory: false,
        };
        let revoke = Command::RevokeSecret {
            secret: secret.clone(),
            version: None,
            expected: None,
        };
        let shred = Command::ShredSecret {
            secret: secret.clone(),
            version: None,
            expected: None,
        };
        let read = Command::NoteAccess {
            action: "backup.read".into(),
            object: String::new(),
            detail: String::new(),
        };
        let remove = Command::RemoveSecret { secret };
        for command in [&report, &revoke, &shred, &read] {
            assert!(admits(Room::Last(100), command, 100));
            assert!(!admits(Room::Last(100), command, 101));
        }
        assert!(!admits(Room::Last(100), &remove, 1));
        assert!(admits(Room::Enough, &remove, BYTES_MAX));
    }

    #[test]
    fn a_proposal_may_be_as_large_as_the_limit_and_no_larger() {
        assert_eq!(
            fitting(vec![0; BYTES_MAX]).map(|bytes| bytes.len()).ok(),
            Some(BYTES_MAX)
        );
        let refused = fitting(vec![0; BYTES_MAX + 1]);
        assert!(matches!(refused, Err(ProposeError::TooLarge { bytes }) if bytes == BYTES_MAX + 1));
    }
}
