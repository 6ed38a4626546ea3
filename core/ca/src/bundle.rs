//! What does an operator carry? One text file with all that a client needs to reach the cluster as that operator: where
//! the managers are, the certificate, the roots to trust, and the key.
//!
//! ```text
//! # wardroom operator ada
//! # manager: 10.0.0.1:2377
//! # manager: 10.0.0.2:2377
//! # certificate
//! -----BEGIN CERTIFICATE-----      the operator's, then the intermediates that lead to older roots
//! # roots
//! -----BEGIN CERTIFICATE-----      the cluster's roots, newest first
//! # key
//! -----BEGIN PRIVATE KEY-----      PKCS#8, not encrypted: the file is for its owner's eyes only
//! ```
//!
//! The first line and the three headings stand once each, in this order; other `#` lines and blank lines mean nothing.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use wardroom_keys::{SecretBytes, pem};

use crate::certificate::{certificate_pem, certificates_in};
use crate::own::belong_together;
use crate::place::{is_private, sync_folder, write_new};

const FIRST: &str = "# wardroom operator ";
const MANAGER: &str = "# manager: ";
const CERTIFICATE: &str = "# certificate";
const ROOTS: &str = "# roots";
const KEY: &str = "# key";
const KEY_LABEL: &str = "PRIVATE KEY";
/// A bundle has a few KiB; a longer file is something else.
const BYTES_MAX: u64 = 256 * 1024;
const NAME_CHARACTERS_MAX: usize = 128;
/// A DNS name has 253 characters at most, a port five.
const ADDRESS_BYTES_MAX: usize = 260;

/// An operator's identity and how to reach the cluster.
pub struct Bundle {
    /// The operator's name, for people.
    pub name: String,
    /// The trusted roots, newest first.
    pub roots_pem: String,
    /// The certificate, then its intermediates.
    pub certificate_pem: String,
    /// PKCS#8 DER, Ed25519.
    pub key: SecretBytes,
    /// Managers' addresses, `host:port`, at least one.
    pub managers: Vec<String>,
}

/// What is wrong with a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BundleFault {
    #[error("it is not an operator's bundle, which begins with `# wardroom operator`")]
    First,
    #[error("it has not `{0}` once and in its place")]
    Heading(&'static str),
    #[error("the operator's name is empty, too long or has control characters")]
    Name,
    #[error("it names no manager as `# manager: host:port`")]
    NoManager,
    #[error("one of its managers is not written as `host:port`")]
    Manager,
    #[error("there is no readable certificate under `{0}`")]
    Certificate(&'static str),
    #[error("there is no readable private key under `# key`")]
    Key,
    #[error("its key does not belong to its certificate")]
    Mismatch,
}

/// Why a bundle could not be written or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    #[error("cannot write {}: check that the folder exists, is yours and has room", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{} exists already: choose another name, or say that it may be replaced", path.display())]
    Exists { path: PathBuf },
    #[error("cannot read {}: check the path", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "others can read {}: run `chmod 600` on it; if somebody may have read it, have the operator removed and added \
         again",
        path.display()
    )]
    Exposed { path: PathBuf },
    #[error("{} cannot be used: {fault}. Have the operator added again for a new one", path.display())]
    Content { path: PathBuf, fault: BundleFault },
    #[error("the operator's bundle cannot be made: {0}")]
    Unwritable(BundleFault),
}

impl Bundle {
    /// The text form. It holds the key.
    pub fn text(&self) -> Result<SecretBytes, BundleFault> {
        self.check()?;
        let key = pem::encode(KEY_LABEL, self.key.expose());
        let managers = self.managers.iter().map(|address| format!("{MANAGER}{address}\n"));
        let certificate = blocks(CERTIFICATE, &self.certificate_pem)?;
        let roots = blocks(ROOTS, &self.roots_pem)?;
        let head = format!(
            "{FIRST}{}\n{}{CERTIFICATE}\n{certificate}{ROOTS}\n{roots}{KEY}\n",
            self.name,
            managers.collect::<String>()
        );
        let mut text = Vec::with_capacity(head.len() + key.len()); // one allocation, so that no partial copy is left
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(key.expose());
        Ok(SecretBytes::new(text))
    }

    /// Reads the text form. Any bytes are fine; most are an error.
    pub fn parse(text: &[u8]) -> Result<Self, BundleFault> {
        let mut parts = Parts::default();
        for line in text.split(|&byte| byte == b'\n') {
            parts.take(&String::from_utf8_lossy(line.trim_ascii_end()))?;
        }
        if parts.found < HEADINGS.len() {
            return Err(parts.missing());
        }
        let bundle = Self {
            name: parts.name,
            roots_pem: parts.roots,
            certificate_pem: parts.certificate,
            key: pem::decode(KEY_LABEL, text).ok_or(BundleFault::Key)?,
            managers: parts.managers,
        };
        bundle.check()?;
        Ok(bundle)
    }

    /// Writes the file for its owner only (0600); durable on return, and whole or not there at all. A file that is there
    /// already stays as it is unless `replace`.
    pub fn write(&self, path: &Path, replace: bool) -> Result<(), BundleError> {
        let text = self.text().map_err(BundleError::Unwritable)?;
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let aside = path.with_file_name(name);
        let placed = write_new(&aside, text.expose(), 0o600).and_then(|()| {
            if replace {
                fs::rename(&aside, path)
            } else {
                fs::hard_link(&aside, path) // unlike a rename, it fails if the name is taken
            }
        });
        let _ = fs::remove_file(&aside); // gone already if it was renamed; otherwise nothing may be left of the key
        placed.and_then(|()| sync_folder(folder_of(path))).map_err(|source| {
            let path = path.to_owned();
            match source.kind() {
                io::ErrorKind::AlreadyExists => BundleError::Exists { path },
                _ => BundleError::Write { path, source },
            }
        })
    }

    /// Reads what [`Self::write`] wrote. A file that others can read is refused.
    pub fn read(path: &Path) -> Result<Self, BundleError> {
        let text = read_private(path)?;
        Self::parse(text.expose()).map_err(|fault| BundleError::Content {
            path: path.to_owned(),
            fault,
        })
    }

    fn check(&self) -> Result<(), BundleFault> {
        if !is_operator_name(&self.name) {
            return Err(BundleFault::Name);
        }
        if self.managers.is_empty() {
            return Err(BundleFault::NoManager);
        }
        if !self.managers.iter().all(|address| is_address(address)) {
            return Err(BundleFault::Manager);
        }
        blocks(CERTIFICATE, &self.certificate_pem)?;
        blocks(ROOTS, &self.roots_pem)?;
        if !belong_together(&self.certificate_pem, &self.key) {
            return Err(BundleFault::Mismatch);
        }
        Ok(())
    }
}

/// In the order in which they stand.
const HEADINGS: [&str; 4] = [FIRST, CERTIFICATE, ROOTS, KEY];

/// A bundle's text, line by line.
#[derive(Default)]
struct Parts {
    /// How many headings were found, the first line included.
    found: usize,
    name: String,
    managers: Vec<String>,
    certificate: String,
    roots: String,
}

impl Parts {
    fn take(&mut self, line: &str) -> Result<(), BundleFault> {
        if self.found == 0 {
            line.strip_prefix(FIRST)
                .ok_or(BundleFault::First)?
                .clone_into(&mut self.name);
            self.found = 1;
            return Ok(());
        }
        if HEADINGS[1..].contains(&line) || line.starts_with(FIRST) {
            let expected = HEADINGS.get(self.found);
            if expected != Some(&line) {
                return Err(self.missing());
            }
            self.found += 1;
            return Ok(());
        }
        if let Some(address) = line.strip_prefix(MANAGER) {
            self.managers.push(address.to_owned());
        }
        match self.found {
            _ if line.starts_with('#') => {}
            2 => push_line(&mut self.certificate, line),
            3 => push_line(&mut self.roots, line),
            _ => {} // the key is taken from the whole text, so that no copy of it is left here
        }
        Ok(())
    }

    /// The heading that should have come next; the last one if all have come and one more follows.
    fn missing(&self) -> BundleFault {
        let at = self.found.min(HEADINGS.len() - 1);
        BundleFault::Heading(HEADINGS[at])
    }
}

fn push_line(text: &mut String, line: &str) {
    if !line.is_empty() {
        text.push_str(line);
        text.push('\n');
    }
}

/// The certificates of a text and nothing else, so that nothing in it passes for a heading.
fn blocks(heading: &'static str, pem: &str) -> Result<String, BundleFault> {
    let found = certificates_in(pem).map_err(|_| BundleFault::Certificate(heading))?;
    Ok(found.iter().map(|certificate| certificate_pem(certificate)).collect())
}

fn is_operator_name(name: &str) -> bool {
    let trimmed = name.trim() == name && !name.is_empty();
    trimmed && name.chars().count() <= NAME_CHARACTERS_MAX && !name.chars().any(char::is_control)
}

fn is_address(address: &str) -> bool {
    let split = address.rsplit_once(':');
    let is_split = split.is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok());
    is_split && address.len() <= ADDRESS_BYTES_MAX && address.bytes().all(|byte| byte.is_ascii_graphic())
}

fn folder_of(path: &Path) -> &Path {
    match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    }
}

fn read_private(path: &Path) -> Result<SecretBytes, BundleError> {
    let read_error = |source| BundleError::Read {
        path: path.to_owned(),
        source,
    };
    // Opening something that is no file, a pipe say, could wait for ever.
    let metadata = fs::metadata(path).map_err(read_error)?;
    if !metadata.is_file() || metadata.len() > BYTES_MAX {
        return Err(BundleError::Content {
            path: path.to_owned(),
            fault: BundleFault::First,
        });
    }
    let file = File::open(path).map_err(read_error)?;
    if !is_private(&file.metadata().map_err(read_error)?) {
        return Err(BundleError::Exposed { path: path.to_owned() });
    }
    let room = usize::try_from(metadata.len()).expect("it is below the limit") + 1;
    let mut bytes = Vec::with_capacity(room); // one allocation, so that no partial copy is left behind
    let read = file.take(BYTES_MAX).read_to_end(&mut bytes);
    let text = SecretBytes::new(bytes);
    read.map_err(read_error)?;
    Ok(text)
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
