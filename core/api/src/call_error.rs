//! Why did a call fail, and what can be done about it? The one place where gRPC statuses become something a person or a
//! script can act on. Texts come from the manager and never hold a byte of a value.

use std::error::Error;

use tonic::{Code, Status};

/// Docker's words for a cluster without a leader; managers send them with UNAVAILABLE.
pub const NO_LEADER: &str = "The swarm does not have a leader. It's possible that too few managers are online. Make sure \
                             more than half of the managers are online.";
/// How a locked manager's refusal begins; managers send it with UNAVAILABLE or `FAILED_PRECONDITION`.
pub const LOCKED: &str = "Swarm is encrypted and needs to be unlocked before it can be used.";

/// How the refusal of a call begins that whoever answers does not offer: another version, or no daemon.
pub const UNKNOWN_CALL: &str = "this manager does not know the call";

/// A call's failure. Its text is the manager's own, or says what this end was doing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CallError {
    #[error("{0}")]
    NotFound(String),
    #[error("{0}")]
    AlreadyExists(String),
    #[error("{0}")]
    Invalid(String),
    /// The state of the cluster does not allow it now.
    #[error("{0}")]
    Precondition(String),
    /// The object moved on since it was read or planned.
    #[error("{0}")]
    Conflict(String),
    #[error("{0}")]
    PermissionDenied(String),
    #[error("{0}")]
    Locked(String),
    #[error("{0}")]
    NoQuorum(String),
    #[error("{0}")]
    Timeout(String),
    /// Nobody could be reached at the address.
    #[error(transparent)]
    Socket(#[from] ConnectFailure),
    /// The connection broke, or the manager is going away.
    #[error("{0}")]
    Unavailable(String),
    #[error("{0}")]
    Internal(String),
}

/// A connection that could not be made. Connectors return it and it travels through the transport unchanged.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot connect to {address}: {cause}")]
pub struct ConnectFailure {
    pub address: String,
    pub cause: String,
    /// What to do next.
    pub hint: String,
}

/// [`CallError`] without its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CallKind {
    NotFound,
    AlreadyExists,
    Invalid,
    Precondition,
    Conflict,
    PermissionDenied,
    Locked,
    NoQuorum,
    Timeout,
    Socket,
    Unavailable,
    Internal,
}

impl CallError {
    pub fn kind(&self) -> CallKind {
        match self {
            Self::NotFound(_) => CallKind::NotFound,
            Self::AlreadyExists(_) => CallKind::AlreadyExists,
            Self::Invalid(_) => CallKind::Invalid,
            Self::Precondition(_) => CallKind::Precondition,
            Self::Conflict(_) => CallKind::Conflict,
            Self::PermissionDenied(_) => CallKind::PermissionDenied,
            Self::Locked(_) => CallKind::Locked,
            Self::NoQuorum(_) => CallKind::NoQuorum,
            Self::Timeout(_) => CallKind::Timeout,
            Self::Socket(_) => CallKind::Socket,
            Self::Unavailable(_) => CallKind::Unavailable,
            Self::Internal(_) => CallKind::Internal,
        }
    }

    /// What a command that failed so exits with.
    pub fn exit_code(&self) -> u8 {
        self.kind().exit_code()
    }

    /// A sentence that says what to do next; `None` where the error's own text already does.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Socket(failure) => Some(&failure.hint),
            _ => self.kind().hint(),
        }
    }
}

impl CallKind {
    /// 1 failure, 3 not found, 4 permission, 5 locked, 6 no quorum, 7 conflict or precondition, 124 timeout.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::AlreadyExists | Self::Invalid | Self::Socket | Self::Unavailable | Self::Internal => 1,
            Self::NotFound => 3,
            Self::PermissionDenied => 4,
            Self::Locked => 5,
            Self::NoQuorum => 6,
            Self::Precondition | Self::Conflict => 7,
            Self::Timeout => 124,
        }
    }

    fn hint(self) -> Option<&'static str> {
        match self {
            Self::NotFound => Some("list the objects with `ls` to see their names"),
            Self::AlreadyExists => Some("choose another name, or rotate the secret that has it"),
            Self::Conflict => Some("look at the object again, then repeat the command"),
            Self::PermissionDenied => Some("use an account or a certificate that may do this"),
            Self::NoQuorum => Some("see which managers answer with `wardroom node ls`, and start the others"),
            Self::Timeout => Some("the change may still happen: look before you repeat it"),
            Self::Unavailable => Some("check that the manager is running, then repeat the command"),
            Self::Internal => Some("this is a defect or damage: look into the manager's log"),
            Self::Invalid | Self::Precondition | Self::Locked | Self::Socket => None,
        }
    }
}

impl From<Status> for CallError {
    fn from(status: Status) -> Self {
        if let Some(failure) = connect_failure(&status) {
            return Self::Socket(failure.clone());
        }
        // A status that the manager sent has no source; one that this end's transport made up has.
        let local = status.source().is_some();
        let text = status.message().to_owned();
        match status.code() {
            Code::DeadlineExceeded => Self::Timeout(text),
            Code::Cancelled if text == "Timeout expired" => Self::Timeout("the manager did not answer in time".into()),
            _ if local => Self::Unavailable(format!(
                "the connection to the manager was lost: {}",
                innermost(&status)
            )),
            Code::NotFound => Self::NotFound(text),
            Code::AlreadyExists => Self::AlreadyExists(text),
            Code::InvalidArgument | Code::OutOfRange => Self::Invalid(text),
            Code::FailedPrecondition | Code::Unavailable if text.starts_with(LOCKED) => Self::Locked(text),
            Code::FailedPrecondition => Self::Precondition(text),
            Code::Aborted => Self::Conflict(text),
            Code::PermissionDenied | Code::Unauthenticated => Self::PermissionDenied(text),
            Code::Unavailable if text.contains("leader") || text.contains("quorum") => Self::NoQuorum(text),
            Code::Unavailable | Code::Cancelled | Code::ResourceExhausted => Self::Unavailable(text),
            Code::Unimplemented => Self::Invalid(format!("{UNKNOWN_CALL}: {text}").trim_end_matches(": ").to_owned()),
            Code::Ok | Code::Unknown | Code::Internal | Code::DataLoss => Self::Internal(text),
        }
    }
}

fn connect_failure(status: &Status) -> Option<&ConnectFailure> {
    causes(status).find_map(|cause| cause.downcast_ref())
}

fn innermost(status: &Status) -> String {
    causes(status)
        .last()
        .map_or_else(|| status.message().to_owned(), ToString::to_string)
}

fn causes(status: &Status) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(status.source(), |&cause| cause.source())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(status: Status, kind: CallKind, exit_code: u8) {
        let text = status.message().to_owned();
        let error = CallError::from(status);
        assert_eq!((error.kind(), error.exit_code()), (kind, exit_code), "{text}");
        assert!(error.to_string().contains(&text));
    }

    #[test]
    fn every_code_of_the_contract_has_its_kind_and_exit_code() {
        check(Status::not_found("secret x not found"), CallKind::NotFound, 3);
        check(Status::already_exists("taken"), CallKind::AlreadyExists, 1);
        check(Status::invalid_argument("bad name"), CallKind::Invalid, 1);
        check(Status::failed_precondition("in use"), CallKind::Precondition, 7);
        check(Status::aborted("moved on"), CallKind::Conflict, 7);
        check(Status::permission_denied("no"), CallKind::PermissionDenied, 4);
        check(Status::unavailable(NO_LEADER), CallKind::NoQuorum, 6);
        check(Status::unavailable(LOCKED), CallKind::Locked, 5);
        check(
            Status::failed_precondition(format!("{LOCKED} Please")),
            CallKind::Locked,
            5,
        );
        check(Status::unavailable("shutting down"), CallKind::Unavailable, 1);
        check(Status::deadline_exceeded("late"), CallKind::Timeout, 124);
        check(Status::internal("broken"), CallKind::Internal, 1);
    }

    #[test]
    fn a_failed_connection_keeps_its_hint_through_the_transport() {
        let failure = ConnectFailure {
            address: "unix:///x".into(),
            cause: "gone".into(),
            hint: "start it".into(),
        };
        let status = Status::from_error(Box::new(tonic::ConnectError(Box::new(failure))));
        let error = CallError::from(status);
        assert_eq!(error.to_string(), "cannot connect to unix:///x: gone");
        assert_eq!(error.hint(), Some("start it"));
    }

    #[test]
    fn a_status_made_by_this_end_is_a_lost_connection() {
        let broken = std::io::Error::new(std::io::ErrorKind::BrokenPipe, "pipe");
        let error = CallError::from(Status::from_error(Box::new(broken)));
        assert_eq!(
            error,
            CallError::Unavailable("the connection to the manager was lost: pipe".into())
        );
    }
}
