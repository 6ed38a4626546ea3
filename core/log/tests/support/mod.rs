//! What do the log's tests share? A manager's identity and keys from a seed, and words for short records.
#![allow(dead_code, clippy::unwrap_used)] // each test file uses its part; a test that unwraps wrongly fails

pub(crate) mod reference;

use std::sync::Arc;

use wardroom_keys::{Keyring, MemKeyStore, SealingRoot, SeededChance, SharedKeyring};
use wardroom_log::{Disk, Identity, Log, LogOptions, MemDisk, Purged, Record, RecoverError, Recovered};

pub(crate) const SMALL: LogOptions = LogOptions {
    segment_bytes: 16 << 10,
    cache_bytes: 1 << 10,
};

/// A manager: keys, chance and identity that go with its disk.
pub(crate) struct Machine {
    pub(crate) disk: MemDisk,
    pub(crate) identity: Identity,
    pub(crate) keyring: Arc<SharedKeyring>,
    pub(crate) chance: Arc<SeededChance>,
    pub(crate) options: LogOptions,
}

impl Machine {
    pub(crate) fn new(cluster: &str, node: &str) -> Self {
        let chance = Arc::new(SeededChance::new(11));
        let root = SealingRoot::generate(&*chance);
        let keyring = Keyring::create(&*chance, cluster, node, &root, 0);
        Self {
            disk: MemDisk::new(),
            identity: Identity {
                cluster: cluster.to_owned(),
                node: node.to_owned(),
            },
            keyring: Arc::new(SharedKeyring::new(keyring, Arc::new(MemKeyStore::default()))),
            chance,
            options: SMALL,
        }
    }

    pub(crate) fn open(&self) -> Result<(Log, Recovered), RecoverError> {
        self.open_on(Arc::new(self.disk.clone()))
    }

    pub(crate) fn open_on(&self, disk: Arc<dyn Disk>) -> Result<(Log, Recovered), RecoverError> {
        let (identity, keyring) = (self.identity.clone(), Arc::clone(&self.keyring));
        Log::open(disk, identity, keyring, Arc::clone(&self.chance) as _, self.options)
    }

    pub(crate) fn log(&self) -> Log {
        self.open().map_err(|error| error.to_string()).unwrap().0
    }

    /// Begins a rotation: from now on there are two DEKs, and new segments and snapshots use the new one.
    pub(crate) fn begin_rotation(&self) {
        let begin = |keyring: &mut Keyring| keyring.begin_dek_rotation(&*self.chance, 1, 2);
        assert!(self.keyring.change(begin).unwrap());
    }

    /// Destroys the old DEK.
    pub(crate) fn finish_rotation(&self) {
        let finish = |keyring: &mut Keyring| keyring.finish_dek_rotation(&*self.chance);
        assert!(self.keyring.change(finish).unwrap());
    }

    pub(crate) fn segment_bytes(&self, number: u64) -> Vec<u8> {
        let path = segment_path(number);
        self.disk.dump().into_iter().find(|(name, _)| *name == path).unwrap().1
    }
}

pub(crate) fn machine() -> Machine {
    Machine::new("cluster1", "node1")
}

pub(crate) fn segment_path(number: u64) -> String {
    format!("log/{number:020}.seg")
}

pub(crate) fn entry(index: u64) -> Record {
    sized_entry(index, 40)
}

pub(crate) fn sized_entry(index: u64, len: usize) -> Record {
    let payload: Vec<u8> = (index..).take(len).map(|at| u8::try_from(at % 251).unwrap()).collect();
    Record::Entry {
        term: index / 3,
        index,
        payload: payload.into(),
    }
}

pub(crate) fn vote(number: u8) -> Record {
    Record::Vote(vec![number; 12])
}

pub(crate) fn purge(index: u64) -> Record {
    Record::PurgeUpTo(Purged {
        index,
        id: index.to_be_bytes().to_vec(),
    })
}

/// Every live entry, as the records they were written as.
pub(crate) fn entries(log: &Log) -> Vec<Record> {
    let read = log.reader().read(..).map_err(|error| error.to_string()).unwrap();
    read.into_iter()
        .map(|entry| Record::Entry {
            term: entry.term,
            index: entry.index,
            payload: entry.payload,
        })
        .collect()
}
