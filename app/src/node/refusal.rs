//! How does a node of this machine say no over its socket? With a code that the command line turns into its exit code, and
//! a text that says what to do next and holds no secret.

use tokio::sync::oneshot;
use tonic::{Code, Status};

use crate::report::{Exit, Report};

/// Where an answer goes. Nobody waiting for it any more is no failure.
pub type Reply<T> = oneshot::Sender<Result<T, Refusal>>;

/// Why something is not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct Refusal {
    pub code: Code,
    pub text: String,
}

impl Refusal {
    pub fn new(code: Code, text: impl Into<String>) -> Self {
        let text = text.into();
        Self { code, text }
    }

    /// The state of this node does not allow it.
    pub fn state(text: impl Into<String>) -> Self {
        Self::new(Code::FailedPrecondition, text)
    }

    /// The request itself is wrong.
    pub fn invalid(text: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, text)
    }

    /// Nobody answers who would have to.
    pub fn unreachable(text: impl Into<String>) -> Self {
        Self::new(Code::Unavailable, text)
    }

    pub fn late(text: impl Into<String>) -> Self {
        Self::new(Code::DeadlineExceeded, text)
    }

    /// This machine fails: its disk, its files.
    pub fn failure(text: impl Into<String>) -> Self {
        Self::new(Code::Internal, text)
    }

    /// This process ends before the answer.
    pub fn stopping() -> Self {
        Self::unreachable("the daemon is stopping: repeat this when it runs again")
    }
}

impl From<Report> for Refusal {
    fn from(report: Report) -> Self {
        let text = match &report.hint {
            Some(hint) => format!("{}: {hint}", report.message),
            None => report.message.clone(),
        };
        match report.exit {
            Exit::Usage => Self::invalid(text),
            Exit::Conflict | Exit::Locked => Self::state(text),
            Exit::NoQuorum => Self::unreachable(text),
            _ => Self::failure(text),
        }
    }
}

/// A manager's own no, passed on as it is.
impl From<Status> for Refusal {
    fn from(status: Status) -> Self {
        Self::new(status.code(), status.message())
    }
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        Status::new(refusal.code, refusal.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_becomes_a_refusal_with_its_hint() {
        let report = Report::new(Exit::Conflict, "it is taken").hint("choose another");
        assert_eq!(Refusal::from(report), Refusal::state("it is taken: choose another"));
        let refusal = Refusal::from(Report::failure("the disk is full"));
        assert_eq!(Status::from(refusal).code(), Code::Internal);
    }
}
