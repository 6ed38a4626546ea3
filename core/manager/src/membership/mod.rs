//! Who is in the consensus? The leader brings Raft's membership in line with the nodes that the state wants as managers:
//! newcomers learn before they vote, leavers lose their vote before they lose their role, one step at a time.
//!
//! The loop runs on the leader only and is woken by what is applied, by the managers' words about themselves, and by a
//! learner that catches up. A step that fails is tried again later and later, and the others go on meanwhile.

mod decide;
#[cfg(test)]
mod decide_tests;
mod quorum;
mod step_down;
mod trials;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::{Instant, timeout};
use wardroom_api::{channel, v1};
use wardroom_state::command::{Actor, Command};
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::node::NodeState;

use crate::context::Context;
use crate::links::Lane;
use crate::raft::{Changes, Peer};
use crate::replica::Applied;
use crate::watch::skip;

use decide::{Change, Outlook, decide};
use quorum::outlook;
use trials::Trials;

pub(crate) use quorum::{QuorumRisk, quorum_without};
pub(crate) use step_down::{StepDownError, step_down};

/// How long one step may take; one that is not through by then is looked at anew.
const STEP: Duration = Duration::from_secs(10);
/// How long a newcomer has to answer before it is taken in.
const PROBE: Duration = Duration::from_secs(2);

/// Keeps the membership whenever this manager leads, until it stops.
pub(crate) async fn run(context: Context) {
    let mut leadership = context.leadership.clone();
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            leads = leadership.wait_for(|known| known.mine) => if leads.is_err() { return },
        }
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            _ = leadership.wait_for(|known| !known.mine) => {}
            () = lead(&context) => {}
        }
    }
}

/// One term. Ends only when it is dropped, or with the replica.
async fn lead(context: &Context) {
    let mut wakes = Wakes::new(context);
    let mut trials = Trials::default();
    loop {
        let seen = outlook(context);
        let now = Instant::now();
        let waiting = trials.waiting(now);
        let held = is_held(context);
        let decided = context.replica.read(|state| decide(state, &seen, &waiting));
        let Some(change) = decided.filter(|_| !held) else {
            if !wakes.next(context, &seen, trials.next(now)).await {
                return;
            }
            continue;
        };
        if let Err(reason) = try_out(context, &change).await {
            tracing::info!(?change, %reason, "the membership cannot change yet");
            trials.failed(change.subject(), Instant::now());
            continue;
        }
        // The state may have moved on meanwhile: a forced new cluster has removed the one that answered.
        let seen = outlook(context);
        if context.replica.read(|state| decide(state, &seen, &waiting)).as_ref() != Some(&change) {
            continue;
        }
        match carry_out(context, &change, &seen).await {
            Ok(()) => {
                tracing::info!(?change, "the membership has changed");
                trials.succeeded(&change.subject());
            }
            Err(reason) => {
                tracing::info!(?change, %reason, "the membership cannot change yet");
                trials.failed(change.subject(), Instant::now());
            }
        }
    }
}

/// Nobody joins a refounded cluster before the state has forgotten the managers that were left behind.
fn is_held(context: &Context) -> bool {
    if !context.mark.stands() {
        return false;
    }
    let me = context.config.node_id.as_str();
    let others = context
        .replica
        .read(|state| state.managers().any(|node| node.id.as_str() != me));
    if !others {
        context.mark.lift();
    }
    others
}

/// What a look may follow on.
struct Wakes {
    applied: Receiver<Arc<Applied>>,
    managers: tokio::sync::watch::Receiver<crate::Table>,
    raft: Changes,
}

impl Wakes {
    fn new(context: &Context) -> Self {
        Self {
            applied: context.replica.subscribe(),
            managers: context.managers.subscribe(),
            raft: context.consensus.changes(),
        }
    }

    /// Waits until there may be another decision than at the last look. `false` when the manager ends.
    async fn next(&mut self, context: &Context, seen: &Outlook, again: Option<Instant>) -> bool {
        loop {
            tokio::select! {
                biased;
                told = self.applied.recv() => match told {
                    Ok(applied) if matters(&applied) => break,
                    Ok(_) => {}
                    Err(RecvError::Lagged(_)) => break,
                    Err(RecvError::Closed) => return false,
                },
                told = self.managers.changed() => match told {
                    Ok(()) if outlook(context) != *seen => return true,
                    Ok(()) => {}
                    Err(_) => return false,
                },
                moved = self.raft.next() => match moved {
                    Ok(()) if outlook(context) != *seen => return true,
                    Ok(()) => {}
                    Err(_) => return false,
                },
                () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => return true,
            }
        }
        skip(&mut self.applied);
        true
    }
}

fn matters(applied: &Applied) -> bool {
    let about_nodes = |event: &Event| {
        matches!(
            event,
            Event::Put(ObjectKey::Node(_)) | Event::Removed(ObjectKey::Node(_))
        )
    };
    applied.replaced || applied.events.iter().any(about_nodes)
}

/// Whether a step can be made at all, as far as that takes time to find out.
async fn try_out(context: &Context, change: &Change) -> Result<(), String> {
    let Change::AddLearner { raft_id, peer } = change else {
        return Ok(());
    };
    let answered = timeout(PROBE, probe(context, *raft_id, peer)).await;
    answered.unwrap_or_else(|_elapsed| Err(format!("no answer from {}", peer.address)))
}

async fn carry_out(context: &Context, change: &Change, seen: &Outlook) -> Result<(), String> {
    match change {
        Change::HandOver => {
            let handed = step_down(context, None).await.map_err(|error| error.to_string())?;
            tracing::info!(leader = %handed.leader.node_id, "this manager is to leave and has handed over");
            Ok(())
        }
        Change::SetRole { node, role } => {
            let command = Command::SetRole {
                node: node.clone(),
                role: *role,
                certificate: None,
            };
            propose(context, command).await
        }
        Change::Welcome { node } => {
            let command = Command::SetNodeState {
                node: node.clone(),
                state: NodeState::Ready,
                message: String::new(),
            };
            propose(context, command).await
        }
        _ => change_members(context, change, seen).await,
    }
}

async fn propose(context: &Context, command: Command) -> Result<(), String> {
    let system = Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    };
    let proposed = context.proposer.propose(system, command).await;
    proposed.map(|_| ()).map_err(|error| error.to_string())
}

/// A newcomer must be there, be who the state says it is, and follow nobody else: one that belongs to another quorum, or
/// whose disk was given another Raft id, would be taken from where it is.
async fn probe(context: &Context, raft_id: u64, peer: &Peer) -> Result<(), String> {
    let (line, attempt) = context.links.attempt(peer, Lane::Urgent);
    let mut client = channel::peer(line);
    let answer = client.follow(v1::FollowRequest {}).await;
    attempt.answered();
    let mut feed = answer.map_err(|status| status.message().to_owned())?.into_inner();
    let word = feed.message().await.map_err(|status| status.message().to_owned())?;
    let word = word.ok_or_else(|| format!("{} says nothing", peer.address))?;
    let term = context.leadership.borrow().term;
    let voters = context.consensus.members().voters;
    let ours = |leader: &str| voters.values().any(|voter| voter.node_id == leader);
    is_free(&word, raft_id, term, ours).map_err(|reason| format!("{} {reason}", peer.address))
}

/// A leader before this one may have spoken to the newcomer and not brought it in: who still names that one, in a term
/// that is past, belongs to nobody else.
fn is_free(word: &v1::ManagerStatus, raft_id: u64, term: u64, ours: impl Fn(&str) -> bool) -> Result<(), String> {
    if word.raft_id != raft_id {
        return Err(format!(
            "runs with Raft id {} and not {raft_id}; remove its data directory and let it join again",
            word.raft_id
        ));
    }
    if word.leader.is_empty() || (ours(&word.leader) && word.term <= term) {
        return Ok(());
    }
    Err(format!("follows another leader, {}", word.leader))
}

async fn change_members(context: &Context, change: &Change, seen: &Outlook) -> Result<(), String> {
    let consensus = &context.consensus;
    let mut moved = consensus.changes();
    let changing = async {
        let _turn = consensus.turn().await;
        match change {
            Change::Settle => consensus.settle().await,
            Change::Readdress { raft_id, peer } => consensus.readdress(*raft_id, peer.clone()).await,
            Change::DropLearner { raft_id } => consensus.drop_learner(*raft_id).await,
            Change::RemoveVoter { raft_id } => consensus.remove_voter(*raft_id).await,
            Change::Promote { raft_id } => consensus.promote(*raft_id).await,
            Change::AddLearner { raft_id, peer } => consensus.add_learner(*raft_id, peer.clone()).await,
            Change::SetRole { .. } | Change::Welcome { .. } | Change::HandOver => Ok(()),
        }
        .map_err(|error| error.to_string())?;
        // What was changed is seen a moment later; before that the same would be decided again.
        let same =
            |now: &Outlook| (&now.voters, &now.learners, now.joint) == (&seen.voters, &seen.learners, seen.joint);
        while same(&outlook(context)) {
            moved.next().await?;
        }
        Ok(())
    };
    let changed = timeout(STEP, changing).await;
    changed.unwrap_or_else(|_elapsed| Err(format!("no quorum confirmed it within {} s", STEP.as_secs())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newcomer_that_heard_an_earlier_leader_is_free_and_one_of_another_quorum_is_not() {
        let is_free = |raft_id: u64, leader: &str, term: u64| {
            let word = v1::ManagerStatus {
                raft_id,
                leader: leader.to_owned(),
                term,
                ..v1::ManagerStatus::default()
            };
            super::is_free(&word, 9, 5, |node| ["ada", "bob"].contains(&node))
        };
        assert_eq!(is_free(9, "", 0), Ok(()));
        assert_eq!(is_free(9, "ada", 5), Ok(()));
        assert_eq!(is_free(9, "bob", 4), Ok(()), "it led before");
        assert_eq!(is_free(9, "bob", 6), Err("follows another leader, bob".to_owned()));
        assert_eq!(is_free(9, "cleo", 4), Err("follows another leader, cleo".to_owned()));
        assert!(is_free(8, "", 0).is_err_and(|reason| reason.contains("Raft id 8 and not 9")));
    }
}
