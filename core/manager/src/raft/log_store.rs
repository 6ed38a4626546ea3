//! Where do votes and entries go? openraft's log over `wardroom_log`: one ordered log, one writer.
//!
//! Votes and entries share the log, so neither can reach the disk before the other out of turn. The writer calls back
//! strictly in order and only after its fdatasync. How far the log is committed is a hint that saves re-reading at the
//! next start; it rides along with the next write instead of costing an fsync of its own.

use std::fmt::Debug;
use std::io;
use std::ops::RangeBounds;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use openraft::storage::{LogFlushed, RaftLogStorage};
use openraft::{AnyError, LogState, OptionalSend, RaftLogReader};
use tokio::sync::oneshot;
use tokio::time::Instant;
use wardroom_api::v1;
use wardroom_log::{Log, LogReader, Purged, Record, Recovered, Spawn, Writer};

use super::encode;
use super::snapshot_store::{Coverage, SnapshotStore};
use super::types::{Entry, LogId, StorageError, StorageIoError, TypeConfig, Vote};

/// Most bytes of entries in one message to a follower: an append has to be answered within one heartbeat.
const BATCH_BYTES: usize = 1024 * 1024;

/// On a full disk, room for what Raft writes of its own accord after an election; nothing else may take it.
const RESERVE: u64 = 256 << 10;
/// Shortest time between two looks whether a full disk has room again: each tries to write a whole segment.
const LOOK: Duration = Duration::from_secs(1);

/// Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub(crate) struct LogStore(Arc<Inner>);

struct Inner {
    writer: Writer,
    reader: LogReader,
    coverage: Coverage,
    records_found: u64,
    head: Mutex<Head>,
    /// When a full disk was last looked at.
    looked: tokio::sync::Mutex<Option<Instant>>,
}

/// What finds room on the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Room {
    Enough,
    /// The disk is full. What must not be refused may still take so many bytes; an append that does not fit would end
    /// this manager.
    Last(u64),
}

impl Room {
    pub(crate) fn fits(self, bytes: usize) -> bool {
        match self {
            Self::Enough => true,
            Self::Last(left) => bytes as u64 <= left,
        }
    }
}

/// What the log says about itself, as of the last write handed to the writer.
#[derive(Clone, Copy, Default)]
struct Head {
    vote: Option<Vote>,
    committed: Option<LogId>,
    /// `committed` is ahead of what was written.
    committed_unwritten: bool,
    purged: Option<LogId>,
    last: Option<LogId>,
}

/// Positions in the log, as indexes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pointers {
    /// The oldest entry kept.
    pub(crate) first: u64,
    pub(crate) last: u64,
    pub(crate) committed: u64,
}

impl LogStore {
    /// Takes over a log that was just opened; it forgets only what `coverage` reaches.
    pub(crate) fn new(log: Log, recovered: &Recovered, coverage: Coverage, spawn: Spawn) -> Result<Self, StorageError> {
        let read = |error: encode::DecodeError| StorageIoError::read_logs(AnyError::new(&error));
        let id = |bytes: &[u8]| encode::decode_log_id(bytes).map_err(read);
        let purged = recovered.purged.as_ref().map(|purged| id(&purged.id)).transpose()?;
        let mut head = Head {
            vote: recovered
                .vote
                .as_deref()
                .map(encode::decode_vote)
                .transpose()
                .map_err(read)?,
            committed: recovered.committed.as_deref().map(id).transpose()?,
            committed_unwritten: false,
            purged,
            last: purged,
        };
        let reader = log.reader();
        let writer = Writer::spawn(log, spawn);
        let records_found = recovered.records;
        let store = Self(Arc::new(Inner {
            writer,
            reader,
            coverage,
            records_found,
            head: Mutex::default(),
            looked: tokio::sync::Mutex::default(),
        }));
        if let Some((_, last)) = recovered.entries {
            head.last = store.id_at(last)?;
        }
        *store.head() = head;
        Ok(store)
    }

    pub(crate) fn pointers(&self) -> Pointers {
        let head = *self.head();
        let index = |id: Option<LogId>| id.map_or(0, |id| id.index);
        Pointers {
            first: head.purged.map_or(0, |id| id.index + 1),
            last: index(head.last),
            committed: index(head.committed),
        }
    }

    pub(crate) fn committed(&self) -> Option<LogId> {
        self.head().committed
    }

    pub(crate) fn purged(&self) -> Option<LogId> {
        self.head().purged
    }

    /// The id of the entry at `index`, if it is still there.
    pub(crate) fn id_at(&self, index: u64) -> Result<Option<LogId>, StorageError> {
        let failed = |error: AnyError| StorageIoError::read_log_at_index(index, error);
        let found = self
            .0
            .reader
            .read(index..=index)
            .map_err(|error| failed(AnyError::new(&error)))?;
        let id = found
            .first()
            .map(|entry| encode::decode_entry_id(entry.term, index, &entry.payload));
        id.transpose().map_err(|error| failed(AnyError::new(&error)).into())
    }

    pub(crate) fn records(&self) -> u64 {
        self.0.records_found + self.0.reader.stats().records
    }

    pub(crate) fn status(&self, snapshots: &SnapshotStore) -> v1::LogStatus {
        let stats = self.0.reader.stats();
        let (snapshot_bytes, snapshot_at_ms) = snapshots.size_and_time();
        v1::LogStatus {
            segments: u32::try_from(stats.segments).unwrap_or(u32::MAX),
            bytes: stats.bytes,
            appends: stats.appends,
            records: stats.records,
            fsync_p50_us: stats.fsync_p50_us,
            fsync_p99_us: stats.fsync_p99_us,
            snapshot_bytes,
            snapshot_at_ms,
        }
    }

    /// See [`wardroom_log::Log::roll`].
    pub(crate) async fn roll(&self) -> Result<wardroom_log::Rolled, wardroom_log::LogError> {
        self.0.writer.roll().await
    }

    /// What stands on the disk under each DEK, oldest epoch first.
    pub(crate) fn uses(&self) -> Vec<wardroom_log::EpochUse> {
        self.0.reader.uses()
    }

    /// What still finds room. A disk that was full is looked at again on demand, so that freeing space is enough.
    pub(crate) async fn room(&self) -> Room {
        let reader = &self.0.reader;
        if reader.room().is_none() {
            return Room::Enough;
        }
        let mut looked = self.0.looked.lock().await;
        if looked.is_none_or(|at| at.elapsed() >= LOOK) {
            self.0.writer.look_for_room().await;
            *looked = Some(Instant::now());
        }
        reader
            .room()
            .map_or(Room::Enough, |left| Room::Last(left.saturating_sub(RESERVE)))
    }

    /// Writes what was held back, so that the next start has nothing to learn from the leader, and closes the files.
    pub(crate) async fn close(&self) {
        let pending = self.head().committed_unwritten;
        if pending && self.write(Vec::new()).await.is_err() {
            tracing::warn!("the log could not be written at the end; the next start asks the other managers");
        }
        self.0.writer.shutdown().await;
    }

    #[cfg(test)]
    pub(crate) async fn halt(&self) {
        self.0.writer.shutdown().await;
    }

    /// Hands records to the writer; `done` is called once they are durable.
    fn submit(&self, mut records: Vec<Record>, done: impl FnOnce(Result<(), io::Error>) + Send + 'static) {
        let mut head = self.head();
        if let Some(committed) = head.committed.filter(|_| head.committed_unwritten) {
            records.push(Record::Committed(encode::log_id(&committed)));
            head.committed_unwritten = false;
        }
        // Under the lock, so that the order of records is the order of what the head went through.
        self.0.writer.submit(
            records,
            Box::new(move |written| done(written.map_err(io::Error::other))),
        );
    }

    async fn write(&self, records: Vec<Record>) -> Result<(), AnyError> {
        let (done, written) = oneshot::channel();
        self.submit(records, move |result| {
            // A caller that went away is told nothing; the records are durable all the same.
            let _ = done.send(result);
        });
        match written.await {
            Ok(result) => result.map_err(|error| AnyError::new(&error)),
            Err(_) => Err(AnyError::error("the log's writer has stopped")),
        }
    }

    fn head(&self) -> MutexGuard<'_, Head> {
        self.0.head.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self, range: impl RangeBounds<u64>, bytes_max: usize) -> Result<Vec<Entry>, StorageError> {
        let found = self.0.reader.read_limited(range, bytes_max);
        let found = found.map_err(|error| StorageIoError::read_logs(AnyError::new(&error)))?;
        let entries = found.into_iter().map(|entry| {
            encode::decode_entry(entry.term, entry.index, &entry.payload)
                .map_err(|error| StorageIoError::read_log_at_index(entry.index, AnyError::new(&error)).into())
        });
        entries.collect()
    }
}

impl RaftLogReader<TypeConfig> for LogStore {
    async fn try_get_log_entries<RB>(&mut self, range: RB) -> Result<Vec<Entry>, StorageError>
    where
        RB: RangeBounds<u64> + Clone + Debug + OptionalSend,
    {
        self.entries(range, usize::MAX)
    }

    async fn limited_get_log_entries(&mut self, start: u64, end: u64) -> Result<Vec<Entry>, StorageError> {
        self.entries(start..end, BATCH_BYTES)
    }
}

impl RaftLogStorage<TypeConfig> for LogStore {
    type LogReader = Self;

    async fn get_log_state(&mut self) -> Result<LogState<TypeConfig>, StorageError> {
        let head = *self.head();
        Ok(LogState {
            last_purged_log_id: head.purged,
            last_log_id: head.last,
        })
    }

    async fn get_log_reader(&mut self) -> Self {
        self.clone()
    }

    async fn save_vote(&mut self, vote: &Vote) -> Result<(), StorageError> {
        self.head().vote = Some(*vote);
        let written = self.write(vec![Record::Vote(encode::vote(vote))]).await;
        written.map_err(|error| StorageIoError::write_vote(error).into())
    }

    async fn read_vote(&mut self) -> Result<Option<Vote>, StorageError> {
        Ok(self.head().vote)
    }

    async fn save_committed(&mut self, committed: Option<LogId>) -> Result<(), StorageError> {
        let mut head = self.head();
        head.committed_unwritten |= head.committed != committed;
        head.committed = committed;
        Ok(())
    }

    async fn read_committed(&mut self) -> Result<Option<LogId>, StorageError> {
        Ok(self.head().committed)
    }

    async fn append<I>(&mut self, entries: I, callback: LogFlushed<TypeConfig>) -> Result<(), StorageError>
    where
        I: IntoIterator<Item = Entry> + OptionalSend,
        I::IntoIter: OptionalSend,
    {
        // What is purged is in a durable snapshot; it has no place in the log any more.
        let first = self.head().purged.map_or(0, |id| id.index + 1);
        let mut last = None;
        let records = entries
            .into_iter()
            .filter(|entry| entry.log_id.index >= first)
            .map(|entry| {
                last = Some(entry.log_id);
                let payload = encode::entry(&entry).into();
                Record::Entry {
                    term: entry.log_id.leader_id.term,
                    index: entry.log_id.index,
                    payload,
                }
            })
            .collect();
        self.submit(records, move |written| callback.log_io_completed(written));
        let mut head = self.head();
        head.last = last.or(head.last);
        Ok(())
    }

    async fn truncate(&mut self, since: LogId) -> Result<(), StorageError> {
        let purged = self.head().purged;
        let last = match since.index.checked_sub(1) {
            Some(before) => self.id_at(before)?.or(purged),
            None => None,
        };
        self.head().last = last;
        let written = self.write(vec![Record::TruncateFrom(since.index)]).await;
        written.map_err(|error| StorageIoError::write_logs(error).into())
    }

    /// openraft asks for this as soon as it has *handed* a received snapshot to the state machine. A purge that became
    /// durable before the snapshot would leave a manager with neither after a crash, so it waits for the snapshot.
    ///
    /// The wait ends: the state machine works on a task of its own that waits for nothing of Raft's, and when it ends,
    /// for whatever reason, it abandons its snapshots.
    async fn purge(&mut self, upto: LogId) -> Result<(), StorageError> {
        self.0
            .coverage
            .reaches(upto)
            .await
            .map_err(StorageIoError::write_logs)?;
        {
            let mut head = self.head();
            head.purged = head.purged.max(Some(upto));
            head.last = head.last.max(Some(upto));
        }
        let purged = Purged {
            index: upto.index,
            id: encode::log_id(&upto),
        };
        let written = self.write(vec![Record::PurgeUpTo(purged)]).await;
        written.map_err(|error| StorageIoError::write_logs(error).into())
    }
}
