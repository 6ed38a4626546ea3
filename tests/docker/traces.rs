//! Where does the engine keep a value? Nowhere: not in what it shows of a container, not in its logs, not in its folder.

use std::process::Command;
use std::time::Duration;

use crate::bench::{CANARY, bench, docker, until_line};

#[tokio::test(flavor = "multi_thread")]
async fn the_engine_keeps_no_value() {
    let Some(bench) = bench("the_engine_keeps_no_value") else {
        return;
    };
    bench.publish(&[("db", CANARY), ("/etc/key", CANARY)]);
    // It prints what it must not: the worker's log, which is in memory, is the only place that has it.
    let job = bench.job("cat /run/secrets/db /etc/key; echo; echo printed; while :; do sleep 0.05; done");
    let mut running = bench.start_with(&job, &["/etc/key"]).await;
    until_line(&job, "printed").await;
    assert!(
        crate::bench::lines(&job)[0].contains(CANARY),
        "there is something to find"
    );
    let shown = docker(&["inspect", &bench.container()]);
    assert!(shown.contains("/run/secrets") && !shown.contains(CANARY), "{shown}");
    let logs = Command::new("docker")
        .args(["logs", &bench.container()])
        .output()
        .unwrap();
    let logs = [logs.stdout, logs.stderr].concat();
    assert!(!String::from_utf8_lossy(&logs).contains(CANARY));
    let folder = docker(&["info", "--format", "{{.DockerRootDir}}"]);
    let found = Command::new("grep").args(["-rlF", CANARY, &folder]).output().unwrap();
    assert_eq!(
        String::from_utf8_lossy(&found.stdout),
        "",
        "files of the engine with the value in them"
    );
    running.stop(Duration::from_millis(10)).await;
}
