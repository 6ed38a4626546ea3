//! Where is it, without looking at everything? Indexes that follow from the facts, so that apply costs what changes.
//! They are no part of the encoding or the digest; decode builds them anew and `check` compares.

use std::collections::{BTreeMap, BTreeSet};

use crate::holding::HoldingKey;
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};
use crate::node::Node;
use crate::operator::Operator;
use crate::secret::Secret;
use crate::service::Service;
use crate::state::Facts;
use crate::task::Task;

/// Many values per key; a key without values is absent, so that equal content compares equal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Groups<K, V>(BTreeMap<K, BTreeSet<V>>);

impl<K, V> Default for Groups<K, V> {
    fn default() -> Self {
        Self(BTreeMap::new())
    }
}

impl<K: Ord + Clone, V: Ord> Groups<K, V> {
    pub(crate) fn insert(&mut self, key: &K, value: V) {
        if let Some(values) = self.0.get_mut(key) {
            values.insert(value);
        } else {
            self.0.insert(key.clone(), BTreeSet::from([value]));
        }
    }

    pub(crate) fn remove(&mut self, key: &K, value: &V) {
        if let Some(values) = self.0.get_mut(key) {
            values.remove(value);
            if values.is_empty() {
                self.0.remove(key);
            }
        }
    }

    pub(crate) fn of(&self, key: &K) -> impl DoubleEndedIterator<Item = &V> + use<'_, K, V> {
        self.0.get(key).into_iter().flatten()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Derived {
    /// By the fingerprint of their public key, where it is known.
    pub(crate) nodes_by_key: BTreeMap<String, NodeId>,
    /// Lower-case.
    pub(crate) operator_names: BTreeMap<String, OperatorId>,
    /// Lower-case names of secrets and of their versions.
    pub(crate) secret_names: BTreeMap<String, SecretId>,
    /// Lower-case.
    pub(crate) service_names: BTreeMap<String, ServiceId>,
    /// Services whose spec or previous spec grants the secret.
    pub(crate) services_by_secret: Groups<SecretId, ServiceId>,
    pub(crate) tasks_by_service: Groups<ServiceId, TaskId>,
    pub(crate) tasks_by_node: Groups<NodeId, TaskId>,
    /// Tasks with a file of the secret.
    pub(crate) tasks_by_secret: Groups<SecretId, TaskId>,
    pub(crate) holdings_by_task: Groups<TaskId, HoldingKey>,
    pub(crate) rotations_by_secret: Groups<SecretId, RotationId>,
}

impl Derived {
    pub(crate) fn of(facts: &Facts) -> Self {
        let mut derived = Self::default();
        facts.nodes.values().for_each(|node| derived.add_node(node));
        facts
            .operators
            .values()
            .for_each(|operator| derived.add_operator(operator));
        facts.secrets.values().for_each(|secret| derived.add_secret(secret));
        facts.services.values().for_each(|service| derived.add_service(service));
        facts.tasks.values().for_each(|task| derived.add_task(task));
        facts
            .holdings
            .keys()
            .for_each(|key| derived.holdings_by_task.insert(&key.task, key.clone()));
        for rotation in facts.rotations.values() {
            derived
                .rotations_by_secret
                .insert(&rotation.secret, rotation.id.clone());
        }
        derived
    }

    pub(crate) fn add_node(&mut self, node: &Node) {
        let key = &node.certificate.key_fingerprint;
        if !key.is_empty() {
            self.nodes_by_key.insert(key.clone(), node.id.clone());
        }
    }

    pub(crate) fn drop_node(&mut self, node: &Node) {
        self.nodes_by_key.remove(&node.certificate.key_fingerprint);
    }

    pub(crate) fn add_operator(&mut self, operator: &Operator) {
        self.operator_names
            .insert(operator.name.to_lowercase(), operator.id.clone());
    }

    pub(crate) fn drop_operator(&mut self, operator: &Operator) {
        self.operator_names.remove(&operator.name.to_lowercase());
    }

    pub(crate) fn add_secret(&mut self, secret: &Secret) {
        for name in secret_names(secret) {
            self.secret_names.insert(name, secret.id.clone());
        }
    }

    pub(crate) fn drop_secret(&mut self, secret: &Secret) {
        for name in secret_names(secret) {
            self.secret_names.remove(&name);
        }
    }

    pub(crate) fn add_service(&mut self, service: &Service) {
        self.service_names
            .insert(service.spec.name.to_lowercase(), service.id.clone());
        for secret in granted(service) {
            self.services_by_secret.insert(secret, service.id.clone());
        }
    }

    pub(crate) fn drop_service(&mut self, service: &Service) {
        self.service_names.remove(&service.spec.name.to_lowercase());
        for secret in granted(service) {
            self.services_by_secret.remove(secret, &service.id);
        }
    }

    pub(crate) fn add_task(&mut self, task: &Task) {
        self.tasks_by_service.insert(&task.service, task.id.clone());
        if let Some(node) = &task.node {
            self.tasks_by_node.insert(node, task.id.clone());
        }
        for file in &task.files {
            self.tasks_by_secret.insert(&file.secret, task.id.clone());
        }
    }

    pub(crate) fn drop_task(&mut self, task: &Task) {
        self.tasks_by_service.remove(&task.service, &task.id);
        if let Some(node) = &task.node {
            self.tasks_by_node.remove(node, &task.id);
        }
        for file in &task.files {
            self.tasks_by_secret.remove(&file.secret, &task.id);
        }
    }
}

/// Lower-case, the secret's own name first; the first version has the same.
fn secret_names(secret: &Secret) -> impl Iterator<Item = String> {
    std::iter::once(&secret.name)
        .chain(secret.versions.values().map(|version| &version.name))
        .map(|name| name.to_lowercase())
}

fn granted(service: &Service) -> impl Iterator<Item = &SecretId> {
    let previous = service.previous.iter().flat_map(|spec| &spec.grants);
    service.spec.grants.iter().chain(previous).map(|grant| &grant.secret)
}
