//! Does this machine unlock by itself? systemd may hand the process a credential with the unlock key, or with shares of it,
//! one a line. It is tried once, at the start.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use wardroom_keys::SecretBytes;

/// Name of the credential.
const NAME: &str = "wardroom.unlock-key";
/// Far above any number of shares.
const BYTES_MAX: u64 = 64 * 1024;

/// What the credential holds, line by line; nothing where there is none.
pub fn unlock_keys(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<SecretBytes> {
    let Some(folder) = variable("CREDENTIALS_DIRECTORY") else {
        return Vec::new();
    };
    match read(&Path::new(&folder).join(NAME)) {
        Ok(text) => lines(&text),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => {
            tracing::warn!(%error, "the credential {NAME} cannot be read; unlock this manager by hand");
            Vec::new()
        }
    }
}

fn read(path: &Path) -> io::Result<SecretBytes> {
    let file = File::open(path)?;
    // In one piece, so that no part is left behind in memory that was grown out of.
    let room = usize::try_from(file.metadata()?.len().min(BYTES_MAX)).unwrap_or(0) + 1;
    let mut bytes = Vec::with_capacity(room);
    file.take(BYTES_MAX).read_to_end(&mut bytes)?;
    Ok(SecretBytes::new(bytes))
}

fn lines(text: &SecretBytes) -> Vec<SecretBytes> {
    let lines = text.expose().split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines
        .filter(|line| !line.is_empty())
        .map(|line| SecretBytes::new(line.to_vec()))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn a_credential_is_a_key_or_shares_line_by_line() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().as_os_str().to_owned();
        let variable = |name: &str| (name == "CREDENTIALS_DIRECTORY").then(|| folder.clone());
        assert!(unlock_keys(&variable).is_empty(), "there is none");
        std::fs::write(dir.path().join(NAME), " one\r\n\ntwo\n").unwrap();
        let read = unlock_keys(&variable);
        assert!(read.len() == 2 && read[0].equals(b"one") && read[1].equals(b"two"));
        assert!(unlock_keys(&|_| None).is_empty(), "systemd did not start this process");
    }
}
