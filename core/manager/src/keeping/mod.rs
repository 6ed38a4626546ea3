//! Does this manager keep its keys as the cluster wants them? Every manager brings its own keyring, log, snapshots and node
//! key in line with the replicated state; the leader records how far each has come.
//!
//! ```text
//! state (unlock key, orders) ─> decide ─> rewrap: the keyring under the unlock key in force, one file, one step
//!                                   └───> rotate: keyring begun ─> log rolled ─> snapshot ─> purge ─> node key ─> finished
//! progress ─> status ─> record (leader) ─> state
//! ```
//!
//! Nothing is remembered that could be looked up: after a crash at any point the next look at keyring and disk finds what
//! is left to do. The points at which tests let a manager die are named beside the steps.

mod decide;
#[cfg(test)]
mod decide_tests;
mod record;
mod rotate;
mod unlock;

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::watch;
use wardroom_state::event::{Event, ObjectKey};

use crate::context::Context;
use crate::replica::Applied;
use crate::watch::skip;

use decide::{Step, decide};

pub(crate) use decide::due_ms;
pub(crate) use record::run as record;

/// Pause after a step that failed: the disk is full, or a file cannot be written.
const PAUSE: Duration = Duration::from_secs(5);
/// The runtime's time stands still while the machine sleeps: after this the clock is looked at again.
const LONGEST_WAIT: Duration = Duration::from_secs(3600);

/// How far the keeping has come, for the manager's word about itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Progress {
    /// Of the rotation that runs; empty while none does.
    pub(crate) step: &'static str,
    /// Why the keys are not yet as the cluster wants them.
    pub(crate) trouble: String,
    /// Steps that were done since the start: who watches looks again.
    pub(crate) done: u64,
}

/// Keeps this manager's keys until it stops.
pub(crate) async fn run(context: Context, progress: watch::Sender<Progress>) {
    let stop = context.stop.clone();
    let keeper = Keeper {
        applied: context.replica.subscribe(),
        context,
        progress,
    };
    tokio::select! {
        biased;
        () = stop.cancelled() => {}
        () = keeper.keep() => {}
    }
}

struct Keeper {
    context: Context,
    progress: watch::Sender<Progress>,
    applied: Receiver<Arc<Applied>>,
}

impl Keeper {
    async fn keep(mut self) {
        // A crash may have come between the keyring and the node key.
        let mut is_at_rest = false;
        loop {
            skip(&mut self.applied);
            caught_up(&self.context).await;
            let step = look(&self.context);
            let done = match step {
                Step::Wait { until_ms } if is_at_rest => {
                    self.tell("", String::new());
                    self.wait(until_ms).await;
                    continue;
                }
                Step::Wait { .. } => {
                    is_at_rest = true;
                    rotate::rest_node_key(&self.context)
                }
                Step::Rewrap(wanted) => unlock::rewrap(&self.context, &wanted),
                Step::Begin { order } => rotate::begin(&self.context, order),
                Step::GoOn => {
                    // A new unlock key does not wait until a rotation is through; what was begun is found again.
                    tokio::select! {
                        biased;
                        () = wants_rewrap(&self.context, &mut self.applied) => continue,
                        done = rotate::go_on(&self.context, &self.progress) => done,
                    }
                }
            };
            match done {
                Ok(()) => self.progress.send_modify(|told| told.done += 1),
                Err(reason) => self.failed(reason, &mut is_at_rest).await,
            }
        }
    }

    async fn failed(&self, reason: String, is_at_rest: &mut bool) {
        tracing::error!(%reason, "this manager's keys are not yet as the cluster wants them; it is tried again");
        *is_at_rest = false;
        let step = self.progress.borrow().step;
        self.tell(step, reason);
        tokio::time::sleep(PAUSE).await;
    }

    fn tell(&self, step: &'static str, trouble: String) {
        tell(&self.progress, |told| {
            told.step = step;
            told.trouble = trouble;
        });
    }

    /// Until something may have changed what is to be done.
    async fn wait(&mut self, until_ms: Option<i64>) {
        tokio::select! {
            biased;
            () = about_keys(&mut self.applied) => {}
            () = until(&self.context, until_ms) => {}
        }
    }
}

/// Publishes a change, if it is one.
fn tell(progress: &watch::Sender<Progress>, change: impl FnOnce(&mut Progress)) {
    progress.send_if_modified(|told| {
        let before = told.clone();
        change(told);
        *told != before
    });
}

/// What is to be done by the state as it is here.
fn look(context: &Context) -> Step {
    let (keys, records) = (context.keyring.status(), context.consensus.log_records());
    let now_ms = context.clock.now_ms();
    context.replica.read(|state| decide(state, &keys, records, now_ms))
}

/// At a start the log is applied anew, and what it says on the way was true once: locks that were turned, keys that were
/// followed long ago. Nothing is done before somebody leads and all that is known to be committed is applied.
async fn caught_up(context: &Context) {
    let mut leadership = context.leadership.clone();
    if leadership.wait_for(|known| known.leader.is_some()).await.is_err() {
        return std::future::pending().await; // the manager ends
    }
    let committed = context.consensus.view().pointers.committed;
    context.replica.wait_index(committed).await;
}

async fn wants_rewrap(context: &Context, applied: &mut Receiver<Arc<Applied>>) {
    loop {
        about_keys(applied).await;
        if matches!(look(context), Step::Rewrap(_)) {
            return;
        }
    }
}

/// Until something is applied that may concern keys; for ever once nothing is applied any more.
async fn about_keys(applied: &mut Receiver<Arc<Applied>>) {
    loop {
        match applied.recv().await {
            Ok(applied) if applied.replaced || applied.events.contains(&Event::Put(ObjectKey::Cluster)) => return,
            Ok(_) => {}
            Err(RecvError::Lagged(_)) => return,
            Err(RecvError::Closed) => return std::future::pending().await,
        }
    }
}

/// Until the clock may say `due_ms`; for ever without one.
async fn until(context: &Context, due_ms: Option<i64>) {
    let Some(due_ms) = due_ms else {
        return std::future::pending().await;
    };
    let left = u64::try_from(due_ms.saturating_sub(context.clock.now_ms())).unwrap_or(0);
    tokio::time::sleep(Duration::from_millis(left).min(LONGEST_WAIT)).await;
}
