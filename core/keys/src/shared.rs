//! Which keys does a running manager use at this moment? Those of its keyring, which log, snapshots and services share and
//! which changes under them only once the change is on disk.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use crate::dek::Dek;
use crate::keyring::{KeyStatus, Keyring};
use crate::keyring_file::KeyringFile;
use crate::sealing::SealingRoot;
use crate::secret_bytes::SecretBytes;
use crate::store::KeyStore;
use crate::unlock_key::UnlockKey;

/// The keyring of a running manager. Whoever holds a key from it may finish what was begun under that key.
pub struct SharedKeyring {
    cluster: String,
    node: String,
    current: RwLock<Arc<Keyring>>,
    /// One change at a time; never held together with a write of `current` for longer than the exchange.
    changing: Mutex<()>,
    store: Arc<dyn KeyStore>,
}

impl SharedKeyring {
    /// Shares a keyring that already rests in `store`.
    pub fn new(keyring: Keyring, store: Arc<dyn KeyStore>) -> Self {
        Self {
            cluster: keyring.cluster().to_owned(),
            node: keyring.node().to_owned(),
            current: RwLock::new(Arc::new(keyring)),
            changing: Mutex::new(()),
            store,
        }
    }

    pub fn cluster(&self) -> &str {
        &self.cluster
    }

    pub fn node(&self) -> &str {
        &self.node
    }

    /// The DEK that new segments and snapshots use: the pending one while a rotation runs.
    pub fn dek(&self) -> Arc<Dek> {
        self.current().dek()
    }

    /// The DEK of an epoch that something on disk names; `None` once it was destroyed.
    pub fn dek_of(&self, epoch: u32) -> Option<Arc<Dek>> {
        self.current().dek_of(epoch)
    }

    pub fn sealing_root(&self) -> Arc<SealingRoot> {
        self.current().sealing_root()
    }

    pub fn unlock_key(&self) -> Arc<UnlockKey> {
        self.current().unlock_key()
    }

    /// The unlock key as an operator writes it down; see [`UnlockKey::text`].
    pub fn unlock_key_text(&self) -> SecretBytes {
        self.unlock_key().text()
    }

    pub fn kek_epoch(&self) -> u32 {
        self.status().kek_epoch
    }

    pub fn status(&self) -> KeyStatus {
        self.current().status()
    }

    /// The keyring as it rests in the store, closed again. Whoever reads the store itself may come in the middle of a
    /// change.
    pub fn file(&self) -> KeyringFile {
        self.current().file()
    }

    /// Changes the keyring: `change` works on a copy, the copy is saved durably, and only then does anybody see it. With
    /// `false` from `change`, or when saving fails, nothing has changed.
    ///
    /// Blocks for a disk's write. `change` must not call back into this keyring.
    pub fn change(&self, change: impl FnOnce(&mut Keyring) -> bool) -> io::Result<bool> {
        let _one_at_a_time = self.one_at_a_time();
        let mut next = self.current().copy();
        if !change(&mut next) {
            return Ok(false);
        }
        self.store.save_keyring(&next.encode())?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
        Ok(true)
    }

    /// Brings the node's TLS key to rest as the keyring is now: sealed under the DEK in force, or in clear while autolock
    /// is off. Blocks for a disk's write.
    pub fn rest_node_key(&self) -> io::Result<()> {
        let _one_at_a_time = self.one_at_a_time();
        let keyring = self.current();
        let dek = keyring.status().autolock.then(|| keyring.dek());
        self.store.rest_node_key(dek.as_deref())
    }

    fn current(&self) -> Arc<Keyring> {
        // A poisoned lock holds a whole keyring all the same: it is exchanged in one step.
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner))
    }

    fn one_at_a_time(&self) -> MutexGuard<'_, ()> {
        self.changing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chance::SeededChance;
    use crate::store::MemKeyStore;

    fn shared() -> (SharedKeyring, Arc<MemKeyStore>) {
        let chance = SeededChance::new(1);
        let keyring = Keyring::create(&chance, "c", "n", &SealingRoot::generate(&chance), 0);
        let store = Arc::new(MemKeyStore::default());
        store.save_keyring(&keyring.encode()).expect("memory");
        (SharedKeyring::new(keyring, Arc::clone(&store) as _), store)
    }

    fn stored(store: &MemKeyStore) -> Keyring {
        let bytes = store.keyring().expect("saved");
        Keyring::open(KeyringFile::decode(bytes.expose()).expect("a keyring"), "c", "n").expect("autolock is off")
    }

    #[test]
    fn a_change_is_seen_once_it_is_saved() {
        let (shared, store) = shared();
        let held = shared.dek();
        let rotate = |keyring: &mut Keyring| keyring.begin_dek_rotation(&SeededChance::new(2), 7, 5);
        assert!(shared.change(rotate).expect("memory"));
        assert_eq!(shared.status(), stored(&store).status());
        assert_eq!((shared.dek().epoch(), held.epoch()), (2, 1));
        assert_eq!(shared.status().pending_dek_order, Some(7));
        assert!(!shared.change(rotate).expect("nothing is saved"), "one already runs");
    }

    #[test]
    fn a_change_that_cannot_be_saved_has_not_happened() {
        let (shared, store) = shared();
        let before = shared.status();
        store.set_full(true);
        let kek = UnlockKey::generate(&SeededChance::new(3));
        let rewrap = |keyring: &mut Keyring| {
            keyring.rewrap(&SeededChance::new(4), &kek, 2, true);
            true
        };
        let error = shared.change(rewrap).expect_err("the store is full");
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        assert_eq!(shared.status(), before);
        assert_eq!(stored(&store).status(), before);
        store.set_full(false);
        assert!(shared.change(rewrap).expect("there is room"));
        assert_eq!((shared.kek_epoch(), shared.status().autolock), (2, true));
        assert!(shared.unlock_key().equals(&kek));
    }

    #[test]
    fn a_change_that_is_called_off_leaves_no_trace() {
        let (shared, store) = shared();
        store.set_full(true); // nothing may be written
        let before = shared.status();
        let changed = shared.change(|keyring| {
            keyring.set_autolock(true);
            false
        });
        assert!(!changed.expect("nothing is saved"));
        assert_eq!(shared.status(), before);
    }

    #[test]
    fn the_node_key_rests_as_the_keyring_says() {
        let (shared, store) = shared();
        shared.rest_node_key().expect("memory");
        assert_eq!(store.node_key_epoch(), None);
        let lock = |keyring: &mut Keyring| {
            keyring.set_autolock(true);
            keyring.begin_dek_rotation(&SeededChance::new(2), 1, 5)
        };
        assert!(shared.change(lock).expect("memory"));
        shared.rest_node_key().expect("memory");
        assert_eq!(
            store.node_key_epoch(),
            Some(2),
            "the DEK in force, not the one that goes"
        );
    }
}
