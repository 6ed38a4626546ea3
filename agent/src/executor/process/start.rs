//! Who makes the processes? One thread that lives as long as the executor, each through the shim, and the shim's answer
//! tells whether the command runs.

use std::path::PathBuf;
use std::process::Stdio;
use std::sync::mpsc;
use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::pipe::{PipeFlags, pipe_with};
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;
use tokio::process::{Child, Command};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::plan::Plan;
use super::running::Process;
use crate::executor::shim;

/// From asking for a process until the command itself runs.
pub(super) const START_DEADLINE: Duration = Duration::from_secs(10);

type Spawned = std::io::Result<Child>;

pub(super) struct Starter {
    shim: PathBuf,
    /// The kernel ties a child to the *thread* that made it, so all are made by one that lives as long as this does.
    spawner: mpsc::Sender<(Command, Handle, oneshot::Sender<Spawned>)>,
}

impl Starter {
    pub(super) fn new(shim: PathBuf) -> Self {
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

    /// Starts `command` on the plan's stage; fails with words for who asked for it.
    pub(super) async fn start(&self, plan: &Plan, command: &[String]) -> Result<Process, String> {
        let (listen, answer) = pipe_with(PipeFlags::CLOEXEC).map_err(|errno| errno.to_string())?;
        let (reply, spawned) = oneshot::channel();
        let order = (self.command(plan, command, answer), Handle::current(), reply);
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

    fn command(&self, plan: &Plan, command: &[String], answer: OwnedFd) -> Command {
        let mut start = Command::new(&self.shim);
        start
            .args(shim::args(std::process::id(), &plan.stage(), command))
            .env_clear()
            .envs(plan.env.iter().cloned())
            .current_dir("/")
            .stdin(Stdio::from(answer))
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        start
    }
}
