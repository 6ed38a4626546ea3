//! What becomes of a manager that is down while the others take new keys? It is named as owing, opens with the key of its
//! own epoch and no other, and follows when it is back.

use harness::daemon::Daemon;
use harness::until::until;
use serde_json::Value;

use crate::daemons::{daemon, join, scratch};

/// Managers by hostname, as `swarm dek` tells.
fn managers(daemon: &Daemon) -> Option<Vec<Value>> {
    daemon.ask(&["swarm", "dek"])?["managers"].as_array().cloned()
}

/// All three hang on that unlock key and owe nothing.
fn all_follow(daemon: &Daemon, epoch: u64) {
    until("every manager hangs on the unlock key and owes nothing", || {
        let managers = managers(daemon)?;
        let follows = |manager: &Value| {
            manager["locks"] == true && manager["unlock_key_epoch"] == epoch && manager["owes"] == serde_json::json!([])
        };
        (managers.len() == 3 && managers.iter().all(follows)).then_some(())
    });
}

fn key(said: &str) -> String {
    let mut words = said.split_whitespace();
    let key = words.rfind(|word| word.starts_with("SWMKEY-1-"));
    key.unwrap_or_else(|| panic!("no key in: {said}")).to_owned()
}

#[test]
fn a_manager_that_is_down_is_named_and_follows_when_it_is_back() {
    let folder = scratch();
    let [first, second, mut third] = ["m1", "m2", "m3"].map(|name| daemon(folder.path(), name));
    let init = ["swarm", "init", "--autolock", "--listen-addr", &first.address];
    let old = key(&first.run(&init).ok());
    join(&second, &first, "manager").ok();
    join(&third, &first, "manager").ok();
    first.feed(&["secret", "create", "db", "-"], b"value").ok();
    all_follow(&first, 2);

    assert_eq!(third.stop(), 0);
    until("the third is missed", || {
        let state = managers(&first)?[2]["state"].as_str()?.to_owned();
        state.starts_with("does not answer").then_some(())
    });
    first.run(&["swarm", "dek", "--rotate"]).refused(
        124,
        &[
            "but still owed: m3 is down",
            "opens with the unlock key of epoch 2",
            "m1: DEK epoch",
        ],
    );
    first
        .run(&["secret", "revoke", "--shred", "--yes", "db"])
        .refused(124, &["what the managers wrote of db before", "m3 is down"]);
    let rotated = first.run(&["swarm", "unlock-key", "--rotate"]);
    let left = "will on return: m3 is down: DEK epoch";
    assert!(rotated.err.contains(left), "{}", rotated.err);
    let new = key(&rotated.ok());
    let status = first.run(&["status"]).ok();
    for text in [
        "; where it runs it may be locked, and open with the unlock key of epoch 2",
        "manager m3 still hangs on the unlock key of epoch 2",
        "(the unlock key was rotated) is still owed by m3",
    ] {
        assert!(status.contains(text), "{status}");
    }

    third.start();
    let info = third.run(&["swarm", "info"]).ok();
    assert!(
        info.contains("Swarm:       locked\n") && info.contains("m3 waits for the unlock key of epoch 2"),
        "{info}"
    );
    third
        .feed(&["swarm", "unlock"], new.as_bytes())
        .refused(4, &["invalid key provided", "epoch 2"]);
    let shown = first.run(&["swarm", "unlock-key", "-q", "--epoch", "2"]).ok();
    assert_eq!(shown, format!("{old}\n"));
    third.feed(&["swarm", "unlock"], shown.as_bytes()).ok();
    all_follow(&first, 3);
    first
        .run(&["swarm", "unlock-key", "--epoch", "2"])
        .refused(3, &["no unlock key of epoch 2 is kept"]);
}
