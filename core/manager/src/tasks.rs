//! What runs for a manager, and how does it end? Its tasks, waited for when it stops and cut short after a while.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::task::JoinHandle;

/// Time for connections to finish what they are at.
const LEAVE: Duration = Duration::from_secs(2);

#[derive(Default)]
pub(crate) struct Tasks(Mutex<Vec<JoinHandle<()>>>);

impl Tasks {
    pub(crate) fn start(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = tokio::spawn(task);
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(task);
    }

    /// Waits for everything that was started, which has been told to stop; what does not is aborted.
    pub(crate) async fn end(&self) {
        let mut tasks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let leaving = futures_util::future::join_all(&mut tasks);
        if tokio::time::timeout(LEAVE, leaving).await.is_err() {
            for task in tasks {
                task.abort();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_task_that_does_not_stop_is_cut_short() {
        let tasks = Tasks::default();
        let (dropped, cut) = tokio::sync::oneshot::channel::<()>();
        tasks.start(async move {
            let _held = dropped;
            std::future::pending::<()>().await;
        });
        tasks.start(async {});
        let before = tokio::time::Instant::now();
        tasks.end().await;
        assert!(before.elapsed() >= LEAVE);
        assert!(cut.await.is_err(), "the task is gone with what it held");
    }
}
