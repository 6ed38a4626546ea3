//! Who can open a backup? The holders of the age identities it was made for, or whoever knows its passphrase.
//!
//! age draws its keys from the system's generator, and what it buffers while it encrypts is out of our reach.

use std::io::{self, Read, Write};

use age::secrecy::SecretString;
use age::{DecryptError, Decryptor, Encryptor, scrypt, x25519};
use wardroom_keys::SecretBytes;

use super::BackupError;

/// Characters of a passphrase, at least.
pub const PASSPHRASE_MIN: usize = 12;
/// scrypt's work for a passphrase, as a power of two: some 0.4 s and 128 MiB on one core.
const WORK: u8 = 17;
/// The most that is taken from a file: as much again as `age` itself uses, four times over.
const WORK_MAX: u8 = 20;
/// Recipients of one backup.
const RECIPIENTS_MAX: usize = 64;

/// For whom a backup is encrypted.
pub struct Lock(Encryptor);

impl Lock {
    /// For the holders of these age recipients' identities; each of them can open it alone.
    pub fn to_recipients(recipients: &[String]) -> Result<Self, BackupError> {
        if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
            return Err(BackupError::NoKey);
        }
        let parsed: Vec<x25519::Recipient> = recipients
            .iter()
            .map(|text| recipient(text))
            .collect::<Result<_, _>>()?;
        let encryptor = Encryptor::with_recipients(parsed.iter().map(|recipient| recipient as &dyn age::Recipient));
        encryptor
            .map(Self)
            .map_err(|error| BackupError::Encrypt(error.to_string()))
    }

    /// For whoever knows the passphrase. Takes about half a second of work; do not call it where others wait.
    pub fn to_passphrase(passphrase: &SecretBytes) -> Result<Self, BackupError> {
        let text = std::str::from_utf8(passphrase.expose()).map_err(|_| BackupError::PassphraseText)?;
        if text.chars().count() < PASSPHRASE_MIN {
            return Err(BackupError::PassphraseShort);
        }
        let mut recipient = scrypt::Recipient::new(SecretString::from(text));
        recipient.set_work_factor(WORK);
        let encryptor = Encryptor::with_recipients(std::iter::once(&recipient as &dyn age::Recipient));
        encryptor
            .map(Self)
            .map_err(|error| BackupError::Encrypt(error.to_string()))
    }
}

fn recipient(text: &str) -> Result<x25519::Recipient, BackupError> {
    text.trim().parse().map_err(|_: &str| BackupError::Recipient {
        text: text.escape_default().take(80).collect(),
    })
}

/// What opens a backup.
pub enum Key {
    /// Text in UTF-8.
    Passphrase(SecretBytes),
    /// `AGE-SECRET-KEY-1...`, alone or as the file that `age-keygen` writes, with comments; several may be in it.
    Identity(SecretBytes),
}

pub(super) fn encrypt(content: &SecretBytes, lock: Lock, out: impl Write) -> io::Result<()> {
    let mut writer = lock.0.wrap_output(out)?;
    writer.write_all(content.expose())?;
    writer.finish()?.flush()
}

/// What is in the file, wiped when it is dropped.
pub(super) fn decrypt(file: &[u8], key: &Key) -> Result<SecretBytes, BackupError> {
    let decryptor = Decryptor::new_buffered(file).map_err(|error| not_opened(&error))?;
    let identities: Vec<Box<dyn age::Identity>> = match key {
        Key::Passphrase(_) if !decryptor.is_scrypt() => return Err(BackupError::WantsIdentity),
        Key::Identity(_) if decryptor.is_scrypt() => return Err(BackupError::WantsPassphrase),
        Key::Passphrase(passphrase) => {
            let text = std::str::from_utf8(passphrase.expose()).map_err(|_| BackupError::PassphraseText)?;
            let mut identity = scrypt::Identity::new(SecretString::from(text));
            identity.set_max_work_factor(WORK_MAX);
            vec![Box::new(identity)]
        }
        Key::Identity(text) => identities(text)?,
    };
    let mut reader = decryptor
        .decrypt(identities.iter().map(|identity| &**identity))
        .map_err(|error| not_opened(&error))?;
    // Decrypted, it is smaller than the file: the buffer never grows, and leaves no copies behind.
    let mut content = SecretBuffer(Vec::with_capacity(file.len()));
    reader.read_to_end(&mut content.0).map_err(|_| BackupError::Damaged)?;
    Ok(SecretBytes::new(std::mem::take(&mut content.0)))
}

/// Wiped also when reading fails half way.
struct SecretBuffer(Vec<u8>);

impl Drop for SecretBuffer {
    fn drop(&mut self) {
        drop(SecretBytes::new(std::mem::take(&mut self.0)));
    }
}

fn identities(text: &SecretBytes) -> Result<Vec<Box<dyn age::Identity>>, BackupError> {
    let text = std::str::from_utf8(text.expose()).map_err(|_| BackupError::Identity)?;
    let lines = text.lines().map(str::trim);
    let keys = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed: Result<Vec<x25519::Identity>, _> = keys.map(str::parse).collect();
    match parsed {
        Ok(parsed) if !parsed.is_empty() => Ok(parsed
            .into_iter()
            .map(|identity| Box::new(identity) as Box<dyn age::Identity>)
            .collect()),
        _ => Err(BackupError::Identity),
    }
}

fn not_opened(error: &DecryptError) -> BackupError {
    match error {
        DecryptError::InvalidHeader | DecryptError::UnknownFormat => BackupError::NotAge,
        DecryptError::Io(error) if error.kind() == io::ErrorKind::InvalidData => BackupError::NotAge,
        DecryptError::NoMatchingKeys | DecryptError::KeyDecryptionFailed | DecryptError::DecryptionFailed => {
            BackupError::WrongKey
        }
        DecryptError::ExcessiveWork { .. } => BackupError::TooMuchWork,
        _ => BackupError::Damaged,
    }
}
