//! Do managers come and go without anybody missing anything?

use tokio::time::timeout;
use wardroom_state::command::Command;
use wardroom_state::node::Role;

use super::berth::CLUSTER;
use super::fleet::{Fleet, PATIENCE};
use crate::{FetchError, Timing, fetch_keys};

fn demote(fleet: &Fleet, place: usize) -> Command {
    Command::SetDesiredRole {
        node: fleet.berths[place].id(),
        role: Role::Worker,
        raft_id: 0,
    }
}

async fn wait_worker(fleet: &Fleet, place: usize) {
    let id = fleet.berths[place].id();
    let is_worker = |state: &wardroom_state::State| state.nodes()[&id].role == Role::Worker;
    fleet.wait_state("its role follows", is_worker).await;
}

#[tokio::test]
async fn managers_join_one_after_the_other_and_one_may_die_then() {
    let mut fleet = Fleet::begun_by(1, 3, Timing::default()).await;
    let mut index = 0;
    for number in 0..5 {
        index = fleet.create(number).await;
    }
    for place in [1, 2] {
        fleet.admit(place).await;
        fleet.start(place).await;
    }
    fleet.wait_voters(&[0, 1, 2]).await;
    fleet.agree(index, 5).await;
    let killed = fleet.wait_leader().await;
    fleet.kill(killed).await;
    let index = fleet.create(5).await;
    fleet.agree(index, 6).await;
}

#[tokio::test]
async fn a_manager_that_was_admitted_and_never_comes_holds_up_nobody() {
    let mut fleet = Fleet::begun_by(1, 3, Timing::default()).await;
    fleet.admit(1).await;
    fleet.admit(2).await;
    fleet.start(2).await;
    fleet.wait_voters(&[0, 2]).await;
    // One that dies as a learner costs no quorum either.
    fleet.start(1).await;
    fleet.wait_voters(&[0, 1, 2]).await;
    let index = fleet.create(1).await;
    fleet.agree(index, 1).await;
}

#[tokio::test]
async fn a_demoted_manager_loses_its_vote_and_then_its_role() {
    let fleet = Fleet::begun_by(3, 3, Timing::default()).await;
    let leader = fleet.wait_leader().await;
    let demoted = (leader + 1) % 3;
    fleet.propose(demote(&fleet, demoted)).await;
    wait_worker(&fleet, demoted).await;
    let rest: Vec<usize> = (0..3).filter(|place| *place != demoted).collect();
    fleet.wait_voters(&rest).await;
    assert_eq!(fleet.wait_leader().await, leader, "its leader stays");
    fleet.create(1).await;
}

#[tokio::test]
async fn a_demoted_leader_hands_over_and_is_removed_by_the_next() {
    let fleet = Fleet::begun_by(3, 3, Timing::fast()).await;
    let index = fleet.create(0).await;
    fleet.agree(index, 1).await;
    let demoted = fleet.wait_leader().await;
    fleet.propose(demote(&fleet, demoted)).await;
    wait_worker(&fleet, demoted).await;
    let rest: Vec<usize> = (0..3).filter(|place| *place != demoted).collect();
    fleet.wait_voters(&rest).await;
    assert_ne!(fleet.wait_leader().await, demoted);
    fleet.create(1).await;
}

#[tokio::test]
async fn a_lost_manager_is_removed_when_it_is_demoted() {
    let mut fleet = Fleet::begun_by(3, 3, Timing::default()).await;
    let leader = fleet.wait_leader().await;
    let lost = (leader + 1) % 3;
    fleet.kill(lost).await;
    fleet.propose(demote(&fleet, lost)).await;
    wait_worker(&fleet, lost).await;
    let rest: Vec<usize> = (0..3).filter(|place| *place != lost).collect();
    fleet.wait_voters(&rest).await;
    fleet.create(1).await;
}

#[tokio::test]
async fn keys_go_to_whom_the_state_wants_as_a_manager() {
    let fleet = Fleet::begun_by(2, 3, Timing::default()).await;
    let leader = fleet.wait_leader().await;
    // A follower names the leader.
    let addresses = [fleet.manager(1 - leader).address().to_owned()];
    let joiner = &fleet.berths[2];
    let (seams, tls) = (joiner.seams(), joiner.tls());
    let fetch = || fetch_keys(&seams, &tls, CLUSTER, &joiner.node_id, &addresses);
    let denied = fetch().await.err().unwrap();
    assert!(
        matches!(&denied, FetchError::Denied(reason) if reason.contains("not a node of this cluster")),
        "{denied}"
    );

    fleet.admit(2).await;
    let keyring = fetch().await.unwrap();
    assert_eq!(keyring.sealing_root().check(), fleet.sealing_root.check());
    let given = fleet.berths[leader].keyring();
    assert!(
        keyring.unlock_key().equals(&given.unlock_key()),
        "the leader's unlock key is the cluster's"
    );
    assert_ne!(keyring.dek().check(), given.dek().check());

    fleet.propose(demote(&fleet, 2)).await;
    let denied = timeout(PATIENCE, fetch()).await.unwrap().err().unwrap();
    assert!(matches!(denied, FetchError::Denied(_)), "{denied}");
    // Nobody else is asked: the follower knows who leads, and whoever leads no more is not believed.
    let deaf = ["127.0.0.1:1".to_owned()];
    let unanswered = fetch_keys(&seams, &tls, CLUSTER, &joiner.node_id, &deaf)
        .await
        .err()
        .unwrap();
    assert!(matches!(unanswered, FetchError::Unanswered { .. }), "{unanswered}");
}
