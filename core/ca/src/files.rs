//! Where does a node keep who it is? Three files in one folder: `root.pem` and `cert.pem` (0644), `key.der` (0600,
//! PKCS#8, not encrypted).
//!
//! Each is written aside, flushed and renamed. Certificate and key must also change together, which two renames cannot
//! do: the new key waits in `key.der.new` until its certificate is in place, and loading takes whichever key belongs to
//! the certificate. A crash between any two steps leaves the old pair or the new one.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use wardroom_keys::SecretBytes;

use crate::own::belong_together;

const ROOT: &str = "root.pem";
const CERTIFICATE: &str = "cert.pem";
const KEY: &str = "key.der";
const KEY_WAITING: &str = "key.der.new";

/// What a node needs to be itself.
pub struct NodeFiles {
    pub root_pem: String,
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
        self.stage_key(folder)?;
        self.place_certificates(folder)?;
        place_key(folder)
    }

    fn stage_key(&self, folder: &Path) -> Result<(), FilesError> {
        write(&folder.join(KEY_WAITING), self.key.expose(), 0o600)?;
        sync(folder)
    }

    fn place_certificates(&self, folder: &Path) -> Result<(), FilesError> {
        for (name, text) in [(ROOT, &self.root_pem), (CERTIFICATE, &self.certificate_pem)] {
            let aside = folder.join(format!("{name}.new"));
            write(&aside, text.as_bytes(), 0o644)?;
            rename(&aside, &folder.join(name))?;
            sync(folder)?;
        }
        Ok(())
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

fn place_key(folder: &Path) -> Result<(), FilesError> {
    rename(&folder.join(KEY_WAITING), &folder.join(KEY))?;
    sync(folder)
}

fn write(path: &Path, bytes: &[u8], mode: u32) -> Result<(), FilesError> {
    let create = || {
        // An earlier attempt's leftover may have other permissions: never write into it.
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
        file.set_permissions(fs::Permissions::from_mode(mode))?; // whatever the umask says
        file.write_all(bytes)?;
        file.sync_all()
    };
    create().map_err(|source| FilesError::Write {
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
    let flush = || File::open(folder)?.sync_all();
    flush().map_err(|source| FilesError::Write {
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
    let mode = fs::metadata(path).map_err(read_error)?.permissions().mode();
    if mode & 0o077 != 0 {
        return Err(FilesError::Exposed { path: path.to_owned() });
    }
    fs::read(path).map(SecretBytes::new).map_err(read_error)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;
    use crate::identity::Role;
    use crate::root::tests::{issue, root};

    /// The files of node n1 with its `number`th certificate.
    fn files(number: i64) -> NodeFiles {
        let root = root("c1");
        let issued = issue(&root, "n1", Role::Manager, number * 1000);
        NodeFiles {
            root_pem: root.certificate_pem().into(),
            certificate_pem: issued.certificate_pem,
            key: issued.key,
        }
    }

    fn check(folder: &Path, number: i64) {
        let (loaded, expected) = (NodeFiles::load(folder).unwrap(), files(number));
        assert_eq!(loaded.certificate_pem, expected.certificate_pem);
        assert!(loaded.key.equals(expected.key.expose()));
    }

    #[test]
    fn files_come_back_with_their_permissions() {
        let folder = tempfile::tempdir().unwrap();
        assert!(!NodeFiles::exist(folder.path()));
        files(1).save(folder.path()).unwrap();
        assert!(NodeFiles::exist(folder.path()));
        check(folder.path(), 1);
        let mode = |name| fs::metadata(folder.path().join(name)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(ROOT), mode(CERTIFICATE), mode(KEY)), (0o644, 0o644, 0o600));
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing is left aside");
    }

    #[test]
    fn a_crash_between_any_two_steps_leaves_a_pair() {
        let folder = tempfile::tempdir().unwrap();
        files(1).save(folder.path()).unwrap();
        files(2).stage_key(folder.path()).unwrap();
        check(folder.path(), 1);
        files(2).place_certificates(folder.path()).unwrap();
        check(folder.path(), 2);
        assert!(!folder.path().join(KEY_WAITING).exists(), "loading finished the save");
        files(3).save(folder.path()).unwrap();
        check(folder.path(), 3);
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        files(1).save(folder.path()).unwrap();
        write(&folder.path().join(KEY), files(2).key.expose(), 0o600).unwrap();
        assert!(matches!(
            NodeFiles::load(folder.path()),
            Err(FilesError::Mismatch { .. })
        ));
    }

    #[test]
    fn a_key_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        files(1).save(folder.path()).unwrap();
        fs::set_permissions(folder.path().join(KEY), fs::Permissions::from_mode(0o640)).unwrap();
        assert!(matches!(
            NodeFiles::load(folder.path()),
            Err(FilesError::Exposed { .. })
        ));
    }

    #[test]
    fn a_missing_file_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let error = NodeFiles::load(folder.path()).err().unwrap().to_string();
        assert!(error.contains("root.pem"), "{error}");
    }
}
