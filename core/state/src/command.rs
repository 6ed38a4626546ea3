//! What can be asked of the state? Every change, with all chance and time already in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::Cluster;
use crate::holding::HoldingState;
use crate::ids::{NodeId, RotationId, SecretId, ServiceId, TaskId, VersionId};
use crate::node::{Availability, Certificate, Node, NodeState};
use crate::rotation::{RotationPhase, RotationProgress};
use crate::secret::SealedValue;
use crate::service::ServiceSpec;
use crate::task::{SecretFile, TaskState};

/// One proposed change as it stands in the log. `index` is not part of it: Raft gives it at apply.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    /// The proposer's clock, Unix milliseconds; apply keeps it monotonic.
    pub at_ms: i64,
    pub actor: Actor,
    pub command: Command,
}

/// Who asks, as the manager that took the call knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Actor {
    /// `admin:root`, `worker:<node id>`, `system`.
    pub name: String,
    /// `local` or an address.
    pub from: String,
}

/// Old variants are never re-interpreted: a new meaning is a new variant at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// The first command of a cluster.
    Bootstrap {
        cluster: Cluster,
        nodes: Vec<Node>,
    },
    CreateSecret {
        id: SecretId,
        name: String,
        labels: BTreeMap<String, String>,
        max_age_ms: u64,
        version: NewVersion,
    },
    /// A new version under the same name; it becomes current and a rotation starts.
    RotateSecret {
        secret: SecretId,
        version: NewVersion,
        rotation: RotationId,
        expected: Option<u64>,
    },
    /// Cuts grants and files, drops the sealed value. `version: None` means every version, and the grants too.
    RevokeSecret {
        secret: SecretId,
        version: Option<u32>,
        expected: Option<u64>,
    },
    RemoveSecret {
        secret: SecretId,
    },
    CreateService {
        id: ServiceId,
        spec: ServiceSpec,
    },
    UpdateService {
        id: ServiceId,
        spec: ServiceSpec,
        expected: Option<u64>,
    },
    RemoveService {
        id: ServiceId,
    },
    /// The leader's reconcile loop: new tasks.
    CreateTasks {
        tasks: Vec<NewTask>,
    },
    /// The leader's reconcile loop: desired states, files, placement, or removal of finished tasks.
    ChangeTasks {
        changes: Vec<TaskChange>,
    },
    /// A worker's word about its tasks and files, by its certificate.
    Report {
        node: NodeId,
        tasks: Vec<TaskReport>,
        receipts: Vec<Receipt>,
        inventory: bool,
    },
    SetNodeState {
        node: NodeId,
        state: NodeState,
        message: String,
    },
    SetAvailability {
        node: NodeId,
        availability: Availability,
    },
    SetCertificate {
        node: NodeId,
        certificate: Certificate,
    },
    AdvanceRotation {
        rotation: RotationId,
        phase: RotationPhase,
        progress: Vec<RotationProgress>,
        message: String,
    },
    /// A refused access, for the audit chain.
    NoteRefusal {
        method: String,
        reason: String,
    },
}

/// A version on its way in: sealed, with everything random already decided.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewVersion {
    pub id: VersionId,
    pub size: u32,
    pub sealed: SealedValue,
    pub receipt_digest: [u8; 32],
    pub fingerprint: [u8; 32],
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    pub id: TaskId,
    pub service: ServiceId,
    pub slot: u32,
    pub node: Option<NodeId>,
    pub files: Vec<SecretFile>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TaskChange {
    Desire {
        task: TaskId,
        desired: TaskState,
    },
    Place {
        task: TaskId,
        node: NodeId,
    },
    Files {
        task: TaskId,
        files: Vec<SecretFile>,
    },
    /// The node is gone: nobody will report on it.
    Orphan {
        task: TaskId,
        message: String,
    },
    /// Forget a finished task that owes no receipt.
    Reap {
        task: TaskId,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskReport {
    pub task: TaskId,
    pub state: TaskState,
    pub message: String,
    pub error: String,
    pub exit_code: i32,
    pub pid: u32,
    pub secrets_dir: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub task: TaskId,
    pub secret: SecretId,
    pub version: u32,
    pub target: String,
    pub state: HoldingState,
    /// HMAC-SHA256 of the bytes read back, with `Present`.
    pub digest: Option<[u8; 32]>,
    pub message: String,
}
