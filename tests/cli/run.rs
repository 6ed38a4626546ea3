//! A program that has secrets for as long as it runs: its bytes, its status, its signals, and nothing left afterwards.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Stdio};

use harness::process::{Demo, Said};
use harness::until::until;
use rustix::process::{Pid, Signal, kill_process};

use crate::binary;

const VALUE: &[u8] = b"run-canary-3f8812";
/// Prints the bytes, wherever it was given them.
const SHOW: &str = "cat ${WARDROOM_SECRETS_DIR:-/run/secrets}/db";

fn demo() -> Demo {
    let demo = Demo::empty(&binary());
    demo.feed(&["secret", "create", "db", "-"], VALUE).ok();
    demo
}

/// No service of a run is left, and no file.
fn nothing_left(demo: &Demo) {
    let services = demo.run(&["service", "ls", "--format", "json"]).json();
    assert_eq!(services, serde_json::json!([]), "no service is left");
    let holders = demo.run(&["secret", "holders", "db", "--format", "json"]).json();
    for holder in holders.as_array().unwrap() {
        assert_eq!(
            (&holder["state"], &holder["owed"]),
            (&"erased".into(), &false.into()),
            "{holder}"
        );
    }
}

#[test]
fn a_program_has_its_secret_and_its_status_passes_through() {
    let demo = demo();
    let said = demo.run(&["run", "--secret", "db", "--", "sh", "-c", SHOW]);
    assert_eq!((said.out.as_bytes(), said.err.as_str(), said.code), (VALUE, "", 0));
    nothing_left(&demo);
    assert_eq!(
        demo.run(&["run", "--secret", "db", "--", "sh", "-c", "exit 42"]).code,
        42
    );
    assert_eq!(
        demo.run(&["run", "--secret", "db", "--", "sh", "-c", "kill -9 $$"])
            .code,
        137
    );
    let renamed = demo
        .run(&[
            "run",
            "--secret",
            "source=db,target=pw,mode=0440",
            "--",
            "sh",
            "-c",
            "stat -L -c %a:%u ${WARDROOM_SECRETS_DIR}/pw",
        ])
        .ok();
    let uid = rustix::process::geteuid().as_raw();
    assert_eq!(renamed.trim(), format!("440:{uid}"));
    nothing_left(&demo);
}

#[test]
fn standard_input_and_output_are_the_programs() {
    let demo = demo();
    let said = demo.feed(
        &["run", "--secret", "db", "--", "tr", "a-z", "A-Z"],
        b"through the pipe",
    );
    assert_eq!(said.ok(), "THROUGH THE PIPE");
}

#[test]
fn what_is_not_there_is_told_as_a_shell_tells_it() {
    let demo = demo();
    // A folder of PATH that may not be read hides what is not there: then nobody can say that it is not.
    let missing = demo
        .command(&["run", "--secret", "db", "--", "no-such-program"])
        .env("PATH", "/usr/bin:/bin")
        .output()
        .unwrap();
    Said::from(missing).refused(127, &["cannot run no-such-program"]);
    demo.run(&["run", "--secret", "db", "--", "/etc/passwd"])
        .refused(126, &["cannot run /etc/passwd"]);
    demo.run(&["run", "--secret", "nope", "--", "true"])
        .refused(2, &["secret not found: nope"]);
    demo.run(&["run", "--secret", "db"])
        .refused(2, &["a command is required"]);
    demo.run(&["run", "--", "true"]).refused(2, &["no secret is named"]);
    demo.run(&["run", "--secret", "db", "-u", "no-such-user", "--", "true"])
        .refused(2, &["user 'no-such-user' is not known"]);
    nothing_left(&demo);
}

#[test]
fn a_variable_is_weaker_and_can_be_refused() {
    let demo = demo();
    let show = [
        "run",
        "--env",
        "PASSWORD=db",
        "--",
        "sh",
        "-c",
        "printf %s \"$PASSWORD\"",
    ];
    let said = demo.run(&show);
    assert_eq!((said.out.as_bytes(), said.code), (VALUE, 0));
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
    assert!(
        said.err.starts_with("warning: environments leak: PASSWORD"),
        "{}",
        said.err
    );
    demo.run(&["swarm", "update", "--refuse-env=true"]).ok();
    demo.run(&show)
        .refused(7, &["refuses secrets in environments", "--refuse-env=false"]);
    demo.run(&["run", "--secret", "db", "--", "true"]).ok();
    demo.run(&["swarm", "update", "--refuse-env=false"]).ok();
    assert_eq!(demo.run(&show).code, 0);
    nothing_left(&demo);
}

#[test]
fn a_container_that_belongs_to_no_service_has_secrets_too() {
    let Some(image) = harness::engine::image_or_skip("a container with secrets") else {
        return;
    };
    let demo = demo();
    let said = demo.run(&["run", "--secret", "db", "--image", image, "cat", "/run/secrets/db"]);
    assert_eq!((said.out.as_bytes(), said.err.as_str(), said.code), (VALUE, "", 0));
    assert_eq!(
        demo.run(&["run", "--secret", "db", "--image", image, "sh", "-c", "exit 9"])
            .code,
        9
    );
    demo.run(&["run", "--secret", "db", "--image", "no-such-image:1", "true"])
        .refused(126, &["image no-such-image:1 is not on this node"]);
    nothing_left(&demo);
}

/// A program that says where its file is and what signal it got.
fn start(demo: &Demo) -> (Child, PathBuf, BufReader<std::process::ChildStdout>) {
    let script = "trap 'echo got USR1' USR1; trap 'echo got TERM; exit 7' TERM; readlink -f $WARDROOM_SECRETS_DIR; \
                  while :; do sleep 0.1; done";
    let mut child = demo
        .command(&["run", "--secret", "db", "--", "sh", "-c", script])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut first = String::new();
    lines.read_line(&mut first).unwrap();
    (child, PathBuf::from(first.trim()), lines)
}

fn line(lines: &mut impl BufRead) -> String {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    line.trim().to_owned()
}

#[test]
fn signals_go_through_and_everything_is_erased_before_the_end() {
    let demo = demo();
    let (mut child, _, mut lines) = start(&demo);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::USR1).unwrap();
    assert_eq!(line(&mut lines), "got USR1");
    kill_process(pid, Signal::TERM).unwrap();
    assert_eq!(line(&mut lines), "got TERM");
    assert_eq!(child.wait().unwrap().code(), Some(7));
    nothing_left(&demo);
}

#[test]
fn a_run_that_is_killed_leaves_nothing_either() {
    let demo = demo();
    let (mut child, _, _lines) = start(&demo);
    let held = demo.run(&["secret", "holders", "db", "--format", "json"]).json();
    assert_eq!(held[0]["state"], "present", "it is held while it runs");
    child.kill().unwrap();
    child.wait().unwrap();
    until("the worker has given the files up by itself", || {
        let services = demo.run(&["service", "ls", "--format", "json"]).json();
        (services == serde_json::json!([])).then_some(())
    });
    nothing_left(&demo);
}
