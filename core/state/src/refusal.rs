//! Why not? A refusal is a value: the same on every manager, it changes nothing and says what to do next.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What kind of no it is; the edges map it to status codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RefusalKind {
    Invalid,
    NotFound,
    AlreadyExists,
    /// The state does not allow it now (in use, nothing to revoke).
    Precondition,
    /// The object moved on since the caller looked.
    Conflict,
}

/// The kinds of objects that a reference can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Noun {
    Secret,
    Service,
    Node,
    Task,
    Rotation,
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "secret",
            Self::Service => "service",
            Self::Node => "node",
            Self::Task => "task",
            Self::Rotation => "rotation",
        })
    }
}

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
    #[error("{replicas} replicas are too many; a service has at most {most}")]
    ReplicasTooMany { replicas: u32, most: u32 },
    #[error("renaming services is not supported; create a new service and remove this one")]
    RenameUnsupported,
    #[error("service mode change is not allowed; create a new service and remove this one")]
    ModeChangeUnsupported,

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
    #[error("task {task} has a node already; plan again")]
    TaskPlaced { task: String },
    #[error("task {task} has not ended; shut it down first")]
    TaskNotFinished { task: String },
    #[error("task {task} still owes an erasure receipt; wait for its node to answer")]
    TaskOwesReceipt { task: String },

    #[error("rotation {rotation} is over; look at the secret again")]
    RotationOver { rotation: String },
    #[error("rotation {rotation} cannot take that step from where it is; plan again")]
    RotationStep { rotation: String },
    #[error("secret '{secret}' has nothing to return to: the version before has no value any more; rotate it again")]
    NothingToReturnTo { secret: String },
    #[error("the rotation of '{secret}' is not proven: {proven} of {tasks} tasks; wait for their receipts")]
    RotationUnproven { secret: String, proven: u32, tasks: u32 },
}

/// What is wrong with a target path.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum TargetProblem {
    Absolute,
    /// A component begins with `..`: it would leave the directory or meet the agent's own links.
    Dots,
    Control,
    TooLong,
}

impl fmt::Display for TargetProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Absolute => "is an absolute path",
            Self::Dots => "has a part that begins with '..'",
            Self::Control => "has a control character",
            Self::TooLong => "is too long",
        })
    }
}

impl Refusal {
    pub fn kind(&self) -> RefusalKind {
        match self {
            Self::NameMissing
            | Self::NameInvalid
            | Self::SizeInvalid
            | Self::ServiceNameMissing
            | Self::ServiceNameInvalid
            | Self::ServiceNameTooLong
            | Self::VersionNameTooLong { .. }
            | Self::ReferenceMissing { .. }
            | Self::Ambiguous { .. }
            | Self::SecretsNotFound(_)
            | Self::TargetMissing
            | Self::TargetUnsafe { .. }
            | Self::TargetConflict { .. }
            | Self::ModeInvalid { .. }
            | Self::SignalUnknown { .. }
            | Self::CommandMissing { .. }
            | Self::CommandUnwanted
            | Self::CommandNul
            | Self::ReplicasTooMany { .. }
            | Self::RenameUnsupported
            | Self::ModeChangeUnsupported
            | Self::MemberInvalid { .. }
            | Self::SlotInvalid => RefusalKind::Invalid,
            Self::NotFound { .. } | Self::VersionNotFound { .. } => RefusalKind::NotFound,
            Self::NameTaken { .. } | Self::IdTaken { .. } | Self::VersionNameTaken { .. } => RefusalKind::AlreadyExists,
            Self::SecretInUse { .. }
            | Self::AlreadyRevoked { .. }
            | Self::VersionAlreadyRevoked { .. }
            | Self::NoCurrentVersion { .. }
            | Self::VersionGone { .. }
            | Self::NotBootstrapped
            | Self::AlreadyBootstrapped
            | Self::TaskNotFinished { .. }
            | Self::TaskOwesReceipt { .. }
            | Self::NothingToReturnTo { .. }
            | Self::RotationUnproven { .. } => RefusalKind::Precondition,
            Self::OutOfSequence
            | Self::NotGranted { .. }
            | Self::TaskPlaced { .. }
            | Self::RotationOver { .. }
            | Self::RotationStep { .. } => RefusalKind::Conflict,
        }
    }
}

fn in_use(secret: &str, services: &[String], only_previous: bool) -> String {
    let noun = if services.len() == 1 { "service" } else { "services" };
    let names = services.join(", ");
    let mut text = format!("secret '{secret}' is in use by the following {noun}: {names}");
    if only_previous {
        text.push_str(" (a roll-back would return to it; update once more, or revoke the secret)");
    }
    text
}

fn secrets_not_found(names: &[String]) -> String {
    let noun = if names.len() == 1 { "secret" } else { "secrets" };
    format!("{noun} not found: {}", names.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn in_use_has_dockers_singular_and_plural() {
        let refusal = |services: &[&str]| Refusal::SecretInUse {
            secret: "db_password".into(),
            services: services.iter().map(ToString::to_string).collect(),
            only_previous: false,
        };
        assert_eq!(
            refusal(&["web"]).to_string(),
            "secret 'db_password' is in use by the following service: web"
        );
        assert_eq!(
            refusal(&["api", "web"]).to_string(),
            "secret 'db_password' is in use by the following services: api, web"
        );
    }

    #[test]
    fn texts_are_dockers() {
        let check = |refusal: Refusal, text: &str, kind: RefusalKind| {
            assert_eq!(refusal.to_string(), text);
            assert_eq!(refusal.kind(), kind);
        };
        check(Refusal::NameMissing, "name must be provided", RefusalKind::Invalid);
        check(
            Refusal::ServiceNameMissing,
            "meta: name must be provided",
            RefusalKind::Invalid,
        );
        check(
            Refusal::NameTaken {
                noun: Noun::Secret,
                name: "Db".into(),
            },
            "secret Db already exists",
            RefusalKind::AlreadyExists,
        );
        check(
            Refusal::Ambiguous {
                noun: Noun::Node,
                reference: "a".into(),
                matches: 3,
            },
            "node a is ambiguous (3 matches found)",
            RefusalKind::Invalid,
        );
        check(
            Refusal::NotFound {
                noun: Noun::Secret,
                reference: "nope".into(),
            },
            "secret nope not found",
            RefusalKind::NotFound,
        );
        check(
            Refusal::SecretsNotFound(vec!["a".into()]),
            "secret not found: a",
            RefusalKind::Invalid,
        );
        check(
            Refusal::SecretsNotFound(vec!["a".into(), "b".into()]),
            "secrets not found: a, b",
            RefusalKind::Invalid,
        );
        check(Refusal::OutOfSequence, "update out of sequence", RefusalKind::Conflict);
    }
}
