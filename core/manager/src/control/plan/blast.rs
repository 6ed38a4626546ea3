//! Whom does a change touch? Workers that hold a version, and those that will.

use std::collections::BTreeSet;

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::ids::{NodeId, SecretId};
use wardroom_state::node::NodeState;
use wardroom_state::service::Service;
use wardroom_state::task::Task;

use crate::control::plan::check;

/// Workers that hold any of `versions` of a secret, by whether they can be told to let go now.
#[derive(Debug, Default)]
pub(super) struct Holders {
    reachable: BTreeSet<NodeId>,
    silent: BTreeSet<NodeId>,
}

impl Holders {
    pub(super) fn of(state: &State, secret: &SecretId, versions: impl Fn(u32) -> bool) -> Self {
        let mut holders = Self::default();
        let held = state
            .holdings_of_secret(secret)
            .filter(|(key, holding)| holding.is_live() && versions(key.version));
        for (key, _) in held {
            let ready = state
                .nodes()
                .get(&key.node)
                .is_some_and(|node| node.state == NodeState::Ready);
            let side = if ready {
                &mut holders.reachable
            } else {
                &mut holders.silent
            };
            side.insert(key.node.clone());
        }
        holders
    }

    pub(super) fn leaves(&self, state: &State) -> Vec<String> {
        hostnames(state, &self.reachable)
    }

    pub(super) fn stays(&self, state: &State) -> Vec<String> {
        hostnames(state, &self.silent)
    }

    /// Whether every holder can answer.
    pub(super) fn check(&self, state: &State) -> v1::PlanCheck {
        if self.silent.is_empty() {
            return check(v1::CheckLevel::Ok, "every worker that holds it answers");
        }
        let names = self.stays(state).join(", ");
        check(
            v1::CheckLevel::Warn,
            format!("silent workers hold it and erase it only when they are back: {names}"),
        )
    }
}

/// Live tasks of a service that have a node.
pub(super) fn tasks<'a>(state: &'a State, service: &Service) -> Vec<&'a Task> {
    state
        .tasks_of(&service.id)
        .filter(|task| task.is_placed_and_live())
        .collect()
}

pub(super) fn nodes_of(tasks: &[&Task]) -> BTreeSet<NodeId> {
    tasks.iter().filter_map(|task| task.node.clone()).collect()
}

/// Sorted by name.
pub(super) fn hostnames(state: &State, nodes: &BTreeSet<NodeId>) -> Vec<String> {
    let name = |id: &NodeId| {
        state
            .nodes()
            .get(id)
            .map_or_else(|| id.to_string(), |node| node.hostname.clone())
    };
    let mut names: Vec<_> = nodes.iter().map(name).collect();
    names.sort();
    names
}
