//! What opens a backup? An age identity or a passphrase, whichever the file's own header asks for.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use wardroom_keys::SecretBytes;

use crate::cli::arguments::Opening;
use crate::cli::hidden;
use crate::report::Report;
use crate::text::clean;

/// No passphrase is longer; nothing more is read.
pub const PASSPHRASE_BYTES_MAX: usize = 1024;
/// A file of identities has some lines.
const IDENTITY_BYTES_MAX: usize = 16 * 1024;
const FIRST_LINE: &[u8] = b"age-encryption.org/v1\n";
/// The header of a backup is within this, whatever it is encrypted with.
const HEADER_BYTES: u64 = 4096;

/// What opens a backup.
pub enum Unlock {
    Passphrase(SecretBytes),
    /// `AGE-SECRET-KEY-1...`, as age-keygen writes it into a file.
    Identity(SecretBytes),
}

/// Takes what the options name, or asks; refuses what cannot be it before anything is opened with it.
pub fn read(opening: &Opening, backup: &Path) -> Result<Unlock, Report> {
    let by_passphrase = wants_passphrase(backup)?;
    match (&opening.identity_file, &opening.passphrase_file) {
        (Some(_), _) if by_passphrase => Err(Report::usage("this backup is encrypted with a passphrase")
            .hint("give it with --passphrase-file FILE|-, or leave the option out to be asked")),
        (_, Some(_)) if !by_passphrase => Err(to_recipients()),
        (Some(file), _) => hidden::from_file(file, IDENTITY_BYTES_MAX).map(Unlock::Identity),
        (None, Some(file)) => Ok(Unlock::Passphrase(hidden::from_file(file, PASSPHRASE_BYTES_MAX)?)),
        (None, None) if by_passphrase => {
            let instead = "give it with --passphrase-file FILE|-";
            hidden::ask("Passphrase of the backup: ", instead).map(Unlock::Passphrase)
        }
        (None, None) => Err(to_recipients()),
    }
}

fn to_recipients() -> Report {
    Report::usage("this backup is encrypted to age recipients")
        .hint("give one of their identities with --identity-file FILE")
}

/// Whether the file's header asks for a passphrase; a file that is no age file is refused.
fn wants_passphrase(backup: &Path) -> Result<bool, Report> {
    let shown = backup.display().to_string();
    let shown = clean(&shown);
    let mut header = Vec::new();
    let read = File::open(backup).and_then(|file| file.take(HEADER_BYTES).read_to_end(&mut header));
    read.map_err(|error: io::Error| Report::failure(format!("cannot read {shown}: {error}")).hint("check the path"))?;
    if !header.starts_with(FIRST_LINE) {
        return Err(
            Report::failure(format!("{shown} is no backup: an age file is expected"))
                .hint("name a file that `wardroom backup create` wrote"),
        );
    }
    let mut stanzas = header[FIRST_LINE.len()..].split(|&byte| byte == b'\n');
    Ok(stanzas.next().is_some_and(|stanza| stanza.starts_with(b"-> scrypt ")))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::io::Write;

    use super::*;
    use crate::report::Exit;

    fn file(text: &str) -> tempfile::NamedTempFile {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file
    }

    fn refused(opening: &Opening, backup: &Path) -> Report {
        read(opening, backup).err().unwrap()
    }

    #[test]
    fn the_header_says_what_opens_it() {
        let scrypt = file("age-encryption.org/v1\n-> scrypt abc 18\nxyz\n--- mac\n");
        let recipient = file("age-encryption.org/v1\n-> X25519 abc\nxyz\n--- mac\n");
        assert!(wants_passphrase(scrypt.path()).unwrap());
        assert!(!wants_passphrase(recipient.path()).unwrap());
        let passphrase = file("correct horse\n");
        let key = file("AGE-SECRET-KEY-1QQ\n");
        let by = |identity: bool| Opening {
            identity_file: identity.then(|| key.path().to_owned()),
            passphrase_file: (!identity).then(|| passphrase.path().to_owned()),
        };
        assert!(
            matches!(read(&by(false), scrypt.path()), Ok(Unlock::Passphrase(text)) if text.equals(b"correct horse"))
        );
        assert!(
            matches!(read(&by(true), recipient.path()), Ok(Unlock::Identity(key)) if key.equals(b"AGE-SECRET-KEY-1QQ"))
        );
        assert!(
            refused(&by(true), scrypt.path())
                .hint
                .unwrap()
                .contains("--passphrase-file")
        );
        assert!(
            refused(&by(false), recipient.path())
                .hint
                .unwrap()
                .contains("--identity-file")
        );
        let nothing = Opening {
            identity_file: None,
            passphrase_file: None,
        };
        assert_eq!(refused(&nothing, recipient.path()).exit, Exit::Usage);
    }

    #[test]
    fn what_is_no_backup_is_said() {
        for text in [
            "",
            "PK\u{3}\u{4}",
            "-----BEGIN AGE ENCRYPTED FILE-----\n",
            "age-encryption.org/v2\n",
        ] {
            assert!(
                wants_passphrase(file(text).path())
                    .unwrap_err()
                    .message
                    .contains("no backup"),
                "{text}"
            );
        }
    }
}
