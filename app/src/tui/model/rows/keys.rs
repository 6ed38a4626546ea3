//! The rows of lists about keys: the tree, and the changes that every member makes for itself.

use super::{Entry, field};
use crate::tui::model::Model;
use crate::tui::model::facts::moves;
use crate::tui::model::{describe, key_tree};

/// In the tree's own order: what hangs on what.
pub fn tree(model: &Model) -> Vec<Entry<'_>> {
    let entry = |line: key_tree::Line| {
        let facts = describe::keys::facts(model, &line);
        Entry {
            key: line.key().into(),
            name: line.name(&model.cluster).into(),
            problem: facts.iter().any(|(_, text)| text.ends_with('!')),
            fields: facts.iter().map(|(name, text)| field(name, text)).collect(),
            ..Entry::default()
        }
    };
    key_tree::lines(&model.cluster).into_iter().map(entry).collect()
}

/// A new root first, then the newest order.
pub fn moves(model: &Model) -> Vec<Entry<'_>> {
    let entry = |found: moves::Move| Entry {
        problem: !found.is_done(),
        state: if found.is_done() {
            "done".into()
        } else {
            "under way".into()
        },
        fields: vec![field("by", &found.by)],
        at_ms: found.at_ms,
        key: found.key.into(),
        name: found.what.into(),
    };
    moves::moves(&model.cluster).into_iter().map(entry).collect()
}
