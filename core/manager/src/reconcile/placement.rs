//! Where does the next task go? To the ready, active node that satisfies the service's constraints and has the fewest
//! tasks of it, then the fewest at all; equal ones by id, so that every leader decides alike. And if nowhere: why?

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::ids::{NodeId, ServiceId};
use wardroom_state::node::{Availability, Node, NodeState};
use wardroom_state::service::{Service, ServiceSpec};

/// The nodes that take new tasks, and what they carry already.
pub(crate) struct Placement<'a> {
    state: &'a State,
    load: BTreeMap<&'a NodeId, usize>,
    by_service: BTreeMap<(&'a ServiceId, &'a NodeId), usize>,
}

fn takes_tasks(node: &Node) -> bool {
    node.runs_tasks && node.state == NodeState::Ready && node.availability == Availability::Active
}

fn satisfies(node: &Node, spec: &ServiceSpec) -> bool {
    spec.constraints.iter().all(|constraint| constraint.matches(node))
}

/// A paused node takes no new tasks and keeps what it has; a drained one keeps nothing, and none keeps a task whose
/// constraints it does not satisfy any more.
pub(crate) fn keeps_tasks(state: &State, id: &NodeId, service: &Service) -> bool {
    state.nodes().get(id).is_some_and(|node| {
        node.runs_tasks && node.availability != Availability::Drain && satisfies(node, &service.spec)
    })
}

impl<'a> Placement<'a> {
    pub(crate) fn of(state: &'a State) -> Self {
        let able = state.nodes().iter().filter(|(_, node)| takes_tasks(node));
        let mut placement = Self {
            state,
            load: able.map(|(id, _)| (id, 0)).collect(),
            by_service: BTreeMap::new(),
        };
        for task in state.tasks().values().filter(|task| task.is_live()) {
            if let Some(node) = &task.node {
                placement.add(&task.service, node);
            }
        }
        placement
    }

    fn add(&mut self, service: &'a ServiceId, node: &'a NodeId) {
        if let Some(load) = self.load.get_mut(node) {
            *load += 1;
            *self.by_service.entry((service, node)).or_default() += 1;
        }
    }

    /// The nodes that take tasks of a service, in id order.
    pub(crate) fn nodes(&self, service: &Service) -> impl Iterator<Item = &'a NodeId> {
        let state = self.state;
        let able = self.load.keys().copied();
        able.filter(move |id| {
            state
                .nodes()
                .get(*id)
                .is_some_and(|node| satisfies(node, &service.spec))
        })
    }

    fn of_service(&self, service: &Service, node: &NodeId) -> usize {
        self.by_service.get(&(&service.id, node)).copied().unwrap_or(0)
    }

    fn is_full(&self, service: &Service, node: &NodeId) -> bool {
        let most = usize::try_from(service.spec.max_per_node).unwrap_or(usize::MAX);
        most != 0 && self.of_service(service, node) >= most
    }

    /// The node for one more task of `service`, which counts from now on. `None` when no node takes it.
    pub(crate) fn pick(&mut self, service: &'a Service) -> Option<NodeId> {
        let of_service = |node: &'a NodeId| self.of_service(service, node);
        let node = self
            .nodes(service)
            .filter(|node| !self.is_full(service, node))
            .min_by_key(|node| (of_service(node), self.load[*node], *node))?;
        self.add(&service.id, node);
        Some(node.clone())
    }

    /// Why no node takes a task of `service`, in Docker's words: each node counts under the first reason against it.
    pub(crate) fn reason(&self, service: &Service) -> String {
        let candidates = || self.state.nodes().values().filter(|node| node.runs_tasks);
        let unavailable = candidates().filter(|node| !takes_tasks(node)).count();
        let unfit = candidates()
            .filter(|node| takes_tasks(node) && !satisfies(node, &service.spec))
            .count();
        let full = self.nodes(service).filter(|node| self.is_full(service, node)).count();
        let mut reasons = Vec::new();
        if full > 0 {
            let nodes = if full == 1 { "node" } else { "nodes" };
            reasons.push((full, format!("max replicas per node limit exceed on {full} {nodes}")));
        }
        if unfit > 0 {
            let nodes = if unfit == 1 { "node" } else { "nodes" };
            reasons.push((
                unfit,
                format!("scheduling constraints not satisfied on {unfit} {nodes}"),
            ));
        }
        if unavailable > 0 {
            let nodes = if unavailable == 1 { "node" } else { "nodes" };
            reasons.push((
                unavailable,
                format!("{unavailable} {nodes} not available for new tasks"),
            ));
        }
        // The reason against most nodes comes first.
        reasons.sort_by_key(|(nodes, _)| std::cmp::Reverse(*nodes));
        let reasons: Vec<String> = reasons.into_iter().map(|(_, reason)| reason).collect();
        if reasons.is_empty() {
            return "no suitable node".to_owned();
        }
        format!("no suitable node ({})", reasons.join("; "))
    }
}
