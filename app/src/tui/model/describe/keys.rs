//! What does a key protect, how old is it, what is due, and what may be done with it? The facts about one line of the tree
//! of keys, for the pane beside it and for the page that describes it. A text that needs attention ends in `!`.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Cluster, DekUse, Role};

use super::line;
use crate::tui::model::Model;
use crate::tui::model::facts::keys::{self, Keys};
use crate::tui::model::facts::moves::Move;
use crate::tui::model::facts::{members, time, words};
use crate::tui::model::key_tree::{self, Line};

/// A name and its text.
pub type Fact = (&'static str, String);

fn fact(name: &'static str, text: impl Into<String>) -> Fact {
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
        Line::Root => view.cluster.as_ref().map_or_else(Vec::new, |it| root(now_ms, it)),
        Line::Retiring(fingerprint) => retiring(view, now_ms, fingerprint),
        Line::Certificates => certificates(view, now_ms),
        Line::Token(role) => token(view, now_ms, *role),
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
    let state = if on {
        "ON: needed at each start"
    } else {
        "off: keys lie in clear !"
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
    let stored = if on {
        "in your safe; sealed in the state"
    } else {
        "beside what it wraps, in clear"
    };
    found.push(fact("stored", stored));
    if on {
        found.push(fact("due", "when somebody who knew it leaves"));
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

fn root(now_ms: i64, cluster: &Cluster) -> Vec<Fact> {
    let left = time::left(now_ms, cluster.root_not_after_ms);
    let remaining = members::remaining_on_older_roots(cluster);
    let mut found = vec![
        fact("protects", "who may join, speak and command"),
        fact("sha256", cluster.root_fingerprint.clone()),
        fact("ends", format!("{} ({left})", time::date(cluster.root_not_after_ms))),
    ];
    if remaining > 0 {
        let hang = words::count(remaining as usize, "certificate");
        found.push(fact("moves", format!("{hang} still on an older root !")));
    }
    found.push(fact("key", "in the state, under the sealing root"));
    found.push(fact("may", "shift-r rotate: nobody is cut off"));
    found
}

fn retiring(view: &ClusterView, now_ms: i64, fingerprint: &str) -> Vec<Fact> {
    let roots = view.cluster.iter().flat_map(|cluster| &cluster.retiring);
    let Some(root) = roots.into_iter().find(|root| root.fingerprint == fingerprint) else {
        return Vec::new();
    };
    let hang = |issuer: &str| issuer == fingerprint;
    let nodes = view.nodes.values().filter(|node| hang(&node.certificate_issuer));
    let operators = view.operators.values().filter(|it| hang(&it.certificate_issuer));
    let mut names: Vec<&str> = nodes.map(|node| node.hostname.as_str()).collect();
    names.sort_unstable();
    names.extend(operators.map(|it| it.name.as_str()));
    vec![
        fact("sha256", fingerprint),
        fact("replaced", format!("{} ago", time::age(now_ms, root.since_ms))),
        fact("hang on", format!("{}: {} !", root.remaining, names.join(", "))),
        fact("ends", "with the last certificate under it"),
        fact("may", "o operators: those are added anew"),
    ]
}

fn certificates(view: &ClusterView, now_ms: i64) -> Vec<Fact> {
    let (number, first) = keys::certificates(view);
    let mark = if keys::certificates_expiring(view, now_ms) > 0 { " !" } else { "" };
    let life = view.cluster.as_ref().map_or(0, |cluster| cluster.certificate_life_ms);
    let mut found = vec![
        fact("protects", "each member's own identity"),
        fact("number", number.to_string()),
        fact("first", format!("ends in {}{mark}", time::left(now_ms, first))),
    ];
    if life > 0 {
        let life = time::span(i64::try_from(life).unwrap_or(i64::MAX));
        found.push(fact("renewal", format!("by itself at 50-80 % of {life}")));
    }
    found.push(fact("may", "tab to the list, soonest first"));
    found
}

fn token(view: &ClusterView, now_ms: i64, role: Role) -> Vec<Fact> {
    let Some(token) = members::join_token(view, role) else {
        return Vec::new();
    };
    let who = if role == Role::Manager { "manager" } else { "worker" };
    let ends = match token.expires_at_ms {
        0 => "never".to_owned(),
        at if at <= now_ms => "expired !".to_owned(),
        at => format!("in {}", time::left(now_ms, at)),
    };
    let uses = match token.max_uses {
        0 => words::count(token.uses as usize, "join"),
        most if token.uses >= most => format!("{} of {most} joins, used up !", token.uses),
        most => format!("{} of {most} joins", token.uses),
    };
    vec![
        fact("protects", format!("who joins as a {who}")),
        fact("age", time::age(now_ms, token.created_at_ms)),
        fact("ends", ends),
        fact("uses", uses),
        fact("stored", "in the state, under the sealing root"),
        fact("may", "r rotate  t how a machine joins"),
    ]
}
