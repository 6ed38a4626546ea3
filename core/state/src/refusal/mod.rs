//! Why not? A refusal is a value: the same on every manager, it changes nothing and says what to do next.

mod kind;
#[cfg(test)]
mod tests;
mod words;

use serde::{Deserialize, Serialize};

use crate::node::Role;
pub use kind::{Noun, RefusalKind};
pub use words::TargetProblem;
use words::{are, in_use, joins, secrets_not_found, shortened, shown_or};

/// Named for its reason; Display is Docker's text where Docker has one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum Refusal {
    #[error("name must be provided")]
    NameMissing,
    #[error(
        "invalid name, only 64 [a-zA-Z0-9-_.] characters allowed, and the start and end character must be [a-zA-Z0-9]"
    )]
    NameInvalid,
    #[error("secret data must be larger than 0 and less than 512000 bytes")]
    SizeInvalid,
    #[error("meta: name must be provided")]
    ServiceNameMissing,
    #[error("name must be valid as a DNS name component")]
    ServiceNameInvalid,
    #[error("name must be 63 characters or fewer")]
    ServiceNameTooLong,
    #[error("{noun} {name} already exists")]
    NameTaken { noun: Noun, name: String },
    #[error("{noun} id {id} already exists; propose again with a new id")]
    IdTaken { noun: Noun, id: String },
    #[error(
        "secret {name} already exists, and version {version} of '{secret}' needs that name; remove it or create '{secret}' anew under another name"
    )]
    VersionNameTaken { secret: String, version: u32, name: String },
    #[error(
        "the name of version {version}, '{name}', would be longer than 64 characters; create the secret anew under a shorter name"
    )]
    VersionNameTooLong { version: u32, name: String },

    #[error("{noun} ID must be provided")]
    ReferenceMissing { noun: Noun },
    #[error("{noun} {reference} not found")]
    NotFound { noun: Noun, reference: String },
    #[error("{noun} {reference} is ambiguous ({matches} matches found)")]
    Ambiguous {
        noun: Noun,
        reference: String,
        matches: usize,
    },
    #[error("secret {secret} has no version {version}; see its versions and name one of them")]
    VersionNotFound { secret: String, version: u32 },
    #[error("update out of sequence")]
    OutOfSequence,

    #[error("{}", in_use(.secret, .services, *.only_previous))]
    SecretInUse {
        secret: String,
        /// Names, sorted.
        services: Vec<String>,
        /// No service uses it now, but a roll-back would return to specs that do.
        only_previous: bool,
    },
    #[error("secret '{secret}' is revoked already; rotate it to give it a new value, or remove it")]
    AlreadyRevoked { secret: String },
    #[error("version {version} of secret '{secret}' is revoked already")]
    VersionAlreadyRevoked { secret: String, version: u32 },
    #[error("secret '{secret}' has no current version; rotate it first")]
    NoCurrentVersion { secret: String },
    #[error(
        "version {version} of secret '{secret}' has no value any more; name another version or follow the current one"
    )]
    VersionGone { secret: String, version: u32 },

    #[error("version {version} of secret '{secret}' stays: {need}")]
    VersionNeeded { secret: String, version: u32, need: String },
    #[error("a schedule makes the next value at the secret's maximum age; set one")]
    ScheduleWithoutAge,

    #[error("{}", secrets_not_found(.0))]
    SecretsNotFound(Vec<String>),
    #[error("malformed file secret reference, invalid target file name provided")]
    TargetMissing,
    #[error("secret target '{target}' {problem}; give a path below the secrets directory, like db_password")]
    TargetUnsafe { target: String, problem: TargetProblem },
    #[error("secret references '{first}' and '{second}' have a conflicting target: '{target}'")]
    TargetConflict {
        first: String,
        second: String,
        target: String,
    },
    #[error("invalid mode specified: {mode:o} has more than permission bits; use 0000 to 0777, like 0444")]
    ModeInvalid { mode: u32 },
    #[error("signal '{signal}' is not known; use one of {}", crate::validate::SIGNALS.join(", "))]
    SignalUnknown { signal: String },
    #[error("a service that runs a {executor} needs a command")]
    CommandMissing { executor: String },
    #[error("a service that only holds files runs no command; leave it out or choose another executor")]
    CommandUnwanted,
    #[error("a command's words cannot contain a NUL byte")]
    CommandNul,
    #[error("invalid {part}: {problem}")]
    SpecInvalid { part: String, problem: String },
    #[error("{replicas} replicas are too many; a service has at most {most}")]
    ReplicasTooMany { replicas: u32, most: u32 },
    #[error("renaming services is not supported; create a new service and remove this one")]
    RenameUnsupported,
    #[error("service mode change is not allowed; create a new service and remove this one")]
    ModeChangeUnsupported,

    #[error("service {service} does not have a previous spec")]
    NoPreviousSpec { service: String },
    #[error(
        "service {service} cannot go back: version {version} of secret '{secret}', which it would use again, has no value any more; update the service instead"
    )]
    WayBackGone {
        service: String,
        secret: String,
        version: u32,
    },
    #[error("the update of service {service} cannot take that step from where it is; plan again")]
    UpdateStep { service: String },
    #[error("service {service} is named twice in one change; name it once")]
    ServiceNamedTwice { service: String },

    #[error("this cluster is not initialised yet; initialise it first")]
    NotBootstrapped,
    #[error("this cluster is initialised already")]
    AlreadyBootstrapped,
    #[error("node {node} cannot be part of a new cluster: {problem}")]
    MemberInvalid { node: String, problem: String },

    #[error("a task of a replicated service has a slot from 1, one of a global service slot 0 and a node")]
    SlotInvalid,
    #[error("service {service} has no grant for '{target}' with that version; plan again")]
    NotGranted { service: String, target: String },
    #[error("service {service} has got a new spec meanwhile; plan again")]
    GenerationGone { service: String },
    #[error("task {task} has a node already; plan again")]
    TaskPlaced { task: String },
    #[error("task {task} has not ended; shut it down first")]
    TaskNotFinished { task: String },
    #[error("task {task} still owes an erasure receipt; wait for its node to answer")]
    TaskOwesReceipt { task: String },

    #[error("rotation {rotation} is over; look at the secret again")]
    RotationOver { rotation: String },
    #[error("the rotation of '{secret}' is rolling back already; wait until everything is back")]
    RotationReturning { secret: String },
    #[error("rotation {rotation} cannot take that step from where it is; plan again")]
    RotationStep { rotation: String },
    #[error("secret '{secret}' has nothing to return to: the version before has no value any more; rotate it again")]
    NothingToReturnTo { secret: String },
    #[error("the rotation of '{secret}' is not proven: {proven} of {tasks} tasks; wait for their receipts")]
    RotationUnproven { secret: String, proven: u32, tasks: u32 },

    #[error("A valid join token is necessary to join this cluster")]
    TokenUnknown,
    #[error(
        "this {role} join token has expired; ask a manager for a new one with `wardroom swarm join-token --rotate {role}`"
    )]
    TokenExpired { role: Role },
    #[error(
        "this {role} join token was good for {} and is used up; ask a manager for a new one with `wardroom swarm join-token --rotate {role}`",
        joins(*.max_uses)
    )]
    TokenUsedUp { role: Role, max_uses: u32 },
    #[error("{} is to be a {node}, and this join token is for a {token}; use the {node} token", shown_or(.hostname, "this node"))]
    TokenOfOtherRole { hostname: String, node: Role, token: Role },
    #[error("a node cannot join: {problem}")]
    NodeInvalid { problem: String },
    #[error("this key is already that of node {hostname}; propose again under its id, {id}")]
    KeyTaken { hostname: String, id: String },
    #[error("{noun} id {id} was removed and never comes back; propose again with a new id")]
    IdRetired { noun: Noun, id: String },
    #[error("a manager needs a Raft id; propose again with one")]
    RaftIdMissing,
    #[error("Raft id {raft_id} is or was another manager's; propose again with a new one")]
    RaftIdTaken { raft_id: u64 },
    #[error("a join token needs a secret of its own; propose again with a new one")]
    TokenInvalid,

    #[error("attempting to demote the last manager of the swarm")]
    LastManager,
    #[error("node {node} is still being demoted; promote it once it is a worker")]
    StillDemoting { node: String },
    #[error("node {node} is to be a {desired}; plan again")]
    RoleNotDesired { node: String, desired: Role },
    #[error("node {node} is not down and can't be removed")]
    NodeNotDown { node: String },
    #[error(
        "node {node} is a cluster manager and is a member of the raft cluster. It must be demoted to worker before removal"
    )]
    NodeIsManager { node: String },
    #[error("'{address}' is not an address at which a node can be reached; give host:port, like 10.0.0.5:2377")]
    AddressInvalid { address: String },

    #[error("minimum certificate expiry time is: 1h0m0s")]
    CertificateLifeTooShort,
    #[error("{setting} must be {limits}")]
    SettingInvalid { setting: String, limits: String },
    #[error("Cannot update to a cert with an identical key")]
    RootKeyReused,
    #[error(
        "{retiring} older roots are still in use; wait until they have retired, or remove the nodes that hold them up"
    )]
    RootsTooMany { retiring: usize },
    #[error("no older root has the fingerprint {fingerprint}; look at the cluster again")]
    RootNotRetiring { fingerprint: String },
    #[error("{} still on that root: {}; wait for new certificates", are(.names), shortened(.names))]
    RootInUse { names: Vec<String> },

    #[error("operator name '{name}' is not valid; use up to 64 of [a-zA-Z0-9-_.@], with a letter or digit first")]
    OperatorNameInvalid { name: String },
    #[error("a lease is 0 (never) or between 10 seconds and 365 days")]
    LeaseInvalid,
    #[error(
        "invalid placement constraint '{text}': {problem}; write KEY==VALUE or KEY!=VALUE with node.id, node.hostname, node.role or node.labels.NAME"
    )]
    ConstraintInvalid { text: String, problem: String },

    #[error("cannot rotate because autolock is not turned on")]
    AutolockOff,
    #[error("autolock takes a new unlock key, sealed; turn it on, once the cluster has begun, with one")]
    UnlockKeyMissing,
    #[error("unlock key epoch {epoch} does not follow the one in force, {current}; look at the cluster again")]
    UnlockKeyEpoch { epoch: u32, current: u32 },
    #[error("unlock key epoch {epoch} is not the one in force, {current}; read that one, and keep it")]
    UnlockKeyGone { epoch: u32, current: u32 },
    #[error(
        "{orders} DEK rotations wait for {}; start these managers, or demote and remove them",
        shortened(.owing)
    )]
    OrdersTooMany { orders: usize, owing: Vec<String> },
    #[error("node {node} is not a manager and keeps no keys; plan again")]
    NotAManager { node: String },
    #[error("node {node} says it has {what}, which this cluster never gave; look at that node")]
    KeysUnknown { node: String, what: String },
}
