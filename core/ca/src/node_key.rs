//! How does a node's key rest on its disk? In clear (`key.der`), or on a manager that locks sealed under its DEK
//! (`key.sealed`): one of both, except between two steps of a change.
//!
//! A new key waits in a file of its own (`.new`) until its certificate is in place. A form that goes is overwritten
//! where it lay, but only once the other one is durable. A key that stood here in clear before it was sealed is named in
//! `key.exposed` by the fingerprint of its public half: whoever had the disk may have it, so it wants to be replaced. With it
//! the note goes.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

use wardroom_keys::failpoint::reach;
use wardroom_keys::{Chance, Dek, Keyring, NodeKeyError, SecretBytes, SharedKeyring, node_key_epoch};

use crate::files::{FilesError, place_text, sync, write};
use crate::own::{belong_together, key_fingerprint};
use crate::place::{is_private, overwrite};

pub(crate) const CLEAR: &str = "key.der";
pub(crate) const SEALED: &str = "key.sealed";
const EXPOSED: &str = "key.exposed";

/// In which form a key is to rest.
#[derive(Clone, Copy)]
pub enum KeyRest<'a> {
    /// PKCS#8 DER, readable by its owner only: workers, and managers that do not lock.
    Clear,
    Sealed(KeySeal<'a>),
}

/// What a node's key is sealed with: the DEK of its manager.
#[derive(Clone, Copy)]
pub struct KeySeal<'a> {
    pub dek: &'a Dek,
    pub cluster: &'a str,
    pub node: &'a str,
    pub chance: &'a dyn Chance,
}

/// Who opens sealed node keys: a manager's keyring, which knows the DEKs of a rotation that runs too.
pub trait OpensNodeKey {
    fn open_node_key(&self, sealed: &[u8]) -> Result<SecretBytes, NodeKeyError>;
}

impl OpensNodeKey for Keyring {
    fn open_node_key(&self, sealed: &[u8]) -> Result<SecretBytes, NodeKeyError> {
        let named = node_key_epoch(sealed).and_then(|epoch| self.dek_of(epoch));
        // Where none is named that there is, the one in force says what is wrong.
        let dek = named.unwrap_or_else(|| self.dek());
        dek.open_node_key(self.cluster(), self.node(), sealed)
    }
}

impl OpensNodeKey for SharedKeyring {
    fn open_node_key(&self, sealed: &[u8]) -> Result<SecretBytes, NodeKeyError> {
        let named = node_key_epoch(sealed).and_then(|epoch| self.dek_of(epoch));
        let dek = named.unwrap_or_else(|| self.dek());
        dek.open_node_key(self.cluster(), self.node(), sealed)
    }
}

impl KeyRest<'_> {
    fn name(&self) -> &'static str {
        match self {
            Self::Clear => CLEAR,
            Self::Sealed(_) => SEALED,
        }
    }

    fn other(&self) -> &'static str {
        match self {
            Self::Clear => SEALED,
            Self::Sealed(_) => CLEAR,
        }
    }

    /// Whether the key rests there in this form already.
    fn is_at(&self, path: &Path, key: &SecretBytes) -> Result<bool, FilesError> {
        if !path.exists() {
            return Ok(false);
        }
        let bytes = read_private(path)?;
        Ok(match self {
            Self::Clear => bytes.equals(key.expose()),
            Self::Sealed(seal) => {
                let opened = seal.dek.open_node_key(seal.cluster, seal.node, bytes.expose());
                opened.is_ok_and(|found| found.equals(key.expose()))
            }
        })
    }
}

/// Writes a key beside the one in use, durably.
pub(crate) fn stage(folder: &Path, key: &SecretBytes, rest: &KeyRest<'_>) -> Result<(), FilesError> {
    let path = waiting(folder, rest.name());
    match rest {
        KeyRest::Clear => write(&path, key.expose(), 0o600)?,
        KeyRest::Sealed(seal) => {
            let sealed = seal.dek.seal_node_key(seal.chance, seal.cluster, seal.node, key);
            write(&path, &sealed, 0o600)?;
        }
    }
    sync(folder)?;
    reach("node-key.written");
    Ok(())
}

/// Puts the key that waits in its place.
pub(crate) fn place(folder: &Path, rest: &KeyRest<'_>) -> Result<(), FilesError> {
    take_place(folder, rest.name())
}

/// After the key has its place: what is left of the other form goes, and what that means for the key is noted first.
pub(crate) fn settle(
    folder: &Path,
    certificate_pem: &str,
    key: &SecretBytes,
    rest: &KeyRest<'_>,
) -> Result<(), FilesError> {
    let others = [folder.join(rest.other()), waiting(folder, rest.other())];
    let was_clear = |path: &PathBuf| KeyRest::Clear.is_at(path, key);
    if matches!(rest, KeyRest::Sealed(_)) && (was_clear(&others[0])? || was_clear(&others[1])?) {
        place_text(folder, EXPOSED, &key_fingerprint(certificate_pem).unwrap_or_default())?;
    }
    for path in &others {
        remove(folder, path)?;
    }
    if !was_exposed(folder, certificate_pem)? {
        forget(folder)?;
    }
    Ok(())
}

/// The key that was noted is another one, which nobody can use any more.
fn forget(folder: &Path) -> Result<(), FilesError> {
    let path = folder.join(EXPOSED);
    match if_there(fs::remove_file(&path)) {
        Ok(None) => Ok(()),
        Ok(Some(())) => sync(folder),
        Err(source) => Err(FilesError::Write { path, source }),
    }
}

/// Brings the key of the certificate to rest in another form; durable on return, and nothing to do if it rests so.
pub(crate) fn bring(
    folder: &Path,
    certificate_pem: &str,
    key: &SecretBytes,
    rest: &KeyRest<'_>,
) -> Result<(), FilesError> {
    if !rest.is_at(&folder.join(rest.name()), key)? {
        stage(folder, key, rest)?;
        place(folder, rest)?;
    }
    settle(folder, certificate_pem, key, rest)
}

/// The key that belongs to the certificate, in whatever form; a change that a crash cut short is finished as far as the
/// place of the key goes. `None` for `opener` finds keys in clear only.
pub(crate) fn find(
    folder: &Path,
    certificate_pem: &str,
    opener: Option<&dyn OpensNodeKey>,
) -> Result<SecretBytes, FilesError> {
    let mut why_not = None;
    for name in [SEALED, CLEAR] {
        for (path, is_waiting) in [(waiting(folder, name), true), (folder.join(name), false)] {
            if !path.exists() {
                continue;
            }
            match open(&path, name, opener) {
                Ok(key) if belong_together(certificate_pem, &key) => {
                    if is_waiting {
                        take_place(folder, name)?;
                    }
                    return Ok(key);
                }
                // One that waits may be half written, or wait in vain.
                Err(error) if !is_waiting => why_not = why_not.or(Some(error)),
                Ok(_) | Err(_) => {}
            }
        }
    }
    Err(match why_not {
        Some(error) => error,
        None if !folder.join(CLEAR).exists() && !folder.join(SEALED).exists() => FilesError::Read {
            path: folder.join(CLEAR),
            source: io::ErrorKind::NotFound.into(),
        },
        None => FilesError::Mismatch {
            folder: folder.to_owned(),
        },
    })
}

fn open(path: &Path, name: &str, opener: Option<&dyn OpensNodeKey>) -> Result<SecretBytes, FilesError> {
    let bytes = read_private(path)?;
    if name == CLEAR {
        return Ok(bytes);
    }
    let opener = opener.ok_or_else(|| FilesError::Sealed { path: path.to_owned() })?;
    opener
        .open_node_key(bytes.expose())
        .map_err(|source| FilesError::Unseal {
            path: path.to_owned(),
            source,
        })
}

/// A key in clear that waits for a certificate.
pub(crate) fn staged(folder: &Path) -> Result<Option<SecretBytes>, FilesError> {
    let path = waiting(folder, CLEAR);
    path.exists().then(|| read_private(&path)).transpose()
}

/// Whether the certificate's key stood here in clear and was sealed afterwards.
pub(crate) fn was_exposed(folder: &Path, certificate_pem: &str) -> Result<bool, FilesError> {
    let path = folder.join(EXPOSED);
    match fs::read_to_string(&path) {
        Ok(named) => Ok(key_fingerprint(certificate_pem).is_none_or(|own| own == named)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(FilesError::Read { path, source }),
    }
}

fn waiting(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.new"))
}

/// The file that waits takes the place; the bytes that were there are overwritten where they lay.
fn take_place(folder: &Path, name: &str) -> Result<(), FilesError> {
    let path = folder.join(name);
    let failed = |source| FilesError::Write {
        path: path.clone(),
        source,
    };
    let before = if_there(OpenOptions::new().write(true).open(&path)).map_err(failed)?;
    fs::rename(waiting(folder, name), &path).map_err(failed)?;
    sync(folder)?;
    reach("node-key.renamed");
    before.map_or(Ok(()), |file| overwrite(&file)).map_err(failed)
}

fn remove(folder: &Path, path: &Path) -> Result<(), FilesError> {
    let failed = |source| FilesError::Write {
        path: path.to_owned(),
        source,
    };
    let file: Option<File> = if_there(OpenOptions::new().write(true).open(path)).map_err(failed)?;
    let Some(file) = file else { return Ok(()) };
    overwrite(&file).map_err(failed)?;
    fs::remove_file(path).map_err(failed)?;
    sync(folder)
}

fn if_there<T>(result: io::Result<T>) -> io::Result<Option<T>> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        result => result.map(Some),
    }
}

fn read_private(path: &Path) -> Result<SecretBytes, FilesError> {
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
#[path = "node_key_tests.rs"]
mod tests;
