//! Do three managers decide together? They are killed and come back, and nothing that was acknowledged is missing.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

mod berth;
mod fleet;
mod full_disk;
mod keys;
mod membership;
mod refounding;
mod stepping_down;

use std::sync::Arc;
use std::time::Duration;

use tokio::time::timeout;
use wardroom_ca::{Root, SystemClock};
use wardroom_keys::{Keyring, MemKeyStore, OsChance, SealingRoot, SharedKeyring};
use wardroom_state::command::Command;

use self::berth::{Berth, CLUSTER, seams};
use self::fleet::{Fleet, PATIENCE, actor, secret};
use crate::{InitializeError, Manager, OpenError, ProposeError, StartError, Word};

#[tokio::test]
async fn three_managers_elect_a_leader_and_agree() {
    let fleet = Fleet::begun(3, 5_000).await;
    let mut index = 0;
    for number in 0..20 {
        index = fleet.create(number).await;
    }
    fleet.agree(index, 20).await;
    let leader = fleet.wait_leader().await;
    let follower = (leader + 1) % 3;
    let refused = fleet
        .manager(follower)
        .proposer()
        .propose(actor(), secret(99))
        .await
        .unwrap_err();
    let ProposeError::NotLeader { leader: Some(named) } = refused else {
        panic!("{refused}")
    };
    assert_eq!(named.node_id, fleet.berths[leader].node_id);
    let twice = fleet.manager(leader).proposer().propose(actor(), secret(3)).await;
    assert!(
        matches!(twice, Err(ProposeError::Refused(_))),
        "a refusal is an answer: {twice:?}"
    );
    assert!(fleet.manager(leader).proposer().confirm().await.unwrap() >= index);
}

#[tokio::test]
async fn a_cluster_is_begun_once() {
    let fleet = Fleet::begun(1, 5_000).await;
    let again = fleet
        .manager(0)
        .initialize(fleet.members(), actor(), fleet.bootstrap())
        .await;
    assert!(matches!(again, Err(InitializeError::NotPristine)));
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_catches_up_when_it_is_back() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    for number in 0..5 {
        fleet.create(number).await;
    }
    let killed = fleet.wait_leader().await;
    fleet.kill(killed).await;
    let mut index = 0;
    for number in 5..10 {
        index = fleet.create(number).await;
    }
    fleet.agree(index, 10).await;
    fleet.start(killed).await;
    let index = index.max(fleet.create(10).await);
    fleet.agree(index, 11).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_all_were_killed() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let mut index = 0;
    for number in 0..10 {
        index = fleet.create(number).await;
    }
    for place in 0..3 {
        fleet.kill(place).await;
    }
    for place in 0..3 {
        fleet.start(place).await;
    }
    fleet.wait_leader().await;
    fleet.agree(index, 10).await;
    let index = fleet.create(10).await;
    fleet.agree(index, 11).await;
}

#[tokio::test]
async fn a_manager_that_was_away_too_long_is_caught_up_by_a_snapshot() {
    let mut fleet = Fleet::begun(3, 20).await;
    let leader = fleet.wait_leader().await;
    let away = (leader + 1) % 3;
    fleet.kill(away).await;
    let mut index = 0;
    for number in 0..100 {
        index = fleet.create(number).await;
    }
    let purged = async {
        let mut status = fleet.manager(leader).status();
        status.wait_for(|status| status.first_index > 40).await.unwrap();
    };
    timeout(PATIENCE, purged)
        .await
        .expect("the leader's log no longer reaches back");
    fleet.start(away).await;
    fleet.agree(index, 100).await;
    let mut status = fleet.manager(away).status();
    let by_snapshot = timeout(PATIENCE, status.wait_for(|status| status.snapshot_index > 40)).await;
    by_snapshot.expect("it was caught up by a snapshot").unwrap();

    // The snapshot is durable: the manager finds it again by itself.
    fleet.kill(away).await;
    fleet.start(away).await;
    assert!(fleet.manager(away).replica().read(|state| state.secrets().len()) > 40);
    let index = fleet.create(100).await;
    fleet.agree(index, 101).await;
}

#[tokio::test]
async fn without_a_quorum_nothing_is_confirmed() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    for place in (0..3).filter(|place| *place != leader) {
        fleet.kill(place).await;
    }
    let proposed = fleet
        .manager(leader)
        .proposer()
        .propose(actor(), secret(1))
        .await
        .unwrap_err();
    assert!(
        matches!(
            proposed,
            ProposeError::NoQuorum | ProposeError::NotLeader { leader: None }
        ),
        "{proposed}"
    );
    assert!(
        proposed
            .to_string()
            .contains("more than half of the managers are online")
    );
    assert!(fleet.manager(leader).proposer().confirm().await.is_err());
    assert_eq!(fleet.manager(leader).replica().read(|state| state.secrets().len()), 0);
}

#[tokio::test]
async fn a_leader_without_a_quorum_knows_that_it_decides_nothing() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    let others: Vec<usize> = (0..3).filter(|place| *place != leader).collect();
    for place in &others {
        fleet.kill(*place).await;
    }
    let mut leadership = fleet.manager(leader).leadership();
    timeout(PATIENCE, leadership.wait_for(|known| !known.mine))
        .await
        .expect("the missing answers are noticed")
        .unwrap();

    // Raft restores its role at the start, long before anybody could have answered.
    fleet.kill(leader).await;
    fleet.start(leader).await;
    let mut status = fleet.manager(leader).status();
    timeout(PATIENCE, status.wait_for(|status| status.role == "leader"))
        .await
        .expect("it takes itself for the leader")
        .unwrap();
    assert!(!fleet.manager(leader).leadership().borrow().mine);

    fleet.start(others[0]).await;
    fleet.wait_leader().await;
    let index = fleet.create(1).await;
    fleet.agree(index, 1).await;
}

#[tokio::test]
async fn the_only_voter_leads_at_rest_and_after_a_restart() {
    let mut fleet = Fleet::begun(1, 5_000).await;
    fleet.kill(0).await;
    fleet.start(0).await;
    fleet.wait_leader().await;
    let mut leadership = fleet.manager(0).leadership();
    let lost = timeout(Duration::from_secs(3), leadership.wait_for(|known| !known.mine));
    assert!(lost.await.is_err(), "no answer is missing");
}

#[tokio::test]
async fn a_change_too_large_to_replicate_is_refused_and_blocks_nobody() {
    let fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    let mut large = secret(1);
    if let Command::CreateSecret { version, .. } = &mut large {
        version.sealed.ciphertext = vec![7; 9 << 20];
    }
    let refused = fleet.manager(leader).proposer().propose(actor(), large).await;
    assert!(matches!(refused, Err(ProposeError::TooLarge { .. })), "{refused:?}");
    let index = fleet.create(2).await;
    fleet.agree(index, 1).await;
}

#[tokio::test]
async fn every_manager_hears_from_every_other() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let all_speak = |manager: &Manager| {
        let mut table = manager.managers().subscribe();
        async move {
            let spoken = table.wait_for(|table| {
                let words = table
                    .words
                    .values()
                    .filter(|(_, word)| matches!(word, Word::Status(s) if !s.leader.is_empty()));
                words.count() == 3
            });
            timeout(PATIENCE, spoken)
                .await
                .expect("all three speak")
                .unwrap()
                .clone()
        }
    };
    for manager in fleet.alive() {
        all_speak(manager).await;
    }
    let leader = fleet.wait_leader().await;
    let lost = (leader + 1) % 3;
    fleet.kill(lost).await;
    let node_id = fleet.berths[lost].node_id.clone();
    let mut table = fleet.manager(leader).managers().subscribe();
    let gone = table.wait_for(|table| matches!(table.words.get(&node_id), Some((_, Word::Lost(_)))));
    timeout(PATIENCE, gone).await.expect("its silence is noticed").unwrap();
    fleet.start(lost).await;
    all_speak(fleet.manager(leader)).await;
}

#[tokio::test]
async fn an_idle_cluster_publishes_nothing() {
    let fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    let index = fleet.create(1).await;
    fleet.agree(index, 1).await;
    let mut status = fleet.manager(leader).status();
    // The last words about the last change come within the pace of publishing.
    while timeout(Duration::from_secs(1), status.changed()).await.is_ok() {}
    assert!(
        timeout(Duration::from_secs(2), status.changed()).await.is_err(),
        "heartbeats are no news"
    );
}

#[tokio::test]
async fn a_manager_shut_down_in_order_starts_with_all_it_had_applied() {
    let mut fleet = Fleet::begun(1, 5_000).await;
    fleet.create(1).await;
    fleet.manager(0).shutdown().await;
    let index = fleet.manager(0).replica().index();
    fleet.kill(0).await;
    fleet.start(0).await;
    assert_eq!(fleet.manager(0).replica().index(), index);
    assert!(fleet.manager(0).replica().read(|state| state.secrets().len()) == 1);
}

#[tokio::test]
async fn a_manager_whose_snapshot_was_taken_away_does_not_start() {
    let mut fleet = Fleet::begun(1, 10).await;
    for number in 0..40 {
        fleet.create(number).await;
    }
    let purged = async {
        let mut status = fleet.manager(0).status();
        status.wait_for(|status| status.first_index > 10).await.unwrap();
    };
    timeout(PATIENCE, purged).await.expect("the log relies on a snapshot");
    fleet.manager(0).shutdown().await;
    fleet.kill(0).await;
    let berth = &fleet.berths[0];
    std::fs::remove_dir_all(berth.dir.path().join("snapshots")).unwrap();
    let started = Manager::start(berth.config(), berth.keyring(), berth.tls(), berth.seams()).await;
    let error = started.err().expect("it would begin with an empty state");
    assert!(matches!(error, StartError::Open(OpenError::SnapshotGone(_))), "{error}");
}

#[tokio::test]
async fn a_keyring_of_another_node_is_refused() {
    let root = Root::create(CLUSTER, &SystemClock, &OsChance).unwrap();
    let sealing_root = SealingRoot::generate(&OsChance);
    let berth = Berth::new(1, &root, &sealing_root, 100).await;
    let other = Keyring::create(&OsChance, CLUSTER, "node2", &sealing_root, 1);
    let other = Arc::new(SharedKeyring::new(other, Arc::new(MemKeyStore::default())));
    let started = Manager::start(berth.config(), other, berth.tls(), seams(berth.dir.path())).await;
    assert!(matches!(started, Err(StartError::OtherKeyring { .. })));
}
