//! Does a process run as its service says: as whom, where, with which environment, and where does its output go?

use tokio::runtime::Runtime;
use wardroom_agent::executor::{Executor, Job};
use wardroom_agent::output::Stream;

use super::bench::{Bench, PATIENCE, root_or_skip};
use super::kill_a_worker;

fn lines(job: &Job, stream: Stream) -> Vec<String> {
    let lines = job.log.lines();
    let lines = lines.iter().filter(|line| line.stream == stream);
    lines
        .map(|line| String::from_utf8_lossy(line.text.expose()).into_owned())
        .collect()
}

pub(super) fn output_is_kept_in_memory(runtime: &Runtime, bench: &Bench) {
    let job = bench.job("echo one; echo oops >&2; printf two; yes | head -c 10000000; exit 3");
    let exit = bench.run_job(runtime, &job);
    assert_eq!(exit.code, 3, "ten megabytes hold nobody up");
    let out = lines(&job, Stream::Output);
    assert_eq!(
        lines(&job, Stream::Error),
        Vec::<String>::new(),
        "it was the oldest and made room"
    );
    assert_eq!(out.last().map(String::as_str), Some("y"));
    assert!(out.len() <= 4096);
    let job = bench.job("echo one; echo oops >&2; printf two");
    bench.run_job(runtime, &job);
    assert_eq!(lines(&job, Stream::Output), ["one", "two"]);
    assert_eq!(lines(&job, Stream::Error), ["oops"]);
}

pub(super) fn a_user_is_taken_on_whole(runtime: &Runtime, bench: &Bench) {
    if !root_or_skip("a_user_is_taken_on_whole") {
        return;
    }
    let script = "id -u; id -g; id -G; grep -E '^(NoNewPrivs|CapEff|CapPrm)' /proc/self/status; echo \"$HOME\"; \
                  cat /run/secrets/tls/db_password; echo; echo again > /dev/stdout; echo err > /dev/stderr";
    let job = bench.job_with(script, |run| {
        run.user = "nobody:4242".into();
        run.groups = vec!["4343".into()];
    });
    assert_eq!(bench.run_job(runtime, &job).code, 0);
    let out = lines(&job, Stream::Output);
    let expected = [
        "65534",
        "4242",
        "4242 4343",
        "CapPrm:\t0000000000000000",
        "CapEff:\t0000000000000000",
        "NoNewPrivs:\t1",
        "/nonexistent",
        "one",
        "again",
    ];
    assert_eq!(out, expected);
    assert_eq!(lines(&job, Stream::Error), ["err"]);
}

pub(super) fn a_user_dies_with_the_worker_too(_runtime: &Runtime, bench: &Bench) {
    if root_or_skip("a_user_dies_with_the_worker_too") {
        kill_a_worker(bench, "65534:65534");
    }
}

pub(super) fn what_cannot_be_had_is_refused(runtime: &Runtime, bench: &Bench) {
    let refused = |change: fn(&mut wardroom_agent::run::Run)| bench.refusal(runtime, change);
    let words = refused(|run| run.user = "no-such-user".into());
    assert!(
        words.contains("user 'no-such-user' is not known on this node"),
        "{words}"
    );
    let words = refused(|run| run.user = "12x".into());
    assert!(words.contains("user '12x' is not known on this node"), "{words}");
    let words = refused(|run| run.dir = "/no/such/place".into());
    assert!(words.contains("/no/such/place does not exist on this node"), "{words}");
    let words = refused(|run| run.stop_signal = "SIGBUS".into());
    assert!(words.contains("stop signal 'SIGBUS' is not known"), "{words}");
    let words = refused(|run| run.env = vec!["NOTHING".into()]);
    assert!(words.contains("NAME=value"), "{words}");
    if root_or_skip("what_cannot_be_had_is_refused") {
        std::fs::create_dir(bench.path("mine")).unwrap();
        let mine = bench.path("mine");
        std::fs::set_permissions(&mine, std::os::unix::fs::PermissionsExt::from_mode(0o700)).unwrap();
        let job = bench.job_with("true", |run| {
            run.user = "65534:65534".into();
            run.dir = mine.display().to_string();
        });
        let error = runtime.block_on(bench.processes.start(&job, &[])).err().unwrap();
        assert!(error.to_string().contains("cannot enter"), "{error}");
    }
}

pub(super) fn directory_and_environment(runtime: &Runtime, bench: &Bench) {
    let job = bench.job_with("pwd; echo \"$GREETING\"; echo \"$TZ\"", |run| {
        run.dir = bench.out.path().display().to_string();
        run.env = vec!["GREETING=good morning".into(), "TZ=Mars".into()];
    });
    assert_eq!(bench.run_job(runtime, &job).code, 0);
    let here = std::fs::canonicalize(bench.out.path()).unwrap();
    let expected = [&here.display().to_string(), "good morning", "Mars"];
    assert_eq!(lines(&job, Stream::Output), expected);
}

pub(super) fn a_stop_signal_of_its_own(runtime: &Runtime, bench: &Bench) {
    bench.meeting("ready");
    let script = "trap 'exit 7' INT; trap '' TERM; echo > OUT/ready; while :; do sleep 0.01; done";
    let job = bench.job_with(script, |run| run.stop_signal = "SIGINT".into());
    let mut running = runtime.block_on(bench.processes.start(&job, &[])).unwrap();
    std::fs::read(bench.path("ready")).unwrap();
    assert_eq!(runtime.block_on(running.stop(PATIENCE)).code, 7);
}
