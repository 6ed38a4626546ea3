//! In which order do a task's files, workload and words follow each other? One run through the states, then the end.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::time::Instant;
use wardroom_api::v1::TaskState;

use super::account::Account;
use super::shelf::{Refused, Shelf};
use super::word::{self, End};
use super::{Brief, Order, Shared, Withdrawn};
use crate::assignments::{Desired, Wanted, WantedFile};
use crate::executor::{Executor, Job};
use crate::ids::TaskId;
use crate::output::Log;
use crate::run::Run;

/// Runs one task until it is forgotten.
pub(super) async fn run(wanted: Wanted, orders: watch::Receiver<Order>, withdrawn: Withdrawn, shared: Shared) {
    let id = wanted.id.clone();
    let mut runner = Runner {
        orders,
        shelf: Shelf::new(&wanted, &shared),
        account: Account::new(id.clone(), Arc::clone(&shared.outbox), withdrawn),
        log: shared.logs.open(&id),
        run: Arc::clone(&wanted.run),
        id,
        shared,
    };
    let end = runner.live(&wanted).await;
    runner.finish(&end);
    runner.log.end();
    runner.linger().await;
    runner.shared.logs.close(&runner.id, &runner.log);
    runner.shared.outbox.forget(&runner.id);
}

pub(super) struct Runner {
    pub(super) id: TaskId,
    pub(super) orders: watch::Receiver<Order>,
    pub(super) shared: Shared,
    pub(super) shelf: Shelf,
    pub(super) account: Account,
    pub(super) log: Arc<Log>,
    /// What this task was made with.
    pub(super) run: Arc<Run>,
}

impl Runner {
    /// From acceptance to the end of the workload. Files are still there when it returns.
    async fn live(&mut self, first: &Wanted) -> End {
        if self.wanted().is_none() {
            return End::shutdown(0);
        }
        self.say(TaskState::Accepted, "accepted");
        let executor = match self.shared.executors.of(self.run.kind) {
            Ok(executor) => executor,
            Err(error) => return End::rejected(error.to_string()),
        };
        let job = Job {
            task: self.id.clone(),
            name: first.name.clone(),
            service: Arc::clone(&first.service),
            run: Arc::clone(&self.run),
            secrets_dir: self.shared.files.directory(&self.id),
            hidden: self.shared.files.hidden(),
            log: Arc::clone(&self.log),
        };
        if let Err(error) = executor.prepare(&job).await {
            return End::rejected(error.to_string());
        }
        self.say(TaskState::Preparing, "preparing");
        if let Err(end) = self.until_startable(&*executor).await {
            return end;
        }
        self.say(TaskState::Starting, "starting");
        let absolute = self.shelf.absolute();
        match self.tending(executor.start(&job, &absolute)).await {
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
                    Placed::Done { .. } if is_whole => self.say(TaskState::Ready, "ready"),
                    Placed::Done { .. } => {}
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

    /// Puts up `files` and sends their receipts, or receipts of the failure; either way what is not wanted is erased.
    pub(super) fn place(&mut self, executor: &dyn Executor, files: &[WantedFile], tried: Try) -> Placed {
        let changed: Vec<WantedFile> = self.shelf.changed(files).into_iter().cloned().collect();
        self.account.unsettle();
        let placed = match self.shelf.put_up(executor.reach(), files, &self.shared) {
            Ok(digests) => {
                self.remember();
                for (file, digest) in files.iter().zip(digests) {
                    self.account.present(file, digest);
                }
                Placed::Done { changed }
            }
            Err(Refused::Missing) if self.orders.has_changed().unwrap_or(false) => Placed::Overtaken,
            Err(refused) => {
                let error = refused.to_string();
                self.failed(&changed, &error, tried);
                self.shed(files, tried);
                if self.shelf.shows(files) {
                    // All that was asked for was to take something away.
                    Placed::Done { changed: Vec::new() }
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
    pub(super) fn shed(&mut self, files: &[WantedFile], tried: Try) {
        let (gone, failure) = self.shelf.shed(files);
        self.erased(&gone);
        if let Some(error) = failure {
            let useless = self.shelf.useless(files);
            self.failed(&useless, &error.line(), tried);
        }
    }

    /// Receipts of what is gone. Nothing of it is looked for in the task's output any more, which takes a copy of it.
    fn erased(&mut self, gone: &[WantedFile]) {
        self.remember();
        self.account.erased(gone);
    }

    /// The values of what is held are masked in the task's output, and no others are known there.
    fn remember(&self) {
        let known = self.log.known();
        let held = self.shelf.held();
        let value = |file: &WantedFile| {
            let value = known.get(&file.version_id).cloned();
            let value = value.or_else(|| self.shared.values.find(&file.version_id))?;
            Some((file.version_id.clone(), value))
        };
        let values: BTreeMap<_, _> = held.iter().filter_map(value).collect();
        if !values.keys().eq(known.keys()) {
            self.log.know(values);
        }
    }

    /// Waits for what must not be broken off. Nothing is put up meanwhile; what an order takes away is erased all the same.
    pub(super) async fn tending<T>(&mut self, doing: impl Future<Output = T>) -> T {
        let mut doing = std::pin::pin!(doing);
        loop {
            if self.orders.has_changed().is_err() {
                return doing.await;
            }
            tokio::select! {
                biased;
                done = &mut doing => return done,
                () = self.next_order() => {}
            }
            let order = self.orders.borrow().clone();
            if let Order::Bring(Brief { wanted, lapsed }) = order {
                self.account.lacks(lapsed);
                self.account.unsettle();
                self.shed(&wanted.files, Try::First);
                self.tidy();
                self.account.settle();
            }
        }
    }

    /// Receipts of a failure. The tries that follow fail alike, and are not told again.
    pub(super) fn failed(&mut self, files: &[WantedFile], error: &str, tried: Try) {
        if tried == Try::First {
            self.account.failed(files, error);
        }
    }

    /// Erases what may go, with receipts.
    pub(super) fn tidy(&mut self) {
        let (gone, failure) = self.shelf.tidy();
        self.erased(&gone);
        if let Some(error) = failure {
            tracing::warn!(task = %self.id, error = error.line(), "an erasure failed and is tried again");
        }
    }

    /// Waits for the manager's next order, erasing old sets meanwhile as their time comes.
    pub(super) async fn next_order(&mut self) {
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
            Ok(gone) => self.erased(&gone),
            Err(error) => {
                let held = self.shelf.held();
                self.failed(&held, &error.line(), Try::First);
            }
        }
        self.disclaim();
        self.account.settle();
    }

    /// Answers for files that were taken back, and proves again those that are wanted again.
    pub(super) fn disclaim(&mut self) {
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
                        self.erased(&gone);
                    }
                }
            }
        }
    }

    /// What is wanted now; `None` when the task is to end.
    pub(super) fn wanted(&mut self) -> Option<Wanted> {
        let gone = self.orders.has_changed().is_err();
        let order = self.orders.borrow_and_update().clone();
        match order {
            Order::Bring(Brief { wanted, lapsed }) if wanted.desired != Desired::Stopped && !gone => {
                if wanted.run != self.run {
                    tracing::error!(task = %self.id, "a manager changed what a task runs; it goes on with what it was made with");
                }
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
pub(super) enum Try {
    First,
    Again,
}

pub(super) enum Placed {
    /// What was changed is to be told.
    Done {
        changed: Vec<WantedFile>,
    },
    Overtaken,
    Failed(String),
}

pub(super) async fn at(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => std::future::pending().await,
    }
}
