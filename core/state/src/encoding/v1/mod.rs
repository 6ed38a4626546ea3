//! How is format 1 read? It is from before nodes could join: some shapes have changed since, everything else is encoded
//! as it was.

mod shapes;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::audit::AuditRecord;
use crate::command::{Actor, Command, Proposal};
use crate::holding::{Holding, HoldingKey};
use crate::ids::{NodeId, RotationId, SecretId, ServiceId, TaskId};
use crate::keys::KeyFacts;
use crate::rotation::Rotation;
use crate::state::Facts;
use crate::task::Task;
use shapes::{CertificateThen, ClusterThen, NodeThen, SecretThen, ServiceThen, SpecThen};

pub(super) const FORMAT: u8 = 1;

/// Places of commands in format 1. What it did not know cannot be in it.
mod place {
    pub(super) const BOOTSTRAP: u8 = 0;
    pub(super) const CREATE_SERVICE: u8 = 5;
    pub(super) const UPDATE_SERVICE: u8 = 6;
    pub(super) const SET_CERTIFICATE: u8 = 13;
    pub(super) const NEWEST: u8 = 15;
}

type Read<'a, T> = postcard::Result<(T, &'a [u8])>;

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
    let (&place, body) = bytes.split_first().ok_or(postcard::Error::DeserializeUnexpectedEnd)?;
    match place {
        place::BOOTSTRAP => {
            let ((cluster, nodes), rest) = take::<(ClusterThen, Vec<NodeThen>)>(body)?;
            let (cluster, nodes) = (cluster.into(), nodes.into_iter().map(Into::into).collect());
            Ok((Command::Bootstrap { cluster, nodes }, rest))
        }
        place::CREATE_SERVICE => {
            let ((id, spec), rest) = take::<(ServiceId, SpecThen)>(body)?;
            let spec = spec.into();
            Ok((Command::CreateService { id, spec }, rest))
        }
        place::UPDATE_SERVICE => {
            let ((id, spec, expected), rest) = take::<(ServiceId, SpecThen, Option<u64>)>(body)?;
            let spec = spec.into();
            Ok((Command::UpdateService { id, spec, expected }, rest))
        }
        place::SET_CERTIFICATE => {
            let ((node, certificate), rest) = take::<(NodeId, CertificateThen)>(body)?;
            let certificate = certificate.into();
            Ok((Command::SetCertificate { node, certificate }, rest))
        }
        known if known <= place::NEWEST => take::<Command>(bytes),
        _ => Err(postcard::Error::DeserializeBadEnum),
    }
}

fn take<T: DeserializeOwned>(bytes: &[u8]) -> Read<'_, T> {
    postcard::take_from_bytes(bytes)
}

#[derive(Deserialize)]
struct FactsThen {
    at_ms: i64,
    cluster: Option<ClusterThen>,
    nodes: BTreeMap<NodeId, NodeThen>,
    secrets: BTreeMap<SecretId, SecretThen>,
    services: BTreeMap<ServiceId, ServiceThen>,
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
            cluster: then.cluster.map(Into::into),
            nodes: now(then.nodes),
            operators: BTreeMap::new(),
            removed: BTreeMap::new(),
            retired_raft_ids: BTreeSet::new(),
            secrets: now(then.secrets),
            services: now(then.services),
            tasks: then.tasks,
            rotations: then.rotations,
            holdings: then.holdings,
            audit: then.audit,
            audit_length: then.audit_length,
            audit_head: then.audit_head,
            keys: KeyFacts::default(),
        }
    }
}

fn now<K: Ord, Then: Into<Now>, Now>(then: BTreeMap<K, Then>) -> BTreeMap<K, Now> {
    then.into_iter().map(|(key, value)| (key, value.into())).collect()
}
