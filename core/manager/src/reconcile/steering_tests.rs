//! Do rotations wait for what must settle, keep out of each other's way, and leave nobody on a bad value?

use wardroom_state::command::Command;
use wardroom_state::holding::HoldingState;
use wardroom_state::ids::{RotationId, SecretId, TaskId};
use wardroom_state::rotation::{Rotation, RotationPhase, RotationSteer};
use wardroom_state::service::{Mode, OnChange, RestartCondition, RollOrder, ServiceSpec};
use wardroom_state::task::TaskState;

use crate::reconcile::scene::Scene;

fn hangup() -> OnChange {
    OnChange::Signal("SIGHUP".into())
}

/// A service that watches its tasks for five seconds, up for a minute.
fn web(replicas: u32, grants: &[(&str, OnChange)], change: impl FnOnce(&mut ServiceSpec)) -> Scene {
    let mut scene = Scene::with_workers(2);
    let grants: Vec<_> = grants
        .iter()
        .map(|(secret, on_change)| {
            scene.secret(secret);
            Scene::grant(secret, on_change.clone())
        })
        .collect();
    scene.service("web", Mode::Replicated(replicas), grants);
    scene.update("web", |spec| {
        spec.update.monitor_ms = 5_000;
        change(spec);
    });
    scene.settle_in_time();
    scene.wait_ms(60_000);
    scene
}

fn rotation<'a>(scene: &'a Scene, id: &RotationId) -> &'a Rotation {
    &scene.state.rotations()[id]
}

fn phase(scene: &Scene, id: &RotationId) -> RotationPhase {
    rotation(scene, id).phase
}

/// Of the secret, in the order of the tasks' ids.
fn versions(scene: &Scene, secret: &str) -> Vec<u32> {
    let live = scene.live().into_iter();
    let file = |task: &wardroom_state::task::Task| {
        let mut files = task.files.iter();
        files.find(|file| file.target == secret).map(|file| file.version)
    };
    live.filter_map(file).collect()
}

fn with_version(scene: &Scene, secret: &str, version: u32) -> TaskId {
    let has = |task: &&wardroom_state::task::Task| {
        let mut files = task.files.iter();
        files.any(|file| file.target == secret && file.version == version)
    };
    scene.live().into_iter().find(has).expect("one has it").id.clone()
}

fn steer(scene: &mut Scene, rotation: &RotationId, steer: RotationSteer) {
    scene.apply(Command::SteerRotation {
        rotation: rotation.clone(),
        steer,
    });
}

#[test]
fn a_signal_goes_to_one_task_after_the_other() {
    let mut scene = web(2, &[("db", hangup())], |_| {});
    let before: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    let id = scene.rotate("db");
    scene.settle();
    assert_eq!(versions(&scene, "db"), [2, 1]);
    assert_eq!(scene.waits_ms(), Some(5_000));
    scene.wait_ms(5_000);
    scene.settle();
    assert_eq!(versions(&scene, "db"), [2, 2]);
    let progress = &rotation(&scene, &id).progress[0];
    assert_eq!((progress.proven, progress.settled), (2, 1));
    assert_eq!(phase(&scene, &id), RotationPhase::Verifying);
    scene.wait_ms(5_000);
    scene.settle();
    assert_eq!(phase(&scene, &id), RotationPhase::Done);
    let after: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    assert_eq!(after, before);
}

#[test]
fn a_swap_under_a_health_check_goes_in_turns_and_a_plain_one_all_at_once() {
    let checked = |spec: &mut ServiceSpec| {
        spec.run.health = Some(wardroom_state::service::HealthCheck {
            test: vec!["CMD".into(), "true".into()],
            interval_ms: 0,
            timeout_ms: 0,
            start_period_ms: 0,
            retries: 0,
        });
    };
    let mut scene = web(2, &[("db", OnChange::Swap)], checked);
    let id = scene.rotate("db");
    scene.settle();
    assert_eq!(versions(&scene, "db"), [2, 1]);
    scene.settle_in_time();
    assert_eq!(phase(&scene, &id), RotationPhase::Done);
    let mut scene = web(2, &[("db", OnChange::Swap)], |_| {});
    let id = scene.rotate("db");
    scene.settle();
    assert_eq!(versions(&scene, "db"), [2, 2]);
    assert_eq!(
        phase(&scene, &id),
        RotationPhase::Verifying,
        "it is watched all the same"
    );
    scene.settle_in_time();
    assert_eq!(phase(&scene, &id), RotationPhase::Done);
}

#[test]
fn a_task_that_dies_of_the_new_value_takes_it_back_everywhere_and_at_once() {
    let never = |spec: &mut ServiceSpec| spec.restart.condition = RestartCondition::None;
    let mut scene = web(3, &[("db", hangup())], never);
    scene.service("api", Mode::Replicated(1), vec![Scene::grant("db", OnChange::Swap)]);
    scene.settle_in_time();
    let id = scene.rotate("db");
    scene.settle();
    assert_eq!(versions(&scene, "db"), [2, 1, 1, 2]);
    let victim = with_version(&scene, "db", 2);
    scene.fail(&victim);
    // No time passes.
    scene.settle();
    assert_eq!(phase(&scene, &id), RotationPhase::RolledBack);
    assert_eq!(
        rotation(&scene, &id).message,
        "rolled back due to failure of task web.1: exit code 1"
    );
    assert_eq!(versions(&scene, "db"), [1, 1, 1, 1]);
    let db = SecretId::new("db");
    let held = scene.state.holdings_of_version(&db, 2);
    assert_eq!(held.filter(|(_, holding)| holding.is_live()).count(), 0);
}

#[test]
fn a_failed_version_that_somebody_still_holds_is_not_called_gone() {
    let mut scene = web(2, &[("db", OnChange::Swap)], |_| {});
    let id = scene.rotate("db");
    scene.rounds();
    scene.workers_obey();
    steer(&mut scene, &id, RotationSteer::Cancel);
    scene.rounds();
    let tasks: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    for task in &tasks {
        scene.receipt(task, "db", 1, HoldingState::Present);
    }
    scene.rounds();
    assert_eq!(
        phase(&scene, &id),
        RotationPhase::RollingBack,
        "the new bytes are not erased"
    );
    for task in &tasks {
        scene.receipt(task, "db", 2, HoldingState::Erased);
    }
    scene.rounds();
    assert_eq!(phase(&scene, &id), RotationPhase::RolledBack);
    assert_eq!(rotation(&scene, &id).message, "cancelled by test");
}

#[test]
fn a_paused_rotation_freezes_what_is_there() {
    let mut scene = web(3, &[("db", OnChange::Restart)], |_| {});
    let id = scene.rotate("db");
    scene.settle();
    let count = |scene: &Scene| versions(scene, "db").iter().filter(|version| **version == 2).count();
    assert_eq!(count(&scene), 1);
    steer(&mut scene, &id, RotationSteer::Pause);
    scene.wait_ms(60_000);
    scene.settle();
    assert_eq!(count(&scene), 1, "nothing more moves");
    // Who has it keeps it; a replacement gets the version before.
    let old = with_version(&scene, "db", 1);
    scene.fail(&old);
    scene.settle_in_time();
    assert_eq!((count(&scene), scene.live().len()), (1, 3));
    steer(&mut scene, &id, RotationSteer::Resume);
    scene.settle_in_time();
    assert_eq!((phase(&scene, &id), count(&scene)), (RotationPhase::Done, 3));
}

#[test]
fn a_cancelled_restart_returns_everything() {
    let mut scene = web(3, &[("db", OnChange::Restart)], |spec| {
        spec.update.order = RollOrder::StartFirst;
    });
    let id = scene.rotate("db");
    scene.settle();
    steer(&mut scene, &id, RotationSteer::Cancel);
    scene.settle_in_time();
    assert_eq!(phase(&scene, &id), RotationPhase::RolledBack);
    assert_eq!(versions(&scene, "db"), [1, 1, 1]);
}

#[test]
fn two_rotations_of_one_service_go_one_after_the_other() {
    let mut scene = web(2, &[("db", OnChange::Restart), ("key", hangup())], |_| {});
    let first = scene.rotate("key");
    scene.wait_ms(1);
    let second = scene.rotate("db");
    scene.settle();
    assert_eq!(
        (versions(&scene, "key"), versions(&scene, "db")),
        (vec![2, 1], vec![1, 1])
    );
    assert_eq!(
        rotation(&scene, &second).message,
        "waits for the rotation of key at service web"
    );
    scene.settle_in_time();
    assert_eq!(phase(&scene, &first), RotationPhase::Done);
    assert_eq!(phase(&scene, &second), RotationPhase::Done);
    assert_eq!(
        (versions(&scene, "key"), versions(&scene, "db")),
        (vec![2, 2], vec![2, 2])
    );
}

#[test]
fn the_failure_of_one_rotation_does_not_undo_the_other() {
    let mut scene = web(2, &[("db", hangup()), ("key", OnChange::Swap)], |_| {});
    let plain = scene.rotate("key");
    scene.wait_ms(1);
    let signalled = scene.rotate("db");
    // Both are under way in the same task when it dies.
    scene.rounds();
    let victim = with_version(&scene, "db", 2);
    scene.fail(&victim);
    scene.settle_in_time();
    assert_eq!(phase(&scene, &signalled), RotationPhase::RolledBack);
    assert_eq!(phase(&scene, &plain), RotationPhase::Done);
    assert_eq!(
        (versions(&scene, "db"), versions(&scene, "key")),
        (vec![1, 1], vec![2, 2])
    );
}

#[test]
fn an_update_goes_first() {
    let mut scene = web(2, &[("db", OnChange::Restart)], |_| {});
    scene.update("web", |spec| spec.run.force = 1);
    let id = scene.rotate("db");
    scene.settle();
    assert_eq!(
        versions(&scene, "db"),
        [1, 1],
        "what the update makes has the version before"
    );
    assert_eq!(rotation(&scene, &id).message, "waits for the update of service web");
    scene.settle_in_time();
    assert_eq!(phase(&scene, &id), RotationPhase::Done);
    assert!(scene.live().iter().all(|task| task.generation == 2));
    assert_eq!(versions(&scene, "db"), [2, 2]);
}

#[test]
fn what_runs_once_is_not_run_again_for_a_new_version() {
    let mut scene = web(1, &[("db", OnChange::Restart)], |spec| spec.one_off = true);
    let before = scene.live()[0].id.clone();
    let id = scene.rotate("db");
    scene.settle_in_time();
    assert_eq!(scene.live()[0].id, before);
    assert_eq!(phase(&scene, &id), RotationPhase::Done);
}

#[test]
fn a_task_that_was_rejected_says_nothing_about_the_version() {
    let mut scene = web(2, &[("db", OnChange::Restart)], |_| {});
    let id = scene.rotate("db");
    scene.schedule();
    scene.settle();
    let replaced = with_version(&scene, "db", 2);
    scene.report(&replaced, TaskState::Rejected);
    scene.settle();
    assert_eq!(phase(&scene, &id), RotationPhase::Rolling);
    scene.settle_in_time();
    assert_eq!(phase(&scene, &id), RotationPhase::Done, "it runs at the next try");
}
