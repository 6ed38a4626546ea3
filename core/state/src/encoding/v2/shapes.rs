//! What did the objects look like in format 2, and what do their new fields say of them?

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::cluster::{Cluster, JoinToken, RetiringRoot};
use crate::constraint::Constraint;
use crate::encoding::earlier::{roll, run};
use crate::ids::{ClusterId, SecretId};
use crate::secret::{Secret, Template, Version};
use crate::service::{Executor, Grant, Mode, ServiceSpec};

#[derive(Deserialize)]
pub(super) struct ClusterThen {
    id: ClusterId,
    name: String,
    created_at_ms: i64,
    root_certificate: String,
    root_fingerprint: String,
    root_key_id: String,
    root_not_after_ms: i64,
    sealed_root_key: Vec<u8>,
    retiring: Vec<RetiringRoot>,
    certificate_life_ms: u64,
    worker_token: JoinToken,
    manager_token: JoinToken,
    sealing_root_check: [u8; 4],
    autolock: bool,
    heartbeat_ms: u64,
    task_history: u32,
    snapshot_every: u64,
    version_index: u64,
}

impl From<ClusterThen> for Cluster {
    fn from(then: ClusterThen) -> Self {
        Self {
            id: then.id,
            name: then.name,
            created_at_ms: then.created_at_ms,
            root_certificate: then.root_certificate,
            root_fingerprint: then.root_fingerprint,
            root_key_id: then.root_key_id,
            root_not_after_ms: then.root_not_after_ms,
            sealed_root_key: then.sealed_root_key,
            retiring: then.retiring,
            certificate_life_ms: then.certificate_life_ms,
            worker_token: then.worker_token,
            manager_token: then.manager_token,
            sealing_root_check: then.sealing_root_check,
            autolock: then.autolock,
            heartbeat_ms: then.heartbeat_ms,
            task_history: then.task_history,
            snapshot_every: then.snapshot_every,
            refuse_env: false,
            version_index: then.version_index,
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
    lease_ms: u64,
    created_at_ms: i64,
    updated_at_ms: i64,
    version_index: u64,
}

impl From<SecretThen> for Secret {
    fn from(then: SecretThen) -> Self {
        Self {
            id: then.id,
            name: then.name,
            labels: then.labels,
            current: then.current,
            versions: then.versions,
            max_age_ms: then.max_age_ms,
            keep_versions: then.keep_versions,
            lease_ms: then.lease_ms,
            keep_ms: 0,
            template: Template::None,
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
    constraints: Vec<Constraint>,
    update_parallelism: u32,
    update_monitor_ms: u64,
}

impl From<SpecThen> for ServiceSpec {
    fn from(then: SpecThen) -> Self {
        Self {
            name: then.name,
            labels: then.labels,
            run: run(then.executor, then.command),
            mode: then.mode,
            grants: then.grants,
            constraints: then.constraints,
            update: roll(then.update_parallelism, then.update_monitor_ms),
            ..Self::default()
        }
    }
}
