//! Does a view follow what it is told? Scripts of messages, and what is known after each.

use super::*;
use crate::v1::{Changes, Grant, ManagerLost, ServiceSpec, Snapshot};

fn snapshot(index: u64, objects: Vec<Object>) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(watch_message::Body::Snapshot(Snapshot { objects })),
    }
}

fn changes(index: u64, actions: Vec<change::Action>) -> WatchMessage {
    let changes = actions
        .into_iter()
        .map(|action| Change { action: Some(action) })
        .collect();
    WatchMessage {
        index,
        body: Some(watch_message::Body::Changes(Changes { changes })),
    }
}

fn put(object: impl Into<Object>) -> change::Action {
    change::Action::Put(object.into())
}

fn removed(object: impl Into<Object>) -> change::Action {
    change::Action::Removed(object.into().key().expect("the tests make known kinds only"))
}

fn manager(id: &str, role: &str, term: u64) -> WatchMessage {
    let status = ManagerStatus {
        node_id: id.into(),
        role: role.into(),
        term,
        ..Default::default()
    };
    WatchMessage {
        index: 0,
        body: Some(watch_message::Body::Manager(status)),
    }
}

fn lost(id: &str) -> WatchMessage {
    let lost = ManagerLost {
        node_id: id.into(),
        reason: "no answer".into(),
    };
    WatchMessage {
        index: 0,
        body: Some(watch_message::Body::ManagerLost(lost)),
    }
}

fn node(id: &str) -> Node {
    Node {
        id: id.into(),
        hostname: format!("host-{id}"),
        ..Default::default()
    }
}

fn secret(id: &str, name: &str) -> Secret {
    Secret {
        id: id.into(),
        name: name.into(),
        ..Default::default()
    }
}

fn holding(node: &str, target: &str) -> Holding {
    Holding {
        node_id: node.into(),
        target: target.into(),
        secret_id: "s1".into(),
        ..Default::default()
    }
}

fn view(messages: &[WatchMessage]) -> ClusterView {
    let mut view = ClusterView::default();
    for message in messages {
        view.apply(message);
    }
    view
}

fn one_of_each() -> Vec<Object> {
    vec![
        Cluster {
            id: "c".into(),
            ..Default::default()
        }
        .into(),
        node("n1").into(),
        secret("s1", "db").into(),
        Service {
            id: "v1".into(),
            ..Default::default()
        }
        .into(),
        Task {
            id: "t1".into(),
            ..Default::default()
        }
        .into(),
        Rotation {
            id: "r1".into(),
            ..Default::default()
        }
        .into(),
        holding("n1", "a/b").into(),
        AuditRecord {
            sequence: 3,
            ..Default::default()
        }
        .into(),
    ]
}

#[test]
fn a_snapshot_and_the_same_objects_as_changes_give_the_same_view() {
    let at_once = view(&[snapshot(9, one_of_each())]);
    let steps: Vec<_> = one_of_each()
        .into_iter()
        .map(|object| changes(9, vec![change::Action::Put(object)]))
        .collect();
    assert_eq!(at_once, view(&steps));
    assert_eq!(at_once.index, 9);
    assert!(at_once.holdings.contains_key("n1//s1/0/a/b") && at_once.audit.contains_key(&3));
}

#[test]
fn removing_each_object_leaves_nothing() {
    let mut left = view(&[snapshot(9, one_of_each()), manager("n1", "leader", 1)]);
    left.apply(&changes(10, one_of_each().into_iter().map(removed).collect()));
    assert_eq!(
        left,
        ClusterView {
            index: 10,
            ..ClusterView::default()
        }
    );
}

#[test]
fn a_snapshot_replaces_what_was_known() {
    let known = view(&[
        snapshot(5, vec![secret("s1", "db").into()]),
        snapshot(3, vec![secret("s2", "api").into()]),
    ]);
    assert_eq!(known.secrets.keys().collect::<Vec<_>>(), ["s2"]);
    assert_eq!(known.index, 3, "the index is the snapshot's own, even when it is lower");
}

#[test]
fn changes_from_the_past_are_not_taken() {
    let mut known = view(&[snapshot(5, vec![secret("s1", "new").into()])]);
    assert!(!known.apply(&changes(4, vec![put(secret("s1", "old"))])));
    assert_eq!((known.index, known.secrets["s1"].name.as_str()), (5, "new"));
    assert!(
        known.apply(&changes(5, vec![put(secret("s2", "more"))])),
        "one index may come in several messages"
    );
    assert!(!known.apply(&WatchMessage { index: 99, body: None }));
    assert_eq!(known.index, 5);
}

#[test]
fn a_lost_manager_keeps_its_last_word_and_leads_no_more() {
    let mut known = view(&[manager("n1", "leader", 4), manager("n2", "follower", 4), lost("n1")]);
    assert!(known.managers.contains_key("n1") && known.leader().is_none());
    known.apply(&manager("n2", "leader", 5));
    assert_eq!(known.leader().map(|status| status.node_id.as_str()), Some("n2"));
    known.apply(&manager("n1", "follower", 5));
    assert!(known.lost_managers.is_empty());
    assert_eq!(known.index, 0, "a manager's word moves no index");
}

#[test]
fn of_two_that_say_they_lead_the_higher_term_does() {
    let known = view(&[manager("n1", "leader", 4), manager("n2", "leader", 5)]);
    assert_eq!(known.leader().map(|status| status.term), Some(5));
}

#[test]
fn a_snapshot_of_another_cluster_forgets_the_managers_of_the_first() {
    let known = view(&[
        manager("n1", "leader", 1),
        lost("n3"),
        manager("n2", "follower", 1),
        snapshot(1, vec![node("n2").into()]),
    ]);
    assert_eq!(known.managers.keys().collect::<Vec<_>>(), ["n2"]);
    assert!(known.lost_managers.is_empty());
}

#[test]
fn questions_find_what_belongs_together() {
    let grants = vec![Grant {
        secret_id: "s1".into(),
        ..Default::default()
    }];
    let spec = ServiceSpec {
        name: "web".into(),
        grants,
        ..Default::default()
    };
    let service = Service {
        id: "v1".into(),
        spec: Some(spec),
        ..Default::default()
    };
    let task = Task {
        id: "t1".into(),
        service_id: "v1".into(),
        node_id: "n1".into(),
        ..Default::default()
    };
    let rotation = |id: &str, at| Rotation {
        id: id.into(),
        secret_id: "s1".into(),
        started_at_ms: at,
        ..Default::default()
    };
    let held = Holding {
        task_id: "t1".into(),
        ..holding("n1", "a")
    };
    let objects = vec![
        node("n1").into(),
        secret("s1", "Db").into(),
        service.into(),
        task.into(),
        rotation("a", 9).into(),
        rotation("b", 2).into(),
        held.into(),
    ];
    let known = view(&[snapshot(1, objects)]);
    assert_eq!(known.secret_named("dB").map(|secret| secret.id.as_str()), Some("s1"));
    assert_eq!(
        known.service_named("web").map(|service| service.id.as_str()),
        Some("v1")
    );
    assert_eq!(known.services_granted("s1").count(), 1);
    assert_eq!(known.services_granted("s2").count(), 0);
    assert_eq!(
        known.tasks_of_service("v1").count() + known.tasks_on_node("n1").count(),
        2
    );
    assert_eq!(
        known.holdings_of_secret("s1").count() + known.holdings_of_task("t1").count(),
        2
    );
    assert_eq!(
        known.rotation_of_secret("s1").map(|rotation| rotation.id.as_str()),
        Some("a")
    );
    assert_eq!((known.hostname("n1"), known.hostname("n9")), ("host-n1", "n9"));
}
