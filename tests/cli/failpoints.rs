//! What if a manager dies between two steps of a rotation? Killed at each named point, in a process of its own, it comes back
//! with the old unlock key or the new one, never with both or none, and with everything that was acknowledged.
//!
//! Every subset of unsynced writes at every disk operation is tried in `core/log/tests/rotations.rs`, and a power cut at each
//! of these points in the manager's own tests; here the whole program dies.

use harness::daemon::Daemon;
use harness::process::Said;
use harness::until::until;

use crate::daemons::{daemon, scratch};

/// A new unlock key passes all of them: the keyring, then the DEK, then the node's key.
const POINTS: [&str; 10] = [
    "kek.saving",
    "kek.saved",
    "dek.begun",
    "dek.rolled",
    "dek.snapshot",
    "dek.purged",
    "node-key.written",
    "node-key.renamed",
    "dek.node-key",
    "dek.finished",
];

/// The last unlock key in what a command said.
fn key(said: &str) -> String {
    let mut words = said.split_whitespace();
    let key = words.rfind(|word| word.starts_with("SWMKEY-1-"));
    key.unwrap_or_else(|| panic!("no key in: {said}")).to_owned()
}

fn unlock(daemon: &Daemon, key: &str) -> Said {
    daemon.feed(&["swarm", "unlock"], format!("{key}\n").as_bytes())
}

/// The node leads and shows its secrets.
fn secrets(daemon: &Daemon) -> usize {
    until("it leads again", || {
        let said = daemon.run(&["secret", "ls", "-q"]);
        (said.code == 0).then(|| said.out.lines().count())
    })
}

fn has_followed(daemon: &Daemon) {
    until("every manager has followed", || {
        let cluster = daemon.ask(&["swarm", "dek"])?;
        let managers = cluster["managers"].as_array()?.clone();
        let is_done = |manager: &serde_json::Value| {
            manager["state"] == "ok"
                && manager["pending_dek_epoch"] == 0
                && manager["unlock_key_epoch"] == cluster["unlock_key"]["epoch"]
        };
        (!managers.is_empty() && managers.iter().all(is_done)).then_some(())
    });
}

#[test]
fn a_manager_that_dies_at_any_point_of_a_rotation_opens_with_one_key_and_has_lost_nothing() {
    for point in POINTS {
        let folder = scratch();
        let mut manager = daemon(folder.path(), "m1");
        let init = ["swarm", "init", "--autolock", "--listen-addr", &manager.address.clone()];
        let old = key(&manager.run(&init).ok());
        manager.feed(&["secret", "create", "db", "-"], b"value").ok();
        has_followed(&manager);
        assert_eq!(manager.stop(), 0);
        manager.failpoint = Some(point);
        manager.start();
        unlock(&manager, &old).ok();
        assert_eq!(secrets(&manager), 1);

        // It dies while the command waits, or after the answer.
        let rotated = manager.run(&["swarm", "unlock-key", "--rotate", "--yes", "--quiet", "--detach"]);
        let new = key(&rotated.out);
        manager.died();
        manager.failpoint = None;
        manager.start();
        manager.run(&["secret", "ls"]).refused(5, &["Swarm is encrypted"]);
        let (first, second) = (unlock(&manager, &old).code == 0, unlock(&manager, &new).code == 0);
        assert!(first != second, "{point}: old key {first}, new key {second}");
        assert_eq!(secrets(&manager), 1, "{point}");
        has_followed(&manager);

        // Whatever it was, it has come to the new key by now.
        assert_eq!(manager.stop(), 0);
        manager.start();
        unlock(&manager, &old).refused(4, &["invalid key provided"]);
        unlock(&manager, &new).ok();
        assert_eq!(secrets(&manager), 1, "{point}");
    }
}
