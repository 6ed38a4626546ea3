//! How does a machine come in and go, and what is it told when it may not?

use tonic::Code;

use super::super::words;
use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_joins_and_leaves_without_a_trace() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    let (remote, token) = manager.init().await;
    let joined = worker.join(&token, &remote).await.unwrap();
    assert_eq!(joined.role(), v1::Role::Worker);
    assert_eq!(worker.local.borrow().node_id, joined.node_id);
    let refused = worker.nodes().await.unwrap_err().to_string();
    assert_eq!(refused, words::WORKER);
    manager
        .sees("both are ready", |view| {
            let is_ready = |node: &v1::Node| node.state() == v1::NodeState::Ready && node.runs_tasks;
            view.nodes.len() == 2 && view.nodes.values().all(is_ready)
        })
        .await;

    worker.leave(false).await.unwrap();
    assert_eq!(worker.local.borrow().standing, Standing::Inactive);
    let left = |view: &ClusterView| view.nodes.values().any(|node| node.state() == v1::NodeState::Down);
    manager.sees("the worker is down", left).await;
    let identity = scratch.path().join("w1/identity");
    assert_eq!(std::fs::read_dir(identity).unwrap().count(), 0);
    assert!(!scratch.path().join("w1/node.json").exists());

    let again = worker.join(&token, &remote).await.unwrap();
    assert_ne!(again.node_id, joined.node_id, "what has left is not known again");
    worker.stop().await;
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_docker_refuses_is_refused_in_its_words() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    assert_eq!(manager.leave(false).await.unwrap_err().text, words::NOT_PART);
    assert_eq!(manager.nodes().await.unwrap_err().to_string(), words::NOT_INITIALISED);
    let init = |message: v1::InitRequest| manager.order(|reply| Order::Init(message, system(), reply));
    let short = v1::InitRequest {
        listen: address(),
        certificate_life_ms: 60_000,
        ..v1::InitRequest::default()
    };
    let refusal = init(short).await.unwrap_err();
    assert_eq!(
        (refusal.code, refusal.text.as_str()),
        (Code::InvalidArgument, "minimum certificate expiry time is: 1h0m0s")
    );

    let (_, token) = manager.init().await;
    let again = init(v1::InitRequest::default()).await.unwrap_err();
    assert_eq!(again.text, words::ALREADY);
    assert_eq!(
        manager.join(&token, "127.0.0.1:1").await.unwrap_err().text,
        words::ALREADY
    );
    let last = manager.leave(false).await.unwrap_err();
    assert!(
        last.text.contains("Removing the last manager erases all current state"),
        "{}",
        last.text
    );
    manager.leave(true).await.unwrap();
    assert_eq!(manager.local.borrow().standing, Standing::Inactive);
    manager.init().await;
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_fit_leaves_both_sides_as_they_were() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let other = Machine::start(&scratch.path().join("m2"), &clock).await;
    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    let (remote, token) = manager.init().await;
    let (_, foreign) = other.init().await;

    let refusal = worker.join(&foreign, &remote).await.unwrap_err();
    assert_eq!(refusal.code, Code::FailedPrecondition, "{}", refusal.text);
    assert!(refusal.text.contains(&remote), "{}", refusal.text);
    let refusal = worker.join(&token[..40], &remote).await.unwrap_err();
    assert_eq!(refusal.code, Code::InvalidArgument, "{}", refusal.text);
    let mut guessed = token.clone();
    *guessed.last_mut().unwrap() = if guessed.ends_with(b"0") { b'1' } else { b'0' };
    let refusal = worker.join(&guessed, &remote).await.unwrap_err();
    assert!(
        refusal.text.contains("A valid join token is necessary"),
        "{}",
        refusal.text
    );
    let refusal = worker.join(&token, "127.0.0.1:1").await.unwrap_err();
    assert_eq!(refusal.code, Code::Unavailable, "{}", refusal.text);

    assert_eq!(worker.local.borrow().standing, Standing::Inactive);
    assert_eq!(manager.nodes().await.unwrap().len(), 1);
    worker.join(&token, &remote).await.unwrap();
    for machine in [worker, other, manager] {
        machine.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_removed_keeps_nothing_and_says_why() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    let (remote, token) = manager.init().await;
    let joined = worker.join(&token, &remote).await.unwrap();
    let message = v1::RemoveNodeRequest {
        reference: joined.node_id.clone(),
        force: true,
        ..v1::RemoveNodeRequest::default()
    };
    let call = async {
        manager
            .client
            .control()
            .remove_node(request(message, CALL_DEADLINE))
            .await
    };
    within(CALL_DEADLINE, call).await.unwrap();
    let told =
        |local: &Local| matches!(&local.standing, Standing::Error(why) if why.contains("was removed from swarm"));
    worker.is("told that it was removed", told).await;
    assert_eq!(
        std::fs::read_dir(scratch.path().join("w1/identity")).unwrap().count(),
        0
    );

    worker.stop().await;
    let worker = Machine::start(&scratch.path().join("w1"), &clock).await;
    worker.is("still told", told).await;
    assert_eq!(worker.join(&token, &remote).await.unwrap_err().text, words::ALREADY);
    worker.leave(false).await.unwrap();
    worker.join(&token, &remote).await.unwrap();
    worker.stop().await;
    manager.stop().await;
}
