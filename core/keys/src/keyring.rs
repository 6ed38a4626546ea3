//! Which keys does a manager hold? Its DEK and the cluster's sealing root, both wrapped under the unlock key.

use thiserror::Error;
use zeroize::Zeroizing;

use crate::chance::Chance;
use crate::cipher::{bind, derive, open_random, seal_random};
use crate::dek::Dek;
use crate::key::Key;
use crate::keyring_file::{DekSlot, KeyringFile, WRAPPED_LEN, id_fits};
use crate::sealing::SealingRoot;
use crate::secret_bytes::SecretBytes;
use crate::unlock_key::UnlockKey;

/// Why a keyring cannot be used. The texts say what to do next.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum KeyringError {
    #[error("this is not a wardroom keyring; give the data directory of a manager")]
    NotAKeyring,
    #[error(
        "the keyring has format {format}, this wardroom reads up to 1; \
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
    /// Set while a DEK rotation runs.
    pub pending_dek_epoch: Option<u32>,
    /// Whether the keys' pages are locked into memory; a low `RLIMIT_MEMLOCK` prevents it.
    pub locked_in_memory: bool,
}

/// An open keyring.
pub struct Keyring {
    file: KeyringFile,
    kek: UnlockKey,
    deks: Vec<Dek>,
    root: SealingRoot,
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
        let mut keyring = Self {
            file: KeyringFile {
                cluster: cluster.to_owned(),
                node: node.to_owned(),
                kek_epoch,
                kek_check: kek.check(),
                created_at_ms: now_ms,
                wrapped_root: [0; WRAPPED_LEN],
                deks: Vec::new(),
                commitment: [0; 32],
                clear_kek: Some(UnlockKey::copy_from(kek.bytes())),
            },
            kek: UnlockKey::copy_from(kek.bytes()),
            deks: vec![Dek::generate(chance, 1, now_ms)],
            root: SealingRoot::from_key(Key::copy_from(root.bytes())),
        };
        keyring.wrap(chance);
        keyring
    }

    /// Opens a file whose KEK stands beside it, for the manager it must belong to.
    pub fn open(file: KeyringFile, cluster: &str, node: &str) -> Result<Self, KeyringError> {
        belongs_to(&file, cluster, node)?;
        let kek = file.clear_kek.as_ref().ok_or(KeyringError::Locked)?;
        let kek = UnlockKey::copy_from(kek.bytes());
        Self::unwrap_with(file, kek).map_err(|error| match error {
            KeyringError::WrongKey => KeyringError::Damaged, // nobody gave a key that could be wrong
            other => other,
        })
    }

    /// Opens a file with the operator's unlock key.
    pub fn unlock(file: KeyringFile, key: &UnlockKey, cluster: &str, node: &str) -> Result<Self, KeyringError> {
        belongs_to(&file, cluster, node)?;
        Self::unwrap_with(file, UnlockKey::copy_from(key.bytes()))
    }

    pub fn cluster(&self) -> &str {
        &self.file.cluster
    }

    pub fn node(&self) -> &str {
        &self.file.node
    }

    /// The DEK that new segments and snapshots use: the pending one while a rotation runs.
    pub fn dek(&self) -> &Dek {
        self.deks.last().expect("a keyring has one or two DEKs")
    }

    /// The DEK of an epoch that something on disk names; `None` once it was destroyed.
    pub fn dek_of(&self, epoch: u32) -> Option<&Dek> {
        self.deks.iter().find(|dek| dek.epoch() == epoch)
    }

    pub fn sealing_root(&self) -> &SealingRoot {
        &self.root
    }

    pub fn unlock_key(&self) -> &UnlockKey {
        &self.kek
    }

    pub fn created_at_ms(&self) -> i64 {
        self.file.created_at_ms
    }

    /// The bytes to store; see [`KeyringFile::encode`].
    pub fn encode(&self) -> SecretBytes {
        self.file.encode()
    }

    pub fn status(&self) -> KeyStatus {
        let dek = &self.deks[0];
        KeyStatus {
            kek_epoch: self.file.kek_epoch,
            autolock: self.file.is_locked(),
            kek_check: self.file.kek_check,
            dek_epoch: dek.epoch(),
            dek_created_at_ms: dek.created_at_ms(),
            dek_check: dek.check(),
            pending_dek_epoch: self.deks.get(1).map(Dek::epoch),
            locked_in_memory: dek.is_locked_in_memory(),
        }
    }

    /// Takes the KEK out of the file, or puts it back. Store the keyring afterwards.
    pub fn set_autolock(&mut self, on: bool) {
        self.file.clear_kek = (!on).then(|| UnlockKey::copy_from(self.kek.bytes()));
        self.file.commit(&commit_key(&self.kek));
    }

    /// Begins a DEK rotation: from now on [`Self::dek`] is a fresh key of the next epoch, and the one before still opens
    /// what it sealed. Store the keyring before anything is written under the new key. `false` if one already runs.
    pub fn begin_dek_rotation(&mut self, chance: &dyn Chance, now_ms: i64) -> bool {
        if self.deks.len() > 1 {
            return false;
        }
        self.deks.push(Dek::generate(chance, self.dek().epoch() + 1, now_ms));
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

    /// Wraps root and DEKs anew under the KEK and commits the file to it.
    fn wrap(&mut self, chance: &dyn Chance) {
        let key = wrap_key(&self.kek);
        let wrap = |aad: Vec<u8>, secret: &[u8; 32]| -> [u8; WRAPPED_LEN] {
            seal_random(&key, chance, &aad, secret)
                .try_into()
                .expect("32 bytes wrap to 72")
        };
        self.file.wrapped_root = wrap(root_aad(&self.file), self.root.bytes());
        let slot = |dek: &Dek| DekSlot {
            epoch: dek.epoch(),
            created_at_ms: dek.created_at_ms(),
            check: dek.check(),
            wrapped: wrap(dek_aad(&self.file, dek.epoch()), dek.bytes()),
        };
        self.file.deks = self.deks.iter().map(slot).collect();
        self.file.commit(&commit_key(&self.kek));
    }

    fn unwrap_with(file: KeyringFile, kek: UnlockKey) -> Result<Self, KeyringError> {
        // The commitment comes first: the cipher alone does not commit to its key.
        if kek.check() != file.kek_check || !file.is_committed_to(&commit_key(&kek)) {
            return Err(if kek.check() == file.kek_check {
                KeyringError::Damaged
            } else {
                KeyringError::WrongKey
            });
        }
        let key = wrap_key(&kek);
        let unwrap = |aad: Vec<u8>, wrapped: &[u8]| -> Result<Key, KeyringError> {
            let bytes = Zeroizing::new(open_random(&key, &aad, wrapped).map_err(|_| KeyringError::Damaged)?);
            bytes
                .as_slice()
                .try_into()
                .map(Key::copy_from)
                .map_err(|_| KeyringError::Damaged)
        };
        let root = SealingRoot::from_key(unwrap(root_aad(&file), &file.wrapped_root)?);
        let mut deks = Vec::with_capacity(2);
        for slot in &file.deks {
            let dek = unwrap(dek_aad(&file, slot.epoch), &slot.wrapped)?;
            deks.push(Dek::from_key(dek, slot.epoch, slot.created_at_ms));
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

fn commit_key(kek: &UnlockKey) -> Zeroizing<[u8; 32]> {
    subkey(kek, "wardroom/kek-commit/v1")
}

fn subkey(kek: &UnlockKey, domain: &str) -> Zeroizing<[u8; 32]> {
    let mut out = Zeroizing::new([0; 32]);
    derive(kek.bytes(), b"", &bind(domain, &[]), &mut out);
    out
}
