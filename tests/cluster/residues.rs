//! What is left of a value that is no longer wanted? Nothing: in no memory of a manager or a worker, on no disk, in no
//! backup, log or argument. Each search has to find the value first where it belongs.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::canary::Canary;
use harness::daemon::Daemon;
use harness::memory::{self, Hit};
use harness::skip::root_or_skip;
use harness::until::until;
use serde_json::Value;

use crate::machines::Machines;

/// As long as a good password, and nothing that a program holds by chance.
const FIRST: &[u8] = b"pQ7vZk2LmX9sRt4WcYb8NfHd3JgKa6UeTiOo1PrSxVyBwCzDqEnFuGhMlIjAk5tZ";
const SECOND: &[u8] = b"uT5cHs8FnYk1VzQe3LbXr9GwMd7JpAo2KiRt6SyNxPvBmCqWfEaDlZgUjOh4IeKr";
const PASSPHRASE: &[u8] = b"a passphrase of backups\n";

/// A buffer of a connection that is just being closed goes with it.
pub(crate) const PATIENCE: Duration = Duration::from_secs(10);

#[test]
fn nothing_is_left_of_a_value_once_its_receipts_are_in() {
    if !root_or_skip("nothing_is_left_of_a_value_once_its_receipts_are_in") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3", "w1", "w2"]);
    let values = [Canary::new(FIRST), Canary::new(SECOND)];
    let leader = machines.leader();
    let follower = ["m1", "m2", "m3"].into_iter().find(|name| *name != leader).unwrap();
    // Each way in: forwarded by a manager that follows, and taken by the one that leads.
    machines
        .named(follower)
        .feed(&["secret", "create", "db", "-"], FIRST)
        .ok();
    let reads = ["--", "sh", "-c", "v=$(cat /run/secrets/db); sleep 1000; echo $v"];
    let grant = ["--secret", "source=db,target=db", "--constraint", "node.role==worker"];
    let create = ["service", "create", "--name", "web", "--mode", "global"];
    machines.manager().run(&[&create[..], &grant, &reads].concat()).ok();
    let tasks = machines.wait_files("web", "db", 2, FIRST);
    for task in &tasks {
        check_held(&machines, task, &values[0]);
    }
    for manager in managers(&machines) {
        check_memory(manager, &values);
    }
    machines
        .named(&leader)
        .feed(&["secret", "rotate", "db", "-", "--yes"], SECOND)
        .ok();
    machines.wait_files("web", "db", 2, SECOND);
    let backup = machines.folder.path().join("cluster.age");
    let to = backup.to_str().unwrap();
    machines
        .named(follower)
        .feed(&["backup", "create", "--passphrase-file", "-", to], PASSPHRASE)
        .ok();

    machines.named(follower).run(&["secret", "revoke", "db", "--yes"]).ok();
    for daemon in &machines.all {
        check_memory(daemon, &values);
        check_words(daemon, &values);
    }
    check_disks(machines.folder.path(), &values);
}

pub(crate) fn managers(machines: &Machines) -> impl Iterator<Item = &Daemon> {
    machines.all.iter().filter(|daemon| daemon.name.starts_with('m'))
}

/// The searches can find it: in the memory of the task that has read it, of the worker that holds it, in its file.
fn check_held(machines: &Machines, task: &Value, value: &Canary) {
    let pid = u32::try_from(task["pid"].as_u64().unwrap()).unwrap();
    until("the task has read its file", || {
        (!traces(pid, value).is_empty()).then_some(())
    });
    let worker = machines.named(task["node"].as_str().unwrap());
    assert!(!traces(worker.pid(), value).is_empty(), "{} holds it", worker.name);
    let file = machines.file(task, "db").unwrap();
    assert_eq!(value.found_below(file.parent().unwrap()).len(), 1);
}

pub(crate) fn traces(pid: u32, value: &Canary) -> Vec<Hit> {
    memory::scan(pid, value).unwrap().hits
}

/// Nothing of any value is in the memory of this daemon, or of a process it has started.
pub(crate) fn check_memory(daemon: &Daemon, values: &[Canary]) {
    let started = Instant::now();
    loop {
        let hits: Vec<Hit> = values.iter().flat_map(|value| traces(daemon.pid(), value)).collect();
        if hits.is_empty() {
            return;
        }
        assert!(
            started.elapsed() < PATIENCE,
            "in the memory of {}: {hits:#?}",
            daemon.name
        );
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// Nor in what it says or was told at its start.
fn check_words(daemon: &Daemon, values: &[Canary]) {
    let pid = daemon.pid();
    let read = |file: &str| std::fs::read(format!("/proc/{pid}/{file}")).unwrap();
    for (place, bytes) in [
        ("log", daemon.log().into_bytes()),
        ("arguments", read("cmdline")),
        ("environment", read("environ")),
    ] {
        assert!(!bytes.is_empty(), "{place} of {}", daemon.name);
        for value in values {
            assert_eq!(value.traces_in(&bytes), [], "{place} of {}", daemon.name);
        }
    }
}

/// State of all machines, their logs and the backup are below this folder.
fn check_disks(folder: &Path, values: &[Canary]) {
    let control = folder.join("control");
    std::fs::write(&control, FIRST).unwrap();
    assert_eq!(values[0].found_below(folder), [format!("{} (raw)", control.display())]);
    std::fs::remove_file(control).unwrap();
    for value in values {
        assert_eq!(value.found_below(folder), Vec::<String>::new());
    }
}
