//! What happens to one task on this worker, from its acceptance to its last receipt?
//!
//! ```text
//! ACCEPTED > PREPARING > READY > STARTING > RUNNING > COMPLETE | FAILED | SHUTDOWN
//!               |                                          |
//!          files complete                     erase, then report, then receipts
//!          (else REJECTED)
//! ```
//!
//! No task starts before its files are complete, and none keeps them after it has ended (I5). Each task is one
//! asynchronous task of the runtime, so that ten of them write their files side by side.
//!
//! A file whose lease ran out is taken from a task that runs and given back to it when its value comes again. A task that
//! does not run yet waits for it.
//!
//! A task with a health check is STARTING until the check has succeeded once; when it has failed too often, the task is
//! stopped and FAILED. What a task runs never changes while it lives.

mod account;
mod attend;
mod run;
mod shelf;
mod word;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use tokio::sync::watch;

use crate::assignments::{Wanted, WantedFile};
use crate::executor::Executors;
use crate::files::Files;
use crate::ids::VersionId;
use crate::output::Logs;
use crate::report::Outbox;
use crate::template::Node;
use crate::values::Values;

/// How long things may take on this worker.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// Between asking a process to end and killing it.
    pub stop_grace: Duration,
    /// How long the files of a set stay readable through handles opened before it was replaced. What is revoked, and not
    /// replaced, is erased at once.
    pub swap_grace: Duration,
    /// Between two tries of an erasure that failed.
    pub erase_retry: Duration,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            stop_grace: Duration::from_secs(10),
            swap_grace: Duration::from_millis(500),
            erase_retry: Duration::from_secs(1),
        }
    }
}

/// What every task of a worker shares.
#[derive(Clone)]
pub(crate) struct Shared {
    pub files: Arc<dyn Files>,
    pub executors: Executors,
    pub values: Arc<Values>,
    pub outbox: Arc<Outbox>,
    pub logs: Arc<Logs>,
    pub node: Arc<Node>,
    pub pace: Pace,
}

/// What a task is to be now: as the manager wants it, less the files that are not to be had.
#[derive(Clone, Debug)]
pub(crate) struct Brief {
    pub(crate) wanted: Wanted,
    /// Files that are wanted, not here, and not in `wanted`: their lease ran out.
    pub(crate) lapsed: Vec<WantedFile>,
}

impl Brief {
    pub(crate) fn of(mut wanted: Wanted, has_run_out: impl Fn(&VersionId) -> bool) -> Self {
        let files = std::mem::take(&mut wanted.files);
        let (lapsed, files) = files.into_iter().partition(|file| has_run_out(&file.version_id));
        wanted.files = files;
        Self { wanted, lapsed }
    }
}

/// The latest word to a task.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    Bring(Brief),
    /// End, and forget: it is no longer assigned, or the worker goes down.
    End,
}

/// Files that an order took back. The runner may never have seen the order that asked for them, and the manager waits for
/// a word about each all the same.
pub(crate) type Withdrawn = Arc<Mutex<Vec<WantedFile>>>;

/// A task that is being run.
pub(crate) struct Task {
    orders: watch::Sender<Order>,
    /// The files of the latest order.
    files: Vec<WantedFile>,
    grace: Option<Duration>,
    withdrawn: Withdrawn,
}

impl Task {
    /// Begins once `before`, an earlier life of the same task that is still erasing, is over.
    pub(crate) fn begin(brief: Brief, before: Option<Self>, shared: Shared) -> Self {
        let files = brief.wanted.files.clone();
        let grace = brief.wanted.run.stop_grace;
        let withdrawn = Withdrawn::default();
        let (orders, received) = watch::channel(Order::Bring(brief.clone()));
        let taken_back = Arc::clone(&withdrawn);
        tokio::spawn(async move {
            if let Some(before) = before {
                before.over().await;
            }
            run::run(brief.wanted, received, taken_back, shared).await;
        });
        Self {
            orders,
            files,
            grace,
            withdrawn,
        }
    }

    /// What its service grants it between being asked to end and being killed.
    pub(crate) fn grace(&self) -> Option<Duration> {
        self.grace
    }

    /// Replaces the order before it, even one that was not begun yet.
    pub(crate) fn order(&mut self, order: Order) {
        let files = match &order {
            Order::Bring(brief) => brief.wanted.files.clone(),
            Order::End => Vec::new(),
        };
        let before = std::mem::replace(&mut self.files, files);
        let stays = |file: &WantedFile| self.files.iter().any(|kept| kept.about() == file.about());
        let gone = before.into_iter().filter(|file| !stays(file));
        self.withdrawn
            .lock()
            .expect("no code panics while it holds this lock")
            .extend(gone);
        self.orders.send_replace(order);
    }

    /// Whether it has ended and nobody waits for another word of it.
    pub(crate) fn is_over(&self) -> bool {
        self.orders.is_closed()
    }

    /// Waits until everything of it is erased and said. A task that panicked is over too: its files go with the worker's.
    pub(crate) fn over(&self) -> impl Future<Output = ()> + use<> {
        let orders = self.orders.clone();
        async move { orders.closed().await }
    }
}

#[cfg(test)]
mod bench;
#[cfg(test)]
mod lease_tests;
#[cfg(test)]
mod refused_tests;
#[cfg(test)]
mod tests;
