//! What happens to a cluster when a manager's disk is full? Writes are refused or go on without it, nobody stops, and
//! free space is all it takes to heal.

use std::time::Duration;

use tokio::time::timeout;
use wardroom_state::command::Command;

use super::fleet::{Fleet, PATIENCE, actor, secret};
use crate::{Committed, Manager, ProposeError};

/// More than a log's first segment and less than two.
const SMALL: u64 = 6 << 20;
/// As large as a value may be, so that a segment is soon used up.
const VALUE: usize = 400 << 10;

async fn create(manager: &Manager, number: u64) -> Result<Committed, ProposeError> {
    let mut command = secret(number);
    if let Command::CreateSecret { version, .. } = &mut command {
        version.sealed.ciphertext = vec![7; VALUE];
    }
    manager.proposer().propose(actor(), command).await
}

#[tokio::test]
async fn a_leader_whose_disk_is_full_refuses_writes_until_there_is_space() {
    let (fleet, disks) = Fleet::begun_in_memory(3).await;
    let place = fleet.wait_leader().await;
    let leader = fleet.manager(place);
    disks[place].set_capacity(Some(SMALL));
    let mut number = 0;
    let refused = loop {
        match create(leader, number).await {
            Ok(_) => number += 1,
            Err(error) => break error,
        }
        assert!(number < 20, "the disk must fill up");
    };
    assert!(
        matches!(&refused, ProposeError::DiskFull { manager } if *manager == fleet.berths[place].node_id),
        "{refused}"
    );
    assert!(create(leader, 99).await.is_err(), "and again");
    assert_eq!(*leader.failure().borrow(), None);
    assert!(leader.leadership().borrow().mine, "it leads on");

    disks[place].set_capacity(None);
    let made = async {
        loop {
            match create(leader, number).await {
                Ok(committed) => return committed.index,
                Err(ProposeError::DiskFull { .. }) => tokio::time::sleep(Duration::from_millis(50)).await,
                Err(other) => panic!("{other}"),
            }
        }
    };
    let index = timeout(PATIENCE, made).await.expect("space was freed");
    fleet.agree(index, usize::try_from(number).unwrap() + 1).await;
}

#[tokio::test]
async fn a_follower_whose_disk_is_full_stays_behind_and_catches_up() {
    let (fleet, disks) = Fleet::begun_in_memory(3).await;
    let leader = fleet.wait_leader().await;
    let full = (leader + 1) % 3;
    disks[full].set_capacity(Some(SMALL));
    let mut index = 0;
    for number in 0..20 {
        index = create(fleet.manager(leader), number).await.unwrap().index;
    }
    let follower = fleet.manager(full);
    assert!(follower.replica().index() < index, "eight megabytes do not fit");
    assert_eq!(*follower.failure().borrow(), None);
    assert_eq!(
        follower.leadership().borrow().leader.as_ref().map(|peer| &peer.node_id),
        Some(&fleet.berths[leader].node_id),
        "it hears the leader all the same"
    );

    disks[full].set_capacity(None);
    fleet.agree(index, 20).await;
}
