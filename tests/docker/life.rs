//! Does a container live as its service says, and is it gone when its task is over, whatever happens to the worker?

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use wardroom_agent::executor::{Containers, Engine, Executor, ExecutorError, Happening, Signal};
use wardroom_agent::run::{Health, Port, Test};

use crate::bench::{Bench, PATIENCE, bench, containers, docker, next, until_line};

/// Names the node of a worker that is to be killed.
const WORKER: &str = "WARDROOM_TEST_WORKER";

#[tokio::test(flavor = "multi_thread")]
async fn stop_asks_then_insists_and_leaves_nothing() {
    let Some(bench) = bench("stop_asks_then_insists_and_leaves_nothing") else {
        return;
    };
    bench.publish(&[("db", "one")]);
    let job = bench.job_with("trap 'exit 7' INT; echo ready; while :; do sleep 0.01; done", |run| {
        run.stop_signal = "SIGINT".into();
    });
    let mut willing = bench.start(&job).await;
    until_line(&job, "ready").await;
    assert!(willing.pid() > 0);
    assert_eq!(willing.stop(PATIENCE).await.code, 7);
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("name={}", bench.container())]),
        ""
    );
    let job = bench.job("trap '' TERM; echo ready; while :; do sleep 0.01; done");
    let mut deaf = bench.start(&job).await;
    until_line(&job, "ready").await;
    assert_eq!(deaf.stop(Duration::from_millis(100)).await.code, 137);
    assert_eq!(
        docker(&["ps", "-aq", "--filter", &format!("name={}", bench.container())]),
        ""
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_arrive() {
    let Some(bench) = bench("signals_arrive") else { return };
    bench.publish(&[]);
    let job = bench.job("trap 'echo told; exit 0' HUP; echo ready; while :; do sleep 0.01; done");
    let mut running = bench.start(&job).await;
    until_line(&job, "ready").await;
    running.signal("SIGHUP".parse::<Signal>().unwrap()).await.unwrap();
    assert_eq!(next(&mut running).await, Happening::Ended(running.wait().await));
    until_line(&job, "told").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_of_the_engine_decides() {
    let Some(bench) = bench("a_check_of_the_engine_decides") else {
        return;
    };
    bench.publish(&[("db", "one")]);
    let health = Health {
        test: Test::Shell("test -e /tmp/ill && { echo not well; exit 1; }; cat /run/secrets/db".into()),
        interval: Duration::from_millis(100),
        timeout: Duration::from_secs(10),
        start_period: Duration::ZERO,
        retries: 2,
    };
    let job = bench.job_with("trap ': > /tmp/ill' HUP; while :; do sleep 0.01; done", |run| {
        run.health = Some(health);
    });
    let mut running = bench.start(&job).await;
    assert!(running.is_checked());
    assert_eq!(next(&mut running).await, Happening::Healthy);
    running.signal("SIGHUP".parse::<Signal>().unwrap()).await.unwrap();
    assert_eq!(
        next(&mut running).await,
        Happening::Unhealthy("not well (exit code 1)".into())
    );
    running.stop(Duration::from_millis(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_service_asks_for_is_what_the_engine_makes() {
    let Some(bench) = bench("what_a_service_asks_for_is_what_the_engine_makes") else {
        return;
    };
    bench.publish(&[]);
    let job = bench.job_with(
        "cat /etc/hostname; pwd; echo $GREETING; id -G; echo ready; sleep 1000",
        |run| {
            run.hostname = "box".into();
            run.dir = "/etc".into();
            run.env = vec!["GREETING=good morning".into()];
            run.groups = vec!["4444".into()];
            run.init = true;
            run.ports = vec![Port {
                published: 0,
                target: 80,
                protocol: "tcp",
            }];
            run.labels = [("team".to_owned(), "pay".to_owned())].into();
        },
    );
    let mut running = bench.start(&job).await;
    until_line(&job, "ready").await;
    assert_eq!(
        crate::bench::lines(&job),
        ["box", "/etc", "good morning", "0 4444", "ready"]
    );
    let shown = |format: &str| docker(&["inspect", "--format", format, &bench.container()]);
    assert_eq!(
        shown("{{.HostConfig.LogConfig.Type}} {{.HostConfig.Init}}"),
        "none true"
    );
    assert_eq!(
        shown("{{index .Config.Labels \"team\"}} {{index .Config.Labels \"wardroom.task\"}}"),
        "pay t1"
    );
    assert_ne!(shown("{{(index .NetworkSettings.Ports \"80/tcp\" 0).HostPort}}"), "");
    running.stop(Duration::from_millis(10)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_had_is_told() {
    let Some(bench) = bench("what_cannot_be_had_is_told") else {
        return;
    };
    bench.publish(&[]);
    let missing = bench.job_with("true", |run| run.image = "wardroom-no-such-image".into());
    let error = bench.containers.prepare(&missing).await.err().unwrap();
    assert_eq!(
        error.to_string(),
        "image wardroom-no-such-image is not on this node; load it with docker import or docker pull"
    );
    let absent = Containers::on(Engine::at("/no/such/docker.sock"), "c1", &bench.node);
    let error = absent.prepare(&bench.job("true")).await.err().unwrap();
    assert!(
        error
            .to_string()
            .starts_with("no container engine at /no/such/docker.sock"),
        "{error}"
    );
    let not_found = bench.job_with("", |run| run.command = vec!["no-such-command".into()]);
    let Some(ExecutorError::Start { command, reason }) = bench.containers.start(&not_found, &[]).await.err() else {
        panic!("a command that is not there was started");
    };
    assert!(
        command.contains("wardroom-test") && reason.contains("no-such-command"),
        "{reason}"
    );
    assert_eq!(
        containers(&format!("wardroom.node={}", bench.node)),
        Vec::<String>::new(),
        "nothing is left of it"
    );
}

#[test]
fn a_killed_worker_leaves_a_container_until_its_next_start() {
    if let Ok(node) = std::env::var(WORKER) {
        return worker(node);
    }
    let Some(mut bench) = bench("a_killed_worker_leaves_a_container_until_its_next_start") else {
        return;
    };
    let node = format!("{}killed", bench.node);
    let mut killed = Command::new(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "life::a_killed_worker_leaves_a_container_until_its_next_start",
            "--nocapture",
        ])
        .env(WORKER, &node)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(killed.stdout.take().unwrap()).lines();
    assert!(lines.map(Result::unwrap).any(|line| line.ends_with("container runs")));
    let label = format!("wardroom.node={node}");
    assert_eq!(containers(&label).len(), 1);
    let neighbour = Containers::on(Engine::from_environment(), "cluster1", "neighbour");
    neighbour.sweep_now();
    assert_eq!(containers(&label).len(), 1, "whose worker lives is left alone");
    killed.kill().unwrap();
    killed.wait().unwrap();
    assert_eq!(
        containers(&label).len(),
        1,
        "the engine's containers outlive the worker"
    );
    Containers::on(Engine::from_environment(), "cluster1", &node).sweep_now();
    assert_eq!(containers(&label), Vec::<String>::new());
    // The files of the killed life go with the bench.
    let left = Bench::of(node);
    wardroom_agent::files::Files::wipe(&left.files).unwrap();
    bench.node.push_str("done");
}

/// A worker with one container; says so and waits to be killed.
#[expect(clippy::print_stdout, reason = "its test reads it")]
fn worker(node: String) {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let bench = Bench::of(node);
    bench.publish(&[("db", "one")]);
    let _running = runtime.block_on(bench.start(&bench.job("sleep 1000")));
    println!("container runs");
    loop {
        std::thread::park();
    }
}
