//! What do tests say most? Small objects and the commands around them; a secret `db` has the id `s-db`.

use std::collections::BTreeMap;

use crate::cluster::{Cluster, JoinToken};
use crate::command::{Command, NewVersion, Receipt, ServiceUpdate, TaskChange, TaskReport};
use crate::holding::HoldingState;
use crate::ids::{ClusterId, NodeId, RotationId, SecretId, ServiceId, TaskId, VersionId};
use crate::node::{Availability, Certificate, Node, NodeState, Role};
use crate::rotation::{RotationCause, RotationPhase};
use crate::secret::{SealedValue, Template};
use crate::service::{Executor, Grant, OnChange, RollSettings, RunSpec, ServiceSpec, UpdateState};
use crate::task::TaskState;

pub(crate) fn cluster() -> Cluster {
    Cluster {
        id: ClusterId::new("c1"),
        name: "demo".into(),
        created_at_ms: 1,
        root_certificate: "PEM".into(),
        root_fingerprint: "00".into(),
        root_key_id: "k0".into(),
        root_not_after_ms: 9,
        sealed_root_key: vec![1],
        retiring: Vec::new(),
        certificate_life_ms: 90 * 86_400_000,
        worker_token: token(1),
        manager_token: token(2),
        sealing_root_check: [1; 4],
        autolock: false,
        heartbeat_ms: 5_000,
        task_history: 5,
        snapshot_every: 10_000,
        refuse_env: false,
        version_index: 0,
    }
}

/// Its digest is that byte over and over.
pub(crate) fn token(byte: u8) -> JoinToken {
    JoinToken {
        sealed_secret: vec![byte; 40],
        digest: [byte; 32],
        created_at_ms: 1,
        expires_at_ms: 0,
        max_uses: 0,
        uses: 0,
    }
}

/// A manager when it has a Raft id.
pub(crate) fn node(id: &str, hostname: &str, raft_id: u64) -> Node {
    let role = if raft_id == 0 { Role::Worker } else { Role::Manager };
    Node {
        id: NodeId::new(id),
        hostname: hostname.into(),
        role,
        desired_role: role,
        availability: Availability::Active,
        state: NodeState::Unknown,
        message: String::new(),
        state_since_ms: 1,
        address: String::new(),
        raft_id,
        runs_tasks: raft_id == 0,
        version: String::new(),
        labels: BTreeMap::new(),
        certificate: Certificate::default(),
        created_at_ms: 1,
        version_index: 0,
    }
}

/// As its manager proposes it when it asks to join; its key is called `key-ID`.
pub(crate) fn joiner(id: &str, hostname: &str, raft_id: u64) -> Node {
    let certificate = Certificate {
        fingerprint: format!("cert-{id}"),
        key_fingerprint: format!("key-{id}"),
        issuer: "k0".into(),
        not_before_ms: 0,
        not_after_ms: 1_000_000,
    };
    Node {
        certificate,
        address: if raft_id == 0 {
            String::new()
        } else {
            format!("{hostname}:2377")
        },
        version: "0.1.0".into(),
        created_at_ms: 0,
        state_since_ms: 0,
        ..node(id, hostname, raft_id)
    }
}

/// With the token whose digest is that byte: 1 is the worker token, 2 the manager token.
pub(crate) fn admit(node: &Node, token: u8) -> Command {
    Command::AdmitNode {
        node: node.clone(),
        token_digest: [token; 32],
    }
}

pub(crate) fn desire_role(node: &str, role: Role, raft_id: u64) -> Command {
    Command::SetDesiredRole {
        node: NodeId::new(node),
        role,
        raft_id,
    }
}

pub(crate) fn set_role(node: &str, role: Role) -> Command {
    Command::SetRole {
        node: NodeId::new(node),
        role,
        certificate: None,
    }
}

pub(crate) fn remove_node(node: &str, force: bool) -> Command {
    Command::RemoveNode {
        node: NodeId::new(node),
        force,
    }
}

pub(crate) fn node_state(node: &str, state: NodeState) -> Command {
    Command::SetNodeState {
        node: NodeId::new(node),
        state,
        message: String::new(),
    }
}

pub(crate) fn secret(name: &str) -> SecretId {
    SecretId::new(format!("s-{name}"))
}

pub(crate) fn new_version(secret: &str, number: u8) -> NewVersion {
    NewVersion {
        id: VersionId::new(format!("v-{secret}-{number}")),
        size: 12,
        sealed: SealedValue {
            wrapped_key: vec![number],
            ciphertext: vec![number; 28],
            key_check: [number; 4],
        },
        receipt_digest: [number; 32],
        fingerprint: [number; 32],
    }
}

pub(crate) fn create(name: &str) -> Command {
    let (labels, version) = (BTreeMap::new(), new_version(name, 1));
    Command::CreateSecret {
        id: secret(name),
        name: name.into(),
        labels,
        max_age_ms: 0,
        template: Template::None,
        schedule: None,
        version,
    }
}

/// The rotation to version `number` is called `r-NAME-N`.
pub(crate) fn rotate(name: &str, number: u8) -> Command {
    let rotation = RotationId::new(format!("r-{name}-{number}"));
    Command::RotateSecret {
        secret: secret(name),
        version: new_version(name, number),
        rotation,
        cause: RotationCause::Operator,
        expected: None,
    }
}

pub(crate) fn advance(name: &str, number: u8, phase: RotationPhase) -> Command {
    let rotation = RotationId::new(format!("r-{name}-{number}"));
    Command::AdvanceRotation {
        rotation,
        phase,
        progress: Vec::new(),
        message: String::new(),
    }
}

pub(crate) fn revoke(name: &str, version: Option<u32>) -> Command {
    Command::RevokeSecret {
        secret: secret(name),
        version,
        expected: None,
    }
}

pub(crate) fn grant(name: &str) -> Grant {
    Grant {
        target: name.into(),
        secret: secret(name),
        pinned: None,
        uid: 0,
        gid: 0,
        mode: 0o444,
        on_change: OnChange::Swap,
    }
}

pub(crate) fn spec(name: &str, secrets: &[&str]) -> ServiceSpec {
    ServiceSpec {
        name: name.into(),
        run: RunSpec {
            executor: Executor::Files,
            ..RunSpec::default()
        },
        grants: secrets.iter().map(|secret| grant(secret)).collect(),
        update: RollSettings {
            monitor_ms: 0,
            ..RollSettings::default()
        },
        ..ServiceSpec::default()
    }
}

pub(crate) fn service_id(name: &str) -> ServiceId {
    ServiceId::new(format!("svc-{name}"))
}

pub(crate) fn service(name: &str, secrets: &[&str]) -> Command {
    Command::CreateService {
        id: service_id(name),
        spec: spec(name, secrets),
    }
}

pub(crate) fn update(name: &str, spec: ServiceSpec) -> Command {
    Command::UpdateService {
        id: service_id(name),
        spec,
        expected: None,
    }
}

/// The same service, running something else.
pub(crate) fn running(name: &str, secrets: &[&str], force: u64) -> ServiceSpec {
    let mut spec = spec(name, secrets);
    spec.run.force = force;
    spec
}

pub(crate) fn update_all(specs: Vec<ServiceSpec>) -> Command {
    let updates = specs.into_iter().map(|spec| ServiceUpdate {
        id: service_id(&spec.name),
        spec,
        expected: None,
    });
    Command::UpdateServices {
        updates: updates.collect(),
    }
}

pub(crate) fn roll_back(name: &str) -> Command {
    Command::RollbackService {
        id: service_id(name),
        expected: None,
    }
}

pub(crate) fn advance_update(name: &str, state: UpdateState, message: &str) -> Command {
    Command::AdvanceUpdate {
        service: service_id(name),
        state,
        message: message.into(),
    }
}

pub(crate) fn change(change: TaskChange) -> Command {
    Command::ChangeTasks { changes: vec![change] }
}

pub(crate) fn receipt(task: &str, name: &str, version: u8, state: HoldingState) -> Receipt {
    let digest = (state == HoldingState::Present).then_some([version; 32]);
    Receipt {
        task: TaskId::new(task),
        secret: secret(name),
        version: version.into(),
        target: name.into(),
        state,
        digest,
        message: String::new(),
    }
}

pub(crate) fn receipts(node: &str, receipts: Vec<Receipt>) -> Command {
    Command::Report {
        node: NodeId::new(node),
        tasks: Vec::new(),
        receipts,
        inventory: false,
    }
}

pub(crate) fn inventory(node: &str, receipts: Vec<Receipt>) -> Command {
    Command::Report {
        node: NodeId::new(node),
        tasks: Vec::new(),
        receipts,
        inventory: true,
    }
}

pub(crate) fn status(node: &str, task: &str, state: TaskState) -> Command {
    let report = TaskReport {
        task: TaskId::new(task),
        state,
        message: String::new(),
        error: String::new(),
        exit_code: 0,
        pid: 7,
        secrets_dir: String::new(),
        health: String::new(),
    };
    Command::Report {
        node: NodeId::new(node),
        tasks: vec![report],
        receipts: Vec::new(),
        inventory: false,
    }
}
