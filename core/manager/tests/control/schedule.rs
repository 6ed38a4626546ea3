//! Does a secret that is due get its next value by itself, and does a maker that fails stay the only thing that does?

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::rotation::RotationCause;

use crate::fleet::{Fleet, until};

/// A secret that is due as soon as it is there.
fn create(name: &str, source: v1::schedule::Source) -> v1::CreateSecretRequest {
    v1::CreateSecretRequest {
        name: name.into(),
        value: Some(v1::Value::from_bytes(b"first".to_vec())),
        max_age_ms: 1,
        schedule: Some(v1::Schedule { source: Some(source) }),
        ..Default::default()
    }
}

fn schedule_off(name: &str) -> v1::UpdateSecretRequest {
    v1::UpdateSecretRequest {
        reference: name.into(),
        schedule_off: true,
        ..Default::default()
    }
}

fn versions(state: &State, name: &str) -> usize {
    state.find_secret(name).map_or(0, |secret| secret.versions.len())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_leader_makes_values_that_are_due() {
    let fleet = Fleet::start(0).await;
    let follower = fleet.follower();
    let mut control = fleet.control(follower);
    let generated = v1::schedule::Source::Generate(24);
    control.create_secret(create("db", generated)).await.unwrap();
    until(&fleet.managers[follower], "a second version", |state| {
        versions(state, "db") >= 2
    })
    .await;
    control.update_secret(schedule_off("db")).await.unwrap();
    fleet.managers[follower].replica().read(|state| {
        let secret = state.find_secret("db").unwrap();
        assert_eq!(
            (secret.versions[&2].size, &*secret.versions[&2].created_by),
            (24, "system")
        );
        let rotation = state.rotations_of(&secret.id).next().unwrap();
        assert_eq!(rotation.cause, RotationCause::Age);
    });
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hook_is_asked_once_and_its_value_taken_once() {
    let fleet = Fleet::start(0).await;
    let follower = fleet.follower();
    let mut control = fleet.control(follower);
    let hook = |name: &str| v1::schedule::Source::Hook(name.into());
    control.create_secret(create("db", hook("give"))).await.unwrap();
    // It gives the same again, which is no new value: that is a failure, and told.
    until(&fleet.managers[follower], "a value, then a failure", |state| {
        let secret = state.find_secret("db").unwrap();
        secret.versions.len() == 2 && secret.schedule_failure.is_some()
    })
    .await;
    control.create_secret(create("key", hook("break"))).await.unwrap();
    let failure = |state: &State| state.find_secret("key").unwrap().schedule_failure.clone();
    until(&fleet.managers[follower], "a failure", |state| failure(state).is_some()).await;
    // It is not tried again before a minute has passed, whoever leads.
    let told = |state: &State| {
        let failures = state
            .audit()
            .filter(|record| record.action == "rotation.failed" && record.object == "key");
        failures.map(|record| record.detail.clone()).collect::<Vec<_>>()
    };
    let words = "scheduled: hook break: it ended with exit status: 1";
    assert_eq!(fleet.managers[follower].replica().read(told), [words]);
    let leader = fleet.leader();
    fleet
        .control(leader)
        .step_down(v1::StepDownRequest::default())
        .await
        .unwrap();
    until_led_by_another(&fleet, leader).await;
    // What a new leader does at once it has done by the time it takes this.
    control.create_secret(create("last", hook("break"))).await.unwrap();
    let last = |state: &State| {
        state
            .find_secret("last")
            .is_ok_and(|secret| secret.schedule_failure.is_some())
    };
    until(&fleet.managers[follower], "the new leader looks", last).await;
    assert_eq!(fleet.managers[follower].replica().read(told), [words]);
    fleet.stop().await;
}

async fn until_led_by_another(fleet: &Fleet, leader: usize) {
    let mut leadership = fleet.managers[(leader + 1) % 3].leadership();
    let before = format!("m{}", leader + 1);
    let moved = leadership.wait_for(|known| known.leader.as_ref().is_some_and(|peer| peer.node_id != before));
    crate::fleet::in_time("another leads", moved).await.unwrap();
}
