//! Does the cluster come by a new root without losing anybody?

use std::sync::Arc;

use tonic::transport::Channel;
use wardroom_api::{channel, v1};
use wardroom_ca::{KeyRequest, NodeTls, Role, SystemClock};
use wardroom_keys::OsChance;

use crate::agent::{Agent, line};
use crate::callers::{for_any_number, operator, token, with};
use crate::fleet::{Fleet, in_time, until};

async fn renew(channel: Channel, key: &KeyRequest) -> v1::RenewResponse {
    let request = v1::RenewRequest {
        csr_pem: key.csr_pem.clone(),
        ..Default::default()
    };
    channel::ca(channel).renew(request).await.unwrap().into_inner()
}

fn tls(renewed: &v1::RenewResponse, key: &KeyRequest) -> NodeTls {
    let clock = Arc::new(SystemClock);
    NodeTls::new(&renewed.roots_pem, &renewed.certificate_pem, &key.key, clock).unwrap()
}

fn cluster_of(objects: Vec<v1::Object>) -> v1::Cluster {
    match objects.into_iter().next().unwrap().kind.unwrap() {
        v1::object::Kind::Cluster(cluster) => cluster,
        other => panic!("the cluster was asked for: {other:?}"),
    }
}

async fn cluster(fleet: &Fleet) -> v1::Cluster {
    let request = v1::ListRequest {
        kind: v1::Kind::Cluster.into(),
        ..Default::default()
    };
    let listed = fleet.control(fleet.leader()).list(request).await.unwrap();
    cluster_of(listed.into_inner().objects)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_renews_its_certificate_and_leaves() {
    let fleet = Fleet::start(1).await;
    let place = fleet.follower();
    let old = with(&fleet, place, &fleet.worker_tls("w1"));
    let key = KeyRequest::generate(&OsChance);
    let request = v1::RenewRequest {
        csr_pem: key.csr_pem.clone(),
        address: ":2377".into(),
    };
    let renewed = channel::ca(old).renew(request).await.unwrap().into_inner();
    let new = tls(&renewed, &key);
    assert_eq!(
        (new.identity().node_id.as_str(), new.identity().role),
        ("w1", Role::Worker)
    );
    assert_eq!((renewed.role(), renewed.raft_id), (v1::Role::Worker, 0));
    assert_eq!(
        (renewed.address.as_str(), renewed.managers.len()),
        ("127.0.0.1:2377", 3)
    );
    let known = fleet.managers[place]
        .replica()
        .read(|state| state.find_node("w1").unwrap().clone());
    assert_eq!(known.certificate.fingerprint, new.facts().fingerprint);
    assert_eq!(known.address, "127.0.0.1:2377");

    // A node that is wanted as a manager is given a manager's certificate.
    let promote = v1::UpdateNodeRequest {
        reference: "w1".into(),
        role: v1::Role::Manager.into(),
        ..Default::default()
    };
    fleet.control(place).update_node(promote).await.unwrap();
    let promoted = renew(with(&fleet, place, &new), &KeyRequest::generate(&OsChance)).await;
    assert_eq!(promoted.role(), v1::Role::Manager);
    assert_ne!(promoted.raft_id, 0);

    let gone = channel::ca(with(&fleet, place, &new))
        .depart(v1::DepartRequest {})
        .await;
    gone.unwrap();
    let known = fleet.managers[place]
        .replica()
        .read(|state| state.find_node("w1").unwrap().clone());
    assert_eq!(
        (known.state, known.message.as_str()),
        (wardroom_state::node::NodeState::Down, "left the swarm")
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_root_takes_over_while_everybody_works_on() {
    let fleet = Fleet::start(2).await;
    let mut agent = Agent::start(&fleet, "w1");
    agent.until("a session", |held| held.sessions == 1).await;
    let ada = operator(&fleet, "ada", v1::OperatorRole::Viewer).await;
    let (old_token, old_text) = token(&fleet, for_any_number(v1::Role::Worker)).await;
    let mut control = fleet.control(fleet.follower());

    let plan_only = v1::RotateRootRequest {
        plan_only: true,
        ..Default::default()
    };
    let plan = control.rotate_root(plan_only).await.unwrap().into_inner().plan.unwrap();
    assert!(plan.runnable, "{:?}", plan.checks);
    let confirmed = v1::RotateRootRequest {
        plan_basis: plan.basis,
        certificate_life_ms: Some(7_200_000),
        ..Default::default()
    };
    let rotated = control.rotate_root(confirmed.clone()).await.unwrap().into_inner();
    assert_ne!(rotated.fingerprint, fleet.root.fingerprint());
    let again = control.rotate_root(confirmed).await.unwrap_err();
    assert_eq!(again.code(), tonic::Code::Aborted, "a plan is carried out once");
    for manager in &fleet.managers {
        until(manager, "the new root", |state| {
            state.cluster().unwrap().root_fingerprint == rotated.fingerprint
        })
        .await;
    }
    let now = cluster(&fleet).await;
    assert_eq!(
        (now.root_fingerprint.as_str(), now.retiring.len()),
        (rotated.fingerprint.as_str(), 1)
    );
    assert_eq!(now.retiring[0].fingerprint, fleet.root.fingerprint());
    assert_eq!(now.certificate_life_ms, 7_200_000);

    // Old certificates are good: the session stands, the operator comes in, and nobody was cut off.
    let mut viewer = channel::control(with(&fleet, 0, &ada.tls));
    viewer.status(v1::StatusRequest {}).await.unwrap();
    assert_eq!(agent.held.borrow().sessions, 1);

    // Every node renews under the new root, and trusts both; who has not yet renewed accepts it.
    let mut renewed = Vec::new();
    for (id, role) in [
        ("m1", Role::Manager),
        ("m2", Role::Manager),
        ("m3", Role::Manager),
        ("w1", Role::Worker),
        ("w2", Role::Worker),
    ] {
        let key = KeyRequest::generate(&OsChance);
        let answer = renew(line(&fleet.addresses()[fleet.follower()], &fleet.tls(id, role)), &key).await;
        let new = tls(&answer, &key);
        assert_eq!(answer.roots_pem.matches("BEGIN CERTIFICATE").count(), 2);
        renewed.push(new);
    }
    let remaining = cluster(&fleet).await.retiring[0].remaining;
    assert_eq!(remaining, 1, "ada's certificate is left");
    for new in &renewed[3..] {
        let mut client = channel::dispatcher(line(&fleet.addresses()[fleet.leader()], new));
        in_time("a session", client.session(v1::SessionRequest::default()))
            .await
            .unwrap();
    }

    // The old token names a root that issues no more.
    let key = KeyRequest::generate(&OsChance);
    let request = v1::AdmitRequest {
        token: Some(v1::Confidential::new(old_text)),
        csr_pem: key.csr_pem.clone(),
        hostname: "late".into(),
        ..Default::default()
    };
    let mut joiner = channel::join(crate::callers::nobody(&fleet, 0, &old_token));
    let refused = joiner.admit(request).await.unwrap_err();
    assert_eq!(
        refused.message(),
        "A valid join token is necessary to join this cluster"
    );

    // Without the last certificate of the old root, it retires.
    let remove = v1::RemoveOperatorRequest {
        reference: "ada".into(),
    };
    control.remove_operator(remove).await.unwrap();
    until(&fleet.managers[fleet.leader()], "the old root retires", |state| {
        state.cluster().unwrap().retiring.is_empty()
    })
    .await;
    fleet.stop().await;
}
