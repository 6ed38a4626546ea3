//! How does a node change its work? The cluster wishes, the node follows; its tasks go on as they are.

use super::*;

pub async fn wish(manager: &Machine, node: &str, role: v1::Role) {
    let message = v1::UpdateNodeRequest {
        reference: node.to_owned(),
        role: role.into(),
        ..v1::UpdateNodeRequest::default()
    };
    let call = async {
        manager
            .client
            .control()
            .update_node(request(message, CALL_DEADLINE))
            .await
    };
    within(CALL_DEADLINE, call).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_worker_becomes_a_manager_and_a_worker_again() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("w1");
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let node = Machine::start(&dir, &clock).await;
    let (remote, token) = manager.init().await;
    let id = node.join(&token, &remote).await.unwrap().node_id;
    manager.create_secret("kept").await;

    for round in 0..2 {
        wish(&manager, &id, v1::Role::Manager).await;
        let is_manager = |local: &Local| {
            local.role == Some(super::super::manifest::NodeRole::Manager) && local.standing == Standing::Active
        };
        node.is("a manager that votes", is_manager).await;
        assert_eq!(node.secrets().await, ["kept"], "round {round}");

        wish(&manager, &id, v1::Role::Worker).await;
        let is_worker = |local: &Local| {
            local.role == Some(super::super::manifest::NodeRole::Worker) && local.standing == Standing::Active
        };
        node.is("a worker", is_worker).await;
        assert_eq!(
            std::fs::read_dir(dir.join("manager")).unwrap().count(),
            0,
            "its keys are gone"
        );
        assert!(node.nodes().await.is_err());
    }
    node.stop().await;
    let node = Machine::start(&dir, &clock).await;
    assert_eq!(node.is_active().await.node_id, id);
    node.stop().await;
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_node_follows_the_cluster_to_its_new_root() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let second = Machine::start(&scratch.path().join("m2"), &clock).await;
    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    let (remote, token) = manager.init().await;
    worker.join(&token, &remote).await.unwrap();
    second
        .join(&manager.token(v1::Role::Manager).await, &remote)
        .await
        .unwrap();

    let before = manager.nodes().await.unwrap();
    let call = async {
        let message = v1::RotateRootRequest::default();
        manager
            .client
            .control()
            .rotate_root(request(message, CALL_DEADLINE))
            .await
    };
    within(CALL_DEADLINE, call).await.unwrap();
    let has_moved = |view: &ClusterView| {
        let is_new = |node: &v1::Node| {
            before
                .iter()
                .all(|old| old.certificate_issuer != node.certificate_issuer)
        };
        view.nodes.len() == 3 && view.nodes.values().all(is_new)
    };
    manager
        .sees("everybody has a certificate of the new root", has_moved)
        .await;
    for machine in [worker, second, manager] {
        machine.is_active().await;
        machine.stop().await;
    }
}
