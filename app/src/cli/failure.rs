//! What does a call's failure mean to a person and to a script? Its words made harmless, an exit code, and the next
//! step.

use wardroom_api::{CallError, CallKind};

use crate::cli::remote;
use crate::report::{Exit, Report};
use crate::text::clean_lines;

/// Whether the connection failed because the managers do not accept who is coming.
fn is_refusal(error: &CallError) -> bool {
    matches!(error, CallError::Socket(failure) if failure.cause.contains(remote::NOT_ACCEPTED))
}

/// What was asked for is wrong in itself (2), or the cluster does not allow it (3 and up).
impl From<CallError> for Report {
    fn from(error: CallError) -> Self {
        let exit = match error.kind() {
            CallKind::Invalid => Exit::Usage,
            CallKind::NotFound => Exit::NotFound,
            CallKind::PermissionDenied => Exit::Permission,
            CallKind::Locked => Exit::Locked,
            CallKind::NoQuorum => Exit::NoQuorum,
            CallKind::AlreadyExists | CallKind::Precondition | CallKind::Conflict => Exit::Conflict,
            CallKind::Timeout => Exit::Timeout,
            CallKind::Socket if is_refusal(&error) => Exit::Permission,
            CallKind::Socket | CallKind::Unavailable | CallKind::Internal => Exit::Failure,
        };
        let report = Report::new(exit, clean_lines(&error.to_string()));
        match error.hint() {
            // Most commands that look need a leader too, unless they are told that old answers will do.
            _ if error.kind() == CallKind::NoQuorum => report.hint(
                "start managers until more than half of them answer; with --stale, `ls` and `inspect` show what the \
                 manager at hand has",
            ),
            _ if error.kind() == CallKind::Locked => report.hint(
                "run `wardroom swarm unlock` on the manager's machine, with the unlock key or enough of its shares",
            ),
            Some(hint) => report.hint(hint),
            None => report,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_refusal_have_their_exit_codes() {
        let exit = |error: fn(String) -> CallError| Report::from(error("text".to_owned())).exit;
        assert_eq!(exit(CallError::Invalid), Exit::Usage);
        assert_eq!(exit(CallError::NotFound), Exit::NotFound);
        assert_eq!(exit(CallError::AlreadyExists), Exit::Conflict);
        assert_eq!(exit(CallError::Precondition), Exit::Conflict);
        assert_eq!(exit(CallError::NoQuorum), Exit::NoQuorum);
        assert_eq!(exit(CallError::Timeout), Exit::Timeout);
        assert_eq!(exit(CallError::Unavailable), Exit::Failure);
    }

    #[test]
    fn a_locked_manager_says_what_opens_it() {
        let docker = "Swarm is encrypted and needs to be unlocked before it can be used. Please use \"wardroom swarm \
                      unlock\" to unlock it.";
        let report = Report::from(CallError::Locked(docker.to_owned()));
        assert_eq!((report.message.as_str(), report.exit), (docker, Exit::Locked));
        assert!(report.hint.is_some_and(|hint| hint.contains("`wardroom swarm unlock`")));
    }

    #[test]
    fn a_managers_text_reaches_the_terminal_without_escapes() {
        let report = Report::from(CallError::Invalid("bad\u{1b}[31m".to_owned()));
        assert_eq!(report.message, "bad\u{fffd}[31m");
    }
}
