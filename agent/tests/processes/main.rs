//! Does a real process see its files, and only those, and does it end with its worker? The test program is its own shim:
//! started with the hidden command it becomes the task, so no second binary is built.
#![allow(clippy::unwrap_used, clippy::print_stdout)] // a test may stop at the first surprise, and this one is its own harness

mod bench;
mod checks;
mod users;

use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Runtime;
use wardroom_agent::executor::{Executor, ExecutorError, Exit, Job, Signal, shim};
use wardroom_agent::files::Files;
use wardroom_agent::run::Run;

use bench::{Bench, PATIENCE, is_gone, is_root, processes, root_or_skip, task, until};

const CANARY: &str = "WARDROOM_CANARY";
/// Starts this program as a worker that can be killed.
const WORKER: &str = "--worker";
/// As whom its process runs.
const AS_USER: &str = "WARDROOM_TEST_USER";

type Test = (&'static str, fn(&Runtime, &Bench));

const TESTS: &[Test] = &[
    ("sees_its_files_and_later_swaps", sees_its_files_and_later_swaps),
    ("inherits_nothing_it_does_not_need", inherits_nothing_it_does_not_need),
    (
        "root_mounts_read_only_and_hides_the_others",
        root_mounts_read_only_and_hides_the_others,
    ),
    ("other_users_read_through_the_mount", other_users_read_through_the_mount),
    (
        "a_command_that_is_not_there_is_told_of",
        a_command_that_is_not_there_is_told_of,
    ),
    (
        "ends_are_told_as_a_shell_tells_them",
        ends_are_told_as_a_shell_tells_them,
    ),
    ("stop_asks_then_insists", stop_asks_then_insists),
    ("stop_takes_the_whole_group", stop_takes_the_whole_group),
    ("an_end_takes_the_whole_group", an_end_takes_the_whole_group),
    ("signals_arrive", signals_arrive),
    ("a_killed_worker_leaves_no_process", a_killed_worker_leaves_no_process),
    ("output_is_kept_in_memory", users::output_is_kept_in_memory),
    ("a_user_is_taken_on_whole", users::a_user_is_taken_on_whole),
    (
        "a_user_dies_with_the_worker_too",
        users::a_user_dies_with_the_worker_too,
    ),
    ("what_cannot_be_had_is_refused", users::what_cannot_be_had_is_refused),
    ("directory_and_environment", users::directory_and_environment),
    ("a_stop_signal_of_its_own", users::a_stop_signal_of_its_own),
    (
        "a_check_sees_what_the_task_sees",
        checks::a_check_sees_what_the_task_sees,
    ),
    ("a_check_that_fails_too_often", checks::a_check_that_fails_too_often),
    ("a_check_that_hangs_is_killed", checks::a_check_that_hangs_is_killed),
];

fn main() -> ExitCode {
    if let Some(code) = shim::run_if_asked(std::env::args_os()) {
        return code;
    }
    let args: Vec<String> = std::env::args().skip(1).collect();
    if args.first().is_some_and(|arg| arg == WORKER) {
        return worker(args.get(1).map(String::as_str).unwrap_or_default());
    }
    if std::env::var_os(CANARY).is_none() {
        // Once more, with something in the environment that no task may inherit.
        let error = Command::new(std::env::current_exe().unwrap())
            .args(args)
            .env(CANARY, "c4n4ry")
            .exec();
        panic!("cannot start again: {error}");
    }
    let filters: Vec<&String> = args.iter().filter(|arg| !arg.starts_with('-')).collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|filter| name.contains(filter.as_str()));
    let runtime = Runtime::new().unwrap();
    for (name, test) in TESTS.iter().filter(|(name, _)| wanted(name)) {
        if args.iter().any(|arg| arg == "--list") {
            println!("{name}: test");
            continue;
        }
        test(&runtime, &Bench::new());
        println!("test {name} ... ok");
    }
    ExitCode::SUCCESS
}

fn sees_its_files_and_later_swaps(runtime: &Runtime, bench: &Bench) {
    bench.meeting("go");
    let script = r#"echo "$WARDROOM_SECRETS_DIR" > OUT/dir; cat "$WARDROOM_SECRETS_DIR/tls/db_password" > OUT/first
        echo > OUT/go; read word < OUT/go; cat "$WARDROOM_SECRETS_DIR/tls/db_password" > OUT/second"#;
    let mut running = bench.start(runtime, script);
    assert!(running.pid() > 0);
    std::fs::read(bench.path("go")).unwrap();
    bench.publish("two");
    std::fs::write(bench.path("go"), "on\n").unwrap();
    assert_eq!(
        runtime.block_on(running.wait()),
        Exit {
            code: 0,
            error: String::new()
        }
    );
    assert_eq!(
        (bench.written("first"), bench.written("second")),
        ("one".into(), "two".into())
    );
    let expected = if is_root() {
        "/run/secrets".into()
    } else {
        bench.files.directory(&task()).display().to_string()
    };
    assert_eq!(bench.written("dir").trim(), expected);
    if is_root() {
        assert!(
            !PathBuf::from("/run/secrets/tls/db_password").exists(),
            "the host does not see the task's mount"
        );
    }
}

fn inherits_nothing_it_does_not_need(runtime: &Runtime, bench: &Bench) {
    assert_eq!(
        std::env::var(CANARY).unwrap(),
        "c4n4ry",
        "there is something to inherit"
    );
    bench.run(runtime, "tr '\\0' '\\n' < /proc/self/environ > OUT/env; ls /proc/self/fd > OUT/fds; readlink /proc/self/fd/0 > OUT/stdin");
    let env = bench.written("env");
    assert!(!env.contains("c4n4ry"), "{env}");
    let ours: Vec<&str> = env.lines().filter(|line| line.starts_with("WARDROOM")).collect();
    assert_eq!(ours.len(), 1, "{ours:?}");
    assert!(ours[0].starts_with("WARDROOM_SECRETS_DIR="));
    // 3 is the directory that ls itself reads.
    assert_eq!(
        bench.written("fds").split_whitespace().collect::<Vec<_>>(),
        ["0", "1", "2", "3"]
    );
    assert_eq!(bench.written("stdin").trim(), "/dev/null");
}

fn root_mounts_read_only_and_hides_the_others(runtime: &Runtime, bench: &Bench) {
    if !root_or_skip("root_mounts_read_only_and_hides_the_others") {
        return;
    }
    let root = bench.files.root().path().display().to_string();
    let script = format!(
        "grep ' /run/secrets ' /proc/self/mountinfo > OUT/mounts; ls -a {root} > OUT/others 2>&1; \
         touch /run/secrets/x 2> OUT/touch && echo written > OUT/touch; true"
    );
    bench.run(runtime, &script);
    let mounts = bench.written("mounts");
    for option in ["ro", "nosuid", "nodev", "noexec"] {
        assert!(
            mounts.split([' ', ',']).any(|word| word == option),
            "{option} is missing: {mounts}"
        );
    }
    let others = bench.written("others");
    assert!(
        !others.contains("task1"),
        "the task sees what other tasks hold: {others}"
    );
    assert!(
        bench.written("touch").contains("Read-only"),
        "{}",
        bench.written("touch")
    );
    let host = std::fs::read_to_string("/proc/self/mountinfo").unwrap();
    assert!(!host.contains(" /run/secrets "), "the mount spread to the host");
    assert!(
        bench.home.path().join("node1/task1").exists(),
        "the host's own view is as it was"
    );
}

fn other_users_read_through_the_mount(runtime: &Runtime, bench: &Bench) {
    if !root_or_skip("other_users_read_through_the_mount") {
        return;
    }
    let directory = bench.files.directory(&task());
    let as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups";
    let script = format!(
        "{as_nobody} cat /run/secrets/tls/db_password > OUT/mounted; \
         {as_nobody} cat {}/tls/db_password > OUT/direct 2>/dev/null; true",
        directory.display()
    );
    bench.run(runtime, &script);
    assert_eq!(
        (bench.written("mounted"), bench.written("direct")),
        ("one".into(), String::new())
    );
    let on_host = Command::new("sh")
        .args([
            "-c",
            &format!("{as_nobody} cat {}/tls/db_password", directory.display()),
        ])
        .stderr(Stdio::null())
        .output()
        .unwrap();
    assert!(
        !on_host.status.success(),
        "another user of the host reads a file of mode 0444 by its host path"
    );
}

fn a_command_that_is_not_there_is_told_of(runtime: &Runtime, bench: &Bench) {
    let start = |command: &[&str]| {
        runtime
            .block_on(bench.processes.start(&bench.job_of(command), &[]))
            .err()
    };
    let Some(ExecutorError::Start { command, reason }) = start(&["/no/such/command", "--flag"]) else {
        panic!("a command that does not exist was started");
    };
    assert_eq!(command, "/no/such/command");
    assert!(reason.contains("No such file"), "{reason}");
    assert_eq!(
        runtime.block_on(bench.processes.prepare(&bench.job_of(&[]))),
        Err(ExecutorError::NoCommand)
    );
    assert_eq!(
        runtime.block_on(bench.processes.prepare(&bench.job_of(&[""]))),
        Err(ExecutorError::NoCommand)
    );
    let mut gone = bench.job("true");
    gone.secrets_dir = bench.path("nowhere");
    if is_root() {
        let error = runtime
            .block_on(bench.processes.start(&gone, &[]))
            .err()
            .unwrap()
            .to_string();
        assert!(error.contains("bind the secrets directory"), "{error}");
    }
}

fn ends_are_told_as_a_shell_tells_them(runtime: &Runtime, bench: &Bench) {
    assert_eq!(
        bench.run(runtime, "exit 0"),
        Exit {
            code: 0,
            error: String::new()
        }
    );
    assert_eq!(
        bench.run(runtime, "exit 3"),
        Exit {
            code: 3,
            error: "exit code 3".into()
        }
    );
    assert_eq!(
        bench.run(runtime, "kill -KILL $$"),
        Exit {
            code: 137,
            error: "killed by signal 9".into()
        }
    );
}

fn stop_asks_then_insists(runtime: &Runtime, bench: &Bench) {
    bench.meeting("ready");
    let mut willing = bench.start(
        runtime,
        "trap 'echo bye > OUT/bye; exit 0' TERM; echo > OUT/ready; while :; do sleep 0.01; done",
    );
    std::fs::read(bench.path("ready")).unwrap();
    assert_eq!(runtime.block_on(willing.stop(PATIENCE)).code, 0);
    assert_eq!(bench.written("bye"), "bye\n");
    let mut deaf = bench.start(runtime, "trap '' TERM; echo > OUT/ready; while :; do sleep 0.01; done");
    std::fs::read(bench.path("ready")).unwrap();
    let begun = Instant::now();
    assert_eq!(runtime.block_on(deaf.stop(Duration::from_millis(50))).code, 137);
    assert!(begun.elapsed() >= Duration::from_millis(50));
    assert!(is_gone(deaf.pid()));
}

fn stop_takes_the_whole_group(runtime: &Runtime, bench: &Bench) {
    bench.meeting("ready");
    let mut running = bench.start(
        runtime,
        "(trap '' TERM; sleep 1000) & echo $! > OUT/child; echo > OUT/ready; wait",
    );
    std::fs::read(bench.path("ready")).unwrap();
    let child: u32 = bench.written("child").trim().parse().unwrap();
    assert!(!is_gone(child));
    runtime.block_on(running.stop(Duration::from_millis(200)));
    until("the child is gone", || is_gone(child));
}

fn an_end_takes_the_whole_group(runtime: &Runtime, bench: &Bench) {
    assert_eq!(bench.run(runtime, "sleep 1000 & echo $! > OUT/child; exit 0").code, 0);
    let child: u32 = bench.written("child").trim().parse().unwrap();
    until("what the command left behind is gone", || is_gone(child));
}

fn signals_arrive(runtime: &Runtime, bench: &Bench) {
    bench.meeting("ready");
    let mut running = bench.start(
        runtime,
        "trap 'exit 42' HUP; echo > OUT/ready; while :; do sleep 0.01; done",
    );
    std::fs::read(bench.path("ready")).unwrap();
    runtime
        .block_on(running.signal("SIGHUP".parse::<Signal>().unwrap()))
        .unwrap();
    assert_eq!(runtime.block_on(running.wait()).code, 42);
    assert_eq!(
        runtime.block_on(running.signal("SIGHUP".parse::<Signal>().unwrap())),
        Ok(()),
        "nobody else is signalled after the end"
    );
}

fn a_killed_worker_leaves_no_process(_runtime: &Runtime, bench: &Bench) {
    kill_a_worker(bench, "");
}

/// Starts a worker with a process of `user` and kills it.
fn kill_a_worker(bench: &Bench, user: &str) {
    let directory = bench.files.directory(&task());
    let mut worker = Command::new(std::env::current_exe().unwrap())
        .arg(WORKER)
        .arg(directory)
        .env(AS_USER, user)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(worker.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    let pid: u32 = line.trim().parse().unwrap();
    assert!(!is_gone(pid), "the task runs");
    worker.kill().unwrap();
    worker.wait().unwrap();
    until("the task is gone", || is_gone(pid));
}

/// A worker with one process that never ends; says its process id and waits to be killed.
fn worker(directory: &str) -> ExitCode {
    let runtime = Runtime::new().unwrap();
    let processes = processes();
    let user = std::env::var(AS_USER).unwrap_or_default();
    let job = Job {
        task: task(),
        name: "web.1".into(),
        service: Arc::default(),
        run: Arc::new(Run {
            command: vec!["sleep".into(), "1000".into()],
            user,
            ..Run::default()
        }),
        secrets_dir: directory.into(),
        hidden: None,
        log: Arc::default(),
    };
    let running = runtime.block_on(processes.start(&job, &[])).unwrap();
    println!("{}", running.pid());
    std::io::stdout().flush().unwrap();
    loop {
        std::thread::park();
    }
}
