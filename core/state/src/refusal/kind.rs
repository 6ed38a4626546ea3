//! What kind of no is it, and about what? The edges map kinds to status codes.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Refusal;

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
    Operator,
}

impl fmt::Display for Noun {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Secret => "secret",
            Self::Service => "service",
            Self::Node => "node",
            Self::Task => "task",
            Self::Rotation => "rotation",
            Self::Operator => "operator",
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
            | Self::SpecInvalid { .. }
            | Self::ScheduleWithoutAge
            | Self::ReplicasTooMany { .. }
            | Self::RenameUnsupported
            | Self::ModeChangeUnsupported
            | Self::ServiceNamedTwice { .. }
            | Self::MemberInvalid { .. }
            | Self::SlotInvalid
            | Self::TokenUnknown
            | Self::TokenOfOtherRole { .. }
            | Self::NodeInvalid { .. }
            | Self::RaftIdMissing
            | Self::TokenInvalid
            | Self::AddressInvalid { .. }
            | Self::CertificateLifeTooShort
            | Self::SettingInvalid { .. }
            | Self::RootKeyReused
            | Self::OperatorNameInvalid { .. }
            | Self::LeaseInvalid
            | Self::ConstraintInvalid { .. }
            | Self::UnlockKeyMissing => RefusalKind::Invalid,
            Self::NotFound { .. } | Self::VersionNotFound { .. } | Self::RootNotRetiring { .. } => {
                RefusalKind::NotFound
            }
            Self::NameTaken { .. }
            | Self::IdTaken { .. }
            | Self::VersionNameTaken { .. }
            | Self::KeyTaken { .. }
            | Self::IdRetired { .. }
            | Self::RaftIdTaken { .. } => RefusalKind::AlreadyExists,
            Self::SecretInUse { .. }
            | Self::AlreadyRevoked { .. }
            | Self::VersionAlreadyRevoked { .. }
            | Self::NoCurrentVersion { .. }
            | Self::VersionGone { .. }
            | Self::VersionNeeded { .. }
            | Self::NotBootstrapped
            | Self::AlreadyBootstrapped
            | Self::TaskNotFinished { .. }
            | Self::TaskOwesReceipt { .. }
            | Self::NothingToReturnTo { .. }
            | Self::RotationReturning { .. }
            | Self::NoPreviousSpec { .. }
            | Self::WayBackGone { .. }
            | Self::RotationUnproven { .. }
            | Self::TokenExpired { .. }
            | Self::TokenUsedUp { .. }
            | Self::LastManager
            | Self::StillDemoting { .. }
            | Self::NodeNotDown { .. }
            | Self::NodeIsManager { .. }
            | Self::RootsTooMany { .. }
            | Self::RootInUse { .. }
            | Self::AutolockOff
            | Self::OrdersTooMany { .. } => RefusalKind::Precondition,
            Self::OutOfSequence
            | Self::NotGranted { .. }
            | Self::TaskPlaced { .. }
            | Self::GenerationGone { .. }
            | Self::UpdateStep { .. }
            | Self::RotationOver { .. }
            | Self::RotationStep { .. }
            | Self::RoleNotDesired { .. }
            | Self::UnlockKeyEpoch { .. }
            | Self::UnlockKeyGone { .. }
            | Self::NotAManager { .. }
            | Self::KeysUnknown { .. } => RefusalKind::Conflict,
        }
    }
}
