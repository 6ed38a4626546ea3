//! How does a cluster go on when most of it is lost? From one manager that has survived, or from a backup.

use tokio_stream::StreamExt as _;

use super::super::order::Restore;
use super::*;

pub const PASSPHRASE: &[u8] = b"correct horse battery staple";

pub async fn backup(manager: &Machine) -> Vec<u8> {
    let message = v1::BackupRequest {
        passphrase: Some(v1::Confidential::new(PASSPHRASE.to_vec())),
        ..v1::BackupRequest::default()
    };
    let mut pieces = manager.client.control().backup(message).await.unwrap().into_inner();
    let mut file = Vec::new();
    while let Some(piece) = pieces.next().await {
        file.extend_from_slice(&piece.unwrap().data);
    }
    file
}

pub fn restore(file: &[u8], passphrase: &[u8], listen: &str) -> Restore {
    Restore {
        head: v1::RestoreHead {
            passphrase: Some(v1::Confidential::new(passphrase.to_vec())),
            listen: listen.to_owned(),
            ..v1::RestoreHead::default()
        },
        file: file.to_vec(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_survivor_goes_on_alone_at_another_address() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let survivor = Machine::start(&scratch.path().join("m1"), &clock).await;
    let lost = Machine::start(&scratch.path().join("m2"), &clock).await;
    let (remote, _) = survivor.init().await;
    survivor.create_secret("kept").await;
    let token = survivor.token(v1::Role::Manager).await;
    lost.join(&token, &remote).await.unwrap();
    survivor
        .sees("there are two managers", |view| view.nodes.len() == 2)
        .await;
    lost.stop().await;

    let moved = address();
    let message = v1::InitRequest {
        listen: moved.clone(),
        force_new_cluster: true,
        ..v1::InitRequest::default()
    };
    let mut again = survivor
        .order(|reply| Order::Init(message, system(), reply))
        .await
        .unwrap();
    assert_eq!(again.address, moved);
    assert_eq!(again.node_id, survivor.local.borrow().node_id, "it keeps its identity");
    assert_eq!(survivor.secrets().await, ["kept"]);
    survivor
        .sees("it is the only manager, at its new address", |view| {
            let nodes: Vec<&v1::Node> = view.nodes.values().collect();
            matches!(nodes[..], [only] if only.address == moved && only.role() == v1::Role::Manager)
        })
        .await;
    survivor.create_secret("new").await;
    survivor.create_service("web").await;
    let runs = |view: &ClusterView| view.tasks.values().any(|task| task.state() == v1::TaskState::Running);
    survivor.sees("its agent has found it at the new address", runs).await;

    let newcomer = Machine::start(&scratch.path().join("w1"), &clock).await;
    let token = again.worker_token.take().unwrap().take();
    newcomer.join(&token, &moved).await.unwrap();
    newcomer.stop().await;
    survivor.stop().await;
    let survivor = Machine::start(&scratch.path().join("m1"), &clock).await;
    survivor.is_active().await;
    assert_eq!(survivor.local.borrow().address, moved);
    survivor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_becomes_a_cluster_on_a_new_machine() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let old = Machine::start(&scratch.path().join("m1"), &clock).await;
    old.init().await;
    old.create_secret("kept").await;
    let file = backup(&old).await;
    let cluster = old.local.borrow().cluster_id.clone();
    old.stop().await;

    let new = Machine::start(&scratch.path().join("m2"), &clock).await;
    let listen = address();
    let wrong = restore(&file, b"another passphrase", &listen);
    assert!(new.order(|reply| Order::Restore(wrong, system(), reply)).await.is_err());
    assert_eq!(new.local.borrow().standing, Standing::Inactive);
    let right = restore(&file, PASSPHRASE, &listen);
    let restored = new.order(|reply| Order::Restore(right, system(), reply)).await.unwrap();
    assert_eq!((restored.secrets, restored.address.as_str()), (1, listen.as_str()));
    let local = new.is_active().await;
    assert_eq!(local.cluster_id, cluster, "it is the same cluster");
    assert_eq!(new.secrets().await, ["kept"]);
    new.create_secret("new").await;

    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    let token = new.token(v1::Role::Worker).await;
    worker.join(&token, &listen).await.unwrap();
    worker.stop().await;
    new.stop().await;
}
