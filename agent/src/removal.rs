//! What does a node do that is told it was removed? It keeps nothing: every file at once, every task as it ends.

use std::sync::{Arc, Mutex};

use futures_util::future::join_all;
use tokio::sync::watch;
use tokio::time::sleep;

use crate::files::Files;
use crate::instructions::Instructions;
use crate::session::Removed;
use crate::task::Pace;
use crate::worker::Worker;

/// All that it takes.
pub(crate) struct Removal {
    pub worker: Arc<Mutex<Worker>>,
    pub files: Arc<dyn Files>,
    pub pace: Pace,
    pub instructions: watch::Sender<Instructions>,
}

impl Removal {
    /// Says so, erases everything without waiting for workloads to end, and returns when nothing runs and nothing is left.
    pub(crate) async fn carry_out(self, Removed(words): Removed) {
        tracing::warn!(words, "this node was removed; its tasks end and its secrets are erased");
        self.instructions
            .send_modify(|instructions| instructions.removed = Some(words));
        // Before anything else erases as well: what one finds gone under its hands, the other takes for a failure.
        if let Err(error) = self.files.wipe() {
            tracing::warn!(error = error.line(), "an erasure failed and is tried again");
        }
        let ending = self
            .worker
            .lock()
            .expect("no code panics while it holds this lock")
            .close();
        join_all(ending).await;
        // What a task was writing at that moment, or could not be erased, goes now.
        while let Err(error) = self.files.wipe() {
            tracing::warn!(error = error.line(), "an erasure failed and is tried again");
            sleep(self.pace.erase_retry).await;
        }
    }
}
