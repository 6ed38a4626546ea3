//! Is the right step named? Every way in which keyring and state can differ, and the replay of a log at a start.

use wardroom_keys::{KeyMemory, KeyStatus};
use wardroom_state::command::{Command, NewUnlockKey};

use super::decide::{Step, Wanted, decide, due_ms};
use crate::reconcile::scene::Scene;

const DAY_MS: i64 = 86_400_000;

fn keys() -> KeyStatus {
    KeyStatus {
        kek_epoch: 1,
        autolock: false,
        kek_check: [0; 4],
        dek_epoch: 1,
        dek_created_at_ms: 0,
        dek_check: [0; 4],
        dek_order: 0,
        pending_dek_epoch: None,
        pending_dek_order: None,
        memory: KeyMemory::Locked,
    }
}

fn lock(epoch: u32) -> Command {
    let key = NewUnlockKey {
        epoch,
        check: [7; 4],
        sealed: vec![u8::try_from(epoch).expect("few epochs"); 60].into(),
    };
    Command::SetLock {
        autolock: true,
        unlock_key: Some(key),
        expected: None,
    }
}

fn keep(epoch: u32) -> Command {
    Command::KeepUnlockKey { epoch }
}

fn open() -> Command {
    Command::SetLock {
        autolock: false,
        unlock_key: None,
        expected: None,
    }
}

fn scene(commands: Vec<Command>) -> Scene {
    let mut scene = Scene::with_managers(1);
    for command in commands {
        scene.apply(command);
    }
    scene
}

fn rewraps(scene: &Scene, keys: &KeyStatus) -> Option<(u32, bool, bool)> {
    match decide(&scene.state, keys, 0, 0) {
        Step::Rewrap(Wanted { epoch, locks, sealed }) => Some((epoch, locks, sealed.is_some())),
        _ => None,
    }
}

#[test]
fn a_new_unlock_key_comes_first_and_the_order_after_it() {
    let scene = scene(vec![lock(2), keep(2)]);
    assert_eq!(rewraps(&scene, &keys()), Some((2, true, true)));
    let rewrapped = KeyStatus {
        kek_epoch: 2,
        autolock: true,
        ..keys()
    };
    assert_eq!(decide(&scene.state, &rewrapped, 0, 0), Step::Begin { order: 1 });
    let begun = KeyStatus {
        pending_dek_epoch: Some(2),
        pending_dek_order: Some(1),
        ..rewrapped
    };
    assert_eq!(decide(&scene.state, &begun, 0, 0), Step::GoOn);
    let finished = KeyStatus {
        dek_epoch: 2,
        dek_order: 1,
        ..rewrapped
    };
    let until_ms = Some(due_ms(&finished));
    assert_eq!(decide(&scene.state, &finished, 0, 0), Step::Wait { until_ms });
}

#[test]
fn a_new_unlock_key_does_not_wait_for_a_rotation_to_end() {
    let scene = scene(vec![lock(2), keep(2), lock(3), keep(3)]);
    let under_way = KeyStatus {
        kek_epoch: 2,
        autolock: true,
        pending_dek_epoch: Some(2),
        pending_dek_order: Some(1),
        ..keys()
    };
    assert_eq!(rewraps(&scene, &under_way), Some((3, true, true)));
}

#[test]
fn who_was_down_takes_the_newest_key_and_one_rotation_for_all_orders() {
    let scene = scene(vec![
        lock(2),
        keep(2),
        lock(3),
        keep(3),
        lock(4),
        keep(4),
        Command::OrderDek,
    ]);
    let back = KeyStatus {
        kek_epoch: 2,
        autolock: true,
        dek_order: 1,
        ..keys()
    };
    assert_eq!(rewraps(&scene, &back), Some((4, true, true)));
    let rewrapped = KeyStatus { kek_epoch: 4, ..back };
    assert_eq!(decide(&scene.state, &rewrapped, 0, 0), Step::Begin { order: 4 });
}

#[test]
fn a_key_that_nobody_keeps_is_not_taken() {
    let scene = scene(vec![lock(2)]);
    let until_ms = Some(due_ms(&keys()));
    assert_eq!(decide(&scene.state, &keys(), 0, 0), Step::Wait { until_ms });
    let mut scene = scene;
    scene.apply(open());
    assert_eq!(decide(&scene.state, &keys(), 0, 0), Step::Wait { until_ms });
}

#[test]
fn a_key_that_nobody_keeps_holds_nothing_up() {
    let locked = KeyStatus {
        kek_epoch: 2,
        autolock: true,
        dek_order: 1,
        ..keys()
    };
    let opened = scene(vec![lock(2), keep(2), lock(3), open()]);
    assert_eq!(rewraps(&opened, &locked), Some((2, false, false)));
    // Back from a time in which others went on to the key of epoch 3.
    let rotated = scene(vec![lock(2), keep(2), lock(3), keep(3), lock(4)]);
    assert_eq!(rewraps(&rotated, &locked), Some((3, true, true)));
}

#[test]
fn opening_the_lock_keeps_the_key_it_has() {
    let scene = scene(vec![lock(2), keep(2), open()]);
    let locked = KeyStatus {
        kek_epoch: 2,
        autolock: true,
        dek_order: 1,
        ..keys()
    };
    assert_eq!(rewraps(&scene, &locked), Some((2, false, false)));
}

#[test]
fn a_keyring_ahead_of_the_state_waits_for_it() {
    let scene = scene(vec![lock(2), keep(2), open()]);
    let ahead = KeyStatus {
        kek_epoch: 3,
        autolock: true,
        dek_order: 1,
        ..keys()
    };
    assert_eq!(rewraps(&scene, &ahead), None);
}

#[test]
fn age_and_use_ask_for_a_fresh_key_that_fulfils_no_other_order() {
    let scene = scene(Vec::new());
    let keys = keys();
    let at = |records, now_ms| decide(&scene.state, &keys, records, now_ms);
    let waits = Step::Wait {
        until_ms: Some(90 * DAY_MS),
    };
    assert_eq!(at(10, 90 * DAY_MS - 1), waits);
    assert_eq!(at(10, 90 * DAY_MS), Step::Begin { order: 0 });
    assert_eq!(at(1 << 32, 5), Step::Begin { order: 0 });
}

#[test]
fn before_there_is_a_cluster_there_is_nothing_to_do() {
    let nothing = wardroom_state::State::default();
    assert_eq!(decide(&nothing, &keys(), 0, i64::MAX), Step::Wait { until_ms: None });
}
