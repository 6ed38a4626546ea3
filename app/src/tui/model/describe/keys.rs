//! What does a key protect, how old is it, what is due, and what may be done with it? The facts about one line of the tree
//! of keys, for the pane beside it and for the page that describes it. A text that needs attention ends in `!`.

use wardroom_api::ClusterView;
use wardroom_api::v1::DekUse;

use super::{line, roots};
use crate::tui::model::Model;
use crate::tui::model::facts::keys::{self, Keys};
use crate::tui::model::facts::moves::Move;
use crate::tui::model::facts::{time, words};
use crate::tui::model::key_tree::{self, Line};

/// A name and its text.
pub type Fact = (&'static str, String);

pub(super) fn fact(name: &'static str, text: impl Into<String>) -> Fact {
    (name, text.into())
}

/// The facts about a line; empty once it is gone.
pub fn facts(model: &Model, line: &Line) -> Vec<Fact> {
    let (view, now_ms) = (&model.cluster, model.now_ms);
    match line {
        Line::UnlockKey => unlock_key(view, now_ms),
        Line::Dek(node) => keys::of_manager(view, node).map_or_else(Vec::new, |found| dek(view, now_ms, &found)),
        Line::Lying(node, epoch) => lying(view, node, *epoch),
        Line::SealingRoot => sealing_root(view),
        Line::DataKeys => data_keys(view),
        Line::Root => view
            .cluster
            .as_ref()
            .map_or_else(Vec::new, |it| roots::root(now_ms, it)),
        Line::Retiring(fingerprint) => roots::retiring(view, now_ms, fingerprint),
        Line::Certificates => roots::certificates(view, now_ms),
        Line::Token(role) => roots::token(view, now_ms, *role),
    }
}

/// The same as lines of a page.
pub fn page(model: &Model, about: &Line) -> Vec<String> {
    let found = facts(model, about).into_iter();
    found.map(|(name, text)| line(&name.replace(' ', "_"), text)).collect()
}

/// Everything about a change that every member makes for itself.
pub fn of_move(it: &Move) -> Vec<String> {
    let mut lines = vec![
        line("what", &it.what),
        line("since", time::date(it.at_ms)),
        line("by", &it.by),
        line("raft_index", it.index),
        "members:".to_owned(),
    ];
    lines.extend(it.parts.iter().map(|part| format!("- {}: {}", part.name, part.words)));
    lines
}

fn unlock_key(view: &ClusterView, now_ms: i64) -> Vec<Fact> {
    let on = keys::autolock(view);
    let kept = keys::is_kept(view);
    let state = match (on, kept) {
        (true, true) => "ON: needed at each start",
        (true, false) => "ON, but key not kept !",
        (false, _) => "off: keys lie in clear !",
    };
    let check = keys::unlock_check(view);
    let epoch = keys::unlock_epoch(view);
    let key = match (check, epoch) {
        ("", _) => "each disk has one of its own".to_owned(),
        (check, epoch) => format!("epoch {epoch}, check {check}"),
    };
    let mut found = vec![fact("autolock", state), fact("key", key)];
    if let Some(told) = keys::of_cluster(view).filter(|told| told.unlock_key_since_ms > 0) {
        let age = time::age(now_ms, told.unlock_key_since_ms);
        found.push(fact("made", format!("{age} ago by {}", told.unlock_key_by)));
    }
    found.push(fact("opens", opens(view)));
    found.push(fact("protects", "DEK and sealing root on each manager's disk"));
    let stored = if on && kept {
        "in your safe; sealed in the state"
    } else if on {
        "sealed in the state; no disk needs it yet"
    } else {
        "beside what it wraps, in clear"
    };
    found.push(fact("stored", stored));
    if on && kept {
        found.push(fact("due", "when somebody who knew it leaves"));
    } else if on {
        found.push(fact("due", "wardroom swarm unlock-key shows it: keep it !"));
    }
    found.push(fact(
        "may",
        if on {
            "r rotate  a autolock off"
        } else {
            "a autolock on"
        },
    ));
    found
}

/// Whose disks it opens, and whose need another key.
fn opens(view: &ClusterView) -> String {
    let held = keys::of_managers(view);
    let other: Vec<String> = held
        .iter()
        .filter_map(|it| Some(format!("{} needs {}", it.node.hostname, it.hangs_on(view)?)))
        .collect();
    let current = held.len() - other.len();
    let of = words::count(held.len(), "manager");
    if other.is_empty() {
        format!("{current} of {of}")
    } else {
        format!("{current} of {of}; {} !", other.join(", "))
    }
}

fn dek(view: &ClusterView, now_ms: i64, found: &Keys<'_>) -> Vec<Fact> {
    let host = &found.node.hostname;
    let mut facts = vec![fact("protects", format!("log, snapshots of {host}"))];
    let epoch = found.dek_epoch();
    let check = Some(found.dek_check()).filter(|check| !check.is_empty()).unwrap_or("-");
    facts.push(fact("key", format!("epoch {epoch}, check {check}")));
    let age = time::age(now_ms, found.dek_since_ms());
    facts.push(fact(
        "age",
        match found.live() {
            Some(live) => format!("{age}, {} records", live.dek_records),
            None => age,
        },
    ));
    if let Some(pending) = found.pending() {
        let step = keys::step_number(pending.step);
        let total = keys::STEPS.len();
        facts.push(fact(
            "moves",
            format!("to {}: step {step} of {total}, {}", pending.epoch, pending.step),
        ));
    }
    if let Some(trouble) = found.trouble() {
        facts.push(fact("trouble", format!("{trouble} !")));
    }
    facts.push(fact("wrapped", wrapped(view, found)));
    if let Some(here) = found.lying_under(epoch) {
        facts.push(fact("on disk", on_disk(here)));
    }
    facts.push(fact("due", due(now_ms, found.dek_due_ms())));
    match found.live() {
        Some(live) => facts.push(fact("memory", keys::memory_words(keys::memory_of(live)))),
        None => facts.push(fact("heard", "it does not answer: as it reported last !")),
    }
    facts.push(fact("may", "r new DEKs, everywhere"));
    facts
}

fn wrapped(view: &ClusterView, found: &Keys<'_>) -> String {
    let epoch = found.unlock_epoch();
    match (found.locks(), found.hangs_on(view)) {
        (false, _) => "its unlock key lies beside it".to_owned(),
        (true, None) => format!("by unlock key {epoch}"),
        (true, Some(_)) => format!("by unlock key {epoch}, an earlier one !"),
    }
}

/// `2 segments 1.1M, 1 snapshot 3.9K`.
fn on_disk(lying: &DekUse) -> String {
    format!(
        "{} {}, {} {}",
        words::count(lying.segments as usize, "segment"),
        words::size(lying.log_bytes),
        words::count(lying.snapshots as usize, "snapshot"),
        words::size(lying.snapshot_bytes)
    )
}

fn due(now_ms: i64, due_ms: i64) -> String {
    match due_ms {
        0 => "not known".to_owned(),
        due if due <= now_ms => "by its age: now !".to_owned(),
        due => format!("by its age in {}", time::left(now_ms, due)),
    }
}

fn lying(view: &ClusterView, node_id: &str, epoch: u32) -> Vec<Fact> {
    let host = view.hostname(node_id);
    let older = key_tree::is_older(view, node_id, epoch);
    let mut found = vec![fact("protects", format!("what {host} wrote under it"))];
    match keys::of_manager(view, node_id).and_then(|keys| keys.lying_under(epoch)) {
        Some(lying) => {
            found.push(fact("on disk", on_disk(lying)));
            found.push(fact("records", lying.records.to_string()));
        }
        None => found.push(fact("on disk", "nothing yet")),
    }
    found.push(fact(
        "ends",
        if older {
            "with the last segment and snapshot under it"
        } else {
            "the DEK before, once all is moved"
        },
    ));
    found
}

fn sealing_root(view: &ClusterView) -> Vec<Fact> {
    let Some(cluster) = &view.cluster else {
        return Vec::new();
    };
    let mut found = vec![
        fact("protects", "data keys, CA key, tokens, unlock key, in the state"),
        fact("key", format!("check {}", cluster.sealing_root_check)),
    ];
    let strange = keys::strange_sealing_roots(view, cluster);
    if !strange.is_empty() {
        found.push(fact("differs", format!("on {} !", strange.join(", "))));
    }
    if let Some((word, count)) = keys::memory(view) {
        found.push(fact("memory", keys::memory_words(word)));
        found.push(fact("held by", words::count(count, "manager") + " that answer"));
    }
    found.push(fact("on disk", "wrapped by the unlock key, as the DEKs"));
    found.push(fact("due", "never: data keys come and go with versions"));
    found
}

fn data_keys(view: &ClusterView) -> Vec<Fact> {
    vec![
        fact("protects", "one version's value each"),
        fact("number", keys::data_keys(view).to_string()),
        fact("stored", "in the state, wrapped by the sealing root"),
        fact("ends", "dropped when the version is destroyed"),
        fact("may", "shift-x shred: old logs and snapshots lose it too"),
    ]
}
