//! Does a task keep its order of states, files and receipts? On files in a map and simulated workloads, in simulated time.
#![allow(clippy::unwrap_used)] // a test may stop at the first surprise

use tokio::time::Instant;
use wardroom_api::v1::{HoldingState, TaskState};
use wardroom_keys::receipt_digest;

use super::bench::{KEY, bench, file, value, version_id, wanted};
use super::*;
use crate::assignments::{Change, Desired};
use crate::executor::{Behaviour, Happening};
use crate::files::Target;
use crate::ids::TaskId;
use crate::run::{Kind, Run};

#[tokio::test(start_paused = true)]
async fn a_task_runs_with_its_files_and_proves_them() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("tls/b", 2)]).await;
    let report = &bench.heard.tasks["t1"];
    assert!(report.pid > 0);
    assert_eq!(report.secrets_dir, "/memory/t1/secrets");
    let receipt = &bench.heard.receipts[&("t1".into(), 2, "tls/b".into())];
    assert_eq!(receipt.state(), HoldingState::Present);
    assert_eq!(receipt.digest, receipt_digest(KEY, &value(2)));
    assert_eq!(bench.files.targets(&TaskId::new("t1")), ["a", "tls/b"]);
}

#[tokio::test(start_paused = true)]
async fn i5_no_start_without_complete_files() {
    let mut bench = bench();
    bench.files.fail_publish(1);
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Rejected))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Failed));
    assert!(
        bench.heard.tasks["t1"].error.contains("no room left"),
        "{}",
        bench.heard.tasks["t1"].error
    );
    assert_eq!(bench.workloads.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_value_that_did_not_come_is_a_refusal_not_an_empty_file() {
    let mut bench = bench();
    bench.send(vec![Change::Task(wanted(Desired::Running, vec![file("a", 1)]))]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Rejected))
        .await;
    assert!(bench.heard.tasks["t1"].error.contains("did not arrive"));
    assert_eq!(bench.files.targets(&TaskId::new("t1")), Vec::<String>::new());
}

#[tokio::test(start_paused = true)]
async fn a_target_that_leads_out_is_refused() {
    let mut bench = bench();
    bench.bring(Desired::Running, vec![file("../../etc/passwd", 1)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Rejected))
        .await;
    assert_eq!(
        bench.heard.holding("t1", 1, "../../etc/passwd"),
        Some(HoldingState::Failed)
    );
}

#[tokio::test(start_paused = true)]
async fn ready_holds_files_and_waits_for_the_word() {
    let mut bench = bench();
    bench.bring(Desired::Ready, vec![file("a", 1)]);
    bench.until(|heard| heard.state("t1") == Some(TaskState::Ready)).await;
    assert_eq!(
        (bench.workloads.running(), bench.heard.holding("t1", 1, "a")),
        (0, Some(HoldingState::Present))
    );
    bench.running(vec![file("a", 1)]).await;
    assert_eq!(bench.workloads.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_swap_proves_the_new_and_erases_the_old_after_its_grace() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    let begun = Instant::now();
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "the new version is there at once");
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Present));
    assert!(
        bench.files.contains(&value(1)),
        "who opened the old file just before still reads it"
    );
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert!(begun.elapsed() >= Pace::default().swap_grace);
    assert!(!bench.files.contains(&value(1)));
    assert_eq!(bench.heard.state("t1"), Some(TaskState::Running), "the process went on");
}

#[tokio::test(start_paused = true)]
async fn i6_what_is_taken_away_is_erased_at_once_everywhere() {
    let mut bench = bench();
    bench.running(vec![file("a", 1), file("b", 2)]).await;
    // A swap of b leaves a set behind that still has a.
    bench.bring(Desired::Running, vec![file("a", 1), file("b", 3)]);
    bench
        .until(|heard| heard.holding("t1", 3, "b") == Some(HoldingState::Present))
        .await;
    let begun = Instant::now();
    bench.send(vec![
        Change::Task(wanted(Desired::Running, vec![file("b", 3)])),
        Change::ValueRemoved(version_id(1)),
    ]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    assert_eq!(begun.elapsed(), Duration::ZERO, "a revoke waits for nothing");
    assert!(!bench.files.contains(&value(1)), "no set has it any more");
    assert!(
        bench.values.find(&version_id(1)).is_none(),
        "nor has this worker's own memory"
    );
    assert!(bench.files.contains(&value(3)));
}

#[tokio::test(start_paused = true)]
async fn a_swap_that_fails_leaves_the_set_before_and_says_so() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_publish(1);
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Failed))
        .await;
    assert_eq!(bench.heard.state("t1"), Some(TaskState::Running));
    assert!(bench.heard.tasks["t1"].error.contains("no room left"));
    assert!(
        bench
            .files
            .read(&TaskId::new("t1"), &Target::parse("a").unwrap())
            .unwrap()
            .equals(&value(1))
    );
    // The manager rolls back: version 1 is still there, is proven once more, and nothing is left to complain of.
    bench.heard.receipts.clear();
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench.until(|heard| heard.tasks["t1"].error.is_empty()).await;
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Erased))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Present));
    bench.bring(Desired::Running, vec![file("a", 3)]);
    bench
        .until(|heard| heard.holding("t1", 3, "a") == Some(HoldingState::Present))
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_end_erases_then_reports_then_gives_receipts() {
    for (code, state) in [(0, TaskState::Complete), (3, TaskState::Failed)] {
        let mut bench = bench();
        bench
            .workloads
            .behave(Behaviour::ExitAfter(Duration::from_secs(5), code));
        bench.running(vec![file("a", 1)]).await;
        bench.until(|heard| heard.state("t1") == Some(state)).await;
        assert!(
            !bench.files.contains(&value(1)),
            "I5: none keeps its files after it ended"
        );
        assert_eq!(bench.heard.tasks["t1"].exit_code, code);
        assert_eq!(
            bench.heard.holding("t1", 1, "a"),
            Some(HoldingState::Erased),
            "in the same report"
        );
        // Assigned before the manager heard of the end: the answer is that it is not here.
        bench.bring(Desired::Running, vec![file("a", 2)]);
        bench
            .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Erased))
            .await;
        assert_eq!(bench.workloads.running(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_workload_that_does_not_start_keeps_no_files() {
    let mut bench = bench();
    bench.workloads.behave(Behaviour::FailToStart);
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench.until(|heard| heard.state("t1") == Some(TaskState::Failed)).await;
    assert!(bench.heard.tasks["t1"].error.contains("told to fail"));
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Erased));
    assert!(!bench.files.contains(&value(1)));
}

#[tokio::test(start_paused = true)]
async fn a_task_that_is_to_stop_ends_and_one_that_never_was_here_says_so() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.bring(Desired::Stopped, vec![file("a", 1)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Shutdown))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Erased));
    assert_eq!(bench.workloads.running(), 0);

    let mut bench = self::bench();
    bench.bring(Desired::Stopped, vec![file("a", 1)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Shutdown))
        .await;
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
}

#[tokio::test(start_paused = true)]
async fn an_erasure_that_fails_is_told_and_tried_until_it_succeeds() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_erase(3);
    bench.bring(Desired::Stopped, vec![file("a", 1)]);
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
async fn a_file_taken_back_and_asked_for_again_is_proven_again() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.heard.receipts.clear();
    // Both orders come before the task has looked at the first; to the manager version 1 is new again.
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Present))
        .await;
    assert_eq!(bench.heard.holding("t1", 2, "a"), Some(HoldingState::Erased));
}

#[tokio::test(start_paused = true)]
async fn files_taken_back_before_they_were_written_are_answered_for() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    // Both orders come before the task has looked at the first.
    bench.bring(Desired::Running, vec![file("a", 1), file("b", 2)]);
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench
        .until(|heard| heard.holding("t1", 2, "b") == Some(HoldingState::Erased))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Present));
    // The same, when all that follows is the end.
    bench.bring(Desired::Running, vec![file("a", 3)]);
    bench.send(vec![Change::TaskRemoved(TaskId::new("t1"))]);
    bench
        .until(|heard| heard.holding("t1", 3, "a") == Some(HoldingState::Erased))
        .await;
    assert!(!bench.files.contains(b"c4n4ry"));
}

#[tokio::test(start_paused = true)]
async fn a_grant_with_a_signal_tells_the_workload_once() {
    let mut bench = bench();
    let with_signal = |target, version| WantedFile {
        signal: Some("SIGHUP".into()),
        ..file(target, version)
    };
    bench
        .running(vec![with_signal("a", 1), with_signal("b", 2), file("c", 3)])
        .await;
    assert_eq!(bench.workloads.signals(), 0, "at the start there is nobody to tell");
    bench.bring(
        Desired::Running,
        vec![with_signal("a", 4), with_signal("b", 5), file("c", 3)],
    );
    bench
        .until(|heard| heard.holding("t1", 5, "b") == Some(HoldingState::Present))
        .await;
    assert_eq!(bench.workloads.signals(), 1);
    bench.bring(
        Desired::Running,
        vec![with_signal("a", 4), with_signal("b", 5), file("c", 6)],
    );
    bench
        .until(|heard| heard.holding("t1", 6, "c") == Some(HoldingState::Present))
        .await;
    assert_eq!(bench.workloads.signals(), 1, "what changed asks for no signal");
}

#[tokio::test(start_paused = true)]
async fn a_container_task_is_refused_in_clear_words() {
    let mut bench = bench();
    let run = Run {
        kind: Kind::Container,
        ..Run::default()
    };
    let task = Wanted {
        run: Arc::new(run),
        ..wanted(Desired::Running, Vec::new())
    };
    bench.send(vec![Change::Task(task)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Rejected))
        .await;
    assert!(bench.heard.tasks["t1"].error.contains("runs no containers"));
}

#[tokio::test(start_paused = true)]
async fn what_a_task_runs_stays_what_it_was_made_with() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    let pid = bench.heard.tasks["t1"].pid;
    let run = Run {
        command: vec!["something else".into()],
        ..Run::default()
    };
    let task = Wanted {
        run: Arc::new(run),
        ..wanted(Desired::Running, vec![file("a", 2)])
    };
    bench.send(vec![Change::Value(version_id(2)), Change::Task(task)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
    assert_eq!(bench.heard.tasks["t1"].pid, pid);
    assert_eq!(bench.workloads.running(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_checked_task_runs_once_it_is_well() {
    let mut bench = bench();
    bench
        .workloads
        .behave(Behaviour::Checked(Duration::from_secs(5), Happening::Healthy));
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench
        .until(|heard| heard.tasks.get("t1").is_some_and(|task| task.health == "starting"))
        .await;
    assert_eq!(bench.heard.state("t1"), Some(TaskState::Starting));
    let begun = Instant::now();
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
    assert_eq!(
        bench.heard.state("t1"),
        Some(TaskState::Starting),
        "its files change meanwhile"
    );
    bench.until(|heard| heard.state("t1") == Some(TaskState::Running)).await;
    assert!(begun.elapsed() >= Duration::from_secs(4));
    assert_eq!(bench.heard.tasks["t1"].health, "healthy");
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_task_is_stopped_and_keeps_nothing() {
    let mut bench = bench();
    let unhealthy = Happening::Unhealthy("no answer".into());
    bench
        .workloads
        .behave(Behaviour::Checked(Duration::from_secs(5), unhealthy));
    bench.bring(Desired::Running, vec![file("a", 1)]);
    bench.until(|heard| heard.state("t1") == Some(TaskState::Failed)).await;
    assert_eq!(bench.heard.tasks["t1"].error, "unhealthy: no answer");
    assert_eq!(bench.workloads.running(), 0);
    assert!(!bench.files.contains(&value(1)));
}

#[tokio::test(start_paused = true)]
async fn a_log_knows_the_values_that_are_held_and_no_others() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    let log = bench.logs.find(&TaskId::new("t1")).unwrap();
    log.write(crate::output::Stream::Output, &value(1));
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 1, "a") == Some(HoldingState::Erased))
        .await;
    log.write(crate::output::Stream::Error, &value(2));
    let texts: Vec<_> = log.lines().iter().map(|line| line.text.expose().to_vec()).collect();
    assert_eq!(texts, ["•••••".as_bytes(), "•••••".as_bytes()]);
    assert!(
        log.known().keys().eq([&version_id(2)]),
        "what is erased is held nowhere"
    );
    bench.send(vec![Change::TaskRemoved(TaskId::new("t1"))]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Erased))
        .await;
    assert!(log.known().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_task_that_comes_back_waits_for_the_erasure_of_its_earlier_life() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    bench.files.fail_erase(2);
    bench.send(vec![Change::TaskRemoved(TaskId::new("t1"))]);
    bench.bring(Desired::Running, vec![file("a", 2)]);
    bench
        .until(|heard| heard.holding("t1", 2, "a") == Some(HoldingState::Present))
        .await;
    assert!(!bench.files.contains(&value(1)), "the earlier life is over first");
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Erased));
}

#[tokio::test(start_paused = true)]
async fn a_closed_worker_holds_nothing() {
    let mut bench = bench();
    bench.running(vec![file("a", 1)]).await;
    let ending = bench.worker().close();
    for over in ending {
        over.await;
    }
    assert!(!bench.files.contains(b"c4n4ry"));
    assert!(bench.values.find(&version_id(1)).is_none());
    assert_eq!(bench.workloads.running(), 0);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Shutdown))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "a"), Some(HoldingState::Erased));
    bench.bring(Desired::Running, vec![file("a", 2)]);
    assert!(bench.values.find(&version_id(2)).is_none(), "it takes nothing more");
}

#[tokio::test(start_paused = true)]
async fn a_template_is_expanded_and_proven_by_its_own_bytes() {
    let mut bench = bench();
    bench.driver = "golang".into();
    bench
        .contents
        .insert(1, b"user={{.Task.Name}} password={{secret \"pw\"}}".to_vec());
    bench.running(vec![file("conf", 1), file("pw", 2)]).await;
    let target = Target::parse("conf").unwrap();
    let read = bench.files.read(&TaskId::new("t1"), &target).unwrap();
    assert_eq!(read.expose(), b"user=web.1 password=c4n4ry-2");
    let receipt = &bench.heard.receipts[&("t1".into(), 1, "conf".into())];
    assert_eq!(receipt.digest, receipt_digest(KEY, &bench.contents[&1]));
    bench.bring(Desired::Running, vec![file("conf", 1), file("pw", 3)]);
    bench
        .until(|heard| heard.holding("t1", 3, "pw") == Some(HoldingState::Present))
        .await;
    let read = bench.files.read(&TaskId::new("t1"), &target).unwrap();
    assert_eq!(
        read.expose(),
        b"user=web.1 password=c4n4ry-3",
        "it follows what it names"
    );
}

#[tokio::test(start_paused = true)]
async fn a_template_that_cannot_be_expanded_is_a_refusal() {
    let mut bench = bench();
    bench.driver = "golang".into();
    bench.contents.insert(1, b"{{secret \"pw\"}}".to_vec());
    bench.bring(Desired::Running, vec![file("conf", 1)]);
    bench
        .until(|heard| heard.state("t1") == Some(TaskState::Rejected))
        .await;
    assert_eq!(bench.heard.holding("t1", 1, "conf"), Some(HoldingState::Failed));
    let receipt = &bench.heard.receipts[&("t1".into(), 1, "conf".into())];
    assert!(
        receipt.message.contains("\"pw\" is not a target of this task"),
        "{}",
        receipt.message
    );
}
