//! Does a node hear what the managers want of it, change its role without a stir, and keep nothing once it is removed?

use std::time::Duration;

use wardroom_agent::Instructions;
use wardroom_api::v1::{self, HoldingState, SessionMessage, TaskState};
use wardroom_ca::Role;

use crate::manager::REMOVED;
use crate::{bench, secret, task};

#[tokio::test(start_paused = true)]
async fn the_managers_words_about_a_node_come_out() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.introduce(&["m1:2377", "m2:2377"]);
    let agent = bench.start(&["m1"]);
    let mut instructions = agent.instructions();
    let first = Instructions {
        managers: vec!["m1:2377".into()],
        ..Default::default()
    };
    assert_eq!(*instructions.borrow_and_update(), first, "what it was started with");
    leader.until(|heard| heard.sessions == 1).await;
    leader
        .instruct(SessionMessage {
            desired_role: v1::Role::Manager as i32,
            roots_pem: "new root, old root".into(),
            renew: true,
            ..Default::default()
        })
        .await;
    let told = instructions.wait_for(|told| told.renew).await.unwrap().clone();
    let expected = Instructions {
        desired_role: Some(Role::Manager),
        roots_pem: "new root, old root".into(),
        renew: true,
        managers: vec!["m1:2377".into(), "m2:2377".into()],
        removed: None,
    };
    assert_eq!(told, expected);
    assert_eq!(leader.read(|heard| heard.version.clone()), "1.2.3");
}

#[tokio::test(start_paused = true)]
async fn a_change_of_role_moves_no_task() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let tls = bench.authority.tls("worker1", Role::Worker);
    let agent = bench.start_with(tls.clone(), &["m1"]).unwrap();
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    let pid = leader.read(|heard| heard.tasks["t1"].pid);
    let promoted = bench.authority.issue("worker1", Role::Manager);
    tls.reload(&promoted.certificate_pem, &promoted.key).unwrap();
    leader.until(|heard| heard.heartbeats >= 2).await;
    assert_eq!(leader.read(|heard| heard.sessions), 1, "the session goes on");
    leader
        .instruct(SessionMessage {
            desired_role: v1::Role::Manager as i32,
            ..Default::default()
        })
        .await;
    leader.cut();
    leader.until(|heard| heard.first_reports.len() == 2).await;
    assert_eq!(agent.instructions().borrow().desired_role, None, "it has this role");
    assert_eq!(leader.read(|heard| heard.tasks["t1"].pid), pid);
    assert_eq!(bench.workloads.running(), 1);
    assert_eq!(leader.read(|heard| heard.holding("file1")), Some(HoldingState::Present));
}

#[tokio::test(start_paused = true)]
async fn a_manager_runs_tasks_too() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let tls = bench.authority.tls("worker1", Role::Manager);
    let _agent = bench.start_with(tls, &["m1"]).unwrap();
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_removed_node_keeps_nothing_and_asks_nobody() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![secret(1), task(&[1])]);
    let agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    bench.files.fail_erase(2);
    leader.remove();
    let mut instructions = agent.instructions();
    let told = instructions
        .wait_for(|told| told.removed.is_some())
        .await
        .unwrap()
        .removed
        .clone();
    assert_eq!(told.as_deref(), Some(REMOVED));
    // Time enough for another try, were there one.
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(!bench.files.contains(b"c4n4ry"));
    assert_eq!(bench.workloads.running(), 0);
    assert_eq!(*agent.served_by().borrow(), None);
    assert_eq!(leader.read(|heard| heard.refused), 1, "it does not come back");
    agent.shutdown().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_node_that_was_removed_while_it_was_away_hears_it_as_it_returns() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.remove();
    let agent = bench.start(&["m1"]);
    let mut instructions = agent.instructions();
    instructions.wait_for(|told| told.removed.is_some()).await.unwrap();
    agent.shutdown().await.unwrap();
}
