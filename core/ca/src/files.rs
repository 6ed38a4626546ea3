//! Where does a node keep who it is? Three files in one folder: `root.pem` with the trusted roots, newest first, and
//! `cert.pem` with its certificate and the intermediates after it (both 0644), and its key (0600), in clear or sealed.
//!
//! Each is written aside, flushed and renamed. Certificate and key must also change together, which two renames cannot
//! do: the new key waits beside its place until its certificate is in place, and loading takes whichever key belongs to
//! the certificate. A crash between any two steps leaves the old pair or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wardroom_keys::{NodeKeyError, SecretBytes};

use crate::certificate::{CertificateFacts, certificates_in};
use crate::identity::{Identity, IdentityError};
use crate::node_key::{self, KeyRest, OpensNodeKey};
use crate::place::{sync_folder, write_new};

const ROOT: &str = "root.pem";
const CERTIFICATE: &str = "cert.pem";

/// What a node needs to be itself.
pub struct NodeFiles {
    /// The trusted roots, newest first.
    pub root_pem: String,
    /// The certificate, then its intermediates.
    pub certificate_pem: String,
    /// PKCS#8 DER.
    pub key: SecretBytes,
}

/// Why a node's files could not be saved or loaded.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    #[error("cannot write {}: check that the folder exists, is ours and has room", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot read {}: put it back from where this node's folder was saved, or join again", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} is readable by others: run `chmod 600` on it, and renew this node's certificate", path.display())]
    Exposed { path: PathBuf },
    #[error("no key in {} belongs to the certificate there: put back both as they were saved", folder.display())]
    Mismatch { folder: PathBuf },
    #[error("{} is sealed under the keys of this node's manager: put back the keyring that was saved with it, or \
             unlock the manager", path.display())]
    Sealed { path: PathBuf },
    #[error("{} does not open", path.display())]
    Unseal {
        path: PathBuf,
        #[source]
        source: NodeKeyError,
    },
    #[error("{} names no node: put it back from where this node's folder was saved, or join again", path.display())]
    Certificate {
        path: PathBuf,
        #[source]
        source: IdentityError,
    },
}

impl NodeFiles {
    /// Whether a node's files were saved there.
    pub fn exist(folder: &Path) -> bool {
        folder.join(CERTIFICATE).exists()
    }

    /// Whom the certificate there names; needs no key, so that it can be asked while that is sealed.
    pub fn identity(folder: &Path) -> Result<(Identity, CertificateFacts), FilesError> {
        let path = folder.join(CERTIFICATE);
        let chain = certificates_in(&read_text(&path)?);
        let read = chain.and_then(|chain| Identity::from_der(chain.first().ok_or(IdentityError::Malformed)?));
        read.map_err(|source| FilesError::Certificate { path, source })
    }

    /// Saves all three, the key at rest as it is told; durable on return. No other form of a key is left.
    pub fn save(&self, folder: &Path, rest: &KeyRest<'_>) -> Result<(), FilesError> {
        node_key::stage(folder, &self.key, rest)?;
        self.place_certificates(folder)?;
        node_key::place(folder, rest)?;
        node_key::settle(folder, &self.certificate_pem, &self.key, rest)
    }

    /// Brings the saved node's key to rest in another form, or under another DEK; durable on return. `key` is the one
    /// that belongs to the certificate.
    pub fn rest_key(folder: &Path, key: &SecretBytes, rest: &KeyRest<'_>) -> Result<(), FilesError> {
        let certificate_pem = read_text(&folder.join(CERTIFICATE))?;
        node_key::bring(folder, &certificate_pem, key, rest)
    }

    /// Whether the node's key stood there in clear before it was sealed, so that it wants to be replaced.
    pub fn was_exposed(folder: &Path) -> Result<bool, FilesError> {
        node_key::was_exposed(folder, &read_text(&folder.join(CERTIFICATE))?)
    }

    /// Keeps a key that has no certificate yet, durably and in clear: a node that asks again after a crash asks with the
    /// same key and is the same node. [`Self::save`] puts it in its place.
    pub fn stage_key(folder: &Path, key: &SecretBytes) -> Result<(), FilesError> {
        node_key::stage(folder, key, &KeyRest::Clear)
    }

    /// The key that was staged and has no certificate yet.
    pub fn staged_key(folder: &Path) -> Result<Option<SecretBytes>, FilesError> {
        node_key::staged(folder)
    }

    /// Exchanges the trusted roots, newest first, and leaves the rest as it is; durable on return.
    pub fn save_roots(folder: &Path, roots_pem: &str) -> Result<(), FilesError> {
        place_text(folder, ROOT, roots_pem)
    }

    /// The trusted roots as they were saved, newest first.
    pub fn saved_roots(folder: &Path) -> Result<String, FilesError> {
        read_text(&folder.join(ROOT))
    }

    fn place_certificates(&self, folder: &Path) -> Result<(), FilesError> {
        place_text(folder, ROOT, &self.root_pem)?;
        place_text(folder, CERTIFICATE, &self.certificate_pem)
    }

    /// Loads what [`Self::save`] saved, and finishes a save that a crash cut short. Without an `opener` only a key in clear
    /// is found.
    pub fn load(folder: &Path, opener: Option<&dyn OpensNodeKey>) -> Result<Self, FilesError> {
        let root_pem = read_text(&folder.join(ROOT))?;
        let certificate_pem = read_text(&folder.join(CERTIFICATE))?;
        let key = node_key::find(folder, &certificate_pem, opener)?;
        Ok(Self {
            root_pem,
            certificate_pem,
            key,
        })
    }
}

pub(crate) fn place_text(folder: &Path, name: &str, text: &str) -> Result<(), FilesError> {
    let aside = folder.join(format!("{name}.new"));
    write(&aside, text.as_bytes(), 0o644)?;
    rename(&aside, &folder.join(name))?;
    sync(folder)
}

pub(crate) fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FilesError> {
    write_new(path, bytes, mode).map_err(|source| FilesError::Write {
        path: path.to_owned(),
        source,
    })
}

fn rename(from: &Path, to: &Path) -> Result<(), FilesError> {
    fs::rename(from, to).map_err(|source| FilesError::Write {
        path: to.to_owned(),
        source,
    })
}

pub(crate) fn sync(folder: &Path) -> Result<(), FilesError> {
    sync_folder(folder).map_err(|source| FilesError::Write {
        path: folder.to_owned(),
        source,
    })
}

fn read_text(path: &Path) -> Result<String, FilesError> {
    fs::read_to_string(path).map_err(|source| FilesError::Read {
        path: path.to_owned(),
        source,
    })
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
