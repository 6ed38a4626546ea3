//! The cluster as a whole by the command line: tokens, nodes, settings, the leader, the root. In Docker's words where
//! Docker has them.

use harness::process::Demo;
use harness::until::until;
use serde_json::Value;

use crate::binary;

fn rows(demo: &Demo) -> Vec<Value> {
    let nodes = demo.run(&["node", "ls", "--format", "json"]).json();
    nodes.as_array().unwrap().clone()
}

fn leader(demo: &Demo) -> String {
    until("somebody leads", || {
        let rows = rows(demo);
        let leader = rows.iter().find(|row| row["manager_status"] == "leader")?;
        Some(leader["hostname"].as_str().unwrap().to_owned())
    })
}

fn root(demo: &Demo) -> Value {
    demo.run(&["swarm", "ca", "--format", "json"]).json()
}

#[test]
fn join_tokens_are_shown_and_replaced() {
    let demo = Demo::empty(&binary());
    let token = |role: &str| demo.run(&["swarm", "join-token", "-q", role]).ok();
    let first = token("worker");
    assert!(first.starts_with("SWMTKN-1-") && first.len() == 86, "{}", first.len());
    assert_eq!(token("worker"), first, "looking changes nothing");
    assert_ne!(token("manager"), first);
    let said = demo.run(&["swarm", "join-token", "worker"]).ok();
    let line = format!("    wardroom swarm join --token {} 127.0.0.1:", first.trim());
    assert!(
        said.starts_with("To add a worker to this swarm, run the following command:\n\n") && said.contains(&line),
        "{said}"
    );
    let said = demo.run(&["swarm", "join-token", "--rotate", "worker"]).ok();
    assert!(
        said.starts_with("Successfully rotated worker join token.\n\nTo add a worker"),
        "{said}"
    );
    assert!(!said.contains(first.trim()) && token("worker") != first);

    let limited = demo.run(&[
        "swarm",
        "join-token",
        "--rotate",
        "--ttl",
        "1h",
        "--max-uses",
        "2",
        "worker",
    ]);
    assert!(limited.err.contains("lets 2 more nodes in"), "{}", limited.err);
    let facts = demo.run(&["swarm", "join-token", "worker", "--format", "json"]).json();
    assert_eq!((&facts["max_uses"], &facts["uses"]), (&2.into(), &0.into()));
    assert!(facts["expires"].as_str().unwrap().ends_with('Z'), "{facts}");

    demo.run(&["swarm", "join-token", "boss"])
        .refused(2, &["unknown role boss"]);
    demo.run(&["swarm", "join-token", "--ttl", "1h", "worker"])
        .refused(2, &["--rotate"]);
    let audit = demo.run(&["audit", "ls"]);
    assert!(
        audit.out.contains("token.rotate") && !audit.out.contains("SWMTKN"),
        "{}",
        audit.out
    );
}

#[test]
fn nodes_are_labelled_drained_and_not_taken_away_by_a_slip() {
    let demo = Demo::empty(&binary());
    demo.run(&[
        "node",
        "update",
        "--label-add",
        "zone=eu",
        "--availability",
        "drain",
        "worker-1",
    ])
    .ok();
    let row = |hostname: &str| rows(&demo).into_iter().find(|row| row["hostname"] == hostname).unwrap();
    assert_eq!(row("worker-1")["availability"], "drain");
    assert_eq!(row("worker-1")["labels"]["zone"], "eu");
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--",
        "sleep",
        "1000",
    ])
    .ok();
    let tasks = demo.run(&["node", "ps", "worker-2", "--format", "json"]).json();
    assert_eq!(tasks.as_array().unwrap().len(), 2, "a drained node takes none: {tasks}");
    demo.run(&[
        "node",
        "update",
        "--label-rm",
        "zone",
        "--availability",
        "active",
        "worker-1",
    ])
    .ok();
    assert_eq!(row("worker-1")["labels"], serde_json::json!({}));
    demo.run(&["node", "update", "worker-1"])
        .refused(2, &["nothing to change"]);
    demo.run(&["node", "update", "--label-add", "a=b", "worker-9"])
        .refused(3, &["node worker-9 not found"]);

    demo.run(&["node", "rm", "worker-1"])
        .refused(7, &["is not down and can't be removed"]);
    let manager = leader(&demo);
    demo.run(&["node", "rm", &manager]).refused(
        7,
        &["is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"],
    );
    assert_eq!(
        demo.run(&["node", "promote", "manager-1", "manager-2"]).ok(),
        "Node manager-1 is already a manager.\nNode manager-2 is already a manager.\n"
    );
    let plan = demo.run(&["node", "demote", "--plan", &manager]).ok();
    assert!(plan.contains(&manager) && plan.contains("ACTION"), "{plan}");
    assert!(rows(&demo).iter().filter(|row| row["role"] == "manager").count() == 3);
    let page = demo.run(&["node", "inspect", "self", "--pretty"]).ok();
    assert!(
        page.contains("Manager Status:\n Address:") && page.contains("Certificate:"),
        "{page}"
    );
    demo.run(&["node", "inspect", "self", "--pretty", "--format", "json"])
        .refused(2, &["pretty template"]);
    demo.run(&["swarm", "init"]).refused(1, &["wardroom daemon"]);
}

#[test]
fn settings_change_and_the_leader_hands_over() {
    let demo = Demo::empty(&binary());
    assert_eq!(
        demo.run(&["swarm", "update", "--cert-expiry", "48h", "--task-history-limit", "2"])
            .ok(),
        "Swarm updated.\n"
    );
    assert_eq!(root(&demo)["certificate_life_ms"], 48 * 3_600_000);
    demo.run(&["swarm", "update", "--cert-expiry", "30m"])
        .refused(2, &["minimum certificate expiry time is: 1h0m0s"]);
    demo.run(&["swarm", "update"]).refused(2, &["nothing to change"]);
    let before = leader(&demo);
    let other = ["manager-1", "manager-2"]
        .into_iter()
        .find(|name| *name != before)
        .unwrap();
    let said = demo.run(&["swarm", "step-down", other]).ok();
    assert!(said.starts_with(&format!("Manager {other} leads now")), "{said}");
    assert_eq!(leader(&demo), other);
    demo.run(&["swarm", "step-down", "worker-1"])
        .refused(7, &["not a manager"]);
    demo.feed(&["secret", "create", "afterwards", "-"], b"v").ok();
}

#[test]
fn the_root_is_replaced_under_a_running_cluster() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"value").ok();
    demo.run(&[
        "service", "create", "--name", "web", "--secret", "db", "--", "sleep", "1000",
    ])
    .ok();
    let (before, token) = (root(&demo), demo.run(&["swarm", "join-token", "-q", "worker"]).ok());
    assert_eq!(demo.run(&["swarm", "ca"]).ok(), before["certificate"].as_str().unwrap());
    demo.run(&["swarm", "ca", "--cert-expiry", "2h"]).refused(
        2,
        &["`--cert-expiry` flag requires the `--rotate` flag to update the CA"],
    );
    let plan = demo.run(&["swarm", "ca", "--rotate", "--plan"]).ok();
    assert!(plan.contains("ACTION"), "{plan}");
    assert_eq!(root(&demo), before, "a plan changes nothing");

    let said = demo.run(&["swarm", "ca", "--rotate"]);
    assert!(said.err.contains("rotated TLS certificates: 5/5 nodes"), "{}", said.err);
    let after = root(&demo);
    assert_eq!(said.ok(), after["certificate"].as_str().unwrap());
    assert_ne!(after["fingerprint"], before["fingerprint"]);
    assert_ne!(
        demo.run(&["swarm", "join-token", "-q", "worker"]).ok(),
        token,
        "tokens pin the new root"
    );
    let issuers: Vec<Value> = rows(&demo)
        .iter()
        .map(|row| row["certificate_issuer"].clone())
        .collect();
    assert!(
        issuers.iter().all(|issuer| *issuer == after["fingerprint"]),
        "{issuers:?}"
    );
    demo.feed(&["secret", "rotate", "db", "-", "--yes"], b"another").ok();
}

#[test]
fn a_policy_changes_without_the_value() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-", "-l", "tier=1"], b"value")
        .ok();
    let update = [
        "secret",
        "update",
        "--label-add",
        "team=a",
        "--label-rm",
        "tier",
        "--max-age",
        "90d",
        "--keep",
        "2",
        "--lease",
        "1h",
        "db",
    ];
    assert_eq!(demo.run(&update).ok(), "db\n");
    let secret = demo.run(&["secret", "inspect", "db"]).json()[0].clone();
    assert_eq!(secret["Spec"]["Labels"], serde_json::json!({ "team": "a" }));
    assert_eq!(secret["LeaseMs"], 3_600_000);
    assert_eq!((&secret["KeepVersions"], &secret["Current"]), (&2.into(), &1.into()));
    assert!(demo.run(&["secret", "versions", "db"]).err.contains("1h0m0s"));
    demo.run(&["secret", "update", "db"]).refused(2, &["nothing to change"]);
    demo.run(&["secret", "update", "--lease", "soon", "db"])
        .refused(2, &["invalid duration"]);
    demo.run(&["secret", "update", "--keep", "3", "dbb"])
        .refused(3, &["not found", "db"]);
}

#[test]
fn who_only_looks_changes_nothing() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"value").ok();
    let index = || demo.run(&["status", "--format", "json"]).json()["index"].clone();
    let before = index();
    for line in [
        &["secret", "rm", "db"][..],
        &["secret", "revoke", "--yes", "db"],
        &["node", "demote", "manager-1"],
        &["swarm", "join-token", "--rotate", "worker"],
        &["swarm", "ca", "--rotate"],
        &["operator", "add", "ada", "--role", "viewer"],
    ] {
        demo.run(&[&["--read-only"], line].concat())
            .refused(4, &["changes the cluster", "--read-only"]);
    }
    demo.run(&["--read-only", "secret", "ls"]).ok();
    demo.run(&["--read-only", "secret", "revoke", "--plan", "db"]).ok();
    assert_eq!(index(), before, "nothing reached the log");
}
