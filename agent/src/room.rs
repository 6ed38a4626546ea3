//! How much goes into one report? As many items and bytes as a manager takes, estimated without encoding anything.

use std::collections::BTreeMap;

use wardroom_api::v1::{Receipt, TaskReport};

/// What a manager takes in one report is one entry of its log: it refuses about 1 MiB, more than 2000 tasks or receipts,
/// and in an inventory, which cannot be cut, more than 8000.
pub(crate) const ITEMS_MAX: usize = 1900;
pub(crate) const INVENTORY_ITEMS_MAX: usize = 7900;
pub(crate) const BYTES_MAX: usize = 960 * 1024;

/// What is left of one report.
pub(crate) struct Room {
    items: usize,
    bytes: usize,
    is_empty: bool,
}

impl Room {
    pub(crate) fn report() -> Self {
        Self::of(ITEMS_MAX)
    }

    pub(crate) fn inventory() -> Self {
        Self::of(INVENTORY_ITEMS_MAX)
    }

    fn of(items: usize) -> Self {
        Self {
            items,
            bytes: BYTES_MAX,
            is_empty: true,
        }
    }

    /// Takes the item in if there is room for it. One that is too large for any report is let through alone.
    pub(crate) fn takes(&mut self, item: &impl Weighed) -> bool {
        let bytes = item.bytes();
        if self.items == 0 || (bytes > self.bytes && !self.is_empty) {
            return false;
        }
        self.is_empty = false;
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// About how many bytes it takes in a message, and rather more than fewer.
pub(crate) trait Weighed {
    fn bytes(&self) -> usize;
}

/// Numbers, tags and lengths of one item, as the manager's log has them and on the wire.
const ITEM_BYTES: usize = 32;

impl Weighed for TaskReport {
    fn bytes(&self) -> usize {
        ITEM_BYTES + self.task_id.len() + self.message.len() + self.error.len() + self.secrets_dir.len()
    }
}

impl Weighed for Receipt {
    fn bytes(&self) -> usize {
        let words = self.task_id.len() + self.secret_id.len() + self.target.len() + self.message.len();
        ITEM_BYTES + words + self.digest.len()
    }
}

/// Takes the first entries out of `all`, as many as there is room for.
pub(crate) fn split_first<K: Ord + Clone, V: Weighed>(all: &mut BTreeMap<K, V>, room: &mut Room) -> BTreeMap<K, V> {
    let first_left = all
        .iter()
        .find(|(_, item)| !room.takes(*item))
        .map(|(key, _)| key.clone());
    match first_left {
        Some(first_left) => {
            let rest = all.split_off(&first_left);
            std::mem::replace(all, rest)
        }
        None => std::mem::take(all),
    }
}
