//! Why did a call fail? One enum for this manager's own reasons, and its one mapping to gRPC codes.

use tonic::{Code, Status};
use wardroom_state::refusal::{Refusal, RefusalKind};

use crate::propose::{NO_LEADER, ProposeError};

/// What a manager that does not lead says, beside the leader's address in the metadata.
pub(crate) const NOT_LEADER: &str = "not the leader";

/// Why a call was not done.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The state machine, or a check before it, said no.
    #[error("{text}")]
    Refused { kind: RefusalKind, text: String },
    #[error("{NO_LEADER} `wardroom raft status` names those that answer.")]
    NoLeader,
    /// Another manager leads; its address when known.
    #[error("{NOT_LEADER}")]
    NotLeader { leader: Option<String> },
    #[error("the change was proposed but not confirmed in time; it may still be made. Look before you repeat it")]
    Unconfirmed,
    /// The caller may make the call, but not say this in it.
    #[error("{0}")]
    Denied(String),
    /// A quorum did not answer, or this manager has stopped.
    #[error("{0}")]
    Unavailable(String),
}

impl Failure {
    pub(crate) fn invalid(text: impl Into<String>) -> Self {
        Self::Refused {
            kind: RefusalKind::Invalid,
            text: text.into(),
        }
    }

    pub(crate) fn not_found(text: impl Into<String>) -> Self {
        Self::Refused {
            kind: RefusalKind::NotFound,
            text: text.into(),
        }
    }

    pub(crate) fn precondition(text: impl Into<String>) -> Self {
        Self::Refused {
            kind: RefusalKind::Precondition,
            text: text.into(),
        }
    }

    pub(crate) fn conflict(text: impl Into<String>) -> Self {
        Self::Refused {
            kind: RefusalKind::Conflict,
            text: text.into(),
        }
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused {
            kind: refusal.kind(),
            text: refusal.to_string(),
        }
    }
}

impl From<ProposeError> for Failure {
    fn from(error: ProposeError) -> Self {
        match error {
            ProposeError::Refused(refusal) => refusal.into(),
            ProposeError::NotLeader { leader } => Self::NotLeader {
                leader: leader.map(|peer| peer.address),
            },
            ProposeError::TooLarge { .. } => Self::invalid(error.to_string()),
            ProposeError::DiskFull { .. } => Self::precondition(error.to_string()),
            ProposeError::NoQuorum | ProposeError::Stopped(_) => Self::Unavailable(error.to_string()),
        }
    }
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let code = match &failure {
            Failure::Refused { kind, .. } => match kind {
                RefusalKind::Invalid => Code::InvalidArgument,
                RefusalKind::NotFound => Code::NotFound,
                RefusalKind::AlreadyExists => Code::AlreadyExists,
                RefusalKind::Precondition => Code::FailedPrecondition,
                RefusalKind::Conflict => Code::Aborted,
            },
            Failure::NoLeader | Failure::Unavailable(_) => Code::Unavailable,
            Failure::NotLeader { .. } => Code::FailedPrecondition,
            Failure::Denied(_) => Code::PermissionDenied,
            Failure::Unconfirmed => Code::DeadlineExceeded,
        };
        let mut status = Status::new(code, failure.to_string());
        if let Failure::NotLeader { leader: Some(address) } = &failure
            && let Ok(value) = address.parse()
        {
            status.metadata_mut().insert(crate::control::caller::LEADER, value);
        }
        status
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    #[test]
    fn kinds_become_codes() {
        let code = |failure: Failure| Status::from(failure).code();
        assert_eq!(code(Failure::invalid("x")), Code::InvalidArgument);
        assert_eq!(code(Failure::precondition("x")), Code::FailedPrecondition);
        assert_eq!(code(Failure::conflict("x")), Code::Aborted);
        assert_eq!(code(Failure::NoLeader), Code::Unavailable);
    }

    #[test]
    fn a_follower_names_the_leader() {
        let status = Status::from(Failure::NotLeader {
            leader: Some("10.0.0.1:2377".into()),
        });
        assert_eq!(status.code(), Code::FailedPrecondition);
        assert_eq!(status.message(), "not the leader");
        assert_eq!(status.metadata().get("wardroom-leader").unwrap(), "10.0.0.1:2377");
    }

    #[test]
    fn without_a_leader_docker_s_words_are_used() {
        let text = Failure::NoLeader.to_string();
        assert!(text.starts_with("The swarm does not have a leader. It's possible that too few managers are online."));
    }
}
