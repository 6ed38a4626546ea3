//! What becomes of a worker's files when no manager is heard for as long as their lease, and when one is again? In
//! simulated time.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use tokio::time::{Instant, advance, sleep};
use wardroom_api::v1::{HoldingState, TaskState};
use wardroom_keys::receipt_digest;

use super::bench::{Bench, KEY, assigned, bench, file, value, version_id, wanted};
use super::*;
use crate::assignments::{Change, Desired};
use crate::ids::TaskId;

const LEASE: Duration = Duration::from_secs(60);
/// The lease, but for a moment.
const ALMOST: Duration = Duration::from_millis(59_999);
const MOMENT: Duration = Duration::from_millis(1);

/// A running task with `a` of version 1, leased, and `b` of version 2, which may be kept for ever.
async fn leased() -> Bench {
    let mut bench = bench();
    bench.leases.insert(version_id(1), LEASE);
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    (bench.heard.reports, bench.heard.receipts) = Default::default();
    bench
}

fn targets(bench: &Bench) -> Vec<String> {
    bench.files.targets(&TaskId::new("t1"))
}

/// What each report said: about which versions, and whether it was an inventory.
fn said(bench: &Bench) -> Vec<(Vec<(u32, HoldingState)>, bool)> {
    let reports = bench.heard.reports.iter();
    let receipts = |report: &wardroom_api::v1::ReportRequest| {
        let receipts = report.receipts.iter();
        receipts.map(|receipt| (receipt.version, receipt.state())).collect()
    };
    reports.map(|report| (receipts(report), report.inventory)).collect()
}

#[tokio::test(start_paused = true)]
async fn when_the_lease_is_over_the_file_is_gone_and_the_task_runs() {
    let bench = leased().await;
    sleep(ALMOST).await;
    assert_eq!(targets(&bench), ["a", "b"], "not before its time");
    sleep(2 * MOMENT).await;
    assert_eq!(targets(&bench), ["b"]);
    assert!(!bench.files.contains(&value(1)), "no set has it");
    assert!(
        bench.values.find(&version_id(1)).is_none(),
        "nor has this worker's own memory"
    );
    assert!(bench.values.find(&version_id(2)).is_some());
    assert_eq!(bench.workloads.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn contact_moves_the_end_of_every_lease() {
    let bench = leased().await;
    for _ in 0..10 {
        sleep(ALMOST).await;
        bench.contact();
    }
    sleep(ALMOST).await;
    assert_eq!(targets(&bench), ["a", "b"]);
    sleep(2 * MOMENT).await;
    assert_eq!(targets(&bench), ["b"]);
}

#[tokio::test(start_paused = true)]
async fn what_comes_again_is_placed_before_anything_is_said_to_be_there() {
    let mut bench = leased().await;
    let pid = bench.heard.tasks["t1"].pid;
    sleep(2 * LEASE).await;
    bench.outbox.connected();
    // The new session's assignment is on its way.
    let first = bench.outbox.next("session").await;
    assert_eq!(first.receipts.len(), 1);
    assert_eq!(first.receipts[0].state(), HoldingState::Erased);
    assert_eq!(first.receipts[0].message, "lease ran out");
    bench.outbox.acknowledged();
    let early = tokio::time::timeout(LEASE, bench.outbox.next("session")).await;
    assert!(early.is_err(), "{:?}", early.unwrap());
    bench.come_back(assigned(Desired::Running, vec![file("a", 1), file("b", 2)]));
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Present))
        .await;
    let everything = vec![(1, HoldingState::Present), (2, HoldingState::Present)];
    assert_eq!(said(&bench), [(everything, true)]);
    let receipt = &bench.heard.receipts[&("t1".into(), 1, "a".into())];
    assert_eq!(receipt.digest, receipt_digest(KEY, &value(1)));
    assert_eq!(targets(&bench), ["a", "b"]);
    assert_eq!((bench.heard.tasks["t1"].pid, bench.workloads.running()), (pid, 1));
}

#[tokio::test(start_paused = true)]
async fn a_file_that_comes_again_tells_its_workload() {
    let mut bench = bench();
    bench.leases.insert(version_id(1), LEASE);
    let with_signal = || WantedFile {
        signal: Some("SIGHUP".into()),
        ..file("a", 1)
    };
    bench.running(vec![with_signal()]).await;
    sleep(2 * LEASE).await;
    assert_eq!(bench.workloads.signals(), 0, "there is nothing to read");
    bench.heard.receipts.clear();
    bench.come_back(assigned(Desired::Running, vec![with_signal()]));
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Present))
        .await;
    assert_eq!(bench.workloads.signals(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_rotation_while_cut_off_brings_the_new_version() {
    let mut bench = leased().await;
    sleep(2 * LEASE).await;
    bench.come_back(assigned(Desired::Running, vec![file("a", 3), file("b", 2)]));
    bench
        .until(|heard| heard.holding("t1", 3, "a") == Some(HoldingState::Present))
        .await;
    let everything = vec![(2, HoldingState::Present), (3, HoldingState::Present)];
    assert_eq!(
        said(&bench),
        [(vec![(1, HoldingState::Erased)], false), (everything, true)]
    );
    assert!(!bench.files.contains(&value(1)));
}

#[tokio::test(start_paused = true)]
async fn i6_a_revoke_while_cut_off_is_answered_by_the_lease() {
    let mut bench = leased().await;
    sleep(2 * LEASE).await;
    bench.come_back(assigned(Desired::Running, vec![file("b", 2)]));
    bench.until(|heard| heard.reports.len() == 2).await;
    assert_eq!(
        said(&bench),
        [
            (vec![(1, HoldingState::Erased)], false),
            (vec![(2, HoldingState::Present)], true)
        ]
    );
    assert!(!bench.files.contains(&value(1)));
    assert_eq!(bench.workloads.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn i5_a_task_does_not_start_without_what_its_lease_took() {
    let mut bench = bench();
    bench.leases.insert(version_id(1), LEASE);
    bench.bring(Desired::Running, vec![file("a", 1), file("b", 2)]);
    // Before the task has looked at anything.
    advance(LEASE).await;
    sleep(LEASE).await;
    assert_eq!((bench.workloads.running(), targets(&bench)), (0, vec!["b".to_owned()]));
    bench.come_back(assigned(Desired::Running, vec![file("a", 1), file("b", 2)]));
    bench.until(|heard| heard.state("t1") == Some(TaskState::Running)).await;
    assert_eq!(targets(&bench), ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn a_prepared_task_waits_for_its_file_and_says_ready_when_it_is() {
    let mut bench = bench();
    bench.leases.insert(version_id(1), LEASE);
    bench.bring(Desired::Ready, vec![file("a", 1)]);
    bench.until(|heard| heard.state("t1") == Some(TaskState::Ready)).await;
    sleep(2 * LEASE).await;
    assert!(!bench.files.contains(&value(1)));
    bench.come_back(assigned(Desired::Running, vec![file("a", 1)]));
    bench.until(|heard| heard.state("t1") == Some(TaskState::Running)).await;
    assert!(bench.files.contains(&value(1)));
}

#[tokio::test(start_paused = true)]
async fn a_full_host_erases_what_its_lease_took_all_the_same() {
    let mut bench = leased().await;
    bench.files.fail_publish(u32::MAX);
    sleep(LEASE + MOMENT).await;
    assert_eq!(targets(&bench), ["b"]);
    assert!(!bench.files.contains(&value(1)));
    bench.files.fail_publish(0);
    bench.come_back(assigned(Desired::Running, vec![file("a", 1), file("b", 2)]));
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Present))
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_fails_is_tried_until_it_succeeds() {
    let mut bench = leased().await;
    bench.files.fail_erase(3);
    sleep(LEASE + MOMENT).await;
    assert!(
        bench.files.contains(&value(1)),
        "it is there, in a set that nobody sees"
    );
    assert_eq!(targets(&bench), ["b"]);
    sleep(10 * Pace::default().erase_retry).await;
    assert!(!bench.files.contains(&value(1)));
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_version_that_could_not_be_replaced_goes_with_the_one_that_was_to_replace_it() {
    let mut bench = leased().await;
    bench.files.fail_publish(u32::MAX);
    bench.leases.insert(version_id(3), LEASE);
    bench.bring(Desired::Running, vec![file("a", 3), file("b", 2)]);
    bench
        .until(|heard| heard.holding("t1", 3, "a") == Some(HoldingState::Failed))
        .await;
    assert_eq!(targets(&bench), ["a", "b"]);
    sleep(LEASE + MOMENT).await;
    assert_eq!(targets(&bench), ["b"]);
    assert!(!bench.files.contains(&value(1)));
    bench
        .until(|heard| {
            heard.holding("t1", 1, "a") == Some(HoldingState::Erased)
                && heard.holding("t1", 3, "a") == Some(HoldingState::Erased)
        })
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_changes_takes_effect_at_once() {
    let mut bench = leased().await;
    sleep(LEASE / 2).await;
    bench.leases.insert(version_id(1), LEASE / 10);
    bench.send(vec![Change::Value(version_id(1))]);
    let shortened = Instant::now();
    sleep(ALMOST / 10).await;
    assert_eq!(targets(&bench), ["a", "b"]);
    sleep(2 * MOMENT).await;
    assert_eq!(targets(&bench), ["b"], "after {:?}", shortened.elapsed());

    let mut bench = leased().await;
    bench.leases.clear();
    bench.send(vec![Change::Value(version_id(1))]);
    sleep(10 * LEASE).await;
    assert_eq!(targets(&bench), ["a", "b"], "from now on it may be kept for ever");
}

#[tokio::test(start_paused = true)]
async fn a_task_that_ends_while_cut_off_waits_for_nothing() {
    let mut bench = leased().await;
    sleep(2 * LEASE).await;
    bench.come_back(Vec::new());
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Shutdown))
        .await;
    bench
        .until(|heard| heard.reports.iter().any(|report| report.inventory))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Erased));
    assert_eq!(bench.heard.holding("t1", 2, "b"), Some(HoldingState::Erased));
}

#[tokio::test(start_paused = true)]
async fn two_tasks_lose_and_regain_the_same_version_together() {
    let mut bench = leased().await;
    let other = || {
        let task = wanted(Desired::Running, vec![file("a", 1)]);
        let id = TaskId::new("t2");
        Change::Task(Wanted { id, ..task })
    };
    bench.send(vec![other()]);
    bench.until(|heard| heard.state("t2") == Some(TaskState::Running)).await;
    sleep(2 * LEASE).await;
    assert!(!bench.files.contains(&value(1)));
    let mut changes = assigned(Desired::Running, vec![file("a", 1), file("b", 2)]);
    changes.push(other());
    bench.heard.receipts.clear();
    bench.come_back(changes);
    bench
        .until(|heard| {
            let is_there = |task| heard.holding(task, 1, "a") == Some(HoldingState::Present);
            is_there("t1") && is_there("t2")
        })
        .await;
    assert_eq!(bench.workloads.running(), 2);
}
