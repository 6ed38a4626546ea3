//! What does the leader do by itself? Loops that compare what is with what should be, each a pure decision over the
//! state, and one driver that proposes what they decide.
//!
//! The driver runs on the leader only and is woken by what is applied, never by a clock that ticks. It decides, proposes,
//! and decides again only when its own proposal is applied, so that nothing is proposed twice.

mod blame;
mod decision;
mod in_place;
mod lost_workers;
mod now;
mod one_off;
mod placement;
mod places;
mod reaper;
mod restart;
mod retention;
pub(crate) mod rollout;
mod roots;
mod rotation;
mod schedule;
pub(crate) mod scheduled;
mod settled;
mod stands;
mod tasks;
mod turn;
mod update;

#[cfg(test)]
mod restart_tests;
#[cfg(test)]
mod rotation_tests;
#[cfg(test)]
pub(crate) mod scene;
#[cfg(test)]
mod steering_tests;
#[cfg(test)]
mod tasks_tests;
#[cfg(test)]
mod update_tests;

use std::cell::RefCell;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use wardroom_state::State;
use wardroom_state::command::{Actor, Command};
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::TaskId;
use wardroom_state::node::NodeState;

use crate::context::Context;
use crate::control;
use crate::dispatcher;
use crate::propose::ProposeError;
use crate::reconcile::decision::Decision;
use crate::replica::Applied;
use crate::watch::skip;

use lost_workers::FirstSeen;
pub(crate) use lost_workers::Liveness;
use now::Now;

/// Pause after a proposal that failed: what was decided rests on something that is about to change.
const PAUSE: Duration = Duration::from_millis(500);

/// Reconciles whenever this manager leads, until it stops.
pub(crate) async fn run(context: Context) {
    let mut leadership = context.leadership.clone();
    loop {
        tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            leads = leadership.wait_for(|known| known.mine) => if leads.is_err() { return },
        }
        context.offices.sessions.begin(Instant::now());
        tokio::select! {
            biased;
            () = context.stop.cancelled() => {}
            _ = leadership.wait_for(|known| !known.mine) => {}
            () = lead(&context) => {}
        }
        context.offices.sessions.end();
    }
}

/// One term. Ends only when it is dropped, or with the replica.
async fn lead(context: &Context) {
    let mut applied = context.replica.subscribe();
    let mut term = Term {
        time: Now::new(Instant::now()),
        seen: None,
    };
    loop {
        let round = decide(context, &mut term);
        let mut again = round.again;
        if !round.commands.is_empty() {
            if propose_all(context, round.commands).await {
                continue;
            }
            again = Some(Instant::now() + PAUSE);
        }
        tokio::select! {
            biased;
            open = woken(&mut applied) => if !open { return },
            () = tokio::time::sleep_until(again.unwrap_or_else(Instant::now)), if again.is_some() => {}
        }
    }
}

/// What the looks of one term have in common.
struct Term {
    time: Now,
    seen: Option<FirstSeen>,
}

/// What one look at the state led to.
struct Round {
    commands: Vec<Command>,
    again: Option<Instant>,
}

/// The first loop that has something to change decides; the others look again after its change.
fn decide(context: &Context, term: &mut Term) -> Round {
    let now = Instant::now();
    let clock_ms = context.clock.now_ms();
    let liveness = context.offices.sessions.liveness(dispatcher::heartbeat(context));
    let mut new_id = || TaskId::new(control::id(&*context.chance));
    context.replica.read(|state| {
        let now_ms = term.time.read(clock_ms, state.at_ms(), now);
        let mut again = None;
        if let Some(liveness) = &liveness {
            let seen = term
                .seen
                .get_or_insert_with(|| FirstSeen::begin(state, liveness.leading_since));
            seen.look(state, now);
            let lost = lost_workers::decide(state, liveness, seen, now);
            if !lost.is_empty() {
                return Round {
                    commands: lost,
                    again: None,
                };
            }
            again = lost_workers::next(state, liveness, seen);
        }
        let (commands, wait) = loops(state, now_ms, clock_ms, &mut new_id);
        let due = wait.map(|wait| now + wait);
        Round {
            again: again.into_iter().chain(due).min().filter(|_| commands.is_empty()),
            commands,
        }
    })
}

/// The commands of the first loop that has any, or else how long all of them can wait. `now_ms` never goes back in a
/// term and may be ahead of `clock_ms`; each wait is measured from the time that the loop itself goes by.
fn loops(
    state: &State,
    now_ms: i64,
    clock_ms: i64,
    new_id: &mut dyn FnMut() -> TaskId,
) -> (Vec<Command>, Option<Duration>) {
    let new_id = RefCell::new(new_id);
    // What has failed is judged before anything is replaced, and replaced before it is forgotten.
    let loops: [(i64, &dyn Fn() -> Decision); 8] = [
        (now_ms, &|| rotation::decide(state, now_ms)),
        (now_ms, &|| update::decide(state, now_ms)),
        (now_ms, &|| tasks::decide(state, now_ms, &mut **new_id.borrow_mut())),
        (now_ms, &|| rollout::decide(state, now_ms, &mut **new_id.borrow_mut())),
        (now_ms, &|| one_off::decide(state)),
        (now_ms, &|| reaper::decide(state)),
        (now_ms, &|| retention::decide(state, now_ms)),
        (clock_ms, &|| roots::decide(state, clock_ms.max(state.at_ms()))),
    ];
    let mut shortest: Option<Duration> = None;
    for (from_ms, decide) in loops {
        let decision = decide();
        if !decision.commands.is_empty() {
            return (decision.commands, None);
        }
        if let Some(at_ms) = decision.again_at_ms {
            let wait_ms = u64::try_from(at_ms.saturating_sub(from_ms)).unwrap_or(0).max(1);
            let wait = Duration::from_millis(wait_ms);
            shortest = Some(shortest.map_or(wait, |before| before.min(wait)));
        }
    }
    (Vec::new(), shortest)
}

/// In order; stops at the first that fails. Each is applied here when its call returns.
async fn propose_all(context: &Context, commands: Vec<Command>) -> bool {
    for command in commands {
        if let Command::SetNodeState {
            node,
            state: NodeState::Down,
            ..
        } = &command
        {
            // A worker that was only slow has to register again, and is ready again then.
            context.offices.sessions.drop_node(node);
        }
        let actor = Actor {
            name: "system".to_owned(),
            from: "local".to_owned(),
        };
        match context.proposer.propose(actor, command).await {
            Ok(_) => {}
            Err(ProposeError::Refused(refusal)) => {
                // A worker's report came in between; the next look sees it.
                tracing::debug!(%refusal, "a reconcile step was refused");
                return false;
            }
            Err(error) => {
                tracing::warn!(%error, "a reconcile step was not confirmed");
                return false;
            }
        }
    }
    true
}

/// Waits for a change that a loop may care about, and takes whatever else is there with it. `false` when the replica is gone.
async fn woken(applied: &mut Receiver<Arc<Applied>>) -> bool {
    loop {
        match applied.recv().await {
            Ok(applied) if matters(&applied) => break,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => break,
            Err(RecvError::Closed) => return false,
        }
    }
    skip(applied);
    true
}

fn matters(applied: &Applied) -> bool {
    let only_told = |event: &Event| matches!(event, Event::Put(ObjectKey::Audit(_)));
    applied.replaced || !applied.events.iter().all(only_told)
}

#[cfg(test)]
mod tests {
    use tokio::sync::broadcast;
    use wardroom_state::ids::NodeId;

    use super::*;

    fn applied(index: u64, key: ObjectKey) -> Arc<Applied> {
        Arc::new(Applied {
            index,
            events: vec![Event::Put(key)],
            changes: Vec::new(),
            replaced: false,
        })
    }

    #[test]
    fn a_clock_that_was_set_back_is_waited_for() {
        let mut scene = roots::tests::rotated();
        let mut new_id = || unreachable!("no service is there");
        // A certificate of the old root expires at 50 000, and the leader has seen a later time.
        let (commands, wait) = loops(&scene.state, 60_000, 40_000, &mut new_id);
        assert_eq!((commands, wait), (Vec::new(), Some(Duration::from_secs(10))));
        // So has the state, by a little less: it is the clock that has to get there.
        scene.now_ms = 49_999;
        scene.node_state("w1", NodeState::Down);
        let (commands, wait) = loops(&scene.state, 60_000, 40_000, &mut new_id);
        assert_eq!((commands, wait), (Vec::new(), Some(Duration::from_secs(10))));
    }

    #[tokio::test]
    async fn many_changes_are_one_reason_to_look() {
        let (sender, mut receiver) = broadcast::channel(1_024);
        for index in 0..500 {
            let _ = sender.send(applied(index, ObjectKey::Node(NodeId::new("w1"))));
        }
        assert!(woken(&mut receiver).await);
        assert!(receiver.is_empty(), "one look takes in all of them");
        let _ = sender.send(applied(500, ObjectKey::Audit(1)));
        let waiting = futures_util::FutureExt::now_or_never(woken(&mut receiver));
        assert_eq!(waiting, None, "what changes nothing wakes nobody");
        drop(sender);
        assert!(!woken(&mut receiver).await);
    }
}
