//! What did the objects look like in format 1, and what do their new fields say of them?

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::JoinToken;
use crate::encoding::earlier::{roll, run};
use crate::ids::{ClusterId, NodeId, SecretId};
use crate::node::{Availability, NodeState, Role};
use crate::secret::Version;
use crate::service::{Executor, Grant, Mode};
use crate::{cluster, node, secret, service};

/// What format 1 had no setting for.
const CERTIFICATE_LIFE_MS: u64 = 90 * 86_400_000;
const SNAPSHOT_EVERY: u64 = 10_000;

#[derive(Deserialize)]
pub(super) struct ClusterThen {
    id: ClusterId,
    name: String,
    created_at_ms: i64,
    root_certificate: String,
    root_fingerprint: String,
    root_not_after_ms: i64,
    sealed_root_key: Vec<u8>,
    sealing_root_check: [u8; 4],
    autolock: bool,
    heartbeat_ms: u64,
    task_history: u32,
    version_index: u64,
}

impl From<ClusterThen> for cluster::Cluster {
    fn from(then: ClusterThen) -> Self {
        Self {
            id: then.id,
            name: then.name,
            created_at_ms: then.created_at_ms,
            root_certificate: then.root_certificate,
            root_fingerprint: then.root_fingerprint,
            // Learnt from the first certificate that names it.
            root_key_id: String::new(),
            root_not_after_ms: then.root_not_after_ms,
            sealed_root_key: then.sealed_root_key,
            retiring: Vec::new(),
            certificate_life_ms: CERTIFICATE_LIFE_MS,
            // Nobody may join until somebody rotates them.
            worker_token: JoinToken::default(),
            manager_token: JoinToken::default(),
            sealing_root_check: then.sealing_root_check,
            autolock: then.autolock,
            heartbeat_ms: then.heartbeat_ms,
            task_history: then.task_history,
            snapshot_every: SNAPSHOT_EVERY,
            refuse_env: false,
            version_index: then.version_index,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct NodeThen {
    id: NodeId,
    hostname: String,
    role: Role,
    availability: Availability,
    state: NodeState,
    message: String,
    state_since_ms: i64,
    address: String,
    raft_id: u64,
    labels: BTreeMap<String, String>,
    certificate: CertificateThen,
    created_at_ms: i64,
    version_index: u64,
}

impl From<NodeThen> for node::Node {
    fn from(then: NodeThen) -> Self {
        Self {
            id: then.id,
            hostname: then.hostname,
            role: then.role,
            desired_role: then.role,
            availability: then.availability,
            state: then.state,
            message: then.message,
            state_since_ms: then.state_since_ms,
            address: then.address,
            raft_id: then.raft_id,
            // Managers ran no agent.
            runs_tasks: then.role == Role::Worker,
            version: String::new(),
            labels: then.labels,
            certificate: then.certificate.into(),
            created_at_ms: then.created_at_ms,
            version_index: then.version_index,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct CertificateThen {
    fingerprint: String,
    not_before_ms: i64,
    not_after_ms: i64,
}

impl From<CertificateThen> for node::Certificate {
    fn from(then: CertificateThen) -> Self {
        Self {
            fingerprint: then.fingerprint,
            not_before_ms: then.not_before_ms,
            not_after_ms: then.not_after_ms,
            ..Self::default()
        }
    }
}

#[derive(Deserialize)]
pub(super) struct SecretThen {
    id: SecretId,
    name: String,
    labels: BTreeMap<String, String>,
    current: Option<u32>,
    versions: BTreeMap<u32, Version>,
    max_age_ms: u64,
    keep_versions: u32,
    created_at_ms: i64,
    updated_at_ms: i64,
    version_index: u64,
}

impl From<SecretThen> for secret::Secret {
    fn from(then: SecretThen) -> Self {
        Self {
            id: then.id,
            name: then.name,
            labels: then.labels,
            current: then.current,
            versions: then.versions,
            max_age_ms: then.max_age_ms,
            keep_versions: then.keep_versions,
            lease_ms: 0,
            keep_ms: 0,
            template: secret::Template::None,
            schedule: None,
            schedule_failure: None,
            created_at_ms: then.created_at_ms,
            updated_at_ms: then.updated_at_ms,
            version_index: then.version_index,
        }
    }
}

#[derive(Deserialize)]
pub(super) struct SpecThen {
    name: String,
    labels: BTreeMap<String, String>,
    executor: Executor,
    command: Vec<String>,
    mode: Mode,
    grants: Vec<Grant>,
    update_parallelism: u32,
    update_monitor_ms: u64,
}

impl From<SpecThen> for service::ServiceSpec {
    fn from(then: SpecThen) -> Self {
        Self {
            name: then.name,
            labels: then.labels,
            run: run(then.executor, then.command),
            mode: then.mode,
            grants: then.grants,
            update: roll(then.update_parallelism, then.update_monitor_ms),
            ..Self::default()
        }
    }
}
