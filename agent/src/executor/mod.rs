//! How is a task's workload run? Prepare, start, wait, stop: one small trait per way of running.
//!
//! Executors know no secret: they are given the path of a directory whose files are already complete.

mod files_only;
mod process;
pub mod shim;
mod signal;
mod simulated;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

pub use files_only::FilesOnly;
pub use process::Processes;
pub use signal::Signal;
pub use simulated::{Behaviour, Simulated};

use crate::assignments::Kind;
use crate::files::Reach;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Job {
    /// `web.1`; for messages.
    pub name: String,
    pub command: Vec<String>,
    /// The host's path of the task's directory.
    pub secrets_dir: PathBuf,
    /// The host's path below which other tasks' files are; the workload must not see it.
    pub hidden: Option<PathBuf>,
}

/// How a workload ended by itself or was ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// As a shell tells it: 128 + n after signal n.
    pub code: i32,
    /// Empty after success.
    pub error: String,
}

#[derive(Debug, Error, PartialEq, Eq)]
pub enum ExecutorError {
    #[error("the service has no command; give it one, or use the files executor")]
    NoCommand,
    #[error("the container executor is not built into this worker; use the process or the files executor")]
    NoContainers,
    #[error("this worker does not know executor {0}; update it to the managers' version")]
    Unknown(i32),
    #[error("cannot start '{command}': {reason}")]
    Start { command: String, reason: String },
    #[error("cannot signal the process: {0}")]
    Signal(String),
}

/// Runs workloads of one kind.
#[tonic::async_trait]
pub trait Executor: Send + Sync {
    /// Who needs to walk into the task's directory by its host path.
    fn reach(&self) -> Reach;

    /// Refuses at once what can never start.
    fn prepare(&self, job: &Job) -> Result<(), ExecutorError>;

    /// Returns once the workload itself runs, not only what prepares it.
    async fn start(&self, job: &Job) -> Result<Box<dyn Running>, ExecutorError>;
}

/// A workload that runs. Dropped without [`Running::stop`] it is killed.
#[tonic::async_trait]
pub trait Running: Send {
    /// 0 when there is no process.
    fn pid(&self) -> u32;

    /// Waits until it ends by itself. Cancelling it loses nothing.
    async fn wait(&mut self) -> Exit;

    /// Tells the workload that its files have changed.
    fn signal(&self, signal: Signal) -> Result<(), ExecutorError>;

    /// Asks it to end, insists after `grace`, and returns when it is gone.
    async fn stop(&mut self, grace: Duration) -> Exit;
}

/// One executor per kind of service.
#[derive(Clone)]
pub struct Executors {
    pub process: Arc<dyn Executor>,
    pub files: Arc<dyn Executor>,
}

impl Executors {
    /// Processes through `shim`, and files without a workload.
    pub fn real(shim: PathBuf) -> Self {
        Self {
            process: Arc::new(Processes::new(shim)),
            files: Arc::new(FilesOnly),
        }
    }

    pub(crate) fn of(&self, kind: Kind) -> Result<Arc<dyn Executor>, ExecutorError> {
        match kind {
            Kind::Process => Ok(Arc::clone(&self.process)),
            Kind::Files => Ok(Arc::clone(&self.files)),
            Kind::Container => Err(ExecutorError::NoContainers),
            Kind::Unknown(number) => Err(ExecutorError::Unknown(number)),
        }
    }
}
