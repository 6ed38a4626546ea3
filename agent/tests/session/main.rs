//! Does a whole worker find its leader, stay with it, and let nothing it has to say be lost? Real gRPC and TLS, files in a
//! map, simulated workloads, simulated time.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

mod crowd;
mod failover;
mod instructions;
mod leases;
mod manager;
mod net;

use std::sync::Arc;
use std::time::Duration;

use manager::{Authority, CLUSTER, FakeManager, RECEIPT_KEY};
use net::MemoryNet;
use wardroom_agent::executor::{Executors, Simulated};
use wardroom_agent::files::MemoryFiles;
use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace, StartError};
use wardroom_api::v1::assignment_change::Change;
use wardroom_api::v1::{Executor, HoldingState, RunSpec, SecretAssignment, SecretFile, TaskAssignment, TaskState};
use wardroom_ca::{NodeTls, Role};
use wardroom_keys::{SeededChance, receipt_digest};

struct Bench {
    authority: Authority,
    net: Arc<MemoryNet>,
    files: Arc<MemoryFiles>,
    workloads: Arc<Simulated>,
}

fn bench() -> Bench {
    Bench {
        authority: Authority::new(),
        net: Arc::default(),
        files: Arc::default(),
        workloads: Arc::default(),
    }
}

fn config(node_id: &str, managers: &[&str]) -> AgentConfig {
    AgentConfig {
        cluster_id: CLUSTER.into(),
        node_id: node_id.into(),
        hostname: format!("{node_id}.example"),
        version: "1.2.3".into(),
        managers: managers.iter().map(|name| format!("{name}:2377")).collect(),
        secrets_root: None,
        shim: "/nowhere".into(),
        pace: Pace::default(),
    }
}

impl Bench {
    fn manager(&self, name: &str) -> FakeManager {
        FakeManager::start(
            &self.net,
            &format!("{name}:2377"),
            self.authority.tls(name, Role::Manager),
        )
    }

    fn start_with(&self, tls: NodeTls, managers: &[&str]) -> Result<Agent, StartError> {
        let seams = AgentSeams {
            executors: Executors {
                process: self.workloads.clone(),
                files: self.workloads.clone(),
                container: None,
            },
            ..self.seams(2, self.files.clone())
        };
        Agent::start(config("worker1", managers), tls, seams)
    }

    fn seams(&self, seed: u64, files: Arc<MemoryFiles>) -> AgentSeams {
        AgentSeams::simulated(Arc::new(SeededChance::new(seed)), self.net.clone(), files)
    }

    fn start(&self, managers: &[&str]) -> Agent {
        self.start_with(self.authority.tls("worker1", Role::Worker), managers)
            .unwrap()
    }
}

fn secret(number: u32) -> Change {
    leased(number, Duration::ZERO)
}

fn leased(number: u32, lease: Duration) -> Change {
    Change::Secret(SecretAssignment {
        version_id: format!("v{number}"),
        secret_id: "s".into(),
        number,
        // The fake manager seals it for each of its streams.
        sealed: [&RECEIPT_KEY[..], format!("c4n4ry-{number}").as_bytes()].concat(),
        lease_ms: u64::try_from(lease.as_millis()).unwrap(),
        template_driver: String::new(),
    })
}

/// Task t1 with one file per version, named after it.
fn task(versions: &[u32]) -> Change {
    let files = versions.iter().map(|number| SecretFile {
        secret_id: "s".into(),
        version_id: format!("v{number}"),
        version: *number,
        target: format!("file{number}"),
        mode: 0o444,
        ..Default::default()
    });
    Change::Task(TaskAssignment {
        id: "t1".into(),
        name: "web.1".into(),
        run: Some(RunSpec {
            executor: Executor::Process as i32,
            command: vec!["serve".into()],
            ..Default::default()
        }),
        desired: TaskState::Running as i32,
        files: files.collect(),
        ..Default::default()
    })
}

#[tokio::test(start_paused = true)]
async fn a_worker_finds_the_leader_by_hint_and_proves_what_it_holds() {
    let bench = bench();
    let (follower, leader) = (bench.manager("m1"), bench.manager("m2"));
    follower.follow(Some("m2:2377"));
    leader.assign(vec![secret(1), task(&[1])]);
    let begun = tokio::time::Instant::now();
    let agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    assert!(
        begun.elapsed() < Duration::from_millis(100),
        "a hint is followed without waiting"
    );
    let receipt = leader.read(|heard| heard.receipts["file1"].clone());
    assert_eq!(receipt.state(), HoldingState::Present);
    assert_eq!(receipt.digest, receipt_digest(&RECEIPT_KEY, b"c4n4ry-1"));
    assert!(
        leader.read(|heard| heard.first_reports[0].0),
        "a session begins with an inventory"
    );
    assert_eq!(agent.served_by().borrow().as_deref(), Some("m2:2377"));
    assert_eq!(follower.read(|heard| (heard.sessions, heard.refused)), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn without_a_leader_it_asks_everyone_and_waits() {
    let bench = bench();
    let (one, two) = (bench.manager("m1"), bench.manager("m2"));
    one.follow(None);
    two.follow(None);
    let agent = bench.start(&["m1", "nobody", "m2"]);
    one.until(|heard| heard.refused >= 4).await;
    two.until(|heard| heard.refused >= 4).await;
    assert_eq!(*agent.served_by().borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn a_new_session_finds_the_tasks_as_they_were() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    let pid = leader.read(|heard| heard.tasks["t1"].pid);
    leader.cut();
    leader.until(|heard| heard.first_reports.len() == 2).await;
    let (inventory, present) = leader.read(|heard| heard.first_reports[1].clone());
    assert!(
        inventory && present.contains("file1"),
        "what it holds goes with the first report"
    );
    assert_eq!(
        leader.read(|heard| heard.tasks["t1"].pid),
        pid,
        "the process was not started again"
    );
    assert_eq!(bench.workloads.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_assignments_opens_the_session_again() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    leader.change(1, vec![secret(2), task(&[1, 2])]).await;
    leader
        .until(|heard| heard.holding("file2") == Some(HoldingState::Present))
        .await;
    leader.assign(vec![secret(1), secret(2), secret(3), task(&[1, 2, 3])]);
    leader.change(7, vec![secret(3), task(&[1, 2, 3])]).await;
    leader
        .until(|heard| heard.sessions == 2 && heard.holding("file3") == Some(HoldingState::Present))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_report_that_was_not_answered_is_sent_again() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    leader.refuse_reports(3);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.holding("file1") == Some(HoldingState::Present))
        .await;
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    assert!(leader.read(|heard| heard.sessions) >= 4);
}

#[tokio::test(start_paused = true)]
async fn a_leader_in_name_only_is_left_for_the_one_in_deed() {
    let bench = bench();
    let (stale, leader) = (bench.manager("m1"), bench.manager("m2"));
    stale.introduce(&["m1:2377", "m2:2377"]);
    stale.refuse_reports(u32::MAX);
    leader.assign(vec![secret(1), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    assert_eq!(stale.read(|heard| heard.sessions), 1);
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_falls_silent_is_left() {
    let bench = bench();
    let leader = bench.manager("m1");
    let _agent = bench.start(&["m1"]);
    leader.until(|heard| heard.heartbeats >= 2).await;
    leader.mute_heartbeats(1);
    leader.until(|heard| heard.sessions == 2).await;
}

#[tokio::test(start_paused = true)]
async fn a_shutdown_leaves_nothing_and_says_so() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    agent.shutdown().await.unwrap();
    assert!(!bench.files.contains(b"c4n4ry"));
    assert_eq!(bench.workloads.running(), 0);
    assert_eq!(leader.read(|heard| heard.state("t1")), Some(TaskState::Shutdown));
    assert_eq!(leader.read(|heard| heard.holding("file1")), Some(HoldingState::Erased));
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_dropped_erases_too() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    drop(agent);
    let gone = async {
        while bench.files.contains(b"c4n4ry") || bench.workloads.running() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), gone).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_wears_its_own_certificate_only() {
    let bench = bench();
    for tls in [
        bench.authority.tls("worker1", Role::Operator),
        bench.authority.tls("worker2", Role::Worker),
    ] {
        let refused = bench.start_with(tls, &["m1"]).err().unwrap();
        assert!(matches!(refused, StartError::Identity { .. }), "{refused}");
    }
    assert!(matches!(
        bench
            .start_with(bench.authority.tls("worker1", Role::Worker), &[])
            .err(),
        Some(StartError::NoManagers)
    ));
}
