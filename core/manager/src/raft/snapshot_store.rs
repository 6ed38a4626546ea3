//! Which snapshot is the newest? Durable, encrypted, and never replaced by an older one.
//!
//! A snapshot is built beside the state machine while another may arrive from the leader; whichever covers more stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::{AnyError, Snapshot};
use tokio::sync::watch;
use wardroom_ca::Clock;
use wardroom_log::Snapshots;

use super::encode;
use super::types::{LogId, SnapshotBytes, SnapshotMeta, StorageError, StorageIoError, TypeConfig};

pub(crate) struct SnapshotStore {
    files: Mutex<Snapshots>,
    clock: Arc<dyn Clock>,
    newest: watch::Sender<Newest>,
}

/// The newest durable snapshot, in figures; all zero when there is none.
#[derive(Clone, Debug, Default)]
struct Newest {
    covers: Option<LogId>,
    bytes: u64,
    at_ms: i64,
    /// Why no other will follow.
    abandoned: Option<String>,
}

impl SnapshotStore {
    pub(crate) fn new(files: Snapshots, clock: Arc<dyn Clock>) -> Self {
        Self {
            files: Mutex::new(files),
            clock,
            newest: watch::Sender::default(),
        }
    }

    /// Makes a snapshot durable unless a newer one is there; only then may the log behind it be purged.
    pub(crate) fn save(&self, meta: &SnapshotMeta, data: &[u8]) -> Result<(), StorageError> {
        let files = self.files();
        if self.newest.borrow().covers > meta.last_log_id {
            return Ok(());
        }
        let at_ms = self.clock.now_ms();
        files
            .save(&encode::snapshot_header(meta, at_ms), data)
            .map_err(|error| StorageIoError::write_snapshot(Some(meta.signature()), AnyError::new(&error)))?;
        self.note(meta, data, at_ms);
        Ok(())
    }

    /// Reads the newest snapshot back; it is kept on disk only.
    pub(crate) fn load(&self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let files = self.files();
        let read = |error: AnyError| StorageIoError::read_snapshot(None, error);
        let Some(found) = files.newest().map_err(|error| read(AnyError::new(&error)))? else {
            return Ok(None);
        };
        let (header, data) = (found.meta, found.data);
        let (meta, at_ms) = encode::decode_snapshot_header(&header).map_err(|error| read(AnyError::new(&error)))?;
        self.note(&meta, &data, at_ms);
        Ok(Some(Snapshot {
            meta,
            snapshot: Box::new(SnapshotBytes(Arc::new(data))),
        }))
    }

    /// Bytes and time of the newest snapshot; zeros when there is none.
    pub(crate) fn size_and_time(&self) -> (u64, i64) {
        let newest = self.newest.borrow();
        (newest.bytes, newest.at_ms)
    }

    /// Says that no snapshot will follow any more, so that nobody waits for one. The first reason stays.
    pub(crate) fn abandon(&self, reason: &str) {
        self.newest
            .send_modify(|newest| drop(newest.abandoned.get_or_insert_with(|| reason.to_owned())));
    }

    /// What the log may forget, as it grows.
    pub(crate) fn coverage(&self) -> Coverage {
        Coverage(Some(self.newest.subscribe()))
    }

    fn note(&self, meta: &SnapshotMeta, data: &[u8], at_ms: i64) {
        self.newest.send_modify(|newest| {
            newest.covers = meta.last_log_id;
            newest.bytes = data.len() as u64;
            newest.at_ms = at_ms;
        });
    }

    fn files(&self) -> MutexGuard<'_, Snapshots> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How much of the log is in a durable snapshot.
#[derive(Clone)]
pub(crate) struct Coverage(Option<watch::Receiver<Newest>>);

impl Coverage {
    /// For a log without snapshots beside it.
    #[cfg(test)]
    pub(crate) fn everything() -> Self {
        Self(None)
    }

    /// Waits until the entry at `upto` is in a durable snapshot; the error says why it never will be.
    pub(crate) async fn reaches(&self, upto: LogId) -> Result<(), AnyError> {
        let Some(mut newest) = self.0.clone() else { return Ok(()) };
        let reached = newest.wait_for(|newest| newest.covers >= Some(upto) || newest.abandoned.is_some());
        let reason = match reached.await {
            Ok(newest) if newest.covers >= Some(upto) => return Ok(()),
            Ok(newest) => newest.abandoned.clone().unwrap_or_default(),
            Err(_closed) => "the state machine has stopped".to_owned(),
        };
        Err(AnyError::error(format!("no snapshot covers the entries to purge: {reason}")))
    }
}

/// Names a snapshot by the last entry in it.
pub(crate) fn name(last: Option<LogId>) -> String {
    match last {
        Some(id) => format!("{}-{}-{}", id.leader_id.term, id.leader_id.node_id, id.index),
        None => "empty".to_owned(),
    }
}
