//! How soon does a machine work, and what does it keep when it is cut off? Delivery to a newcomer, leases, and pauses.

use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;

const VALUE: &[u8] = b"canary-of-work-e4d909c2";

#[test]
fn a_newcomer_gets_its_share() {
    if !root_or_skip("a_newcomer_gets_its_share") {
        return;
    }
    let machines = Machines::alone(&["m1", "w1"]);
    machines.init(0);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    let grant = ["--secret", "source=db,target=db", "--constraint", "node.role==worker"];
    let create = ["service", "create", "--name", "web", "--mode", "global"];
    machines
        .manager()
        .run(&[&create[..], &grant, &["--", "sleep", "1000"]].concat())
        .ok();
    assert!(machines.running("web").is_empty());
    machines.join(1);
    machines.wait_files("web", "db", 1, VALUE);
}

#[test]
fn a_lease_ends_what_a_cut_off_worker_holds() {
    if !root_or_skip("a_lease_ends_what_a_cut_off_worker_holds") {
        return;
    }
    let machines = Machines::cluster(&["m1", "w1"]);
    let manager = machines.manager();
    manager.run(&["swarm", "update", "--dispatcher-heartbeat", "1s"]).ok();
    manager.feed(&["secret", "create", "db", "-"], VALUE).ok();
    manager.feed(&["secret", "create", "kept", "-"], VALUE).ok();
    manager.run(&["secret", "update", "--lease", "10s", "db"]).ok();
    machines.serve(
        "web",
        "db",
        1,
        &[
            "--secret",
            "source=kept,target=kept",
            "--constraint",
            "node.role==worker",
        ],
    );
    let tasks = machines.wait_files("web", "db", 1, VALUE);
    let (leased, kept) = (
        machines.file(&tasks[0], "db").unwrap(),
        machines.file(&tasks[0], "kept").unwrap(),
    );
    let worker = machines.number("w1");
    machines.lab.host(worker).unplug();
    until("the lease has run out and the file is erased", || {
        (!leased.exists()).then_some(())
    });
    assert_eq!(std::fs::read(&kept).unwrap(), VALUE, "what has no lease stays");
    machines.lab.host(worker).plug_in();
    // Its task was given up meanwhile; the next one has the file again.
    machines.wait_files("web", "db", 1, VALUE);
}

#[test]
fn a_paused_node_takes_nothing_new() {
    if !root_or_skip("a_paused_node_takes_nothing_new") {
        return;
    }
    let machines = Machines::cluster(&["m1", "w1", "w2"]);
    let manager = machines.manager();
    manager.feed(&["secret", "create", "db", "-"], VALUE).ok();
    manager.run(&["node", "update", "--availability", "pause", "w1"]).ok();
    manager.run(&["node", "update", "--label-add", "zone=east", "w2"]).ok();
    machines.serve("web", "db", 2, &["--constraint", "node.role==worker"]);
    let tasks = machines.wait_files("web", "db", 2, VALUE);
    assert!(tasks.iter().all(|task| task["node"] == "w2"), "{tasks:?}");
    machines.serve("east", "db", 1, &["--constraint", "node.labels.zone==east"]);
    let tasks = machines.wait_files("east", "db", 1, VALUE);
    assert_eq!(tasks[0]["node"], "w2");
    machines.serve("nowhere", "db", 1, &["--constraint", "node.labels.zone==west"]);
    until("the reason is told", || {
        let tasks = manager.ask(&["service", "ps", "nowhere"])?.to_string();
        tasks.contains("no suitable node").then_some(())
    });
}
