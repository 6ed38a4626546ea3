//! Which keys do the managers keep? The unlock key that is in force, the orders to write under fresh keys, and how far
//! each manager has come. No key is here: the unlock keys are sealed, the rest are numbers and check values.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::ops::Deref;

use serde::{Deserialize, Serialize};

use crate::ids::{NodeId, SecretId};
use crate::node::Node;
use crate::state::State;

/// Epoch of the unlock key from the beginning. It stands on the managers' disks in clear, so that nobody needs it.
pub const FIRST_UNLOCK_KEY: u32 = 1;
/// The newest finished orders that stay in the state.
pub const FINISHED_ORDERS_KEPT: usize = 16;
/// Orders that somebody owes; more are refused until that manager is back, or gone for good.
pub const UNFINISHED_ORDERS_MAX: usize = 256;

/// What the cluster knows of its managers' keys. `Default` is a cluster that never locked and never rotated.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyFacts {
    /// `None`: the one from the beginning.
    pub unlock_key: Option<UnlockKeyRecord>,
    /// Unlock keys of earlier epochs that somebody keeps and some manager may still hang on. A key that was replaced before
    /// anybody kept it was never on a disk.
    pub earlier: BTreeMap<u32, SealedUnlockKey>,
    /// Number of the newest order; 0 before the first.
    pub last_order: u64,
    /// Oldest first; of the finished ones the newest [`FINISHED_ORDERS_KEPT`].
    pub orders: VecDeque<Order>,
    /// As the leader recorded them last; a manager that joined just now has none.
    pub managers: BTreeMap<NodeId, ManagerKeys>,
}

/// The unlock key in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct UnlockKeyRecord {
    pub epoch: u32,
    /// First bytes of a check value of the key.
    pub check: [u8; 4],
    pub sealed: SealedUnlockKey,
    pub since_ms: i64,
    /// The actor who had it made.
    pub by: String,
    /// Autolock was turned on with it.
    pub turns_on: bool,
    /// When somebody said that they keep it; 0: nobody has. Until then no disk needs it: a key that nobody has would lock
    /// everybody out.
    pub kept_at_ms: i64,
}

impl UnlockKeyRecord {
    pub fn is_kept(&self) -> bool {
        self.kept_at_ms != 0
    }
}

/// An unlock key under the cluster's sealing root. Opaque here; `wardroom-keys` seals and opens it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SealedUnlockKey(#[serde(with = "crate::bytes")] Vec<u8>);

impl From<Vec<u8>> for SealedUnlockKey {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl Deref for SealedUnlockKey {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// Not for a log line, although it is sealed.
impl fmt::Debug for SealedUnlockKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealedUnlockKey({} bytes)", self.0.len())
    }
}

/// Every manager is to write under a fresh DEK and to destroy the one before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Order {
    /// From 1; whoever has fulfilled it has fulfilled all before it.
    pub number: u64,
    pub reason: OrderReason,
    pub at_ms: i64,
    /// Raft index: what was to become unreadable stands before it.
    pub index: u64,
    /// The actor who gave it.
    pub by: String,
    /// The managers that have, and when the cluster learnt it.
    pub done: BTreeMap<NodeId, i64>,
    /// When nobody owed it any more; 0 while somebody does. A manager that comes later owes nothing of it.
    pub finished_at_ms: i64,
}

impl Order {
    pub fn is_finished(&self) -> bool {
        self.finished_at_ms != 0
    }
}

/// Why an order was given.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OrderReason {
    /// Autolock was turned on: the DEK before stood on the disk as good as in clear.
    Autolock,
    /// The unlock key was rotated: an old copy of the keyring and the old key open the DEK before.
    UnlockKey,
    /// The values of these versions are to be unreadable in every old record.
    Shred {
        secret: SecretId,
        /// At that time; the secret may be gone by now.
        name: String,
        /// Ascending.
        versions: Vec<u32>,
    },
    /// An operator asked for it.
    Demand,
}

impl fmt::Display for OrderReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Autolock => f.write_str("autolock was turned on"),
            Self::UnlockKey => f.write_str("the unlock key was rotated"),
            Self::Shred { name, versions, .. } => write!(f, "{name} {} shredded", version_list(versions)),
            Self::Demand => f.write_str("on demand"),
        }
    }
}

/// `v1, v2`.
pub(crate) fn version_list(numbers: &[u32]) -> String {
    let words: Vec<String> = numbers.iter().map(|number| format!("v{number}")).collect();
    words.join(", ")
}

/// What one manager said of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManagerKeys {
    /// Of the unlock key that opens its keyring.
    pub kek_epoch: u32,
    /// Its unlock key stands nowhere on its disk.
    pub locks: bool,
    pub dek_epoch: u32,
    pub dek_check: [u8; 4],
    pub dek_created_at_ms: i64,
    /// The newest order it has fulfilled; 0: none.
    pub order: u64,
    /// When the cluster learnt it.
    pub at_ms: i64,
}

impl KeyFacts {
    /// Of the unlock key in force.
    pub fn unlock_epoch(&self) -> u32 {
        self.unlock_key.as_ref().map_or(FIRST_UNLOCK_KEY, |record| record.epoch)
    }

    /// The newest unlock key that somebody keeps, by its epoch: the managers' disks are to open with it. Without a sealed key
    /// it is the one from the beginning.
    pub fn kept_unlock_key(&self) -> (u32, Option<&SealedUnlockKey>) {
        let newest = self.unlock_key.as_ref().filter(|record| record.is_kept());
        let newest = newest.map(|record| (record.epoch, &record.sealed));
        let before = || self.earlier.last_key_value().map(|(epoch, sealed)| (*epoch, sealed));
        newest
            .or_else(before)
            .map_or((FIRST_UNLOCK_KEY, None), |(epoch, sealed)| (epoch, Some(sealed)))
    }

    /// The unlock key of that epoch, the one in force or an earlier one that somebody may need.
    pub fn sealed_unlock_key(&self, epoch: u32) -> Option<&SealedUnlockKey> {
        let current = self.unlock_key.as_ref().filter(|record| record.epoch == epoch);
        current
            .map(|record| &record.sealed)
            .or_else(|| self.earlier.get(&epoch))
    }

    /// While it is remembered.
    pub fn order(&self, number: u64) -> Option<&Order> {
        let place = self.orders.binary_search_by_key(&number, |order| order.number).ok()?;
        self.orders.get(place)
    }

    pub fn unfinished_orders(&self) -> impl Iterator<Item = &Order> {
        self.orders.iter().filter(|order| !order.is_finished())
    }
}

impl State {
    /// The unlock key, the orders, and each manager's part.
    pub fn keys(&self) -> &KeyFacts {
        &self.facts.keys
    }

    /// The managers that have not fulfilled the order, also those that are down or were never heard of. None of an order
    /// that is finished, whoever has come since.
    pub fn owing(&self, order: u64) -> Vec<NodeId> {
        let unfinished = self.keys().order(order).filter(|order| !order.is_finished());
        let Some(order) = unfinished else { return Vec::new() };
        let owes = |node: &&Node| {
            self.keys()
                .managers
                .get(&node.id)
                .is_none_or(|keys| keys.order < order.number)
        };
        self.managers().filter(owes).map(|node| node.id.clone()).collect()
    }

    /// Whether a manager's disk is to need its unlock key. Not while autolock waits for somebody who keeps its first one.
    pub fn disks_lock(&self) -> bool {
        let waits = |record: &UnlockKeyRecord| record.turns_on && !record.is_kept();
        let is_on = self.cluster().is_some_and(|cluster| cluster.autolock);
        is_on && !self.keys().unlock_key.as_ref().is_some_and(waits)
    }

    /// The managers whose disk opens with an unlock key of before, as far as is known.
    pub fn on_earlier_unlock_key(&self) -> Vec<NodeId> {
        let (epoch, _) = self.keys().kept_unlock_key();
        if epoch == FIRST_UNLOCK_KEY {
            return Vec::new();
        }
        let behind = |node: &&Node| {
            self.keys()
                .managers
                .get(&node.id)
                .is_none_or(|keys| keys.kek_epoch < epoch)
        };
        self.managers().filter(behind).map(|node| node.id.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sealed_key_is_not_for_a_log_line() {
        let sealed = SealedUnlockKey::from(vec![77; 60]);
        let record = UnlockKeyRecord {
            epoch: 2,
            check: [1; 4],
            sealed: sealed.clone(),
            since_ms: 1,
            by: "admin:root".into(),
            turns_on: true,
            kept_at_ms: 0,
        };
        let facts = KeyFacts {
            unlock_key: Some(record),
            earlier: [(1, sealed)].into(),
            ..KeyFacts::default()
        };
        let text = format!("{facts:?}");
        assert!(text.contains("60 bytes") && !text.contains("77"), "{text}");
    }

    #[test]
    fn reasons_are_told_in_words() {
        let shred = OrderReason::Shred {
            secret: SecretId::new("s"),
            name: "db".into(),
            versions: vec![1, 3],
        };
        assert_eq!(shred.to_string(), "db v1, v3 shredded");
        assert_eq!(OrderReason::UnlockKey.to_string(), "the unlock key was rotated");
    }
}
