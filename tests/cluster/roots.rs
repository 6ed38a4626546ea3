//! Can the root of all trust change under a running cluster? Nobody is cut off, also not who was down meanwhile; and
//! operators come in with certificates of their own.

use harness::skip::root_or_skip;
use harness::until::until;
use serde_json::Value;

use crate::machines::Machines;

const VALUE: &[u8] = b"canary-of-roots-0b9a";

fn fingerprint(machines: &Machines) -> String {
    let status = machines.manager().ask(&["swarm", "ca"]).unwrap();
    status["fingerprint"]
        .as_str()
        .unwrap_or_else(|| panic!("{status}"))
        .to_owned()
}

#[test]
fn the_root_rotates_and_nobody_is_cut_off() {
    if !root_or_skip("the_root_rotates_and_nobody_is_cut_off") {
        return;
    }
    let mut machines = Machines::cluster(&["m1", "m2", "m3", "w1", "w2"]);
    machines.manager().feed(&["secret", "create", "db", "-"], VALUE).ok();
    machines.serve("web", "db", 2, &["--constraint", "node.role==worker"]);
    let tasks = machines.wait_files("web", "db", 2, VALUE);
    let (root, token) = (fingerprint(&machines), machines.token("worker"));
    machines.named_mut("w2").kill();

    // One that is down does not block the others: the command returns, and names it.
    let said = machines.manager().run(&["swarm", "ca", "--rotate", "--yes"]);
    assert!(
        said.out.contains("w2") || said.err.contains("w2"),
        "{}{}",
        said.out,
        said.err
    );
    assert_eq!(said.code, 0, "{}", said.err);
    assert_ne!(fingerprint(&machines), root);
    assert_ne!(machines.token("worker"), token, "tokens pin the new root");

    let on_w1 = tasks.iter().find(|task| task["node"] == "w1").unwrap();
    let now = machines.running("web");
    let is_untouched = now
        .iter()
        .any(|task| task["pid"] == on_w1["pid"] && task["node"] == "w1");
    assert!(is_untouched, "the task on w1 did not notice: {now:?}");
    machines.named_mut("w2").start();
    machines.wait_node("w2", |node| node["status"] == "ready");
    machines.wait_files("web", "db", 2, VALUE);
    until("the old root has retired", || {
        let ca: Value = machines.manager().ask(&["swarm", "ca"])?;
        ca["retiring"].as_array()?.is_empty().then_some(())
    });
    machines
        .manager()
        .feed(&["secret", "create", "afterwards", "-"], b"x")
        .ok();
}

#[test]
fn operators_come_in_by_their_certificates() {
    if !root_or_skip("operators_come_in_by_their_certificates") {
        return;
    }
    let machines = Machines::cluster(&["m1", "m2"]);
    let bundle = |name: &str| machines.folder.path().join(format!("{name}.pem"));
    for (name, role) in [("vera", "viewer"), ("otto", "operator"), ("ada", "admin")] {
        let out = bundle(name);
        machines.all[0]
            .run(&["operator", "add", name, "--role", role, "--out", out.to_str().unwrap()])
            .ok();
    }
    let by = |name: &str, arguments: &[&str]| {
        let mut command = machines.all[1].command(arguments);
        command.env("WARDROOM_HOST", format!("wardroom://{}", machines.all[0].address));
        command.env("WARDROOM_BUNDLE", bundle(name));
        harness::process::Said::from(command.output().unwrap())
    };
    for name in ["vera", "otto", "ada"] {
        by(name, &["node", "ls"]).ok();
    }
    by("vera", &["service", "rm", "nothing"]).refused(4, &["Permission denied"]);
    by("otto", &["service", "rm", "nothing"]).refused(3, &["not found"]);
    by("otto", &["swarm", "join-token", "worker"]).refused(4, &["Permission denied"]);
    by("ada", &["swarm", "join-token", "worker"]).ok();
    machines.all[0].run(&["operator", "rm", "--yes", "ada"]).ok();
    by("ada", &["node", "ls"]).refused(4, &["removed"]);
    let audit = machines.all[0].ask(&["audit", "ls"]).unwrap().to_string();
    for word in ["operator.add", "operator.rm", "vera", "denied"] {
        assert!(audit.contains(word), "{word} is not on record");
    }
}
