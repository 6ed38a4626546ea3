//! Does autolock go on and off, and is every unlock key kept for as long as somebody hangs on it?

use crate::command::{Command, NewUnlockKey};
use crate::node::Role;
use crate::script::{Script, admit, desire_role, expect, joiner, keep, lock, no_lock, record, set_role, unlock_key};

#[test]
fn autolock_goes_on_with_a_new_key_and_off_without_a_word_to_the_disk() {
    let mut script = Script::new();
    expect(&script.play(no_lock()), "");
    expect(
        &script.play(lock(2)),
        "cluster\ncluster.autolock demo [ok] off -> on: unlock key epoch 2",
    );
    let keys = script.state.keys();
    let record = keys.unlock_key.as_ref().unwrap();
    assert_eq!((record.epoch, record.check, record.since_ms), (2, [2; 4], 1_003));
    assert_eq!((record.by.as_str(), &record.sealed[..]), ("admin:root", &[2; 40][..]));
    // The key from the beginning stands on the disks in clear: nobody needs it.
    assert!(keys.earlier.is_empty());
    assert!(script.state.cluster().unwrap().autolock);
    expect(
        &script.play(Command::SetLock {
            autolock: true,
            unlock_key: None,
            expected: None,
        }),
        "",
    );
    expect(&script.play(no_lock()), "cluster\ncluster.autolock demo [ok] on -> off");
    assert_eq!(
        script.state.keys().last_order,
        0,
        "nobody keeps the key: no disk is touched"
    );
    expect(
        &script.play(keep(2)),
        "Precondition: cannot rotate because autolock is not turned on",
    );
    expect(
        &script.play(lock(3)),
        "cluster\ncluster.autolock demo [ok] off -> on: unlock key epoch 3",
    );
    assert!(script.state.keys().sealed_unlock_key(2).is_none(), "nobody had it");
    script.play(keep(3));
    script.play(no_lock());
    // Whoever was down meanwhile is still locked.
    script.play(lock(4));
    assert_eq!(script.state.keys().sealed_unlock_key(3).unwrap()[..], [3; 40]);
}

#[test]
fn a_rotation_is_refused_as_docker_refuses_it() {
    let mut script = Script::new();
    let off = || Command::SetLock {
        autolock: false,
        unlock_key: Some(unlock_key(2)),
        expected: None,
    };
    expect(
        &script.play(off()),
        "Precondition: cannot rotate because autolock is not turned on",
    );
    let bare = Command::SetLock {
        autolock: true,
        unlock_key: None,
        expected: None,
    };
    let missing = "Invalid: autolock takes a new unlock key, sealed; turn it on, once the cluster has begun, with one";
    expect(&script.play(bare), missing);
    let empty = Command::SetLock {
        autolock: true,
        unlock_key: Some(NewUnlockKey {
            sealed: Vec::new().into(),
            ..unlock_key(2)
        }),
        expected: None,
    };
    expect(&script.play(empty), missing);
    for epoch in [0, 1, 3] {
        expect(
            &script.play(lock(epoch)),
            &format!(
                "Conflict: unlock key epoch {epoch} does not follow the one in force, 1; look at the cluster again"
            ),
        );
    }
    script.play(lock(2));
    expect(
        &script.play(lock(2)),
        "Conflict: unlock key epoch 2 does not follow the one in force, 2; look at the cluster again",
    );
    let version = script.state.cluster().unwrap().version_index;
    let planned = |expected| Command::SetLock {
        autolock: true,
        unlock_key: Some(unlock_key(3)),
        expected: Some(expected),
    };
    expect(&script.play(planned(version - 1)), "Conflict: update out of sequence");
    expect(
        &script.play(planned(version)),
        "cluster\nunlock-key.rotate demo [ok] epoch 2 -> 3",
    );
    // Who planned with the key before plans again.
    expect(&script.play(planned(version)), "Conflict: update out of sequence");
}

#[test]
fn a_key_counts_once_somebody_keeps_it() {
    let mut script = Script::new();
    let gone = "Conflict: unlock key epoch 2 is not the one in force, 1; read that one, and keep it";
    expect(&script.play(keep(2)), gone);
    script.play(lock(2));
    let record = |script: &Script| script.state.keys().unlock_key.clone().unwrap();
    assert!(!record(&script).is_kept());
    expect(
        &script.play(keep(2)),
        "cluster\nunlock-key.keep epoch 2 [ok] DEK order 1",
    );
    assert!(record(&script).is_kept());
    expect(&script.play(keep(2)), "");
    script.play(lock(3));
    assert!(!record(&script).is_kept());
    let gone = "Conflict: unlock key epoch 2 is not the one in force, 3; read that one, and keep it";
    expect(&script.play(keep(2)), gone);
    script.play(keep(3));
    let reasons: Vec<String> = script
        .state
        .keys()
        .orders
        .iter()
        .map(|order| order.reason.to_string())
        .collect();
    assert_eq!(reasons, ["autolock was turned on", "the unlock key was rotated"]);
}

#[test]
fn disks_open_with_the_newest_key_that_somebody_keeps() {
    let mut script = Script::new();
    let disks = |script: &Script| {
        let (epoch, sealed) = script.state.keys().kept_unlock_key();
        (epoch, sealed.is_some(), script.state.disks_lock())
    };
    assert_eq!(disks(&script), (1, false, false));
    script.play(lock(2));
    assert_eq!(disks(&script), (1, false, false), "autolock waits for a keeper");
    script.play(keep(2));
    assert_eq!(disks(&script), (2, true, true));
    script.play(lock(3));
    assert_eq!(disks(&script), (2, true, true), "the one before holds until then");
    script.play(lock(4));
    assert_eq!(disks(&script), (2, true, true));
    script.play(no_lock());
    assert_eq!(disks(&script), (2, true, false));
    // Its keeper may have thrown the key away while nothing locked.
    script.play(lock(5));
    assert_eq!(disks(&script), (2, true, false));
    script.play(keep(5));
    assert_eq!(disks(&script), (5, true, true));
}

#[test]
fn a_key_that_nobody_kept_leaves_its_reason_to_the_next() {
    let mut script = Script::new();
    script.play(lock(2));
    script.play(lock(3));
    script.play(keep(3));
    assert_eq!(script.state.keys().orders[0].reason, crate::keys::OrderReason::Autolock);
}

/// Harbour, and two more managers.
fn three_managers() -> Script {
    let mut script = Script::new();
    script.play(admit(&joiner("m2", "onyx", 7), 2));
    script.play(admit(&joiner("m3", "agate", 8), 2));
    script
}

fn kept(script: &Script) -> Vec<u32> {
    script.state.keys().earlier.keys().copied().collect()
}

#[test]
fn a_key_stays_while_somebody_hangs_on_it() {
    let mut script = three_managers();
    for epoch in 2..=4 {
        script.play(lock(epoch));
        script.play(keep(epoch));
    }
    // Nobody has said yet which one it has.
    assert_eq!(kept(&script), [2, 3]);
    script.play(record("m1", 4, 0));
    script.play(record("m2", 4, 0));
    assert_eq!(kept(&script), [2, 3]);
    assert_eq!(script.state.on_earlier_unlock_key(), [crate::ids::NodeId::new("m3")]);
    script.play(record("m3", 3, 0));
    assert_eq!(kept(&script), [3]);
    script.play(record("m3", 4, 0));
    assert_eq!(kept(&script), [0u32; 0]);
    assert!(script.state.on_earlier_unlock_key().is_empty());
    assert!(script.state.keys().sealed_unlock_key(4).is_some());
    assert!(script.state.keys().sealed_unlock_key(3).is_none());
}

#[test]
fn a_key_goes_with_the_last_manager_that_hung_on_it() {
    let mut script = three_managers();
    script.play(lock(2));
    script.play(keep(2));
    for node in ["m1", "m2", "m3"] {
        script.play(record(node, 2, 0));
    }
    script.play(lock(3));
    script.play(keep(3));
    script.play(record("m1", 3, 0));
    script.play(record("m2", 3, 0));
    assert_eq!(kept(&script), [2]);
    script.play(desire_role("m3", Role::Worker, 0));
    assert_eq!(kept(&script), [2]);
    script.play(set_role("m3", Role::Worker));
    assert_eq!(kept(&script), [0u32; 0]);
}
