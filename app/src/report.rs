//! How does the program say no? One error type for everything an operator can meet, with the exit code a script can
//! rely on and the next step a person can take. It never holds a byte of a value.

use std::fmt;
use std::io;

/// Exit codes; documented in `wardroom --help` and stable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Ok = 0,
    Failure = 1,
    /// The command line itself is wrong.
    Usage = 2,
    NotFound = 3,
    Permission = 4,
    /// The manager is locked.
    Locked = 5,
    NoQuorum = 6,
    /// The state does not allow it now, or the object moved on.
    Conflict = 7,
    /// As timeout(1).
    Timeout = 124,
    /// As a shell: the program of `run` is there and cannot be run.
    CannotRun = 126,
    /// As a shell: there is no such program.
    NoProgram = 127,
}

/// What `--help` prints about [`Exit`].
pub const EXIT_CODES: &str = "Exit codes: 0 ok, 1 failure, 2 usage, 3 not found, 4 permission, 5 locked, 6 no quorum, \
                              7 conflict or precondition, 124 timeout; `run` ends with the status of its program, 126 or 127 when it \
                              cannot be run";

/// Why a command did not do what was asked, and what to do next.
#[derive(Debug)]
pub struct Report {
    pub exit: Exit,
    pub message: String,
    /// A sentence or a command; printed on its own line.
    pub hint: Option<String>,
    /// Nobody listens any more (the reader of a pipe left), or the answer has said it already: say nothing.
    pub quiet: bool,
}

impl Report {
    pub fn new(exit: Exit, message: impl Into<String>) -> Self {
        Self {
            exit,
            message: message.into(),
            hint: None,
            quiet: false,
        }
    }

    pub fn failure(message: impl Into<String>) -> Self {
        Self::new(Exit::Failure, message)
    }

    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Exit::Usage, message)
    }

    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Several arguments failed: each is named, and the exit code is theirs when they agree.
    ///
    /// # Panics
    /// Never: an empty list becomes a plain failure.
    pub fn joined(mut reports: Vec<Report>) -> Report {
        if reports.len() == 1 {
            return reports.remove(0);
        }
        let exit = match reports.split_first() {
            Some((first, rest)) if rest.iter().all(|report| report.exit == first.exit) => first.exit,
            _ => Exit::Failure,
        };
        let hint = reports.iter().find_map(|report| report.hint.clone());
        let message = reports
            .into_iter()
            .map(|report| report.message)
            .collect::<Vec<_>>()
            .join("\n");
        Report {
            exit,
            message,
            hint,
            quiet: false,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error: {}", self.message)?;
        match &self.hint {
            Some(hint) => write!(f, "\nNext: {hint}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Report {}

/// Writing the answer failed. A closed pipe is no failure of ours.
impl From<io::Error> for Report {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Report {
                exit: Exit::Ok,
                message: String::new(),
                hint: None,
                quiet: true,
            };
        }
        Report::failure(format!("cannot write the answer: {error}"))
            .hint("check where the output goes, then run the command again")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_reports_keep_a_common_exit_code() {
        let joined = Report::joined(vec![
            Report::new(Exit::NotFound, "secret a not found"),
            Report::new(Exit::NotFound, "secret b not found").hint("wardroom secret ls"),
        ]);
        assert_eq!(joined.exit, Exit::NotFound);
        assert_eq!(
            joined.to_string(),
            "Error: secret a not found\nsecret b not found\nNext: wardroom secret ls"
        );
        let mixed = Report::joined(vec![Report::new(Exit::NotFound, "a"), Report::new(Exit::Conflict, "b")]);
        assert_eq!(mixed.exit, Exit::Failure);
    }

    #[test]
    fn a_closed_pipe_is_quiet() {
        let report = Report::from(io::Error::from(io::ErrorKind::BrokenPipe));
        assert!(report.quiet);
        assert_eq!(report.exit, Exit::Ok);
    }

    #[test]
    fn the_help_names_every_exit_code() {
        let codes = [
            Exit::Ok,
            Exit::Failure,
            Exit::Usage,
            Exit::NotFound,
            Exit::Permission,
            Exit::Locked,
            Exit::NoQuorum,
            Exit::Conflict,
            Exit::Timeout,
            Exit::CannotRun,
            Exit::NoProgram,
        ];
        for code in codes {
            assert!(EXIT_CODES.contains(&format!("{} ", code as u8)), "{code:?}");
        }
    }
}
