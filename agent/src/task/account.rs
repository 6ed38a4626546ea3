//! What has the manager been told of a task's files, and which words does it still wait for? One account per task: the
//! last receipt of each file, and what was asked for and taken back since.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wardroom_api::v1::{HoldingState, Receipt};

use super::{Withdrawn, word};
use crate::assignments::{About, WantedFile};
use crate::ids::{SecretId, TaskId};
use crate::report::Outbox;

pub(super) struct Account {
    task: TaskId,
    outbox: Arc<Outbox>,
    withdrawn: Withdrawn,
    /// Files that the order looked at last is without: their lease ran out.
    lapsed: Vec<WantedFile>,
    /// The last receipt of each file.
    said: BTreeMap<About, Receipt>,
    /// Files that are here and were taken back since they were last proven.
    unproven: BTreeSet<About>,
}

impl Account {
    pub(super) fn new(task: TaskId, outbox: Arc<Outbox>, withdrawn: Withdrawn) -> Self {
        Self {
            task,
            outbox,
            withdrawn,
            lapsed: Vec::new(),
            said: BTreeMap::new(),
            unproven: BTreeSet::new(),
        }
    }

    /// From now on these files are wanted and not to be had.
    pub(super) fn lacks(&mut self, lapsed: Vec<WantedFile>) {
        self.lapsed = lapsed;
    }

    /// Whether all that is wanted is to be had.
    pub(super) fn is_whole(&self) -> bool {
        self.lapsed.is_empty()
    }

    /// Files are being written or erased from here on.
    pub(super) fn unsettle(&self) {
        self.outbox.unsettled(&self.task);
    }

    /// What is held stands as it is until something changes. While files are to come back it does not: what was erased
    /// for its lease is to be there again, or not wanted any more, before the manager is told what this worker has.
    pub(super) fn settle(&self) {
        if self.is_whole() {
            self.outbox.settled(&self.task);
        } else {
            self.outbox.unsettled(&self.task);
        }
    }

    pub(super) fn present(&mut self, file: &WantedFile, digest: [u8; 32]) {
        self.say(word::present(&self.task, file, digest));
    }

    pub(super) fn failed(&mut self, files: &[WantedFile], error: &str) {
        for file in files {
            self.say(word::failed(&self.task, file, error));
        }
    }

    pub(super) fn erased(&mut self, gone: &[WantedFile]) {
        for file in gone {
            // A version that was to be replaced by one that lapsed is gone for the same reason.
            let is_same = |lapsed: &WantedFile| lapsed.secret == file.secret && lapsed.target == file.target;
            if self.lapsed.iter().any(is_same) {
                let receipt = word::lapsed(&self.task, file);
                self.note(&receipt);
                self.outbox.lapsed(receipt);
            } else {
                self.say(word::erased(&self.task, file));
            }
        }
    }

    /// The task is over: these files were assigned after its end, or before its life began, and are not here.
    pub(super) fn never_here(&mut self, wanted: &[WantedFile]) {
        let is_settled = |file: &&WantedFile| self.last_said(file).is_some_and(|said| said != HoldingState::Present);
        let unsaid: Vec<WantedFile> = wanted.iter().filter(|file| !is_settled(file)).cloned().collect();
        self.erased(&unsaid);
    }

    /// Answers for files that were taken back. What is not here, be it that it was never written or could not be, is said
    /// to be gone; what is still here may be wanted again, and is to be proven again then.
    pub(super) fn disclaim(&mut self, held: &[WantedFile]) {
        let withdrawn = std::mem::take(&mut *self.withdrawn.lock().expect("no code panics while it holds this lock"));
        let held: BTreeSet<About> = held.iter().map(WantedFile::about).collect();
        let (here, gone): (Vec<_>, Vec<_>) = withdrawn.into_iter().partition(|file| held.contains(&file.about()));
        let unsaid = |file: &WantedFile| self.last_said(file) != Some(HoldingState::Erased);
        let gone: Vec<WantedFile> = gone.into_iter().filter(unsaid).collect();
        self.erased(&gone);
        self.unproven.extend(here.iter().map(WantedFile::about));
    }

    /// `shown` is wanted and stands. What of it was taken back meanwhile is proven again, because the manager has
    /// forgotten the proof.
    pub(super) fn prove_again(&mut self, shown: &[WantedFile]) {
        let again = shown.iter().map(WantedFile::about);
        let again = again.filter(|about| self.unproven.contains(about));
        let said = again.filter_map(|about| self.said.get(&about));
        let proofs = said.filter(|receipt| receipt.state() == HoldingState::Present);
        let proofs: Vec<Receipt> = proofs.cloned().collect();
        for proof in proofs {
            self.say(proof);
        }
    }

    fn say(&mut self, receipt: Receipt) {
        self.note(&receipt);
        self.outbox.receipt(receipt);
    }

    fn note(&mut self, receipt: &Receipt) {
        let secret = SecretId::new(receipt.secret_id.clone());
        let about = (secret, receipt.version, receipt.target.clone());
        self.unproven.remove(&about);
        self.said.insert(about, receipt.clone());
    }

    fn last_said(&self, file: &WantedFile) -> Option<HoldingState> {
        self.said.get(&file.about()).map(Receipt::state)
    }
}
