//! Rotations by command: how far they are, what can be done to them, what makes the next one, and what is kept.

use std::process::Stdio;

use harness::process::{Demo, Said};
use harness::until::until;
use serde_json::Value;

use crate::binary;

/// A service whose tasks read their password once: they end on any other than `good` or `better`.
fn picky(demo: &Demo) {
    demo.feed(&["secret", "create", "db", "-"], b"good").ok();
    let script =
        "case $(cat $WARDROOM_SECRETS_DIR/db) in good|better) exec sleep 1000;; esac; echo no such password; exit 3";
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--update-monitor",
        "1s",
        "--restart-delay",
        "1s",
        "--secret",
        "source=db,on-change=restart",
        "--",
        "sh",
        "-c",
        script,
    ])
    .ok();
}

fn listed(demo: &Demo) -> Vec<Value> {
    demo.run(&["rotation", "ls", "db", "--format", "json"])
        .json()
        .as_array()
        .unwrap()
        .clone()
}

#[test]
fn a_rotation_is_followed_to_its_end_and_told_afterwards() {
    let demo = Demo::empty(&binary());
    picky(&demo);
    let said = demo.feed(&["secret", "rotate", "db", "-", "--yes"], b"better").ok();
    assert!(
        said.contains("version 2 is current") && said.contains("proven in 2 tasks"),
        "{said}"
    );
    let done = &listed(&demo)[0];
    assert_eq!(
        (&done["phase"], &done["from"], &done["to"]),
        (&"done".into(), &1.into(), &2.into())
    );
    assert_eq!(done["services"][0]["proven"], 2);
    let inspected = demo.run(&["rotation", "inspect", "db"]).json();
    assert_eq!(inspected[0]["id"], done["id"]);
    demo.run(&["rotation", "pause", "db"])
        .refused(7, &["no rotation of 'db' is under way"]);
    demo.run(&["rotation", "pause", "nope"])
        .refused(3, &["secret nope not found"]);
}

#[test]
fn a_value_that_nobody_can_live_with_is_rolled_back_and_told() {
    let demo = Demo::empty(&binary());
    picky(&demo);
    demo.feed(&["secret", "rotate", "db", "-", "--yes"], b"wrong").refused(
        1,
        &["the rotation of db to version 2 ended rolled back", "rotation inspect"],
    );
    let secret = demo.run(&["secret", "inspect", "db"]).json();
    assert_eq!(
        (&secret[0]["Current"], &secret[0]["Versions"][1]["State"]),
        (&1.into(), &"failed".into())
    );
    let tasks = until("both tasks run on the bytes before", || {
        let tasks = demo.run(&["why", "web", "db"]);
        (tasks.code == 0).then_some(tasks.out)
    });
    assert!(tasks.contains("v1"), "{tasks}");
}

#[test]
fn a_rotation_is_held_and_goes_on_or_back() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"first").ok();
    // Each task is watched for long: there is time to hold the rotation after the first.
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--update-monitor",
        "3s",
        "--secret",
        "source=db,on-change=restart",
        "--",
        "sleep",
        "1000",
    ])
    .ok();
    let rotate = demo
        .command(&["secret", "rotate", "db", "--generate", "8", "--yes"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    until("the rotation has begun", || {
        listed(&demo)
            .iter()
            .any(|rotation| rotation["phase"] == "rolling")
            .then_some(())
    });
    demo.run(&["rotation", "pause", "db"]).ok();
    let said: Said = rotate.wait_with_output().unwrap().into();
    said.refused(
        1,
        &[
            "is paused",
            "wardroom rotation resume db",
            "wardroom rotation cancel db",
        ],
    );
    assert_eq!(listed(&demo)[0]["paused"], true);
    demo.run(&["rotation", "resume", "db"]).ok();
    assert_eq!(listed(&demo)[0]["paused"], false);
    demo.run(&["rotation", "cancel", "db"]).ok();
    assert_eq!(listed(&demo)[0]["phase"], "rolled back");
    assert_eq!(demo.run(&["secret", "inspect", "db"]).json()[0]["Current"], 1);
}

#[test]
fn old_versions_are_kept_or_pruned() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"1").ok();
    for value in [b"2", b"3"] {
        demo.feed(&["secret", "rotate", "db", "-", "--yes"], value).ok();
    }
    let plan = demo.run(&["secret", "prune", "--plan", "db"]).ok();
    assert!(plan.contains("destroy") && plan.contains("db"), "{plan}");
    demo.run(&["secret", "prune", "db"])
        .refused(2, &["nobody can be asked", "--plan"]);
    let kept = demo.run(&["secret", "prune", "--keep", "1", "--yes", "db"]).ok();
    assert_eq!(kept.trim(), "db", "the first version's name is the secret's");
    assert_eq!(demo.run(&["secret", "prune", "--yes", "db"]).ok().trim(), "db_v2");
    let states: Vec<Value> = demo
        .run(&["secret", "versions", "db", "--format", "json"])
        .json()
        .as_array()
        .unwrap()
        .iter()
        .map(|version| version["state"].clone())
        .collect();
    assert_eq!(states, ["destroyed", "destroyed", "current"]);
}

#[test]
fn a_policy_is_set_shown_and_taken_away() {
    let demo = Demo::empty(&binary());
    demo.run(&["secret", "create", "db", "--generate", "8", "--rotate-generate", "8"])
        .refused(2, &["--max-age"]);
    demo.run(&[
        "secret",
        "create",
        "db",
        "--generate",
        "8",
        "--max-age",
        "90d",
        "--rotate-generate",
        "16",
    ])
    .ok();
    let table = demo.run(&["secret", "ls"]).ok();
    assert!(table.contains("90d, 16 generated"), "{table}");
    demo.run(&["secret", "update", "--rotate-off", "--keep-for", "30d", "db"])
        .ok();
    let secret = &demo.run(&["secret", "inspect", "db"]).json()[0];
    assert_eq!(
        (&secret["Schedule"], &secret["KeepMs"]),
        (&Value::Null, &(30_u64 * 86_400_000).into())
    );
    demo.run(&["secret", "update", "--rotate-off", "--rotate-hook", "x", "db"])
        .refused(2, &["--rotate-hook"]);
}
