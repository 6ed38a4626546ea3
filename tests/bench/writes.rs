//! How long does a create take through three managers, and a rotation until ten tasks' files show it?

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use harness::process::Demo;
use harness::until::until;
use tokio::runtime::Runtime;
use wardroom_api::{Client, v1};

use crate::anchor::Anchors;
use crate::console::{rss_mib, spin};
use crate::{binary, ms, percentile, row};

const BYTES: usize = 500;

pub(crate) fn report(anchors: &Anchors) {
    let demo = Demo::empty(&binary());
    let runtime = Runtime::new().unwrap();
    for (clients, each, swarm) in [
        (1, 500, "Swarm 2.5 ms, goal 2 ms"),
        (8, 200, "Swarm 18 ms"),
        (32, 100, "Swarm 74 ms"),
    ] {
        let started = Instant::now();
        let mut samples = runtime.block_on(creates(&demo, clients, each));
        let rate = samples.len() as f64 / started.elapsed().as_secs_f64();
        let p50 = percentile(&mut samples, 0.5);
        let ratio = p50.as_secs_f64() / anchors.fdatasync.as_secs_f64();
        row(
            &format!("create of {BYTES} B, {clients} client(s): p50 / p99"),
            &ms(p50),
            &format!(
                "p99 {}, {rate:.0}/s, {ratio:.1} x fdatasync; {swarm}",
                ms(percentile(&mut samples, 0.99))
            ),
        );
    }
    let mut rotations: Vec<Duration> = rotations(&demo, &runtime);
    row(
        "rotate by swap until 10 tasks' files show it, median of 9",
        &ms(percentile(&mut rotations, 0.5)),
        &format!(
            "worst {}; goal 150 ms; Swarm 14.8 s (restarts)",
            ms(percentile(&mut rotations, 1.0))
        ),
    );
    row(
        "RSS, headless, after 2,100 secrets",
        &format!("{:.1} MiB", rss_mib(demo.pid())),
        "",
    );
}

async fn creates(demo: &Demo, clients: usize, each: usize) -> Vec<Duration> {
    let tasks: Vec<_> = (0..clients)
        .map(|client| {
            let host = Client::host(&demo.host()).unwrap();
            tokio::spawn(async move {
                let mut control = host.control();
                let mut samples = Vec::with_capacity(each);
                for n in 0..each {
                    let value = v1::Value {
                        source: Some(v1::value::Source::Bytes(vec![b'v'; BYTES])),
                    };
                    let request = v1::CreateSecretRequest {
                        name: format!("bench-{clients}-{client}-{n}"),
                        value: Some(value),
                        ..Default::default()
                    };
                    let started = Instant::now();
                    control.create_secret(request).await.unwrap();
                    samples.push(started.elapsed());
                }
                samples
            })
        })
        .collect();
    let mut samples = Vec::new();
    for task in tasks {
        samples.extend(task.await.unwrap());
    }
    samples
}

fn rotations(demo: &Demo, runtime: &Runtime) -> Vec<Duration> {
    demo.feed(&["secret", "create", "rotated", "-"], b"value-000").ok();
    demo.run(&[
        "service",
        "create",
        "--name",
        "ten",
        "--replicas",
        "10",
        "--secret",
        "rotated",
        "--",
        "sleep",
        "1000",
    ])
    .ok();
    let files: Vec<PathBuf> = until("ten tasks run", || {
        let tasks = demo.run(&["service", "ps", "ten", "--format", "json"]).json();
        let files: Vec<_> = tasks
            .as_array()
            .unwrap()
            .iter()
            .filter(|task| {
                task["state"]
                    .as_str()
                    .is_some_and(|state| state.eq_ignore_ascii_case("running"))
            })
            .map(|task| Path::new(task["secrets_dir"].as_str().unwrap()).join("rotated"))
            .collect();
        (files.len() == 10).then_some(files)
    });
    let client = {
        let _in = runtime.enter();
        Client::host(&demo.host()).unwrap()
    };
    (1..=9)
        .map(|n| {
            let bytes = format!("value-{n:03}").into_bytes();
            let value = v1::Value {
                source: Some(v1::value::Source::Bytes(bytes.clone())),
            };
            let request = v1::RotateSecretRequest {
                reference: "rotated".into(),
                value: Some(value),
                ..Default::default()
            };
            let started = Instant::now();
            runtime.block_on(client.control().rotate_secret(request)).unwrap();
            spin(|| {
                files
                    .iter()
                    .all(|file| std::fs::read(file).is_ok_and(|now| now == bytes))
                    .then_some(())
            });
            let took = started.elapsed();
            until("the rotation is done before the next one", || {
                let holders = demo.run(&["secret", "holders", "rotated", "--format", "json"]).json();
                let proven = holders
                    .as_array()
                    .unwrap()
                    .iter()
                    .filter(|h| h["version"] == n + 1 && h["state"] == "present")
                    .count();
                (proven == 10).then_some(())
            });
            took
        })
        .collect()
}
