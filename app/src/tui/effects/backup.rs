//! How does a backup get onto this machine's disk? Streamed into a new file that nobody else may read; a file that is
//! there is never overwritten, and one that could not be completed is taken away again.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::fs::{File, OpenOptions};
use tokio::io::AsyncWriteExt;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Status};
use wardroom_api::channel::within;
use wardroom_api::v1::BackupChunk;
use wardroom_api::{CallError, Client};

use crate::tui::msg::{BackedUp, BackupOrder, Msg, Ticket};

/// Longest silence before a part of a backup: the whole has no deadline. A passphrase takes its time at the beginning.
const CHUNK_DEADLINE: Duration = Duration::from_secs(30);

/// Asks for the backup and writes it; says on the way how many bytes are written.
pub async fn run(
    client: &Client,
    out: &mpsc::Sender<Msg>,
    ticket: Ticket,
    order: BackupOrder,
) -> Result<BackedUp, CallError> {
    let path = PathBuf::from(&order.path);
    // Before the cluster is asked: a path that cannot be written costs it nothing.
    let file = create(&path).await?;
    let unfinished = Unfinished(Some(path.clone()));
    let request = order.request;
    let mut control = client.control();
    // The deadline bounds the opening; in the metadata it would end the stream.
    let chunks = within(CHUNK_DEADLINE, control.backup(Request::new(request))).await?;
    let written = write(file, chunks, |bytes| {
        // A console that is busy hears of the next part.
        let _ = out.try_send(Msg::Written(ticket, bytes));
    })
    .await
    .map_err(|error| error.about(&path))?;
    sync_folder(&path).await;
    unfinished.keep();
    Ok(written)
}

async fn create(path: &Path) -> Result<File, CallError> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    options
        .open(path)
        .await
        .map_err(|error| Failure::Disk(error).about(path))
}

/// Takes the file away again unless it was completed.
struct Unfinished(Option<PathBuf>);

impl Unfinished {
    fn keep(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = &self.0 {
            // Best effort: what is left cannot be opened, as its end is missing.
            let _ = std::fs::remove_file(path);
        }
    }
}

#[derive(Debug)]
enum Failure {
    Disk(io::Error),
    Call(CallError),
    Empty,
}

impl Failure {
    fn about(self, path: &Path) -> CallError {
        let path = path.display();
        match self {
            Self::Disk(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                CallError::Precondition(format!("{path} is there already: name another file"))
            }
            Self::Disk(error) => {
                CallError::Precondition(format!("cannot write {path}: {error}; check the folder and its room"))
            }
            Self::Empty => CallError::Unavailable("the manager sent no backup".into()),
            Self::Call(error) => error,
        }
    }
}

/// Writes every part, then makes sure that the disk has it.
async fn write(
    mut file: File,
    mut chunks: impl Stream<Item = Result<BackupChunk, Status>> + Unpin,
    told: impl Fn(u64),
) -> Result<BackedUp, Failure> {
    let mut written = BackedUp { index: 0, bytes: 0 };
    loop {
        let next = tokio::time::timeout(CHUNK_DEADLINE, chunks.next()).await;
        let silent = || {
            let seconds = CHUNK_DEADLINE.as_secs();
            Failure::Call(CallError::Timeout(format!(
                "the backup stopped: nothing came for {seconds} s"
            )))
        };
        let Some(chunk) = next.map_err(|_elapsed| silent())? else {
            break;
        };
        let chunk = chunk.map_err(|status| Failure::Call(status.into()))?;
        file.write_all(&chunk.data).await.map_err(Failure::Disk)?;
        written.bytes += u64::try_from(chunk.data.len()).unwrap_or(u64::MAX);
        written.index = written.index.max(chunk.index);
        told(written.bytes);
    }
    if written.bytes == 0 {
        return Err(Failure::Empty);
    }
    file.flush().await.map_err(Failure::Disk)?;
    file.sync_all().await.map_err(Failure::Disk)?;
    Ok(written)
}

/// The file's name has to be on the disk, too. A file system that cannot do this has done what it can.
async fn sync_folder(path: &Path) {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    if let Ok(folder) = File::open(folder).await {
        let _ = folder.sync_all().await;
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use std::cell::RefCell;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn chunk(data: &[u8]) -> BackupChunk {
        BackupChunk {
            index: 7,
            data: data.to_vec(),
        }
    }

    async fn written(chunks: Vec<Result<BackupChunk, Status>>) -> (Result<BackedUp, Failure>, Vec<u8>, Vec<u64>) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.age");
        let told = RefCell::new(Vec::new());
        let file = create(&path).await.unwrap();
        let outcome = write(file, tokio_stream::iter(chunks), |bytes| told.borrow_mut().push(bytes)).await;
        (outcome, std::fs::read(&path).unwrap(), told.into_inner())
    }

    #[tokio::test]
    async fn parts_become_one_file_and_are_counted() {
        let (outcome, bytes, told) = written(vec![Ok(chunk(b"age-")), Ok(chunk(b"encrypted"))]).await;
        assert_eq!(outcome.unwrap(), BackedUp { index: 7, bytes: 13 });
        assert_eq!((bytes.as_slice(), told), (&b"age-encrypted"[..], vec![4, 13]));
    }

    #[tokio::test]
    async fn a_stream_that_breaks_is_no_backup() {
        let (outcome, ..) = written(vec![Ok(chunk(b"age-")), Err(Status::unavailable("shutting down"))]).await;
        assert!(
            matches!(outcome, Err(Failure::Call(CallError::Unavailable(_)))),
            "{outcome:?}"
        );
        let (outcome, ..) = written(Vec::new()).await;
        assert!(matches!(outcome, Err(Failure::Empty)), "{outcome:?}");
    }

    #[tokio::test]
    async fn the_file_is_new_and_for_its_owner_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.age");
        drop(create(&path).await.unwrap());
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        let refused = create(&path).await.unwrap_err();
        assert!(
            refused.to_string().contains("is there already: name another"),
            "{refused}"
        );
        let nowhere = create(&folder.path().join("no/folder")).await.unwrap_err();
        assert!(nowhere.to_string().contains("check the folder"), "{nowhere}");
    }

    #[tokio::test]
    async fn what_cannot_be_completed_is_taken_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.age");
        let (client, incoming) = Client::in_memory("embedded");
        drop(incoming);
        let (out, _inbox) = mpsc::channel(4);
        let order = BackupOrder {
            path: path.display().to_string(),
            request: wardroom_api::v1::BackupRequest::default(),
        };
        assert!(run(&client, &out, 1, order).await.is_err());
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_file_that_was_there_stays_as_it_was() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cluster.age");
        std::fs::write(&path, b"before").unwrap();
        let (client, _incoming) = Client::in_memory("embedded");
        let (out, _inbox) = mpsc::channel(4);
        let order = BackupOrder {
            path: path.display().to_string(),
            request: wardroom_api::v1::BackupRequest::default(),
        };
        assert!(run(&client, &out, 1, order).await.is_err());
        assert_eq!(std::fs::read(&path).unwrap(), b"before");
    }
}
