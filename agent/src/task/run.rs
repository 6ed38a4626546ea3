//! In which order do a task's files, workload and words follow each other? One run through the states, then the end.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use wardroom_api::v1::{TaskReport, TaskState};

use super::account::Account;
use super::shelf::{Refused, Shelf};
use super::word::{self, End};
use super::{Brief, Order, Shared, Withdrawn};
use crate::assignments::{Desired, Wanted, WantedFile};
use crate::executor::{Executor, Job, Running, Signal};
use crate::ids::TaskId;

/// Between two tries to put up a set under a running workload: from when the set before the last one has made room, to
/// what costs nothing on a host that stays full.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Runs one task until it is forgotten.
pub(super) async fn run(wanted: Wanted, orders: watch::Receiver<Order>, withdrawn: Withdrawn, shared: Shared) {
    let id = wanted.id.clone();
    let mut runner = Runner {
        orders,
        shelf: Shelf::new(id.clone(), &shared),
        account: Account::new(id.clone(), Arc::clone(&shared.outbox), withdrawn),
        id,
        shared,
    };
    let end = runner.live(&wanted).await;
    runner.finish(&end);
    runner.linger().await;
    runner.shared.outbox.forget(&runner.id);
}

struct Runner {
    id: TaskId,
    orders: watch::Receiver<Order>,
    shared: Shared,
    shelf: Shelf,
    account: Account,
}

impl Runner {
    /// From acceptance to the end of the workload. Files are still there when it returns.
    async fn live(&mut self, first: &Wanted) -> End {
        if self.wanted().is_none() {
            return End::shutdown(0);
        }
        self.say(TaskState::Accepted, "accepted");
        let executor = match self.shared.executors.of(first.executor) {
            Ok(executor) => executor,
            Err(error) => return End::rejected(error.to_string()),
        };
        let job = Job {
            name: first.name.clone(),
            command: first.command.clone(),
            secrets_dir: self.shared.files.directory(&self.id),
            hidden: self.shared.files.hidden(),
        };
        if let Err(error) = executor.prepare(&job) {
            return End::rejected(error.to_string());
        }
        self.say(TaskState::Preparing, "preparing");
        if let Err(end) = self.until_startable(&*executor).await {
            return end;
        }
        self.say(TaskState::Starting, "starting");
        match executor.start(&job).await {
            Ok(running) => self.attend(&*executor, &job, running).await,
            Err(error) => End::not_started(error.to_string()),
        }
    }

    /// Completes the files, and waits for the word to start.
    async fn until_startable(&mut self, executor: &dyn Executor) -> Result<(), End> {
        loop {
            let Some(wanted) = self.wanted() else {
                return Err(End::shutdown(0));
            };
            let is_whole = self.account.is_whole();
            if !self.shelf.shows(&wanted.files) {
                match self.place(executor, &wanted.files, Try::First) {
                    Placed::Done(_) if is_whole => self.say(TaskState::Ready, "ready"),
                    Placed::Done(_) => {}
                    // A newer order took the value back; it is looked at next.
                    Placed::Overtaken => continue,
                    Placed::Failed(error) => return Err(End::rejected(error)),
                }
            }
            self.disclaim();
            self.account.settle();
            if wanted.desired == Desired::Running && is_whole {
                return Ok(());
            }
            self.next_order().await;
        }
    }

    /// Keeps the files of a running workload as they are wanted, until either ends.
    async fn attend(&mut self, executor: &dyn Executor, job: &Job, mut running: Box<dyn Running>) -> End {
        let started = TaskReport {
            pid: running.pid(),
            secrets_dir: job.secrets_dir.display().to_string(),
            ..word::report(&self.id, TaskState::Running, "started")
        };
        self.shared.outbox.task(started.clone());
        let mut told = String::new();
        let (mut tried, mut wait) = (Try::First, RETRY_MIN);
        loop {
            // An order may have come while the workload started.
            let Some(wanted) = self.wanted() else {
                return End::shutdown(running.stop(self.shared.pace.stop_grace).await.code);
            };
            let error = if self.shelf.shows(&wanted.files) {
                String::new()
            } else {
                self.swap(executor, &*running, &wanted, tried)
            };
            if error != told {
                self.shared.outbox.task(TaskReport {
                    error: error.clone(),
                    ..started.clone()
                });
                told = error;
            }
            self.disclaim();
            self.account.settle();
            let retry = (!self.shelf.shows(&wanted.files)).then(|| Instant::now() + wait);
            tokio::select! {
                biased;
                exit = running.wait() => return End::exited(exit),
                () = self.next_order() => (tried, wait) = (Try::First, RETRY_MIN),
                () = at(retry) => (tried, wait) = (Try::Again, (wait * 2).min(RETRY_MAX)),
            }
        }
    }

    /// Changes the files under a running workload; a set that cannot be put up leaves of the one before what is still of
    /// use. Says what failed.
    fn swap(&mut self, executor: &dyn Executor, running: &dyn Running, wanted: &Wanted, tried: Try) -> String {
        match self.place(executor, &wanted.files, tried) {
            Placed::Done(signals) => {
                let send = |signal: &String| {
                    let signal = signal.parse::<Signal>()?;
                    running.signal(signal).map_err(|error| error.to_string())
                };
                let failures: Vec<String> = signals.iter().filter_map(|signal| send(signal).err()).collect();
                failures.join("; ")
            }
            Placed::Overtaken => String::new(),
            Placed::Failed(error) => error,
        }
    }

    /// Puts up `files` and sends their receipts, or receipts of the failure; either way what is not wanted is erased.
    fn place(&mut self, executor: &dyn Executor, files: &[WantedFile], tried: Try) -> Placed {
        let changed: Vec<WantedFile> = self.shelf.changed(files).into_iter().cloned().collect();
        self.account.unsettle();
        let placed = match self.shelf.put_up(executor.reach(), files, &self.shared) {
            Ok(digests) => {
                for (file, digest) in files.iter().zip(digests) {
                    self.account.present(file, digest);
                }
                let signals: BTreeSet<String> = changed.into_iter().filter_map(|file| file.signal).collect();
                Placed::Done(signals)
            }
            Err(Refused::Missing) if self.orders.has_changed().unwrap_or(false) => Placed::Overtaken,
            Err(refused) => {
                let error = refused.to_string();
                self.failed(&changed, &error, tried);
                self.shed(files, tried);
                if self.shelf.shows(files) {
                    // All that was asked for was to take something away.
                    Placed::Done(BTreeSet::new())
                } else {
                    Placed::Failed(error)
                }
            }
        };
        self.tidy();
        self.account.settle();
        placed
    }

    /// A revoke needs no room: what is taken away leaves the visible set, also when no other can be put up.
    fn shed(&mut self, files: &[WantedFile], tried: Try) {
        let (gone, failure) = self.shelf.shed(files);
        self.account.erased(&gone);
        if let Some(error) = failure {
            let useless = self.shelf.useless(files);
            self.failed(&useless, &error.line(), tried);
        }
    }

    /// Receipts of a failure. The tries that follow fail alike, and are not told again.
    fn failed(&mut self, files: &[WantedFile], error: &str, tried: Try) {
        if tried == Try::First {
            self.account.failed(files, error);
        }
    }

    /// Erases what may go, with receipts.
    fn tidy(&mut self) {
        let (gone, failure) = self.shelf.tidy();
        self.account.erased(&gone);
        if let Some(error) = failure {
            tracing::warn!(task = %self.id, error = error.line(), "an erasure failed and is tried again");
        }
    }

    /// Waits for the manager's next order, erasing old sets meanwhile as their time comes.
    async fn next_order(&mut self) {
        loop {
            let due = self.shelf.next_due();
            tokio::select! {
                biased;
                changed = self.orders.changed() => {
                    // The worker that held the other end is gone: `wanted` says so to whoever asks next.
                    let _ = changed;
                    return;
                }
                () = at(due) => {
                    self.account.unsettle();
                    self.tidy();
                    self.account.settle();
                }
            }
        }
    }

    /// Erase, then report, then receipts.
    fn finish(&mut self, end: &End) {
        self.account.lacks(Vec::new());
        self.account.unsettle();
        let erased = self.shelf.clear();
        self.shared.outbox.task(end.report(&self.id));
        match erased {
            Ok(gone) => self.account.erased(&gone),
            Err(error) => {
                let held = self.shelf.held();
                self.failed(&held, &error.line(), Try::First);
            }
        }
        self.disclaim();
        self.account.settle();
    }

    /// Answers for files that were taken back, and proves again those that are wanted again.
    fn disclaim(&mut self) {
        self.account.disclaim(&self.shelf.held());
        if let Order::Bring(Brief { wanted, .. }) = &*self.orders.borrow()
            && self.shelf.shows(&wanted.files)
        {
            self.account.prove_again(&wanted.files);
        }
    }

    /// Answers for an ended task until it is no longer assigned and nothing of it is left.
    async fn linger(&mut self) {
        loop {
            let held = !self.shelf.held().is_empty();
            let order = self.orders.borrow_and_update().clone();
            match order {
                Order::End if !held => {
                    self.disclaim();
                    return;
                }
                Order::Bring(Brief { wanted, .. }) if !held => self.account.never_here(&wanted.files),
                _ => {}
            }
            self.disclaim();
            tokio::select! {
                biased;
                changed = self.orders.changed() => {
                    if changed.is_err() {
                        return;
                    }
                }
                () = at(held.then(|| Instant::now() + self.shared.pace.erase_retry)) => {
                    if let Ok(gone) = self.shelf.clear() {
                        self.account.erased(&gone);
                    }
                }
            }
        }
    }

    /// What is wanted now; `None` when the task is to end.
    fn wanted(&mut self) -> Option<Wanted> {
        let gone = self.orders.has_changed().is_err();
        let order = self.orders.borrow_and_update().clone();
        match order {
            Order::Bring(Brief { wanted, lapsed }) if wanted.desired != Desired::Stopped && !gone => {
                self.account.lacks(lapsed);
                Some(wanted)
            }
            _ => {
                self.account.lacks(Vec::new());
                None
            }
        }
    }

    fn say(&self, state: TaskState, message: &str) {
        self.shared.outbox.task(word::report(&self.id, state, message));
    }
}

/// Whether this set was already refused.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Try {
    First,
    Again,
}

enum Placed {
    /// With the signals to send.
    Done(BTreeSet<String>),
    Overtaken,
    Failed(String),
}

async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
