//! Where do the keys of a running manager rest, and who may change that? The keyring on the manager's disk, the node's TLS
//! key in the node's folder; both as the keyring says: with autolock no key stands anywhere in clear.
//!
//! Renewals and the manager's own keeping of its keys change the same files: they take turns here.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;
use wardroom_ca::{FilesError, KeyRest, KeySeal, NodeFiles};
use wardroom_keys::{Chance, Dek, KeyStore, Keyring, SecretBytes, SharedKeyring};
use wardroom_log::{Disk, DiskKeyring};

use super::cluster::chain;
use super::founding::KEYRING;

/// The keys of one manager of this process, for as long as it is open. Clones are the same keys.
#[derive(Clone)]
pub struct Keys {
    ring: Arc<SharedKeyring>,
    store: Arc<Store>,
}

impl Keys {
    /// The keys of an open keyring, of which nobody else in this process has any: what a crash has left beside it goes.
    /// `disk` is the manager's, `identity` the folder of its node.
    pub fn open(keyring: Keyring, disk: Arc<dyn Disk>, identity: PathBuf, chance: Arc<dyn Chance>) -> Self {
        let store = Arc::new(Store {
            keyring: DiskKeyring::new(disk, KEYRING),
            identity,
            cluster: keyring.cluster().to_owned(),
            node: keyring.node().to_owned(),
            chance,
            own: Mutex::new(None),
            exposed: watch::Sender::new(false),
        });
        if let Err(error) = store.keyring.sweep() {
            tracing::warn!(%error, "what was left beside the keyring could not be removed; the next start does");
        }
        let ring = SharedKeyring::new(keyring, Arc::<Store>::clone(&store));
        Self {
            ring: Arc::new(ring),
            store,
        }
    }

    /// A new keyring, durable before anybody uses it; whether it locks is said in it.
    pub fn create(
        keyring: Keyring,
        disk: Arc<dyn Disk>,
        identity: PathBuf,
        chance: Arc<dyn Chance>,
    ) -> io::Result<Self> {
        let bytes = keyring.encode();
        let keys = Self::open(keyring, disk, identity, chance);
        keys.store.save_keyring(&bytes)?;
        Ok(keys)
    }

    pub fn ring(&self) -> Arc<SharedKeyring> {
        Arc::clone(&self.ring)
    }

    /// Lets go of them. Says whether they are gone from this process, which they are once nothing of the manager is left.
    pub fn forget(self) -> bool {
        let ring = Arc::downgrade(&self.ring);
        drop(self);
        ring.strong_count() == 0
    }

    pub fn locks(&self) -> bool {
        self.ring.status().autolock
    }

    /// The node as it was saved. Its key is brought to rest as the keyring says: a crash may have come between the two.
    pub fn load_node(&self) -> Result<NodeFiles, FilesError> {
        let mut own = self.store.own();
        let files = NodeFiles::load(&self.store.identity, Some(&*self.ring))?;
        let key = SecretBytes::new(files.key.expose().to_vec());
        let dek = self.ring.dek();
        let rested = self.store.rest(&key, self.locks().then_some(&*dek));
        if let Err(error) = rested {
            // The manager's keeping does it again.
            tracing::error!(
                error = chain(&error),
                "the node's key is not at rest yet as the cluster wants it"
            );
        }
        *own = Some(key);
        Ok(files)
    }

    /// Saves new files of this node; with autolock their key was never on the disk in clear.
    pub fn save_node(&self, files: &NodeFiles) -> Result<(), FilesError> {
        let mut own = self.store.own();
        let dek = self.ring.dek();
        let rest = self.store.form(self.locks().then_some(&*dek));
        files.save(&self.store.identity, &rest)?;
        *own = Some(SecretBytes::new(files.key.expose().to_vec()));
        self.store.tell_exposed();
        Ok(())
    }

    /// Whether the key in use stood on this disk in clear before it was sealed: then another one is wanted.
    pub fn exposed(&self) -> watch::Receiver<bool> {
        self.store.exposed.subscribe()
    }
}

/// Where they rest.
struct Store {
    keyring: DiskKeyring,
    identity: PathBuf,
    cluster: String,
    node: String,
    chance: Arc<dyn Chance>,
    /// The node's key in use: it rests in another form without being read from the one before.
    own: Mutex<Option<SecretBytes>>,
    exposed: watch::Sender<bool>,
}

impl Store {
    fn own(&self) -> MutexGuard<'_, Option<SecretBytes>> {
        // A poisoned lock holds a whole key all the same: it is exchanged in one step.
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn form<'a>(&'a self, dek: Option<&'a Dek>) -> KeyRest<'a> {
        dek.map_or(KeyRest::Clear, |dek| {
            KeyRest::Sealed(KeySeal {
                dek,
                cluster: &self.cluster,
                node: &self.node,
                chance: &*self.chance,
            })
        })
    }

    fn rest(&self, key: &SecretBytes, dek: Option<&Dek>) -> Result<(), FilesError> {
        NodeFiles::rest_key(&self.identity, key, &self.form(dek))?;
        self.tell_exposed();
        Ok(())
    }

    fn tell_exposed(&self) {
        match NodeFiles::was_exposed(&self.identity) {
            Ok(was) => {
                self.exposed
                    .send_if_modified(|known| std::mem::replace(known, was) != was);
            }
            Err(error) => tracing::warn!(%error, "whether this node's key stood on the disk in clear is not known"),
        }
    }
}

impl KeyStore for Store {
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()> {
        self.keyring.save(bytes)
    }

    fn rest_node_key(&self, dek: Option<&Dek>) -> io::Result<()> {
        let own = self.own();
        let key = own
            .as_ref()
            .ok_or_else(|| io::Error::other("this node has no identity yet"))?;
        self.rest(key, dek).map_err(|error| io::Error::other(chain(&error)))
    }
}

#[cfg(test)]
#[path = "keys_tests.rs"]
mod tests;
