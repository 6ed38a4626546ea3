//! What do clients see of the managers' keys? Epochs, check values, orders and who owes them; never a key, sealed or not.

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::ids::NodeId;
use wardroom_state::keys::{ManagerKeys, Order, OrderReason};

use super::words::hex;

pub(super) fn keys(state: &State) -> v1::ClusterKeys {
    let keys = state.keys();
    let record = keys.unlock_key.as_ref();
    v1::ClusterKeys {
        unlock_key_epoch: keys.unlock_epoch(),
        unlock_key_check: record.map(|record| hex(&record.check)).unwrap_or_default(),
        unlock_key_since_ms: record.map_or(0, |record| record.since_ms),
        unlock_key_kept_at_ms: record.map_or(0, |record| record.kept_at_ms),
        unlock_key_by: record.map(|record| record.by.clone()).unwrap_or_default(),
        earlier_epochs: keys.earlier.keys().copied().collect(),
        managers: keys.managers.iter().map(|(node, keys)| manager(node, keys)).collect(),
        orders: keys.orders.iter().map(|given| order(state, given)).collect(),
    }
}

fn manager(node: &NodeId, keys: &ManagerKeys) -> v1::ManagerKeys {
    v1::ManagerKeys {
        node_id: node.to_string(),
        unlock_key_epoch: keys.kek_epoch,
        locks: keys.locks,
        dek_epoch: keys.dek_epoch,
        dek_check: hex(&keys.dek_check),
        dek_created_at_ms: keys.dek_created_at_ms,
        order: keys.order,
        at_ms: keys.at_ms,
    }
}

fn order(state: &State, order: &Order) -> v1::DekOrder {
    let mut wire = v1::DekOrder {
        number: order.number,
        at_ms: order.at_ms,
        index: order.index,
        by: order.by.clone(),
        done: order.done.iter().map(|(node, at_ms)| done(node, *at_ms)).collect(),
        owing: state.owing(order.number).iter().map(ToString::to_string).collect(),
        ..Default::default()
    };
    let reason = match &order.reason {
        OrderReason::Autolock => v1::DekReason::Autolock,
        OrderReason::UnlockKey => v1::DekReason::UnlockKey,
        OrderReason::Shred { secret, name, versions } => {
            wire.secret_id = secret.to_string();
            wire.secret_name.clone_from(name);
            wire.versions.clone_from(versions);
            v1::DekReason::Shred
        }
        OrderReason::Demand => v1::DekReason::Demand,
    };
    wire.set_reason(reason);
    wire
}

fn done(node: &NodeId, at_ms: i64) -> v1::DekOrderDone {
    v1::DekOrderDone {
        node_id: node.to_string(),
        at_ms,
    }
}

#[cfg(test)]
mod tests {
    use wardroom_state::command::{Command, NewUnlockKey};
    use wardroom_state::ids::SecretId;

    use super::*;
    use crate::reconcile::scene::{Scene, node_id};

    #[test]
    fn a_client_sees_who_owes_what_and_no_key() {
        let mut scene = Scene::with_managers(2);
        let before = keys(&scene.state);
        assert_eq!((before.unlock_key_epoch, before.unlock_key_check.as_str()), (1, ""));
        for (epoch, byte) in [(2, 0xaa), (3, 0xbb)] {
            scene.apply(Command::SetLock {
                autolock: true,
                unlock_key: Some(NewUnlockKey {
                    epoch,
                    check: [byte; 4],
                    sealed: vec![byte; 40].into(),
                }),
                expected: None,
            });
            scene.apply(Command::KeepUnlockKey { epoch });
        }
        scene.secret("db");
        scene.apply(Command::ShredSecret {
            secret: SecretId::new("db"),
            version: Some(1),
            expected: None,
        });
        let told = |order| ManagerKeys {
            kek_epoch: 2,
            locks: true,
            dek_epoch: 4,
            dek_check: [0xcc; 4],
            dek_created_at_ms: 5,
            order,
            at_ms: 0,
        };
        scene.apply(Command::RecordKeys {
            node: node_id("m1"),
            keys: told(2),
        });
        let seen = keys(&scene.state);
        assert_eq!((seen.unlock_key_epoch, seen.unlock_key_check.as_str()), (3, "bbbbbbbb"));
        assert_eq!((seen.unlock_key_by.as_str(), seen.unlock_key_since_ms), ("test", 1_000));
        assert_eq!(seen.earlier_epochs, [2]);
        let (manager, order) = (&seen.managers[0], &seen.orders[2]);
        assert_eq!(
            (manager.node_id.as_str(), manager.dek_check.as_str()),
            ("m1", "cccccccc")
        );
        assert_eq!((manager.unlock_key_epoch, manager.order), (2, 2));
        assert_eq!((order.number, order.reason()), (3, v1::DekReason::Shred));
        assert_eq!(
            (order.secret_name.as_str(), order.versions.as_slice()),
            ("db", &[1][..])
        );
        assert_eq!((order.owing.len(), order.done.len()), (2, 0));
        assert_eq!(seen.orders[0].reason(), v1::DekReason::Autolock);
        assert_eq!(
            (seen.orders[1].owing.as_slice(), seen.orders[1].done.len()),
            (&["m2".to_owned()][..], 1)
        );
        let text = format!("{seen:?}");
        assert!(!text.contains("170, 170") && !text.contains("187, 187"), "{text}");
    }
}
