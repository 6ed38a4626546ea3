//! How is a process followed to its end, and how is it ended? By its handle and its group, without ever naming a process
//! id that could be somebody else's by then.

use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use futures_util::future::join_all;
use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal as Number, kill_process, kill_process_group, pidfd_open};
use tokio::io::unix::AsyncFd;
use tokio::process::{Child, ChildStderr, ChildStdout};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::executor::health::Checks;
use crate::executor::{ExecutorError, Exit, Happening, Running, Signal};

/// How long somebody who left the group may hold its output open after the end.
const LAST_OUTPUT: Duration = Duration::from_secs(1);

/// One running command and what asks it whether it is well.
pub(super) struct Process {
    command: Group,
    stop: Number,
    checks: Option<Checks>,
}

/// The command and its children. Until its end was waited for, its process id cannot become anybody else's.
struct Group {
    child: Child,
    pid: Pid,
    ended: AsyncFd<OwnedFd>,
    exit: Option<Exit>,
    drains: Vec<JoinHandle<()>>,
}

impl Process {
    pub(super) fn new(child: Child) -> Result<Self, String> {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = number.and_then(Pid::from_raw).ok_or("it ended at once")?;
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| errno.to_string())?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; what is deprecated concerns types that close early, an OwnedFd does not"
        )]
        let ended = AsyncFd::new(ended).map_err(|error| error.to_string())?;
        let command = Group {
            child,
            pid,
            ended,
            exit: None,
            drains: Vec::new(),
        };
        Ok(Self {
            command,
            stop: Number::TERM,
            checks: None,
        })
    }

    pub(super) fn stops_by(&mut self, signal: Number) {
        self.stop = signal;
    }

    pub(super) fn checked_by(&mut self, checks: Checks) {
        self.checks = Some(checks);
    }

    pub(super) fn drained_by(&mut self, drains: Vec<JoinHandle<()>>) {
        self.command.drains = drains;
    }

    pub(super) fn take_streams(&mut self) -> (Option<ChildStdout>, Option<ChildStderr>) {
        (self.command.child.stdout.take(), self.command.child.stderr.take())
    }
}

impl Group {
    /// Sends to the whole group: the command may have children.
    fn kill(&self, signal: Number) {
        // No such group means that all of it is gone, which is what was wanted.
        let _ = kill_process_group(self.pid, signal);
    }

    async fn end(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        // The handle tells of the end without reaping: the group's id is still the command's, and what the command has
        // left behind in its group is killed under it.
        let told = self.ended.readable().await.map(|_ready| ());
        if told.is_ok() {
            self.kill(Number::KILL);
        }
        let exit = match self.child.wait().await {
            Ok(status) => exit(status),
            Err(error) => Exit {
                code: -1,
                error: format!("its end could not be learnt: {error}"),
            },
        };
        let _ = timeout(LAST_OUTPUT, join_all(self.drains.iter_mut())).await;
        self.drains.drain(..).for_each(|drain| drain.abort());
        self.exit = Some(exit.clone());
        exit
    }
}

#[tonic::async_trait]
impl Running for Process {
    fn pid(&self) -> u32 {
        self.command.pid.as_raw_nonzero().get().unsigned_abs()
    }

    fn is_checked(&self) -> bool {
        self.checks.is_some()
    }

    async fn next(&mut self) -> Happening {
        // Whatever is not awaited to its end stays where it is.
        let Self { checks, command, .. } = self;
        match checks {
            Some(checks) if command.exit.is_none() => tokio::select! {
                biased;
                exit = command.end() => Happening::Ended(exit),
                happening = checks.next() => happening,
            },
            _ => Happening::Ended(command.end().await),
        }
    }

    async fn signal(&mut self, signal: Signal) -> Result<(), ExecutorError> {
        if self.command.exit.is_some() {
            return Ok(());
        }
        match kill_process(self.command.pid, signal.0) {
            // It ended just now; `wait` tells how.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(ExecutorError::Signal(errno.to_string())),
        }
    }

    async fn stop(&mut self, grace: Duration) -> Exit {
        let command = &mut self.command;
        if command.exit.is_none() {
            command.kill(self.stop);
        }
        if let Ok(exit) = timeout(grace, command.end()).await {
            return exit;
        }
        command.kill(Number::KILL);
        command.end().await
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if self.exit.is_none() {
            self.kill(Number::KILL);
        }
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(0), _) => Exit::success(),
        (Some(code), _) => Exit {
            code,
            error: format!("exit code {code}"),
        },
        (None, Some(signal)) => Exit {
            code: 128 + signal,
            error: format!("killed by signal {signal}"),
        },
        (None, None) => Exit {
            code: -1,
            error: "ended in an unknown way".into(),
        },
    }
}
