//! How is a state of format 2 read? It is from before managers locked; everything that it has is encoded as it was.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;

use crate::audit::AuditRecord;
use crate::cluster::Cluster;
use crate::holding::{Holding, HoldingKey};
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};
use crate::keys::KeyFacts;
use crate::node::{Node, Tombstone};
use crate::operator::Operator;
use crate::rotation::Rotation;
use crate::secret::Secret;
use crate::service::Service;
use crate::state::Facts;
use crate::task::Task;

pub(super) const FORMAT: u8 = 2;

pub(super) fn state(bytes: &[u8]) -> postcard::Result<((u64, Facts), &[u8])> {
    let ((index, facts), rest) = postcard::take_from_bytes::<(u64, FactsThen)>(bytes)?;
    Ok(((index, facts.into()), rest))
}

#[derive(Deserialize)]
struct FactsThen {
    at_ms: i64,
    cluster: Option<Cluster>,
    nodes: BTreeMap<NodeId, Node>,
    operators: BTreeMap<OperatorId, Operator>,
    removed: BTreeMap<String, Tombstone>,
    retired_raft_ids: BTreeSet<u64>,
    secrets: BTreeMap<SecretId, Secret>,
    services: BTreeMap<ServiceId, Service>,
    tasks: BTreeMap<TaskId, Task>,
    rotations: BTreeMap<RotationId, Rotation>,
    holdings: BTreeMap<HoldingKey, Holding>,
    audit: VecDeque<AuditRecord>,
    audit_length: u64,
    audit_head: [u8; 32],
}

impl From<FactsThen> for Facts {
    fn from(then: FactsThen) -> Self {
        Self {
            at_ms: then.at_ms,
            cluster: then.cluster,
            nodes: then.nodes,
            operators: then.operators,
            removed: then.removed,
            retired_raft_ids: then.retired_raft_ids,
            secrets: then.secrets,
            services: then.services,
            tasks: then.tasks,
            rotations: then.rotations,
            holdings: then.holdings,
            audit: then.audit,
            audit_length: then.audit_length,
            audit_head: then.audit_head,
            // Nobody had locked anything, and the managers tell the rest themselves.
            keys: KeyFacts::default(),
        }
    }
}
