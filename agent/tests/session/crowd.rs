//! Can many workers live in one process? Each with its own identity, session and files, as a benchmark starts them.

use std::sync::Arc;

use wardroom_agent::Agent;
use wardroom_agent::files::MemoryFiles;
use wardroom_api::v1::TaskState;
use wardroom_ca::Role;

use crate::{bench, config, secret, task};

const WORKERS: u32 = 100;

#[tokio::test(start_paused = true)]
async fn many_workers_live_in_one_process() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let start = |number: u32| {
        let (name, files) = (format!("worker{number}"), Arc::new(MemoryFiles::new()));
        let seams = bench.seams(number.into(), files.clone());
        let agent = Agent::start(config(&name, &["m1"]), bench.authority.tls(&name, Role::Worker), seams);
        (agent.unwrap(), files)
    };
    let workers: Vec<_> = (0..WORKERS).map(start).collect();
    leader
        .until(|heard| heard.sessions == WORKERS && heard.heartbeats >= WORKERS)
        .await;
    assert_eq!(leader.read(|heard| heard.state("t1")), Some(TaskState::Running));
    for (agent, files) in workers {
        assert!(files.contains(b"c4n4ry-1"));
        agent.shutdown().await.unwrap();
        assert!(!files.contains(b"c4n4ry"));
    }
}
