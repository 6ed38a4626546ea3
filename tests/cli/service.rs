//! Services by Docker's lines: the sequence that everybody rotates by, changes of a spec, and what cannot be meant.

use harness::process::Demo;
use harness::until::until;
use serde_json::Value;

use crate::binary;

const FIRST: &[u8] = b"first-canary-50c1e7";
const SECOND: &[u8] = b"second-canary-9bd204";

fn tasks(demo: &Demo, service: &str) -> Vec<Value> {
    let listed = demo
        .run(&[
            "service",
            "ps",
            service,
            "-f",
            "desired-state=running",
            "--format",
            "json",
        ])
        .json();
    listed.as_array().unwrap().clone()
}

fn spec(demo: &Demo, service: &str) -> Value {
    demo.run(&["service", "inspect", service]).json()[0]["Spec"].clone()
}

/// Docker's own words for a rotation: another secret under the same target.
#[test]
fn the_sequence_of_docker_works_line_by_line() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db_v1", "-"], FIRST).ok();
    let create =
        "service create --name web --replicas 2 --update-monitor 0s --secret source=db_v1,target=db -- sleep 1000";
    demo.run(&create.split(' ').collect::<Vec<_>>()).ok();
    let before = demo.files("web", "db");
    assert_eq!(before.len(), 2);
    for path in &before {
        assert_eq!(std::fs::read(path).unwrap(), FIRST);
    }
    demo.feed(&["secret", "create", "db_v2", "-"], SECOND).ok();
    let said = demo.run(&[
        "service",
        "update",
        "--secret-rm",
        "db_v1",
        "--secret-add",
        "source=db_v2,target=db",
        "web",
    ]);
    assert!(said.err.contains("converged"), "{}", said.err);
    assert_eq!(said.ok().trim(), "web");
    let after = demo.files("web", "db");
    assert_eq!(after.len(), 2);
    for path in &after {
        assert_eq!(std::fs::read(path).unwrap(), SECOND, "{}", path.display());
    }
    demo.run(&["secret", "rm", "db_v1"]).ok();
    let left = demo.run(&["secret", "ls", "--format", "json"]).json();
    assert_eq!(left.as_array().unwrap().len(), 1);
}

#[test]
fn a_spec_changes_in_the_parts_that_are_named() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], FIRST).ok();
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--secret",
        "db",
        "-e",
        "A=1",
        "-e",
        "B=2",
        "-l",
        "tier=front",
        "--update-monitor",
        "0s",
        "--",
        "sleep",
        "1000",
    ])
    .ok();
    demo.run(&[
        "service",
        "update",
        "--env-rm",
        "A",
        "--env-add",
        "B=3",
        "--label-add",
        "team=a",
        "--constraint-add",
        "node.role==worker",
        "--update-parallelism",
        "0",
        "--args",
        "sleep 2000",
        "web",
    ])
    .ok();
    let changed = spec(&demo, "web");
    assert_eq!(changed["TaskTemplate"]["Env"], serde_json::json!(["B=3"]));
    assert_eq!(changed["Command"], serde_json::json!(["sleep", "2000"]));
    assert_eq!(changed["Labels"], serde_json::json!({ "tier": "front", "team": "a" }));
    assert_eq!(changed["UpdateConfig"]["Parallelism"], 0);
    assert_eq!(
        changed["Secrets"].as_array().unwrap().len(),
        1,
        "what is not named stays"
    );

    demo.run(&["service", "scale", "web=3"]).ok();
    assert_eq!(demo.files("web", "db").len(), 3);

    demo.run(&["service", "rollback", "web"]).ok();
    assert_eq!(spec(&demo, "web")["Mode"]["Replicated"]["Replicas"], 1);
    until("the tasks that are too many are gone", || {
        (demo.files("web", "db").len() == 1).then_some(())
    });

    let pids = |tasks: Vec<Value>| tasks.iter().map(|task| task["pid"].clone()).collect::<Vec<_>>();
    let before = pids(tasks(&demo, "web"));
    demo.run(&["service", "update", "--force", "web"]).ok();
    assert_ne!(before, pids(tasks(&demo, "web")), "another process");
    let pretty = demo.run(&["service", "inspect", "--pretty", "web"]).ok();
    for text in [
        "Name:\t\tweb",
        "Secrets:\n Target:\tdb\n  Source:\tdb",
        "UpdateStatus:\n State:\t\tcompleted",
    ] {
        assert!(pretty.contains(text), "{text:?} is not in: {pretty}");
    }
}

#[test]
fn an_update_that_fails_says_so_and_fails() {
    let demo = Demo::empty(&binary());
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--update-monitor",
        "1s",
        "--restart-delay",
        "1s",
        "--",
        "sleep",
        "1000",
    ])
    .ok();
    demo.run(&["service", "update", "--args", "false", "web"]).refused(
        1,
        &["service update paused: update paused due to failure or early termination of task"],
    );
    demo.run(&[
        "service",
        "update",
        "--update-failure-action",
        "rollback",
        "--args",
        "sleep 3000",
        "web",
    ])
    .ok();
    demo.run(&["service", "update", "--args", "false", "web"])
        .refused(1, &["service rolled back"]);
    assert_eq!(spec(&demo, "web")["Command"], serde_json::json!(["sleep", "3000"]));
}

#[test]
fn what_cannot_be_meant_changes_nothing() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], FIRST).ok();
    demo.run(&[
        "service", "create", "--name", "web", "--secret", "db", "--", "sleep", "1000",
    ])
    .ok();
    let before = demo.run(&["service", "inspect", "web"]).ok();
    for (line, code, text) in [
        ("service update web", 2, "nothing to change"),
        ("service update --secret-rm nope web", 3, "secret nope not found"),
        (
            "service update --secret-add source=db,target=./db web",
            2,
            "conflicting target",
        ),
        (
            "service update --env-rm A web",
            2,
            "the service has no environment variable A",
        ),
        (
            "service update --publish-add 80 web",
            2,
            "--publish-add is for containers",
        ),
        (
            "service update --rollback --force web",
            2,
            "other flags may not be combined with --rollback",
        ),
        ("service update --update-delay 5 web", 2, "write numbers with units"),
        ("service update --mode global web", 2, "--mode"),
        ("service rollback web", 7, "does not have a previous spec"),
        ("service scale web=many", 2, "invalid scale specifier 'web=many'"),
        ("service scale nope=2", 3, "service nope not found"),
        ("service create --nmae x redis", 2, "a similar argument exists: --name"),
        (
            "service create --name x --secret source=db,uid=postgres -- true",
            2,
            "invalid uid 'postgres'",
        ),
        (
            "service create --name x --mount type=bind,target=/x redis",
            2,
            "source is required for a bind mount",
        ),
        ("service create --name x -p 70000 redis", 2, "invalid port '70000'"),
        ("service create --name x", 2, "a command is required"),
        ("service ps -f nmae=x web", 2, "did you mean name?"),
        ("service logs --since yesterday web", 2, "invalid value for \"since\""),
        ("service logs nope", 3, "service nope not found"),
    ] {
        demo.run(&line.split(' ').collect::<Vec<_>>()).refused(code, &[text]);
    }
    assert_eq!(demo.run(&["service", "inspect", "web"]).ok(), before);
}

#[test]
fn a_plan_changes_nothing() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], FIRST).ok();
    demo.run(&["service", "create", "--name", "web", "--", "sleep", "1000"])
        .ok();
    let plan = demo
        .run(&["service", "update", "--secret-add", "db", "--plan", "web"])
        .ok();
    assert!(plan.starts_with("Plan at index"), "{plan}");
    assert_eq!(spec(&demo, "web")["Secrets"], serde_json::json!([]));
}

/// As the line before, with containers in place of processes: nothing but the words after the image differs.
#[test]
fn the_sequence_of_docker_works_with_containers() {
    let Some(image) = harness::engine::image_or_skip("Docker's sequence with containers") else {
        return;
    };
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db_v1", "-"], FIRST).ok();
    let create = format!(
        "service create --name web --stop-grace-period 1s --update-monitor 1s --secret source=db_v1,target=db {image} sleep 1000"
    );
    demo.run(&create.split(' ').collect::<Vec<_>>()).ok();
    assert_eq!(std::fs::read(&demo.files("web", "db")[0]).unwrap(), FIRST);
    demo.feed(&["secret", "create", "db_v2", "-"], SECOND).ok();
    let update = "service update --secret-rm db_v1 --secret-add source=db_v2,target=db web";
    demo.run(&update.split(' ').collect::<Vec<_>>()).ok();
    assert_eq!(std::fs::read(&demo.files("web", "db")[0]).unwrap(), SECOND);
    demo.run(&["secret", "rm", "db_v1"]).ok();
    let listed = demo.run(&["service", "ls"]).ok();
    assert!(listed.contains(image), "{listed}");
    demo.run(&["service", "rm", "web"]).ok();
}
