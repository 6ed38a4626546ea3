//! How does a keyring rest on a disk? In one file that is replaced whole, and of the keyring before no byte stays behind.

use std::io;
use std::sync::Arc;

use wardroom_keys::SecretBytes;

use crate::disk::{Disk, read_file, replace_and_wipe, wipe};

/// Far above any keyring.
const BYTES_MAX: u64 = 64 << 10;

/// The file of a manager's keyring, on the disk of its log or another one. Whoever implements [`wardroom_keys::KeyStore`]
/// saves here.
pub struct DiskKeyring {
    disk: Arc<dyn Disk>,
    path: String,
}

impl DiskKeyring {
    pub fn new(disk: Arc<dyn Disk>, path: impl Into<String>) -> Self {
        let path = path.into();
        Self { disk, path }
    }

    /// Wipes what a crash has left beside the keyring. For a start, before anybody saves: what stands there during a save
    /// is about to become the keyring.
    pub fn sweep(&self) -> io::Result<()> {
        wipe(&*self.disk, &self.path)
    }

    /// The keyring's bytes; `None` if there is none yet. What a crash has left beside it is wiped before, so this too is for
    /// a start.
    pub fn load(&self) -> io::Result<Option<SecretBytes>> {
        self.sweep()?;
        match read_file(&*self.disk, &self.path, BYTES_MAX) {
            Ok(bytes) => Ok(Some(SecretBytes::new(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Replaces the keyring. On return the new one is durable, and the bytes of the one before are zeros where they lay; on
    /// an error, and after a crash, it is the new one or the one before.
    pub fn save(&self, bytes: &SecretBytes) -> io::Result<()> {
        replace_and_wipe(&*self.disk, &self.path, bytes.expose())
    }
}
