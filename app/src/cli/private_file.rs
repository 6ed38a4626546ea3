//! Which files say whom to trust? Those that nobody but their owner can have written; and how such a file comes to be,
//! whole or not at all.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use crate::report::Report;

/// Far more than any list of clusters; nothing longer is read.
const BYTES_MAX: u64 = 1024 * 1024;

/// Why a private file was not read.
pub enum Unreadable {
    Missing,
    Refused(Report),
}

/// The bytes of a file that nobody but its owner (or root) can have written.
pub fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    let refused = |error: &io::Error| {
        Unreadable::Refused(
            Report::failure(format!("cannot read {}: {error}", path.display())).hint("check its permissions"),
        )
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(Unreadable::Missing),
        Err(error) => return Err(refused(&error)),
    };
    let metadata = file.metadata().map_err(|error| refused(&error))?;
    check_owner(path, &metadata, "600").map_err(Unreadable::Refused)?;
    let mut bytes = Vec::new();
    file.take(BYTES_MAX)
        .read_to_end(&mut bytes)
        .map_err(|error| refused(&error))?;
    Ok(bytes)
}

/// Refuses a folder in which others could exchange files.
pub fn check_folder(folder: &Path) -> Result<(), Report> {
    let metadata = fs::metadata(folder).map_err(|error| cannot_write(folder, &error))?;
    check_owner(folder, &metadata, "700")
}

fn check_owner(path: &Path, metadata: &fs::Metadata, mode: &str) -> Result<(), Report> {
    let own = rustix::process::geteuid().as_raw();
    if metadata.uid() != own && metadata.uid() != 0 {
        return Err(Report::failure(format!(
            "{} belongs to another user, and says whom to trust",
            path.display()
        ))
        .hint("move it away and make the contexts anew"));
    }
    if metadata.mode() & 0o022 != 0 {
        return Err(Report::failure(format!(
            "{} can be written by others, and says whom to trust",
            path.display()
        ))
        .hint(format!(
            "look whether it is as you left it, then run `chmod {mode} {}`",
            path.display()
        )));
    }
    Ok(())
}

/// Writes a file aside, flushes it, and puts it in its place.
pub fn replace(path: &Path, bytes: &[u8]) -> Result<(), Report> {
    let aside = path.with_extension("new");
    let write = || {
        match fs::remove_file(&aside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&aside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&aside, path)?;
        path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
    };
    write().map_err(|error| cannot_write(path, &error))
}

pub fn cannot_write(path: &Path, error: &io::Error) -> Report {
    Report::failure(format!("cannot write {}: {error}", path.display()))
        .hint("check that the folder is yours and has room, or name another with XDG_CONFIG_HOME")
}
