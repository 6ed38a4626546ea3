//! How far is a change that every member makes for itself? A new root, new DEKs, a new unlock key, a shred: one shape for
//! all of them, who is through, who still owes it, and who cannot be asked. The Keys screen and the wizards show it.

use wardroom_api::ClusterView;
use wardroom_api::v1::{DekOrder, DekReason};

use super::{keys, members, time, words};

/// Of an order's bar, the part before the DEK: taking the new unlock key.
const WRAPPED: u64 = 1;
/// Longer waits are told by minutes, hours and days.
const EXACT_MS: i64 = 3_600_000;

/// One member's part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    pub name: String,
    pub done: u64,
    pub total: u64,
    /// It cannot be asked now.
    pub away: bool,
    pub words: String,
}

impl Part {
    pub fn is_done(&self) -> bool {
        self.done >= self.total
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Move {
    /// `root`, or `order/7`.
    pub key: String,
    pub what: String,
    pub at_ms: i64,
    pub by: String,
    pub index: u64,
    /// Those who still owe it first.
    pub parts: Vec<Part>,
}

impl Move {
    pub fn done(&self) -> usize {
        self.parts.iter().filter(|part| part.is_done()).count()
    }

    pub fn is_done(&self) -> bool {
        self.done() == self.parts.len()
    }

    /// Names of those who owe it: all of them, and of these the ones that are away.
    pub fn owing(&self) -> (Vec<&str>, Vec<&str>) {
        let owing = || self.parts.iter().filter(|part| !part.is_done());
        let names = owing().map(|part| part.name.as_str()).collect();
        let away = owing()
            .filter(|part| part.away)
            .map(|part| part.name.as_str())
            .collect();
        (names, away)
    }

    /// `2/3`, for a table.
    pub fn share(&self) -> (u64, u64) {
        let number = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
        (number(self.done()), number(self.parts.len()))
    }
}

/// What is under way and what was lately: a new root first, then orders, the newest of them first.
pub fn moves(view: &ClusterView) -> Vec<Move> {
    let retiring = view
        .cluster
        .as_ref()
        .is_some_and(|cluster| !cluster.retiring.is_empty());
    let orders = keys::of_cluster(view)
        .into_iter()
        .flat_map(|keys| keys.orders.iter().rev());
    let root = retiring.then(|| root(view));
    root.into_iter().chain(orders.map(|it| order(view, it))).collect()
}

/// The order with that number; the oldest of those that are through are forgotten.
pub fn numbered(view: &ClusterView, number: u64) -> Option<Move> {
    let orders = &keys::of_cluster(view)?.orders;
    let found = orders.iter().find(|order| order.number == number)?;
    Some(order(view, found))
}

/// Number of the latest order that came with a new unlock key.
pub fn of_unlock_key(view: &ClusterView) -> Option<u64> {
    let new_key = |it: &&DekOrder| matches!(it.reason(), DekReason::Autolock | DekReason::UnlockKey);
    let orders = &keys::of_cluster(view)?.orders;
    Some(orders.iter().rfind(new_key)?.number)
}

/// The one with that key.
pub fn with_key(view: &ClusterView, key: &str) -> Option<Move> {
    match key.strip_prefix("order/") {
        Some(number) => numbered(view, number.parse().ok()?),
        None => Some(root(view)),
    }
}

/// Every node and the root that its certificate hangs on.
pub fn root(view: &ClusterView) -> Move {
    let retiring = view.cluster.iter().flat_map(|cluster| &cluster.retiring);
    let older = |issuer: &str| members::hangs_on_older_root(view, issuer);
    let parts = view.nodes.values().map(|node| {
        let (done, away) = (!older(&node.certificate_issuer), members::is_down(node));
        let words = match (done, away) {
            (true, _) => "has a certificate of the new root",
            (false, true) => "DOWN ! gets it when it returns",
            (false, false) => "still on the older root",
        };
        Part {
            name: node.hostname.clone(),
            done: u64::from(done),
            total: 1,
            away,
            words: words.to_owned(),
        }
    });
    Move {
        key: "root".into(),
        what: "new root CA".into(),
        at_ms: retiring.map(|root| root.since_ms).min().unwrap_or(0),
        by: String::new(),
        index: 0,
        parts: owing_first(parts.collect()),
    }
}

fn owing_first(mut parts: Vec<Part>) -> Vec<Part> {
    parts.sort_by(|a, b| (a.is_done(), &a.name).cmp(&(b.is_done(), &b.name)));
    parts
}

/// `shred of db_password v2 v3`, `new unlock key`.
fn reason(order: &DekOrder) -> String {
    match order.reason() {
        DekReason::Autolock => "autolock turned on".to_owned(),
        DekReason::UnlockKey => "new unlock key".to_owned(),
        DekReason::Shred => format!("shred {}{}", order.secret_name, versions(&order.versions)),
        DekReason::Demand | DekReason::Unspecified => "new DEKs".to_owned(),
    }
}

fn versions(numbers: &[u32]) -> String {
    match numbers {
        [] => String::new(),
        few if few.len() <= 3 => {
            let words: Vec<String> = few.iter().map(|number| format!(" v{number}")).collect();
            words.concat()
        }
        many => format!(" {}", words::count(many.len(), "version")),
    }
}

fn order(view: &ClusterView, order: &DekOrder) -> Move {
    // Only the latest change of the unlock key says which one the managers have to have by now.
    let wraps = of_unlock_key(view) == Some(order.number);
    let done = order.done.iter().map(|done| {
        let took = done.at_ms.saturating_sub(order.at_ms).max(0);
        let after = if took < EXACT_MS {
            time::precise(took.unsigned_abs())
        } else {
            time::span(took)
        };
        Part {
            name: view.hostname(&done.node_id).to_owned(),
            done: 1,
            total: 1,
            away: false,
            words: format!("done after {after}"),
        }
    });
    let owing = order.owing.iter().map(|id| owing(view, order.number, id, wraps));
    Move {
        key: format!("order/{}", order.number),
        what: reason(order),
        at_ms: order.at_ms,
        by: order.by.clone(),
        index: order.index,
        parts: owing_first(done.chain(owing).collect()),
    }
}

/// How far a manager is that has not destroyed its DEK from before the order.
fn owing(view: &ClusterView, number: u64, node_id: &str, wraps: bool) -> Part {
    let extra = if wraps { WRAPPED } else { 0 };
    let mut part = Part {
        name: view.hostname(node_id).to_owned(),
        done: 0,
        total: u64::try_from(keys::STEPS.len()).unwrap_or(1) + extra,
        away: keys::is_away(view, node_id),
        words: "has not begun".to_owned(),
    };
    if part.away {
        part.words = "DOWN ! owes it until it is back".into();
        return part;
    }
    let Some(found) = keys::of_manager(view, node_id) else {
        return part;
    };
    if wraps && found.unlock_epoch() < keys::unlock_epoch(view) {
        part.words = format!("still opens with unlock key {}", found.unlock_epoch());
    } else {
        part.done = extra;
    }
    if let Some(pending) = found.pending().filter(|pending| pending.order >= number) {
        let step = keys::step_number(pending.step);
        part.done += step.saturating_sub(1);
        part.words = format!(
            "DEK {}, step {step} of {}: {}",
            pending.epoch,
            keys::STEPS.len(),
            pending.step
        );
    } else if found.live().is_some_and(|live| live.dek_order >= number) {
        part.done = part.total - 1;
        part.words = "done, being recorded".into();
    }
    if let Some(trouble) = found.trouble() {
        part.words = format!("{trouble} !");
    }
    part
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_are_short() {
        let mut order = DekOrder {
            reason: DekReason::Shred.into(),
            secret_name: "db".into(),
            versions: vec![2, 3],
            ..Default::default()
        };
        assert_eq!(reason(&order), "shred db v2 v3");
        order.versions = (1..=9).collect();
        assert_eq!(reason(&order), "shred db 9 versions");
        order.versions.clear();
        assert_eq!(reason(&order), "shred db");
    }

    #[test]
    fn who_owes_it_stands_first() {
        let part = |name: &str, done| Part {
            name: name.into(),
            done,
            total: 1,
            away: name == "c",
            words: String::new(),
        };
        let found = Move {
            key: "root".into(),
            what: String::new(),
            at_ms: 0,
            by: String::new(),
            index: 0,
            parts: owing_first(vec![part("a", 1), part("c", 0), part("b", 0)]),
        };
        assert_eq!(found.owing(), (vec!["b", "c"], vec!["c"]));
        assert_eq!((found.share(), found.is_done()), ((1, 3), false));
    }
}
