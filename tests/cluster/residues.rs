//! What is left of a value that is no longer wanted? Nothing: in no memory of a manager or a worker, on no disk, in no
//! backup, log or argument. Each search has to find the value first where it belongs.

use std::path::Path;
use std::time::{Duration, Instant};

use harness::canary::Canary;
use harness::daemon::Daemon;
use harness::holder::Holder;
use harness::keyring::Keys;
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
const PATIENCE: Duration = Duration::from_secs(10);

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

/// Where each manager keeps its keyring, below its state directory.
const KEYRING: &str = "manager/keyring";

#[test]
fn no_key_of_a_manager_is_where_it_can_be_read_or_swapped() {
    if !root_or_skip("no_key_of_a_manager_is_where_it_can_be_read_or_swapped") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3", "w1"]);
    machines.manager().feed(&["secret", "create", "db", "-"], FIRST).ok();
    machines.serve("web", "db", 2, &[]);
    machines.wait_files("web", "db", 2, FIRST);
    for manager in managers(&machines) {
        let file = manager.state_dir.join(KEYRING);
        for (name, key) in Keys::read(&file, None).all() {
            let canary = Canary::new(key);
            let holder = Holder::of(key);
            assert!(
                !traces(holder.pid(), &canary).is_empty(),
                "the search finds a key that is held in the open"
            );
            for daemon in &machines.all {
                check_key(daemon, name, &canary);
            }
        }
        let text = Keys::read(&file, None).unlock_key_text();
        for daemon in &machines.all {
            check_key(daemon, "unlock key as text", &Canary::new(text.as_bytes()));
        }
    }
}

/// A token that was made, shown by a manager that follows, and used to join, is in no buffer of any of them.
#[test]
fn nothing_is_left_of_a_token_that_was_shown_and_used() {
    if !root_or_skip("nothing_is_left_of_a_token_that_was_shown_and_used") {
        return;
    }
    let machines = Machines::alone(&["m1", "m2", "w1"]);
    machines.init(0);
    machines.join(1);
    let follower = &machines.all[1];
    let token = follower.run(&["swarm", "join-token", "-q", "--rotate", "worker"]).ok();
    assert_eq!(follower.run(&["swarm", "join-token", "-q", "worker"]).ok(), token);
    let arguments = ["swarm", "join", "--token-file", "-", &follower.address];
    machines.all[2].feed(&arguments, token.as_bytes()).ok();
    let (_, secret) = token.trim().rsplit_once('-').unwrap();
    let canary = Canary::new(secret.as_bytes());
    assert!(!traces(Holder::of(token.as_bytes()).pid(), &canary).is_empty());
    for daemon in &machines.all {
        check_memory(daemon, std::slice::from_ref(&canary));
    }
}

/// In `memfd_secret` nobody can read it; where the kernel has none, it stands in memory that is never swapped.
fn check_key(daemon: &Daemon, name: &str, key: &Canary) {
    let mut seen = memory::scan(daemon.pid(), key).unwrap();
    if seen.hidden == 0 {
        seen.hits.retain(|hit| hit.can_be_swapped);
    }
    assert!(
        seen.hits.is_empty(),
        "{name} in the memory of {}: {:#?}",
        daemon.name,
        seen.hits
    );
}

fn managers(machines: &Machines) -> impl Iterator<Item = &Daemon> {
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

fn traces(pid: u32, value: &Canary) -> Vec<Hit> {
    memory::scan(pid, value).unwrap().hits
}

/// Nothing of any value is in the memory of this daemon, or of a process it has started.
fn check_memory(daemon: &Daemon, values: &[Canary]) {
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
