//! What stands in for processes in a simulation? Workloads that do as they are told, in simulated time.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::{Executor, ExecutorError, Exit, Job, Running, Signal};
use crate::files::Reach;

/// What the simulated workloads do from their start on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Behaviour {
    RunUntilStopped,
    ExitAfter(Duration, i32),
    FailToStart,
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

    fn prepare(&self, _job: &Job) -> Result<(), ExecutorError> {
        Ok(())
    }

    async fn start(&self, job: &Job) -> Result<Box<dyn Running>, ExecutorError> {
        let behaviour = self
            .behaviour
            .lock()
            .expect("no code panics while it holds this lock")
            .clone();
        let ends = match behaviour {
            Behaviour::FailToStart => {
                let command = job.command.first().cloned().unwrap_or_default();
                return Err(ExecutorError::Start {
                    command,
                    reason: "told to fail".into(),
                });
            }
            Behaviour::RunUntilStopped => None,
            Behaviour::ExitAfter(after, code) => Some((tokio::time::Instant::now() + after, code)),
        };
        self.running.fetch_add(1, Ordering::SeqCst);
        Ok(Box::new(Timer {
            pid: self.pids.fetch_add(1, Ordering::SeqCst),
            ends,
            running: Arc::clone(&self.running),
            signals: Arc::clone(&self.signals),
        }))
    }
}

struct Timer {
    pid: u32,
    ends: Option<(tokio::time::Instant, i32)>,
    running: Arc<AtomicU32>,
    signals: Arc<AtomicU32>,
}

#[tonic::async_trait]
impl Running for Timer {
    fn pid(&self) -> u32 {
        self.pid
    }

    async fn wait(&mut self) -> Exit {
        let Some((at, code)) = self.ends else {
            return std::future::pending().await;
        };
        tokio::time::sleep_until(at).await;
        Exit {
            code,
            error: if code == 0 {
                String::new()
            } else {
                format!("exit code {code}")
            },
        }
    }

    fn signal(&self, _signal: Signal) -> Result<(), ExecutorError> {
        self.signals.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    async fn stop(&mut self, _grace: Duration) -> Exit {
        Exit {
            code: 0,
            error: String::new(),
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}
