//! What was each manager's latest word about itself? One table, with a wake-up whenever a word is new.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use tokio::sync::watch;
use wardroom_api::v1;

/// A manager's latest word, or why there is none.
#[derive(Clone, Debug)]
pub enum Word {
    Status(Arc<v1::ManagerStatus>),
    Lost(String),
}

/// The latest word of every manager by node id, each with the revision of the table at which it came.
#[derive(Clone, Debug, Default)]
pub struct Table {
    pub revision: u64,
    pub words: BTreeMap<String, (u64, Word)>,
}

impl Table {
    /// What came after `revision`; 0 gives everything.
    pub fn since(&self, revision: u64) -> impl Iterator<Item = (&str, &Word)> {
        self.words
            .iter()
            .filter(move |(_, (at, _))| *at > revision)
            .map(|(node, (_, word))| (node.as_str(), word))
    }

    fn note(&mut self, node_id: &str, word: Word) -> bool {
        let known = match (self.words.get(node_id), &word) {
            (Some((_, Word::Status(old))), Word::Status(new)) => same(old, new),
            (Some((_, Word::Lost(old))), Word::Lost(new)) => old == new,
            _ => false,
        };
        if !known {
            self.revision += 1;
            self.words.insert(node_id.to_owned(), (self.revision, word));
        }
        !known
    }
}

/// Equal but for the times that move by themselves.
fn same(a: &v1::ManagerStatus, b: &v1::ManagerStatus) -> bool {
    let still = |status: &v1::ManagerStatus| v1::ManagerStatus {
        at_ms: 0,
        quorum_acked_ms: 0,
        ..status.clone()
    };
    still(a) == still(b)
}

/// All managers' words. Cheap to clone; all clones are the same table.
#[derive(Clone)]
pub struct Managers(Arc<watch::Sender<Table>>);

impl Managers {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(Table::default())))
    }

    /// The table now, and a wake-up whenever a word is new.
    pub fn subscribe(&self) -> watch::Receiver<Table> {
        self.0.subscribe()
    }

    pub(super) fn note(&self, node_id: &str, word: Word) {
        self.0.send_if_modified(|table| table.note(node_id, word));
    }

    pub(super) fn keep(&self, members: &BTreeSet<&str>) {
        self.0.send_if_modified(|table| {
            let before = table.words.len();
            table.words.retain(|node_id, _| members.contains(node_id.as_str()));
            table.words.len() != before
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(applied: u64, at_ms: i64) -> Word {
        Word::Status(Arc::new(v1::ManagerStatus {
            applied,
            at_ms,
            ..Default::default()
        }))
    }

    #[test]
    fn a_word_is_new_when_more_than_its_time_changed() {
        let mut table = Table::default();
        assert!(table.note("a", status(1, 10)));
        assert!(!table.note("a", status(1, 20)));
        assert!(table.note("a", status(2, 30)));
        assert!(table.note("a", Word::Lost("gone".into())));
        assert!(!table.note("a", Word::Lost("gone".into())));
        assert!(table.note("a", status(2, 40)));
        assert_eq!(table.revision, 4);
    }

    #[test]
    fn a_subscriber_is_told_only_what_came_after() {
        let mut table = Table::default();
        table.note("a", status(1, 0));
        table.note("b", status(1, 0));
        let seen = table.revision;
        table.note("a", status(2, 0));
        let told: Vec<&str> = table.since(seen).map(|(node, _)| node).collect();
        assert_eq!(told, ["a"]);
        assert_eq!(table.since(0).count(), 2);
    }
}
