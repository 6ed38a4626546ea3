//! Do administrators get locks, new keys and shreds, and an unlock key only once the audit chain says so?

use tonic::Code;
use wardroom_api::v1;
use wardroom_api::v1::control_client::ControlClient;
use wardroom_keys::UnlockKey;
use wardroom_state::State;

use crate::fleet::{Fleet, list, until};

pub(crate) type Control = ControlClient<tonic::transport::Channel>;

/// The order that it gave.
async fn keep(control: &mut Control, epoch: u32) -> Result<u64, String> {
    let kept = control.keep_unlock_key(v1::KeepUnlockKeyRequest { epoch }).await;
    kept.map(|kept| kept.into_inner().order)
        .map_err(|status| status.message().to_owned())
}

pub(crate) async fn autolock(control: &mut Control, on: bool) -> v1::UpdateClusterResponse {
    let request = v1::UpdateClusterRequest {
        autolock: Some(on),
        ..Default::default()
    };
    control.update_cluster(request).await.unwrap().into_inner()
}

pub(crate) async fn show(control: &mut Control, epoch: u32) -> v1::GetUnlockKeyResponse {
    let request = v1::GetUnlockKeyRequest {
        epoch,
        ..Default::default()
    };
    control.get_unlock_key(request).await.unwrap().into_inner()
}

pub(crate) fn key(response: v1::GetUnlockKeyResponse) -> UnlockKey {
    let bytes = response.key.unwrap().take();
    UnlockKey::parse(std::str::from_utf8(&bytes).unwrap()).unwrap()
}

/// Objects of the records with that action, oldest first.
pub(crate) fn audited(fleet: &Fleet, place: usize, action: &str) -> Vec<(String, String, String)> {
    let records = |state: &State| {
        let records = state.audit().filter(|record| record.action == action);
        let words = records.map(|record| (record.actor.clone(), record.object.clone(), record.detail.clone()));
        words.collect()
    };
    fleet.managers[place].replica().read(records)
}

fn words(actor: &str, object: &str, detail: &str) -> (String, String, String) {
    (actor.to_owned(), object.to_owned(), detail.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unlock_key_is_shown_after_its_record_and_only_while_it_locks() {
    let fleet = Fleet::start(0).await;
    let place = fleet.follower();
    let mut control = fleet.control(place);
    let none = show(&mut control, 0).await;
    assert!(none.key.is_none() && none.shares.is_empty(), "nothing locks");
    let refused = control
        .rotate_unlock_key(v1::RotateUnlockKeyRequest::default())
        .await
        .unwrap_err();
    assert_eq!(
        (refused.code(), refused.message()),
        (
            Code::FailedPrecondition,
            "cannot rotate because autolock is not turned on"
        )
    );

    autolock(&mut control, true).await;
    autolock(&mut control, true).await;
    let epoch = |state: &State| state.keys().unlock_epoch();
    assert_eq!(
        fleet.managers[place].replica().read(epoch),
        2,
        "it is on already: no new key"
    );
    assert!(audited(&fleet, place, "unlock-key.read").is_empty());
    let shown = show(&mut control, 0).await;
    // The call waits until this manager has seen the record.
    assert_eq!(
        audited(&fleet, place, "unlock-key.read"),
        [words("admin:test", "epoch 2", "whole")]
    );
    assert_eq!(shown.epoch, 2);
    let check = |state: &State| state.keys().unlock_key.as_ref().unwrap().check;
    assert_eq!(key(shown).check(), fleet.managers[place].replica().read(check));

    for (epoch, text) in [
        (1, "no unlock key of epoch 1 is kept: the one from the beginning"),
        (7, "no unlock key of epoch 7 is kept: the newest is of epoch 2"),
    ] {
        let request = v1::GetUnlockKeyRequest {
            epoch,
            ..Default::default()
        };
        let unknown = control.get_unlock_key(request).await.unwrap_err();
        assert_eq!(unknown.code(), Code::NotFound);
        assert!(unknown.message().starts_with(text), "{}", unknown.message());
    }
    assert_eq!(
        audited(&fleet, place, "unlock-key.read").len(),
        1,
        "what was not shown is not recorded as read"
    );
    autolock(&mut control, false).await;
    assert!(show(&mut control, 0).await.key.is_none());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rotation_goes_on_without_the_manager_that_is_down_and_keeps_its_key() {
    let fleet = Fleet::start(0).await;
    let place = fleet.leader();
    let mut control = fleet.control(place);
    autolock(&mut control, true).await;
    let first = key(show(&mut control, 0).await);
    assert_eq!(keep(&mut control, 2).await.unwrap(), 1);
    assert_eq!(keep(&mut control, 2).await.unwrap(), 0, "said again, nothing changes");
    fleet.managers[fleet.follower()].shutdown().await;
    let plan_only = v1::RotateUnlockKeyRequest {
        plan_only: true,
        ..Default::default()
    };
    let planned = control.rotate_unlock_key(plan_only).await.unwrap().into_inner();
    assert_eq!(planned.epoch, 3);
    let plan = planned.plan.unwrap();
    assert!(plan.runnable);
    let confirmed = v1::RotateUnlockKeyRequest {
        plan_basis: plan.basis.clone(),
        ..Default::default()
    };
    let rotated = control.rotate_unlock_key(confirmed.clone()).await.unwrap().into_inner();
    assert_eq!(rotated.epoch, 3);
    let refused = keep(&mut control, 2).await.unwrap_err();
    assert!(
        refused.starts_with("unlock key epoch 2 is not the one in force, 3"),
        "{refused}"
    );
    let stale = control.rotate_unlock_key(confirmed).await.unwrap_err();
    assert_eq!(stale.code(), Code::Aborted, "{}", stale.message());

    let second = key(show(&mut control, 0).await);
    assert_eq!(keep(&mut control, 3).await.unwrap(), 2);
    assert!(!second.equals(&first));
    // Without the one that is down nobody can say that nobody hangs on it.
    assert!(key(show(&mut control, 2).await).equals(&first));
    let reads = audited(&fleet, place, "unlock-key.read");
    let epochs: Vec<&str> = reads.iter().map(|(_, object, _)| object.as_str()).collect();
    assert_eq!(epochs, ["epoch 2", "epoch 3", "epoch 2"]);
    assert_eq!(
        audited(&fleet, place, "unlock-key.rotate"),
        [words("admin:test", "test", "epoch 2 -> 3")]
    );
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn orders_are_given_on_demand_and_by_a_shred() {
    let fleet = Fleet::start(0).await;
    let place = fleet.follower();
    let mut control = fleet.control(place);
    let create = v1::CreateSecretRequest {
        name: "db".into(),
        value: Some(v1::Value::from_bytes(b"value".to_vec())),
        ..Default::default()
    };
    control.create_secret(create).await.unwrap();
    let plan_only = v1::RotateDekRequest {
        plan_only: true,
        ..Default::default()
    };
    let planned = control.rotate_dek(plan_only).await.unwrap().into_inner();
    assert_eq!(planned.order, 0);
    let confirmed = v1::RotateDekRequest {
        plan_basis: planned.plan.unwrap().basis,
        ..Default::default()
    };
    let rotated = control.rotate_dek(confirmed).await.unwrap().into_inner();
    assert_eq!(rotated.order, 1);
    let shred = |plan_only| v1::RevokeSecretRequest {
        reference: "db".into(),
        shred: true,
        plan_only,
        ..Default::default()
    };
    let planned = control.revoke_secret(shred(true)).await.unwrap().into_inner();
    assert_eq!(planned.order, 0);
    let shredded = control.revoke_secret(shred(false)).await.unwrap().into_inner();
    assert_eq!(shredded.order, 2);
    until(&fleet.managers[place], "the value is gone", |state| {
        let db = state.find_secret("db").unwrap();
        db.versions[&1].sealed.is_none()
    })
    .await;
    let records = audited(&fleet, place, "secret.shred");
    assert_eq!(records.len(), 1);
    assert!(records[0].2.starts_with("v1: DEK order 2"), "{records:?}");

    // Every client sees the orders with the cluster.
    let request = v1::ListRequest {
        kind: v1::Kind::Cluster.into(),
        ..Default::default()
    };
    let listed = list(&mut control, request).await;
    let [v1::object::Kind::Cluster(cluster)] = &listed[..] else {
        panic!("one cluster, not {listed:?}");
    };
    let orders = &cluster.keys.as_ref().unwrap().orders;
    let reasons: Vec<_> = orders.iter().map(|order| (order.number, order.reason())).collect();
    assert_eq!(reasons, [(1, v1::DekReason::Demand), (2, v1::DekReason::Shred)]);
    assert_eq!(
        (orders[1].secret_name.as_str(), orders[1].index),
        ("db", shredded.index)
    );
    fleet.stop().await;
}
