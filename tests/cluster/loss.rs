//! What is lost when machines are? A leader that is killed, a side that is cut off, a majority that never comes back.

use std::time::{Duration, Instant};

use harness::process::Said;
use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;

const VALUE: &[u8] = b"canary-of-loss-77ab02";
const NO_LEADER: &str = "The swarm does not have a leader.";

/// Creates until one is acknowledged; what was refused may be tried again under another name.
fn create(machines: &Machines, by: &str, name: &str) -> Said {
    machines
        .named(by)
        .feed(&["secret", "create", name, "-"], name.as_bytes())
}

fn names(machines: &Machines) -> String {
    until("the list can be read", || machines.manager().ask(&["secret", "ls"])).to_string()
}

#[test]
fn a_killed_leader_is_followed_and_comes_back() {
    if !root_or_skip("a_killed_leader_is_followed_and_comes_back") {
        return;
    }
    let mut machines = Machines::cluster(&["m1", "m2", "m3", "w1"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 1, &["--constraint", "node.role==worker"]);
    let tasks = machines.wait_files("web", "db", 1, VALUE);
    let leader = machines.leader();
    machines.named_mut(&leader).kill();
    let next = until("another one leads", || {
        Some(machines.leader()).filter(|next| *next != leader)
    });
    create(&machines, &next, "after-the-kill").ok();
    let after = machines.wait_files("web", "db", 1, VALUE);
    assert_eq!(tasks[0]["pid"], after[0]["pid"], "the task did not notice");
    machines.named_mut(&leader).start();
    machines.wait_node(&leader, |node| node["manager_status"] == "reachable");
    let known = until("the one that came back has caught up", || {
        let known = machines.named(&leader).ask(&["secret", "ls"])?.to_string();
        known.contains("after-the-kill").then_some(known)
    });
    assert!(known.contains("\"db\""));
}

#[test]
fn a_partition_leaves_one_side_and_heals() {
    if !root_or_skip("a_partition_leaves_one_side_and_heals") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3"]);
    create(&machines, "m1", "before").ok();
    let leader = machines.leader();
    let alone = [machines.number(&leader)];
    let others: Vec<usize> = (0..3).filter(|number| *number != alone[0]).collect();
    machines.lab.part(&alone, &others);

    let majority = until("the majority has a leader", || {
        others
            .iter()
            .map(|number| &machines.all[*number])
            .find(|daemon| daemon.feed(&["secret", "create", "on-the-majority", "-"], b"x").code == 0)
    });
    until("the cut-off leader refuses in plain words", || {
        let started = Instant::now();
        let refused = create(&machines, &leader, "on-the-minority");
        (refused.code == 6 && refused.err.contains(NO_LEADER)).then(|| {
            assert!(started.elapsed() < Duration::from_secs(20), "it failed fast");
        })
    });
    machines.named(&leader).run(&["secret", "ls"]).refused(6, &[NO_LEADER]);
    assert!(
        machines
            .named(&leader)
            .run(&["secret", "ls", "--stale"])
            .ok()
            .contains("before")
    );

    machines.lab.heal(&alone, &others);
    until("the cut-off manager has what it missed", || {
        let known = machines.named(&leader).ask(&["secret", "ls"])?.to_string();
        (known.contains("on-the-majority") && !known.contains("on-the-minority")).then_some(())
    });
    assert!(majority.ask(&["audit", "ls"]).unwrap()["chain"] == "unbroken");
}

#[test]
fn a_survivor_makes_a_new_cluster_of_what_it_has() {
    if !root_or_skip("a_survivor_makes_a_new_cluster_of_what_it_has") {
        return;
    }
    let mut machines = Machines::cluster(&["m1", "m2", "m3", "w1"]);
    for number in 0..20 {
        create(&machines, "m1", &format!("s{number}")).ok();
    }
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 1, &["--constraint", "node.role==worker"]);
    machines.wait_files("web", "db", 1, VALUE);
    machines.named_mut("m2").kill();
    machines.named_mut("m3").kill();
    until("writes are refused in plain words", || {
        let refused = create(&machines, "m1", "lost");
        (refused.code == 6 && refused.err.contains(NO_LEADER)).then_some(())
    });
    let address = machines.named("m1").address.clone();
    machines
        .named("m1")
        .run(&["swarm", "init", "--force-new-cluster", "--advertise-addr", &address])
        .ok();
    let known = names(&machines);
    for name in (0..20).map(|number| format!("\"s{number}\"")) {
        assert!(known.contains(&name), "{name} was acknowledged and is gone");
    }
    let tasks = machines.wait_files("web", "db", 1, VALUE);
    assert!(machines.file(&tasks[0], "db").unwrap().exists());
    create(&machines, "m1", "afterwards").ok();

    // The others are no members any more, and cannot disturb.
    machines.named_mut("m2").start();
    machines.named_mut("m3").start();
    create(&machines, "m1", "undisturbed").ok();
    let nodes = machines.named("m1").ask(&["node", "ls"]).unwrap();
    let managers = nodes
        .as_array()
        .unwrap()
        .iter()
        .filter(|node| node["role"] == "manager")
        .count();
    assert_eq!(managers, 1, "{nodes}");
}

#[test]
fn a_worker_that_is_down_is_replaced() {
    if !root_or_skip("a_worker_that_is_down_is_replaced") {
        return;
    }
    let mut machines = Machines::cluster(&["m1", "w1", "w2"]);
    machines
        .manager()
        .run(&["swarm", "update", "--dispatcher-heartbeat", "1s"])
        .ok();
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 2, &["--constraint", "node.role==worker"]);
    machines.wait_files("web", "db", 2, VALUE);
    machines.named_mut("w1").kill();
    machines.wait_node("w1", |node| node["status"] == "down");
    let tasks = machines.wait_files("web", "db", 2, VALUE);
    assert!(tasks.iter().all(|task| task["node"] == "w2"), "{tasks:?}");
    machines.named_mut("w1").start();
    machines.wait_node("w1", |node| node["status"] == "ready");
}
