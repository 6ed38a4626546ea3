//! Which keys does a manager hold? Its DEK and the cluster's sealing root, both wrapped under the unlock key.

use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{bind, derive, open_random, seal_random};
use crate::dek::Dek;
use crate::key::Key;
use crate::keyring_file::{DekSlot, KEYRING_FORMAT, KeyringFile, WRAPPED_LEN, id_fits};
use crate::memory::KeyMemory;
use crate::sealing::SealingRoot;
use crate::secret_bytes::SecretBytes;
use crate::unlock_key::UnlockKey;

/// Why a keyring cannot be used. The texts say what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    #[error("this is not a wardroom keyring; give the data directory of a manager")]
    NotAKeyring,
    #[error(
        "the keyring has format {format}, this wardroom reads up to {KEYRING_FORMAT}; \
         start it with the wardroom that wrote it, or a newer one"
    )]
    Newer { format: u16 },
    #[error(
        "the keyring is damaged; restore it from a backup, or let the manager heal from its peers: stop it, \
         remove its data directory, start it again"
    )]
    Damaged,
    #[error(
        "the keyring belongs to cluster {found}, not to {expected}; \
         use another data directory, or remove this one if its cluster is gone"
    )]
    OtherCluster { found: String, expected: String },
    #[error("the keyring belongs to node {found}, not to {expected}; a data directory cannot be shared or copied")]
    OtherNode { found: String, expected: String },
    #[error(
        "Swarm is encrypted and needs to be unlocked before it can be used. \
         Please use \"wardroom swarm unlock\" to unlock it."
    )]
    Locked,
    #[error("swarm could not be unlocked: invalid key provided")]
    WrongKey,
}

/// What may be shown of a manager's keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyStatus {
    pub kek_epoch: u32,
    /// Off: the KEK stands in the keyring file in clear, and a stolen disk can be read.
    pub autolock: bool,
    pub kek_check: [u8; 4],
    pub dek_epoch: u32,
    pub dek_created_at_ms: i64,
    pub dek_check: [u8; 4],
    /// The number of the cluster's order that this DEK fulfils; 0 for none.
    pub dek_order: u64,
    /// Set while a DEK rotation runs.
    pub pending_dek_epoch: Option<u32>,
    /// The order that the rotation under way will fulfil.
    pub pending_dek_order: Option<u64>,
    /// How well the memory that holds the keys is guarded.
    pub memory: KeyMemory,
}

/// An open keyring.
pub struct Keyring {
    file: KeyringFile,
    kek: Arc<UnlockKey>,
    /// As in the file: the current one, then the pending one while a rotation runs.
    deks: Vec<Arc<Dek>>,
    root: Arc<SealingRoot>,
}

impl Keyring {
    /// The keyring of a cluster's first manager: fresh KEK (epoch 1) and DEK (epoch 1), autolock off. Ids are 1 to 255
    /// bytes.
    pub fn create(chance: &dyn Chance, cluster: &str, node: &str, root: &SealingRoot, now_ms: i64) -> Self {
        let kek = UnlockKey::generate(chance);
        Self::join(chance, cluster, node, root, &kek, 1, now_ms)
    }

    /// The keyring of a manager that joins: the cluster's sealing root and KEK, a fresh DEK (epoch 1) of its own,
    /// autolock off. Ids are 1 to 255 bytes.
    pub fn join(
        chance: &dyn Chance,
        cluster: &str,
        node: &str,
        root: &SealingRoot,
        kek: &UnlockKey,
        kek_epoch: u32,
        now_ms: i64,
    ) -> Self {
        assert!(
            id_fits(cluster) && id_fits(node),
            "ids are made by wardroom and are 25 characters"
        );
        let kek = Arc::new(UnlockKey::copy_from(kek.bytes()));
        let mut keyring = Self {
            file: KeyringFile {
                format: KEYRING_FORMAT,
                cluster: cluster.to_owned(),
                node: node.to_owned(),
                kek_epoch,
                kek_check: kek.check(),
                created_at_ms: now_ms,
                wrapped_root: [0; WRAPPED_LEN],
                deks: Vec::new(),
                commitment: [0; 32],
                clear_kek: Some(Arc::clone(&kek)),
            },
            kek,
            deks: vec![Arc::new(Dek::generate(chance, 1, 0, now_ms))],
            root: Arc::new(SealingRoot::from_key(Key::copy_from(root.bytes()))),
        };
        keyring.wrap(chance);
        keyring
    }

    /// Opens a file whose KEK stands beside it, for the manager it must belong to.
    pub fn open(file: KeyringFile, cluster: &str, node: &str) -> Result<Self, KeyringError> {
        belongs_to(&file, cluster, node)?;
        let kek = file.clear_kek.clone().ok_or(KeyringError::Locked)?;
        Self::unwrap_with(file, kek).map_err(|error| match error {
            KeyringError::WrongKey => KeyringError::Damaged, // nobody gave a key that could be wrong
            other => other,
        })
    }

    /// Opens a file with the operator's unlock key.
    pub fn unlock(file: KeyringFile, key: &UnlockKey, cluster: &str, node: &str) -> Result<Self, KeyringError> {
        belongs_to(&file, cluster, node)?;
        Self::unwrap_with(file, Arc::new(UnlockKey::copy_from(key.bytes())))
    }

    pub fn cluster(&self) -> &str {
        &self.file.cluster
    }

    pub fn node(&self) -> &str {
        &self.file.node
    }

    /// The DEK that new segments and snapshots use: the pending one while a rotation runs.
    pub fn dek(&self) -> Arc<Dek> {
        Arc::clone(self.deks.last().expect("a keyring has one or two DEKs"))
    }

    /// The DEK of an epoch that something on disk names; `None` once it was destroyed.
    pub fn dek_of(&self, epoch: u32) -> Option<Arc<Dek>> {
        self.deks.iter().find(|dek| dek.epoch() == epoch).cloned()
    }

    pub fn sealing_root(&self) -> Arc<SealingRoot> {
        Arc::clone(&self.root)
    }

    pub fn unlock_key(&self) -> Arc<UnlockKey> {
        Arc::clone(&self.kek)
    }

    pub fn created_at_ms(&self) -> i64 {
        self.file.created_at_ms
    }

    /// The bytes to store; see [`KeyringFile::encode`].
    pub fn encode(&self) -> SecretBytes {
        self.file.encode()
    }

    /// As it is stored, closed again.
    pub fn file(&self) -> KeyringFile {
        self.file.copy()
    }

    pub fn status(&self) -> KeyStatus {
        let (dek, pending) = (&self.deks[0], self.deks.get(1));
        KeyStatus {
            kek_epoch: self.file.kek_epoch,
            autolock: self.file.is_locked(),
            kek_check: self.file.kek_check,
            dek_epoch: dek.epoch(),
            dek_created_at_ms: dek.created_at_ms(),
            dek_check: dek.check(),
            dek_order: dek.order(),
            pending_dek_epoch: pending.map(|dek| dek.epoch()),
            pending_dek_order: pending.map(|dek| dek.order()),
            memory: self.memory(),
        }
    }

    /// Takes the KEK out of the file, or puts it back. Store the keyring afterwards.
    pub fn set_autolock(&mut self, on: bool) {
        self.file.clear_kek = (!on).then(|| Arc::clone(&self.kek));
        self.file.commit(&commit_key(&self.kek));
    }

    /// Wraps every key anew under `kek`, which may be the same as before, and sets autolock in the same step, so that no
    /// file ever holds a KEK in clear that is to lock it. Store the keyring afterwards.
    pub fn rewrap(&mut self, chance: &dyn Chance, kek: &UnlockKey, kek_epoch: u32, autolock: bool) {
        self.kek = Arc::new(UnlockKey::copy_from(kek.bytes()));
        self.file.kek_epoch = kek_epoch;
        self.file.kek_check = kek.check();
        self.file.clear_kek = (!autolock).then(|| Arc::clone(&self.kek));
        self.wrap(chance);
    }

    /// Begins a DEK rotation: from now on [`Self::dek`] is a fresh key of the next epoch, and the one before still opens
    /// what it sealed. `order` is the number of the cluster's order that it fulfils, or that of the DEK before when it is
    /// for this manager alone. Store the keyring before anything is written under the new key. `false` if one already
    /// runs.
    pub fn begin_dek_rotation(&mut self, chance: &dyn Chance, order: u64, now_ms: i64) -> bool {
        if self.deks.len() > 1 {
            return false;
        }
        let dek = Dek::generate(chance, self.dek().epoch() + 1, order, now_ms);
        self.deks.push(Arc::new(dek));
        self.wrap(chance);
        true
    }

    /// Ends a DEK rotation and destroys the old key, once nothing on disk needs it. Store the keyring afterwards.
    pub fn finish_dek_rotation(&mut self, chance: &dyn Chance) -> bool {
        if self.deks.len() < 2 {
            return false;
        }
        self.deks.remove(0);
        self.wrap(chance);
        true
    }

    /// That of the key which is guarded least.
    fn memory(&self) -> KeyMemory {
        let deks = self.deks.iter().map(|dek| dek.memory());
        deks.fold(self.kek.memory().min(self.root.memory()), Ord::min)
    }

    /// A second keyring with the same keys, to change without being seen.
    pub(crate) fn copy(&self) -> Self {
        Self {
            file: self.file.copy(),
            kek: Arc::clone(&self.kek),
            deks: self.deks.clone(),
            root: Arc::clone(&self.root),
        }
    }

    /// Wraps root and DEKs anew under the KEK and commits the file to it.
    fn wrap(&mut self, chance: &dyn Chance) {
        let key = wrap_key(&self.kek);
        let wrap = |aad: Vec<u8>, secret: &[u8; 32]| -> [u8; WRAPPED_LEN] {
            seal_random(&key, chance, &aad, secret)
                .try_into()
                .expect("32 bytes wrap to 72")
        };
        self.file.wrapped_root = wrap(root_aad(&self.file), self.root.bytes());
        let slot = |dek: &Arc<Dek>| DekSlot {
            epoch: dek.epoch(),
            order: dek.order(),
            created_at_ms: dek.created_at_ms(),
            check: dek.check(),
            wrapped: wrap(dek_aad(&self.file, dek.epoch()), dek.bytes()),
        };
        self.file.deks = self.deks.iter().map(slot).collect();
        self.file.commit(&commit_key(&self.kek));
    }

    fn unwrap_with(mut file: KeyringFile, kek: Arc<UnlockKey>) -> Result<Self, KeyringError> {
        file.check_key(&kek)?;
        let key = wrap_key(&kek);
        let unwrap = |aad: Vec<u8>, wrapped: &[u8]| -> Result<Key, KeyringError> {
            let bytes = Zeroizing::new(open_random(&key, &aad, wrapped).map_err(|_| KeyringError::Damaged)?);
            bytes
                .as_slice()
                .try_into()
                .map(Key::copy_from)
                .map_err(|_| KeyringError::Damaged)
        };
        let root = Arc::new(SealingRoot::from_key(unwrap(root_aad(&file), &file.wrapped_root)?));
        let mut deks = Vec::with_capacity(2);
        for slot in &file.deks {
            let dek = unwrap(dek_aad(&file, slot.epoch), &slot.wrapped)?;
            let dek = Dek::from_key(dek, slot.epoch, slot.order, slot.created_at_ms);
            deks.push(Arc::new(dek));
        }
        if file.format < KEYRING_FORMAT {
            file.format = KEYRING_FORMAT; // what is written next is of the newest format
            file.commit(&commit_key(&kek));
        }
        Ok(Self { file, kek, deks, root })
    }
}

fn belongs_to(file: &KeyringFile, cluster: &str, node: &str) -> Result<(), KeyringError> {
    if file.cluster != cluster {
        return Err(KeyringError::OtherCluster {
            found: file.cluster.clone(),
            expected: cluster.to_owned(),
        });
    }
    if file.node != node {
        return Err(KeyringError::OtherNode {
            found: file.node.clone(),
            expected: node.to_owned(),
        });
    }
    Ok(())
}

fn dek_aad(file: &KeyringFile, epoch: u32) -> Vec<u8> {
    bind(
        "wardroom/dek/v1",
        &[file.cluster.as_bytes(), file.node.as_bytes(), &epoch.to_le_bytes()],
    )
}

fn root_aad(file: &KeyringFile) -> Vec<u8> {
    let epoch = file.kek_epoch.to_le_bytes();
    bind(
        "wardroom/sealing-root/v1",
        &[file.cluster.as_bytes(), file.node.as_bytes(), &epoch],
    )
}

fn wrap_key(kek: &UnlockKey) -> Zeroizing<[u8; 32]> {
    subkey(kek, "wardroom/kek-wrap/v1")
}

pub(crate) fn commit_key(kek: &UnlockKey) -> Zeroizing<[u8; 32]> {
    subkey(kek, "wardroom/kek-commit/v1")
}

fn subkey(kek: &UnlockKey, domain: &str) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    derive(kek.bytes(), b"", &bind(domain, &[]), &mut out);
    out
}
