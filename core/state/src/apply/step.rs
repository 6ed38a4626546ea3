//! What happens on every change of an object, whichever command makes it? Its token and times move, the indexes
//! follow, and one event names it. All writes of `apply` go through here.

use std::collections::{BTreeMap, BTreeSet};

use crate::cluster::Cluster;
use crate::command::{Actor, Proposal};
use crate::event::{Event, ObjectKey};
use crate::holding::{Holding, HoldingKey};
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};
use crate::keys::KeyFacts;
use crate::node::{Node, Tombstone};
use crate::operator::Operator;
use crate::rotation::Rotation;
use crate::secret::Secret;
use crate::service::Service;
use crate::state::State;
use crate::task::Task;

/// One command on its way through the state.
pub(super) struct Step<'a> {
    pub(super) state: &'a mut State,
    pub(super) index: u64,
    /// The proposal's time, or the newest seen if that is later.
    pub(super) now_ms: i64,
    pub(super) actor: &'a Actor,
    /// The command is one of [`crate::command::Command::Earlier`].
    pub(super) earlier: bool,
    /// `true`: put; `false`: removed. The last word per object counts.
    changed: BTreeMap<ObjectKey, bool>,
}

impl<'a> Step<'a> {
    pub(super) fn new(state: &'a mut State, index: u64, proposal: &'a Proposal) -> Self {
        let now_ms = proposal.at_ms.max(state.facts.at_ms);
        Self {
            state,
            index,
            now_ms,
            actor: &proposal.actor,
            earlier: false,
            changed: BTreeMap::new(),
        }
    }

    pub(super) fn is_untouched(&self) -> bool {
        self.changed.is_empty()
    }

    pub(super) fn finish(self) -> Vec<Event> {
        if !self.changed.is_empty() {
            self.state.facts.at_ms = self.now_ms;
        }
        let event = |(key, put)| if put { Event::Put(key) } else { Event::Removed(key) };
        self.changed.into_iter().map(event).collect()
    }

    pub(super) fn put(&mut self, key: ObjectKey) {
        self.changed.insert(key, true);
    }

    fn removed(&mut self, key: ObjectKey) {
        self.changed.insert(key, false);
    }

    pub(super) fn edit_node(&mut self, id: &NodeId, edit: impl FnOnce(&mut Node)) {
        let Some(node) = self.state.facts.nodes.get_mut(id) else {
            return;
        };
        self.state.derived.drop_node(node);
        edit(node);
        node.version_index = self.index;
        self.state.derived.add_node(node);
        self.put(ObjectKey::Node(id.clone()));
    }

    pub(super) fn insert_node(&mut self, mut node: Node) {
        node.version_index = self.index;
        self.put(ObjectKey::Node(node.id.clone()));
        self.state.derived.add_node(&node);
        self.state.facts.nodes.insert(node.id.clone(), node);
    }

    /// Its id is refused from now on, and its Raft id never comes back.
    pub(super) fn remove_node(&mut self, id: &NodeId) {
        if let Some(node) = self.state.facts.nodes.remove(id) {
            self.state.derived.drop_node(&node);
            self.retire_raft_id(node.raft_id);
            self.bury(node.id.to_string(), node.hostname, node.raft_id);
            self.removed(ObjectKey::Node(id.clone()));
        }
    }

    /// The caller changes the node that had it.
    pub(super) fn retire_raft_id(&mut self, raft_id: u64) {
        if raft_id != 0 {
            self.state.facts.retired_raft_ids.insert(raft_id);
        }
    }

    pub(super) fn insert_operator(&mut self, operator: Operator) {
        self.put(ObjectKey::Operator(operator.id.clone()));
        self.state.derived.add_operator(&operator);
        self.state.facts.operators.insert(operator.id.clone(), operator);
    }

    pub(super) fn remove_operator(&mut self, id: &OperatorId) {
        if let Some(operator) = self.state.facts.operators.remove(id) {
            self.state.derived.drop_operator(&operator);
            self.bury(operator.id.to_string(), operator.name, 0);
            self.removed(ObjectKey::Operator(id.clone()));
        }
    }

    fn bury(&mut self, id: String, name: String, raft_id: u64) {
        let removed_at_ms = self.now_ms;
        let tombstone = Tombstone {
            id: id.clone(),
            name,
            raft_id,
            removed_at_ms,
        };
        self.state.facts.removed.insert(id, tombstone);
    }

    pub(super) fn edit_cluster(&mut self, edit: impl FnOnce(&mut Cluster)) {
        if let Some(cluster) = &mut self.state.facts.cluster {
            edit(cluster);
            cluster.version_index = self.index;
            self.put(ObjectKey::Cluster);
        }
    }

    /// They travel with the cluster. Its settings have not changed: its token of concurrency stays.
    pub(super) fn edit_keys(&mut self, edit: impl FnOnce(&mut KeyFacts)) {
        edit(&mut self.state.facts.keys);
        self.put(ObjectKey::Cluster);
    }

    pub(super) fn insert_secret(&mut self, secret: Secret) {
        self.put(ObjectKey::Secret(secret.id.clone()));
        self.state.derived.add_secret(&secret);
        self.state.facts.secrets.insert(secret.id.clone(), secret);
    }

    /// Versions may be added; names never change.
    pub(super) fn edit_secret(&mut self, id: &SecretId, edit: impl FnOnce(&mut Secret)) {
        let Some(secret) = self.state.facts.secrets.get_mut(id) else {
            return;
        };
        let versions = secret.versions.len();
        edit(secret);
        secret.updated_at_ms = self.now_ms;
        secret.version_index = self.index;
        if secret.versions.len() != versions {
            self.state.derived.add_secret(secret);
        }
        self.put(ObjectKey::Secret(id.clone()));
    }

    pub(super) fn remove_secret(&mut self, id: &SecretId) {
        if let Some(secret) = self.state.facts.secrets.remove(id) {
            self.state.derived.drop_secret(&secret);
            self.removed(ObjectKey::Secret(secret.id));
        }
    }

    pub(super) fn insert_service(&mut self, service: Service) {
        self.put(ObjectKey::Service(service.id.clone()));
        self.state.derived.add_service(&service);
        self.state.facts.services.insert(service.id.clone(), service);
    }

    pub(super) fn edit_service(&mut self, id: &ServiceId, edit: impl FnOnce(&mut Service)) {
        let Some(service) = self.state.facts.services.get_mut(id) else {
            return;
        };
        self.state.derived.drop_service(service);
        edit(service);
        service.updated_at_ms = self.now_ms;
        service.version_index = self.index;
        self.state.derived.add_service(service);
        self.put(ObjectKey::Service(id.clone()));
    }

    pub(super) fn remove_service(&mut self, id: &ServiceId) {
        if let Some(service) = self.state.facts.services.remove(id) {
            self.state.derived.drop_service(&service);
            self.removed(ObjectKey::Service(service.id));
        }
    }

    pub(super) fn insert_task(&mut self, task: Task) {
        self.put(ObjectKey::Task(task.id.clone()));
        self.state.derived.add_task(&task);
        self.state.facts.tasks.insert(task.id.clone(), task);
    }

    pub(super) fn edit_task(&mut self, id: &TaskId, edit: impl FnOnce(&mut Task)) {
        let Some(task) = self.state.facts.tasks.get_mut(id) else {
            return;
        };
        self.state.derived.drop_task(task);
        edit(task);
        task.version_index = self.index;
        self.state.derived.add_task(task);
        self.put(ObjectKey::Task(id.clone()));
    }

    /// With what is remembered of its files.
    pub(super) fn remove_task(&mut self, id: &TaskId) {
        for key in self.holding_keys_of(id) {
            self.remove_holding(&key);
        }
        if let Some(task) = self.state.facts.tasks.remove(id) {
            self.state.derived.drop_task(&task);
            self.forget_runs(&task.service);
            self.removed(ObjectKey::Task(task.id));
        }
    }

    /// What no task runs any more. Nobody can see the difference: the service's token of concurrency stays.
    pub(super) fn forget_runs(&mut self, id: &ServiceId) {
        let tasks = self.state.derived.tasks_by_service.of(id);
        let Some(service) = self
            .state
            .facts
            .services
            .get_mut(id)
            .filter(|service| !service.earlier.is_empty())
        else {
            return;
        };
        let tasks = tasks.filter_map(|task| self.state.facts.tasks.get(task));
        let used: BTreeSet<u64> = tasks.map(|task| task.generation).collect();
        service.earlier.retain(|generation, _| used.contains(generation));
    }

    pub(super) fn insert_holding(&mut self, key: HoldingKey, holding: Holding) {
        self.put(ObjectKey::Holding(key.clone()));
        self.state.derived.holdings_by_task.insert(&key.task, key.clone());
        self.state.facts.holdings.insert(key, holding);
    }

    pub(super) fn edit_holding(&mut self, key: &HoldingKey, edit: impl FnOnce(&mut Holding)) {
        if let Some(holding) = self.state.facts.holdings.get_mut(key) {
            let state = holding.state;
            edit(holding);
            if holding.state != state {
                holding.since_ms = self.now_ms;
            }
            self.put(ObjectKey::Holding(key.clone()));
        }
    }

    pub(super) fn remove_holding(&mut self, key: &HoldingKey) {
        if self.state.facts.holdings.remove(key).is_some() {
            self.state.derived.holdings_by_task.remove(&key.task, key);
            self.removed(ObjectKey::Holding(key.clone()));
        }
    }

    pub(super) fn holding_keys_of(&self, task: &TaskId) -> Vec<HoldingKey> {
        self.state.derived.holdings_by_task.of(task).cloned().collect()
    }

    pub(super) fn insert_rotation(&mut self, rotation: Rotation) {
        self.put(ObjectKey::Rotation(rotation.id.clone()));
        self.state
            .derived
            .rotations_by_secret
            .insert(&rotation.secret, rotation.id.clone());
        self.state.facts.rotations.insert(rotation.id.clone(), rotation);
    }

    pub(super) fn edit_rotation(&mut self, id: &RotationId, edit: impl FnOnce(&mut Rotation)) {
        if let Some(rotation) = self.state.facts.rotations.get_mut(id) {
            edit(rotation);
            rotation.version_index = self.index;
            self.put(ObjectKey::Rotation(id.clone()));
        }
    }

    pub(super) fn remove_rotation(&mut self, id: &RotationId) {
        if let Some(rotation) = self.state.facts.rotations.remove(id) {
            self.state.derived.rotations_by_secret.remove(&rotation.secret, id);
            self.removed(ObjectKey::Rotation(rotation.id));
        }
    }
}
