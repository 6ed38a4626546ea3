//! Which workers have fallen silent? Three missed heartbeats make a node down; twice as many after a change of leader,
//! because the new one has heard nobody yet, and for a node that has just joined. And which are down by mistake? One that registered while its end was being
//! decided is in a session and heard, and would stay down for as long as that lasts.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::Instant;
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, NodeState};

/// Heartbeats that may be missed in a row.
const PATIENCE: u32 = 3;
/// The same for workers that have not spoken to this leader yet.
const PATIENCE_OF_A_NEW_LEADER: u32 = 6;

/// When each worker was last heard, as one leader knows it.
#[derive(Clone, Debug)]
pub(crate) struct Liveness {
    pub(crate) leading_since: Instant,
    pub(crate) period: Duration,
    pub(crate) heard: BTreeMap<NodeId, Instant>,
}

impl Liveness {
    fn deadline(&self, node: &NodeId, seen: &FirstSeen) -> Instant {
        match self.heard.get(node) {
            Some(&at) => at + self.period * PATIENCE,
            None => self.first_seen(node, seen) + self.period * PATIENCE_OF_A_NEW_LEADER,
        }
    }

    fn first_seen(&self, node: &NodeId, seen: &FirstSeen) -> Instant {
        let seen = seen.0.get(node).copied();
        seen.map_or(self.leading_since, |at| at.max(self.leading_since))
    }

    fn silence(&self, node: &NodeId, seen: &FirstSeen) -> String {
        if self.heard.contains_key(node) {
            format!("heartbeat failure: {PATIENCE} missed")
        } else if self.first_seen(node, seen) > self.leading_since {
            "heartbeat failure: silent since it joined".to_owned()
        } else {
            "heartbeat failure: silent since this leader was elected".to_owned()
        }
    }
}

/// When one leader first saw each worker in the state: one that joins late in a term has had no time to speak, like all
/// of them at its beginning.
#[derive(Debug, Default)]
pub(crate) struct FirstSeen(BTreeMap<NodeId, Instant>);

impl FirstSeen {
    /// Those at the beginning of a term.
    pub(crate) fn begin(state: &State, leading_since: Instant) -> Self {
        let mut seen = Self::default();
        seen.look(state, leading_since);
        seen
    }

    /// Notes who is new at `now`, and forgets who is gone.
    pub(crate) fn look(&mut self, state: &State, now: Instant) {
        let is_worker = |id: &NodeId| state.nodes().get(id).is_some_and(|node| node.runs_tasks);
        self.0.retain(|id, _| is_worker(id));
        for node in workers(state) {
            if !self.0.contains_key(&node.id) {
                self.0.insert(node.id.clone(), now);
            }
        }
    }
}

/// Nodes that run an agent, managers among them; of the others nobody is to be heard.
fn workers(state: &State) -> impl Iterator<Item = &Node> {
    state.nodes().values().filter(|node| node.runs_tasks)
}

fn watched(state: &State) -> impl Iterator<Item = &Node> {
    workers(state).filter(|node| node.state != NodeState::Down)
}

pub(crate) fn decide(state: &State, liveness: &Liveness, seen: &FirstSeen, now: Instant) -> Vec<Command> {
    let lost = watched(state)
        .filter(|node| liveness.deadline(&node.id, seen) <= now)
        .map(|node| Command::SetNodeState {
            node: node.id.clone(),
            state: NodeState::Down,
            message: liveness.silence(&node.id, seen),
        });
    let back = workers(state)
        .filter(|node| node.state == NodeState::Down)
        .filter(|node| liveness.heard.contains_key(&node.id) && liveness.deadline(&node.id, seen) > now)
        .map(|node| Command::SetNodeState {
            node: node.id.clone(),
            state: NodeState::Ready,
            message: String::new(),
        });
    lost.chain(back).collect()
}

/// When the next worker would be down if it stayed silent.
pub(crate) fn next(state: &State, liveness: &Liveness, seen: &FirstSeen) -> Option<Instant> {
    watched(state).map(|node| liveness.deadline(&node.id, seen)).min()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::reconcile::scene::{Scene, node_id};

    fn decide(state: &State, liveness: &Liveness, now: Instant) -> Vec<Command> {
        let seen = FirstSeen::begin(state, liveness.leading_since);
        super::decide(state, liveness, &seen, now)
    }

    fn next(state: &State, liveness: &Liveness) -> Option<Instant> {
        let seen = FirstSeen::begin(state, liveness.leading_since);
        super::next(state, liveness, &seen)
    }

    const PERIOD: Duration = Duration::from_secs(5);

    fn liveness(since: Instant, heard: &[(&str, Instant)]) -> Liveness {
        let heard = heard.iter().map(|(name, at)| (node_id(name), *at)).collect();
        Liveness {
            leading_since: since,
            period: PERIOD,
            heard,
        }
    }

    fn down(commands: &[Command]) -> Vec<String> {
        let name = |command: &Command| match command {
            Command::SetNodeState {
                node,
                state: NodeState::Down,
                ..
            } => node.to_string(),
            other => panic!("{other:?}"),
        };
        commands.iter().map(name).collect()
    }

    #[test]
    fn three_missed_heartbeats_make_a_worker_down() {
        let scene = Scene::with_workers(2);
        let start = Instant::now();
        let liveness = liveness(start, &[("w1", start), ("w2", start + PERIOD)]);
        assert!(decide(&scene.state, &liveness, start + PERIOD * 3 - Duration::from_millis(1)).is_empty());
        assert_eq!(down(&decide(&scene.state, &liveness, start + PERIOD * 3)), ["w1"]);
        assert_eq!(next(&scene.state, &liveness), Some(start + PERIOD * 3));
    }

    #[test]
    fn a_new_leader_waits_twice_as_long() {
        let scene = Scene::with_workers(1);
        let start = Instant::now();
        let liveness = liveness(start, &[]);
        assert!(decide(&scene.state, &liveness, start + PERIOD * 5).is_empty());
        assert_eq!(down(&decide(&scene.state, &liveness, start + PERIOD * 6)), ["w1"]);
    }

    #[test]
    fn who_joins_late_in_a_term_has_as_long_to_speak() {
        let start = Instant::now();
        let liveness = liveness(start, &[("w1", start + PERIOD * 100)]);
        let mut seen = FirstSeen::begin(&Scene::with_workers(1).state, start);
        let scene = Scene::with_workers(2);
        let joined = start + PERIOD * 99;
        seen.look(&scene.state, joined);
        let late = joined + PERIOD * 6;
        let at = |now: Instant| super::decide(&scene.state, &liveness, &seen, now);
        assert!(at(joined + PERIOD).is_empty());
        assert_eq!(super::next(&scene.state, &liveness, &seen), Some(start + PERIOD * 103));
        let lost = at(late);
        assert_eq!(down(&lost), ["w1", "w2"]);
        let Some(Command::SetNodeState { message, .. }) = lost.last() else {
            panic!("{lost:?}")
        };
        assert_eq!(message, "heartbeat failure: silent since it joined");
        // Looking again makes nobody new, and who was removed and forgotten is.
        seen.look(&scene.state, late);
        assert_eq!(down(&super::decide(&scene.state, &liveness, &seen, late)), ["w1", "w2"]);
        seen.look(&Scene::with_workers(1).state, late);
        seen.look(&scene.state, late);
        assert_eq!(down(&super::decide(&scene.state, &liveness, &seen, late)), ["w1"]);
    }

    #[test]
    fn a_manager_with_an_agent_is_missed_and_one_without_is_not() {
        let scene = Scene::with_workers_that(1, |node| node.runs_tasks = node.id == node_id("m1"));
        let start = Instant::now();
        let lost = decide(&scene.state, &liveness(start, &[]), start + PERIOD * 6);
        assert_eq!(down(&lost), ["m1"]);
    }

    #[test]
    fn who_is_down_and_heard_is_ready_again() {
        let mut scene = Scene::with_workers(1);
        scene.node_state("w1", NodeState::Down);
        let start = Instant::now();
        let heard = liveness(start, &[("w1", start)]);
        let ready = Command::SetNodeState {
            node: node_id("w1"),
            state: NodeState::Ready,
            message: String::new(),
        };
        assert_eq!(decide(&scene.state, &heard, start + PERIOD), [ready]);
        assert_eq!(decide(&scene.state, &heard, start + PERIOD * 3), []);
    }

    #[test]
    fn who_is_down_is_not_told_again() {
        let mut scene = Scene::with_workers(1);
        scene.node_state("w1", NodeState::Down);
        let start = Instant::now();
        assert!(decide(&scene.state, &liveness(start, &[]), start + PERIOD * 60).is_empty());
        assert_eq!(next(&scene.state, &liveness(start, &[])), None);
    }
}
