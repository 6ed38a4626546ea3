//! Where is a key of a manager, a join token or an unlock key to be found? In memory that nobody else can read, and that is
//! never swapped; in no buffer that it has passed through; and nowhere on a manager that is locked.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::canary::Canary;
use harness::daemon::Daemon;
use harness::holder::Holder;
use harness::keyring::Keys;
use harness::memory;
use harness::skip::root_or_skip;
use harness::until::until;

use crate::machines::Machines;
use crate::residues::{PATIENCE, check_memory, managers, traces};

const VALUE: &[u8] = b"canary-of-keys-71c0d2";

#[test]
fn no_key_of_a_manager_is_where_it_can_be_read_or_swapped() {
    if !root_or_skip("no_key_of_a_manager_is_where_it_can_be_read_or_swapped") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2", "m3", "w1"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 2, &[]);
    machines.wait_files("web", "db", 2, VALUE);
    for manager in managers(&machines) {
        let file = keyring(manager);
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

/// It was made by one manager, shown by another, typed into a third, and read from no disk.
#[test]
fn a_locked_manager_has_no_key_and_an_unlocked_one_shows_none() {
    if !root_or_skip("a_locked_manager_has_no_key_and_an_unlocked_one_shows_none") {
        return;
    }
    let mut machines = Machines::cluster(&["m1", "m2"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    let follower = if machines.leader() == "m1" { "m2" } else { "m1" };
    machines
        .named(follower)
        .run(&["swarm", "update", "--autolock=true"])
        .ok();
    let text = machines.named(follower).run(&["swarm", "unlock-key", "-q"]).ok();
    let file = keyring(machines.named(follower));
    until("its disk needs the key", || locks(&file).then_some(()));
    let keys = Keys::read(&file, Some(&text));
    let named = keys.all().map(|(name, key)| (name, Canary::new(key)));
    let all: Vec<_> = named
        .chain([("unlock key as text", Canary::new(text.trim().as_bytes()))])
        .collect();
    for (name, key) in &all {
        check_key(machines.named(follower), name, key);
    }

    let daemon = machines.named_mut(follower);
    assert_eq!(daemon.stop(), 0);
    daemon.start();
    daemon.run(&["secret", "ls"]).refused(5, &["Swarm is encrypted"]);
    for (name, key) in &all {
        assert!(traces(daemon.pid(), key).is_empty(), "{name} is in a locked manager");
        assert_eq!(
            key.found_below(&daemon.state_dir),
            Vec::<String>::new(),
            "{name} is on its disk"
        );
    }
    daemon.feed(&["swarm", "unlock"], text.as_bytes()).ok();
    machines.wait_node(follower, |node| node["manager_status"] != "unreachable");
    for (name, key) in &all {
        check_key(machines.named(follower), name, key);
    }
}

/// Whether the unlock key is gone from the keyring file; `core/keys/FORMAT.md` has the byte.
fn locks(keyring: &Path) -> bool {
    std::fs::read(keyring).is_ok_and(|bytes| bytes.get(10) == Some(&1))
}

fn keyring(manager: &Daemon) -> PathBuf {
    manager.state_dir.join("manager/keyring")
}

/// In `memfd_secret` nobody can read it; where the kernel has none, it stands in memory that is never swapped. A buffer of a
/// connection that is just being closed goes with it.
fn check_key(daemon: &Daemon, name: &str, key: &Canary) {
    let mut last = Vec::new();
    let started = Instant::now();
    while started.elapsed() < PATIENCE {
        let mut seen = memory::scan(daemon.pid(), key).unwrap();
        if seen.hidden == 0 {
            seen.hits.retain(|hit| hit.can_be_swapped);
        }
        if seen.hits.is_empty() {
            return;
        }
        last = seen.hits;
        std::thread::park_timeout(Duration::from_millis(100));
    }
    panic!("{name} in the memory of {}: {last:#?}", daemon.name);
}
