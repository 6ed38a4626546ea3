//! Can a DEK be replaced at any moment? A whole rotation, cut off at every disk operation: what is on the disk opens with the
//! keys on the disk, nothing acknowledged is lost, and of the old key not a byte is left in the end.
#![allow(clippy::unwrap_used)] // a test that unwraps wrongly fails, which is its purpose

mod support;

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use support::{purge, sized_entry, vote};
use wardroom_keys::{Dek, KeyStore, Keyring, KeyringFile, SealingRoot, SecretBytes, SeededChance, SharedKeyring};
use wardroom_log::{Disk, DiskKeyring, Fault, Identity, Log, LogOptions, MemDisk, Record, RecoverError, Snapshots};

const KEYRING: &str = "keyring";
/// Bytes of a DEK as it stands wrapped in a keyring: nonce, key and tag.
const WRAPPED: usize = 72;
/// Bytes of a keyring's slot: epoch, order, time, check value and the wrapped DEK.
const SLOT: usize = 4 + 8 + 8 + 4 + WRAPPED;

/// A keyring on the manager's own disk, and every wrapped form of the first DEK that was ever to be written.
struct Recording {
    file: DiskKeyring,
    wraps: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl KeyStore for Recording {
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()> {
        self.wraps.lock().unwrap().extend(first_dek(bytes.expose()));
        self.file.save(bytes)
    }

    fn rest_node_key(&self, _: Option<&Dek>) -> io::Result<()> {
        Ok(())
    }
}

/// The wrapped DEK of epoch 1, if the keyring holds it; see `core/keys/FORMAT.md`.
fn first_dek(keyring: &[u8]) -> Option<Vec<u8>> {
    let slots = 28 + 1 + "cluster1".len() + 1 + "node1".len() + WRAPPED;
    let epoch = u32::from_le_bytes(*keyring[slots..].first_chunk().unwrap());
    (epoch == 1).then(|| {
        let wrapped = slots + SLOT - WRAPPED;
        keyring[wrapped..wrapped + WRAPPED].to_vec()
    })
}

/// A manager's machine: what outlives a power cut, and what was acknowledged.
struct Machine {
    disk: MemDisk,
    chance: Arc<SeededChance>,
    wraps: Arc<Mutex<Vec<Vec<u8>>>>,
    /// By index; those below are in the snapshot.
    acknowledged: BTreeMap<u64, Record>,
    vote: u8,
}

/// Its running manager.
struct Running {
    keyring: Arc<SharedKeyring>,
    log: Log,
    snapshots: Snapshots,
}

impl Machine {
    /// With a log of several segments, a snapshot of its beginning, and everything under the first DEK.
    fn new() -> Self {
        let disk = MemDisk::new();
        disk.keep_freed();
        let chance = Arc::new(SeededChance::new(11));
        let root = SealingRoot::generate(&*chance);
        let keyring = Keyring::create(&*chance, "cluster1", "node1", &root, 1);
        let mut machine = Self {
            disk,
            chance,
            wraps: Arc::default(),
            acknowledged: BTreeMap::new(),
            vote: 0,
        };
        machine.store().save_keyring(&keyring.encode()).unwrap();
        let mut running = machine.start();
        machine.write(&mut running, 5).unwrap();
        Machine::snapshot(&running).unwrap();
        running.log.append(&[purge(2)]).unwrap();
        machine.write(&mut running, 3).unwrap();
        machine
    }

    fn store(&self) -> Recording {
        Recording {
            file: DiskKeyring::new(Arc::new(self.disk.clone()), KEYRING),
            wraps: Arc::clone(&self.wraps),
        }
    }

    fn start(&self) -> Running {
        self.open().unwrap()
    }

    /// Starts the manager with what is on the disk and nothing else.
    fn open(&self) -> Result<Running, RecoverError> {
        let store = self.store();
        let bytes = store.file.load().unwrap().unwrap();
        let keyring = Keyring::open(KeyringFile::decode(bytes.expose()).unwrap(), "cluster1", "node1").unwrap();
        let keyring = Arc::new(SharedKeyring::new(keyring, Arc::new(store)));
        let disk: Arc<dyn Disk> = Arc::new(self.disk.clone());
        let identity = Identity {
            cluster: "cluster1".into(),
            node: "node1".into(),
        };
        let options = LogOptions {
            segment_bytes: 2048,
            cache_bytes: 0,
        };
        let (chance, keys) = (Arc::clone(&self.chance), Arc::clone(&keyring));
        let (log, _) = Log::open(Arc::clone(&disk), identity.clone(), keys, chance, options)?;
        let (chance, keys) = (Arc::clone(&self.chance), Arc::clone(&keyring));
        let snapshots = Snapshots::open(disk, identity, keys, chance).unwrap();
        Ok(Running {
            keyring,
            log,
            snapshots,
        })
    }

    /// Writes so many entries, and a vote with each.
    fn write(&mut self, running: &mut Running, count: usize) -> Result<(), String> {
        for _ in 0..count {
            let covered = covered(&running.snapshots);
            let last = self.acknowledged.keys().next_back().copied().unwrap_or_default();
            let in_log = running.log.reader().bounds().map_or(0, |(_, last)| last);
            let next = last.max(covered).max(in_log) + 1;
            let batch = [sized_entry(next, 300), vote(self.vote + 1)];
            running.log.append(&batch).map_err(|error| error.to_string())?;
            let [record, _] = batch;
            self.acknowledged.insert(next, record);
            self.vote += 1;
        }
        Ok(())
    }

    /// A snapshot of everything so far; it says which entry is its last.
    fn snapshot(running: &Running) -> Result<u64, String> {
        let last = running.log.reader().bounds().map_or(0, |(_, last)| last);
        let saved = running.snapshots.save(&last.to_le_bytes(), &[7; 700]);
        saved.map(|()| last).map_err(|error| error.to_string())
    }

    /// A whole rotation, or what is left of one, with writes between its steps.
    fn rotate(&mut self, running: &mut Running) -> Result<(), String> {
        let keyring = Arc::clone(&running.keyring);
        let failed = |error: io::Error| error.to_string();
        let status = keyring.status();
        if status.pending_dek_epoch.is_none() {
            if status.dek_epoch == 2 {
                return Ok(());
            }
            let begin = |keyring: &mut Keyring| keyring.begin_dek_rotation(&*self.chance, 1, 2);
            keyring.change(begin).map_err(failed)?;
        }
        let rolled = running.log.roll().map_err(|error| error.to_string())?;
        assert_eq!(rolled.epoch, 2);
        self.write(running, 2)?;
        let last = Self::snapshot(running)?;
        assert!(rolled.upto <= Some(last));
        self.write(running, 1)?;
        running.log.append(&[purge(last)]).map_err(|error| error.to_string())?;
        let snapshots = running.snapshots.uses().map_err(|error| error.to_string())?;
        if running.log.reader().stats().oldest_epoch < 2 || snapshots.iter().any(|used| used.epoch < 2) {
            return Err("something still stands under the old key".into());
        }
        let finish = |keyring: &mut Keyring| keyring.finish_dek_rotation(&*self.chance);
        keyring.change(finish).map_err(failed)?;
        Ok(())
    }

    /// Everything acknowledged is in the log or in the snapshot, and the log relies on no other snapshot.
    fn check(&self, running: &Running, context: &str) {
        let covered = covered(&running.snapshots);
        let reader = running.log.reader();
        assert!(reader.purged().map_or(0, |purged| purged.index) <= covered, "{context}");
        for (index, record) in self.acknowledged.range(covered + 1..) {
            let found = reader.read(*index..=*index).unwrap();
            let Record::Entry { payload, .. } = record else {
                unreachable!()
            };
            assert!(
                found.len() == 1 && found[0].payload == *payload,
                "{context}: entry {index} is lost"
            );
        }
        let found = reader.vote().unwrap();
        let under_way = vote(self.vote + 1);
        assert!(
            Record::Vote(found.clone()) == vote(self.vote) || Record::Vote(found) == under_way,
            "{context}"
        );
    }

    /// Which of these byte strings lie anywhere on the medium.
    fn found(&self, needles: &[Vec<u8>]) -> usize {
        let image = self.disk.image();
        let lies = |needle: &&Vec<u8>| {
            image
                .iter()
                .any(|file| file.windows(needle.len()).any(|at| at == *needle))
        };
        needles.iter().filter(lies).count()
    }
}

/// The last entry in the newest snapshot.
fn covered(snapshots: &Snapshots) -> u64 {
    let newest = snapshots.newest().ok().flatten();
    newest.map_or(0, |newest| u64::from_le_bytes(*newest.meta.first_chunk().unwrap()))
}

/// Nothing on the disk names any epoch but the second.
fn only_the_second_epoch(disk: &MemDisk, context: &str) {
    for (path, bytes) in disk.dump() {
        let epoch_at = |at: usize| u32::from_le_bytes(*bytes[at..].first_chunk().unwrap());
        let is_right = if path.starts_with("log/") {
            bytes.iter().all(|byte| *byte == 0) || epoch_at(12) == 2
        } else if path.starts_with("snapshots/") {
            epoch_at(10) == 2
        } else {
            path == KEYRING && bytes[11] == 1 && first_dek(&bytes).is_none()
        };
        assert!(is_right, "{context}: {path}");
    }
}

/// One rotation that is cut off at an operation, and finished after the restart.
fn cut_at(after: u64, seed: u64) {
    let context = format!("cut at {after}, seed {seed}");
    let mut machine = Machine::new();
    let mut running = machine.start();
    machine.disk.inject(Fault::PowerCut { after });
    let done = machine.rotate(&mut running);
    drop(running);
    machine.disk.crash(seed);
    machine.disk.heal();

    let mut running = machine.start();
    machine.check(&running, &context);
    let status = running.keyring.status();
    if status.dek_epoch == 1 {
        let on_disk = machine
            .disk
            .dump()
            .into_iter()
            .find(|(path, _)| path == KEYRING)
            .unwrap()
            .1;
        let wrapped = first_dek(&on_disk).unwrap();
        assert_eq!(
            machine.found(&[wrapped]),
            1,
            "{context}: the scan does not find what is there"
        );
    }
    assert!(
        done.is_err() || status.dek_epoch == 2,
        "{context}: a finished rotation is undone"
    );
    machine.rotate(&mut running).unwrap();
    machine.check(&running, &context);
    machine.write(&mut running, 3).unwrap();
    drop(running);

    only_the_second_epoch(&machine.disk, &context);
    let wraps = machine.wraps.lock().unwrap().clone();
    assert!(wraps.len() >= 2);
    assert_eq!(
        machine.found(&wraps),
        0,
        "{context}: the old key is still on the medium"
    );
    machine.check(&machine.start(), &context);
}

#[test]
fn a_rotation_cut_off_at_any_operation_loses_nothing_and_leaves_nothing() {
    let mut whole = Machine::new();
    let mut running = whole.start();
    let before = whole.disk.operations();
    whole.rotate(&mut running).unwrap();
    let operations = whole.disk.operations() - before;
    assert!((40..200).contains(&operations), "{operations}");
    // A seed decides what a crash keeps of what was not synced: all, nothing, a prefix, or each sector by chance.
    let cuts = (0..=operations).flat_map(|after| (0..8).map(move |seed| (after, seed)));
    support::reference::each(cuts, |(after, seed)| cut_at(after, seed));
}

#[test]
fn what_the_old_key_sealed_is_refused_once_it_is_destroyed() {
    let mut machine = Machine::new();
    let before = machine.disk.dump();
    let mut running = machine.start();
    machine.rotate(&mut running).unwrap();
    drop(running);
    // A copy of the log from before, put back beside the keyring of now.
    for (path, bytes) in before.into_iter().filter(|(path, _)| path.starts_with("log/")) {
        machine.disk.tamper(&path, bytes);
    }
    let error = machine.open().err().unwrap().to_string();
    assert!(
        error.contains("needs the data key of epoch 1, which the keyring does not hold"),
        "{error}"
    );
}
