//! How does a command become a task? Through the shim, in a process group of its own, with nothing of this worker's
//! environment that it does not need.
//!
//! Standard input, output and error lead nowhere: a program that prints its password must not write it to a disk.

use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, PidfdFlags, Signal as Number, geteuid, kill_process, kill_process_group, pidfd_open};
use tokio::io::AsyncReadExt;
use tokio::io::unix::AsyncFd;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::{Executor, ExecutorError, Exit, Job, Running, Signal, shim};
use crate::files::Reach;

/// From asking for a process until the command itself runs.
const START_DEADLINE: Duration = Duration::from_secs(10);
/// All that a task inherits of this worker's environment.
const INHERITED: &[&str] = &["PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ", "TMPDIR"];

type Spawned = std::io::Result<Child>;

/// Runs commands as processes of this host.
pub struct Processes {
    shim: PathBuf,
    /// The kernel ties a child to the *thread* that made it, so all are made by one that lives as long as this does.
    spawner: mpsc::Sender<(Command, Handle, oneshot::Sender<Spawned>)>,
}

impl Processes {
    /// `shim` is the program that answers to [`shim::COMMAND`]: usually this one.
    pub fn new(shim: PathBuf) -> Self {
        let (spawner, orders) = mpsc::channel::<(Command, Handle, oneshot::Sender<Spawned>)>();
        std::thread::spawn(move || {
            for (mut command, runtime, reply) in orders {
                let _entered = runtime.enter();
                // Whoever asked may have given up; the child is then killed as it is dropped.
                let _ = reply.send(command.spawn());
            }
        });
        Self { shim, spawner }
    }

    fn command(&self, job: &Job, answer: OwnedFd) -> Command {
        let mount = geteuid().is_root();
        let hidden = job.hidden.as_deref();
        let mut command = Command::new(&self.shim);
        command
            .args(shim::args(
                std::process::id(),
                &job.secrets_dir,
                mount,
                hidden,
                &job.command,
            ))
            .env_clear()
            .envs(environment())
            .current_dir("/")
            .stdin(Stdio::from(answer))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .kill_on_drop(true);
        command
    }

    async fn spawn(&self, job: &Job) -> Result<Process, String> {
        let (listen, answer) = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
        let (reply, spawned) = oneshot::channel();
        let order = (self.command(job, answer), Handle::current(), reply);
        self.spawner.send(order).map_err(|_gone| "this worker is ending")?;
        let child = spawned
            .await
            .map_err(|_gone| "this worker is ending")?
            .map_err(|error| error.to_string())?;
        let process = Process::new(child)?;
        let mut refusal = String::new();
        let mut listen = pipe::Receiver::from_owned_fd(listen).map_err(|error| error.to_string())?;
        listen
            .read_to_string(&mut refusal)
            .await
            .map_err(|error| error.to_string())?;
        if refusal.is_empty() { Ok(process) } else { Err(refusal) }
    }
}

#[tonic::async_trait]
impl Executor for Processes {
    fn reach(&self) -> Reach {
        Reach::Task
    }

    fn prepare(&self, job: &Job) -> Result<(), ExecutorError> {
        match job.command.first() {
            Some(program) if !program.is_empty() => Ok(()),
            _ => Err(ExecutorError::NoCommand),
        }
    }

    async fn start(&self, job: &Job) -> Result<Box<dyn Running>, ExecutorError> {
        let failed = |reason| {
            let command = job
                .command
                .first()
                .map(|program| program.escape_default().to_string())
                .unwrap_or_default();
            ExecutorError::Start { command, reason }
        };
        match tokio::time::timeout(START_DEADLINE, self.spawn(job)).await {
            Ok(Ok(process)) => Ok(Box::new(process)),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_elapsed) => Err(failed(format!("not running after {} s", START_DEADLINE.as_secs()))),
        }
    }
}

fn environment() -> impl Iterator<Item = (OsString, OsString)> {
    INHERITED
        .iter()
        .filter_map(|name| Some((OsString::from(name), std::env::var_os(name)?)))
}

/// One running command. Until `wait` or `stop` has reaped it, its process id cannot become anybody else's.
struct Process {
    child: Child,
    pid: Pid,
    ended: AsyncFd<OwnedFd>,
    exit: Option<Exit>,
}

impl Process {
    fn new(child: Child) -> Result<Self, String> {
        let number = child.id().and_then(|id| i32::try_from(id).ok());
        let pid = number.and_then(Pid::from_raw).ok_or("it ended at once")?;
        let ended = pidfd_open(pid, PidfdFlags::empty()).map_err(|errno| errno.to_string())?;
        #[expect(
            deprecated,
            reason = "its successor is unsafe; what is deprecated concerns types that close early, an OwnedFd does not"
        )]
        let ended = AsyncFd::new(ended).map_err(|error| error.to_string())?;
        Ok(Self {
            child,
            pid,
            ended,
            exit: None,
        })
    }

    /// Sends to the whole group: the command may have children.
    fn kill_group(&self, signal: Number) {
        // No such group means that all of it is gone, which is what was wanted.
        let _ = kill_process_group(self.pid, signal);
    }
}

#[tonic::async_trait]
impl Running for Process {
    fn pid(&self) -> u32 {
        self.pid.as_raw_nonzero().get().unsigned_abs()
    }

    async fn wait(&mut self) -> Exit {
        if let Some(exit) = &self.exit {
            return exit.clone();
        }
        // The handle tells of the end without reaping: the group's id is still the command's, and what the command has
        // left behind in its group is killed under it.
        let told = self.ended.readable().await.map(|_ready| ());
        if told.is_ok() {
            self.kill_group(Number::KILL);
        }
        let exit = match self.child.wait().await {
            Ok(status) => exit(status),
            Err(error) => Exit {
                code: -1,
                error: format!("its end could not be learnt: {error}"),
            },
        };
        self.exit = Some(exit.clone());
        exit
    }

    fn signal(&self, signal: Signal) -> Result<(), ExecutorError> {
        if self.exit.is_some() {
            return Ok(());
        }
        match kill_process(self.pid, signal.0) {
            // It ended just now; `wait` tells how.
            Ok(()) | Err(Errno::SRCH) => Ok(()),
            Err(errno) => Err(ExecutorError::Signal(errno.to_string())),
        }
    }

    async fn stop(&mut self, grace: Duration) -> Exit {
        if self.exit.is_none() {
            self.kill_group(Number::TERM);
        }
        if let Ok(exit) = tokio::time::timeout(grace, self.wait()).await {
            return exit;
        }
        self.kill_group(Number::KILL);
        self.wait().await
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        if self.exit.is_none() {
            self.kill_group(Number::KILL);
        }
    }
}

fn exit(status: ExitStatus) -> Exit {
    match (status.code(), status.signal()) {
        (Some(0), _) => Exit {
            code: 0,
            error: String::new(),
        },
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
