//! Which snapshot is the newest? Durable, encrypted, and never replaced by an older one.
//!
//! A snapshot is built beside the state machine while another may arrive from the leader; whichever covers more stays.
//! Files are worked on one at a time and beside the runtime's workers; figures are there without waiting for a file.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use openraft::{AnyError, Snapshot};
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::watch;
use wardroom_ca::Clock;
use wardroom_log::{SnapshotError, Snapshots, Spawn};

use super::encode;
use super::types::{LogId, SnapshotBytes, SnapshotMeta, StorageError, StorageIoError, TypeConfig};

pub(crate) struct SnapshotStore {
    files: Mutex<Snapshots>,
    clock: Arc<dyn Clock>,
    spawn: Spawn,
    newest: watch::Sender<Newest>,
}

/// What became of a snapshot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Saved {
    /// It, or a newer one, is durable.
    Durable,
    /// The disk is full; the one before is still there.
    NoSpace,
}

/// The newest durable snapshot, in figures; all zero when there is none.
#[derive(Clone, Debug, Default)]
struct Newest {
    covers: Option<LogId>,
    bytes: u64,
    at_ms: i64,
    /// Of the DEK that seals it; of the older one, while a file that could not be removed stands beside it.
    epoch: Option<u32>,
    /// Counts what was made durable, also when it covers no more than the one before.
    saved: u64,
    /// Why no other will follow.
    abandoned: Option<String>,
}

impl SnapshotStore {
    pub(crate) fn new(files: Snapshots, clock: Arc<dyn Clock>, spawn: Spawn) -> Self {
        Self {
            files: Mutex::new(files),
            clock,
            spawn,
            newest: watch::Sender::default(),
        }
    }

    /// Makes a snapshot durable unless a newer one is there; only then may the log behind it be purged.
    pub(crate) fn save(&self, meta: &SnapshotMeta, data: &[u8]) -> Result<Saved, StorageError> {
        self.aside(|| self.save_here(meta, data))
    }

    fn save_here(&self, meta: &SnapshotMeta, data: &[u8]) -> Result<Saved, StorageError> {
        let files = self.files();
        if self.newest.borrow().covers > meta.last_log_id {
            return Ok(Saved::Durable);
        }
        let at_ms = self.clock.now_ms();
        match files.save(&encode::snapshot_header(meta, at_ms), data) {
            Ok(()) => {}
            Err(SnapshotError::NoSpace) => return Ok(Saved::NoSpace),
            Err(error) => {
                return Err(StorageIoError::write_snapshot(Some(meta.signature()), AnyError::new(&error)).into());
            }
        }
        self.note(&files, meta, data, at_ms);
        Ok(Saved::Durable)
    }

    /// Reads the newest snapshot back; it is kept on disk only.
    pub(crate) fn load(&self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        self.aside(|| self.load_here())
    }

    fn load_here(&self) -> Result<Option<Snapshot<TypeConfig>>, StorageError> {
        let files = self.files();
        let read = |error: AnyError| StorageIoError::read_snapshot(None, error);
        let Some(found) = files.newest().map_err(|error| read(AnyError::new(&error)))? else {
            return Ok(None);
        };
        let (header, data) = (found.meta, found.data);
        let (meta, at_ms) = encode::decode_snapshot_header(&header).map_err(|error| read(AnyError::new(&error)))?;
        self.note(&files, &meta, &data, at_ms);
        Ok(Some(Snapshot {
            meta,
            snapshot: Box::new(SnapshotBytes(Arc::new(data))),
        }))
    }

    /// The last entry in the newest durable snapshot.
    pub(crate) fn covers(&self) -> Option<LogId> {
        self.newest.borrow().covers
    }

    /// Bytes and time of the newest snapshot; zeros when there is none.
    pub(crate) fn size_and_time(&self) -> (u64, i64) {
        let newest = self.newest.borrow();
        (newest.bytes, newest.at_ms)
    }

    /// Says that no snapshot will follow any more, so that nobody waits for one. The first reason stays.
    pub(crate) fn abandon(&self, reason: &str) {
        self.newest.send_modify(|newest| {
            newest.abandoned.get_or_insert_with(|| reason.to_owned());
        });
    }

    /// Of the DEK that seals the newest snapshot; `None` without one.
    pub(crate) fn epoch(&self) -> Option<u32> {
        self.newest.borrow().epoch
    }

    /// What is saved from now on; see [`Watched::reaches`].
    pub(crate) fn watch(&self) -> Watched {
        let newest = self.newest.subscribe();
        let saved = newest.borrow().saved;
        Watched { newest, saved }
    }

    /// Does `work` if every snapshot on the disk is sealed under the DEK of that epoch; none is written meanwhile.
    pub(crate) fn when_under<R>(&self, epoch: u32, work: impl FnOnce() -> R) -> Option<R> {
        self.aside(|| {
            let files = self.files();
            let uses = files.uses().ok()?;
            uses.iter().all(|found| found.epoch == epoch).then(work)
        })
    }

    /// What the log may forget, as it grows.
    pub(crate) fn coverage(&self) -> Coverage {
        Coverage(Some(self.newest.subscribe()))
    }

    fn note(&self, files: &Snapshots, meta: &SnapshotMeta, data: &[u8], at_ms: i64) {
        let uses = files.uses().unwrap_or_default();
        self.newest.send_modify(|newest| {
            newest.covers = meta.last_log_id;
            newest.bytes = data.len() as u64;
            newest.at_ms = at_ms;
            newest.epoch = uses.first().map(|oldest| oldest.epoch);
            newest.saved += 1;
        });
    }

    /// Where the log has a thread of its own the disk makes one wait, and the runtime's other tasks go on meanwhile. On
    /// one thread there is nowhere to go, and a simulated disk needs no time.
    pub(crate) fn aside<R>(&self, work: impl FnOnce() -> R) -> R {
        let workers = || Handle::try_current().is_ok_and(|now| now.runtime_flavor() == RuntimeFlavor::MultiThread);
        if self.spawn == Spawn::Thread && workers() {
            return tokio::task::block_in_place(work);
        }
        work()
    }

    fn files(&self) -> MutexGuard<'_, Snapshots> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the next snapshot.
pub(crate) struct Watched {
    newest: watch::Receiver<Newest>,
    /// What was saved before it was asked for.
    saved: u64,
}

impl Watched {
    /// Waits until a snapshot is saved. Whether that one covers `index` and is sealed under the DEK of `epoch`; the error
    /// says why none will follow.
    pub(crate) async fn reaches(mut self, epoch: u32, index: u64) -> Result<bool, String> {
        let before = self.saved;
        let next = |newest: &Newest| newest.saved != before || newest.abandoned.is_some();
        let saved = self.newest.wait_for(next).await;
        let newest = saved.map_err(|_closed| "the state machine has stopped".to_owned())?;
        if let Some(reason) = &newest.abandoned {
            return Err(reason.clone());
        }
        Ok(newest.epoch == Some(epoch) && newest.covers.map_or(0, |id| id.index) >= index)
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
        let Some(mut newest) = self.0.clone() else {
            return Ok(());
        };
        let reached = newest.wait_for(|newest| newest.covers >= Some(upto) || newest.abandoned.is_some());
        let reason = match reached.await {
            Ok(newest) if newest.covers >= Some(upto) => return Ok(()),
            Ok(newest) => newest.abandoned.clone().unwrap_or_default(),
            Err(_closed) => "the state machine has stopped".to_owned(),
        };
        Err(AnyError::error(format!(
            "no snapshot covers the entries to purge: {reason}"
        )))
    }
}

/// Names a snapshot by the last entry in it.
pub(crate) fn name(last: Option<LogId>) -> String {
    match last {
        Some(id) => format!("{}-{}-{}", id.leader_id.term, id.leader_id.node_id, id.index),
        None => "empty".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use std::io;
    use std::sync::mpsc;
    use std::time::Duration;

    use wardroom_ca::ManualClock;
    use wardroom_keys::{Keyring, MemKeyStore, SealingRoot, SeededChance, SharedKeyring};
    use wardroom_log::{Disk, DiskFile, Identity, MemDisk};

    use super::*;

    /// A disk that says when a snapshot is about to become durable, and then waits.
    struct Slow {
        disk: MemDisk,
        reached: mpsc::Sender<()>,
        go_on: Mutex<mpsc::Receiver<()>>,
    }

    impl Disk for Slow {
        fn create_dir(&self, dir: &str) -> io::Result<()> {
            self.disk.create_dir(dir)
        }
        fn list(&self, dir: &str) -> io::Result<Vec<String>> {
            self.disk.list(dir)
        }
        fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
            self.disk.create(path)
        }
        fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
            self.disk.open(path)
        }
        fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            self.disk.rename(from, to)
        }
        fn exchange(&self, one: &str, other: &str) -> io::Result<()> {
            self.disk.exchange(one, other)
        }
        fn unlink(&self, path: &str) -> io::Result<()> {
            self.disk.unlink(path)
        }
        fn sync_dir(&self, dir: &str) -> io::Result<()> {
            self.reached.send(()).unwrap();
            self.go_on.lock().unwrap().recv().unwrap();
            self.disk.sync_dir(dir)
        }
    }

    fn store(disk: Slow) -> SnapshotStore {
        let chance = Arc::new(SeededChance::new(3));
        let keyring = Keyring::create(&*chance, "c", "n", &SealingRoot::generate(&*chance), 0);
        let identity = Identity {
            cluster: "c".into(),
            node: "n".into(),
        };
        let keyring = Arc::new(SharedKeyring::new(keyring, Arc::new(MemKeyStore::default())));
        let files = Snapshots::open(Arc::new(disk), identity, keyring, chance).unwrap();
        SnapshotStore::new(files, Arc::new(ManualClock::new(7)), Spawn::Thread)
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 1)]
    async fn a_slow_disk_holds_up_neither_the_runtime_nor_the_figures() {
        let ((reached, at_sync), (go, go_on)) = (mpsc::channel(), mpsc::channel());
        let snapshots = Arc::new(store(Slow {
            disk: MemDisk::new(),
            reached,
            go_on: Mutex::new(go_on),
        }));
        let saving = tokio::spawn({
            let snapshots = Arc::clone(&snapshots);
            async move { snapshots.save(&SnapshotMeta::default(), &[1, 2, 3]) }
        });
        tokio::task::spawn_blocking(move || at_sync.recv().unwrap())
            .await
            .unwrap();

        // The only worker would be the one that waits for the disk.
        let other = tokio::spawn({
            let snapshots = Arc::clone(&snapshots);
            async move { snapshots.size_and_time() }
        });
        let figures = tokio::time::timeout(Duration::from_secs(20), other).await;
        go.send(()).unwrap();
        assert_eq!(figures.expect("the runtime goes on").unwrap(), (0, 0));
        assert_eq!(saving.await.unwrap().unwrap(), Saved::Durable);
        assert_eq!(snapshots.size_and_time(), (3, 7));
    }
}
