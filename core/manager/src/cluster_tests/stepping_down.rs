//! Does a leader step down without anybody being refused?

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use wardroom_state::ids::NodeId;

use super::fleet::{Fleet, actor, secret};
use crate::membership::{StepDownError, step_down};
use crate::{Manager, ProposeError, Timing};

fn lead(manager: &Manager, to: Option<NodeId>) -> impl Future<Output = Result<crate::Peer, StepDownError>> {
    let context = manager.0.context.clone();
    async move {
        let handover = step_down(&context, to).await?;
        assert!(handover.gap < Duration::from_secs(2), "{:?}", handover.gap);
        Ok(handover.leader)
    }
}

/// Writes through the leader until told to stop; a manager that does not lead any more must name the one that does.
async fn write(manager: Manager, from: u64, stop: &AtomicBool) -> (u64, Option<crate::Peer>) {
    let mut number = from;
    while !stop.load(Ordering::Relaxed) {
        match manager.proposer().propose(actor(), secret(number)).await {
            Ok(_) => number += 1,
            Err(ProposeError::NotLeader { leader: Some(leader) }) => return (number - from, Some(leader)),
            Err(other) => panic!("{other}"),
        }
    }
    (number - from, None)
}

async fn hands_over(size: usize) {
    let fleet = Fleet::begun_by(size, size as u64, Timing::fast()).await;
    let old = fleet.wait_leader().await;
    let heir = (old + 1) % size;
    fleet.create(0).await;
    let stop = AtomicBool::new(false);
    let writing = write(fleet.manager(old).clone(), 1_000, &stop);
    let stepping = async {
        let led = lead(fleet.manager(old), Some(fleet.berths[heir].id())).await;
        stop.store(true, Ordering::Relaxed);
        led
    };
    let ((written, named), led) = tokio::join!(writing, stepping);
    assert_eq!(led.unwrap().node_id, fleet.berths[heir].node_id);
    if let Some(named) = named {
        assert_eq!(
            named.node_id, fleet.berths[heir].node_id,
            "who was held back is sent to the new leader"
        );
    }
    let index = fleet.create(1).await;
    assert_eq!(fleet.wait_leader().await, heir);
    fleet.agree(index, usize::try_from(written).unwrap() + 2).await;
}

#[tokio::test]
async fn a_named_manager_of_three_takes_over() {
    hands_over(3).await;
}

#[tokio::test]
async fn a_named_manager_of_five_takes_over_after_the_silence() {
    hands_over(5).await;
}

#[tokio::test]
async fn a_leader_says_why_it_cannot_step_down() {
    let alone = Fleet::begun_by(1, 1, Timing::default()).await;
    assert_eq!(lead(alone.manager(0), None).await, Err(StepDownError::OnlyManager));

    let mut fleet = Fleet::begun_by(3, 3, Timing::default()).await;
    let leader = fleet.wait_leader().await;
    let (other, lost) = ((leader + 1) % 3, (leader + 2) % 3);
    let name = |place: usize| fleet.berths[place].node_id.clone();
    let (me, gone) = (name(leader), name(lost));
    let to = |node: &str| Some(NodeId::new(node));
    let old = fleet.manager(leader).clone();
    assert_eq!(lead(&old, to(&me)).await, Err(StepDownError::LeadsAlready(me.clone())));
    assert_eq!(
        lead(&old, to("nobody")).await,
        Err(StepDownError::NotAManager("nobody".into()))
    );
    assert!(matches!(
        lead(fleet.manager(other), None).await,
        Err(StepDownError::NotLeader { leader: Some(peer) }) if peer.node_id == me
    ));
    fleet.kill(lost).await;
    let mut table = old.managers().subscribe();
    table
        .wait_for(|table| {
            table
                .since(0)
                .any(|(node, word)| node == gone && matches!(word, crate::Word::Lost(_)))
        })
        .await
        .unwrap();
    assert_eq!(lead(&old, to(&gone)).await, Err(StepDownError::NotReachable(gone)));
    // Unnamed, it is the one that answers.
    assert_eq!(lead(&old, None).await.unwrap().node_id, fleet.berths[other].node_id);
}
