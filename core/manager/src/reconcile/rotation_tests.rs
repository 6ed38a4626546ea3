//! Does a new version reach every task, in the way its grant asks for, and is it taken back when it fails?

use wardroom_state::command::{Command, TaskChange};
use wardroom_state::holding::HoldingState;
use wardroom_state::ids::{RotationId, SecretId};
use wardroom_state::rotation::{Rotation, RotationPhase};
use wardroom_state::secret::VersionState;
use wardroom_state::service::{Mode, OnChange};
use wardroom_state::task::TaskState;

use super::{rollout, rotation, update};
use crate::reconcile::decision::Decision;
use crate::reconcile::scene::Scene;

fn running(on_change: OnChange, replicas: u32) -> Scene {
    let mut scene = Scene::with_workers(2);
    scene.secret("db");
    scene.service("web", Mode::Replicated(replicas), vec![Scene::grant("db", on_change)]);
    scene.schedule();
    scene.workers_obey();
    scene
}

/// One pass of every loop, as the driver makes it; workers answer in between.
fn turn(scene: &mut Scene) -> bool {
    let mut acted = !scene.schedule().is_empty();
    let rolled = swapped(scene);
    acted |= !scene.carry_out(rolled).is_empty();
    let advanced = update::decide(&scene.state, scene.now_ms);
    acted |= !scene.carry_out(advanced).is_empty();
    let advanced = rotation::decide(&scene.state, scene.now_ms);
    acted |= !scene.carry_out(advanced).is_empty();
    acted
}

/// Where no task has a successor beside it.
fn swapped(scene: &Scene) -> Decision {
    rollout::decide(&scene.state, scene.now_ms, &mut || unreachable!("stop-first"))
}

fn settle(scene: &mut Scene) {
    for _ in 0..50 {
        let acted = turn(scene);
        scene.workers_obey();
        if !acted && !turn(scene) {
            return;
        }
    }
    panic!("the loops do not settle");
}

fn rotation_of<'a>(scene: &'a Scene, id: &RotationId) -> &'a Rotation {
    &scene.state.rotations()[id]
}

fn versions(scene: &Scene) -> Vec<u32> {
    scene.live().iter().map(|task| task.files[0].version).collect()
}

#[test]
fn a_swap_moves_all_tasks_in_one_command() {
    let mut scene = running(OnChange::Swap, 4);
    let before: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    let id = scene.rotate("db");
    let rolled = swapped(&scene);
    let commands = scene.carry_out(rolled);
    let [Command::ChangeTasks { changes }] = &commands[..] else {
        panic!("{commands:?}")
    };
    assert_eq!(changes.len(), 4);
    assert!(changes.iter().all(|change| matches!(change, TaskChange::Files { .. })));
    assert_eq!(swapped(&scene).commands, []);

    let advanced = rotation::decide(&scene.state, scene.now_ms);
    scene.carry_out(advanced);
    assert_eq!(
        rotation_of(&scene, &id).phase,
        RotationPhase::Verifying,
        "given is not proven"
    );
    scene.workers_obey();
    settle(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
    assert_eq!(rotation_of(&scene, &id).progress[0].proven, 4);
    let after: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    assert_eq!(after, before, "nothing was restarted");
}

#[test]
fn a_swap_is_proven_at_once_and_watched_before_it_is_done() {
    for dies in [false, true] {
        let mut scene = running(OnChange::Swap, 2);
        scene.update("web", |spec| spec.update.monitor_ms = 1_000);
        settle(&mut scene);
        let id = scene.rotate("db");
        settle(&mut scene);
        let rotation = rotation_of(&scene, &id);
        let of = &rotation.progress[0];
        assert_eq!(
            (rotation.phase, of.proven, of.settled),
            (RotationPhase::Verifying, 2, 0)
        );
        if dies {
            let task = scene.live()[0].id.clone();
            scene.report(&task, TaskState::Failed);
        } else {
            scene.now_ms += 1_000;
        }
        settle(&mut scene);
        let ended = if dies {
            RotationPhase::RolledBack
        } else {
            RotationPhase::Done
        };
        assert_eq!(rotation_of(&scene, &id).phase, ended);
        assert_eq!(versions(&scene), if dies { [1, 1] } else { [2, 2] });
    }
}

#[test]
fn one_unproven_task_keeps_a_rotation_open() {
    let mut scene = running(OnChange::Swap, 2);
    let id = scene.rotate("db");
    turn(&mut scene);
    let tasks: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    scene.receipt(&tasks[0], "db", 2, HoldingState::Present);
    turn(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Verifying);
    scene.receipt(&tasks[1], "db", 2, HoldingState::Present);
    turn(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
}

#[test]
fn a_secret_that_nobody_follows_is_rotated_at_once() {
    let mut scene = Scene::with_workers(1);
    scene.secret("db");
    let id = scene.rotate("db");
    turn(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
}

#[test]
fn a_failed_receipt_takes_everything_back() {
    let mut scene = running(OnChange::Swap, 2);
    let id = scene.rotate("db");
    turn(&mut scene);
    let task = scene.live()[0].id.clone();
    scene.receipt(&task, "db", 2, HoldingState::Failed);
    turn(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::RollingBack);
    assert!(rotation_of(&scene, &id).message.contains("disk full"));
    settle(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::RolledBack);
    assert_eq!(versions(&scene), [1, 1]);
    let secret = &scene.state.secrets()[&SecretId::new("db")];
    assert_eq!(
        (secret.current, secret.versions[&2].state),
        (Some(1), VersionState::Failed)
    );
}

#[test]
fn a_task_that_fails_with_the_new_version_takes_it_back() {
    let mut scene = running(OnChange::Restart, 2);
    let id = scene.rotate("db");
    turn(&mut scene);
    scene.workers_obey();
    turn(&mut scene);
    let newest = scene
        .live()
        .into_iter()
        .find(|task| task.files[0].version == 2)
        .expect("one is replaced")
        .id
        .clone();
    scene.fail(&newest);
    turn(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::RollingBack);
    scene.wait_ms(10_000);
    settle(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::RolledBack);
    assert_eq!(versions(&scene), [1, 1]);
}

#[test]
fn a_failure_from_before_the_rotation_does_not_count() {
    let mut scene = running(OnChange::Swap, 1);
    let task = scene.live()[0].id.clone();
    scene.fail(&task);
    scene.wait_ms(1);
    let id = scene.rotate("db");
    scene.wait_ms(10_000);
    settle(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
}

#[test]
fn restarts_go_one_by_one_and_never_leave_two_slots_empty() {
    let mut scene = running(OnChange::Restart, 3);
    let id = scene.rotate("db");
    for _ in 0..50 {
        turn(&mut scene);
        let up = scene
            .live()
            .into_iter()
            .filter(|task| task.status.state == TaskState::Running)
            .count();
        assert!(up >= 2, "two of three stay up");
        if rotation_of(&scene, &id).phase == RotationPhase::Done {
            break;
        }
        assert_ne!(versions(&scene), [2, 2, 2].repeat(2));
        scene.workers_obey();
    }
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
    assert_eq!(versions(&scene), [2, 2, 2]);
}

#[test]
fn a_replaced_task_is_watched_before_the_next_one_goes() {
    let mut scene = running(OnChange::Restart, 2);
    scene.update("web", |spec| spec.update.monitor_ms = 1_000);
    scene.rotate("db");
    for _ in 0..3 {
        turn(&mut scene);
        scene.workers_obey();
    }
    assert_eq!(versions(&scene).iter().filter(|version| **version == 2).count(), 1);
    let waiting = swapped(&scene);
    assert_eq!(waiting.commands, []);
    assert_eq!(waiting.again_at_ms, Some(scene.now_ms + 1_000));
    scene.wait_ms(1_000);
    settle(&mut scene);
    assert_eq!(versions(&scene), [2, 2]);
}

#[test]
fn swap_and_restart_grants_of_one_service_keep_apart() {
    let mut scene = Scene::with_workers(1);
    scene.secret("db");
    scene.secret("key");
    let grants = vec![
        Scene::grant("db", OnChange::Restart),
        Scene::grant("key", OnChange::Swap),
    ];
    scene.service("web", Mode::Replicated(1), grants);
    scene.schedule();
    scene.workers_obey();
    let before = scene.live()[0].id.clone();
    scene.rotate("key");
    settle(&mut scene);
    assert_eq!(scene.live()[0].id, before);
    scene.rotate("db");
    settle(&mut scene);
    assert_ne!(scene.live()[0].id, before);
    let versions: Vec<u32> = scene.live()[0].files.iter().map(|file| file.version).collect();
    assert_eq!(versions, [2, 2]);
}

#[test]
fn a_rotation_waits_for_the_last_slot_to_come_back() {
    let mut scene = running(OnChange::Restart, 1);
    let id = scene.rotate("db");
    turn(&mut scene);
    scene.workers_obey();
    // The old task has ended, the new one does not exist yet: nothing is unproven, and nothing is done.
    let decided = rotation::decide(&scene.state, scene.now_ms);
    scene.carry_out(decided);
    assert!(!rotation_of(&scene, &id).phase.is_final());
    settle(&mut scene);
    assert_eq!(rotation_of(&scene, &id).phase, RotationPhase::Done);
}

#[test]
fn a_granted_and_a_withdrawn_secret_move_in_place() {
    let mut scene = running(OnChange::Swap, 2);
    scene.secret("key");
    scene.update("web", |spec| spec.grants = vec![Scene::grant("key", OnChange::Swap)]);
    settle(&mut scene);
    assert!(
        scene
            .live()
            .iter()
            .all(|task| task.files.len() == 1 && task.files[0].target == "key")
    );
    assert!(scene.state.holdings().values().all(|holding| !holding.owed));
}
