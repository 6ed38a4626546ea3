//! In which order do a task's files, workload and words follow each other? One run through the states, then the end.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;
use wardroom_api::v1::{HoldingState, Receipt, TaskReport, TaskState};

use super::shelf::{Refused, Shelf};
use super::word::{self, End};
use super::{Brief, Order, Shared, Withdrawn};
use crate::assignments::{About, Desired, Wanted, WantedFile};
use crate::executor::{Executor, Job, Running, Signal};
use crate::ids::{SecretId, TaskId};

/// Between two tries to put up a set under a running workload: from when the set before the last one has made room, to
/// what costs nothing on a host that stays full.
const RETRY_MIN: Duration = Duration::from_millis(500);
const RETRY_MAX: Duration = Duration::from_secs(30);

/// Runs one task until it is forgotten.
pub(super) async fn run(wanted: Wanted, orders: watch::Receiver<Order>, withdrawn: Withdrawn, shared: Shared) {
    let id = wanted.id.clone();
    let shelf = Shelf::new(id.clone(), &shared);
    let mut runner = Runner {
        id,
        orders,
        withdrawn,
        shared,
        shelf,
        lapsed: Vec::new(),
        said: BTreeMap::new(),
        unproven: BTreeSet::new(),
    };
    let end = runner.live(&wanted).await;
    runner.finish(&end);
    runner.linger().await;
    runner.shared.outbox.forget(&runner.id);
}

struct Runner {
    id: TaskId,
    orders: watch::Receiver<Order>,
    withdrawn: Withdrawn,
    shared: Shared,
    shelf: Shelf,
    /// Files that the order looked at last is without: their lease ran out.
    lapsed: Vec<WantedFile>,
    /// The last receipt of each file.
    said: BTreeMap<About, Receipt>,
    /// Files that are here and were taken back since they were last proven.
    unproven: BTreeSet<About>,
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
            let is_whole = self.lapsed.is_empty();
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
            self.settle();
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
            self.settle();
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
        self.shared.outbox.unsettled(&self.id);
        let placed = match self.shelf.put_up(executor.reach(), files, &self.shared) {
            Ok(digests) => {
                for (file, digest) in files.iter().zip(digests) {
                    self.receipt(word::present(&self.id, file, digest));
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
        self.settle();
        placed
    }

    /// A revoke needs no room: what is taken away leaves the visible set, also when no other can be put up.
    fn shed(&mut self, files: &[WantedFile], tried: Try) {
        let (gone, failure) = self.shelf.shed(files);
        self.erased(&gone);
        if let Some(error) = failure {
            let useless = self.shelf.useless(files);
            self.failed(&useless, &error.line(), tried);
        }
    }

    /// Receipts of a failure. The tries that follow fail alike, and are not told again.
    fn failed(&mut self, files: &[WantedFile], error: &str, tried: Try) {
        if tried == Try::First {
            for file in files {
                self.receipt(word::failed(&self.id, file, error));
            }
        }
    }

    /// Erases what may go, with receipts.
    fn tidy(&mut self) {
        let (gone, failure) = self.shelf.tidy();
        self.erased(&gone);
        if let Some(error) = failure {
            tracing::warn!(task = %self.id, error = error.line(), "an erasure failed and is tried again");
        }
    }

    fn receipt(&mut self, receipt: Receipt) {
        self.note(&receipt);
        self.shared.outbox.receipt(receipt);
    }

    fn note(&mut self, receipt: &Receipt) {
        let about = (
            SecretId::new(receipt.secret_id.clone()),
            receipt.version,
            receipt.target.clone(),
        );
        self.unproven.remove(&about);
        self.said.insert(about, receipt.clone());
    }

    fn last_said(&self, file: &WantedFile) -> Option<HoldingState> {
        self.said.get(&file.about()).map(Receipt::state)
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
                    self.shared.outbox.unsettled(&self.id);
                    self.tidy();
                    self.settle();
                }
            }
        }
    }

    /// Erase, then report, then receipts.
    fn finish(&mut self, end: &End) {
        self.lapsed.clear();
        self.shared.outbox.unsettled(&self.id);
        let erased = self.shelf.clear();
        self.shared.outbox.task(end.report(&self.id));
        match erased {
            Ok(gone) => self.erased(&gone),
            Err(error) => {
                let held = self.shelf.held();
                self.failed(&held, &error.line(), Try::First);
            }
        }
        self.disclaim();
        self.shared.outbox.settled(&self.id);
    }

    /// Answers for files that were taken back. What is not here, be it that it was never written or could not be, is said
    /// to be gone; what is wanted again and still stands is proven again, because the manager has forgotten the proof.
    fn disclaim(&mut self) {
        let withdrawn = std::mem::take(&mut *self.withdrawn.lock().expect("no code panics while it holds this lock"));
        let held: BTreeSet<About> = self.shelf.held().iter().map(WantedFile::about).collect();
        let (here, gone): (Vec<_>, Vec<_>) = withdrawn.into_iter().partition(|file| held.contains(&file.about()));
        let unsaid = |file: &WantedFile| self.last_said(file) != Some(HoldingState::Erased);
        let gone: Vec<WantedFile> = gone.into_iter().filter(unsaid).collect();
        self.erased(&gone);
        self.unproven.extend(here.iter().map(WantedFile::about));
        for proof in self.proofs_asked_again() {
            self.receipt(proof);
        }
    }

    fn proofs_asked_again(&self) -> Vec<Receipt> {
        let Order::Bring(Brief { wanted, .. }) = &*self.orders.borrow() else {
            return Vec::new();
        };
        if !self.shelf.shows(&wanted.files) {
            return Vec::new();
        }
        let again = wanted.files.iter().map(WantedFile::about);
        let again = again.filter(|about| self.unproven.contains(about));
        let said = again.filter_map(|about| self.said.get(&about));
        said.filter(|receipt| receipt.state() == HoldingState::Present)
            .cloned()
            .collect()
    }

    fn erased(&mut self, gone: &[WantedFile]) {
        for file in gone {
            // A version that was to be replaced by one that lapsed is gone for the same reason.
            let is_lapsed = |lapsed: &WantedFile| lapsed.secret == file.secret && lapsed.target == file.target;
            if self.lapsed.iter().any(is_lapsed) {
                let receipt = word::lapsed(&self.id, file);
                self.note(&receipt);
                self.shared.outbox.lapsed(receipt);
            } else {
                self.receipt(word::erased(&self.id, file));
            }
        }
    }

    /// What is held stands as it is until something changes. While files are to come back it does not: what was erased
    /// for its lease is to be there again, or not wanted any more, before the manager is told what this worker has.
    fn settle(&self) {
        if self.lapsed.is_empty() {
            self.shared.outbox.settled(&self.id);
        } else {
            self.shared.outbox.unsettled(&self.id);
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
                // Files that were assigned after the end, or before this life began, are not here.
                Order::Bring(Brief { wanted, .. }) if !held => {
                    let settled = |file: &&WantedFile| self.last_said(file).is_some_and(|s| s != HoldingState::Present);
                    let unsaid = wanted.files.iter().filter(|file| !settled(file));
                    self.erased(&unsaid.cloned().collect::<Vec<_>>());
                }
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
                        self.erased(&gone);
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
                self.lapsed = lapsed;
                Some(wanted)
            }
            _ => {
                self.lapsed.clear();
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
