//! How do log and snapshots come under another DEK? Raft is asked for a snapshot and a purge as it does itself now and then,
//! and the disk is looked at for what still stands under the key before.

use std::collections::BTreeMap;
use std::io;

use wardroom_api::v1;

use super::Consensus;
use crate::propose::ProposeError;

impl Consensus {
    /// The log goes on under the keyring's DEK. Returns the highest entry that stands under another one, if any does; what
    /// holds no entry in force is gone on return. Asking again changes nothing that is done already.
    pub(crate) async fn roll(&self) -> Result<Option<u64>, String> {
        let rolled = self.log.roll().await;
        rolled
            .map(|rolled| rolled.upto)
            .map_err(|error| format!("the log cannot go on under the fresh DEK: {error}"))
    }

    /// Whether the newest snapshot, if there is one, is sealed under the DEK of that epoch.
    pub(crate) fn snapshot_is_under(&self, epoch: u32) -> bool {
        self.snapshots.epoch().is_none_or(|found| found == epoch)
    }

    /// Has a snapshot taken that covers at least `index` and is sealed under the DEK of that epoch. It may take as long as
    /// it takes: put a deadline around it.
    pub(crate) async fn snapshot_under(&self, epoch: u32, index: u64) -> Result<(), String> {
        loop {
            // Before the request: what is told between the two is not missed.
            let newest = self.snapshots.watch();
            self.snapshot().await.map_err(stopped)?;
            if newest.reaches(epoch, index).await? {
                return Ok(());
            }
        }
    }

    /// Has everything up to `index` forgotten, which a durable snapshot covers. Durable on return.
    pub(crate) async fn purge(&self, index: u64) -> Result<(), String> {
        let mut changes = self.changes();
        // The file is there a moment before Raft knows of it, and Raft forgets nothing that it does not know to be covered.
        while self.view().snapshot < index {
            changes.next().await?;
        }
        let trigger = self.raft.trigger();
        trigger.purge_log(index).await.map_err(|fatal| fatal.to_string())?;
        while self.log.pointers().first <= index {
            changes.next().await?;
        }
        Ok(())
    }

    /// Does `work` if nothing on the disk stands under another DEK than that of `epoch`, and nothing can come under it
    /// meanwhile; `None` if something does.
    pub(crate) fn when_all_is_under<R>(&self, epoch: u32, work: impl FnOnce() -> R) -> Option<R> {
        let is_log_under = self.log.uses().iter().all(|found| found.epoch == epoch);
        if !is_log_under {
            return None;
        }
        self.snapshots.when_under(epoch, work)
    }

    /// What lies on the disk under each DEK, oldest epoch first.
    pub(crate) fn dek_uses(&self) -> Vec<v1::DekUse> {
        let mut uses: BTreeMap<u32, v1::DekUse> = BTreeMap::new();
        for found in self.log.uses() {
            let of_epoch = uses.entry(found.epoch).or_default();
            of_epoch.segments = u32::try_from(found.segments).unwrap_or(u32::MAX);
            of_epoch.log_bytes = found.bytes;
            of_epoch.records = found.records;
        }
        let (bytes, _) = self.snapshots.size_and_time();
        if let Some(epoch) = self.snapshots.epoch() {
            let of_epoch = uses.entry(epoch).or_default();
            of_epoch.snapshots = 1;
            of_epoch.snapshot_bytes = bytes;
        }
        uses.into_iter()
            .map(|(epoch, found)| v1::DekUse { epoch, ..found })
            .collect()
    }

    /// Work on files, where the runtime's other tasks go on meanwhile.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> io::Result<R>) -> io::Result<R> {
        self.snapshots.aside(work)
    }
}

#[allow(clippy::needless_pass_by_value)] // shaped for map_err
fn stopped(error: ProposeError) -> String {
    error.to_string()
}
