//! Can machines come, change and go? Join in either role, promote, demote, drain, remove, leave, and step down.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;

const VALUE: &[u8] = b"canary-of-membership-5d1e";

#[test]
fn machines_come_change_and_go() {
    if !root_or_skip("machines_come_change_and_go") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3", "w1", "w2"]);
    let nodes = machines.manager().ask(&["node", "ls"]).unwrap();
    assert_eq!(nodes.as_array().unwrap().len(), 5, "{nodes}");
    machines.named("w1").run(&["node", "ls"]).refused(
        7,
        &["This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state."],
    );
    machines.named("w1").run(&["swarm", "join", "--token", "x", "10.77.0.1:2377"]).refused(
        7,
        &["This node is already part of a swarm. Use \"wardroom swarm leave\" to leave this swarm and join another one."],
    );

    // What a worker holds stays where it is through its promotion and demotion.
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    for worker in ["w1", "w2"] {
        machines
            .manager()
            .run(&["node", "update", "--label-add", "app=yes", worker])
            .ok();
    }
    machines.serve("web", "db", 2, &["--constraint", "node.labels.app==yes"]);
    let tasks = machines.wait_files("web", "db", 2, VALUE);
    promote_and_demote(&machines);
    let after = machines.wait_files("web", "db", 2, VALUE);
    let places = |tasks: &[serde_json::Value]| {
        let place = |task: &serde_json::Value| (task["node"].to_string(), task["pid"].to_string());
        tasks.iter().map(place).collect::<BTreeSet<_>>()
    };
    assert_eq!(places(&tasks), places(&after), "no task was touched");

    drain_and_remove(&machines);
}

fn promote_and_demote(machines: &Machines) {
    let leader = machines.manager();
    let said = leader.run(&["node", "promote", "w1"]).ok();
    assert_eq!(said, "Node w1 promoted to a manager in the swarm.\n");
    machines.wait_node("w1", |node| node["manager_status"] == "reachable");
    until("w1 answers as a manager", || machines.named("w1").ask(&["node", "ls"]));
    let said = leader.run(&["node", "demote", "-y", "w1"]).ok();
    assert_eq!(said, "Manager w1 demoted in the swarm.\n");
    until("w1 is a worker again", || {
        let refused = machines.named("w1").run(&["node", "ls"]);
        refused.err.contains("Worker nodes can't be used").then_some(())
    });
    let store = machines.named("w1").state_dir.join("keyring");
    until("a worker keeps no keys of a manager", || {
        (!store.exists()).then_some(())
    });
}

fn drain_and_remove(machines: &Machines) {
    let manager = machines.manager();
    let before = machines.wait_files("web", "db", 2, VALUE);
    let drained: Vec<_> = before
        .iter()
        .filter(|task| task["node"] == "w1")
        .filter_map(|task| machines.file(task, "db"))
        .collect();
    manager.run(&["node", "update", "--availability", "drain", "w1"]).ok();
    until("both tasks run on w2", || {
        let tasks = machines.running("web");
        (tasks.len() == 2 && tasks.iter().all(|task| task["node"] == "w2")).then_some(())
    });
    until("nothing is left on the drained node", || {
        drained.iter().all(|path| !path.exists()).then_some(())
    });

    manager
        .run(&["node", "rm", "w1"])
        .refused(7, &["is not down and can't be removed"]);
    let leader = machines.leader();
    manager.run(&["node", "rm", &leader]).refused(
        7,
        &["is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"],
    );
    assert_eq!(
        machines.named("w1").run(&["swarm", "leave"]).ok(),
        "Node left the swarm.\n"
    );
    machines.wait_node("w1", |node| node["status"] == "down");
    manager.run(&["node", "rm", "w1"]).ok();
    assert!(machines.node("w1").is_none());
    let left = files_below(&machines.named("w1").state_dir);
    assert!(left.is_empty(), "a node that left keeps nothing: {left:?}");
    // And it may come again, as a new node.
    machines.join(machines.number("w1"));
}

#[test]
fn a_removed_node_is_refused_and_erases_what_it_holds() {
    if !root_or_skip("a_removed_node_is_refused_and_erases_what_it_holds") {
        return;
    }
    let machines = Machines::cluster(&["m1", "w1"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 1, &["--constraint", "node.hostname==w1"]);
    let tasks = machines.wait_files("web", "db", 1, VALUE);
    let held = machines.file(&tasks[0], "db").unwrap();
    machines.manager().run(&["node", "rm", "--force", "w1"]).ok();
    until("the removed node has erased its files", || {
        (!held.exists()).then_some(())
    });
    until("and says why it stands still", || {
        let info = machines.named("w1").run(&["swarm", "info"]);
        info.out.contains("removed from").then_some(())
    });
    assert!(machines.node("w1").is_none());
}

#[test]
fn a_leader_hands_over_and_managers_that_matter_stay() {
    if !root_or_skip("a_leader_hands_over_and_managers_that_matter_stay") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3"]);
    let before = machines.leader();
    machines.manager().run(&["swarm", "step-down"]).ok();
    assert_ne!(machines.leader(), before);
    let target = ["m1", "m2", "m3"]
        .into_iter()
        .find(|name| *name != machines.leader())
        .unwrap();
    machines.manager().run(&["swarm", "step-down", target]).ok();
    assert_eq!(machines.leader(), target);

    // The leader itself can be demoted; the last one cannot.
    machines.manager().run(&["node", "demote", "-y", target]).ok();
    machines.wait_node(target, |node| node["manager_status"] == "");
    let leader = machines.leader();
    let other = ["m1", "m2", "m3"]
        .into_iter()
        .find(|name| *name != leader && *name != target)
        .unwrap();
    machines.named(&leader).run(&["node", "demote", "-y", other]).ok();
    machines.wait_node(other, |node| node["manager_status"] == "");
    machines
        .named(&leader)
        .run(&["node", "demote", "-y", &leader])
        .refused(7, &["attempting to demote the last manager of the swarm"]);
}

/// Every file but the lock, which the running daemon holds.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| if path.is_dir() { files_below(&path) } else { vec![path] };
    entries
        .flat_map(below)
        .filter(|path| path.file_name().is_none_or(|name| name != "wardroom.lock"))
        .collect()
}
