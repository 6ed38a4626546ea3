//! What do tasks write? Shown with who wrote it; and whoever follows misses nothing while managers change.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use harness::process::Demo;
use harness::until::until;

use crate::binary;

#[test]
fn what_tasks_write_is_shown_with_who_wrote_it() {
    let demo = Demo::empty(&binary());
    demo.run(&[
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--",
        "sh",
        "-c",
        "echo out; echo err >&2; exec sleep 1000",
    ])
    .ok();
    let said = until("both tasks' lines are there", || {
        let said = demo.run(&["service", "logs", "web"]);
        (said.out.lines().count() == 2 && said.err.lines().count() == 2).then_some(said)
    });
    for line in said.out.lines() {
        let (prefix, text) = line.split_once("| ").unwrap();
        assert_eq!(text, "out");
        assert!(prefix.starts_with("web.") && prefix.contains("@worker-"), "{line}");
    }
    let raw = demo.run(&["service", "logs", "--raw", "--tail", "1", "web.1"]);
    assert_eq!(
        (raw.out.lines().count() + raw.err.lines().count(), raw.code),
        (1, 0),
        "{} {}",
        raw.out,
        raw.err
    );
    let bare = demo.run(&["service", "logs", "--no-task-ids", "web.1"]).ok();
    assert!(bare.starts_with("web.1@worker-"), "{bare}");
}

/// Ends with the test, also with one that fails.
struct Follower(Child);

impl Drop for Follower {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn whoever_follows_gets_each_line_once_across_a_change_of_leaders() {
    let demo = Demo::empty(&binary());
    let counts = "n=0; while :; do n=$((n+1)); echo $n; sleep 0.05; done";
    let create = [
        "service",
        "create",
        "--name",
        "web",
        "--replicas",
        "2",
        "--",
        "sh",
        "-c",
        counts,
    ];
    demo.run(&create).ok();
    let mut command = demo.command(&["service", "logs", "--follow", "web"]);
    let mut follower = Follower(command.stdout(Stdio::piped()).spawn().unwrap());
    let mut lines = BufReader::new(follower.0.stdout.take().unwrap()).lines();
    let mut had: BTreeMap<String, u64> = BTreeMap::new();
    let mut read_until = |least: u64| {
        while had.len() < 2 || had.values().any(|number| *number < least) {
            let line = lines.next().expect("it goes on").unwrap();
            let (task, number) = line.split_once('|').unwrap();
            let before = had.insert(task.trim().to_owned(), number.trim().parse().unwrap());
            assert_eq!(
                had[task.trim()],
                before.unwrap_or(0) + 1,
                "{line}: none is missing, none comes twice"
            );
        }
        had.values().copied().max().unwrap()
    };
    let mut reached = read_until(5);
    for _ in 0..2 {
        demo.run(&["swarm", "step-down"]).ok();
        reached = read_until(reached + 5);
    }
}
