//! What a person, a script and Docker's texts expect of an unlock.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;

fn manager(name: &str, epoch: u32, check: &str) -> v1::LockedManager {
    v1::LockedManager {
        node_id: format!("id-{name}"),
        hostname: name.into(),
        unlock_key_epoch: epoch,
        unlock_key_check: check.into(),
    }
}

fn locked() -> v1::LockFacts {
    v1::LockFacts {
        locked: true,
        cluster_id: "c".into(),
        managers: vec![
            manager("m10", 3, "0a1b2c3d"),
            manager("m2", 3, "0a1b2c3d"),
            manager("m1", 2, "ffee0011"),
        ],
        ..v1::LockFacts::default()
    }
}

#[test]
fn each_key_that_is_waited_for_is_named() {
    assert_eq!(
        waits(&locked()),
        "m1 waits for the unlock key of epoch 2 (check ffee0011); \
         m2, m10 wait for the unlock key of epoch 3 (check 0a1b2c3d)"
    );
}

#[test]
fn only_what_is_locked_is_unlocked() {
    assert!(check_locked(&locked()).is_ok());
    let open = v1::LockFacts {
        locked: false,
        ..locked()
    };
    let report = check_locked(&open).unwrap_err();
    assert_eq!(
        (report.message.as_str(), report.exit),
        ("swarm is not locked", Exit::Conflict)
    );
    let report = check_locked(&v1::LockFacts::default()).unwrap_err();
    assert_eq!(report.message, "this node is not part of a swarm");
}

#[test]
fn the_prompt_is_dockers_until_a_share_is_given() {
    assert_eq!(prompt(&locked()), "Enter unlock key: ");
    let shared = v1::LockFacts {
        shares_have: 2,
        shares_need: 3,
        ..locked()
    };
    assert_eq!(prompt(&shared), "share 2 of 3 accepted; Enter unlock key or share: ");
    assert_eq!(news(&locked(), &shared).unwrap(), "share 2 of 3 accepted");
    assert_eq!(news(&shared, &shared).unwrap(), "that share was given before");
    let left = v1::LockFacts {
        managers: vec![manager("m1", 2, "")],
        ..locked()
    };
    assert_eq!(
        news(&locked(), &left).unwrap(),
        "open: m10, m2; m1 waits for the unlock key of epoch 2"
    );
    let open = v1::LockFacts {
        locked: false,
        ..locked()
    };
    assert_eq!(news(&locked(), &open), None);
}

#[test]
fn an_input_that_ends_too_early_says_what_is_missing() {
    let report = ended(&locked(), false, false);
    assert_eq!(
        (report.message.as_str(), report.exit),
        ("no unlock key was given", Exit::Usage)
    );
    assert_eq!(ended(&locked(), false, true).exit, Exit::Locked);
    let shared = v1::LockFacts {
        shares_have: 1,
        shares_need: 3,
        ..locked()
    };
    let report = ended(&shared, true, true);
    assert_eq!(report.message, "the swarm is still locked: 1 of 3 shares were accepted");
    assert_eq!(report.exit, Exit::Locked);
    assert!(ended(&locked(), true, false).message.contains("m1 waits for"));
}

#[test]
fn refusals_are_told_apart() {
    let report = |status: Status, wait_ms| {
        let facts = v1::LockFacts { wait_ms, ..locked() };
        let report = Refused::from(status).report(&facts);
        (report.exit, report.message, report.hint.unwrap_or_default())
    };
    let (exit, text, hint) = report(Status::invalid_argument("invalid key string"), 0);
    assert_eq!((exit, text.as_str()), (Exit::Usage, "invalid key string"));
    assert!(hint.contains("SWMKEY-1-"));

    let (exit, text, hint) = report(Status::unauthenticated("no"), 0);
    assert_eq!((exit, text.as_str()), (Exit::Permission, WRONG));
    assert!(hint.starts_with("m1 waits for the unlock key of epoch 2") && hint.contains("unlock-key --epoch"));
    let longer = format!("{WRONG}: that one is of epoch 1");
    assert_eq!(report(Status::unauthenticated(longer.as_str()), 0).1, longer);

    let (exit, text, _) = report(Status::resource_exhausted("slow down"), 7_200);
    assert_eq!(exit, Exit::Conflict);
    assert_eq!(
        text,
        "swarm could not be unlocked: too many wrong keys; the next one is looked at in 8 seconds"
    );

    let (exit, text, _) = report(Status::failed_precondition("open"), 0);
    assert_eq!((exit, text.as_str()), (Exit::Conflict, "swarm is not locked"));
    assert_eq!(
        report(Status::failed_precondition(wardroom_api::LOCKED), 0).0,
        Exit::Locked
    );
    assert_eq!(report(Status::internal("broken"), 0).0, Exit::Failure);
}

#[test]
fn a_program_reads_the_epochs_and_no_key() {
    let document = facts_json(&locked());
    assert_eq!(document["managers"][2]["unlock_key_epoch"], 2);
    assert_eq!(document["locked"], true);
    assert!(document.get("key").is_none());
}
