//! Do plans for nodes and roots say what moves, what is lost, and what stands in the way?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeMap;

use wardroom_api::v1::{CheckLevel, Plan as Wire, PlanAction};
use wardroom_state::command::Command;
use wardroom_state::constraint::Constraint;
use wardroom_state::node::{Availability, Node, NodeState, Role};
use wardroom_state::service::{Mode, OnChange};

use super::*;
use crate::control::nodes::NodeChange;
use crate::membership::QuorumRisk;
use crate::reconcile::scene::{Scene, node_id};

const NOTHING: NodeChange = NodeChange {
    availability: None,
    role: None,
    labels: None,
};

fn health() -> Health {
    Health {
        leader: Some("host-m1".into()),
        silent: Vec::new(),
    }
}

/// `web` runs twice and holds a secret, `everywhere` is global; both on `w1` and `w2`.
fn scene() -> Scene {
    let mut scene = Scene::with_workers(2);
    scene.secret("db");
    scene.service("web", Mode::Replicated(2), vec![Scene::grant("db", OnChange::Swap)]);
    scene.service("everywhere", Mode::Global, Vec::new());
    scene.schedule();
    scene.workers_obey();
    scene
}

fn node<'a>(scene: &'a Scene, name: &str) -> &'a Node {
    &scene.state.nodes()[&node_id(name)]
}

fn update(scene: &Scene, name: &str, change: &NodeChange) -> Wire {
    node_update(&scene.state, node(scene, name), change, None, &health()).0
}

fn removal(scene: &Scene, name: &str, force: bool) -> Wire {
    node_removal(&scene.state, node(scene, name), force, &health()).0
}

fn steps(plan: &Wire) -> Vec<(PlanAction, &str)> {
    let steps = plan.steps.iter();
    steps.map(|step| (step.action(), step.subject.as_str())).collect()
}

fn texts(plan: &Wire, level: CheckLevel) -> String {
    let checks = plan.checks.iter().filter(|check| check.level() == level);
    checks.map(|check| check.text.as_str()).collect::<Vec<_>>().join("\n")
}

fn role(role: Role) -> NodeChange {
    NodeChange {
        role: Some(role),
        ..NOTHING
    }
}

#[test]
fn a_drain_moves_what_can_move_and_ends_what_cannot() {
    let scene = scene();
    let drain = NodeChange {
        availability: Some(Availability::Drain),
        ..NOTHING
    };
    let plan = update(&scene, "w1", &drain);
    let wanted = [
        (PlanAction::Cut, "node host-w1"),
        (PlanAction::Cut, "service everywhere"),
        (PlanAction::Move, "service web"),
    ];
    assert_eq!(steps(&plan), wanted);
    assert_eq!(plan.leaves, ["host-w1"]);
    assert!(plan.runnable);
    let pause = NodeChange {
        availability: Some(Availability::Pause),
        ..NOTHING
    };
    assert_eq!(
        steps(&update(&scene, "w1", &pause)),
        [(PlanAction::Keep, "node host-w1")]
    );
    assert_eq!(
        steps(&update(&scene, "w1", &NOTHING)),
        [(PlanAction::Keep, "node host-w1")]
    );
}

#[test]
fn a_drain_of_the_last_node_that_takes_a_service_is_warned_of() {
    let mut scene = scene();
    scene.availability("w2", Availability::Pause);
    let drain = NodeChange {
        availability: Some(Availability::Drain),
        ..NOTHING
    };
    let plan = update(&scene, "w1", &drain);
    assert!(texts(&plan, CheckLevel::Warn).contains("no other node takes web now"));
    assert!(steps(&plan).contains(&(PlanAction::Cut, "service web")));
}

#[test]
fn labels_move_what_they_no_longer_admit() {
    let mut scene = scene();
    let zone = |zone: &str| BTreeMap::from([("zone".to_owned(), zone.to_owned())]);
    scene.apply(Command::SetLabels {
        node: node_id("w1"),
        labels: zone("eu"),
    });
    scene.update("web", |spec| {
        spec.constraints = vec![Constraint::parse("node.labels.zone!=us").unwrap()];
    });
    let relabel = |zone_name: &str| NodeChange {
        labels: Some(zone(zone_name)),
        ..NOTHING
    };
    let moved = update(&scene, "w1", &relabel("us"));
    assert_eq!(
        steps(&moved),
        [(PlanAction::Swap, "node host-w1"), (PlanAction::Move, "service web")]
    );
    assert_eq!(moved.steps[0].detail, "labels zone=us");
    assert_eq!(
        steps(&update(&scene, "w1", &relabel("fr"))),
        [(PlanAction::Swap, "node host-w1")]
    );
}

#[test]
fn a_promotion_needs_an_address_and_says_what_it_gains() {
    let mut scene = scene();
    let refused = update(&scene, "w1", &role(Role::Manager));
    assert!(!refused.runnable);
    assert!(texts(&refused, CheckLevel::Blocked).contains("has not said where it can be reached"));
    scene.apply(Command::SetNodeAddress {
        node: node_id("w1"),
        address: "w1:2377".into(),
    });
    let plan = update(&scene, "w1", &role(Role::Manager));
    assert!(plan.runnable, "{:?}", plan.checks);
    assert_eq!(steps(&plan), [(PlanAction::Create, "manager host-w1")]);
    assert!(texts(&plan, CheckLevel::Ok).contains("1 manager -> 2: tolerates 0 lost"));
    assert!(texts(&plan, CheckLevel::Warn).contains("an even number of managers"));
}

#[test]
fn a_demotion_is_refused_in_docker_s_words() {
    let mut scene = scene();
    let last = update(&scene, "m1", &role(Role::Worker));
    assert_eq!(
        texts(&last, CheckLevel::Blocked),
        "attempting to demote the last manager of the swarm"
    );
    scene.apply(Command::SetDesiredRole {
        node: node_id("w1"),
        role: Role::Manager,
        raft_id: 9,
    });
    let called_off = update(&scene, "w1", &role(Role::Worker));
    assert!(called_off.runnable && called_off.steps[0].detail.contains("called off"));
    scene.apply(Command::SetRole {
        node: node_id("w1"),
        role: Role::Manager,
        certificate: None,
    });
    let risk = QuorumRisk { left: 1, of: 2 };
    let demoted = node_update(
        &scene.state,
        node(&scene, "m1"),
        &role(Role::Worker),
        Some(&risk),
        &health(),
    )
    .0;
    assert_eq!(
        texts(&demoted, CheckLevel::Blocked),
        "can't remove member from the raft: this would result in a loss of quorum"
    );
    assert!(texts(&demoted, CheckLevel::Warn).contains("1 of 2 other managers would answer"));
    let fine = update(&scene, "m1", &role(Role::Worker));
    assert!(fine.runnable);
    assert!(texts(&fine, CheckLevel::Warn).contains("2 managers -> 1: tolerates 0 lost"));
}

#[test]
fn a_removal_is_refused_in_docker_s_words() {
    let mut scene = scene();
    let blocked = |plan: &Wire| texts(plan, CheckLevel::Blocked);
    assert_eq!(
        blocked(&removal(&scene, "m1", true)),
        "node host-m1 is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
    );
    assert_eq!(
        blocked(&removal(&scene, "w1", false)),
        "node host-w1 is not down and can't be removed"
    );
    let forced = removal(&scene, "w1", true);
    assert!(forced.runnable && texts(&forced, CheckLevel::Warn).contains("removed while it runs"));
    scene.node_state("w1", NodeState::Down);
    let plan = removal(&scene, "w1", false);
    assert!(plan.runnable);
    assert_eq!(plan.stays, ["host-w1"], "nobody will say that its file is gone");
    assert!(texts(&plan, CheckLevel::Warn).contains("1 file on host-w1"));
    let moves = steps(&plan);
    assert_eq!(moves[0], (PlanAction::Destroy, "node host-w1"));
    assert!(moves.contains(&(PlanAction::Move, "service web")));
}

#[test]
fn a_plan_for_a_node_is_bound_to_it_and_to_what_is_asked() {
    let mut scene = scene();
    let before = removal(&scene, "w1", false).basis;
    assert_eq!(removal(&scene, "w1", false).basis, before);
    assert_ne!(removal(&scene, "w1", true).basis, before);
    assert_ne!(removal(&scene, "w2", false).basis, before);
    scene.secret("unrelated");
    assert_eq!(removal(&scene, "w1", false).basis, before);
    scene.node_state("w1", NodeState::Down);
    assert_ne!(removal(&scene, "w1", false).basis, before);
}

#[test]
fn a_new_root_names_who_renews_and_who_holds_the_old_one_up() {
    let mut scene = scene();
    scene.node_state("w2", NodeState::Down);
    let plan = root_rotation(&scene.state, 0, &health()).unwrap().0;
    assert!(plan.runnable);
    assert_eq!(plan.arrives, ["host-m1", "host-w1"]);
    assert_eq!(plan.stays, ["host-w2"]);
    assert!(steps(&plan).contains(&(PlanAction::Keep, "node host-w2")));
    assert!(texts(&plan, CheckLevel::Warn).contains("1 node is silent"));
    scene.node_state("w2", NodeState::Ready);
    let all = root_rotation(&scene.state, 0, &health()).unwrap().0;
    assert!(all.stays.is_empty() && texts(&all, CheckLevel::Ok).contains("every node answers"));
    assert!(root_rotation(&wardroom_state::State::default(), 0, &health()).is_err());
}
