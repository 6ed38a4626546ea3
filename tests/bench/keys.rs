//! How long does a lock keep an operator waiting? The start, the unlocking and the first answer of a manager with ten
//! thousand secrets; a new unlock key on three managers; and what a write feels of a new DEK.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use harness::daemon::Daemon;
use tokio::runtime::Runtime;
use wardroom_api::{Client, v1};

use crate::cluster::{leader, three};
use crate::{binary, ms, percentile, row};

const SECRETS: usize = 10_000;
const BYTES: usize = 500;
const WRITERS: usize = 32;
const STARTS: usize = 5;
const ROTATIONS: usize = 20;
/// Writes before the DEK is rotated, and while it is, again and again.
const CALM: Duration = Duration::from_secs(3);

pub(crate) fn report() {
    let runtime = Runtime::new().unwrap();
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    full_manager(&runtime, folder.path());
    let folder = tempfile::Builder::new().prefix("wr-").tempdir().unwrap();
    let daemons = three(folder.path());
    leader(&runtime, &daemons);
    let client = client(&runtime, &daemons[0].socket);
    runtime.block_on(autolock(&client));
    let mut taken: Vec<Duration> = (0..ROTATIONS)
        .map(|_| runtime.block_on(rotate_unlock_key(&client)))
        .collect();
    row(
        &format!("unlock-key rotation on three managers, median of {ROTATIONS}"),
        &ms(percentile(&mut taken, 0.5)),
        &format!("worst {}; goal 200 ms", ms(percentile(&mut taken, 1.0))),
    );
    let (mut calm, mut rotating, orders) = runtime.block_on(writes_beside_rotations(&client));
    let (before, during) = (percentile(&mut calm, 1.0), percentile(&mut rotating, 1.0));
    row(
        &format!("longest write while DEKs rotate ({orders} times)"),
        &ms(during),
        &format!(
            "{} before; p50 {} and {}; goal: 50 ms more",
            ms(before),
            ms(percentile(&mut calm, 0.5)),
            ms(percentile(&mut rotating, 0.5))
        ),
    );
}

fn client(runtime: &Runtime, socket: &Path) -> Client {
    let _in = runtime.enter();
    Client::unix(socket)
}

fn full_manager(runtime: &Runtime, folder: &Path) {
    let mut manager = Daemon::local(&binary(), folder, "full");
    let init = ["swarm", "init", "--listen-addr", &manager.address.clone()];
    manager.run(&init).ok();
    let client = client(runtime, &manager.socket);
    runtime.block_on(fill(&client));
    let key = runtime.block_on(autolock(&client));
    manager.stop();
    let mut taken: Vec<Duration> = (0..STARTS)
        .map(|_| {
            let started = Instant::now();
            let mut child = start(&manager);
            runtime.block_on(unlock_and_ask(&client, &key));
            let taken = started.elapsed();
            end(&mut child);
            taken
        })
        .collect();
    row(
        &format!("start, unlock, first answer with {SECRETS} secrets, median of {STARTS}"),
        &ms(percentile(&mut taken, 0.5)),
        &format!("worst {}; goal 150 ms; Swarm 1.25 s", ms(percentile(&mut taken, 1.0))),
    );
}

/// As the harness does, without its patience: every millisecond counts.
fn start(manager: &Daemon) -> Child {
    Command::new(binary())
        .args(["daemon", "--hostname", "full", "--state-dir"])
        .arg(&manager.state_dir)
        .arg("--socket")
        .arg(&manager.socket)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn end(child: &mut Child) {
    let pid = rustix::process::Pid::from_child(child);
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
}

async fn fill(client: &Client) {
    let writers = (0..WRITERS).map(|writer| {
        let mut control = client.control();
        tokio::spawn(async move {
            for number in (writer..SECRETS).step_by(WRITERS) {
                let request = v1::CreateSecretRequest {
                    name: format!("secret-{number}"),
                    value: Some(v1::Value::from_bytes(vec![b'v'; BYTES])),
                    ..Default::default()
                };
                control.create_secret(request).await.unwrap();
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Returns the key, once every manager's disk needs it.
async fn autolock(client: &Client) -> Vec<u8> {
    let request = v1::UpdateClusterRequest {
        autolock: Some(true),
        ..Default::default()
    };
    client.control().update_cluster(request).await.unwrap();
    let key = keep(client).await;
    follow(client, |keys| keys.orders.iter().all(|order| order.owing.is_empty())).await;
    key
}

/// Reads the newest unlock key and keeps it.
async fn keep(client: &Client) -> Vec<u8> {
    let mut control = client.control();
    let shown = control
        .get_unlock_key(v1::GetUnlockKeyRequest::default())
        .await
        .unwrap()
        .into_inner();
    let keep = v1::KeepUnlockKeyRequest { epoch: shown.epoch };
    control.keep_unlock_key(keep).await.unwrap();
    shown.key.unwrap().take()
}

/// Looks at the cluster until its keys are so.
async fn follow(client: &Client, is_so: impl Fn(&v1::ClusterKeys) -> bool) {
    let mut control = client.control();
    loop {
        let request = v1::ListRequest {
            kind: v1::Kind::Cluster.into(),
            ..Default::default()
        };
        let listed = control.list(request).await.unwrap().into_inner();
        let keys = listed.objects.into_iter().find_map(|object| match object.kind {
            Some(v1::object::Kind::Cluster(cluster)) => cluster.keys,
            _ => None,
        });
        if is_so(&keys.unwrap()) {
            return;
        }
        tokio::task::yield_now().await;
    }
}

async fn unlock_and_ask(client: &Client, key: &[u8]) {
    loop {
        let request = v1::UnlockRequest {
            key: Some(v1::Confidential::new(key.to_vec())),
        };
        if client.lock().unlock(request).await.is_ok() {
            break;
        }
        tokio::task::yield_now().await;
    }
    let request = v1::ListRequest {
        kind: v1::Kind::Secret.into(),
        references: vec!["secret-77".to_owned()],
        ..Default::default()
    };
    while client.control().list(request.clone()).await.is_err() {
        tokio::task::yield_now().await;
    }
}

/// From the call until the cluster knows that all three disks open with the new key only.
async fn rotate_unlock_key(client: &Client) -> Duration {
    let started = Instant::now();
    let made = client
        .control()
        .rotate_unlock_key(v1::RotateUnlockKeyRequest::default())
        .await;
    let epoch = made.unwrap().into_inner().epoch;
    keep(client).await;
    follow(client, |keys| {
        keys.managers.iter().all(|manager| manager.unlock_key_epoch == epoch)
    })
    .await;
    started.elapsed()
}

/// One writer's times before any rotation and while one follows the other, and how many there were.
async fn writes_beside_rotations(client: &Client) -> (Vec<Duration>, Vec<Duration>, usize) {
    let calm = write_until(client, "calm", Instant::now() + CALM, Arc::default()).await;
    let is_over = Arc::new(AtomicBool::new(false));
    let writing = tokio::spawn({
        let (client, is_over) = (client.clone(), Arc::clone(&is_over));
        async move { write_until(&client, "rotating", Instant::now() + 10 * CALM, is_over).await }
    });
    let orders = 10;
    for _ in 0..orders {
        let ordered = client
            .control()
            .rotate_dek(v1::RotateDekRequest::default())
            .await
            .unwrap();
        let number = ordered.into_inner().order;
        follow(client, |keys| {
            keys.managers.iter().all(|manager| manager.order >= number)
        })
        .await;
    }
    is_over.store(true, Ordering::Relaxed);
    (calm, writing.await.unwrap(), orders)
}

async fn write_until(client: &Client, name: &str, end: Instant, is_over: Arc<AtomicBool>) -> Vec<Duration> {
    let mut control = client.control();
    let mut samples = Vec::new();
    while Instant::now() < end && !is_over.load(Ordering::Relaxed) {
        let request = v1::CreateSecretRequest {
            name: format!("{name}-{}", samples.len()),
            value: Some(v1::Value::from_bytes(vec![b'v'; BYTES])),
            ..Default::default()
        };
        let started = Instant::now();
        control.create_secret(request).await.unwrap();
        samples.push(started.elapsed());
    }
    samples
}
