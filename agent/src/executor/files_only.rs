//! What runs when only the files are wanted? Nothing: the task lasts until it is told to end. Meant for systemd units and
//! whatever else on the host reads them.

use std::time::Duration;

use super::{Executor, ExecutorError, Exit, Happening, Job, Running, Signal};
use crate::files::Reach;

/// Keeps a task's files without a workload.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilesOnly;

#[tonic::async_trait]
impl Executor for FilesOnly {
    fn reach(&self) -> Reach {
        Reach::Host
    }

    async fn prepare(&self, _job: &Job) -> Result<(), ExecutorError> {
        Ok(())
    }

    async fn start(&self, _job: &Job, _absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError> {
        Ok(Box::new(Nothing))
    }
}

struct Nothing;

#[tonic::async_trait]
impl Running for Nothing {
    fn pid(&self) -> u32 {
        0
    }

    async fn next(&mut self) -> Happening {
        std::future::pending().await
    }

    async fn signal(&mut self, _signal: Signal) -> Result<(), ExecutorError> {
        Err(ExecutorError::Signal(
            "a task of the files executor has no process; use on-change swap".into(),
        ))
    }

    async fn stop(&mut self, _grace: Duration) -> Exit {
        Exit::success()
    }
}
