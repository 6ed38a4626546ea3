//! Do versions come and go as their secret's policy says, and only for whom it allows?

use tonic::Code;
use wardroom_api::{channel, v1};
use wardroom_state::State;
use wardroom_state::secret::Schedule;

use crate::agent::line;
use crate::callers::operator;
use crate::fleet::{Fleet, until};

fn create(name: &str, value: &[u8]) -> v1::CreateSecretRequest {
    v1::CreateSecretRequest {
        name: name.into(),
        value: Some(v1::Value::from_bytes(value.to_vec())),
        ..Default::default()
    }
}

fn rotate(value: &[u8]) -> v1::RotateSecretRequest {
    v1::RotateSecretRequest {
        reference: "db".into(),
        value: Some(v1::Value::from_bytes(value.to_vec())),
        ..Default::default()
    }
}

#[expect(clippy::unnecessary_wraps, reason = "it is what a request has")]
fn hook(name: &str) -> Option<v1::Schedule> {
    Some(v1::Schedule {
        source: Some(v1::schedule::Source::Hook(name.into())),
    })
}

fn last(state: &State, action: &str) -> Option<(String, String)> {
    let mut found = state.audit().filter(|record| record.action == action);
    found
        .next_back()
        .map(|record| (record.outcome.clone(), record.detail.clone()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_value_makes_no_version() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    control.create_secret(create("db", b"one")).await.unwrap();
    let if_changed = |value: &[u8]| v1::RotateSecretRequest {
        if_changed: true,
        ..rotate(value)
    };
    let same = control.rotate_secret(if_changed(b"one")).await.unwrap().into_inner();
    assert_eq!((same.version, same.rotation_id.as_str()), (0, ""));
    let versions = |state: &State| state.find_secret("db").unwrap().versions.len();
    assert_eq!(fleet.managers[fleet.leader()].replica().read(versions), 1);
    let other = control.rotate_secret(if_changed(b"two")).await.unwrap().into_inner();
    assert_eq!((other.version, other.version_name.as_str()), (2, "db_v2"));
    // An older value is a change.
    let back = control.rotate_secret(if_changed(b"one")).await.unwrap().into_inner();
    assert_eq!(back.version, 3);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_template_is_text_for_the_driver_there_is() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let with = |driver: &str, value: &[u8]| v1::CreateSecretRequest {
        template_driver: driver.into(),
        ..create("db", value)
    };
    let unknown = control.create_secret(with("jinja", b"x")).await.unwrap_err();
    assert!(
        unknown.message().starts_with("unrecognized template type: jinja"),
        "{unknown:?}"
    );
    let binary = control.create_secret(with("golang", b"\xff\xfe")).await.unwrap_err();
    assert_eq!(binary.code(), Code::InvalidArgument);
    control.create_secret(with("golang", b"{{.Task.Name}}")).await.unwrap();
    let binary = control.rotate_secret(rotate(b"\xff")).await.unwrap_err();
    assert_eq!(binary.code(), Code::InvalidArgument);
    control.rotate_secret(rotate(b"{{.Node.ID}}")).await.unwrap();
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_admin_names_a_hook() {
    let fleet = Fleet::start(0).await;
    let follower = fleet.follower();
    let ada = operator(&fleet, "ada", v1::OperatorRole::Operator).await;
    let mut hers = channel::control(line(&fleet.addresses()[follower], &ada.tls));
    let mut control = fleet.control(follower);
    let scheduled = |schedule| v1::CreateSecretRequest {
        max_age_ms: 3_600_000,
        schedule,
        ..create("db", b"one")
    };
    let refused = hers.create_secret(scheduled(hook("make-db"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    assert!(
        refused.message().contains("operator ada may not set a hook"),
        "{refused:?}"
    );
    until(&fleet.managers[follower], "the refusal is in the chain", |state| {
        last(state, "access.refuse").is_some_and(|(outcome, detail)| outcome == "denied" && detail.contains("hook"))
    })
    .await;
    // A generator runs nothing.
    let generator = Some(v1::Schedule {
        source: Some(v1::schedule::Source::Generate(24)),
    });
    hers.create_secret(scheduled(generator)).await.unwrap();
    let update = |schedule| v1::UpdateSecretRequest {
        reference: "db".into(),
        schedule,
        ..Default::default()
    };
    let refused = hers.update_secret(update(hook("make-db"))).await.unwrap_err();
    assert_eq!(refused.code(), Code::PermissionDenied);
    let broken = control.update_secret(update(hook("../make-db"))).await.unwrap_err();
    assert_eq!(broken.code(), Code::InvalidArgument);
    control.update_secret(update(hook("make-db"))).await.unwrap();
    let schedule = |state: &State| state.find_secret("db").unwrap().schedule.clone();
    assert_eq!(
        fleet.managers[follower].replica().read(schedule),
        Some(Schedule::Hook("make-db".into()))
    );
    // To take it away makes nothing run.
    let off = v1::UpdateSecretRequest {
        schedule_off: true,
        keep_ms: Some(86_400_000),
        ..update(None)
    };
    hers.update_secret(off).await.unwrap();
    let told = fleet.managers[follower]
        .replica()
        .read(|state| last(state, "secret.update"));
    let words = "old versions kept for none -> 1d, next value by nobody";
    assert_eq!(told.map(|(_, detail)| detail).as_deref(), Some(words));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_without_an_age_is_refused_whole() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    let scheduled = v1::CreateSecretRequest {
        schedule: hook("make-db"),
        ..create("db", b"one")
    };
    assert!(control.create_secret(scheduled).await.is_err());
    control.create_secret(create("db", b"one")).await.unwrap();
    let update = v1::UpdateSecretRequest {
        reference: "db".into(),
        schedule: hook("make-db"),
        lease_ms: Some(60_000),
        ..Default::default()
    };
    let refused = control.update_secret(update.clone()).await.unwrap_err();
    assert!(refused.message().contains("set one"), "{refused:?}");
    let lease = |fleet: &Fleet| {
        let replica = fleet.managers[fleet.follower()].replica().clone();
        replica.read(|state| state.find_secret("db").unwrap().lease_ms)
    };
    assert_eq!(lease(&fleet), 0, "nothing is half done");
    let both = v1::UpdateSecretRequest {
        max_age_ms: Some(3_600_000),
        ..update
    };
    control.update_secret(both).await.unwrap();
    assert_eq!(lease(&fleet), 60_000);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn old_versions_are_pruned_with_a_plan() {
    let fleet = Fleet::start(0).await;
    let follower = fleet.follower();
    let mut control = fleet.control(follower);
    for name in ["db", "key"] {
        control.create_secret(create(name, b"one")).await.unwrap();
    }
    for value in [b"two", b"tri", b"for"] {
        control.rotate_secret(rotate(value)).await.unwrap();
    }
    until(&fleet.managers[follower], "the rotations are over", |state| {
        state.rotations().values().all(|rotation| rotation.phase.is_final())
    })
    .await;
    let prune = |keep, plan_only| v1::PruneVersionsRequest {
        references: vec!["db".into()],
        keep,
        plan_only,
        ..Default::default()
    };
    let of_version = v1::PruneVersionsRequest {
        references: vec!["db_v2".into()],
        ..Default::default()
    };
    assert_eq!(
        control.prune_versions(of_version).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let young = v1::PruneVersionsRequest {
        older_than_ms: 3_600_000,
        ..prune(None, false)
    };
    let young = control.prune_versions(young).await.unwrap().into_inner();
    assert!(young.destroyed.is_empty(), "{young:?}");
    let planned = control.prune_versions(prune(Some(1), true)).await.unwrap().into_inner();
    let plan = planned.plan.unwrap();
    let goes = plan
        .steps
        .iter()
        .filter(|step| step.action() == v1::PlanAction::Destroy);
    assert_eq!(goes.count(), 2, "{plan:?}");
    let confirmed = v1::PruneVersionsRequest {
        plan_basis: plan.basis,
        ..prune(Some(1), false)
    };
    let pruned = control.prune_versions(confirmed).await.unwrap().into_inner();
    assert_eq!(pruned.destroyed, ["db", "db_v2"]);
    let told = fleet.managers[follower]
        .replica()
        .read(|state| last(state, "secret.destroy"));
    assert_eq!(told.map(|(_, detail)| detail).as_deref(), Some("pruned by an operator"));
    let all = control
        .prune_versions(v1::PruneVersionsRequest::default())
        .await
        .unwrap();
    assert_eq!(all.into_inner().destroyed, ["db_v3"]);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_what_is_under_way_can_be_steered() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    control.create_secret(create("db", b"one")).await.unwrap();
    for (reference, action, code) in [
        ("db", v1::RotationAction::Pause, Code::FailedPrecondition),
        ("nope", v1::RotationAction::Pause, Code::NotFound),
        ("db", v1::RotationAction::Unspecified, Code::InvalidArgument),
    ] {
        let steer = v1::SteerRotationRequest {
            reference: reference.into(),
            action: action.into(),
        };
        let refused = control.steer_rotation(steer).await.unwrap_err();
        assert_eq!(refused.code(), code, "{refused:?}");
    }
    fleet.stop().await;
}
