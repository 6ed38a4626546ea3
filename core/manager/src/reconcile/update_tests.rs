//! Does an update reach every place by its settings, and does it stop or go back when what it makes fails?

use wardroom_state::ids::{ServiceId, TaskId};
use wardroom_state::service::{FailureAction, Mode, OnChange, RollOrder, ServiceSpec, UpdateState};
use wardroom_state::task::TaskState;

use crate::reconcile::scene::Scene;

fn web(replicas: u32, change: impl FnOnce(&mut ServiceSpec)) -> Scene {
    let mut scene = Scene::with_workers(2);
    scene.secret("db");
    scene.service(
        "web",
        Mode::Replicated(replicas),
        vec![Scene::grant("db", OnChange::Swap)],
    );
    scene.update("web", change);
    scene.settle_in_time();
    scene.wait_ms(60_000);
    scene
}

fn force(scene: &mut Scene) {
    scene.update("web", |spec| spec.run.force += 1);
}

fn status(scene: &Scene) -> (UpdateState, String) {
    let service = &scene.state.services()[&ServiceId::new("web")];
    let status = service.update_status.clone().expect("an update has begun");
    (status.state, status.message)
}

fn generations(scene: &Scene) -> Vec<u64> {
    scene.live().iter().map(|task| task.generation).collect()
}

/// Tasks of the newest generation that are to run.
fn newest(scene: &Scene) -> Vec<TaskId> {
    let generation = scene.state.services()[&ServiceId::new("web")].generation;
    let newest = scene.live().into_iter().filter(|task| task.generation == generation);
    newest.map(|task| task.id.clone()).collect()
}

#[test]
fn tasks_are_replaced_one_by_one_each_watched_and_the_last_one_too() {
    let mut scene = web(2, |spec| spec.update.monitor_ms = 5_000);
    force(&mut scene);
    scene.settle();
    assert_eq!((generations(&scene).len(), newest(&scene).len()), (2, 1));
    assert_eq!(scene.waits_ms(), Some(5_000));
    scene.wait_ms(5_000);
    scene.settle();
    assert_eq!(newest(&scene).len(), 2);
    assert_eq!(status(&scene).0, UpdateState::Updating, "the last one is watched");
    scene.wait_ms(5_000);
    scene.settle();
    assert_eq!(status(&scene), (UpdateState::Completed, "update completed".into()));
    assert_eq!(scene.waits_ms(), None);
}

#[test]
fn parallelism_and_delay_are_kept() {
    let mut scene = web(5, |spec| {
        spec.update.parallelism = 2;
        spec.update.delay_ms = 10_000;
        spec.update.monitor_ms = 1_000;
    });
    force(&mut scene);
    scene.settle();
    assert_eq!(newest(&scene).len(), 2);
    scene.wait_ms(1_000);
    scene.settle();
    assert_eq!(newest(&scene).len(), 2, "the delay comes after the watch");
    assert_eq!(scene.waits_ms(), Some(10_000));
    scene.wait_ms(10_000);
    scene.settle();
    assert_eq!(newest(&scene).len(), 4);
    scene.settle_in_time();
    assert_eq!(status(&scene).0, UpdateState::Completed);
}

#[test]
fn start_first_never_has_less_than_before() {
    let mut scene = web(1, |spec| spec.update.order = RollOrder::StartFirst);
    let before = scene.live()[0].id.clone();
    force(&mut scene);
    scene.rounds();
    assert_eq!(scene.live().len(), 2, "both are meant to run");
    let new = newest(&scene)[0].clone();
    scene.report(&new, TaskState::Running);
    scene.rounds();
    assert!(scene.state.tasks()[&before].is_live(), "the files are not proven yet");
    scene.settle_in_time();
    assert_eq!(newest(&scene), [new]);
    assert_eq!(scene.live().len(), 1);
    assert_eq!(status(&scene).0, UpdateState::Completed);
}

#[test]
fn a_successor_that_fails_leaves_the_task_before_alone() {
    let mut scene = web(1, |spec| spec.update.order = RollOrder::StartFirst);
    let before = scene.live()[0].id.clone();
    force(&mut scene);
    scene.rounds();
    let new = newest(&scene)[0].clone();
    scene.fail(&new);
    scene.settle_in_time();
    let why = format!("update paused due to failure or early termination of task {new}");
    assert_eq!(status(&scene), (UpdateState::Paused, why));
    assert_eq!(scene.live().iter().map(|task| &task.id).collect::<Vec<_>>(), [&before]);
}

#[test]
fn a_paused_update_replaces_nothing_more_until_it_is_resumed() {
    let mut scene = web(3, |_| {});
    force(&mut scene);
    scene.rounds();
    scene.workers_obey();
    scene.rounds();
    let failed = newest(&scene)[0].clone();
    scene.fail(&failed);
    scene.settle_in_time();
    assert_eq!(status(&scene).0, UpdateState::Paused);
    // What ended is started again, as it is now; the others stay.
    assert_eq!((newest(&scene).len(), scene.live().len()), (1, 3));
    scene.update("web", |_| {});
    scene.settle_in_time();
    assert_eq!((status(&scene).0, newest(&scene).len()), (UpdateState::Completed, 3));
}

#[test]
fn a_failing_update_rolls_back_if_it_is_to_and_then_there_is_nothing_to_return_to() {
    let mut scene = web(3, |spec| spec.update.on_failure = FailureAction::Rollback);
    let kept: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    force(&mut scene);
    scene.rounds();
    scene.workers_obey();
    scene.rounds();
    let failed = newest(&scene)[0].clone();
    scene.fail(&failed);
    scene.round();
    let why = format!("update rolled back due to failure or early termination of task {failed}");
    assert_eq!(status(&scene), (UpdateState::RollbackStarted, why));
    scene.settle_in_time();
    assert_eq!(
        status(&scene),
        (UpdateState::RollbackCompleted, "rollback completed".into())
    );
    let service = &scene.state.services()[&ServiceId::new("web")];
    assert_eq!((service.spec.run.force, &service.previous), (0, &None));
    let stayed = scene.live().iter().filter(|task| kept.contains(&task.id)).count();
    assert_eq!(
        (stayed, scene.live().len()),
        (2, 3),
        "who was not replaced is not touched"
    );
}

#[test]
fn a_failing_roll_back_pauses() {
    let mut scene = web(2, |_| {});
    force(&mut scene);
    scene.settle_in_time();
    scene.apply(wardroom_state::command::Command::RollbackService {
        id: ServiceId::new("web"),
        expected: None,
    });
    scene.rounds();
    scene.workers_obey();
    scene.rounds();
    let failed = newest(&scene)[0].clone();
    scene.fail(&failed);
    scene.round();
    let why = format!("rollback paused due to failure or early termination of task {failed}");
    assert_eq!(status(&scene), (UpdateState::RollbackPaused, why));
}

#[test]
fn some_may_fail_and_all_of_them_if_it_is_to_go_on() {
    for (ppm, action) in [(500_000, FailureAction::Pause), (0, FailureAction::Continue)] {
        let mut scene = web(2, |spec| {
            spec.update.max_failure_ppm = ppm;
            spec.update.on_failure = action;
        });
        force(&mut scene);
        scene.rounds();
        scene.workers_obey();
        scene.rounds();
        let failed = newest(&scene)[0].clone();
        scene.fail(&failed);
        scene.settle_in_time();
        assert_eq!(
            (status(&scene).0, newest(&scene).len()),
            (UpdateState::Completed, 2),
            "{action:?}"
        );
    }
}

#[test]
fn a_failure_after_its_watch_does_not_count() {
    let mut scene = web(2, |spec| {
        spec.update.monitor_ms = 1_000;
        spec.update.delay_ms = 20_000;
    });
    force(&mut scene);
    scene.settle();
    scene.wait_ms(1_001);
    let first = newest(&scene)[0].clone();
    scene.fail(&first);
    scene.settle_in_time();
    assert_eq!(status(&scene).0, UpdateState::Completed);
}

#[test]
fn a_global_service_rolls_node_by_node() {
    let mut scene = Scene::with_workers(3);
    scene.service("web", Mode::Global, Vec::new());
    scene.settle();
    scene.update("web", |spec| spec.update.monitor_ms = 1_000);
    scene.wait_ms(10_000);
    force(&mut scene);
    for replaced in 1..=3 {
        scene.settle();
        assert_eq!(newest(&scene).len(), replaced);
        scene.wait_ms(1_000);
    }
    scene.settle();
    assert_eq!(status(&scene).0, UpdateState::Completed);
}

#[test]
fn a_grant_that_comes_in_place_is_there_as_soon_as_it_is_proven() {
    let mut scene = web(3, |spec| spec.update.monitor_ms = 5_000);
    scene.secret("key");
    let before: Vec<_> = scene.live().iter().map(|task| task.id.clone()).collect();
    scene.update("web", |spec| spec.grants.push(Scene::grant("key", OnChange::Swap)));
    scene.settle();
    assert_eq!(status(&scene).0, UpdateState::Completed);
    assert_eq!(
        scene.live().iter().map(|task| task.id.clone()).collect::<Vec<_>>(),
        before
    );
}

#[test]
fn a_task_of_before_keeps_its_files_until_it_is_replaced() {
    let mut scene = web(2, |spec| spec.update.monitor_ms = 5_000);
    scene.secret("key");
    scene.update("web", |spec| {
        spec.run.force += 1;
        spec.grants = vec![Scene::grant("key", OnChange::Swap)];
    });
    scene.settle();
    let mut targets: Vec<_> = scene.live().iter().map(|task| task.files[0].target.clone()).collect();
    targets.sort();
    assert_eq!(targets, ["db", "key"]);
    scene.settle_in_time();
    assert!(
        scene
            .live()
            .iter()
            .all(|task| task.files.len() == 1 && task.files[0].target == "key")
    );
}

#[test]
fn what_has_no_node_yet_is_replaced_too() {
    let mut scene = Scene::with_workers(0);
    scene.service("web", Mode::Replicated(2), Vec::new());
    scene.settle();
    force(&mut scene);
    scene.update("web", |spec| spec.update.parallelism = 0);
    scene.settle();
    assert_eq!(newest(&scene).len(), 2);
}
