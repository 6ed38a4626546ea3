//! Who holds a secret in memory, and what proves it? One row per node, task, version and target: the worker's last
//! word as the managers recorded it.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1;

use crate::cli::output::{Table, natural_order};
use crate::cli::{when, words};

/// The rows of one secret: by node, then task, then version, then target.
pub fn sorted(mut holdings: Vec<v1::Holding>, hostnames: &BTreeMap<String, String>) -> Vec<v1::Holding> {
    holdings.sort_by(|a, b| {
        natural_order(hostname(hostnames, &a.node_id), hostname(hostnames, &b.node_id))
            .then_with(|| natural_order(&a.task_name, &b.task_name))
            .then_with(|| a.task_id.cmp(&b.task_id))
            .then_with(|| a.version.cmp(&b.version))
            .then_with(|| a.target.cmp(&b.target))
    });
    holdings
}

/// A list of objects; `node` is a hostname, `since` RFC 3339, `state` one of present, erased, failed, pending.
pub fn json(secret: &v1::Secret, holdings: &[v1::Holding], hostnames: &BTreeMap<String, String>) -> Value {
    holdings
        .iter()
        .map(|holding| {
            json!({
                "node": hostname(hostnames, &holding.node_id),
                "node_id": holding.node_id,
                "task": task(holding),
                "task_id": holding.task_id,
                "secret": secret.name,
                "secret_id": secret.id,
                "version": holding.version,
                "version_name": version_name(secret, holding.version),
                "target": holding.target,
                "state": words::holding_state(holding.state),
                "since": when::rfc3339(holding.since_ms),
                "proven": holding.proven,
                "owed": holding.owed,
                "message": holding.message,
            })
        })
        .collect()
}

pub fn table(holdings: &[v1::Holding], hostnames: &BTreeMap<String, String>, now_ms: i64) -> Table {
    let mut table = Table::new(&["NODE", "TASK", "VERSION", "TARGET", "STATE", "SINCE", "RECEIPT"]);
    for holding in holdings {
        table.row([
            hostname(hostnames, &holding.node_id),
            task(holding),
            &format!("v{}", holding.version),
            &holding.target,
            words::holding_state(holding.state),
            &when::ago(holding.since_ms, now_ms),
            &receipt(holding),
        ]);
    }
    table
}

/// What the receipt says: nothing counts as proven that a worker did not prove.
fn receipt(holding: &v1::Holding) -> String {
    let word = match v1::HoldingState::try_from(holding.state) {
        _ if holding.owed => "owed: erasure not confirmed",
        Ok(v1::HoldingState::Present) if holding.proven => "digest matches",
        Ok(v1::HoldingState::Present) => "digest does not match",
        Ok(v1::HoldingState::Erased) => "erasure confirmed",
        Ok(v1::HoldingState::Pending) => "none yet",
        _ => "",
    };
    match (word.is_empty(), holding.message.is_empty()) {
        (_, true) => word.to_owned(),
        (true, false) => holding.message.clone(),
        (false, false) => format!("{word} ({})", holding.message),
    }
}

fn task(holding: &v1::Holding) -> &str {
    if holding.task_name.is_empty() {
        &holding.task_id
    } else {
        &holding.task_name
    }
}

/// The hostname, or the id of a node that is gone.
pub fn hostname<'a>(hostnames: &'a BTreeMap<String, String>, node_id: &'a str) -> &'a str {
    hostnames.get(node_id).map_or(node_id, String::as_str)
}

fn version_name(secret: &v1::Secret, number: u32) -> &str {
    secret
        .versions
        .iter()
        .find(|version| version.number == number)
        .map_or("", |version| &version.name)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn secret() -> v1::Secret {
        let version = |number, name: &str| v1::Version {
            number,
            name: name.into(),
            ..v1::Version::default()
        };
        v1::Secret {
            id: "s1".into(),
            name: "db_password".into(),
            current: 2,
            versions: vec![version(1, "db_password"), version(2, "db_password_v2")],
            ..v1::Secret::default()
        }
    }

    fn holding(node: &str, task: &str, version: u32, state: v1::HoldingState) -> v1::Holding {
        v1::Holding {
            node_id: node.into(),
            task_id: format!("id-{task}"),
            task_name: task.into(),
            secret_id: "s1".into(),
            version,
            target: "db_password".into(),
            state: state as i32,
            since_ms: 1_767_323_045_595,
            proven: state == v1::HoldingState::Present,
            ..v1::Holding::default()
        }
    }

    fn hostnames() -> BTreeMap<String, String> {
        BTreeMap::from([
            ("n1".to_owned(), "worker-1".to_owned()),
            ("n2".to_owned(), "worker-2".to_owned()),
        ])
    }

    #[test]
    fn json_is_a_list_of_objects_with_hostnames_and_rfc_3339() {
        let list = json(
            &secret(),
            &[holding("n1", "web.1", 2, v1::HoldingState::Present)],
            &hostnames(),
        );
        let row = &list.as_array().unwrap()[0];
        assert_eq!(row["node"], "worker-1");
        assert_eq!(row["node_id"], "n1");
        assert_eq!(row["task"], "web.1");
        assert_eq!(row["version"], 2);
        assert_eq!(row["version_name"], "db_password_v2");
        assert_eq!(row["target"], "db_password");
        assert_eq!(row["state"], "present");
        assert_eq!(row["since"], "2026-01-02T03:04:05.595Z");
        assert_eq!(row["proven"], true);
    }

    #[test]
    fn nobody_is_an_empty_list() {
        assert_eq!(json(&secret(), &[], &hostnames()).to_string(), "[]");
    }

    #[test]
    fn rows_are_in_the_order_people_read() {
        let rows = sorted(
            vec![
                holding("n2", "web.2", 1, v1::HoldingState::Present),
                holding("n1", "web.10", 1, v1::HoldingState::Present),
                holding("n1", "web.9", 2, v1::HoldingState::Present),
                holding("n1", "web.9", 1, v1::HoldingState::Erased),
            ],
            &hostnames(),
        );
        let order: Vec<String> = rows
            .iter()
            .map(|row| format!("{} v{}", row.task_name, row.version))
            .collect();
        assert_eq!(order, ["web.9 v1", "web.9 v2", "web.10 v1", "web.2 v1"]);
    }

    #[test]
    fn only_a_matching_digest_is_called_proof() {
        let mut present = holding("n1", "web.1", 1, v1::HoldingState::Present);
        assert_eq!(receipt(&present), "digest matches");
        present.proven = false;
        assert_eq!(receipt(&present), "digest does not match");
        present.owed = true;
        assert_eq!(receipt(&present), "owed: erasure not confirmed");
        let failed = v1::Holding {
            message: "no space left".into(),
            ..holding("n1", "web.1", 1, v1::HoldingState::Failed)
        };
        assert_eq!(receipt(&failed), "no space left");
        assert_eq!(
            receipt(&holding("n1", "web.1", 1, v1::HoldingState::Erased)),
            "erasure confirmed"
        );
    }

    #[test]
    fn a_node_that_is_gone_keeps_its_id() {
        let list = json(
            &secret(),
            &[holding("n9", "web.1", 1, v1::HoldingState::Erased)],
            &hostnames(),
        );
        assert_eq!(list[0]["node"], "n9");
    }
}
