//! What stands in for processes in a simulation? Workloads that do as they are told, in simulated time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Executor, ExecutorError, Exit, Happening, Job, Running, Signal};
use crate::files::Reach;

/// What the simulated workloads do from their start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    RunUntilStopped,
    ExitAfter(Duration, i32),
    FailToStart,
    /// Has a check, which comes to this after so long.
    Checked(Duration, Happening),
}

/// Runs workloads that are nothing but a timer.
pub struct Simulated {
    behaviour: Mutex<Behaviour>,
    pids: AtomicU32,
    running: Arc<AtomicU32>,
    signals: Arc<AtomicU32>,
}

impl Default for Simulated {
    fn default() -> Self {
        Self::new(Behaviour::RunUntilStopped)
    }
}

impl Simulated {
    pub fn new(behaviour: Behaviour) -> Self {
        Self {
            behaviour: Mutex::new(behaviour),
            pids: AtomicU32::new(100),
            running: Arc::default(),
            signals: Arc::default(),
        }
    }

    /// How workloads started from now on behave.
    pub fn behave(&self, behaviour: Behaviour) {
        *self.behaviour.lock().expect("no code panics while it holds this lock") = behaviour;
    }

    /// Workloads that run at this moment.
    pub fn running(&self) -> u32 {
        self.running.load(Ordering::SeqCst)
    }

    /// Signals that workloads have been sent.
    pub fn signals(&self) -> u32 {
        self.signals.load(Ordering::SeqCst)
    }
}

#[tonic::async_trait]
impl Executor for Simulated {
    fn reach(&self) -> Reach {
        Reach::Task
    }

    async fn prepare(&self, _job: &Job) -> Result<(), ExecutorError> {
        Ok(())
    }

    async fn start(&self, job: &Job, _absolute: &[String]) -> Result<Box<dyn Running>, ExecutorError> {
        let behaviour = self
            .behaviour
            .lock()
            .expect("no code panics while it holds this lock")
            .clone();
        let checked = matches!(behaviour, Behaviour::Checked(..));
        let next = match behaviour {
            Behaviour::FailToStart => {
                let command = job.run.command.first().cloned().unwrap_or_default();
                return Err(ExecutorError::Start {
                    command,
                    reason: "told to fail".into(),
                });
            }
            Behaviour::RunUntilStopped => None,
            Behaviour::ExitAfter(after, code) => Some((tokio::time::Instant::now() + after, ended(code))),
            Behaviour::Checked(after, ref happening) => Some((tokio::time::Instant::now() + after, happening.clone())),
        };
        self.running.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Timer {
            pid: self.pids.fetch_add(1, Ordering::SeqCst),
            next,
            checked,
            running: Arc::clone(&self.running),
            signals: Arc::clone(&self.signals),
        }))
    }
}

struct Timer {
    pid: u32,
    next: Option<(tokio::time::Instant, Happening)>,
    checked: bool,
    running: Arc<AtomicU32>,
    signals: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl Running for Timer {
    fn pid(&self) -> u32 {
        self.pid
    }

    fn is_checked(&self) -> bool {
        self.checked
    }

    async fn next(&mut self) -> Happening {
        let Some((at, happening)) = self.next.clone() else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(at).await;
        if !matches!(happening, Happening::Ended(_)) {
            self.next = None;
        }
        happening
    }

    async fn signal(&mut self, _signal: Signal) -> Result<(), ExecutorError> {
        self.signals.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn stop(&mut self, _grace: Duration) -> Exit {
        Exit::success()
    }
}

fn ended(code: i32) -> Happening {
    let error = if code == 0 {
        String::new()
    } else {
        format!("exit code {code}")
    };
    Happening::Ended(Exit { code, error })
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}
