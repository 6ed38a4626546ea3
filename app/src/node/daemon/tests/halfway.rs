//! What if the machine stops in the middle? The next start finishes what was promised, and takes the rest back.

use std::fs;

use super::super::manifest::{Manifest, NodeRole, Phase};
use super::*;

/// Puts a directory into a phase as a crash would have left it there.
fn halfway(dir: &Path, phase: Phase) {
    let manifest = Manifest::read(dir).unwrap().unwrap();
    Manifest { phase, ..manifest }.write(dir).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_nobody_was_told_of_is_taken_back() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    machine.init().await;
    machine.stop().await;
    halfway(&dir, Phase::Founding);
    let machine = Machine::start(&dir, &clock).await;
    assert_eq!(machine.local.borrow().standing, Standing::Inactive);
    machine.init().await;
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_is_finished() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    machine.init().await;
    machine.stop().await;
    halfway(&dir, Phase::Leaving);
    let machine = Machine::start(&dir, &clock).await;
    assert_eq!(machine.local.borrow().standing, Standing::Inactive);
    assert_eq!(fs::read_dir(dir.join("identity")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(dir.join("manager")).unwrap().count(), 0);
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_admission_is_finished_if_its_certificate_is_there() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let (remote, token) = manager.init().await;
    let dir = scratch.path().join("w1");
    let worker = Machine::start(&dir, &clock).await;
    let joined = worker.join(&token, &remote).await.unwrap();
    worker.stop().await;
    halfway(&dir, Phase::Joining);
    let worker = Machine::start(&dir, &clock).await;
    assert_eq!(worker.is_active().await.node_id, joined.node_id);
    worker.stop().await;
    assert_eq!(Manifest::read(&dir).unwrap().unwrap().phase, Phase::Member);
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_try_that_was_cut_short_is_the_same_node_when_it_is_repeated() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("w1");
    let key = || home(&dir).joining_key(&OsChance).unwrap().key_fingerprint;
    let first = key();
    // The answer came, and its certificate did not get onto the disk.
    let manifest = Manifest::new(Phase::Joining, "c1".into(), "n1".into(), NodeRole::Worker);
    manifest.write(&dir).unwrap();
    let worker = Machine::start(&dir, &clock).await;
    assert_eq!(worker.local.borrow().standing, Standing::Inactive);
    worker.stop().await;
    assert_eq!(key(), first, "the manager knows it again");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_was_to_be_the_only_one_becomes_it() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let survivor = Machine::start(&dir, &clock).await;
    let lost = Machine::start(&scratch.path().join("m2"), &clock).await;
    let (remote, _) = survivor.init().await;
    let token = survivor.token(v1::Role::Manager).await;
    lost.join(&token, &remote).await.unwrap();
    lost.stop().await;
    survivor.stop().await;
    halfway(&dir, Phase::Refounding);
    let survivor = Machine::start(&dir, &clock).await;
    survivor.is_active().await;
    survivor.sees("it is alone", |view| view.nodes.len() == 1).await;
    survivor.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_of_another_cluster_is_not_joined_over() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    machine.init().await;
    machine.stop().await;
    // Somebody lost the manifest and kept the rest.
    fs::remove_file(dir.join("node.json")).unwrap();
    let machine = Machine::start(&dir, &clock).await;
    let token = b"SWMTKN-1-00000000000000000000000000000000000000000000000000-0000000000000000000000000";
    let refusal = machine.join(token, "127.0.0.1:1").await.unwrap_err();
    assert!(
        refusal.text.contains("holds the data of another node"),
        "{}",
        refusal.text
    );
    machine.stop().await;
}
