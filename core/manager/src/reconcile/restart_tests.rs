//! Is the next task of a place started when the policy says so, and only then?

use wardroom_state::command::Command;
use wardroom_state::ids::ServiceId;
use wardroom_state::service::{Mode, OnChange, RestartCondition, RestartPolicy, ServiceSpec};
use wardroom_state::task::TaskState;

use crate::reconcile::scene::Scene;

fn web(policy: RestartPolicy) -> Scene {
    let mut scene = Scene::with_workers(1);
    scene.secret("db");
    scene.service("web", Mode::Replicated(1), vec![Scene::grant("db", OnChange::Swap)]);
    scene.update("web", |spec: &mut ServiceSpec| spec.restart = policy);
    scene.settle();
    scene
}

fn end(scene: &mut Scene, state: TaskState) {
    let task = scene.live()[0].id.clone();
    if state == TaskState::Failed {
        scene.fail(&task);
    } else {
        scene.report(&task, state);
    }
    scene.settle();
}

#[test]
fn the_condition_decides_who_is_followed() {
    for (condition, after_failure, after_end) in [
        (RestartCondition::None, false, false),
        (RestartCondition::OnFailure, true, false),
        (RestartCondition::Any, true, true),
    ] {
        for (state, follows) in [(TaskState::Failed, after_failure), (TaskState::Complete, after_end)] {
            let mut scene = web(RestartPolicy {
                condition,
                ..RestartPolicy::default()
            });
            end(&mut scene, state);
            scene.settle_in_time();
            assert_eq!(
                scene.live().len(),
                usize::from(follows),
                "{condition:?} after {state:?}"
            );
        }
    }
}

#[test]
fn the_delay_doubles_up_to_a_minute_and_begins_anew_after_a_good_run() {
    let mut scene = web(RestartPolicy::default());
    for delay_ms in [5_000, 10_000, 20_000, 40_000, 60_000, 60_000] {
        end(&mut scene, TaskState::Failed);
        assert_eq!(scene.waits_ms(), Some(delay_ms));
        scene.wait_ms(i64::try_from(delay_ms).expect("it is short"));
        scene.settle();
    }
    scene.wait_ms(60_000);
    end(&mut scene, TaskState::Failed);
    assert_eq!(scene.waits_ms(), Some(5_000));
}

#[test]
fn attempts_end_and_come_back_with_their_window() {
    let policy = RestartPolicy {
        delay_ms: 0,
        max_attempts: 2,
        ..RestartPolicy::default()
    };
    for window_ms in [0, 100_000] {
        let mut scene = web(RestartPolicy { window_ms, ..policy });
        end(&mut scene, TaskState::Failed);
        scene.wait_ms(10);
        end(&mut scene, TaskState::Failed);
        end(&mut scene, TaskState::Failed);
        assert_eq!(scene.live().len(), 0, "two attempts after the first task");
        let until = (window_ms > 0).then_some(99_990);
        assert_eq!(scene.waits_ms(), until);
        // A new spec is tried again.
        scene.update("web", |spec| spec.run.force = 1);
        scene.settle();
        assert_eq!(scene.live().len(), 1);
    }
}

#[test]
fn what_runs_once_is_gone_when_its_worker_has_let_go() {
    for state in [TaskState::Complete, TaskState::Failed] {
        let mut scene = web(RestartPolicy::default());
        scene.update("web", |spec| spec.one_off = true);
        let task = scene.live()[0].id.clone();
        scene.report(&task, state);
        scene.rounds();
        assert_eq!(scene.state.services().len(), 1, "its file is not erased yet");
        scene.workers_obey();
        assert_eq!(
            scene.round(),
            [Command::RemoveService {
                id: ServiceId::new("web")
            }]
        );
        scene.settle();
        assert!(scene.tasks().is_empty());
    }
}
