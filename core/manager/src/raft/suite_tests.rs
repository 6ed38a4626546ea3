//! Do our log and state machine keep openraft's contract? Its own suite, on files and in memory.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::sync::Arc;

use openraft::storage::{RaftLogStorage, RaftStateMachine};
use openraft::testing::{StoreBuilder, Suite};
use openraft::{EntryPayload, RaftLogReader, RaftSnapshotBuilder, Snapshot};
use tempfile::TempDir;
use wardroom_ca::SystemClock;
use wardroom_keys::{Keyring, MemKeyStore, SealingRoot, SeededChance, SharedKeyring};
use wardroom_log::{Disk, Fault, Identity, Log, LogOptions, MemDisk, RealDisk, Snapshots, Spawn};

use super::encode;
use super::log_store::LogStore;
use super::snapshot_store::{Coverage, SnapshotStore};
use super::state_machine::StateMachine;
use super::types::{Entry, Proposed, StorageError, TypeConfig, Vote};
use crate::replica::Replica;

const CLUSTER: &str = "c";
const NODE: &str = "n";

/// A store's disk and the keys that open it again.
struct Bench {
    disk: Arc<dyn Disk>,
    keyring: Arc<SharedKeyring>,
    spawn: Spawn,
}

impl Bench {
    fn new(disk: Arc<dyn Disk>, spawn: Spawn) -> Self {
        let chance = SeededChance::new(1);
        let root = SealingRoot::generate(&chance);
        Self {
            disk,
            keyring: Arc::new(SharedKeyring::new(
                Keyring::create(&chance, CLUSTER, NODE, &root, 0),
                Arc::new(MemKeyStore::default()),
            )),
            spawn,
        }
    }

    /// As openraft's suite wants it: a log that is purged without any snapshot.
    fn open(&self) -> (LogStore, StateMachine) {
        self.open_with(|_| Coverage::everything())
    }

    fn open_with(&self, coverage: impl FnOnce(&SnapshotStore) -> Coverage) -> (LogStore, StateMachine) {
        let identity = Identity {
            cluster: CLUSTER.into(),
            node: NODE.into(),
        };
        let chance = Arc::new(SeededChance::new(2));
        let (disk, keyring) = (&self.disk, &self.keyring);
        let options = LogOptions {
            segment_bytes: 64 << 10,
            cache_bytes: 4 << 10,
        };
        let (log, recovered) = Log::open(
            Arc::clone(disk),
            identity.clone(),
            Arc::clone(keyring),
            chance.clone(),
            options,
        )
        .unwrap();
        let files = Snapshots::open(Arc::clone(disk), identity, Arc::clone(keyring), chance).unwrap();
        let snapshots = Arc::new(SnapshotStore::new(files, Arc::new(SystemClock), self.spawn));
        let log = LogStore::new(log, &recovered, coverage(&snapshots), self.spawn).unwrap();
        let machine = StateMachine::recover(Replica::new(), snapshots, log.clone()).unwrap();
        (log, machine)
    }
}

struct OnFiles;

impl StoreBuilder<TypeConfig, LogStore, StateMachine, TempDir> for OnFiles {
    async fn build(&self) -> Result<(TempDir, LogStore, StateMachine), StorageError> {
        let dir = TempDir::new().unwrap();
        let (log, machine) = Bench::new(Arc::new(RealDisk::new(dir.path()).unwrap()), Spawn::Thread).open();
        Ok((dir, log, machine))
    }
}

struct InMemory;

impl StoreBuilder<TypeConfig, LogStore, StateMachine> for InMemory {
    async fn build(&self) -> Result<((), LogStore, StateMachine), StorageError> {
        let (log, machine) = Bench::new(Arc::new(MemDisk::new()), Spawn::Task).open();
        Ok(((), log, machine))
    }
}

#[test]
fn openraft_s_suite_passes_on_files() {
    Suite::test_all(OnFiles).unwrap();
}

#[test]
fn openraft_s_suite_passes_in_memory() {
    Suite::test_all(InMemory).unwrap();
}

fn entry(term: u64, index: u64, bytes: usize) -> Entry {
    let payload = EntryPayload::Normal(Proposed(vec![7; bytes]));
    Entry {
        log_id: encode::position(term, 1, index),
        payload,
    }
}

fn blank(term: u64, index: u64) -> Entry {
    Entry {
        log_id: encode::position(term, 1, index),
        payload: EntryPayload::Blank,
    }
}

async fn append(log: &mut LogStore, entries: Vec<Entry>) {
    openraft::storage::RaftLogStorageExt::blocking_append(log, entries)
        .await
        .unwrap();
}

#[tokio::test]
async fn a_store_opened_again_knows_what_it_knew() {
    let bench = Bench::new(Arc::new(MemDisk::new()), Spawn::Task);
    let (mut log, _) = bench.open();
    log.save_vote(&Vote::new_committed(3, 1)).await.unwrap();
    append(&mut log, (0..10).map(|index| entry(2, index, 3)).collect()).await;
    log.truncate(encode::position(2, 1, 8)).await.unwrap();
    log.save_committed(Some(encode::position(2, 1, 5))).await.unwrap();
    log.purge(encode::position(2, 1, 3)).await.unwrap();
    append(&mut log, vec![entry(3, 8, 3)]).await;
    let before = (log.get_log_state().await.unwrap(), log.pointers());
    log.close().await;

    let (mut log, _) = bench.open();
    assert_eq!((log.get_log_state().await.unwrap(), log.pointers()), before);
    assert_eq!(log.read_vote().await.unwrap(), Some(Vote::new_committed(3, 1)));
    assert_eq!(log.read_committed().await.unwrap(), Some(encode::position(2, 1, 5)));
    let kept = log.try_get_log_entries(..).await.unwrap();
    assert_eq!(
        kept,
        [4, 5, 6, 7]
            .map(|index| entry(2, index, 3))
            .into_iter()
            .chain([entry(3, 8, 3)])
            .collect::<Vec<_>>()
    );
}

#[tokio::test]
async fn the_committed_mark_held_back_is_written_on_closing() {
    let bench = Bench::new(Arc::new(MemDisk::new()), Spawn::Task);
    let (mut log, _) = bench.open();
    append(&mut log, vec![entry(1, 0, 1)]).await;
    log.save_committed(Some(encode::position(1, 1, 0))).await.unwrap();
    log.close().await;
    let (mut log, _) = bench.open();
    assert_eq!(log.read_committed().await.unwrap(), Some(encode::position(1, 1, 0)));
}

#[tokio::test]
async fn a_batch_for_a_follower_is_capped_in_bytes_and_never_empty() {
    let (mut log, _) = Bench::new(Arc::new(MemDisk::new()), Spawn::Task).open();
    append(&mut log, (0..5).map(|index| entry(1, index, 400 << 10)).collect()).await;
    assert_eq!(log.limited_get_log_entries(0, 5).await.unwrap().len(), 2);
    append(&mut log, vec![entry(1, 5, 2 << 20)]).await;
    assert_eq!(log.limited_get_log_entries(5, 6).await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_snapshot_survives_and_an_older_one_does_not_replace_it() {
    let bench = Bench::new(Arc::new(MemDisk::new()), Spawn::Task);
    let (_log, mut machine) = bench.open();
    machine.apply([blank(1, 0), blank(1, 1)]).await.unwrap();
    let mut early = machine.get_snapshot_builder().await;
    machine.apply([blank(1, 2)]).await.unwrap();
    let late = machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    early.build_snapshot().await.unwrap();
    assert_eq!(machine.get_current_snapshot().await.unwrap().unwrap().meta, late.meta);

    let (_log, mut machine) = bench.open();
    assert_eq!(
        machine.applied_state().await.unwrap().0,
        Some(encode::position(1, 1, 2))
    );
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_that_finds_no_space_changes_nothing_and_is_no_failure() {
    let disk = MemDisk::new();
    let (_log, mut machine) = Bench::new(Arc::new(disk.clone()), Spawn::Task).open();
    machine.apply([blank(1, 0)]).await.unwrap();
    let before = machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    machine.apply([blank(1, 1)]).await.unwrap();
    disk.set_capacity(Some(0));
    let built = machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    assert!(
        built.meta.last_log_id < before.meta.last_log_id,
        "openraft takes an older one for no news"
    );
    assert_eq!(machine.get_current_snapshot().await.unwrap().unwrap().meta, before.meta);
}

#[tokio::test]
async fn a_snapshot_that_disagrees_with_what_is_committed_changes_nothing() {
    let bench = Bench::new(Arc::new(MemDisk::new()), Spawn::Task);
    let (mut log, mut machine) = bench.open();
    append(&mut log, (0..4).map(|index| entry(1, index, 1)).collect()).await;
    log.save_committed(Some(encode::position(1, 1, 3))).await.unwrap();
    let mut other = machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    for at in [encode::position(2, 2, 3), encode::position(2, 2, 1)] {
        other.meta.last_log_id = Some(at);
        let refused = machine.install_snapshot(&other.meta, other.snapshot.clone()).await;
        assert!(refused.unwrap_err().to_string().contains("disagrees"), "{at}");
    }
    assert_eq!(machine.applied_state().await.unwrap().0, None);
    other.meta.last_log_id = Some(encode::position(1, 1, 3));
    machine.install_snapshot(&other.meta, other.snapshot).await.unwrap();
    assert_eq!(
        machine.applied_state().await.unwrap().0,
        Some(encode::position(1, 1, 3))
    );
}

/// A log of ten committed entries, and a snapshot from a leader that is at entry 90.
async fn left_behind(disk: &MemDisk) -> (Bench, LogStore, StateMachine, Snapshot<TypeConfig>) {
    let bench = Bench::new(Arc::new(disk.clone()), Spawn::Task);
    let (mut log, mut machine) = bench.open_with(SnapshotStore::coverage);
    let (_, mut ahead) = Bench::new(Arc::new(MemDisk::new()), Spawn::Task).open();
    append(&mut log, (0..10).map(|index| blank(1, index)).collect()).await;
    machine.apply((0..10).map(|index| blank(1, index))).await.unwrap();
    ahead.apply((0..=90).map(|index| blank(1, index))).await.unwrap();
    let snapshot = ahead.get_snapshot_builder().await.build_snapshot().await.unwrap();
    (bench, log, machine, snapshot)
}

/// Lets everything that waits for nothing but its turn go on.
async fn settle() {
    for _ in 0..20 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_power_cut_between_a_purge_and_its_snapshot_leaves_a_manager_that_starts() {
    // The cut comes before the snapshot's first write, after it, and so on until both are done.
    for after in 0..20 {
        let disk = MemDisk::new();
        let (bench, mut log, mut machine, snapshot) = left_behind(&disk).await;
        // As openraft does it: the purge is asked for while the state machine has not begun to install.
        let upto = encode::position(1, 1, 90);
        let purging = tokio::spawn(async move { log.purge(upto).await });
        settle().await;
        disk.inject(Fault::PowerCut { after });
        let _ = machine.install_snapshot(&snapshot.meta, snapshot.snapshot).await;
        settle().await;
        drop(machine);
        let purged = purging.await.unwrap();
        assert!(after != 0 || purged.is_err(), "nothing reached the disk");
        assert!(after != 19 || purged.is_ok(), "everything reached it: {purged:?}");
        disk.crash(after);

        let (mut log, mut machine) = bench.open_with(SnapshotStore::coverage);
        let state = openraft::StorageHelper::new(&mut log, &mut machine)
            .get_initial_state()
            .await;
        let at = state.unwrap().committed.map(|id| id.index);
        assert!(matches!(at, None | Some(90)), "cut after {after}: {at:?}");
    }
}

#[tokio::test]
async fn a_purge_whose_snapshot_cannot_be_installed_ends_with_the_reason() {
    let disk = MemDisk::new();
    let (_bench, mut log, mut machine, snapshot) = left_behind(&disk).await;
    let purging = tokio::spawn(async move { log.purge(encode::position(1, 1, 90)).await });
    settle().await;
    assert!(!purging.is_finished(), "there is no snapshot yet");
    let rubbish = Box::new(super::types::SnapshotBytes(Arc::new(vec![0xff; 40])));
    machine.install_snapshot(&snapshot.meta, rubbish).await.unwrap_err();
    let error = purging.await.unwrap().unwrap_err();
    assert!(
        error.to_string().contains("no snapshot covers the entries to purge"),
        "{error}"
    );
}

#[tokio::test]
async fn a_purge_does_not_outlast_the_state_machine() {
    let disk = MemDisk::new();
    let (_bench, mut log, machine, _) = left_behind(&disk).await;
    let purging = tokio::spawn(async move { log.purge(encode::position(1, 1, 90)).await });
    settle().await;
    drop(machine);
    assert!(purging.await.unwrap().is_err());
}

#[tokio::test]
async fn a_snapshot_that_does_not_decode_changes_nothing() {
    let bench = Bench::new(Arc::new(MemDisk::new()), Spawn::Task);
    let (_log, mut machine) = bench.open();
    let mut snapshot = machine.get_snapshot_builder().await.build_snapshot().await.unwrap();
    snapshot.meta.last_log_id = Some(encode::position(1, 1, 9));
    *snapshot.snapshot = super::types::SnapshotBytes(Arc::new(vec![0xff; 40]));
    assert!(
        machine
            .install_snapshot(&snapshot.meta, snapshot.snapshot)
            .await
            .is_err()
    );
    assert_eq!(machine.applied_state().await.unwrap().0, None);
    assert_eq!(
        machine.get_current_snapshot().await.unwrap().unwrap().meta.last_log_id,
        None
    );
}
