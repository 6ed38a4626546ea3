//! How is a task's workload run? Prepare, start, follow, stop: one small trait per way of running.
//!
//! Executors know no secret: they are given the path of a directory whose files are already complete, and a log that hides
//! values by itself.

mod container;
mod files_only;
mod health;
mod process;
mod reload;
pub mod shim;
mod signal;
mod simulated;
mod user;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use container::{Containers, Engine};
pub(crate) use container::{Trouble, status};
pub use files_only::{FOR_PROCESS, FilesOnly, started_at};
pub use process::Processes;
pub use signal::Signal;
pub use simulated::{Behaviour, Simulated};

use crate::files::Reach;
use crate::ids::TaskId;
use crate::output::Log;
use crate::run::{Kind, Run, Service};

/// What is to be run, for which task, and where its files are.
#[derive(Clone)]
pub struct Job {
    pub task: TaskId,
    /// `web.1`; for messages.
    pub name: String,
    pub service: Arc<Service>,
    pub run: Arc<Run>,
    /// The host's path of the task's directory.
    pub secrets_dir: PathBuf,
    /// The host's path below which other tasks' files are; the workload must not see it.
    pub hidden: Option<PathBuf>,
    /// Where what it writes goes.
    pub log: Arc<Log>,
}

/// How a workload ended by itself or was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// As a shell tells it: 128 + n after signal n.
    pub code: i32,
    /// Empty after success.
    pub error: String,
}

impl Exit {
    pub(crate) fn success() -> Self {
        Self {
            code: 0,
            error: String::new(),
        }
    }
}

/// What a workload does while it runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Happening {
    /// Its check succeeded for the first time, or again after failures.
    Healthy,
    /// Its check failed, which does not count for enough yet.
    Ailing(String),
    /// Its check has failed too often: it is to be stopped.
    Unhealthy(String),
    /// How it is cannot be learnt at the moment, in these words; empty when it can again.
    Unknown(String),
    Ended(Exit),
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExecutorError {
    #[error("the service has no command; give it one, or use the files executor")]
    NoCommand,
    #[error("this worker runs no containers; use the process or the files executor")]
    NoContainers,
    #[error("this worker does not know executor {0}; update it to the managers' version")]
    Unknown(i32),
    #[error("cannot start '{command}': {reason}")]
    Start { command: String, reason: String },
    #[error("cannot signal the process: {0}")]
    Signal(String),
    /// The service asks for what cannot be had here.
    #[error("{0}")]
    Unfit(String),
    /// The files are in place, and who reads them could not be told.
    #[error("{0}")]
    Told(String),
}

/// Runs workloads of one kind.
#[tonic::async_trait]
pub trait Executor: Send + Sync {
    /// Who needs to walk into the task's directory by its host path.
    fn reach(&self) -> Reach;

    /// Refuses at once what can never start.
    async fn prepare(&self, job: &Job) -> Result<(), ExecutorError>;

    /// Returns once the workload itself runs, not only what prepares it. After an error nothing of it is left that could
    /// read the files. `absolute` are the paths at which a container is to find files of its directory.
    async fn start(&self, job: &Job, absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError>;
}

/// A workload that runs. Dropped without [`Running::stop`] it is killed.
#[tonic::async_trait]
pub trait Running: Send {
    /// 0 when there is no process.
    fn pid(&self) -> u32;

    /// Whether something asks it if it is well: it counts as running only once it has said so.
    fn is_checked(&self) -> bool {
        false
    }

    /// Waits for what it does next. Cancelling it loses nothing; after its end it says so again and again.
    async fn next(&mut self) -> Happening;

    /// Waits until it ends by itself.
    async fn wait(&mut self) -> Exit {
        loop {
            if let Happening::Ended(exit) = self.next().await {
                return exit;
            }
        }
    }

    /// Its files have changed, and can be read at `absolute` too. Tells whoever wants to know, as its service asks.
    async fn changed(&mut self, absolute: &[String]) -> Result<(), ExecutorError> {
        let _ = absolute;
        Ok(())
    }

    /// Sends it the signal by which a grant wants a change to be told.
    async fn signal(&mut self, signal: Signal) -> Result<(), ExecutorError>;

    /// Asks it to end, insists after `grace`, and returns when it is gone.
    async fn stop(&mut self, grace: Duration) -> Exit;
}

/// One executor per kind of service.
#[derive(Clone)]
pub struct Executors {
    pub process: Arc<dyn Executor>,
    pub files: Arc<dyn Executor>,
    pub container: Option<Arc<dyn Executor>>,
}

impl Executors {
    /// Processes through `shim`, containers of this host's engine, and files without a workload.
    pub fn real(shim: PathBuf, containers: Containers) -> Self {
        Self {
            process: Arc::new(Processes::new(shim)),
            files: Arc::new(FilesOnly),
            container: Some(Arc::new(containers)),
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> Result<Arc<dyn Executor>, ExecutorError> {
        match kind {
            Kind::Process => Ok(Arc::clone(&self.process)),
            Kind::Files => Ok(Arc::clone(&self.files)),
            Kind::Container => self.container.clone().ok_or(ExecutorError::NoContainers),
            Kind::Unknown(number) => Err(ExecutorError::Unknown(number)),
        }
    }
}
