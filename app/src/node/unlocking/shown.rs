//! What may everybody at the socket know of a lock? Who waits for a key of which epoch, and how far it has come; no key.

use wardroom_api::v1;

use super::pace::Pace;

/// The lock of this process's managers, as it is told.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub cluster_id: String,
    /// Those that wait for a key.
    pub managers: Vec<Waiting>,
    pub pace: Pace,
    /// Shares that were given and are needed, and until when they are kept.
    pub shares: Option<(u8, u8, i64)>,
    /// Others of this process are open and answer.
    pub serves: bool,
}

/// A manager that waits for its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub node_id: String,
    pub hostname: String,
    pub epoch: u32,
    pub check: [u8; 4],
}

impl Shown {
    /// No manager waits for a key.
    pub fn open(cluster_id: &str) -> Self {
        Self {
            cluster_id: cluster_id.to_owned(),
            ..Self::default()
        }
    }

    /// Nothing but the lock answers.
    pub fn is_locked(&self) -> bool {
        !self.managers.is_empty() && !self.serves
    }

    pub fn facts(&self, now_ms: i64) -> v1::LockFacts {
        let (shares_have, shares_need) = match self.shares {
            Some((have, need, until_ms)) if now_ms < until_ms => (have.into(), need.into()),
            _ => (0, 0),
        };
        v1::LockFacts {
            locked: self.is_locked(),
            cluster_id: self.cluster_id.clone(),
            managers: self.managers.iter().map(Waiting::told).collect(),
            shares_have,
            shares_need,
            wait_ms: self.pace.left_ms(now_ms),
            wrong: self.pace.wrong(),
        }
    }
}

impl Waiting {
    fn told(&self) -> v1::LockedManager {
        v1::LockedManager {
            node_id: self.node_id.clone(),
            hostname: self.hostname.clone(),
            unlock_key_epoch: self.epoch,
            unlock_key_check: format!("{:08x}", u32::from_be_bytes(self.check)),
        }
    }
}
