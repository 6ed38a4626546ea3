//! How is format 2 read? Its state is from before managers locked, its proposals from before real workloads: some shapes
//! have changed since, everything else is encoded as it was.

mod shapes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;

use super::earlier::{self, Read, RotationThen, ServiceThen, TaskThen, now, take};
use crate::audit::AuditRecord;
use crate::command::{Actor, Command, Proposal};
use crate::holding::{Holding, HoldingKey};
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};
use crate::keys::KeyFacts;
use crate::node::{Node, Tombstone};
use crate::operator::Operator;
use crate::state::Facts;
use shapes::{ClusterThen, SecretThen, SpecThen};

pub(super) const FORMAT: u8 = 2;

/// Places of commands that changed after format 2, and of the newest that it knew.
mod place {
    pub(super) const BOOTSTRAP: u8 = 0;
    pub(super) const NEWEST: u8 = 36;
}

pub(super) fn state(bytes: &[u8]) -> Read<'_, (u64, Facts)> {
    let ((index, facts), rest) = take::<(u64, FactsThen)>(bytes)?;
    Ok(((index, facts.into()), rest))
}

pub(super) fn proposal(bytes: &[u8]) -> Read<'_, Proposal> {
    let ((at_ms, actor), rest) = take::<(i64, Actor)>(bytes)?;
    let (command, rest) = command(rest)?;
    Ok((Proposal { at_ms, actor, command }, rest))
}

fn command(bytes: &[u8]) -> Read<'_, Command> {
    match bytes.split_first() {
        Some((&place::BOOTSTRAP, body)) => {
            let ((cluster, nodes), rest) = take::<(ClusterThen, Vec<Node>)>(body)?;
            let cluster = cluster.into();
            Ok((Command::Bootstrap { cluster, nodes }, rest))
        }
        _ => earlier::command::<SpecThen>(bytes, place::NEWEST),
    }
}

#[derive(Deserialize)]
struct FactsThen {
    at_ms: i64,
    cluster: Option<ClusterThen>,
    nodes: BTreeMap<NodeId, Node>,
    operators: BTreeMap<OperatorId, Operator>,
    removed: BTreeMap<String, Tombstone>,
    retired_raft_ids: BTreeSet<u64>,
    secrets: BTreeMap<SecretId, SecretThen>,
    services: BTreeMap<ServiceId, ServiceThen<SpecThen>>,
    tasks: BTreeMap<TaskId, TaskThen>,
    rotations: BTreeMap<RotationId, RotationThen>,
    holdings: BTreeMap<HoldingKey, Holding>,
    audit: VecDeque<AuditRecord>,
    audit_length: u64,
    audit_head: [u8; 32],
}

impl From<FactsThen> for Facts {
    fn from(then: FactsThen) -> Self {
        Self {
            at_ms: then.at_ms,
            cluster: then.cluster.map(Into::into),
            nodes: then.nodes,
            operators: then.operators,
            removed: then.removed,
            retired_raft_ids: then.retired_raft_ids,
            secrets: now(then.secrets),
            services: now(then.services),
            tasks: now(then.tasks),
            rotations: now(then.rotations),
            holdings: then.holdings,
            audit: then.audit,
            audit_length: then.audit_length,
            audit_head: then.audit_head,
            // Nobody had locked anything, and the managers tell the rest themselves.
            keys: KeyFacts::default(),
        }
    }
}
