//! How long is a cluster of daemons without a leader? After a kill, after a planned step-down; and how soon does a new
//! worker hold what it should?

use std::path::Path;
use std::time::{Duration, Instant};

use harness::daemon::Daemon;
use harness::until::until;
use tokio::runtime::Runtime;
use wardroom_api::{Client, v1};

use crate::{binary, ms, percentile, row};

const KILLS: usize = 50;
const HANDOVERS: usize = 20;
const NEWCOMERS: usize = 10;
const BYTES: &[u8] = b"a value of the bench";

pub(crate) fn report() {
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let runtime = Runtime::new().unwrap();
    let mut daemons = three(folder.path());
    let mut gaps: Vec<Duration> = (0..KILLS).map(|number| kill(&runtime, &mut daemons, number)).collect();
    row(
        &format!("kill -9 of the leader to the next write, median of {KILLS}"),
        &ms(percentile(&mut gaps, 0.5)),
        &format!(
            "p90 {}, worst {}; goal 500 ms; Swarm 12.2 s, etcd 1.39 s",
            ms(percentile(&mut gaps, 0.9)),
            ms(percentile(&mut gaps, 1.0))
        ),
    );
    let mut gaps: Vec<Duration> = (0..HANDOVERS)
        .map(|number| hand_over(&runtime, &daemons, number))
        .collect();
    row(
        &format!("step-down: longest write across it, median of {HANDOVERS}"),
        &ms(percentile(&mut gaps, 0.5)),
        &format!("worst {}; goal 250 ms", ms(percentile(&mut gaps, 1.0))),
    );
    let (mut called, mut joined): (Vec<_>, Vec<_>) = (0..NEWCOMERS)
        .map(|number| newcomer(&daemons, folder.path(), number))
        .unzip();
    row(
        &format!("a new worker's files, after its join returned, median of {NEWCOMERS}"),
        &ms(percentile(&mut joined, 0.5)),
        &format!("worst {}; goal 500 ms", ms(percentile(&mut joined, 1.0))),
    );
    row(
        "the same, from the call of swarm join on",
        &ms(percentile(&mut called, 0.5)),
        &format!("worst {}", ms(percentile(&mut called, 1.0))),
    );
}

/// Three managers on loopback.
pub(crate) fn three(folder: &Path) -> Vec<Daemon> {
    let binary = binary();
    let start = |number: usize| Daemon::local(&binary, folder, &format!("m{number}"));
    let daemons: Vec<Daemon> = (1..=3).map(start).collect();
    let first = &daemons[0];
    first
        .run(&[
            "swarm",
            "init",
            "--advertise-addr",
            &first.address,
            "--listen-addr",
            &first.address,
        ])
        .ok();
    for daemon in &daemons[1..] {
        join(first, daemon, "manager");
    }
    daemons
}

/// Returns how long the command took.
pub(crate) fn join(first: &Daemon, daemon: &Daemon, role: &str) -> Duration {
    let token = first.run(&["swarm", "join-token", "-q", role]).ok();
    let own = daemon.address.as_str();
    let arguments = [
        "swarm",
        "join",
        "--token-file",
        "-",
        "--advertise-addr",
        own,
        "--listen-addr",
        own,
        &first.address,
    ];
    let started = Instant::now();
    daemon.feed(&arguments, token.as_bytes()).ok();
    started.elapsed()
}

/// Waits until all of them are well; which one leads then.
pub(crate) fn leader(runtime: &Runtime, daemons: &[Daemon]) -> usize {
    until("all three managers are well and one leads", || {
        let status = daemons.iter().find_map(|daemon| status(runtime, daemon))?;
        if status.leader.is_empty() || !status.lost.is_empty() || status.managers.len() < 3 {
            return None;
        }
        let hostname = status
            .managers
            .iter()
            .find(|manager| manager.node_id == status.leader)?
            .hostname
            .clone();
        daemons.iter().position(|daemon| daemon.name == hostname)
    })
}

fn status(runtime: &Runtime, daemon: &Daemon) -> Option<v1::StatusResponse> {
    runtime.block_on(async {
        let mut control = Client::unix(&daemon.socket).control();
        control
            .status(v1::StatusRequest {})
            .await
            .ok()
            .map(tonic::Response::into_inner)
    })
}

async fn create(client: &Client, name: String) -> Result<(), tonic::Status> {
    let value = Some(v1::Value::from_bytes(BYTES.to_vec()));
    let request = v1::CreateSecretRequest {
        name,
        value,
        ..Default::default()
    };
    client.control().create_secret(request).await.map(drop)
}

/// The time from the kill to the next acknowledged write, asked of a manager that lives.
fn kill(runtime: &Runtime, daemons: &mut [Daemon], number: usize) -> Duration {
    let victim = leader(runtime, daemons);
    let other = (victim + 1) % daemons.len();
    let gap = runtime.block_on(async {
        let client = Client::unix(&daemons[other].socket);
        create(&client, format!("before-kill-{number}")).await.unwrap();
        daemons[victim].kill();
        let started = Instant::now();
        let mut attempt = 0;
        while create(&client, format!("after-kill-{number}-{attempt}")).await.is_err() {
            attempt += 1;
        }
        started.elapsed()
    });
    daemons[victim].start();
    gap
}

/// The longest that one writer waited for one write while the leader changed.
fn hand_over(runtime: &Runtime, daemons: &[Daemon], number: usize) -> Duration {
    let leading = leader(runtime, daemons);
    let other = (leading + 1) % daemons.len();
    runtime.block_on(async {
        let busy = Client::unix(&daemons[other].socket);
        let asking = Client::unix(&daemons[leading].socket);
        let handing = tokio::spawn(async move { asking.control().step_down(v1::StepDownRequest::default()).await });
        let mut longest = Duration::ZERO;
        let mut written = 0;
        loop {
            let over = handing.is_finished();
            let started = Instant::now();
            create(&busy, format!("hand-over-{number}-{written}")).await.unwrap();
            longest = longest.max(started.elapsed());
            written += 1;
            if over {
                break;
            }
        }
        handing.await.unwrap().unwrap();
        longest
    })
}

/// From the call of join, and from its return, until the newcomer's task has its file.
fn newcomer(daemons: &[Daemon], folder: &Path, number: usize) -> (Duration, Duration) {
    let manager = &daemons[0];
    let (secret, service) = (format!("new-{number}"), format!("for-w{number}"));
    let name = format!("w{number}");
    manager.feed(&["secret", "create", &secret, "-"], BYTES).ok();
    let constraint = format!("node.hostname=={name}");
    let grant = format!("source={secret},target=it");
    let create = [
        "service",
        "create",
        "--name",
        &service,
        "--secret",
        &grant,
        "--constraint",
        &constraint,
    ];
    manager.run(&[&create[..], &["--", "sleep", "1000"]].concat()).ok();
    let daemon = Daemon::local(&binary(), folder, &name);
    let token = manager.run(&["swarm", "join-token", "-q", "worker"]).ok();
    let own = daemon.address.as_str();
    let join = [
        "swarm",
        "join",
        "--token-file",
        "-",
        "--advertise-addr",
        own,
        "--listen-addr",
        own,
        &manager.address,
    ];
    let called = Instant::now();
    daemon.feed(&join, token.as_bytes()).ok();
    let joined = Instant::now();
    until("the newcomer holds its file", || {
        let tasks = manager.ask(&["service", "ps", &service])?;
        let dir = tasks
            .as_array()?
            .iter()
            .find_map(|task| task["secrets_dir"].as_str().filter(|dir| !dir.is_empty()))?;
        std::fs::read(Path::new(dir).join("it"))
            .is_ok_and(|held| held == BYTES)
            .then_some(())
    });
    (called.elapsed(), joined.elapsed())
}
