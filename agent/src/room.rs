//! How much goes into one report? As many items and bytes as a manager takes, estimated without encoding anything.

use std::collections::BTreeMap;

use wardroom_api::v1::{Receipt, TaskReport};

/// What a manager takes in one report is one entry of its log: it refuses more than 2000 items, or about 1 MiB.
pub(crate) const ITEMS_MAX: usize = 1900;
pub(crate) const BYTES_MAX: usize = 900 * 1024;

/// What is left of one report.
pub(crate) struct Room {
    items: usize,
    bytes: usize,
}

impl Room {
    pub(crate) fn new() -> Self {
        Self {
            items: ITEMS_MAX,
            bytes: BYTES_MAX,
        }
    }

    /// Takes the item in if there is room for it. One that is too large for any report is let through alone.
    pub(crate) fn takes(&mut self, item: &impl Weighed) -> bool {
        let bytes = item.bytes();
        let is_first = self.items == ITEMS_MAX;
        if self.items == 0 || (bytes > self.bytes && !is_first) {
            return false;
        }
        self.items -= 1;
        self.bytes = self.bytes.saturating_sub(bytes);
        true
    }
}

/// About how many bytes it takes in a message, and rather more than fewer.
pub(crate) trait Weighed {
    fn bytes(&self) -> usize;
}

/// Numbers, tags and lengths of one item.
const ITEM_BYTES: usize = 64;

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
