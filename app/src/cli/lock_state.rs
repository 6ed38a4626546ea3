//! Does the cluster lock, and who hangs on which key? In words, for every page that tells how the cluster is.

use std::collections::BTreeMap;

use wardroom_api::v1;

use crate::cli::{holders, words};

/// `off`, or `on, unlock key epoch 2`.
pub fn autolock(cluster: &v1::Cluster) -> String {
    match &cluster.keys {
        Some(keys) if cluster.autolock => format!("on, unlock key epoch {}", keys.unlock_key_epoch),
        _ if cluster.autolock => "on".to_owned(),
        _ => "off".to_owned(),
    }
}

/// The unlock key that was made, and that nobody was shown yet: no disk needs it.
pub fn unseen_key(cluster: &v1::Cluster) -> Option<u32> {
    let keys = cluster.keys.as_ref().filter(|_| cluster.autolock)?;
    (keys.unlock_key_epoch > 1 && keys.unlock_key_kept_at_ms == 0).then_some(keys.unlock_key_epoch)
}

/// What somebody should know or do about keys, in whole sentences.
pub fn attention(cluster: &v1::Cluster, hosts: &BTreeMap<String, String>) -> Vec<String> {
    let Some(keys) = &cluster.keys else {
        return Vec::new();
    };
    let mut list = Vec::new();
    if let Some(epoch) = unseen_key(cluster) {
        list.push(format!(
            "the unlock key of epoch {epoch} was never shown and is not in force: `wardroom swarm unlock-key` shows it"
        ));
    } else {
        list.extend(keys.managers.iter().filter_map(|manager| {
            let hostname = holders::hostname(hosts, &manager.node_id);
            behind(cluster.autolock, keys.unlock_key_epoch, manager).map(|text| format!("manager {hostname} {text}"))
        }));
    }
    list.extend(keys.orders.iter().filter_map(|order| owed(order, hosts)));
    list
}

/// Of a manager that does not answer: one that waits for its key looks from outside as one that is down.
pub fn may_wait(cluster: Option<&v1::Cluster>, node_id: &str) -> String {
    let keys = cluster.and_then(|cluster| cluster.keys.as_ref());
    let known = keys.and_then(|keys| keys.managers.iter().find(|known| known.node_id == node_id));
    match known.filter(|known| known.locks) {
        Some(known) => format!(
            "; where it runs it may be locked, and open with the unlock key of epoch {}",
            known.unlock_key_epoch
        ),
        None => String::new(),
    }
}

fn behind(autolock: bool, in_force: u32, manager: &v1::ManagerKeys) -> Option<String> {
    let epoch = manager.unlock_key_epoch;
    match (autolock, manager.locks) {
        (true, false) => Some("does not lock yet".to_owned()),
        (true, true) if epoch < in_force => Some(format!("still hangs on the unlock key of epoch {epoch}")),
        (false, true) => Some(format!("still locks, with the unlock key of epoch {epoch}")),
        _ => None,
    }
}

/// An order that somebody has not followed yet.
pub fn owed(order: &v1::DekOrder, hosts: &BTreeMap<String, String>) -> Option<String> {
    if order.owing.is_empty() {
        return None;
    }
    let who: Vec<&str> = order.owing.iter().map(|id| holders::hostname(hosts, id)).collect();
    Some(format!(
        "DEK order {} ({}) is still owed by {}",
        order.number,
        words::dek_reason(order),
        who.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn cluster(autolock: bool, epoch: u32, kept_at_ms: i64) -> v1::Cluster {
        let manager = |node_id: &str, unlock_key_epoch, locks| v1::ManagerKeys {
            node_id: node_id.into(),
            unlock_key_epoch,
            locks,
            ..v1::ManagerKeys::default()
        };
        v1::Cluster {
            autolock,
            keys: Some(v1::ClusterKeys {
                unlock_key_epoch: epoch,
                unlock_key_kept_at_ms: kept_at_ms,
                managers: vec![
                    manager("a", epoch, true),
                    manager("b", epoch - 1, true),
                    manager("c", 1, false),
                ],
                ..v1::ClusterKeys::default()
            }),
            ..v1::Cluster::default()
        }
    }

    fn hosts() -> BTreeMap<String, String> {
        [("a", "m1"), ("b", "m2"), ("c", "m3")]
            .map(|(id, name)| (id.to_owned(), name.to_owned()))
            .into()
    }

    #[test]
    fn whoever_is_behind_is_named() {
        assert_eq!(
            attention(&cluster(true, 3, 7), &hosts()),
            [
                "manager m2 still hangs on the unlock key of epoch 2",
                "manager m3 does not lock yet",
            ]
        );
        assert_eq!(
            attention(&cluster(false, 3, 7), &hosts()),
            [
                "manager m1 still locks, with the unlock key of epoch 3",
                "manager m2 still locks, with the unlock key of epoch 2",
            ]
        );
        assert!(attention(&v1::Cluster::default(), &hosts()).is_empty());
    }

    #[test]
    fn a_key_that_was_never_shown_comes_first() {
        assert_eq!(
            attention(&cluster(true, 3, 0), &hosts()),
            ["the unlock key of epoch 3 was never shown and is not in force: `wardroom swarm unlock-key` shows it"]
        );
        assert_eq!(unseen_key(&cluster(true, 2, 0)), Some(2));
        assert_eq!(unseen_key(&cluster(true, 2, 5)), None);
        assert_eq!(unseen_key(&cluster(false, 2, 0)), None);
        assert_eq!(unseen_key(&v1::Cluster::default()), None);
    }

    #[test]
    fn an_order_is_owed_by_name() {
        let mut order = v1::DekOrder {
            number: 4,
            owing: vec!["b".into(), "x".into()],
            ..v1::DekOrder::default()
        };
        order.set_reason(v1::DekReason::Demand);
        assert_eq!(
            owed(&order, &hosts()).unwrap(),
            "DEK order 4 (on demand) is still owed by m2, x"
        );
        order.owing.clear();
        assert_eq!(owed(&order, &hosts()), None);
    }

    #[test]
    fn who_is_silent_may_be_locked() {
        let cluster = cluster(true, 3, 7);
        assert_eq!(
            may_wait(Some(&cluster), "b"),
            "; where it runs it may be locked, and open with the unlock key of epoch 2"
        );
        assert_eq!(
            (may_wait(Some(&cluster), "c"), may_wait(None, "b")),
            (String::new(), String::new())
        );
    }

    #[test]
    fn a_page_says_whether_it_locks() {
        assert_eq!(autolock(&cluster(true, 3, 7)), "on, unlock key epoch 3");
        assert_eq!(autolock(&cluster(false, 3, 7)), "off");
    }
}
