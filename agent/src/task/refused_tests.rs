//! What becomes of a running task's files when a new set cannot be put up? On files in a map that refuse, in simulated time.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use tokio::time::{Instant, timeout};
use wardroom_api::v1::{HoldingState, TaskState};
use wardroom_keys::receipt_digest;

use super::bench::{KEY, bench, file, value, version_id, wanted};
use super::*;
use crate::assignments::{Change, Desired};
use crate::files::Target;
use crate::ids::{SecretId, TaskId};

const ALWAYS: u32 = u32::MAX;

#[tokio::test(start_paused = true)]
async fn i6_what_is_taken_away_is_erased_though_nothing_new_can_be_written() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    bench.files.fail_publish(ALWAYS);
    let begun = Instant::now();
    bench.send(vec![
        Change::Task(wanted(Desired::Running, vec![file("b", 2)])),
        Change::ValueRemoved(version_id(1)),
    ]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "a revoke waits for nothing");
    assert!(!bench.files.contains(&value(1)));
    assert_eq!(bench.files.targets(&TaskId::new("t1")), ["b"], "what is wanted stays");
    assert_eq!(bench.heard.state("t1"), Some(TaskState::Running));
    let more = timeout(Duration::from_secs(60), bench.outbox.next("session")).await;
    assert!(more.is_err(), "the order is carried out: {:?}", more.unwrap());
}

#[tokio::test(start_paused = true)]
async fn i6_a_revoke_during_a_rotation_waits_for_no_room() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    // The set before the rotation is still there, and it has the file as well.
    bench.bring(Desired::Running, vec![file("a", 1), file("b", 3)]);
    bench
        .until(|heard| heard.holding("t1", 3, "b") == Some(HoldingState::Present))
        .await;
    bench.files.fail_publish(ALWAYS);
    let begun = Instant::now();
    bench.bring(Desired::Running, vec![file("b", 3)]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert_eq!(begun.elapsed(), Duration::ZERO);
    assert!(!bench.files.contains(&value(1)), "no set has it any more");
}

#[tokio::test(start_paused = true)]
async fn another_secret_at_the_same_target_does_not_keep_the_first() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_publish(1);
    let other = WantedFile {
        secret: SecretId::new("other"),
        ..file("a", 2)
    };
    bench.bring(Desired::Running, vec![other]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert!(!bench.files.contains(&value(1)));
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_set_that_was_refused_is_tried_again_without_a_new_order() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    bench.files.fail_publish(4);
    bench.bring(Desired::Running, vec![file("b", 3)]);
    bench
        .until(|heard| {
            heard.holding("t1", 3, "b") == Some(HoldingState::Failed)
                && heard.holding("t1", 1, "a") == Some(HoldingState::Erased)
        })
        .await;
    let visible = bench.files.read(&TaskId::new("t1"), &Target::parse("b").unwrap());
    assert!(
        visible.unwrap().equals(&value(2)),
        "the version before, until there is room"
    );
    bench
        .until(|heard| heard.holding("t1", 3, "b") == Some(HoldingState::Present))
        .await;
    bench
        .until(|heard| heard.holding("t1", 2, "b") == Some(HoldingState::Erased))
        .await;
    bench.until(|heard| heard.tasks["t1"].error.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn tries_that_fail_alike_are_told_once() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_publish(ALWAYS);
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Failed) && !heard.tasks["t1"].error.is_empty())
        .await;
    let more = timeout(Duration::from_secs(600), bench.outbox.next("session")).await;
    assert!(more.is_err(), "{:?}", more.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_value_that_comes_late_is_used() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.send(vec![Change::Task(wanted(Desired::Running, vec![file("a", 2)]))]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Failed))
        .await;
    // As a new session brings it: the value anew, the task as it was.
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_erasure_in_place_that_fails_is_told_and_tried_again() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    bench.files.fail_publish(ALWAYS);
    bench.files.fail_erase(2);
    bench.bring(Desired::Running, vec![file("b", 2)]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Failed))
        .await;
    assert!(bench.files.contains(&value(1)));
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert!(!bench.files.contains(&value(1)));
}

#[tokio::test(start_paused = true)]
async fn a_set_that_cannot_be_read_back_is_no_set_until_it_is_proven() {
    let mut bench = bench();
    let with_signal = |version| WantedFile {
        signal: Some("SIGHUP".into()),
        ..file("a", version)
    };
    bench.running(vec![with_signal(1)]).await;
    bench.files.fail_read(1);
    bench.bring(Desired::Running, vec![with_signal(2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Failed) && !heard.tasks["t1"].error.is_empty())
        .await;
    assert_eq!(
        bench.workloads.signals(),
        0,
        "nobody is sent to a file that is not proven"
    );
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
    let receipt = &bench.heard.receipts[&("t1".into(), 2, "a".into())];
    assert_eq!(receipt.digest, receipt_digest(KEY, &value(2)));
    assert_eq!(bench.workloads.signals(), 1);
    bench.until(|heard| heard.tasks["t1"].error.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_order_back_to_what_was_proven_before_is_carried_out() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_read(ALWAYS);
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Failed))
        .await;
    bench.files.fail_read(0);
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Erased))
        .await;
    let visible = bench.files.read(&TaskId::new("t1"), &Target::parse("a").unwrap());
    assert!(visible.unwrap().equals(&value(1)));
}
