//! What do the random commands act on? One manager, two workers, and the objects that commands carry.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::cluster::{Cluster, JoinToken};
use wardroom_state::command::{Actor, Command, NewVersion, Receipt, TaskReport};
use wardroom_state::holding::{HoldingKey, HoldingState};
use wardroom_state::ids::{ClusterId, NodeId, TaskId, VersionId};
use wardroom_state::node::{Availability, Certificate, Node, NodeState, Role};
use wardroom_state::secret::SealedValue;
use wardroom_state::task::TaskState;

pub(super) fn version(index: u64) -> NewVersion {
    let byte = u8::try_from(index % 256).unwrap();
    NewVersion {
        id: VersionId::new(format!("v{index}")),
        size: 5,
        sealed: SealedValue {
            wrapped_key: vec![byte],
            ciphertext: vec![byte; 21],
            key_check: [byte; 4],
        },
        receipt_digest: [byte; 32],
        fingerprint: [byte; 32],
    }
}

pub(super) fn receipt(state: &State, key: &HoldingKey, said: HoldingState, honest: bool) -> Receipt {
    let version = state
        .secrets()
        .get(&key.secret)
        .and_then(|secret| secret.versions.get(&key.version));
    let digest = if honest {
        version.map(|version| version.receipt_digest)
    } else {
        Some([0; 32])
    };
    Receipt {
        task: key.task.clone(),
        secret: key.secret.clone(),
        version: key.version,
        target: key.target.clone(),
        state: said,
        digest,
        message: String::new(),
    }
}

pub(super) fn task_report(task: TaskId, state: TaskState) -> TaskReport {
    TaskReport {
        task,
        state,
        message: String::new(),
        error: String::new(),
        exit_code: 0,
        pid: 1,
        secrets_dir: String::new(),
        health: String::new(),
    }
}

pub(crate) fn actor() -> Actor {
    Actor {
        name: "admin:root".into(),
        from: "local".into(),
    }
}

pub(super) fn token(byte: u8) -> JoinToken {
    JoinToken {
        sealed_secret: vec![byte; 40],
        digest: [byte; 32],
        ..JoinToken::default()
    }
}

/// A manager when it has a Raft id.
pub(super) fn node(id: &str, raft_id: u64) -> Node {
    let role = if raft_id == 0 { Role::Worker } else { Role::Manager };
    Node {
        id: NodeId::new(id),
        hostname: format!("host-{id}"),
        role,
        desired_role: role,
        runs_tasks: raft_id == 0,
        version: String::new(),
        availability: Availability::Active,
        state: NodeState::Ready,
        message: String::new(),
        state_since_ms: 1,
        address: String::new(),
        raft_id,
        labels: BTreeMap::new(),
        certificate: Certificate::default(),
        created_at_ms: 1,
        version_index: 0,
    }
}

pub(crate) fn bootstrap() -> Command {
    let cluster = Cluster {
        id: ClusterId::new("c"),
        name: "demo".into(),
        created_at_ms: 1,
        root_certificate: String::new(),
        root_fingerprint: String::new(),
        root_key_id: String::new(),
        root_not_after_ms: 1,
        sealed_root_key: Vec::new(),
        retiring: Vec::new(),
        certificate_life_ms: 90 * 86_400_000,
        worker_token: token(1),
        manager_token: token(2),
        sealing_root_check: [0; 4],
        autolock: false,
        heartbeat_ms: 5_000,
        task_history: 5,
        snapshot_every: 10_000,
        refuse_env: false,
        version_index: 0,
    };
    Command::Bootstrap {
        cluster,
        nodes: vec![node("m1", 1), node("n1", 0), node("n2", 0)],
    }
}
