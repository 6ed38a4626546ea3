//! Do tokens, settings and policies change as they are told to?

use tonic::Code;
use wardroom_api::v1;
use wardroom_state::State;

use crate::callers::{for_any_number, token};
use crate::fleet::Fleet;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_join_token_is_shown_as_it_was_made() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let ask = v1::GetJoinTokenRequest {
        role: v1::Role::Worker.into(),
    };
    let none = control.get_join_token(ask).await.unwrap_err();
    assert_eq!(
        none.code(),
        Code::FailedPrecondition,
        "this cluster was begun without one"
    );
    let limits = v1::RotateJoinTokenRequest {
        ttl_ms: 3_600_000,
        max_uses: 3,
        ..for_any_number(v1::Role::Worker)
    };
    let (_, made) = token(&fleet, limits).await;
    let shown = control.get_join_token(ask).await.unwrap().into_inner();
    assert_eq!(shown.token.unwrap().bytes, made);
    let read = |state: &State| {
        state
            .audit()
            .any(|record| record.action == "join-token.read" && record.object == "worker")
    };
    assert!(
        fleet.managers[fleet.follower()].replica().read(read),
        "the chain says so before it is shown"
    );
    assert_eq!(shown.address, fleet.addresses()[fleet.follower()]);
    let facts = shown.facts.unwrap();
    assert_eq!((facts.role(), facts.max_uses, facts.uses), (v1::Role::Worker, 3, 0));
    assert_eq!(facts.expires_at_ms - facts.created_at_ms, 3_600_000);
    let unknown = control
        .get_join_token(v1::GetJoinTokenRequest { role: 7 })
        .await
        .unwrap_err();
    assert_eq!(unknown.code(), Code::InvalidArgument);
    assert!(unknown.message().starts_with("unknown role 7"));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn settings_and_policies_are_checked_before_they_are_proposed() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let short = v1::UpdateClusterRequest {
        certificate_life_ms: Some(60_000),
        ..Default::default()
    };
    let short = control.update_cluster(short).await.unwrap_err();
    assert_eq!(
        (short.code(), short.message()),
        (Code::InvalidArgument, "minimum certificate expiry time is: 1h0m0s")
    );
    let update = v1::UpdateClusterRequest {
        certificate_life_ms: Some(7_200_000),
        task_history: Some(2),
        ..Default::default()
    };
    control.update_cluster(update).await.unwrap();
    let create = v1::CreateSecretRequest {
        name: "db".into(),
        value: Some(v1::Value::from_bytes(b"value".to_vec())),
        ..Default::default()
    };
    control.create_secret(create).await.unwrap();
    let lease = |lease_ms| v1::UpdateSecretRequest {
        reference: "db".into(),
        lease_ms: Some(lease_ms),
        label_add: [("team".to_owned(), "core".to_owned())].into(),
        ..Default::default()
    };
    assert_eq!(
        control.update_secret(lease(1)).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    control.update_secret(lease(3_600_000)).await.unwrap();
    let found = fleet.managers[fleet.follower()].replica().read(|state| {
        let (cluster, secret) = (state.cluster().unwrap(), state.find_secret("db").unwrap());
        (
            cluster.certificate_life_ms,
            cluster.task_history,
            secret.lease_ms,
            secret.labels.len(),
        )
    });
    assert_eq!(found, (7_200_000, 2, 3_600_000, 1));
    fleet.stop().await;
}
