//! Where does the next task go? To the ready, active worker with the fewest tasks of its service, then the fewest at
//! all; equal ones by id, so that every leader decides alike.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::ids::{NodeId, ServiceId};
use wardroom_state::node::{Availability, NodeState, Role};

/// The nodes that take new tasks, and what they carry already.
pub(crate) struct Placement {
    load: BTreeMap<NodeId, usize>,
    by_service: BTreeMap<(ServiceId, NodeId), usize>,
}

/// Managers run no agent here: tasks go to workers.
fn takes_tasks(state: &State, id: &NodeId) -> bool {
    state.nodes().get(id).is_some_and(|node| {
        node.role == Role::Worker && node.state == NodeState::Ready && node.availability == Availability::Active
    })
}

/// A paused node takes no new tasks and keeps what it has; a drained one keeps nothing.
pub(crate) fn keeps_tasks(state: &State, id: &NodeId) -> bool {
    state
        .nodes()
        .get(id)
        .is_some_and(|node| node.role == Role::Worker && node.availability != Availability::Drain)
}

impl Placement {
    pub(crate) fn of(state: &State) -> Self {
        let load = state
            .nodes()
            .keys()
            .filter(|id| takes_tasks(state, id))
            .map(|id| (id.clone(), 0))
            .collect();
        let mut placement = Self {
            load,
            by_service: BTreeMap::new(),
        };
        for task in state.tasks().values().filter(|task| task.is_live()) {
            if let Some(node) = &task.node {
                placement.add(&task.service, node);
            }
        }
        placement
    }

    fn add(&mut self, service: &ServiceId, node: &NodeId) {
        if let Some(load) = self.load.get_mut(node) {
            *load += 1;
            *self.by_service.entry((service.clone(), node.clone())).or_default() += 1;
        }
    }

    /// In id order.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = &NodeId> {
        self.load.keys()
    }

    /// The node for one more task of `service`, which counts from now on. `None` when no node takes tasks.
    pub(crate) fn pick(&mut self, service: &ServiceId) -> Option<NodeId> {
        let of_service = |node: &NodeId| {
            self.by_service
                .get(&(service.clone(), node.clone()))
                .copied()
                .unwrap_or(0)
        };
        let (node, _) = self
            .load
            .iter()
            .min_by_key(|(node, load)| (of_service(node), **load, (*node).clone()))?;
        let node = node.clone();
        self.add(service, &node);
        Some(node)
    }
}
