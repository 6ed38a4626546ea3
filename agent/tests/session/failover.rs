//! How soon does a worker find the next leader when one is killed, or its host is gone without a word?

use std::time::Duration;

use tokio::time::Instant;
use wardroom_api::v1::TaskState;

use crate::{bench, secret, task};

#[tokio::test(start_paused = true)]
async fn after_a_leader_is_killed_the_others_are_asked_at_once() {
    let bench = bench();
    let (first, next) = (bench.manager("m1"), bench.manager("m2"));
    first.introduce(&["m1:2377", "m2:2377"]);
    let _agent = bench.start(&["m1"]);
    first.until(|heard| !heard.first_reports.is_empty()).await;
    bench.net.take_down("m1:2377");
    let killed = Instant::now();
    first.cut();
    next.until(|heard| heard.sessions == 1).await;
    assert!(killed.elapsed() < Duration::from_millis(50), "{:?}", killed.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_dead_host_does_not_keep_a_worker_from_the_next() {
    let bench = bench();
    let leader = bench.manager("m3");
    // One takes no connection, the other takes it and says nothing.
    bench.net.swallow("m1:2377");
    bench.net.mute("m2:2377");
    leader.assign(vec![secret(1), task(&[1])]);
    let begun = Instant::now();
    let _agent = bench.start(&["m1", "m2", "m3"]);
    leader
        .until(|heard| heard.state("t1") == Some(TaskState::Running))
        .await;
    assert!(begun.elapsed() < Duration::from_secs(1), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_leader_s_host_that_dies_during_an_election_costs_no_more_than_the_election() {
    let bench = bench();
    let (first, second, third) = (bench.manager("m1"), bench.manager("m2"), bench.manager("m3"));
    first.introduce(&["m1:2377", "m2:2377", "m3:2377"]);
    second.follow(None);
    third.follow(None);
    let _agent = bench.start(&["m1"]);
    first.until(|heard| !heard.first_reports.is_empty()).await;
    bench.net.swallow("m1:2377");
    first.mute_heartbeats(u32::MAX);
    second.until(|heard| heard.refused >= 3).await;
    third.lead();
    let elected = Instant::now();
    third.until(|heard| heard.sessions == 1).await;
    assert!(elected.elapsed() < Duration::from_secs(1), "{:?}", elected.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_manager_that_is_slow_is_not_given_up_for_those_that_are_swift() {
    let bench = bench();
    let (follower, leader) = (bench.manager("m1"), bench.manager("m2"));
    follower.follow(Some("m2:2377"));
    bench.net.slow("m2:2377", Duration::from_secs(2));
    let _agent = bench.start(&["m1", "m2"]);
    leader.until(|heard| heard.sessions == 1).await;
}
