//! `wardroom backup`: the whole cluster in one age file. It is encrypted before it leaves the manager, opened for a
//! look on this machine only, and restored by the daemon of a machine that is in no cluster yet.

use std::fs::{self, File, OpenOptions};
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::json;
use tonic::Request;
use wardroom_api::channel::within;
use wardroom_api::v1;

use crate::cli::arguments::{Backup, BackupCreate};
use crate::cli::hidden;
use crate::cli::session::{LONG_DEADLINE, Session};
use crate::cli::unlock::PASSPHRASE_BYTES_MAX;
use crate::cli::{restore, words};
use crate::report::{Exit, Report};
use crate::text::clean;

/// How long the next piece of a backup may take.
const PIECE_DEADLINE: Duration = Duration::from_secs(60);

pub async fn run(command: &Backup, session: &mut Session) -> Result<(), Report> {
    match command {
        Backup::Create(create) => self::create(create, session).await,
        // It asks nobody, and is done before anybody is connected to.
        Backup::Verify(_) => Ok(()),
        Backup::Restore(restore) => restore::run(restore, session).await,
    }
}

async fn create(create: &BackupCreate, session: &mut Session) -> Result<(), Report> {
    let mut sink = Sink::open(&create.file)?;
    let message = v1::BackupRequest {
        recipients: create.recipients.clone(),
        passphrase: passphrase(create)?,
    };
    let mut control = session.client.control();
    // The deadline bounds the opening; in the metadata it would end the stream.
    let mut pieces = within(LONG_DEADLINE, control.backup(Request::new(message))).await?;
    let (mut index, mut size) = (0, 0);
    loop {
        let piece = tokio::time::timeout(PIECE_DEADLINE, pieces.message()).await;
        let piece =
            piece.map_err(|_| Report::new(Exit::Timeout, "the backup stopped in the middle").hint("try again"))?;
        let Some(piece) = piece.map_err(wardroom_api::CallError::from)? else {
            break;
        };
        index = piece.index;
        size += piece.data.len();
        sink.write(&piece.data, session)?;
    }
    if size == 0 {
        return Err(Report::failure("the manager sent an empty backup").hint("look into its log, then try again"));
    }
    let file = sink.finish(session)?;
    let size_text = words::count(size, "byte");
    match file {
        None => session
            .output
            .note(&format!("note: backup as of index {index}, {size_text}")),
        Some(path) if session.output.is_json() => {
            let document = json!({ "file": path.display().to_string(), "index": index, "bytes": size });
            session.output.json(&document)?;
        }
        Some(path) => {
            let text = format!("{}: backup as of index {index}, {size_text}", path.display());
            session.output.line(&text)?;
            session.output.note(
                "note: keep what opens it apart from it; `wardroom backup verify` tells whether it can be opened",
            );
        }
    }
    Ok(())
}

/// What encrypts it, unless recipients do.
fn passphrase(create: &BackupCreate) -> Result<Option<v1::Confidential>, Report> {
    if !create.recipients.is_empty() {
        return Ok(None);
    }
    let passphrase = match &create.passphrase_file {
        Some(file) => hidden::from_file(file, PASSPHRASE_BYTES_MAX)?,
        None => hidden::ask_twice(
            "Passphrase for the backup: ",
            "say who can open it: --recipient age1..., or --passphrase-file FILE|-",
        )?,
    };
    if passphrase.is_empty() {
        return Err(Report::usage("the passphrase is empty")
            .hint("anybody could open such a backup: write a long one into the file"));
    }
    Ok(Some(v1::Confidential::new(passphrase.expose().to_vec())))
}

/// Where a backup goes. A file has its name only once it is whole.
enum Sink {
    Stdout,
    File { path: PathBuf, partial: Partial },
}

/// A file in the making, gone unless it is kept.
struct Partial {
    path: PathBuf,
    file: File,
    is_kept: bool,
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.is_kept {
            // A leftover is in nobody's way but the next attempt's, which says so.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl Sink {
    fn open(path: &Path) -> Result<Self, Report> {
        if path.as_os_str() == "-" {
            if io::stdout().is_terminal() {
                return Err(Report::usage("standard output is a terminal, and a backup is no text")
                    .hint("name a file, or pipe it on"));
            }
            return Ok(Self::Stdout);
        }
        if path.symlink_metadata().is_ok() {
            return Err(exists(path));
        }
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".partial");
        let partial = path.with_file_name(name);
        let file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&partial);
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => Report::new(
                Exit::Conflict,
                format!("{} exists: another backup is being made", partial.display()),
            )
            .hint("wait for it, or delete that file if it was cut short"),
            _ => cannot_write(&partial, &error),
        })?;
        Ok(Self::File {
            path: path.to_owned(),
            partial: Partial {
                path: partial,
                file,
                is_kept: false,
            },
        })
    }

    fn write(&mut self, bytes: &[u8], session: &mut Session) -> Result<(), Report> {
        match self {
            Self::Stdout => session.output.bytes(bytes),
            Self::File { partial, .. } => partial
                .file
                .write_all(bytes)
                .map_err(|error| cannot_write(&partial.path, &error)),
        }
    }

    /// Gives the file its name; durable on return.
    fn finish(self, session: &mut Session) -> Result<Option<PathBuf>, Report> {
        let Self::File { path, mut partial } = self else {
            session.output.flush()?;
            return Ok(None);
        };
        let keep = || {
            partial.file.sync_all()?;
            // Another one may have come meanwhile; a rename would silently replace it.
            if path.symlink_metadata().is_ok() {
                return Err(io::ErrorKind::AlreadyExists.into());
            }
            fs::rename(&partial.path, &path)?;
            let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
            File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
        };
        keep().map_err(|error: io::Error| match error.kind() {
            io::ErrorKind::AlreadyExists => exists(&path),
            _ => cannot_write(&path, &error),
        })?;
        partial.is_kept = true;
        Ok(Some(path))
    }
}

fn exists(path: &Path) -> Report {
    Report::new(
        Exit::Conflict,
        format!("{} exists already", clean(&path.display().to_string())),
    )
    .hint("a backup is never written over anything: name another file")
}

fn cannot_write(path: &Path, error: &io::Error) -> Report {
    Report::failure(format!("cannot write {}: {error}", clean(&path.display().to_string())))
        .hint("check that the folder is yours and has room")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn a_backup_is_never_written_over_anything() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.age");
        fs::write(&path, "other").unwrap();
        assert_eq!(Sink::open(&path).err().unwrap().exit, Exit::Conflict);
        assert_eq!(fs::read(&path).unwrap(), b"other");
    }

    #[test]
    fn what_was_cut_short_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("b.age");
        let sink = Sink::open(&path).unwrap();
        assert!(folder.path().join("b.age.partial").exists() && !path.exists());
        let second = Sink::open(&path).err().unwrap();
        assert!(second.message.contains("another backup"), "{}", second.message);
        drop(sink);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn an_empty_passphrase_protects_nothing() {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), "\n").unwrap();
        let create = BackupCreate {
            recipients: vec![],
            passphrase_file: Some(file.path().to_owned()),
            file: "-".into(),
        };
        assert_eq!(passphrase(&create).unwrap_err().exit, Exit::Usage);
    }
}
