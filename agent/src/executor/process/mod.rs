//! How does a command become a task? Through the shim, in a process group of its own, as its service's user, with nothing
//! of this worker's environment that it does not need.
//!
//! Standard input leads nowhere; output and error go to the task's log, which is in memory only: a program that prints its
//! password must not write it to a disk.

mod check;
mod plan;
mod running;
mod start;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::plan::Plan;
use self::running::Process;
use self::start::{START_DEADLINE, Starter};
use super::signal::stop_signal;
use super::{Executor, ExecutorError, Job, Running, user};
use crate::files::Reach;
use crate::output::{Stream, drain};
use crate::run::{Mount, Run, Test};

/// Runs commands as processes of this host.
pub struct Processes(Arc<Starter>);

impl Processes {
    /// `shim` is the program that answers to [`super::shim::COMMAND`]: usually this one.
    pub fn new(shim: PathBuf) -> Self {
        Self(Arc::new(Starter::new(shim)))
    }

    async fn begin(&self, job: &Job, plan: Plan) -> Result<Process, String> {
        let stop = stop_signal(&job.run.stop_signal)?;
        let plan = Arc::new(plan);
        let mut process = self.0.start(&plan, &job.run.command).await?;
        process.stops_by(stop);
        let (output, error) = process.take_streams();
        let log = || Arc::clone(&job.log);
        let output = output.map(|from| tokio::spawn(drain(from, log(), Stream::Output)));
        let error = error.map(|from| tokio::spawn(drain(from, log(), Stream::Error)));
        process.drained_by(output.into_iter().chain(error).collect());
        if let Some(checks) = check::checks(&self.0, &plan, job) {
            process.checked_by(checks);
        }
        Ok(process)
    }
}

#[tonic::async_trait]
impl Executor for Processes {
    fn reach(&self) -> Reach {
        Reach::Task
    }

    async fn prepare(&self, job: &Job) -> Result<(), ExecutorError> {
        match job.run.command.first() {
            Some(program) if !program.is_empty() => {}
            _ => return Err(ExecutorError::NoCommand),
        }
        fits(&job.run).map_err(ExecutorError::Unfit)
    }

    async fn start(&self, job: &Job, _absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError> {
        let failed = |reason| {
            let command = job.run.command.first().map(String::as_str).unwrap_or_default();
            let command = command.escape_default().to_string();
            ExecutorError::Start { command, reason }
        };
        let plan = Plan::of(job).map_err(failed)?;
        match tokio::time::timeout(START_DEADLINE, self.begin(job, plan)).await {
            Ok(Ok(process)) => Ok(Box::new(process)),
            Ok(Err(reason)) => Err(failed(reason)),
            Err(_elapsed) => Err(failed(format!("not running after {} s", START_DEADLINE.as_secs()))),
        }
    }
}

/// What can be told before anything is started.
fn fits(run: &Run) -> Result<(), String> {
    user::find(&run.user, &run.groups)?;
    stop_signal(&run.stop_signal).map_err(|error| format!("the stop {error}"))?;
    plan::environment(&run.env)?;
    if !run.dir.is_empty() {
        let dir = run.dir.escape_default();
        if !Path::new(&run.dir).is_absolute() {
            return Err(format!("the working directory '{dir}' is not an absolute path"));
        }
        if !Path::new(&run.dir).is_dir() {
            return Err(format!(
                "the working directory {dir} does not exist on this node; create it, or name another"
            ));
        }
    }
    if let Some(Test::Unknown(word)) = run.health.as_ref().map(|health| &health.test) {
        return Err(unknown_check(word));
    }
    match run.mounts.first() {
        Some(Mount { target, .. }) => Err(format!(
            "a process has no mounts, and {} cannot be one; use the container executor",
            target.escape_default()
        )),
        None => Ok(()),
    }
}

pub(in crate::executor) fn unknown_check(word: &str) -> String {
    format!(
        "health check '{}' is not known; begin it with CMD, CMD-SHELL or NONE",
        word.escape_default()
    )
}
