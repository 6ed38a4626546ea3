//! How does a leader step down? It waits until its heir has everything, holds new changes back, falls silent, and asks
//! the heir to stand for election. What was held back goes to the new leader afterwards: nobody is refused.
//!
//! A voter refuses its ballot for a while after it last heard of a leader. The leader itself does not hear of itself, so
//! that among two or three voters its own ballot and the heir's are enough at once; among more, the silence has to last as
//! long as the others remember.

use std::time::Duration;

use tokio::time::{Instant, timeout, timeout_at};
use wardroom_api::{channel, v1};
use wardroom_state::State;
use wardroom_state::ids::NodeId;
use wardroom_state::node::Role;

use crate::context::Context;
use crate::links::Lane;
use crate::membership::decide::Outlook;
use crate::membership::quorum::outlook;
use crate::raft::{Members, Peer};

/// After this everything is as before.
const DEADLINE: Duration = Duration::from_secs(4);
/// How long the heir has to say that it stands for election.
const ASKING: Duration = Duration::from_secs(1);

/// Who leads now, and how long changes were held back for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Handover {
    pub(crate) leader: Peer,
    pub(crate) gap: Duration,
}

/// Why this manager still leads, or never did. Nothing has changed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum StepDownError {
    #[error("this manager does not lead")]
    NotLeader { leader: Option<Peer> },
    #[error("this is the only manager; add another one first, with `wardroom node promote`")]
    OnlyManager,
    #[error("node {0} is not a manager; promote it first, or name a manager")]
    NotAManager(String),
    #[error("node {0} leads already")]
    LeadsAlready(String),
    #[error("manager {0} does not answer; start it, or name another one")]
    NotReachable(String),
    #[error("no other manager answers; start one first")]
    NobodyReachable,
    #[error("manager {heir} did not stand for election ({reason}); try again, or name another one")]
    Declined { heir: String, reason: String },
    #[error(
        "manager {heir} did not take over within {} s and this one goes on leading; see `wardroom raft status`, then try again",
        DEADLINE.as_secs()
    )]
    NotInTime { heir: String },
}

/// Hands the leadership to a manager: the one named, or else the one that lacks least.
pub(crate) async fn step_down(context: &Context, to: Option<NodeId>) -> Result<Handover, StepDownError> {
    let deadline = Instant::now() + DEADLINE;
    let not_in_time = |heir: &Peer| StepDownError::NotInTime {
        heir: hostname(context, &heir.node_id),
    };
    let turn = timeout_at(deadline, context.consensus.turn()).await;
    let (raft_id, heir) = heir(context, to.as_ref())?;
    let Ok(_turn) = turn else {
        return Err(not_in_time(&heir));
    };
    let handing = hand_over(context, raft_id, &heir);
    timeout_at(deadline, handing)
        .await
        .unwrap_or_else(|_elapsed| Err(not_in_time(&heir)))
}

/// Dropped at any point, it leaves everything as it was.
async fn hand_over(context: &Context, raft_id: u64, heir: &Peer) -> Result<Handover, StepDownError> {
    let mut leadership = context.leadership.clone();
    let term = leadership.borrow_and_update().term;
    // Most of it travels before anybody has to wait.
    caught_up(context, raft_id).await?;
    let began = Instant::now();
    let _held = context.proposer.hold().await;
    let _quiet = context.consensus.quiet();
    caught_up(context, raft_id).await?;
    tokio::time::sleep(patience(context).await).await;
    ask(context, heir, term).await?;
    let led = leadership
        .wait_for(|known| known.term > term && known.leader.is_some())
        .await;
    let leader = led.ok().and_then(|known| known.leader.clone());
    let leader = leader.ok_or(StepDownError::NotLeader { leader: None })?;
    Ok(Handover {
        leader,
        gap: began.elapsed(),
    })
}

fn heir(context: &Context, to: Option<&NodeId>) -> Result<(u64, Peer), StepDownError> {
    let leadership = context.leadership.borrow().clone();
    if !leadership.mine {
        return Err(StepDownError::NotLeader {
            leader: leadership.leader,
        });
    }
    let (outlook, members) = (outlook(context), context.consensus.members());
    context.replica.read(|state| choose(state, &outlook, &members, to))
}

/// Pure, so that every no can be tested.
fn choose(
    state: &State,
    outlook: &Outlook,
    members: &Members,
    to: Option<&NodeId>,
) -> Result<(u64, Peer), StepDownError> {
    let name = |node_id: &str| name_in(state, node_id);
    let stays = |peer: &Peer| {
        let node = state.nodes().get(&NodeId::new(peer.node_id.as_str()));
        node.is_none_or(|node| node.desired_role == Role::Manager)
    };
    let answers = |peer: &Peer| outlook.reachable.contains(&peer.node_id);
    let others = || outlook.voters.iter().filter(|(raft_id, _)| **raft_id != outlook.me);
    if let Some(to) = to {
        let me = outlook.voters.get(&outlook.me);
        if me.is_some_and(|me| me.node_id == to.as_str()) {
            return Err(StepDownError::LeadsAlready(name(to.as_str())));
        }
        let named = others().find(|(_, peer)| peer.node_id == to.as_str() && stays(peer));
        return match named {
            None => Err(StepDownError::NotAManager(name(to.as_str()))),
            Some((_, peer)) if !answers(peer) => Err(StepDownError::NotReachable(name(to.as_str()))),
            Some((raft_id, peer)) => Ok((*raft_id, peer.clone())),
        };
    }
    if others().next().is_none() {
        return Err(StepDownError::OnlyManager);
    }
    let able = others().filter(|(_, peer)| stays(peer) && answers(peer));
    let nearest = able.min_by_key(|(raft_id, _)| (members.lag(**raft_id).unwrap_or(u64::MAX), **raft_id));
    let (raft_id, peer) = nearest.ok_or(StepDownError::NobodyReachable)?;
    Ok((*raft_id, peer.clone()))
}

/// Waits until a member has every entry of this manager's log.
async fn caught_up(context: &Context, raft_id: u64) -> Result<(), StepDownError> {
    let mut changes = context.consensus.changes();
    while context.consensus.members().lag(raft_id) != Some(0) {
        if changes.next().await.is_err() || !context.consensus.leads() {
            return Err(StepDownError::NotLeader { leader: None });
        }
    }
    Ok(())
}

/// How long the silence has to last before enough voters give their ballots to another.
async fn patience(context: &Context) -> Duration {
    let timing = context.config.timing;
    let lease = Duration::from_millis(timing.election_max_ms);
    let own = context.consensus.lease_left(lease).await;
    let members = context.consensus.members();
    if members.voters.len() <= 3 && !members.joint {
        return own;
    }
    // The last heartbeat may still be on its way for as long as it may take.
    own.max(lease + Duration::from_millis(timing.heartbeat_ms))
}

async fn ask(context: &Context, heir: &Peer, term: u64) -> Result<(), StepDownError> {
    let declined = |reason: String| StepDownError::Declined {
        heir: hostname(context, &heir.node_id),
        reason,
    };
    let (line, attempt) = context.links.attempt(heir, Lane::Urgent);
    let mut client = channel::peer(line);
    let request = channel::request(v1::ElectRequest { term }, ASKING);
    let answer = timeout(ASKING, client.elect(request)).await;
    let answer = answer.map_err(|_elapsed| declined("it did not answer".to_owned()))?;
    attempt.answered();
    answer
        .map(|_| ())
        .map_err(|status| declined(status.message().to_owned()))
}

fn hostname(context: &Context, node_id: &str) -> String {
    context.replica.read(|state| name_in(state, node_id))
}

fn name_in(state: &State, node_id: &str) -> String {
    let node = state.nodes().get(&NodeId::new(node_id));
    node.map_or_else(|| node_id.to_owned(), |node| node.hostname.clone())
}
