//! Do plans name what will happen, and what stands in the way?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use wardroom_api::v1::{CheckLevel, Plan as Wire, PlanAction};
use wardroom_state::State;
use wardroom_state::ids::SecretId;
use wardroom_state::node::NodeState;
use wardroom_state::secret::Secret;
use wardroom_state::service::{Mode, OnChange};

use super::*;
use crate::reconcile::scene::Scene;

fn health() -> Health {
    Health {
        leader: Some("host-m1".into()),
        silent: Vec::new(),
    }
}

/// `web` swaps, `api` restarts, `old` is pinned to version 1; everything runs.
fn scene() -> Scene {
    let mut scene = Scene::with_workers(2);
    scene.secret("db");
    scene.service("web", Mode::Replicated(2), vec![Scene::grant("db", OnChange::Swap)]);
    scene.service("api", Mode::Replicated(1), vec![Scene::grant("db", OnChange::Restart)]);
    let pinned = wardroom_state::service::Grant {
        pinned: Some(1),
        ..Scene::grant("db", OnChange::Swap)
    };
    scene.service("old", Mode::Replicated(1), vec![pinned]);
    scene.schedule();
    scene.workers_obey();
    scene
}

fn db(state: &State) -> &Secret {
    &state.secrets()[&SecretId::new("db")]
}

fn rotate(scene: &Scene, fingerprint: Option<[u8; 32]>) -> Wire {
    rotation(&scene.state, db(&scene.state), fingerprint, &health())
        .unwrap()
        .0
}

fn revoke(scene: &Scene, version: Option<u32>) -> Wire {
    revocation(&scene.state, db(&scene.state), version, false, &health())
        .unwrap()
        .0
}

fn steps(plan: &Wire) -> Vec<(PlanAction, &str)> {
    plan.steps
        .iter()
        .map(|step| (step.action(), step.subject.as_str()))
        .collect()
}

fn texts(plan: &Wire, level: CheckLevel) -> String {
    let texts = plan
        .checks
        .iter()
        .filter(|check| check.level() == level)
        .map(|check| check.text.as_str());
    texts.collect::<Vec<_>>().join("\n")
}

#[test]
fn a_rotation_names_every_service_by_what_its_grant_asks_for() {
    let plan = rotate(&scene(), None);
    let mut found = steps(&plan);
    found.sort_by_key(|(action, _)| *action as i32);
    let wanted = [
        (PlanAction::Create, "version 2"),
        (PlanAction::Swap, "service web"),
        (PlanAction::Restart, "service api"),
        (PlanAction::Keep, "service old"),
        (PlanAction::Keep, "version 1"),
    ];
    assert_eq!(found, wanted);
    assert!(plan.runnable);
    assert_eq!(plan.leaves, ["host-w1", "host-w2"]);
    assert_eq!(plan.arrives, ["host-w1", "host-w2"]);
    assert!(plan.stays.is_empty());
}

#[test]
fn the_current_value_again_is_blocked_and_an_older_one_warned_of() {
    let mut scene = scene();
    let first = db(&scene.state).versions[&1].fingerprint;
    let blocked = rotate(&scene, Some(first));
    assert!(!blocked.runnable);
    assert!(texts(&blocked, CheckLevel::Blocked).contains("current version 1"));
    assert!(Plan(blocked).check_runnable().is_err());
    scene.rotate("db");
    let warned = rotate(&scene, Some(first));
    assert!(warned.runnable);
    assert!(texts(&warned, CheckLevel::Warn).contains("used before, in version 1"));
}

#[test]
fn workers_that_are_silent_keep_what_they_hold() {
    let mut scene = scene();
    scene.node_state("w2", NodeState::Down);
    let plan = revoke(&scene, None);
    assert_eq!(
        (plan.leaves.as_slice(), plan.stays.as_slice()),
        (&["host-w1".to_owned()][..], &["host-w2".to_owned()][..])
    );
    assert!(texts(&plan, CheckLevel::Warn).contains("host-w2"));
    assert!(plan.runnable, "an emergency does not wait for silent workers");
}

#[test]
fn a_revoke_cuts_erases_and_destroys() {
    let plan = revoke(&scene(), None);
    let count = |action: PlanAction| plan.steps.iter().filter(|step| step.action() == action).count();
    assert_eq!(
        (
            count(PlanAction::Cut),
            count(PlanAction::Erase),
            count(PlanAction::Destroy)
        ),
        (3, 2, 1)
    );
}

#[test]
fn what_is_revoked_already_is_blocked_in_the_state_s_words() {
    let mut scene = scene();
    let secret = SecretId::new("db");
    scene.apply(wardroom_state::command::Command::RevokeSecret {
        secret,
        version: None,
        expected: None,
    });
    assert!(texts(&revoke(&scene, None), CheckLevel::Blocked).contains("is revoked already"));
    assert!(texts(&revoke(&scene, Some(1)), CheckLevel::Blocked).contains("is revoked already"));
    assert!(revocation(&scene.state, db(&scene.state), Some(9), true, &health()).is_err());
}

#[test]
fn a_plan_is_bound_to_secret_services_and_placement() {
    let mut scene = scene();
    let before = rotate(&scene, None).basis;
    assert_eq!(
        rotate(&scene, None).basis,
        before,
        "the same state gives the same basis"
    );
    assert_ne!(revoke(&scene, None).basis, before, "another change has another basis");
    assert_ne!(revoke(&scene, None).basis, revoke(&scene, Some(1)).basis);
    scene.secret("unrelated");
    assert_eq!(rotate(&scene, None).basis, before);
    scene.update("web", |spec| spec.mode = Mode::Replicated(3));
    let updated = rotate(&scene, None).basis;
    assert_ne!(updated, before);
    scene.schedule();
    assert_ne!(rotate(&scene, None).basis, updated, "a task arrived");
}

#[test]
fn without_a_quorum_or_a_leader_a_plan_is_blocked() {
    let scene = scene();
    let health = Health {
        leader: None,
        silent: vec!["m1".into()],
    };
    let plan = rotation(&scene.state, db(&scene.state), None, &health).unwrap().0;
    assert!(!plan.runnable);
    let blocked = texts(&plan, CheckLevel::Blocked);
    assert!(
        blocked.contains("0 of 1 manager answer") && blocked.contains("nobody leads"),
        "{blocked}"
    );
}

#[test]
fn an_update_says_what_comes_and_goes() {
    let mut scene = scene();
    scene.secret("key");
    let service = scene.state.find_service("web").unwrap();
    let mut spec = service.spec.clone();
    spec.grants = vec![Scene::grant("key", OnChange::Swap)];
    spec.mode = Mode::Replicated(1);
    let plan = update(&scene.state, service, &spec, &health()).unwrap().0;
    let found = steps(&plan);
    let wanted = [
        (PlanAction::Erase, "secret db"),
        (PlanAction::Create, "secret key"),
        (PlanAction::Cut, "service web"),
    ];
    assert_eq!(found, wanted);
    let idle = update(&scene.state, service, &service.spec, &health()).unwrap().0;
    assert_eq!(steps(&idle), [(PlanAction::Keep, "service web")]);
}
