//! What does the manager still have to hear? The latest word about every task and every file, kept until it is acknowledged.
//!
//! ```text
//! tasks ──> Ledger ──take──> ReportRequest ──> manager
//!             ^ └── lost: back into the ledger, unless something newer is there
//!             └──── acknowledged: gone from what is owed, kept for the next inventory
//! ```
//!
//! What was erased because its lease ran out is said before everything else, also when it is there again by then: else
//! nobody would ever know. A session begins with an inventory: all that this worker holds and every task's state. It waits until no task is in the
//! middle of writing or erasing, because the manager takes what it leaves out as not held. For the same reason an inventory
//! is never cut in two. What makes it too large for one report goes before it: states of tasks, failures and erasures. A
//! worker that holds more files than an inventory can name says so in plain reports, and gives its inventory once it fits:
//! until then the manager believes in files that may be gone, and never the other way round. A worker that has just
//! started holds nothing, so its first inventory always fits.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard};

use tokio::sync::Notify;
use wardroom_api::v1::{HoldingState, Receipt, ReportRequest, TaskReport};

use crate::ids::TaskId;
use crate::room::{Room, split_first};

/// What a receipt is about: task, secret, version, target.
type ReceiptKey = (String, String, u32, String);

#[derive(Clone, Default)]
struct Batch {
    tasks: BTreeMap<TaskId, TaskReport>,
    receipts: BTreeMap<ReceiptKey, Receipt>,
}

/// A report that is not answered yet, and what it was.
struct Sent {
    batch: Batch,
    kind: Kind,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Plain,
    Inventory,
    Lapsed,
}

/// The pure part: what is known, what is owed, what is under way.
#[derive(Default)]
struct Ledger {
    /// The last word about each assigned task, and every receipt of a file that is there.
    known: Batch,
    /// Not yet acknowledged and not under way.
    owed: Batch,
    /// Erasures for want of a manager. A newer word about the file does not take their place.
    lapsed: BTreeMap<ReceiptKey, Receipt>,
    under_way: Option<Sent>,
    inventory_owed: bool,
    /// Tasks that are writing or erasing at this moment.
    unsettled: BTreeSet<TaskId>,
}

impl Ledger {
    fn task(&mut self, report: TaskReport) {
        let id = TaskId::new(report.task_id.clone());
        self.known.tasks.insert(id.clone(), report.clone());
        self.owed.tasks.insert(id, report);
    }

    fn receipt(&mut self, receipt: Receipt) {
        let key = key(&receipt);
        match receipt.state() {
            HoldingState::Present => {
                self.known.receipts.insert(key.clone(), receipt.clone());
            }
            HoldingState::Erased => {
                self.known.receipts.remove(&key);
            }
            // A file that could not be written or erased: what was known of it before still holds.
            _ => {}
        }
        self.owed.receipts.insert(key, receipt);
    }

    /// What was owed about the file before is of no use any more.
    fn lapsed(&mut self, receipt: Receipt) {
        let key = key(&receipt);
        self.known.receipts.remove(&key);
        self.owed.receipts.remove(&key);
        self.lapsed.insert(key, receipt);
    }

    fn forget(&mut self, task: &TaskId) {
        self.known.tasks.remove(task);
        self.unsettled.remove(task);
    }

    fn connected(&mut self) {
        self.lost();
        self.inventory_owed = true;
        for (id, report) in &self.known.tasks {
            self.owed.tasks.entry(id.clone()).or_insert_with(|| report.clone());
        }
        for (key, receipt) in &self.known.receipts {
            self.owed.receipts.entry(key.clone()).or_insert_with(|| receipt.clone());
        }
    }

    /// The next report, or `None` when nothing can or need be said now. One is under way at a time.
    fn take(&mut self, session_id: &str) -> Option<ReportRequest> {
        if self.under_way.is_some() {
            return None;
        }
        let (batch, kind) = self.next()?;
        let request = ReportRequest {
            session_id: session_id.to_owned(),
            tasks: batch.tasks.values().cloned().collect(),
            receipts: batch.receipts.values().cloned().collect(),
            inventory: kind == Kind::Inventory,
        };
        self.under_way = Some(Sent { batch, kind });
        Some(request)
    }

    fn next(&mut self) -> Option<(Batch, Kind)> {
        if !self.lapsed.is_empty() {
            let receipts = split_first(&mut self.lapsed, &mut Room::report());
            let tasks = BTreeMap::new();
            return Some((Batch { tasks, receipts }, Kind::Lapsed));
        }
        if self.inventory_owed {
            if !self.unsettled.is_empty() {
                return None;
            }
            if let Some(inventory) = self.inventory() {
                self.inventory_owed = false;
                return Some((inventory, Kind::Inventory));
            }
        }
        let batch = self.next_owed();
        (!batch.is_empty()).then_some((batch, Kind::Plain))
    }

    /// All that is held and all that is owed, if one report has room for it and nothing has to be said before.
    fn inventory(&mut self) -> Option<Batch> {
        // The manager looks for the word Present. A failure to erase is not that word, though the file is there.
        let hides =
            |(key, receipt): (&ReceiptKey, &Receipt)| !is_present(receipt) && self.known.receipts.contains_key(key);
        if self.owed.receipts.iter().any(hides) {
            return None;
        }
        let mut room = Room::inventory();
        let held = self
            .known
            .receipts
            .iter()
            .filter(|(key, _)| !self.owed.receipts.contains_key(*key));
        let fits = self.owed.tasks.values().all(|report| room.takes(report))
            && self.owed.receipts.values().all(|receipt| room.takes(receipt))
            && held.map(|(_, receipt)| receipt).all(|receipt| room.takes(receipt));
        fits.then(|| {
            let mut batch = std::mem::take(&mut self.owed);
            batch.receipts.extend(self.known.receipts.clone());
            batch
        })
    }

    /// As much as one report takes. While an inventory is to come, first what it need not say again.
    fn next_owed(&mut self) -> Batch {
        let mut room = Room::report();
        let tasks = split_first(&mut self.owed.tasks, &mut room);
        if !self.inventory_owed {
            let receipts = split_first(&mut self.owed.receipts, &mut room);
            return Batch { tasks, receipts };
        }
        let owed = std::mem::take(&mut self.owed.receipts);
        let (mut present, mut others): (BTreeMap<_, _>, BTreeMap<_, _>) =
            owed.into_iter().partition(|(_, receipt)| is_present(receipt));
        let mut receipts = split_first(&mut others, &mut room);
        if tasks.is_empty() && receipts.is_empty() {
            receipts = split_first(&mut present, &mut room);
        }
        self.owed.receipts = present;
        self.owed.receipts.append(&mut others);
        Batch { tasks, receipts }
    }

    fn acknowledged(&mut self) {
        self.under_way = None;
    }

    fn lost(&mut self) {
        let Some(Sent { batch, kind }) = self.under_way.take() else {
            return;
        };
        self.inventory_owed |= kind == Kind::Inventory;
        for (id, report) in batch.tasks {
            self.owed.tasks.entry(id).or_insert(report);
        }
        for (key, receipt) in batch.receipts {
            if kind == Kind::Lapsed {
                self.lapsed.entry(key).or_insert(receipt);
            } else if !self.lapsed.contains_key(&key) {
                self.owed.receipts.entry(key).or_insert(receipt);
            }
        }
    }

    fn is_silent(&self) -> bool {
        let owes = !self.owed.is_empty() || !self.lapsed.is_empty() || self.inventory_owed;
        self.under_way.is_none() && !owes
    }
}

fn key(receipt: &Receipt) -> ReceiptKey {
    (
        receipt.task_id.clone(),
        receipt.secret_id.clone(),
        receipt.version,
        receipt.target.clone(),
    )
}

fn is_present(receipt: &Receipt) -> bool {
    receipt.state() == HoldingState::Present
}

impl Batch {
    fn is_empty(&self) -> bool {
        self.tasks.is_empty() && self.receipts.is_empty()
    }
}

/// The ledger as the tasks and the session share it.
#[derive(Default)]
pub(crate) struct Outbox {
    ledger: Mutex<Ledger>,
    changed: Notify,
    silent: Notify,
}

impl Outbox {
    /// The latest word about a task; an older one that was not sent yet is not sent any more.
    pub(crate) fn task(&self, report: TaskReport) {
        self.change(|ledger| ledger.task(report));
    }

    pub(crate) fn receipt(&self, receipt: Receipt) {
        self.change(|ledger| ledger.receipt(receipt));
    }

    /// A file was erased because its lease ran out: said in any case, before whatever becomes of the file later.
    pub(crate) fn lapsed(&self, receipt: Receipt) {
        self.change(|ledger| ledger.lapsed(receipt));
    }

    /// Files of `task` are being written or erased: no inventory until [`Outbox::settled`].
    pub(crate) fn unsettled(&self, task: &TaskId) {
        self.change(|ledger| ledger.unsettled.insert(task.clone()));
    }

    pub(crate) fn settled(&self, task: &TaskId) {
        self.change(|ledger| ledger.unsettled.remove(task));
    }

    /// The task is no longer assigned: inventories leave it out. What is owed about it is still sent.
    pub(crate) fn forget(&self, task: &TaskId) {
        self.change(|ledger| ledger.forget(task));
    }

    /// A new session: what was under way is owed again, and an inventory comes first.
    pub(crate) fn connected(&self) {
        self.change(Ledger::connected);
    }

    /// Waits for something to say. Cancelling it loses nothing.
    pub(crate) async fn next(&self, session_id: &str) -> ReportRequest {
        loop {
            let changed = self.changed.notified();
            if let Some(request) = self.ledger().take(session_id) {
                return request;
            }
            changed.await;
        }
    }

    /// The manager answered the report under way.
    pub(crate) fn acknowledged(&self) {
        self.change(Ledger::acknowledged);
        if self.ledger().is_silent() {
            self.silent.notify_waiters();
        }
    }

    /// The report under way may not have arrived: it is owed again.
    pub(crate) fn lost(&self) {
        self.change(Ledger::lost);
    }

    /// Waits until everything is acknowledged.
    pub(crate) async fn silence(&self) {
        loop {
            let silent = self.silent.notified();
            if self.ledger().is_silent() {
                return;
            }
            silent.await;
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut Ledger) -> T) {
        change(&mut self.ledger());
        self.changed.notify_one();
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().expect("no code panics while it holds this lock")
    }
}

#[cfg(test)]
#[path = "report_tests.rs"]
mod tests;
