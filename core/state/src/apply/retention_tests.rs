//! Does nothing go that somebody needs, and is every change told?

use crate::command::Command;
use crate::holding::HoldingState::{Erased, Present};
use crate::rotation::RotationPhase;
use crate::script::{Script, advance, create, expect, grant, receipt, receipts, rotate, secret, service, spec, update};
use crate::secret::{Schedule, VersionState};
use crate::service::{Grant, ServiceSpec};

fn destroy(versions: &[u32]) -> Command {
    Command::DestroyVersions {
        secret: secret("db"),
        versions: versions.to_vec(),
        why: "pruned".into(),
    }
}

#[expect(clippy::option_option, reason = "it is what the command has")]
fn retention(keep_ms: Option<u64>, schedule: Option<Option<Schedule>>) -> Command {
    Command::UpdateRetention {
        secret: secret("db"),
        keep_ms,
        schedule,
        expected: None,
    }
}

fn with_age(ms: u64) -> Command {
    Command::UpdateSecret {
        secret: secret("db"),
        labels: None,
        max_age_ms: Some(ms),
        keep_versions: None,
        lease_ms: None,
        expected: None,
    }
}

/// Four versions that nobody uses.
fn four() -> Script {
    let mut script = Script::new();
    script.play(create("db"));
    for number in 2..=4 {
        script.play(rotate("db", number));
        script.play(advance("db", number, RotationPhase::Done));
    }
    script
}

#[test]
fn spare_versions_are_destroyed_together() {
    let mut script = four();
    expect(
        &script.play(destroy(&[1, 3, 1])),
        "secret s-db
         secret.destroy db v1 [ok] pruned
         secret.destroy db v3 [ok] pruned",
    );
    assert_eq!(script.version("db", 1), VersionState::Destroyed);
    assert_eq!(script.version("db", 2), VersionState::Superseded);
    assert!(script.state.find_secret("db").unwrap().versions[&1].sealed.is_none());
}

#[test]
fn what_is_not_there_or_current_is_refused_and_then_nothing_goes() {
    let mut script = four();
    expect(
        &script.play(destroy(&[1, 4])),
        "Precondition: version 4 of secret 'db' stays: it is the current version",
    );
    expect(
        &script.play(destroy(&[1, 9])),
        "NotFound: secret db has no version 9; see its versions and name one of them",
    );
    assert_eq!(script.version("db", 1), VersionState::Superseded);
    script.play(destroy(&[1]));
    assert!(
        script
            .play(destroy(&[1]))
            .starts_with("Precondition: version 1 of secret 'db' has no value any more")
    );
    script.play(rotate("db", 5));
    expect(
        &script.play(destroy(&[4])),
        "Precondition: version 4 of secret 'db' stays: the rotation that runs would return to it",
    );
}

#[test]
fn a_pinned_version_stays_and_so_does_the_one_of_a_spec_before() {
    let mut script = four();
    let pinned = Grant {
        pinned: Some(2),
        ..grant("db")
    };
    let with = |grants: Vec<Grant>| ServiceSpec {
        grants,
        ..spec("web", &[])
    };
    script.play(service("web", &[]));
    script.play(update("web", with(vec![pinned])));
    expect(
        &script.play(destroy(&[2])),
        "Precondition: version 2 of secret 'db' stays: service web pins it",
    );
    script.play(update("web", with(Vec::new())));
    expect(
        &script.play(destroy(&[2])),
        "Precondition: version 2 of secret 'db' stays: a roll-back of service web would return to it",
    );
    let labelled = ServiceSpec {
        labels: [("a".to_owned(), "b".to_owned())].into(),
        ..with(Vec::new())
    };
    script.play(update("web", labelled));
    assert!(script.play(destroy(&[2])).contains("secret.destroy db v2 [ok] pruned"));
}

#[test]
fn what_a_task_has_or_a_worker_holds_stays() {
    let mut script = Script::with_web(&["db"]);
    script.play(receipts("n1", vec![receipt("t1", "db", 1, Present)]));
    script.play(rotate("db", 2));
    script.play(rotate("db", 3));
    expect(
        &script.play(destroy(&[1])),
        "Precondition: version 1 of secret 'db' stays: in use by 1 task",
    );
    script.refresh("t1");
    expect(
        &script.play(destroy(&[1])),
        "Precondition: version 1 of secret 'db' stays: still held by 1 worker",
    );
    let both = vec![receipt("t1", "db", 3, Present), receipt("t1", "db", 1, Erased)];
    script.play(receipts("n1", both));
    expect(
        &script.play(destroy(&[1])),
        "secret s-db\n-holding s-db v1 t1\nsecret.destroy db v1 [ok] pruned",
    );
}

#[test]
fn a_schedule_needs_an_age_and_changes_are_told() {
    let mut script = four();
    let generate = || Some(Some(Schedule::Generate(32)));
    expect(
        &script.play(retention(None, generate())),
        "Invalid: a schedule makes the next value at the secret's maximum age; set one",
    );
    script.play(with_age(86_400_000));
    expect(
        &script.play(retention(Some(3_600_000), generate())),
        "secret s-db
         secret.update db [ok] old versions kept for none -> 1h, next value by a generator of 32 characters",
    );
    expect(&script.play(retention(Some(3_600_000), generate())), "");
    let hook = |name: &str| Some(Some(Schedule::Hook(name.into())));
    expect(
        &script.play(retention(None, hook("make-db"))),
        "secret s-db\nsecret.update db [ok] next value by hook make-db",
    );
    assert!(
        script
            .play(retention(None, hook("../make-db")))
            .starts_with("Invalid: invalid hook: ")
    );
    expect(
        &script.play(retention(Some(0), Some(None))),
        "secret s-db\nsecret.update db [ok] old versions kept for 1h -> none, next value by nobody",
    );
}

#[test]
fn a_failure_is_noted_until_a_value_comes_or_the_schedule_changes() {
    let mut script = four();
    let failure = || Command::NoteScheduleFailure {
        secret: secret("db"),
        reason: "hook make-db ended with 1".into(),
    };
    expect(&script.play(failure()), "");
    script.play(with_age(86_400_000));
    script.play(retention(None, Some(Some(Schedule::Hook("make-db".into())))));
    expect(
        &script.play(failure()),
        "secret s-db\nrotation.failed db [failed] scheduled: hook make-db ended with 1",
    );
    let noted = |script: &Script| script.state.find_secret("db").unwrap().schedule_failure.clone();
    assert_eq!(noted(&script).unwrap().1, "hook make-db ended with 1");
    script.play(rotate("db", 5));
    assert_eq!(noted(&script), None);
    script.play(failure());
    script.play(retention(None, Some(Some(Schedule::Generate(20)))));
    assert_eq!(noted(&script), None);
}
