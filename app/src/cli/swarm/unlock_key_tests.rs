//! Options that fit, managers that need another key, and a document that holds one only until it is printed.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::cli::arguments::Asking;
use crate::cli::swarm::key_fixture::{KEY, in_shares, options, shared, whole};

#[test]
fn options_that_do_nothing_are_refused() {
    let refused = |arguments: SwarmUnlockKey| check(&arguments).unwrap_err().message;
    let plan = SwarmUnlockKey {
        asking: Asking { plan: true, yes: false },
        ..options()
    };
    assert_eq!(refused(plan), "`--plan` flag requires the `--rotate` flag");
    let too_many = SwarmUnlockKey {
        threshold: Some(3),
        ..shared()
    };
    assert_eq!(refused(too_many), "3 of 2 shares cannot be what unlocks");
    assert!(check(&shared()).is_ok() && check(&options()).is_ok());
}

#[test]
fn who_needs_another_key_is_told() {
    let manager = |unlock_key_epoch, locks| v1::ManagerKeys {
        unlock_key_epoch,
        locks,
        ..v1::ManagerKeys::default()
    };
    assert_eq!(other_key(&manager(3, true), 3), None);
    assert_eq!(
        other_key(&manager(2, true), 3).unwrap(),
        "hangs on the unlock key of epoch 2; `wardroom swarm unlock-key --epoch 2` shows that one"
    );
    assert_eq!(other_key(&manager(1, false), 3).unwrap(), "opens without a key so far");
}

#[test]
fn a_document_holds_the_key_until_it_is_printed() {
    let answer = whole();
    let shown = Shown::of(&answer, &options()).unwrap();
    let mut document = self::document(&answer, &shown);
    assert_eq!((&document["unlock_key"], &document["epoch"]), (&KEY.into(), &3.into()));
    wipe(&mut document);
    assert_eq!(document["unlock_key"], "");
    let answer = in_shares();
    let shown = Shown::of(&answer, &shared()).unwrap();
    let mut document = self::document(&answer, &shown);
    assert_eq!(document["shares"][1], "SWMSHARE-1-b");
    assert_eq!(document["threshold"], 2);
    wipe(&mut document);
    assert_eq!(document["shares"][1], "");
}
