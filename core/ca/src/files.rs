//! Where does a node keep who it is? Three files in one folder: `root.pem` with the trusted roots, newest first, and
//! `cert.pem` with its certificate and the intermediates after it (both 0644), and `key.der` (0600, PKCS#8, not encrypted).
//!
//! Each is written aside, flushed and renamed. Certificate and key must also change together, which two renames cannot
//! do: the new key waits in `key.der.new` until its certificate is in place, and loading takes whichever key belongs to
//! the certificate. A crash between any two steps leaves the old pair or the new one.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use wardroom_keys::SecretBytes;

use crate::own::belong_together;
use crate::place::{is_private, sync_folder, write_new};

const ROOT: &str = "root.pem";
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.der";
const KEY_WAITING: &str = "key.der.new";

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
}

impl NodeFiles {
    /// Whether a node's files were saved there.
    pub fn exist(folder: &Path) -> bool {
        folder.join(CERTIFICATE).exists()
    }

    /// Saves all three; durable on return.
    pub fn save(&self, folder: &Path) -> Result<(), FilesError> {
        Self::stage_key(folder, &self.key)?;
        self.place_certificates(folder)?;
        place_key(folder)
    }

    /// Keeps a key that has no certificate yet, durably: a node that asks again after a crash asks with the same key
    /// and is the same node. [`Self::save`] puts it in its place.
    pub fn stage_key(folder: &Path, key: &SecretBytes) -> Result<(), FilesError> {
        write(&folder.join(KEY_WAITING), key.expose(), 0o600)?;
        sync(folder)
    }

    /// The key that was staged and has no certificate yet.
    pub fn staged_key(folder: &Path) -> Result<Option<SecretBytes>, FilesError> {
        let waiting = folder.join(KEY_WAITING);
        waiting.exists().then(|| read_key(&waiting)).transpose()
    }

    /// Exchanges the trusted roots, newest first, and leaves the rest as it is; durable on return.
    pub fn save_roots(folder: &Path, roots_pem: &str) -> Result<(), FilesError> {
        place(folder, ROOT, roots_pem)
    }

    fn place_certificates(&self, folder: &Path) -> Result<(), FilesError> {
        place(folder, ROOT, &self.root_pem)?;
        place(folder, CERTIFICATE, &self.certificate_pem)
    }

    /// Loads what [`Self::save`] saved, and finishes a save that a crash cut short.
    pub fn load(folder: &Path) -> Result<Self, FilesError> {
        let root_pem = read_text(&folder.join(ROOT))?;
        let certificate_pem = read_text(&folder.join(CERTIFICATE))?;
        let waiting = folder.join(KEY_WAITING);
        if waiting.exists() {
            let key = read_key(&waiting)?;
            if belong_together(&certificate_pem, &key) {
                place_key(folder)?;
                return Ok(Self {
                    root_pem,
                    certificate_pem,
                    key,
                });
            }
        }
        let key = read_key(&folder.join(KEY))?;
        if !belong_together(&certificate_pem, &key) {
            return Err(FilesError::Mismatch {
                folder: folder.to_owned(),
            });
        }
        Ok(Self {
            root_pem,
            certificate_pem,
            key,
        })
    }
}

fn place(folder: &Path, name: &str, text: &str) -> Result<(), FilesError> {
    let aside = folder.join(format!("{name}.new"));
    write(&aside, text.as_bytes(), 0o644)?;
    rename(&aside, &folder.join(name))?;
    sync(folder)
}

fn place_key(folder: &Path) -> Result<(), FilesError> {
    rename(&folder.join(KEY_WAITING), &folder.join(KEY))?;
    sync(folder)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FilesError> {
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

fn sync(folder: &Path) -> Result<(), FilesError> {
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

fn read_key(path: &Path) -> Result<SecretBytes, FilesError> {
    let read_error = |source| FilesError::Read {
        path: path.to_owned(),
        source,
    };
    if !is_private(&fs::metadata(path).map_err(read_error)?) {
        return Err(FilesError::Exposed { path: path.to_owned() });
    }
    fs::read(path).map(SecretBytes::new).map_err(read_error)
}

#[cfg(test)]
#[path = "files_tests.rs"]
mod tests;
