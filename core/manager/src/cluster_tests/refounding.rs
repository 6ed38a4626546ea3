//! Does a cluster go on from one manager, and from a state alone? With everything that was acknowledged, and without
//! those that were left behind.

use std::time::Duration;

use tokio::time::timeout;
use wardroom_state::State;
use wardroom_state::command::Command;

use super::berth::Berth;
use super::fleet::{Fleet, PATIENCE};
use crate::{RefoundError, Refounding, Timing, Word, refound};

async fn refounded(berth: &Berth, from: Refounding) -> Result<u64, RefoundError> {
    let done = refound(&berth.config(), berth.keyring(), &berth.seams(), from).await?;
    Ok(done.term)
}

fn force(berth: &Berth) -> Command {
    Command::ForceNewCluster { node: berth.node() }
}

#[tokio::test]
async fn one_survivor_of_three_goes_on_with_everything_and_without_the_others() {
    let mut fleet = Fleet::begun_by(3, 3, Timing::fast()).await;
    for number in 0..20 {
        fleet.create(number).await;
    }
    let leader = fleet.wait_leader().await;
    let (survivor, lost) = ((leader + 1) % 3, (leader + 2) % 3);
    // What was acknowledged is on a quorum; only this test needs the survivor to be in it.
    let index = fleet.manager(leader).replica().index();
    timeout(PATIENCE, fleet.manager(survivor).replica().wait_index(index))
        .await
        .unwrap();
    for place in 0..3 {
        fleet.kill(place).await;
    }
    let term = refounded(&fleet.berths[survivor], Refounding::Survivor).await.unwrap();
    assert_eq!(
        refounded(&fleet.berths[survivor], Refounding::Survivor).await.unwrap(),
        term,
        "once is enough"
    );
    fleet.start(survivor).await;
    fleet.wait_leader().await;
    assert!(fleet.manager(survivor).leadership().borrow().term > term);
    fleet.propose(force(&fleet.berths[survivor])).await;
    fleet.wait_voters(&[survivor]).await;
    let index = fleet.create(20).await;
    fleet.agree(index, 21).await;

    // One that was left behind comes back: it is told so, and changes nothing.
    fleet.start(lost).await;
    let (back, id) = (fleet.manager(lost), fleet.berths[survivor].node_id.clone());
    let mut table = back.managers().subscribe();
    let told = table.wait_for(|table| {
        table
            .since(0)
            .any(|(node, word)| node == id && matches!(word, Word::Lost(reason) if reason.contains("was removed")))
    });
    timeout(PATIENCE, told)
        .await
        .expect("it is told that it was removed")
        .unwrap();
    assert!(fleet.manager(survivor).leadership().borrow().mine);
    assert_eq!(fleet.manager(survivor).replica().read(|state| state.nodes().len()), 1);
}

/// A vote it was given before the state forgets it could never be taken away again: it is refused from then on.
#[tokio::test]
async fn one_that_was_left_behind_and_runs_is_not_taken_in() {
    let mut fleet = Fleet::begun_by(3, 3, Timing::fast()).await;
    let index = fleet.create(0).await;
    fleet.agree(index, 1).await;
    let leader = fleet.wait_leader().await;
    let (survivor, left) = ((leader + 1) % 3, (leader + 2) % 3);
    fleet.kill(leader).await;
    fleet.kill(survivor).await;
    refounded(&fleet.berths[survivor], Refounding::Survivor).await.unwrap();
    fleet.start(survivor).await;
    fleet.wait_leader().await;
    // As long as several looks of the membership take.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let members = fleet.manager(survivor).0.context.consensus.members();
    assert_eq!((members.voters.len(), members.learners.len()), (1, 0));
    assert!(fleet.manager(left).leadership().borrow().leader.is_none());

    fleet.propose(force(&fleet.berths[survivor])).await;
    let index = fleet.create(1).await;
    timeout(PATIENCE, fleet.manager(survivor).replica().wait_index(index))
        .await
        .unwrap();
    fleet.wait_voters(&[survivor]).await;
    let lifted = async {
        while fleet.manager(survivor).0.context.mark.stands() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    timeout(PATIENCE, lifted)
        .await
        .expect("from now on whoever is let in comes in");
}

#[tokio::test]
async fn a_state_alone_is_enough_on_an_empty_disk() {
    let fleet = Fleet::begun_by(1, 1, Timing::fast()).await;
    for number in 0..5 {
        fleet.create(number).await;
    }
    let kept = fleet.manager(0).replica().read(State::encode);
    let state = || Refounding::State(Box::new(State::decode(&kept).unwrap()));
    let mut other = Fleet::moored(1, 5_000).await;
    let nothing = refounded(&other.berths[0], Refounding::Survivor).await;
    assert!(matches!(nothing, Err(RefoundError::NothingHere)));
    refounded(&other.berths[0], state()).await.unwrap();
    refounded(&other.berths[0], state()).await.unwrap();
    other.start(0).await;
    other.wait_leader().await;
    other.propose(force(&other.berths[0])).await;
    let index = other.create(5).await;
    other.agree(index, 6).await;
    other.kill(0).await;
    assert!(matches!(
        refounded(&other.berths[0], state()).await,
        Err(RefoundError::NotEmpty)
    ));
    other.start(0).await;
    other.wait_leader().await;
    let index = other.create(6).await;
    other.agree(index, 7).await;
}
