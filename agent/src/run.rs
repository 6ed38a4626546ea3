//! What is to be run, in this worker's own words? Made from the manager's `RunSpec` by `wire`, checked by the executor that
//! runs it, and fixed for the life of a task.

use std::collections::BTreeMap;
use std::time::Duration;

/// Which executor runs a task.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Process,
    Files,
    Container,
    /// A newer manager's word for something this worker does not know.
    Unknown(i32),
}

/// What one task runs. Fields that its executor has no use for are empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Run {
    pub kind: Kind,
    pub image: String,
    /// Empty: the image's own.
    pub entrypoint: Vec<String>,
    /// Program and arguments of a process, arguments of a container.
    pub command: Vec<String>,
    /// `NAME=value`.
    pub env: Vec<String>,
    /// A name or number, with `:` and a group's name or number or without.
    pub user: String,
    pub groups: Vec<String>,
    pub dir: String,
    pub hostname: String,
    pub init: bool,
    pub read_only: bool,
    pub networks: Vec<String>,
    pub mounts: Vec<Mount>,
    pub ports: Vec<Port>,
    pub labels: BTreeMap<String, String>,
    /// Empty: the image's, or SIGTERM.
    pub stop_signal: String,
    /// `None`: this worker's.
    pub stop_grace: Option<Duration>,
    pub health: Option<Health>,
    pub reload: Option<Reload>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mount {
    pub kind: MountKind,
    pub source: String,
    pub target: String,
    pub read_only: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MountKind {
    Bind,
    Volume,
    Tmpfs,
    Unknown(i32),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Port {
    /// 0: one that the engine chooses.
    pub published: u32,
    pub target: u32,
    /// `tcp`, `udp` or `sctp`.
    pub protocol: &'static str,
}

/// How a workload is asked whether it is well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    pub test: Test,
    pub interval: Duration,
    pub timeout: Duration,
    /// Failures before this are not counted, until the first success.
    pub start_period: Duration,
    pub retries: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Test {
    /// Not even the image's own check.
    None,
    Command(Vec<String>),
    Shell(String),
    /// The first word is not one of Docker's.
    Unknown(String),
}

impl Test {
    /// As Docker writes it: `CMD`, `CMD-SHELL` or `NONE`, then what belongs to it.
    pub(crate) fn of(mut words: Vec<String>) -> Self {
        if words.is_empty() {
            return Self::None;
        }
        let rest = words.split_off(1);
        match words[0].as_str() {
            "NONE" => Self::None,
            "CMD" => Self::Command(rest),
            "CMD-SHELL" => Self::Shell(rest.join(" ")),
            other => Self::Unknown(other.to_owned()),
        }
    }

    /// The program and its arguments; empty when nothing is to be asked.
    pub(crate) fn command(&self) -> Vec<String> {
        match self {
            Self::None | Self::Unknown(_) => Vec::new(),
            Self::Command(words) => words.clone(),
            Self::Shell(line) => vec!["/bin/sh".to_owned(), "-c".to_owned(), line.clone()],
        }
    }
}

/// What tells the host's own programs that the files have changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reload {
    Pidfile { path: String, signal: String },
    Unit(String),
    Command(Vec<String>),
}

/// Whose task it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Service {
    pub id: String,
    pub name: String,
    pub labels: BTreeMap<String, String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_are_read_as_docker_writes_them() {
        let test = |words: &[&str]| Test::of(words.iter().map(|&word| word.to_owned()).collect());
        assert_eq!(test(&[]), Test::None);
        assert_eq!(test(&["NONE"]), Test::None);
        assert_eq!(test(&["CMD", "ping", "-c1"]).command(), ["ping", "-c1"]);
        assert_eq!(test(&["CMD-SHELL", "a | b"]).command(), ["/bin/sh", "-c", "a | b"]);
        assert_eq!(test(&["ping"]), Test::Unknown("ping".into()));
    }
}
