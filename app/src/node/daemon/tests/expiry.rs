//! What if a certificate is over? A manager issues its own, because it can; a worker comes back with a token as the node
//! it was.

use super::super::words;
use super::*;

const DAY_MS: i64 = 24 * 3600 * 1000;

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_slept_too_long_wakes_up() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let (at, with) = (scratch.path().join("m1"), scratch.path().join("w1"));
    let manager = Machine::start(&at, &clock).await;
    let worker = Machine::start(&with, &clock).await;
    let (remote, token) = manager.init().await;
    let joined = worker.join(&token, &remote).await.unwrap();
    manager.create_secret("kept").await;
    worker.stop().await;
    manager.stop().await;

    clock.advance(100 * DAY_MS);
    let manager = Machine::start(&at, &clock).await;
    let local = manager.is_active().await;
    assert!(local.certificate_not_after_ms > clock.now_ms() + 80 * DAY_MS);
    assert_eq!(manager.secrets().await, ["kept"]);
    let recorded = |view: &ClusterView| view.nodes[&local.node_id].certificate_not_after_ms > clock.now_ms();
    manager.sees("its new certificate is recorded", recorded).await;

    let worker = Machine::start(&with, &clock).await;
    let expired = |local: &Local| matches!(&local.standing, Standing::Error(why) if why.starts_with(words::EXPIRED));
    worker.is("told that its certificate is over", expired).await;
    let back = worker.join(&token, &remote).await.unwrap();
    assert_eq!(back.node_id, joined.node_id, "it is the node it was");
    worker.is_active().await;
    assert_eq!(manager.nodes().await.unwrap().len(), 2);
    worker.stop().await;
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_shows_its_key_to_its_own_cluster_only() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let (at, with) = (scratch.path().join("m1"), scratch.path().join("w1"));
    let manager = Machine::start(&at, &clock).await;
    let other = Machine::start(&scratch.path().join("m2"), &clock).await;
    let worker = Machine::start(&with, &clock).await;
    let (remote, token) = manager.init().await;
    worker.join(&token, &remote).await.unwrap();
    worker.stop().await;
    clock.advance(100 * DAY_MS);
    let (foreign_remote, foreign_token) = other.init().await;
    let worker = Machine::start(&with, &clock).await;
    let refusal = worker.join(&foreign_token, &foreign_remote).await.unwrap_err();
    assert_eq!(refusal.text, words::ALREADY);
    assert_eq!(other.nodes().await.unwrap().len(), 1, "nothing was sent");
    for machine in [worker, other, manager] {
        machine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_whose_time_has_come_is_renewed_while_connections_stay() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let (at, with) = (scratch.path().join("m1"), scratch.path().join("w1"));
    let manager = Machine::start(&at, &clock).await;
    let worker = Machine::start(&with, &clock).await;
    let (remote, token) = manager.init().await;
    worker.join(&token, &remote).await.unwrap();
    let before = worker.is_active().await.certificate_not_after_ms;
    worker.stop().await;

    clock.advance(80 * DAY_MS);
    let worker = Machine::start(&with, &clock).await;
    let is_newer = |local: &Local| local.certificate_not_after_ms > before + 70 * DAY_MS;
    let local = worker.is("renewed", is_newer).await;
    let recorded =
        |view: &ClusterView| view.nodes[&local.node_id].certificate_not_after_ms == local.certificate_not_after_ms;
    manager.sees("it is recorded", recorded).await;
    worker.is_active().await;
    worker.stop().await;
    manager.stop().await;
}
