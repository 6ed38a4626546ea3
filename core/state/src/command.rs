//! What can be asked of the state? Every change, with all chance and time already in it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::cluster::{Cluster, JoinToken};
use crate::holding::HoldingState;
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId, VersionId};
use crate::keys::{ManagerKeys, SealedUnlockKey};
use crate::node::{Availability, Certificate, Node, NodeState, Role};
use crate::operator::Operator;
use crate::rotation::{RotationCause, RotationPhase, RotationProgress, RotationSteer};
use crate::secret::{Schedule, SealedValue, Template};
use crate::service::{ServiceSpec, UpdateState};
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
    /// `admin:root`, `viewer:ada`, `worker:<node id>`, `system`.
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
        template: Template,
        schedule: Option<Schedule>,
        version: NewVersion,
    },
    /// A new version under the same name; it becomes current and a rotation starts.
    RotateSecret {
        secret: SecretId,
        version: NewVersion,
        rotation: RotationId,
        cause: RotationCause,
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
    /// A node joins with a token. From a node that is known by its key it is a rejoin, proposed under the id it has:
    /// hostname, address, version, certificate and `runs_tasks` are taken, no use is counted, and the rest stays (also its Raft id).
    AdmitNode {
        node: Node,
        token_digest: [u8; 32],
    },
    RotateToken {
        role: Role,
        token: JoinToken,
    },
    /// What is `None` stays as it is.
    UpdateCluster {
        certificate_life_ms: Option<u64>,
        heartbeat_ms: Option<u64>,
        task_history: Option<u32>,
        snapshot_every: Option<u64>,
    },
    /// A new root issues from now on; the one before retires and its key is forgotten.
    RotateRoot {
        /// PEM.
        root_certificate: String,
        root_fingerprint: String,
        root_key_id: String,
        root_not_after_ms: i64,
        sealed_root_key: Vec<u8>,
        /// PEM: the new root's key, signed by the root before.
        cross_signed: String,
        worker_token: JoinToken,
        manager_token: JoinToken,
        /// The cluster's `version_index`.
        expected: Option<u64>,
    },
    /// No certificate of that root is valid any more: it is trusted no longer.
    RetireRoot {
        fingerprint: String,
    },
    /// A promotion brings a Raft id that nobody ever had; a demotion 0.
    SetDesiredRole {
        node: NodeId,
        role: Role,
        raft_id: u64,
    },
    /// The membership has followed the desired role. A worker's Raft id is gone for good.
    SetRole {
        node: NodeId,
        role: Role,
        certificate: Option<Certificate>,
    },
    SetNodeAddress {
        node: NodeId,
        address: String,
    },
    /// All of them at once.
    SetLabels {
        node: NodeId,
        labels: BTreeMap<String, String>,
    },
    /// Of a worker that is down; `force`: in whatever state it is.
    RemoveNode {
        node: NodeId,
        force: bool,
    },
    /// The quorum is lost: `node` is the only manager from now on, and the others are removed. A node that is known
    /// keeps its labels and availability; one that is not (a restore on a new machine) is added as it stands here.
    ForceNewCluster {
        node: Node,
    },
    AddOperator {
        operator: Operator,
    },
    RemoveOperator {
        id: OperatorId,
    },
    /// The policy and labels of a secret; what is `None` stays as it is.
    UpdateSecret {
        secret: SecretId,
        labels: Option<BTreeMap<String, String>>,
        max_age_ms: Option<u64>,
        keep_versions: Option<u32>,
        lease_ms: Option<u64>,
        expected: Option<u64>,
    },
    /// What a node says about itself when it registers.
    DescribeNode {
        node: NodeId,
        hostname: String,
        /// Of its program.
        version: String,
    },
    /// Whether managers lock, and under which unlock key. Turning it on takes a new key; a new key while it is on is a
    /// rotation. No disk is touched before that key is kept.
    SetLock {
        autolock: bool,
        unlock_key: Option<NewUnlockKey>,
        /// The cluster's `version_index`.
        expected: Option<u64>,
    },
    /// Every manager is to write under a fresh DEK and to destroy the one before.
    OrderDek,
    /// [`Command::RevokeSecret`], and the order that makes the value unreadable in every old record, in one step. What is
    /// revoked already is only ordered.
    ShredSecret {
        secret: SecretId,
        version: Option<u32>,
        expected: Option<u64>,
    },
    /// The leader's record of one manager's keys, as that manager told them.
    RecordKeys {
        node: NodeId,
        keys: ManagerKeys,
    },
    /// Something that changes nothing here, and that the audit chain must know of: an unlock key, a join token or a backup
    /// was read, a manager was locked or unlocked.
    NoteAccess {
        /// `unlock-key.read`, `join-token.read`, `backup.read`, `swarm.unlock`, `swarm.lock`.
        action: String,
        object: String,
        detail: String,
    },
    /// Somebody has the unlock key in force in a safe place: from now on the managers' disks need it. Orders a fresh DEK.
    KeepUnlockKey {
        epoch: u32,
    },
    /// Back to the spec before, as Docker does it: what is current becomes the one before.
    RollbackService {
        id: ServiceId,
        expected: Option<u64>,
    },
    /// Several services at once, or none.
    UpdateServices {
        updates: Vec<ServiceUpdate>,
    },
    /// The leader's word on how far an update or a roll-back is. A roll-back that a failed update asks for is
    /// [`UpdateState::RollbackStarted`]: the spec before takes over with it.
    AdvanceUpdate {
        service: ServiceId,
        state: UpdateState,
        message: String,
    },
    SteerRotation {
        rotation: RotationId,
        steer: RotationSteer,
    },
    /// Superseded and failed versions that nobody needs; one that somebody needs is refused.
    DestroyVersions {
        secret: SecretId,
        versions: Vec<u32>,
        why: String,
    },
    /// How old versions are kept and new ones made; what is `None` stays as it is.
    UpdateRetention {
        secret: SecretId,
        keep_ms: Option<u64>,
        /// `Some(None)`: nobody makes the next value any more.
        schedule: Option<Option<Schedule>>,
        expected: Option<u64>,
    },
    /// A scheduled rotation could not begin.
    NoteScheduleFailure {
        secret: SecretId,
        reason: String,
    },
    SetPolicy {
        refuse_env: bool,
    },
    /// As programs before formats 3 meant it, and as their snapshots have it: an update of a service had no state and no
    /// generation, and nobody noted when a task began to run.
    Earlier(Box<Command>),
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServiceUpdate {
    pub id: ServiceId,
    pub spec: ServiceSpec,
    pub expected: Option<u64>,
}

/// An unlock key on its way in: made and sealed before it gets here.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewUnlockKey {
    /// The one after the epoch in force.
    pub epoch: u32,
    /// First bytes of a check value of the key.
    pub check: [u8; 4],
    pub sealed: SealedUnlockKey,
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
    pub generation: u64,
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
    /// Why a task has no node yet.
    Wait {
        task: TaskId,
        message: String,
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
    pub health: String,
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
