//! Does a worker keep its secrets while its managers are heard, and only then? Over real sessions, in simulated time.

use std::time::Duration;

use tokio::time::sleep;
use wardroom_api::v1::{HoldingState, TaskState};

use crate::{bench, leased, secret, task};

const LEASE: Duration = Duration::from_secs(12);

#[tokio::test(start_paused = true)]
async fn heartbeats_keep_a_lease_that_is_shorter_than_their_period() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.pace(Duration::from_secs(60));
    leader.assign(vec![leased(1, LEASE), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    sleep(10 * LEASE).await;
    assert!(bench.files.contains(b"c4n4ry-1"));
    let heartbeats = leader.read(|heard| heard.heartbeats);
    assert!(
        (29..=31).contains(&heartbeats),
        "{heartbeats} heartbeats, three a lease"
    );
    assert_eq!(leader.read(|heard| heard.sessions), 1);
}

#[tokio::test(start_paused = true)]
async fn a_worker_that_is_cut_off_erases_and_gets_it_again() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.assign(vec![leased(1, LEASE), secret(2), task(&[1, 2])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    let pid = leader.read(|heard| heard.tasks["t1"].pid);
    let host = bench.net.take_down("m1:2377");
    leader.cut();
    sleep(Duration::from_secs(10)).await;
    assert!(bench.files.contains(b"c4n4ry-1"));
    sleep(Duration::from_secs(3)).await;
    assert!(!bench.files.contains(b"c4n4ry-1"));
    assert!(bench.files.contains(b"c4n4ry-2"));
    bench.net.bring_up("m1:2377", host);
    leader.until(|heard| heard.lapses == ["file1"]).await;
    leader
        .until(|heard| heard.holding("file1") == Some(HoldingState::Present))
        .await;
    assert!(bench.files.contains(b"c4n4ry-1"));
    assert_eq!(leader.read(|heard| heard.tasks["t1"].pid), pid, "the task went on");
}

#[tokio::test(start_paused = true)]
async fn a_session_whose_manager_fell_silent_for_a_lease_is_opened_again() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.pace(Duration::from_secs(60));
    leader.assign(vec![leased(1, LEASE), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    // The answer would be waited for for a minute.
    leader.mute_heartbeats(1);
    leader.until(|heard| heard.sessions == 2).await;
    leader
        .until(|heard| heard.lapses == ["file1"] && heard.holding("file1") == Some(HoldingState::Present))
        .await;
    sleep(10 * LEASE).await;
    assert_eq!(leader.read(|heard| heard.sessions), 2, "nothing is lacking any more");
}

#[tokio::test(start_paused = true)]
async fn a_lease_set_while_connected_counts_from_now_on() {
    let bench = bench();
    let leader = bench.manager("m1");
    leader.pace(Duration::from_secs(60));
    leader.assign(vec![secret(1), task(&[1])]);
    let _agent = bench.start(&["m1"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    leader.change(1, vec![leased(1, LEASE)]).await;
    leader.until(|heard| heard.heartbeats >= 3).await;
    assert!(bench.files.contains(b"c4n4ry-1"));
    bench.net.take_down("m1:2377");
    leader.cut();
    sleep(LEASE + Duration::from_secs(1)).await;
    assert!(!bench.files.contains(b"c4n4ry-1"));
    assert_eq!(bench.workloads.running(), 1);
}
