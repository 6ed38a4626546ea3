//! Does every manager leave its old keys behind when it is told to, by the command line's word and by its own disk?

use harness::canary::Canary;
use harness::process::Demo;
use harness::until::until;
use serde_json::Value;

use crate::binary;

fn managers(demo: &Demo) -> Vec<Value> {
    let deks = demo.run(&["swarm", "dek", "--format", "json"]).json();
    deks["managers"].as_array().unwrap().clone()
}

fn epochs(demo: &Demo) -> Vec<u64> {
    managers(demo)
        .iter()
        .map(|manager| manager["dek_epoch"].as_u64().unwrap())
        .collect()
}

#[test]
fn a_new_dek_leaves_nothing_under_the_old_one() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"value").ok();
    let before = epochs(&demo);
    assert_eq!(before.len(), 3);
    let table = demo.run(&["swarm", "dek"]).ok();
    assert!(table.starts_with("MANAGER ") && table.contains("in clear"), "{table}");
    let plan = demo.run(&["swarm", "dek", "--rotate", "--plan"]).ok();
    assert!(plan.contains("ACTION") && plan.contains("fresh DEK"), "{plan}");
    assert_eq!(epochs(&demo), before, "a plan changes nothing");

    let said = demo.run(&["swarm", "dek", "--rotate"]);
    for manager in ["manager-1", "manager-2", "manager-3"] {
        assert!(said.err.contains(&format!("{manager}: DEK epoch ")), "{}", said.err);
    }
    assert_eq!(said.ok(), "Successfully rotated the DEK of 3 managers.\n");
    // The cluster may know it from the leader before this manager has heard it from the others.
    let have_said_so = until("every manager says so itself", || {
        let managers = managers(&demo);
        managers
            .iter()
            .all(|manager| manager["state"] == "ok")
            .then_some(managers)
    });
    for (manager, old) in have_said_so.iter().zip(before) {
        assert!(manager["dek_epoch"].as_u64().unwrap() > old, "{manager}");
        assert_eq!(manager["order"], 1, "{manager}");
        let uses = manager["uses"].as_array().unwrap();
        assert!(
            uses.iter().all(|used| used["epoch"] == manager["dek_epoch"]),
            "{manager}"
        );
    }
    demo.run(&["swarm", "dek", "--plan"])
        .refused(2, &["`--plan` flag requires the `--rotate` flag"]);
    demo.run(&["--read-only", "swarm", "dek", "--rotate"])
        .refused(4, &["--read-only"]);
}

#[test]
fn a_shred_says_since_when_each_manager_cannot_read_it() {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], b"shredded-canary-4411")
        .ok();
    demo.run(&[
        "service", "create", "--name", "web", "--secret", "db", "--", "sleep", "1000",
    ])
    .ok();
    let plan = demo.run(&["secret", "revoke", "--shred", "--plan", "db"]).ok();
    assert!(plan.contains("manager-1, manager-2, manager-3"), "{plan}");
    let said = demo.run(&["secret", "revoke", "--shred", "--yes", "db"]).ok();
    assert!(
        said.starts_with("db: revoked and destroyed, 1 erasure receipt"),
        "{said}"
    );
    for manager in ["manager-1", "manager-2", "manager-3"] {
        let line = format!("{manager}: no record from before can be read since 20");
        assert!(said.contains(&line), "{said}");
    }
    let orders = demo.run(&["swarm", "dek", "--format", "json"]).json()["orders"].clone();
    assert_eq!(orders[0]["reason"], "db v1 shredded");
    assert_eq!(orders[0]["owing"], serde_json::json!([]));

    demo.feed(&["secret", "create", "other", "-"], b"v").ok();
    let document = demo
        .run(&["secret", "revoke", "--shred", "--yes", "other", "--format", "json"])
        .json();
    assert_eq!(
        (&document["complete"], &document["shred"]["complete"]),
        (&true.into(), &true.into())
    );
    assert_eq!(document["shred"]["managers"].as_array().unwrap().len(), 3);
    assert_eq!(Canary::new(b"shredded-canary-4411").found_below(&demo.dir), [""; 0]);
}

#[test]
fn an_unlock_key_is_asked_for_in_vain_without_autolock() {
    let demo = Demo::empty(&binary());
    demo.run(&["swarm", "unlock-key"]).refused(7, &["no unlock key is set"]);
    demo.run(&["swarm", "unlock-key", "-q"])
        .refused(7, &["no unlock key is set"]);
    demo.run(&["swarm", "unlock-key", "--rotate"])
        .refused(7, &["cannot rotate because autolock is not turned on"]);
    let status = demo.run(&["status"]).ok();
    assert!(status.contains("Autolock:  off\n"), "{status}");
    let plan = demo.run(&["swarm", "update", "--autolock", "--plan"]).ok();
    assert!(plan.contains("unlock key") && plan.contains("epoch 2"), "{plan}");
    assert_eq!(
        demo.run(&["swarm", "update", "--autolock=false"]).ok(),
        "Swarm updated.\n"
    );
}
