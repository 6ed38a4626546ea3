//! Do plans of new keys say who takes them, who is down with which key, and what they do not reach?

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use wardroom_api::v1::{self, CheckLevel, Plan as Wire, PlanAction};
use wardroom_state::command::{Command, NewUnlockKey};
use wardroom_state::ids::SecretId;
use wardroom_state::keys::ManagerKeys;

use super::*;
use crate::reconcile::scene::{Scene, node_id};

fn health(silent: &[&str]) -> Health {
    Health {
        leader: Some("host-m1".into()),
        silent: silent.iter().map(ToString::to_string).collect(),
    }
}

fn lock(scene: &mut Scene, epoch: u32) {
    scene.apply(Command::SetLock {
        autolock: true,
        unlock_key: Some(NewUnlockKey {
            epoch,
            check: [1; 4],
            sealed: vec![1; 40].into(),
        }),
        expected: None,
    });
    scene.apply(Command::KeepUnlockKey { epoch });
}

fn told(scene: &mut Scene, name: &str, kek_epoch: u32, locks: bool) {
    scene.apply(Command::RecordKeys {
        node: node_id(name),
        keys: ManagerKeys {
            kek_epoch,
            locks,
            dek_epoch: 1,
            dek_check: [1; 4],
            dek_created_at_ms: 1,
            order: 0,
            at_ms: 0,
        },
    });
}

fn update(scene: &Scene, on: bool, silent: &[&str]) -> Wire {
    let request = v1::UpdateClusterRequest {
        autolock: Some(on),
        ..Default::default()
    };
    cluster_update(&scene.state, &request, &health(silent)).unwrap().0
}

fn steps(plan: &Wire) -> Vec<(PlanAction, &str)> {
    let steps = plan.steps.iter();
    steps.map(|step| (step.action(), step.subject.as_str())).collect()
}

fn texts(plan: &Wire, level: CheckLevel) -> String {
    let checks = plan.checks.iter().filter(|check| check.level() == level);
    checks.map(|check| check.text.as_str()).collect::<Vec<_>>().join("\n")
}

#[test]
fn turning_autolock_on_wraps_everything_anew() {
    let scene = Scene::with_managers(3);
    let plan = update(&scene, true, &[]);
    let wanted = [
        (PlanAction::Create, "unlock key"),
        (PlanAction::Swap, "3 managers"),
        (PlanAction::Swap, "3 managers"),
    ];
    assert_eq!(steps(&plan), wanted);
    assert!(plan.runnable);
    assert!(plan.steps[0].detail.starts_with("epoch 2; "), "{:?}", plan.steps[0]);
    assert!(texts(&plan, CheckLevel::Warn).contains("stays locked until somebody unlocks it"));
}

#[test]
fn a_rotation_names_who_is_down_and_the_key_it_needs() {
    let mut scene = Scene::with_managers(3);
    let blocked = unlock_key_rotation(&scene.state, &health(&[])).unwrap();
    assert_eq!(
        blocked.check_runnable().unwrap_err().to_string(),
        "cannot rotate because autolock is not turned on"
    );
    lock(&mut scene, 2);
    told(&mut scene, "m3", 2, true);
    let plan = unlock_key_rotation(&scene.state, &health(&["m3"])).unwrap().0;
    let wanted = [
        (PlanAction::Create, "unlock key"),
        (PlanAction::Swap, "2 managers"),
        (PlanAction::Swap, "2 managers"),
        (PlanAction::Keep, "manager host-m3"),
    ];
    assert_eq!(steps(&plan), wanted);
    assert!(plan.runnable, "a rotation does not wait for a manager that is down");
    assert_eq!(
        (plan.stays.as_slice(), plan.arrives.len()),
        (&["host-m3".to_owned()][..], 2)
    );
    let warned = texts(&plan, CheckLevel::Warn);
    assert!(
        warned.contains("host-m3 is down: it needs the unlock key of its own epoch, 2, to start"),
        "{warned}"
    );
    assert!(warned.contains("backups taken before still open"), "{warned}");
}

#[test]
fn turning_autolock_off_frees_nobody_who_is_down() {
    let mut scene = Scene::with_managers(3);
    let nothing = update(&scene, false, &[]);
    assert_eq!(steps(&nothing), [(PlanAction::Keep, "the cluster")]);
    lock(&mut scene, 2);
    told(&mut scene, "m3", 2, true);
    let plan = update(&scene, false, &["m3"]);
    let wanted = [(PlanAction::Keep, "unlock key"), (PlanAction::Keep, "manager host-m3")];
    assert_eq!(steps(&plan), wanted);
    assert!(
        plan.steps[1].detail.contains("with the key of epoch 2"),
        "{:?}",
        plan.steps[1]
    );
    assert!(texts(&plan, CheckLevel::Warn).contains("can read everything on it"));
    told(&mut scene, "m3", 1, false);
    assert_eq!(steps(&update(&scene, false, &["m3"])), wanted[..1]);
    assert!(texts(&update(&scene, false, &["m3"]), CheckLevel::Warn).contains("starts without a key"));
}

#[test]
fn a_shred_is_a_revocation_that_reaches_old_records_and_no_backup() {
    let mut scene = Scene::with_managers(2);
    scene.secret("db");
    let shred = |scene: &Scene, silent: &[&str]| {
        let secret = &scene.state.secrets()[&SecretId::new("db")];
        revocation(&scene.state, secret, None, true, &health(silent)).unwrap().0
    };
    let plan = shred(&scene, &["m2"]);
    let wanted = [
        (PlanAction::Destroy, "version 1"),
        (PlanAction::Swap, "1 manager"),
        (PlanAction::Keep, "manager host-m2"),
        (PlanAction::Destroy, "old records"),
    ];
    assert_eq!(steps(&plan), wanted);
    assert!(texts(&plan, CheckLevel::Warn).contains("backups taken before still hold the value"));
    scene.apply(Command::RevokeSecret {
        secret: SecretId::new("db"),
        version: None,
        expected: None,
    });
    // Revoked before; its old records are still there.
    assert!(shred(&scene, &[]).runnable);
}

#[test]
fn a_plan_is_bound_to_the_keys_and_the_managers() {
    let mut scene = Scene::with_managers(2);
    let basis = |scene: &Scene| dek_rotation(&scene.state, &health(&[])).unwrap().0.basis;
    let first = basis(&scene);
    assert_eq!(basis(&scene), first);
    scene.secret("unrelated");
    assert_eq!(basis(&scene), first);
    scene.apply(Command::OrderDek);
    let ordered = basis(&scene);
    assert_ne!(ordered, first);
    lock(&mut scene, 2);
    assert_ne!(basis(&scene), ordered);
    assert_ne!(update(&scene, false, &[]).basis, update(&scene, true, &[]).basis);
}

#[test]
fn settings_that_change_are_told_and_others_are_not() {
    let scene = Scene::with_managers(1);
    let request = v1::UpdateClusterRequest {
        heartbeat_ms: Some(2_000),
        task_history: Some(5),
        ..Default::default()
    };
    let plan = cluster_update(&scene.state, &request, &health(&[])).unwrap().0;
    assert_eq!(steps(&plan), [(PlanAction::Swap, "heartbeat")]);
    assert_eq!(plan.steps[0].detail, "5000 ms -> 2000 ms");
}
