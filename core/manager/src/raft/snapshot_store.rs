//! Which snapshot is the newest? Durable, encrypted, and never replaced by an older one.
//!
//! A snapshot is built beside the state machine while another may arrive from the leader; whichever covers more stays.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::{AnyError, Snapshot};
use wardroom_ca::Clock;
use wardroom_log::Snapshots;

use super::encode;
use super::types::{LogId, SnapshotBytes, SnapshotMeta, StorageError, StorageIoError, TypeConfig};

pub(crate) struct SnapshotStore {
    files: Snapshots,
    clock: Arc<dyn Clock>,
    newest: Mutex<Option<Newest>>,
}

struct Newest {
    covers: Option<LogId>,
    bytes: u64,
    at_ms: i64,
}

impl SnapshotStore {
    pub(crate) fn new(files: Snapshots, clock: Arc<dyn Clock>) -> Self {
        Self {
            files,
            clock,
            newest: Mutex::default(),
        }
    }

    /// Makes a snapshot durable unless a newer one is there; only then may the log behind it be purged.
    pub(crate) fn save(&self, meta: &SnapshotMeta, data: &[u8]) -> Result<(), StorageError> {
        let mut newest = self.lock();
        if newest.as_ref().is_some_and(|newest| newest.covers > meta.last_log_id) {
            return Ok(());
        }
        let at_ms = self.clock.now_ms();
        self.files
            .save(&encode::snapshot_header(meta, at_ms), data)
            .map_err(|error| StorageIoError::write_snapshot(Some(meta.signature()), AnyError::new(&error)))?;
        *newest = Some(Newest {
            covers: meta.last_log_id,
            bytes: data.len() as u64,
            at_ms,
        });
        Ok(())
    }

    /// Reads the newest snapshot back; it is kept on disk only.
    pub(crate) fn load(&self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let mut newest = self.lock();
        let read = |error: AnyError| StorageIoError::read_snapshot(None, error);
        let Some(found) = self.files.newest().map_err(|error| read(AnyError::new(&error)))? else {
            return Ok(None);
        };
        let (header, data) = (found.meta, found.data);
        let (meta, at_ms) = encode::decode_snapshot_header(&header).map_err(|error| read(AnyError::new(&error)))?;
        *newest = Some(Newest {
            covers: meta.last_log_id,
            bytes: data.len() as u64,
            at_ms,
        });
        Ok(Some(Snapshot {
            meta,
            snapshot: Box::new(SnapshotBytes(Arc::new(data))),
        }))
    }

    /// Bytes and time of the newest snapshot; zeros when there is none.
    pub(crate) fn size_and_time(&self) -> (u64, i64) {
        self.lock()
            .as_ref()
            .map_or((0, 0), |newest| (newest.bytes, newest.at_ms))
    }

    fn lock(&self) -> MutexGuard<'_, Option<Newest>> {
        self.newest.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Names a snapshot by the last entry in it.
pub(crate) fn name(last: Option<LogId>) -> String {
    match last {
        Some(id) => format!("{}-{}-{}", id.leader_id.term, id.leader_id.node_id, id.index),
        None => "empty".to_owned(),
    }
}
