//! What can happen to the console, and what can it want? `Msg` comes in, `Effect` goes out; both are plain data, and no
//! `Debug` of them shows a byte of a value or a key that was typed.

use std::fmt;

use wardroom_api::v1::{
    BackupRequest, CreateSecretRequest, CreateSecretResponse, CreateServiceRequest, CreateServiceResponse,
    GetJoinTokenRequest, JoinTokenResponse, LockFacts, LogLine, LogsRequest, PruneVersionsRequest,
    PruneVersionsResponse, RemoveNodeRequest, RemoveNodeResponse, RemoveOperatorRequest, RemoveOperatorResponse,
    RemoveSecretRequest, RemoveSecretResponse, RemoveServiceRequest, RemoveServiceResponse, RevokeSecretRequest,
    RevokeSecretResponse, RollbackServiceRequest, RollbackServiceResponse, RotateDekRequest, RotateDekResponse,
    RotateJoinTokenRequest, RotateRootRequest, RotateRootResponse, RotateSecretRequest, RotateSecretResponse,
    RotateUnlockKeyRequest, RotateUnlockKeyResponse, StatusResponse, SteerRotationRequest, SteerRotationResponse,
    StepDownRequest, StepDownResponse, UnlockRequest, UpdateClusterRequest, UpdateClusterResponse, UpdateGrantsRequest,
    UpdateGrantsResponse, UpdateNodeRequest, UpdateNodeResponse, UpdateServiceRequest, UpdateServiceResponse,
};
use wardroom_api::{CallError, FeedEvent};
use zeroize::Zeroize;

use super::key::Key;

/// Ties an answer to the question: an answer that nobody waits for any more is dropped.
pub type Ticket = u64;

#[derive(Debug)]
pub enum Msg {
    Key(Key),
    Paste(Pasted),
    Resize(u16, u16),
    /// A shown age or countdown has changed.
    Tick,
    Feed(Box<FeedEvent>),
    Answered(Ticket, Result<Answer, CallError>),
    FileRead(Ticket, Result<Pasted, String>),
    /// So many bytes of a backup are in its file.
    Written(Ticket, u64),
    /// Lines of tasks' output, as they come.
    Logged(Ticket, Vec<LogLine>),
    /// No more of them will come.
    LogsEnded(Ticket, Result<(), CallError>),
    /// The program runs again after it was suspended.
    Resumed,
}

/// Text or bytes that may be a secret: wiped on drop, absent from `Debug`.
#[derive(Default)]
pub struct Pasted(Vec<u8>);

impl Pasted {
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// Hands the bytes over; wiping them is the new owner's job.
    pub fn take(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }
}

impl Drop for Pasted {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Pasted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pasted({} bytes, hidden)", self.0.len())
    }
}

#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "there are few at a time, and each is carried out at once"
)]
pub enum Effect {
    Call(Ticket, Call),
    /// Reads a value from a file on this machine.
    ReadFile(Ticket, String),
    /// Reads what tasks write until it is told to stop; one at a time.
    ReadLogs(Ticket, LogsRequest),
    StopLogs,
    /// Puts a name onto the terminal's clipboard.
    Copy(String),
    /// Opens the watch at once, instead of after the pause between two tries.
    Reconnect,
    Redraw,
    Suspend,
    Quit,
}

/// A call to the cluster, as the wire has it.
#[derive(Debug, PartialEq)]
pub enum Call {
    Status,
    CreateSecret(CreateSecretRequest),
    RotateSecret(RotateSecretRequest),
    RevokeSecret(RevokeSecretRequest),
    RemoveSecret(RemoveSecretRequest),
    CreateService(CreateServiceRequest),
    UpdateService(UpdateServiceRequest),
    RemoveService(RemoveServiceRequest),
    RollbackService(RollbackServiceRequest),
    UpdateGrants(UpdateGrantsRequest),
    SteerRotation(SteerRotationRequest),
    PruneVersions(PruneVersionsRequest),
    UpdateNode(UpdateNodeRequest),
    RemoveNode(RemoveNodeRequest),
    StepDown(StepDownRequest),
    RotateRoot(RotateRootRequest),
    GetJoinToken(GetJoinTokenRequest),
    RotateJoinToken(RotateJoinTokenRequest),
    RemoveOperator(RemoveOperatorRequest),
    Backup(BackupOrder),
    UpdateCluster(UpdateClusterRequest),
    RotateUnlockKey(RotateUnlockKeyRequest),
    RotateDek(RotateDekRequest),
    /// What a locked manager waits for.
    GetLock,
    Unlock(UnlockRequest),
    /// Locks the manager that answers.
    CloseLock,
}

/// A backup, and the file it goes to on this machine.
#[derive(Debug, PartialEq)]
pub struct BackupOrder {
    pub path: String,
    pub request: BackupRequest,
}

/// A backup that is complete on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackedUp {
    /// The state in it is at this index.
    pub index: u64,
    pub bytes: u64,
}

#[derive(Debug, PartialEq)]
pub enum Answer {
    Status(Box<StatusResponse>),
    SecretCreated(CreateSecretResponse),
    SecretRotated(RotateSecretResponse),
    SecretRevoked(RevokeSecretResponse),
    SecretRemoved(RemoveSecretResponse),
    ServiceCreated(CreateServiceResponse),
    ServiceUpdated(UpdateServiceResponse),
    ServiceRemoved(RemoveServiceResponse),
    ServiceRolledBack(RollbackServiceResponse),
    GrantsUpdated(UpdateGrantsResponse),
    RotationSteered(SteerRotationResponse),
    VersionsPruned(PruneVersionsResponse),
    NodeUpdated(UpdateNodeResponse),
    NodeRemoved(RemoveNodeResponse),
    SteppedDown(StepDownResponse),
    RootRotated(RotateRootResponse),
    JoinToken(JoinTokenResponse),
    OperatorRemoved(RemoveOperatorResponse),
    BackedUp(BackedUp),
    ClusterUpdated(UpdateClusterResponse),
    UnlockKeyRotated(RotateUnlockKeyResponse),
    DekRotated(RotateDekResponse),
    Lock(LockFacts),
}
