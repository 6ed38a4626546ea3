//! How does a whole cluster fit into one file? Its state and the key that opens its secrets, encrypted before a byte of
//! them leaves the manager, and checked whole when it is read.
//!
//! The file is an age file (age-encryption.org/v1, binary) for X25519 recipients or for a passphrase, so that `age -d`
//! opens it too. What it holds, numbers being little-endian:
//!
//! | bytes | what |
//! |---|---|
//! | 8 | `WARDBKUP` |
//! | 1 | format, 1 |
//! | 32 | the sealing root, which opens every value in the state: whoever reads the file reads the secrets |
//! | 8 | Raft index of the state |
//! | 8 | when the backup was made, Unix milliseconds |
//! | 2 + n | the cluster's id, after its length |
//! | 8 + n | the state as in a snapshot (`State::encode`), after its length |
//! | 32 | the state's digest (`State::digest`): a program that read it otherwise would notice |
//!
//! Every piece of an age file is authenticated and the last one is marked, so that damage and truncation are noticed.

mod content;
mod envelope;
mod verify;

use wardroom_keys::SecretBytes;
use wardroom_state::{DecodeError, State};

pub use envelope::{Key, Lock, PASSPHRASE_MIN};

/// What goes into a backup.
pub struct Content<'a> {
    pub cluster_id: &'a str,
    pub created_at_ms: i64,
    pub state: &'a State,
    pub sealing_root: &'a SecretBytes,
}

/// A backup that was read and found whole.
pub struct Opened {
    pub cluster_id: String,
    /// Raft index of the state.
    pub index: u64,
    /// Unix milliseconds.
    pub created_at_ms: i64,
    pub state: State,
    pub sealing_root: SecretBytes,
}

/// Why a backup cannot be made or read. The texts say what to do next, and never repeat a key or a passphrase.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    #[error("name the recipients of the backup (`age1...`) or give a passphrase, one of both")]
    NoKey,
    #[error("'{text}' is no age recipient: give the public key that `age-keygen` shows, `age1...`")]
    Recipient { text: String },
    #[error("a backup's passphrase has at least {PASSPHRASE_MIN} characters; give a longer one")]
    PassphraseShort,
    #[error("a backup's passphrase is text in UTF-8")]
    PassphraseText,
    #[error("that is no age identity: give the file that `age-keygen` wrote, with its line AGE-SECRET-KEY-1...")]
    Identity,
    #[error("the backup could not be encrypted: {0}")]
    Encrypt(String),
    #[error("that is no backup: it is not an age file")]
    NotAge,
    #[error("the backup is encrypted for a passphrase: give that")]
    WantsPassphrase,
    #[error("the backup is encrypted for a recipient: give its identity (AGE-SECRET-KEY-1...)")]
    WantsIdentity,
    #[error("the key does not open this backup: give the one that it was made for")]
    WrongKey,
    #[error("the backup asks for more work than a passphrase is worth: it was not made by wardroom")]
    TooMuchWork,
    #[error("the backup is damaged or cut off: take another copy of it")]
    Damaged,
    #[error("the age file holds no backup of wardroom's, or one of another format (format {0})")]
    Format(u8),
    #[error(transparent)]
    State(#[from] DecodeError),
    #[error("the backup does not fit together: {0}. Take an older backup")]
    Broken(String),
}

/// Reads a backup with its key and checks all of it: that it is whole, that the state holds together, and that every
/// sealed value in it opens. With a passphrase it takes about a second; do not call it where others wait.
pub fn open(file: &[u8], key: &Key) -> Result<Opened, BackupError> {
    let content = envelope::decrypt(file, key)?;
    let opened = content::decode(content.expose())?;
    verify::check(&opened)?;
    Ok(opened)
}

/// Writes a backup to `out`, encrypted; what `out` fails with is returned as it is.
pub fn write(content: &Content<'_>, lock: Lock, out: impl std::io::Write) -> std::io::Result<()> {
    envelope::encrypt(&content::encode(content), lock, out)
}

#[cfg(test)]
mod tests;
