//! What do committed entries mean? openraft's state machine over the replica, with durable snapshots.
//!
//! The state lives in memory and is rebuilt at every start from the newest snapshot and the committed log after it;
//! only snapshots are made durable here. An entry or a snapshot that does not decode stops the manager: to go on would
//! be to disagree with the others.

use std::sync::Arc;
use std::time::Duration;

use openraft::storage::RaftStateMachine;
use openraft::{AnyError, EntryPayload, OptionalSend, RaftSnapshotBuilder, Snapshot, StoredMembership as Stored};
use wardroom_state::{State, decode_proposal};

use super::log_store::LogStore;
use super::snapshot_store::{Saved, SnapshotStore, name};
use super::types::{
    Entry, LogId, Outcome, SnapshotBytes, SnapshotMeta, StorageError, StorageIoError, StoredMembership, TypeConfig,
};
use crate::replica::Replica;

/// Pause after a snapshot that found no space.
const AGAIN: Duration = Duration::from_secs(10);

pub(crate) struct StateMachine {
    replica: Replica,
    snapshots: Arc<SnapshotStore>,
    /// Knows the ids of entries already in the log, to hold a snapshot against.
    log: LogStore,
    applied: Option<LogId>,
    membership: StoredMembership,
    /// What it began with, until openraft has asked for it: that is at once, and large files are not read twice.
    beginning: Option<Snapshot<TypeConfig>>,
}

impl StateMachine {
    /// Starts from the newest durable snapshot; the committed log after it is applied by openraft.
    pub(crate) fn recover(
        replica: Replica,
        snapshots: Arc<SnapshotStore>,
        log: LogStore,
    ) -> Result<Self, StorageError> {
        let mut machine = Self {
            replica,
            snapshots,
            log,
            applied: None,
            membership: StoredMembership::default(),
            beginning: None,
        };
        if let Some(newest) = machine.snapshots.load()? {
            let state = decode(&newest.meta, &newest.snapshot)?;
            machine.adopt(&newest.meta, state);
            machine.beginning = Some(newest);
        }
        Ok(machine)
    }

    fn adopt(&mut self, meta: &SnapshotMeta, state: State) {
        self.applied = meta.last_log_id;
        self.membership = meta.last_membership.clone();
        self.replica.replace(meta.last_log_id.map_or(0, |id| id.index), state);
    }

    fn install(&mut self, meta: &SnapshotMeta, snapshot: &SnapshotBytes) -> Result<(), StorageError> {
        self.agrees(meta)?;
        let state = decode(meta, snapshot)?;
        // Durable first: from here on a restart finds the new state, before it the old one.
        if self.snapshots.save(meta, &snapshot.0)? == Saved::NoSpace {
            let full = AnyError::new(&wardroom_log::SnapshotError::NoSpace);
            return Err(StorageIoError::write_snapshot(Some(meta.signature()), full).into());
        }
        self.adopt(meta, state);
        Ok(())
    }

    fn apply_one(&mut self, entry: Entry) -> Result<Outcome, StorageError> {
        let index = entry.log_id.index;
        let outcome = match entry.payload {
            EntryPayload::Normal(proposed) => {
                let proposal = decode_proposal(&proposed.0)
                    .map_err(|error| StorageIoError::apply(entry.log_id, AnyError::new(&error)))?;
                match self.replica.apply(index, &proposal) {
                    Ok(applied) => Outcome {
                        refusal: None,
                        applied: Some(applied),
                    },
                    Err(refusal) => Outcome {
                        refusal: Some(refusal),
                        applied: None,
                    },
                }
            }
            EntryPayload::Blank => {
                self.replica.pass(index);
                Outcome::default()
            }
            EntryPayload::Membership(members) => {
                self.membership = Stored::new(Some(entry.log_id), members);
                self.replica.pass(index);
                Outcome::default()
            }
        };
        self.applied = Some(entry.log_id);
        Ok(outcome)
    }

    /// A snapshot may only add to what is known to be committed. One that stands behind it, or names another entry at
    /// an index this manager knows to be committed, would undo acknowledged changes.
    fn agrees(&self, meta: &SnapshotMeta) -> Result<(), StorageError> {
        let committed = self.log.committed().max(self.applied);
        let known = match (meta.last_log_id, committed) {
            (Some(last), Some(committed)) if last.index == committed.index => Some(committed),
            (Some(last), Some(committed)) if last.index < committed.index => self.log.id_at(last.index)?,
            _ => return Ok(()),
        };
        if meta.last_log_id < self.applied || known.is_some_and(|known| Some(known) != meta.last_log_id) {
            let text = format!("snapshot {} disagrees with what is committed here", meta.snapshot_id);
            return Err(StorageIoError::write_snapshot(Some(meta.signature()), AnyError::error(text)).into());
        }
        Ok(())
    }
}

/// Nobody may wait for a snapshot that nobody will make.
impl Drop for StateMachine {
    fn drop(&mut self) {
        self.snapshots.abandon("the state machine has stopped");
    }
}

fn decode(meta: &SnapshotMeta, snapshot: &SnapshotBytes) -> Result<State, StorageError> {
    State::decode(&snapshot.0)
        .map_err(|error| StorageIoError::read_snapshot(Some(meta.signature()), AnyError::new(&error)).into())
}

impl RaftStateMachine<TypeConfig> for StateMachine {
    type SnapshotBuilder = Builder;

    async fn applied_state(&mut self) -> Result<(Option<LogId>, StoredMembership), StorageError> {
        Ok((self.applied, self.membership.clone()))
    }

    async fn apply<I>(&mut self, entries: I) -> Result<Vec<Outcome>, StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        let mut outcomes = Vec::new();
        for entry in entries {
            outcomes.push(self.apply_one(entry)?);
        }
        Ok(outcomes)
    }

    async fn get_snapshot_builder(&mut self) -> Builder {
        let meta = SnapshotMeta {
            last_log_id: self.applied,
            last_membership: self.membership.clone(),
            snapshot_id: name(self.applied),
        };
        // Encoded here, between two entries, so that the bytes are the state at exactly `applied`.
        let bytes = SnapshotBytes(Arc::new(self.replica.read(State::encode)));
        Builder {
            meta,
            bytes,
            snapshots: Arc::clone(&self.snapshots),
        }
    }

    async fn begin_receiving_snapshot(&mut self) -> Result<Box<SnapshotBytes>, StorageError> {
        Ok(Box::default())
    }

    async fn install_snapshot(
        &mut self,
        meta: &SnapshotMeta,
        snapshot: Box<SnapshotBytes>,
    ) -> Result<(), StorageError> {
        let installed = self.install(meta, &snapshot);
        if let Err(error) = &installed {
            self.snapshots.abandon(&error.to_string());
        }
        installed
    }

    async fn get_current_snapshot(&mut self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let newest = self.snapshots.covers();
        let known = self.beginning.take().filter(|known| known.meta.last_log_id == newest);
        known.map_or_else(|| self.snapshots.load(), |known| Ok(Some(known)))
    }
}

/// A snapshot on its way to disk.
pub(crate) struct Builder {
    meta: SnapshotMeta,
    bytes: SnapshotBytes,
    snapshots: Arc<SnapshotStore>,
}

impl RaftSnapshotBuilder<TypeConfig> for Builder {
    async fn build_snapshot(&mut self) -> Result<Snapshot<TypeConfig>, StorageError> {
        if self.snapshots.save(&self.meta, &self.bytes.0)? == Saved::NoSpace {
            tracing::warn!("no space left on the device for a snapshot; free space on the manager's disk");
            tokio::time::sleep(AGAIN).await;
            // openraft stops for good on an error. A snapshot of nothing is older than any, so that it changes nothing;
            // the log stays as long as it is, and the next entry asks for another try.
            return Ok(Snapshot {
                meta: SnapshotMeta::default(),
                snapshot: Box::default(),
            });
        }
        Ok(Snapshot {
            meta: self.meta.clone(),
            snapshot: Box::new(self.bytes.clone()),
        })
    }
}
