//! What do the audit screen's own keys do? They narrow the list, find refusals, and check the chain.

use crate::tui::keymap::Action;
use crate::tui::model::facts::words;
use crate::tui::model::filter::Filter;
use crate::tui::model::list::ListId;
use crate::tui::model::subject::{self, Subject};
use crate::tui::model::{Level, Model};

/// Only this actor, or only this object.
pub fn narrow(model: &mut Model, action: Action) {
    let Some(Subject::Record(sequence)) = subject::selected(model) else {
        return;
    };
    let Some(record) = model.cluster.audit.get(&sequence) else {
        return;
    };
    let filter = if action == Action::Actor {
        format!("actor={}", words::with_hostnames(&model.cluster, &record.actor))
    } else {
        format!("object={}", words::with_hostnames(&model.cluster, &record.object))
    };
    model.list_mut(ListId::Audit).filter = Filter::new(&filter);
    model.rows_stale = true;
}

/// The next record of a refused access, or with a negative step the one before.
pub fn next_denied(model: &mut Model, step: isize) {
    let Some(list) = model.list(ListId::Audit) else { return };
    let from = list.position().unwrap_or(0);
    let denied = |key: &String| {
        let record = key
            .parse()
            .ok()
            .and_then(|sequence: u64| model.cluster.audit.get(&sequence));
        record.is_some_and(|record| record.outcome == "denied")
    };
    let found = if step > 0 {
        list.keys.iter().skip(from + 1).find(|key| denied(key))
    } else {
        list.keys.iter().take(from).rev().find(|key| denied(key))
    };
    match found.cloned() {
        Some(key) => model.list_mut(ListId::Audit).select(&key),
        None => model.say(Level::Info, "no further refused access among these records"),
    }
}

/// Checks what is here: every record names the hash of the one before it.
pub fn verify(model: &mut Model) {
    let records: Vec<_> = model.cluster.audit.values().collect();
    let broken = records
        .windows(2)
        .find(|pair| pair[1].previous != pair[0].hash || pair[0].sequence.checked_add(1) != Some(pair[1].sequence));
    let (level, text) = match (broken, records.last()) {
        (Some(pair), _) => (
            Level::Bad,
            format!("the chain is BROKEN at record {}", pair[1].sequence),
        ),
        (None, Some(last)) => (
            Level::Good,
            format!("chain ok, records {} to {}", records[0].sequence, last.sequence),
        ),
        (None, None) => (Level::Info, "there is no record yet".to_owned()),
    };
    model.say(level, text);
}
