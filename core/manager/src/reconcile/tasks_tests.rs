//! Are slots filled, surplus removed and ended tasks replaced, each once?

use wardroom_state::command::{Command, TaskChange};
use wardroom_state::constraint::Constraint;
use wardroom_state::ids::SecretId;
use wardroom_state::node::{Availability, NodeState};
use wardroom_state::service::{Mode, OnChange};
use wardroom_state::task::TaskState;

use crate::reconcile::scene::{Scene, node_id};

/// Docker's default.
const RESTART_DELAY_MS: i64 = 5_000;

fn web(workers: u32, mode: Mode) -> Scene {
    let mut scene = Scene::with_workers(workers);
    scene.secret("db");
    scene.service("web", mode, vec![Scene::grant("db", OnChange::Swap)]);
    scene
}

/// After this nothing is left to do: a loop that proposes for ever would show here.
fn settle(scene: &mut Scene) {
    for _ in 0..20 {
        if scene.schedule().is_empty() {
            return;
        }
        scene.workers_obey();
    }
    panic!("the scheduler does not settle");
}

#[test]
fn replicas_are_spread_over_the_workers() {
    let mut scene = web(2, Mode::Replicated(4));
    scene.schedule();
    assert_eq!(scene.placed(), ["web.1@w1", "web.2@w2", "web.3@w1", "web.4@w2"]);
    assert!(scene.schedule().is_empty(), "what is decided is not decided again");
    assert!(scene.live().iter().all(|task| task.files.len() == 1));
}

#[test]
fn a_second_service_goes_where_less_runs() {
    let mut scene = web(2, Mode::Replicated(1));
    scene.schedule();
    scene.service("api", Mode::Replicated(1), Vec::new());
    scene.schedule();
    assert_eq!(scene.placed(), ["api.1@w2", "web.1@w1"]);
}

#[test]
fn scaling_goes_up_and_down_by_slots() {
    let mut scene = web(2, Mode::Replicated(1));
    settle(&mut scene);
    scene.update("web", |spec| spec.mode = Mode::Replicated(3));
    settle(&mut scene);
    assert_eq!(scene.live().len(), 3);
    scene.update("web", |spec| spec.mode = Mode::Replicated(1));
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1"]);
    let removed = scene
        .tasks()
        .into_iter()
        .filter(|task| task.desired == TaskState::Remove)
        .count();
    assert_eq!(removed, 2);
}

#[test]
fn a_global_service_covers_every_worker_and_no_manager() {
    let mut scene = web(3, Mode::Global);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.w1@w1", "web.w2@w2", "web.w3@w3"]);
}

#[test]
fn without_a_ready_worker_tasks_wait_and_are_placed_later() {
    let mut scene = web(1, Mode::Replicated(1));
    scene.node_state("w1", NodeState::Down);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@-"]);
    scene.node_state("w1", NodeState::Ready);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1"]);
}

#[test]
fn a_failed_task_is_replaced_after_the_delay() {
    let mut scene = web(1, Mode::Replicated(1));
    settle(&mut scene);
    let first = scene.live()[0].id.clone();
    scene.fail(&first);
    let decision = super::tasks::decide(&scene.state, scene.now_ms, &mut || unreachable!("too early"));
    assert_eq!(decision.commands, []);
    assert_eq!(decision.again_at_ms, Some(scene.now_ms + RESTART_DELAY_MS));
    scene.wait_ms(RESTART_DELAY_MS);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1"]);
    assert_ne!(scene.live()[0].id, first);
    assert_eq!(scene.state.tasks()[&first].desired, TaskState::Shutdown);
}

#[test]
fn tasks_of_a_node_that_is_down_are_left_behind_and_replaced() {
    let mut scene = web(2, Mode::Replicated(2));
    settle(&mut scene);
    scene.node_state("w2", NodeState::Down);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1", "web.2@w1"]);
    let left = scene
        .tasks()
        .into_iter()
        .filter(|task| task.status.state == TaskState::Orphaned)
        .count();
    assert_eq!(left, 1);
    let owed = scene.state.holdings().values().filter(|holding| holding.owed).count();
    assert_eq!(owed, 1, "what the lost node holds is still owed");
}

#[test]
fn a_drained_node_is_emptied_stop_first_and_a_paused_one_kept() {
    let mut scene = web(2, Mode::Replicated(2));
    settle(&mut scene);
    scene.availability("w1", Availability::Pause);
    assert!(scene.schedule().is_empty());
    scene.availability("w1", Availability::Drain);
    let commands = scene.schedule();
    assert!(matches!(&commands[..], [Command::ChangeTasks { changes }]
        if matches!(&changes[..], [TaskChange::Desire { desired: TaskState::Shutdown, .. }])));
    assert!(
        scene.schedule().is_empty(),
        "the replacement waits until the old task has ended"
    );
    scene.workers_obey();
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w2", "web.2@w2"]);
}

#[test]
fn a_global_service_leaves_a_drained_node_and_comes_back() {
    let mut scene = web(2, Mode::Global);
    settle(&mut scene);
    scene.availability("w1", Availability::Drain);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.w2@w2"]);
    scene.availability("w1", Availability::Active);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.w1@w1", "web.w2@w2"]);
}

#[test]
fn tasks_of_a_removed_service_go() {
    let mut scene = web(2, Mode::Replicated(2));
    settle(&mut scene);
    scene.apply(Command::RemoveService {
        id: wardroom_state::ids::ServiceId::new("web"),
    });
    settle(&mut scene);
    scene.workers_obey();
    assert!(scene.live().is_empty());
    let reaped = super::reaper::decide(&scene.state);
    scene.carry_out(reaped);
    assert!(scene.tasks().is_empty());
}

#[test]
fn a_task_is_not_started_without_all_of_its_files() {
    let mut scene = web(1, Mode::Replicated(1));
    let secret = SecretId::new("db");
    scene.apply(Command::RevokeSecret {
        secret,
        version: Some(1),
        expected: None,
    });
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@-"]);
    scene.rotate("db");
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1"]);
    assert_eq!(scene.live()[0].files[0].version, 2);
}

#[test]
fn history_is_kept_per_slot_and_debts_are_never_forgotten() {
    let mut scene = web(1, Mode::Replicated(1));
    for _ in 0..8 {
        settle(&mut scene);
        let task = scene.live()[0].id.clone();
        scene.fail(&task);
        // One after the other has failed: the delay has grown.
        scene.wait_ms(60_000);
    }
    let reaped = super::reaper::decide(&scene.state);
    scene.carry_out(reaped);
    assert_eq!(scene.tasks().len(), 5);
    assert_eq!(super::reaper::decide(&scene.state).commands, []);

    let mut scene = web(2, Mode::Replicated(2));
    settle(&mut scene);
    scene.node_state("w2", NodeState::Down);
    settle(&mut scene);
    scene.apply(Command::RemoveService {
        id: wardroom_state::ids::ServiceId::new("web"),
    });
    scene.workers_obey();
    let reaped = super::reaper::decide(&scene.state);
    scene.carry_out(reaped);
    assert_eq!(scene.tasks().len(), 1, "the lost node still owes a receipt");
    scene.node_state("w2", NodeState::Ready);
    scene.workers_obey();
    let reaped = super::reaper::decide(&scene.state);
    scene.carry_out(reaped);
    assert_eq!(scene.tasks().len(), 0);
}

fn only_on(value: &str, equal: bool) -> Constraint {
    Constraint {
        key: "node.hostname".into(),
        equal,
        value: value.into(),
    }
}

fn waits(scene: &Scene) -> Vec<String> {
    let waiting = scene.live().into_iter().filter(|task| task.node.is_none());
    waiting.map(|task| task.status.message.clone()).collect()
}

#[test]
fn tasks_go_where_the_constraints_hold() {
    let mut scene = Scene::with_workers(3);
    scene.service("web", Mode::Replicated(2), Vec::new());
    scene.update("web", |spec| spec.constraints = vec![only_on("HOST-w[23]", true)]);
    settle(&mut scene);
    assert_eq!(
        waits(&scene),
        vec!["no suitable node (scheduling constraints not satisfied on 3 nodes)"; 2],
        "brackets are no pattern"
    );
    scene.update("web", |spec| spec.constraints = vec![only_on("host-w1", false)]);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w2", "web.2@w3"]);
    assert!(scene.live().iter().all(|task| task.status.message.is_empty()));
}

#[test]
fn a_task_that_waits_says_which_nodes_were_against_it() {
    let mut scene = Scene::with_workers(3);
    scene.node_state("w3", NodeState::Down);
    scene.availability("w2", Availability::Pause);
    scene.service("web", Mode::Replicated(1), Vec::new());
    scene.update("web", |spec| spec.constraints = vec![only_on("nowhere", true)]);
    settle(&mut scene);
    assert_eq!(
        waits(&scene),
        ["no suitable node (2 nodes not available for new tasks; scheduling constraints not satisfied on 1 node)"]
    );
}

#[test]
fn a_node_that_does_not_comply_any_more_loses_its_tasks() {
    let mut scene = Scene::with_workers(2);
    scene.service("web", Mode::Replicated(1), Vec::new());
    scene.service("all", Mode::Global, Vec::new());
    settle(&mut scene);
    assert_eq!(scene.placed(), ["all.w1@w1", "all.w2@w2", "web.1@w1"]);
    let away = || vec![only_on("host-w1", false)];
    scene.update("web", |spec| spec.constraints = away());
    scene.update("all", |spec| spec.constraints = away());
    settle(&mut scene);
    assert_eq!(scene.placed(), ["all.w2@w2", "web.1@w2"]);
}

#[test]
fn a_manager_with_an_agent_takes_tasks_too() {
    let mut scene = Scene::with_workers_that(1, |node| node.runs_tasks = true);
    scene.service("all", Mode::Global, Vec::new());
    settle(&mut scene);
    assert_eq!(scene.placed(), ["all.m1@m1", "all.w1@w1"]);
}

#[test]
fn the_tasks_of_a_removed_node_are_replaced_at_once() {
    let mut scene = web(2, Mode::Replicated(2));
    settle(&mut scene);
    scene.apply(Command::RemoveNode {
        node: node_id("w2"),
        force: true,
    });
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1", "web.2@w1"]);
}

#[test]
fn a_node_takes_no_more_tasks_of_a_service_than_it_allows() {
    let mut scene = Scene::with_workers(2);
    scene.service("web", Mode::Replicated(3), Vec::new());
    scene.update("web", |spec| spec.max_per_node = 1);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1", "web.2@w2", "web.3@-"]);
    assert_eq!(
        waits(&scene),
        ["no suitable node (max replicas per node limit exceed on 2 nodes)"]
    );
    scene.update("web", |spec| spec.max_per_node = 2);
    settle(&mut scene);
    assert_eq!(scene.placed(), ["web.1@w1", "web.2@w2", "web.3@w1"]);
}
