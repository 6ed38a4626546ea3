//! Does a secret live its whole life: created, granted, proven, rotated, revoked, removed?

use std::collections::BTreeSet;

use tonic::Code;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::holding::HoldingState;
use wardroom_state::rotation::RotationPhase;
use wardroom_state::secret::VersionState;

use crate::agent::Agent;
use crate::fleet::{Fleet, list, until};

const FIRST: &[u8] = b"c4n4ry-0ne-c4n4ry";
const SECOND: &[u8] = b"c4n4ry-tw0-c4n4ry";

fn value(bytes: &[u8]) -> v1::Value {
    v1::Value::from_bytes(bytes.to_vec())
}

fn create(name: &str, bytes: &[u8]) -> v1::CreateSecretRequest {
    v1::CreateSecretRequest {
        name: name.into(),
        value: value(bytes).into(),
        ..Default::default()
    }
}

fn service(name: &str, replicas: u32, secrets: &[&str]) -> v1::CreateServiceRequest {
    let grant = |secret: &&str| v1::Grant {
        secret_name: (*secret).into(),
        ..Default::default()
    };
    let spec = v1::ServiceSpec {
        name: name.into(),
        run: Some(v1::RunSpec {
            command: vec!["sleep".into(), "1000".into()],
            ..Default::default()
        }),
        replicas,
        grants: secrets.iter().map(grant).collect(),
        ..Default::default()
    };
    v1::CreateServiceRequest {
        exposes_env: false,
        spec: Some(spec),
    }
}

fn proven(state: &State, version: u32) -> usize {
    let held = state.holdings().iter().filter(|(key, _)| key.version == version);
    held.filter(|(_, holding)| holding.state == HoldingState::Present && holding.proven)
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_secret_lives_its_whole_life_through_a_follower() {
    let fleet = Fleet::start(2).await;
    let follower = fleet.follower();
    let manager = &fleet.managers[follower];
    let mut control = fleet.control(follower);
    let (mut one, mut other) = (Agent::start(&fleet, "w1"), Agent::start(&fleet, "w2"));

    // Created and granted through a follower, and to be read there at once.
    control.create_secret(create("db_password", FIRST)).await.unwrap();
    control
        .create_secret(create("unused", b"nobody-gets-this"))
        .await
        .unwrap();
    let request = v1::ListRequest {
        kind: v1::Kind::Secret.into(),
        references: vec!["db_password".into()],
        ..Default::default()
    };
    assert_eq!(list(&mut control, request).await.len(), 1);
    control
        .create_service(service("web", 4, &["db_password"]))
        .await
        .unwrap();

    // Each worker has the value its tasks need, proves it, and nothing else.
    until(manager, "four proven files", |state| proven(state, 1) == 4).await;
    assert_eq!(one.values(), BTreeSet::from([FIRST.to_vec()]));
    assert_eq!(other.held.borrow().tasks.len(), 2);
    let request = v1::ListRequest {
        kind: v1::Kind::Holding.into(),
        secret: "db_password".into(),
        ..Default::default()
    };
    assert_eq!(list(&mut control, request).await.len(), 4);

    // In use: refused in Docker's words.
    let refused = control
        .remove_secret(v1::RemoveSecretRequest {
            reference: "db_password".into(),
        })
        .await
        .unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert_eq!(
        refused.message(),
        "secret 'db_password' is in use by the following service: web"
    );

    rotate(&fleet, follower).await;
    one.until("the old value is withdrawn", |held| held.values.len() == 1)
        .await;
    assert_eq!(one.values(), BTreeSet::from([SECOND.to_vec()]));

    // Revoked: erased everywhere, with receipts, and then destroyed.
    let revoke = v1::RevokeSecretRequest {
        reference: "db_password".into(),
        ..Default::default()
    };
    let revoked = control.revoke_secret(revoke).await.unwrap().into_inner();
    assert_eq!(revoked.plan.unwrap().leaves, ["host-w1", "host-w2"]);
    until(manager, "every receipt is in", |state| {
        let secret = state.find_secret("db_password").unwrap();
        secret
            .versions
            .values()
            .all(|version| version.state == VersionState::Destroyed && version.sealed.is_none())
    })
    .await;
    other.until("nothing is left", |held| held.values.is_empty()).await;
    control
        .remove_secret(v1::RemoveSecretRequest {
            reference: "db_password".into(),
        })
        .await
        .unwrap();

    let told = manager.replica().read(|state| {
        wardroom_state::verify_chain(state.audit()).unwrap();
        state
            .audit()
            .map(|record| record.action.clone())
            .collect::<BTreeSet<_>>()
    });
    for action in [
        "secret.create",
        "secret.deliver",
        "secret.rotate",
        "rotation.done",
        "secret.revoke",
        "secret.erase",
    ] {
        assert!(told.contains(action), "{action} is in the audit chain: {told:?}");
    }
    for (path, bytes) in fleet.disks.iter().flat_map(wardroom_log::MemDisk::dump) {
        let found = bytes.windows(6).any(|window| window == b"c4n4ry");
        assert!(!found, "{path} holds a value in clear");
    }
    fleet.stop().await;
}

/// Planned, confirmed and carried out; a plan that rests on the past is not.
async fn rotate(fleet: &Fleet, follower: usize) {
    let mut control = fleet.control(follower);
    let ask = |plan_only: bool, basis: &str, bytes: &[u8]| v1::RotateSecretRequest {
        if_changed: false,
        reference: "db_password".into(),
        value: value(bytes).into(),
        plan_only,
        plan_basis: basis.into(),
    };
    let same = control
        .rotate_secret(ask(true, "", FIRST))
        .await
        .unwrap()
        .into_inner()
        .plan
        .unwrap();
    assert!(!same.runnable, "the same value again is no rotation");
    let refused = control.rotate_secret(ask(false, "", FIRST)).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);

    let plan = control
        .rotate_secret(ask(true, "", SECOND))
        .await
        .unwrap()
        .into_inner()
        .plan
        .unwrap();
    assert!(plan.runnable, "{:?}", plan.checks);
    assert_eq!(plan.arrives, ["host-w1", "host-w2"]);
    let done = control
        .rotate_secret(ask(false, &plan.basis, SECOND))
        .await
        .unwrap()
        .into_inner();
    assert_eq!((done.version, done.version_name.as_str()), (2, "db_password_v2"));
    until(&fleet.managers[follower], "the rotation is done", |state| {
        let rotation = state
            .rotations()
            .values()
            .find(|rotation| rotation.id.as_str() == done.rotation_id);
        rotation.is_some_and(|rotation| rotation.phase == RotationPhase::Done)
    })
    .await;
    assert_eq!(fleet.managers[follower].replica().read(|state| proven(state, 2)), 4);

    let stale = control
        .rotate_secret(ask(false, &plan.basis, b"third"))
        .await
        .unwrap_err();
    assert_eq!(stale.code(), Code::Aborted);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_worker_gets_its_own_assignments_and_nothing_of_others() {
    let fleet = Fleet::start(2).await;
    let mut control = fleet.control(fleet.leader());
    let mut one = Agent::start(&fleet, "w1");
    until(&fleet.managers[0], "w1 is ready", |state| {
        state.find_node("host-w1").unwrap().message.is_empty()
    })
    .await;
    control.create_secret(create("alpha", b"alpha-value")).await.unwrap();
    control.create_service(service("first", 1, &["alpha"])).await.unwrap();
    one.until("the first task", |held| held.tasks.len() == 1).await;

    let mut other = Agent::start(&fleet, "w2");
    control.create_secret(create("beta", b"beta-value")).await.unwrap();
    other.until("a session", |held| held.sessions == 1).await;
    control.create_service(service("second", 1, &["beta"])).await.unwrap();
    until(&fleet.managers[0], "both are proven", |state| proven(state, 1) == 2).await;
    assert_eq!(one.values(), BTreeSet::from([b"alpha-value".to_vec()]));
    assert_eq!(other.values(), BTreeSet::from([b"beta-value".to_vec()]));
    assert_eq!((one.held.borrow().ever.len(), other.held.borrow().ever.len()), (1, 1));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn work_goes_on_under_a_new_leader() {
    let fleet = Fleet::start(1).await;
    let mut agent = Agent::start(&fleet, "w1");
    let (led, follower) = (fleet.leader(), fleet.follower());
    let mut control = fleet.control(follower);
    control.create_secret(create("db_password", FIRST)).await.unwrap();
    control
        .create_service(service("web", 1, &["db_password"]))
        .await
        .unwrap();
    agent.until("the first value", |held| held.values.len() == 1).await;
    let sessions = agent.held.borrow().sessions;

    fleet.managers[led].shutdown().await;
    // The call waits for the election and is done by whoever won it.
    let rotate = v1::RotateSecretRequest {
        reference: "db_password".into(),
        value: value(SECOND).into(),
        ..Default::default()
    };
    control.rotate_secret(rotate).await.unwrap();
    agent
        .until("a session with the new leader", |held| held.sessions > sessions)
        .await;
    until(&fleet.managers[follower], "the rotation is done", |state| {
        state
            .rotations()
            .values()
            .all(|rotation| rotation.phase == RotationPhase::Done)
    })
    .await;
    assert_eq!(agent.values(), BTreeSet::from([SECOND.to_vec()]));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_generated_value_is_delivered_and_seen_by_nobody_else() {
    let fleet = Fleet::start(1).await;
    let mut agent = Agent::start(&fleet, "w1");
    let mut control = fleet.control(fleet.follower());
    let value = Some(v1::Value::generated(32));
    let request = v1::CreateSecretRequest {
        name: "token".into(),
        value,
        ..Default::default()
    };
    control.create_secret(request).await.unwrap();
    control.create_service(service("web", 1, &["token"])).await.unwrap();
    agent.until("the value", |held| held.values.len() == 1).await;
    let values = agent.values();
    let made = values.first().unwrap();
    assert!(made.len() == 32 && made.iter().all(u8::is_ascii_alphanumeric));
    fleet.stop().await;
}
