//! Managers in every stage: who is done, who is waited for, who is named.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

const AIM: Aim = Aim {
    index: 10,
    order: 4,
    unlock_key_epoch: 3,
    locks: Some(true),
};

/// Three managers and a worker under an order that m1 has done.
fn view() -> ClusterView {
    let mut view = ClusterView::default();
    for (id, role) in [
        ("m1", Role::Manager),
        ("m2", Role::Manager),
        ("m10", Role::Manager),
        ("w", Role::Worker),
    ] {
        let node = v1::Node {
            id: id.into(),
            hostname: format!("host-{id}"),
            role: role.into(),
            state: NodeState::Ready.into(),
            ..v1::Node::default()
        };
        view.nodes.insert(id.into(), node);
    }
    let keys = |id: &str, epoch: u32, dek: u32| v1::ManagerKeys {
        node_id: id.into(),
        unlock_key_epoch: epoch,
        locks: epoch > 1,
        dek_epoch: dek,
        at_ms: 70,
        ..v1::ManagerKeys::default()
    };
    let order = v1::DekOrder {
        number: 4,
        done: vec![v1::DekOrderDone {
            node_id: "m1".into(),
            at_ms: 60,
        }],
        owing: vec!["m10".into(), "m2".into()],
        ..v1::DekOrder::default()
    };
    view.cluster = Some(v1::Cluster {
        keys: Some(v1::ClusterKeys {
            unlock_key_epoch: 3,
            managers: vec![keys("m1", 3, 5), keys("m10", 2, 4), keys("m2", 1, 3)],
            orders: vec![order],
            ..v1::ClusterKeys::default()
        }),
        ..v1::Cluster::default()
    });
    view
}

fn says(view: &mut ClusterView, id: &str, step: &str, trouble: &str) {
    let status = v1::ManagerStatus {
        node_id: id.into(),
        keys: Some(v1::KeyStatus {
            step: step.into(),
            trouble: trouble.into(),
            ..v1::KeyStatus::default()
        }),
        ..v1::ManagerStatus::default()
    };
    view.managers.insert(id.into(), status);
}

fn keys(view: &mut ClusterView) -> &mut v1::ClusterKeys {
    view.cluster.as_mut().unwrap().keys.as_mut().unwrap()
}

#[test]
fn everybody_is_where_the_cluster_says() {
    let mut view = view();
    says(&mut view, "m2", "snapshot", "");
    view.lost_managers.insert("m10".into(), "connection refused".into());
    let parts = parts(&view, AIM);
    assert_eq!(parts.text(), "1 of 3 managers done, host-m2: snapshot, host-m10: down");
    assert_eq!(
        parts.owing_text(),
        "host-m2 is at the step snapshot: DEK epoch 3, opens without a key; \
         host-m10 is down: DEK epoch 4, opens with the unlock key of epoch 2"
    );
    assert_eq!(parts.0[0].stage, Stage::Done(60), "when the cluster learnt it");
    assert_eq!(
        parts.0[0].arrived(),
        "host-m1: DEK epoch 5, opens with the unlock key of epoch 3"
    );
    assert!(!parts.is_complete() && !parts.is_left_to_the_down());
}

#[test]
fn only_the_down_may_be_left() {
    let mut view = view();
    view.nodes.remove("m2");
    view.nodes.get_mut("m10").unwrap().state = NodeState::Down.into();
    let parts = parts(&view, AIM);
    assert!(parts.is_left_to_the_down() && !parts.is_complete());
    let report = late("the order 4 is given", &parts);
    assert_eq!(report.exit, Exit::Timeout);
    assert_eq!(
        report.message,
        "the order 4 is given: host-m10 is down: DEK epoch 4, opens with the unlock key of epoch 2"
    );
}

#[test]
fn a_manager_that_is_stuck_says_why() {
    let mut view = view();
    says(&mut view, "m2", "purge", "the disk is full");
    assert!(parts(&view, AIM).text().contains("host-m2: the disk is full"));
    assert!(
        parts(&view, AIM)
            .owing_text()
            .contains("host-m2 cannot go on (the disk is full)")
    );
}

#[test]
fn an_order_alone_asks_for_no_unlock_key() {
    let aim = Aim {
        unlock_key_epoch: 0,
        locks: None,
        ..AIM
    };
    let mut view = view();
    keys(&mut view).orders[0].owing.clear();
    assert!(parts(&view, aim).is_complete());
    assert!(!parts(&view, AIM).is_complete(), "two hang on older unlock keys");
    // A finished order is forgotten in the end.
    keys(&mut view).orders.clear();
    let parts = parts(&view, aim);
    assert!(parts.is_complete());
    assert_eq!(parts.json()[0]["done"], "1970-01-01T00:00:00.070Z");
}

#[test]
fn turning_the_lock_off_waits_for_open_disks() {
    let aim = Aim {
        order: 0,
        unlock_key_epoch: 0,
        locks: Some(false),
        ..AIM
    };
    let mut view = view();
    assert_eq!(parts(&view, aim).owing().count(), 2);
    for manager in &mut keys(&mut view).managers {
        manager.locks = false;
    }
    assert!(parts(&view, aim).is_complete());
    // Whose keys are not known has not followed.
    keys(&mut view).managers.pop();
    assert_eq!(parts(&view, aim).owing().count(), 1);
}

#[test]
fn a_view_without_managers_is_no_success() {
    let nothing = parts(&ClusterView::default(), AIM);
    assert!(!nothing.is_complete() && !nothing.is_left_to_the_down());
    assert!(late("it is done", &nothing).message.contains("no manager says"));
}
