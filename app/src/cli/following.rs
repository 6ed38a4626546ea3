//! Do the managers' keys follow a change? Each manager's part by the cluster's record of it, and who still owes theirs:
//! those that are down are named, not waited for.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::Instant;
use wardroom_api::v1::{self, Kind, NodeState, Role};
use wardroom_api::{ClusterView, FeedEvent, WatchFeed};

use crate::cli::output::{Output, natural_order};
use crate::cli::session::Session;
use crate::cli::{when, words};
use crate::report::{Exit, Report};

const WATCHED: &[Kind] = &[Kind::Cluster, Kind::Node];
/// How long managers that answer may show nothing new.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long only managers that are down may be left: one of them may just come back.
const PATIENCE_DOWN: Duration = Duration::from_secs(3);

/// What a manager's keys have to be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aim {
    /// Raft index of the change; older views say nothing about it.
    pub index: u64,
    /// The order that is to be fulfilled; 0 for none.
    pub order: u64,
    /// The unlock key to hang on, or a later one; 0 for any.
    pub unlock_key_epoch: u32,
    /// Whether its disk needs the unlock key.
    pub locks: Option<bool>,
}

/// How far one manager is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stage {
    /// When its old DEK was gone, or its keys were recorded; 0 where that is not known any more.
    Done(i64),
    /// In the word of its rotation, e.g. `snapshot`.
    Working(String),
    /// Why it cannot, as it says.
    Stuck(String),
    Down,
}

/// One manager's part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub node_id: String,
    pub hostname: String,
    pub stage: Stage,
    /// What the cluster knows of its keys, also while it is down; `None` before its first word.
    pub keys: Option<v1::ManagerKeys>,
}

/// Every manager's part, by hostname.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parts(pub Vec<Part>);

/// What a view says about the aim.
pub fn parts(view: &ClusterView, aim: Aim) -> Parts {
    let keys = view.cluster.as_ref().and_then(|cluster| cluster.keys.as_ref());
    let order = keys.and_then(|keys| keys.orders.iter().find(|order| order.number == aim.order));
    let managers = view.nodes.values().filter(|node| node.role() == Role::Manager);
    let part = |node: &v1::Node| {
        let known = keys.and_then(|keys| keys.managers.iter().find(|known| known.node_id == node.id));
        Part {
            node_id: node.id.clone(),
            hostname: node.hostname.clone(),
            stage: done(&node.id, known, order, aim).map_or_else(|| behind(view, node), Stage::Done),
            keys: known.cloned(),
        }
    };
    let mut parts: Vec<Part> = managers.map(part).collect();
    parts.sort_by(|a, b| natural_order(&a.hostname, &b.hostname));
    Parts(parts)
}

/// When a manager had done its part, if it has. An order that is not there any more was finished by all.
fn done(node_id: &str, keys: Option<&v1::ManagerKeys>, order: Option<&v1::DekOrder>, aim: Aim) -> Option<i64> {
    let owes = order.is_some_and(|order| order.owing.iter().any(|id| id == node_id));
    let hangs_on = aim.unlock_key_epoch == 0 || keys?.unlock_key_epoch >= aim.unlock_key_epoch;
    let locks = aim
        .locks
        .is_none_or(|locks| keys.is_some_and(|keys| keys.locks == locks));
    if owes || !hangs_on || !locks {
        return None;
    }
    let fulfilled = order.and_then(|order| order.done.iter().find(|done| done.node_id == node_id));
    let recorded = keys.map_or(0, |keys| keys.at_ms);
    Some(fulfilled.map_or(recorded, |done| done.at_ms))
}

fn behind(view: &ClusterView, node: &v1::Node) -> Stage {
    let status = view.managers.get(&node.id).and_then(|status| status.keys.as_ref());
    if view.lost_managers.contains_key(&node.id) || node.state() == NodeState::Down {
        return Stage::Down;
    }
    match status {
        Some(keys) if !keys.trouble.is_empty() => Stage::Stuck(keys.trouble.clone()),
        Some(keys) if !keys.step.is_empty() => Stage::Working(keys.step.clone()),
        _ => Stage::Working("waiting".to_owned()),
    }
}

impl Parts {
    fn is(&self, wanted: impl Fn(&Stage) -> bool) -> impl Iterator<Item = &Part> {
        self.0.iter().filter(move |part| wanted(&part.stage))
    }

    pub fn done(&self) -> impl Iterator<Item = &Part> {
        self.is(|stage| matches!(stage, Stage::Done(_)))
    }

    /// Those that have not done their part, down or not.
    pub fn owing(&self) -> impl Iterator<Item = &Part> {
        self.is(|stage| !matches!(stage, Stage::Done(_)))
    }

    pub fn is_complete(&self) -> bool {
        !self.0.is_empty() && self.owing().next().is_none()
    }

    /// Whoever is left is down.
    pub fn is_left_to_the_down(&self) -> bool {
        !self.0.is_empty() && self.owing().all(|part| part.stage == Stage::Down)
    }

    /// `1 of 3 managers done, manager-2: snapshot, manager-3: down`.
    fn text(&self) -> String {
        let owing = self.owing().map(Part::where_it_is);
        let all = words::count(self.0.len(), "manager");
        let head = format!("{} of {all} done", self.done().count());
        std::iter::once(head).chain(owing).collect::<Vec<_>>().join(", ")
    }

    /// `manager-3 is down: DEK epoch 1, opens with the unlock key of epoch 1; ...`, each that owes.
    pub fn owing_text(&self) -> String {
        self.owing().map(Part::owes).collect::<Vec<_>>().join("; ")
    }

    pub fn json(&self) -> Value {
        self.0.iter().map(Part::json).collect()
    }
}

impl Part {
    fn where_it_is(&self) -> String {
        let stage = match &self.stage {
            Stage::Done(_) => "done",
            Stage::Working(step) => step,
            Stage::Stuck(why) => why,
            Stage::Down => "down",
        };
        format!("{}: {stage}", self.hostname)
    }

    /// What a manager that is done has come to.
    fn arrived(&self) -> String {
        let hostname = &self.hostname;
        match &self.keys {
            None => format!("{hostname}: done"),
            Some(keys) => format!("{hostname}: DEK epoch {}, {}", keys.dek_epoch, opens_with(keys)),
        }
    }

    fn owes(&self) -> String {
        let what = match &self.stage {
            Stage::Done(_) => "is done".to_owned(),
            Stage::Working(step) if step == "waiting" => "has not begun".to_owned(),
            Stage::Working(step) => format!("is at the step {step}"),
            Stage::Stuck(why) => format!("cannot go on ({why})"),
            Stage::Down => "is down".to_owned(),
        };
        match &self.keys {
            None => format!("{} {what}", self.hostname),
            Some(keys) => format!(
                "{} {what}: DEK epoch {}, {}",
                self.hostname,
                keys.dek_epoch,
                opens_with(keys)
            ),
        }
    }

    fn json(&self) -> Value {
        let (state, detail, done_ms) = match &self.stage {
            Stage::Done(at_ms) => ("done", "", *at_ms),
            Stage::Working(step) => ("working", step.as_str(), 0),
            Stage::Stuck(why) => ("stuck", why.as_str(), 0),
            Stage::Down => ("down", "", 0),
        };
        let keys = self.keys.clone().unwrap_or_default();
        json!({
            "node_id": self.node_id,
            "hostname": self.hostname,
            "state": state,
            "detail": detail,
            "done": when::rfc3339(done_ms),
            "unlock_key_epoch": keys.unlock_key_epoch,
            "locks": keys.locks,
            "dek_epoch": keys.dek_epoch,
        })
    }
}

/// What its disk needs.
pub fn opens_with(keys: &v1::ManagerKeys) -> String {
    if keys.locks {
        format!("opens with the unlock key of epoch {}", keys.unlock_key_epoch)
    } else {
        "opens without a key".to_owned()
    }
}

/// Watches until every manager has done its part, or only those that are down have not, or nothing moves any more. The
/// change goes on by itself either way. Each manager that arrives is told on a line of its own unless `quiet`.
pub async fn follow(aim: Aim, quiet: bool, session: &mut Session) -> Parts {
    let mut feed = WatchFeed::new(session.client.clone(), WATCHED, true);
    let mut view = ClusterView::default();
    let mut known = Parts::default();
    let mut moved = Instant::now();
    loop {
        let patience = if known.is_left_to_the_down() {
            PATIENCE_DOWN
        } else {
            PATIENCE
        };
        let Ok(event) = tokio::time::timeout_at(moved + patience, feed.event()).await else {
            break;
        };
        let FeedEvent::Message(message) = event else { continue };
        if !view.apply(&message) || view.index < aim.index {
            continue;
        }
        let now = parts(&view, aim);
        if now == known {
            continue;
        }
        if !quiet {
            tell(&known, &now, session);
        }
        moved = Instant::now();
        known = now;
        if known.is_complete() {
            break;
        }
    }
    session.output.end_progress();
    known
}

/// Who has arrived since, and on a terminal where the others are.
fn tell(before: &Parts, now: &Parts, session: &mut Session) {
    let arrived = now
        .done()
        .filter(|part| !before.done().any(|old| old.node_id == part.node_id));
    for part in arrived {
        session.output.note(&part.arrived());
    }
    if Output::is_live() && !now.is_complete() {
        session.output.progress(&now.text());
    }
}

/// `what` has been done; whether every manager has followed. Those that are down do not fail a change that they take
/// when they are back: they are named.
pub fn check(what: &str, parts: &Parts, session: &mut Session) -> Result<(), Report> {
    if parts.is_complete() {
        return Ok(());
    }
    if parts.is_left_to_the_down() {
        session.output.note(&format!(
            "note: not followed yet, and will on return: {}",
            parts.owing_text()
        ));
        return Ok(());
    }
    Err(late(&format!("{what}, but not every manager has followed yet"), parts))
}

/// Not all have done what was asked for.
pub fn late(what: &str, parts: &Parts) -> Report {
    let owing = if parts.0.is_empty() {
        "no manager says how far it is".to_owned()
    } else {
        parts.owing_text()
    };
    Report::new(Exit::Timeout, format!("{what}: {owing}"))
        .hint("it goes on by itself; `wardroom swarm dek` shows how far each manager is")
}

#[cfg(test)]
#[path = "following_tests.rs"]
mod tests;
