//! What lies on each manager's disk under which key? By the managers' own words; of those that do not answer, by what
//! the cluster knew last.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Role};

use crate::cli::output::{Table, natural_order};
use crate::cli::{lock_state, when, words};

const HEADINGS: &[&str] = &[
    "MANAGER",
    "DEK",
    "CHECK",
    "AGE",
    "RECORDS",
    "LOG",
    "SNAPSHOTS",
    "ORDER",
    "UNLOCK KEY",
    "STATE",
];

/// What the managers said, and what the cluster knows.
pub struct Deks<'a> {
    pub status: &'a v1::StatusResponse,
    pub cluster: &'a v1::Cluster,
    pub nodes: &'a [v1::Node],
}

/// Where a manager's facts come from.
enum Source<'a> {
    Manager(&'a v1::KeyStatus),
    Cluster(&'a v1::ManagerKeys),
    Nobody,
}

impl Deks<'_> {
    /// A line for each manager, and one more for each epoch that it is about to leave or to take.
    pub fn table(&self, now_ms: i64) -> Table {
        let mut table = Table::new(HEADINGS);
        for node in self.managers() {
            match self.source(node) {
                Source::Manager(keys) => self.rows(node, keys, now_ms, &mut table),
                Source::Cluster(keys) => table.row([
                    node.hostname.as_str(),
                    &keys.dek_epoch.to_string(),
                    &keys.dek_check,
                    &age(keys.dek_created_at_ms, now_ms),
                    "",
                    "",
                    "",
                    &self.order(keys.order),
                    &self.unlock_key(keys.locks, keys.unlock_key_epoch),
                    &self.lost(node),
                ]),
                Source::Nobody => table.row([&node.hostname, "", "", "", "", "", "", "", "", &self.lost(node)]),
            }
        }
        table
    }

    fn rows(&self, node: &v1::Node, keys: &v1::KeyStatus, now_ms: i64, table: &mut Table) {
        let in_force = use_of(keys, keys.dek_epoch);
        table.row([
            node.hostname.as_str(),
            &keys.dek_epoch.to_string(),
            &keys.dek_check,
            &age(keys.dek_created_at_ms, now_ms),
            &keys.dek_records.to_string(),
            &log(&in_force),
            &snapshots(&in_force),
            &self.order(keys.dek_order),
            &self.unlock_key(keys.autolock, keys.kek_epoch),
            &self.state(keys),
        ]);
        for (used, word) in others(keys) {
            let epoch = used.epoch.to_string();
            let records = used.records.to_string();
            table.row([
                "",
                &epoch,
                "",
                "",
                &records,
                &log(&used),
                &snapshots(&used),
                "",
                "",
                word,
            ]);
        }
    }

    /// The orders that somebody owes, in sentences.
    pub fn owed(&self) -> Vec<String> {
        let hosts = self
            .nodes
            .iter()
            .map(|node| (node.id.clone(), node.hostname.clone()))
            .collect();
        let keys = self.cluster.keys.as_ref();
        let orders = keys.map_or(&[][..], |keys| &keys.orders);
        orders
            .iter()
            .filter_map(|order| lock_state::owed(order, &hosts))
            .collect()
    }

    pub fn json(&self) -> Value {
        let keys = self.cluster.keys.clone().unwrap_or_default();
        json!({
            "index": self.status.index,
            "autolock": self.cluster.autolock,
            "unlock_key": {
                "epoch": keys.unlock_key_epoch,
                "check": keys.unlock_key_check,
                "since": when::rfc3339(keys.unlock_key_since_ms),
                "by": keys.unlock_key_by,
                "earlier_epochs": keys.earlier_epochs,
            },
            "managers": self.managers().iter().map(|node| self.manager_json(node)).collect::<Value>(),
            "orders": keys.orders.iter().map(|order| self.order_json(order)).collect::<Value>(),
        })
    }

    fn manager_json(&self, node: &v1::Node) -> Value {
        let mut document = json!({ "node_id": node.id, "hostname": node.hostname, "owes": self.owes(node) });
        match self.source(node) {
            Source::Manager(keys) => {
                document["state"] = self.state(keys).into();
                document["unlock_key_epoch"] = keys.kek_epoch.into();
                document["locks"] = keys.autolock.into();
                document["dek_epoch"] = keys.dek_epoch.into();
                document["dek_check"] = keys.dek_check.clone().into();
                document["dek_created"] = when::rfc3339(keys.dek_created_at_ms).into();
                document["dek_due"] = when::rfc3339(keys.dek_due_ms).into();
                document["dek_records"] = keys.dek_records.into();
                document["order"] = keys.dek_order.into();
                document["pending_dek_epoch"] = keys.pending_dek_epoch.into();
                document["uses"] = keys.uses.iter().map(use_json).collect();
            }
            Source::Cluster(keys) => {
                document["state"] = self.lost(node).into();
                document["unlock_key_epoch"] = keys.unlock_key_epoch.into();
                document["locks"] = keys.locks.into();
                document["dek_epoch"] = keys.dek_epoch.into();
                document["dek_check"] = keys.dek_check.clone().into();
                document["dek_created"] = when::rfc3339(keys.dek_created_at_ms).into();
                document["order"] = keys.order.into();
                document["as_of"] = when::rfc3339(keys.at_ms).into();
            }
            Source::Nobody => document["state"] = self.lost(node).into(),
        }
        document
    }

    /// Numbers of the orders that this manager has not followed yet.
    fn owes(&self, node: &v1::Node) -> Vec<u64> {
        let keys = self.cluster.keys.as_ref();
        let orders = keys.map_or(&[][..], |keys| &keys.orders);
        let owed = orders.iter().filter(|order| order.owing.contains(&node.id));
        owed.map(|order| order.number).collect()
    }

    fn order_json(&self, order: &v1::DekOrder) -> Value {
        let done = |done: &v1::DekOrderDone| json!({ "node_id": done.node_id, "hostname": self.hostname(&done.node_id), "at": when::rfc3339(done.at_ms) });
        json!({
            "number": order.number,
            "reason": words::dek_reason(order),
            "at": when::rfc3339(order.at_ms),
            "by": order.by,
            "index": order.index,
            "done": order.done.iter().map(done).collect::<Value>(),
            "owing": order.owing.iter().map(|id| self.hostname(id)).collect::<Value>(),
        })
    }

    fn managers(&self) -> Vec<&v1::Node> {
        let mut managers: Vec<&v1::Node> = self.nodes.iter().filter(|node| node.role() == Role::Manager).collect();
        managers.sort_by(|a, b| natural_order(&a.hostname, &b.hostname));
        managers
    }

    fn source(&self, node: &v1::Node) -> Source<'_> {
        let answers = self.status.managers.iter().find(|manager| manager.node_id == node.id);
        if let Some(keys) = answers.and_then(|manager| manager.keys.as_ref()) {
            return Source::Manager(keys);
        }
        let known = self.cluster.keys.as_ref().map_or(&[][..], |keys| &keys.managers);
        known
            .iter()
            .find(|keys| keys.node_id == node.id)
            .map_or(Source::Nobody, Source::Cluster)
    }

    fn hostname<'a>(&'a self, node_id: &'a str) -> &'a str {
        let node = self.nodes.iter().find(|node| node.id == node_id);
        node.map_or(node_id, |node| node.hostname.as_str())
    }

    fn newest_order(&self) -> u64 {
        let keys = self.cluster.keys.as_ref();
        keys.and_then(|keys| keys.orders.last()).map_or(0, |order| order.number)
    }

    /// `3`, or `2 of 3` where it owes one.
    fn order(&self, fulfilled: u64) -> String {
        match (fulfilled, self.newest_order()) {
            (0, 0) => "-".to_owned(),
            (fulfilled, newest) if fulfilled < newest => format!("{fulfilled} of {newest}"),
            (fulfilled, _) => fulfilled.to_string(),
        }
    }

    fn unlock_key(&self, locks: bool, epoch: u32) -> String {
        let in_force = self.cluster.keys.as_ref().map_or(0, |keys| keys.unlock_key_epoch);
        match (locks, epoch < in_force) {
            (false, _) => "in clear".to_owned(),
            (true, true) => format!("epoch {epoch} (old)"),
            (true, false) => format!("epoch {epoch}"),
        }
    }

    fn state(&self, keys: &v1::KeyStatus) -> String {
        if !keys.trouble.is_empty() {
            return format!("stuck: {}", keys.trouble);
        }
        if !keys.step.is_empty() {
            return format!("rotates: {}", keys.step);
        }
        if keys.dek_order < self.newest_order() {
            "owes"
        } else {
            "ok"
        }
        .to_owned()
    }

    fn lost(&self, node: &v1::Node) -> String {
        let lost = self.status.lost.iter().find(|lost| lost.node_id == node.id);
        lost.map_or("does not answer".to_owned(), |lost| {
            format!("does not answer: {}", lost.reason)
        })
    }
}

fn age(created_at_ms: i64, now_ms: i64) -> String {
    match created_at_ms {
        0 => String::new(),
        at_ms => when::duration(now_ms.saturating_sub(at_ms)).to_lowercase(),
    }
}

fn use_of(keys: &v1::KeyStatus, epoch: u32) -> v1::DekUse {
    let found = keys.uses.iter().find(|used| used.epoch == epoch);
    found.copied().unwrap_or_default()
}

/// Epochs beside the one in force, newest first, and what becomes of each.
fn others(keys: &v1::KeyStatus) -> Vec<(v1::DekUse, &'static str)> {
    let mut others: Vec<v1::DekUse> = keys
        .uses
        .iter()
        .copied()
        .filter(|used| used.epoch != keys.dek_epoch)
        .collect();
    let pending = keys.pending_dek_epoch;
    if pending != 0 && pending != keys.dek_epoch && !others.iter().any(|used| used.epoch == pending) {
        others.push(v1::DekUse {
            epoch: pending,
            ..v1::DekUse::default()
        });
    }
    others.sort_by_key(|used| std::cmp::Reverse(used.epoch));
    let word = |used: &v1::DekUse| if used.epoch == pending { "comes" } else { "goes" };
    others.into_iter().map(|used| (used, word(&used))).collect()
}

fn log(used: &v1::DekUse) -> String {
    let segments = words::count(used.segments as usize, "segment");
    format!("{segments}, {}", words::bytes(used.log_bytes))
}

fn snapshots(used: &v1::DekUse) -> String {
    match used.snapshots {
        0 => "-".to_owned(),
        number => format!("{number}, {}", words::bytes(used.snapshot_bytes)),
    }
}

fn use_json(used: &v1::DekUse) -> Value {
    json!({
        "epoch": used.epoch,
        "segments": used.segments,
        "log_bytes": used.log_bytes,
        "records": used.records,
        "snapshots": used.snapshots,
        "snapshot_bytes": used.snapshot_bytes,
    })
}

#[cfg(test)]
#[path = "dek_table_tests.rs"]
mod tests;
