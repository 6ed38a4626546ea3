//! Where do a manager's keys rest? Behind this seam: files in a data directory, or memory in tests and simulations.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::dek::Dek;
use crate::secret_bytes::SecretBytes;

/// The place of one manager's keyring and of its node's TLS key.
pub trait KeyStore: Send + Sync {
    /// Replaces the keyring file; durable on return, the bytes before are overwritten where they lay.
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()>;

    /// Brings the node's TLS key to rest as the keyring says now: sealed under `dek`, in clear with `None`. Durable on
    /// return.
    fn rest_node_key(&self, dek: Option<&Dek>) -> io::Result<()>;
}

/// Keeps a keyring, and under which DEK the node key would rest, in memory. For tests and simulations: it survives a
/// simulated crash, and refuses to write when told.
#[derive(Default)]
pub struct MemKeyStore(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    keyring: Option<SecretBytes>,
    node_key_epoch: Option<u32>,
    is_full: bool,
}

impl MemKeyStore {
    /// The keyring that was saved last, as a file would hold it.
    pub fn keyring(&self) -> Option<SecretBytes> {
        let kept = self.kept();
        kept.keyring
            .as_ref()
            .map(|bytes| SecretBytes::new(bytes.expose().to_vec()))
    }

    /// The epoch of the DEK that seals the node key; `None` while it rests in clear.
    pub fn node_key_epoch(&self) -> Option<u32> {
        self.kept().node_key_epoch
    }

    /// From now on, whether every write fails as on a full disk.
    pub fn set_full(&self, is_full: bool) {
        self.kept().is_full = is_full;
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self, change: impl FnOnce(&mut Kept)) -> io::Result<()> {
        let mut kept = self.kept();
        if kept.is_full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        change(&mut kept);
        Ok(())
    }
}

impl KeyStore for MemKeyStore {
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()> {
        self.write(|kept| kept.keyring = Some(SecretBytes::new(bytes.expose().to_vec())))
    }

    fn rest_node_key(&self, dek: Option<&Dek>) -> io::Result<()> {
        self.write(|kept| kept.node_key_epoch = dek.map(Dek::epoch))
    }
}
