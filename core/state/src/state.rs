//! What is true at an index? The replicated facts and the questions that everybody asks of them.
//! Only `apply` changes them; this file knows nothing of how.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::audit::AuditRecord;
use crate::cluster::Cluster;
use crate::derived::Derived;
use crate::holding::{Holding, HoldingKey};
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};
use crate::keys::KeyFacts;
use crate::node::{Node, Tombstone};
use crate::operator::Operator;
use crate::rotation::Rotation;
use crate::secret::Secret;
use crate::service::Service;
use crate::task::Task;

/// A replica's whole state. `Default` is a cluster before its Bootstrap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// Of the last entry applied, whether it changed anything or not; no part of the digest.
    pub(crate) index: u64,
    pub(crate) facts: Facts,
    pub(crate) derived: Derived,
}

/// What the encoding and the digest cover.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// The newest time seen; times never go back.
    pub(crate) at_ms: i64,
    pub(crate) cluster: Option<Cluster>,
    pub(crate) nodes: BTreeMap<NodeId, Node>,
    pub(crate) operators: BTreeMap<OperatorId, Operator>,
    /// Nodes and operators that were removed, by id.
    pub(crate) removed: BTreeMap<String, Tombstone>,
    /// Raft ids that some node had and none will have again.
    pub(crate) retired_raft_ids: BTreeSet<u64>,
    pub(crate) secrets: BTreeMap<SecretId, Secret>,
    pub(crate) services: BTreeMap<ServiceId, Service>,
    pub(crate) tasks: BTreeMap<TaskId, Task>,
    pub(crate) rotations: BTreeMap<RotationId, Rotation>,
    pub(crate) holdings: BTreeMap<HoldingKey, Holding>,
    /// The newest records, oldest first.
    pub(crate) audit: VecDeque<AuditRecord>,
    /// Records ever written.
    pub(crate) audit_length: u64,
    /// Hash of the newest record.
    pub(crate) audit_head: [u8; 32],
    pub(crate) keys: KeyFacts,
}

impl State {
    pub(crate) fn from_facts(index: u64, facts: Facts) -> Self {
        Self {
            index,
            derived: Derived::of(&facts),
            facts,
        }
    }

    /// Index of the last entry applied, whether it changed anything or not.
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Notes an entry that carries no command (a membership, a new leader's blank).
    pub fn pass_over(&mut self, index: u64) {
        self.index = self.index.max(index);
    }

    /// The newest time any change carried, Unix milliseconds.
    pub fn at_ms(&self) -> i64 {
        self.facts.at_ms
    }

    /// `None` before Bootstrap.
    pub fn cluster(&self) -> Option<&Cluster> {
        self.facts.cluster.as_ref()
    }

    pub fn nodes(&self) -> &BTreeMap<NodeId, Node> {
        &self.facts.nodes
    }

    pub fn secrets(&self) -> &BTreeMap<SecretId, Secret> {
        &self.facts.secrets
    }

    pub fn services(&self) -> &BTreeMap<ServiceId, Service> {
        &self.facts.services
    }

    pub fn tasks(&self) -> &BTreeMap<TaskId, Task> {
        &self.facts.tasks
    }

    pub fn rotations(&self) -> &BTreeMap<RotationId, Rotation> {
        &self.facts.rotations
    }

    pub fn holdings(&self) -> &BTreeMap<HoldingKey, Holding> {
        &self.facts.holdings
    }

    /// The newest records, oldest first; at most [`crate::audit::AUDIT_KEPT`].
    pub fn audit(&self) -> impl DoubleEndedIterator<Item = &AuditRecord> + ExactSizeIterator {
        self.facts.audit.iter()
    }

    /// One record by its sequence, while it is kept.
    pub fn audit_record(&self, sequence: u64) -> Option<&AuditRecord> {
        let first = self.facts.audit.front()?.sequence;
        self.facts
            .audit
            .get(usize::try_from(sequence.checked_sub(first)?).ok()?)
    }

    /// Records ever written; the newest one's sequence.
    pub fn audit_length(&self) -> u64 {
        self.facts.audit_length
    }

    /// Hash of the newest record; zeros before the first.
    pub fn audit_head(&self) -> [u8; 32] {
        self.facts.audit_head
    }

    pub fn tasks_of<'a>(&'a self, service: &ServiceId) -> impl Iterator<Item = &'a Task> + use<'a> {
        self.derived
            .tasks_by_service
            .of(service)
            .filter_map(|id| self.facts.tasks.get(id))
    }

    pub fn tasks_on<'a>(&'a self, node: &NodeId) -> impl Iterator<Item = &'a Task> + use<'a> {
        self.derived
            .tasks_by_node
            .of(node)
            .filter_map(|id| self.facts.tasks.get(id))
    }

    /// Tasks with a file of the secret, ended ones too.
    pub fn tasks_with<'a>(&'a self, secret: &SecretId) -> impl Iterator<Item = &'a Task> + use<'a> {
        self.derived
            .tasks_by_secret
            .of(secret)
            .filter_map(|id| self.facts.tasks.get(id))
    }

    /// Services whose spec, or the spec a roll-back would return to, grants the secret.
    pub fn services_with<'a>(&'a self, secret: &SecretId) -> impl Iterator<Item = &'a Service> + use<'a> {
        self.derived
            .services_by_secret
            .of(secret)
            .filter_map(|id| self.facts.services.get(id))
    }

    /// Oldest version first.
    pub fn holdings_of_secret<'a>(
        &'a self,
        secret: &'a SecretId,
    ) -> impl Iterator<Item = (&'a HoldingKey, &'a Holding)> + use<'a> {
        self.holdings_from(secret, 0)
            .take_while(move |(key, _)| key.secret == *secret)
    }

    pub fn holdings_of_version<'a>(
        &'a self,
        secret: &'a SecretId,
        version: u32,
    ) -> impl Iterator<Item = (&'a HoldingKey, &'a Holding)> + use<'a> {
        self.holdings_from(secret, version)
            .take_while(move |(key, _)| key.secret == *secret && key.version == version)
    }

    pub fn holdings_of_task<'a>(
        &'a self,
        task: &TaskId,
    ) -> impl Iterator<Item = (&'a HoldingKey, &'a Holding)> + use<'a> {
        self.derived
            .holdings_by_task
            .of(task)
            .filter_map(|key| self.facts.holdings.get_key_value(key))
    }

    pub fn holdings_on<'a>(&'a self, node: &NodeId) -> impl Iterator<Item = (&'a HoldingKey, &'a Holding)> + use<'a> {
        self.derived
            .tasks_by_node
            .of(node)
            .flat_map(|task| self.holdings_of_task(task))
    }

    fn holdings_from<'a>(
        &'a self,
        secret: &SecretId,
        version: u32,
    ) -> impl Iterator<Item = (&'a HoldingKey, &'a Holding)> + use<'a> {
        // Empty ids sort first and cost no allocation.
        let (node, task) = (NodeId::new(""), TaskId::new(""));
        let first = HoldingKey {
            secret: secret.clone(),
            version,
            node,
            task,
            target: String::new(),
        };
        self.facts.holdings.range(first..)
    }

    /// The rotation of the secret that is not over, if any; there is never more than one.
    pub fn running_rotation(&self, secret: &SecretId) -> Option<&Rotation> {
        self.rotations_of(secret).find(|rotation| !rotation.phase.is_final())
    }

    /// In the order of their ids.
    pub fn rotations_of<'a>(&'a self, secret: &SecretId) -> impl Iterator<Item = &'a Rotation> + use<'a> {
        self.derived
            .rotations_by_secret
            .of(secret)
            .filter_map(|id| self.facts.rotations.get(id))
    }
}
