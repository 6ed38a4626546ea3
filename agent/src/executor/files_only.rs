//! What runs when only the files are wanted? Nothing: the task lasts until it is told to end, and the host's own programs
//! are told of changes as the service asks. Meant for systemd units and whatever else on the host reads them.
//!
//! `wardroom run` has its files so, too: its task ends with the process that it was made for, which it names in
//! [`FOR_PROCESS`].

use std::time::Duration;

use rustix::fd::OwnedFd;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::unix::AsyncFd;

use super::reload::{self, fits};
use super::{Executor, ExecutorError, Exit, Happening, Job, Running, Signal};
use crate::files::Reach;

/// `PID:STARTED`, a process id and the 22nd field of its `/proc/PID/stat`: the task ends with that process.
pub const FOR_PROCESS: &str = "WARDROOM_RUN_PID";

/// Keeps a task's files without a workload.
#[derive(Clone, Copy, Debug, Default)]
pub struct FilesOnly;

#[tonic::async_trait]
impl Executor for FilesOnly {
    fn reach(&self) -> Reach {
        Reach::Host
    }

    async fn prepare(&self, job: &Job) -> Result<(), ExecutorError> {
        job.run
            .reload
            .as_ref()
            .map_or(Ok(()), fits)
            .map_err(ExecutorError::Unfit)
    }

    async fn start(&self, job: &Job, _absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError> {
        let of = match for_process(&job.run.env) {
            Some(process) => watch(process).map_err(ExecutorError::Unfit)?,
            None => Lasts::UntilStopped,
        };
        Ok(Box::new(Nothing { job: job.clone(), of }))
    }
}

/// No process, and how long it is there.
struct Nothing {
    job: Job,
    of: Lasts,
}

enum Lasts {
    UntilStopped,
    /// The handle of the process it is for; it can be read from once that has ended.
    With(AsyncFd<OwnedFd>),
    Over,
}

#[tonic::async_trait]
impl Running for Nothing {
    fn pid(&self) -> u32 {
        0
    }

    async fn next(&mut self) -> Happening {
        match &self.of {
            Lasts::UntilStopped => std::future::pending().await,
            Lasts::Over => {}
            // An error is an end as well: nobody would notice a later one.
            Lasts::With(process) => drop(process.readable().await.map(|_ready| ())),
        }
        self.of = Lasts::Over;
        Happening::Ended(Exit::success())
    }

    async fn changed(&mut self, _absolute: &[String]) -> Result<(), ExecutorError> {
        match &self.job.run.reload {
            Some(how) => reload::tell(how, &self.job).await.map_err(ExecutorError::Told),
            None => Ok(()),
        }
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

fn for_process(env: &[String]) -> Option<&str> {
    env.iter()
        .find_map(|variable| variable.strip_prefix(FOR_PROCESS)?.strip_prefix('='))
}

fn watch(process: &str) -> Result<Lasts, String> {
    let malformed = || format!("{FOR_PROCESS} is not a process id and its start time");
    let (pid, started) = process.split_once(':').ok_or_else(malformed)?;
    let pid = pid.parse::<i32>().ok().filter(|&pid| pid > 0).ok_or_else(malformed)?;
    let started: u64 = started.parse().map_err(|_| malformed())?;
    let handle = Pid::from_raw(pid).map(|pid| pidfd_open(pid, PidfdFlags::empty()));
    // Looked at after the handle was taken: a number that is somebody else's by now has another start.
    let (Some(Ok(handle)), Some(now)) = (handle, started_at(pid)) else {
        return Ok(Lasts::Over);
    };
    if now != started {
        return Ok(Lasts::Over);
    }
    #[expect(
        deprecated,
        reason = "its successor is unsafe; what is deprecated concerns types that close early, an OwnedFd does not"
    )]
    let handle = AsyncFd::new(handle).map_err(|error| error.to_string())?;
    Ok(Lasts::With(handle))
}

/// When a process started, in the kernel's ticks since its own start.
pub fn started_at(pid: i32) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // Its name, which is in brackets, may have spaces and brackets in it.
    let after_name = stat.rsplit(')').next()?;
    after_name.split_whitespace().nth(19)?.parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a test may stop at the first surprise

    use std::process::{Command, Stdio};
    use std::sync::Arc;

    use super::*;
    use crate::ids::TaskId;
    use crate::run::Run;

    fn job(process: &str) -> Job {
        Job {
            task: TaskId::new("t1"),
            name: "run.1".into(),
            service: Arc::default(),
            run: Arc::new(Run {
                env: vec![format!("{FOR_PROCESS}={process}")],
                ..Run::default()
            }),
            secrets_dir: "/nowhere".into(),
            hidden: None,
            log: Arc::default(),
        }
    }

    #[tokio::test]
    async fn a_task_ends_with_the_process_it_is_for() {
        let mut process = Command::new("cat")
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        let pid = i32::try_from(process.id()).unwrap();
        let named = format!("{pid}:{}", started_at(pid).unwrap());
        let mut task = FilesOnly.start(&job(&named), &[]).await.unwrap();
        let early = tokio::time::timeout(Duration::from_millis(20), task.next()).await;
        assert!(early.is_err(), "the process lives");
        drop(process.stdin.take());
        assert_eq!(task.next().await, Happening::Ended(Exit::success()));
        assert_eq!(task.next().await, Happening::Ended(Exit::success()), "and again");
        process.wait().unwrap();
        let mut late = FilesOnly.start(&job(&named), &[]).await.unwrap();
        assert_eq!(
            late.next().await,
            Happening::Ended(Exit::success()),
            "it was over before"
        );
    }

    #[tokio::test]
    async fn another_process_of_the_same_number_is_not_it() {
        let own = i32::try_from(std::process::id()).unwrap();
        let mut task = FilesOnly.start(&job(&format!("{own}:1")), &[]).await.unwrap();
        assert_eq!(task.next().await, Happening::Ended(Exit::success()));
        for wrong in ["", "1", "x:1", "0:1", "-4:1", "4:x"] {
            assert!(FilesOnly.start(&job(wrong), &[]).await.is_err(), "{wrong}");
        }
    }
}
