//! How do other programs of this machine reach the cluster? A unix socket; the kernel says which user is at the other
//! end, and the manager decides whether that user may come in.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::UnixListener;
use wardroom_manager::Local;

use super::front::Incoming;

/// Pause after a failed accept: running out of descriptors must not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket; the file is removed with it.
pub struct Socket {
    listener: UnixListener,
    file: SocketFile,
}

/// Removes the file when it is dropped: a closed door is better than one that nobody opens.
pub struct SocketFile(PathBuf);

impl Drop for SocketFile {
    fn drop(&mut self) {
        // A file that stays is replaced by the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// Binds the socket for its owner only. The directory's lock must be held: a file that is there was left by a crash.
pub fn bind(path: &Path) -> io::Result<Socket> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    let file = SocketFile(path.to_owned());
    fs::set_permissions(path, Permissions::from_mode(0o600))?;
    Ok(Socket { listener, file })
}

impl Socket {
    /// Hands the connections of users who may come in to `incoming`. Returns the file, to be kept as long as they should.
    pub fn serve(self, incoming: Incoming) -> SocketFile {
        tokio::spawn(accept(self.listener, incoming));
        self.file
    }
}

/// Ends when nobody serves the connections any more.
async fn accept(listener: UnixListener, sender: Incoming) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = sender.closed() => return,
            accepted = listener.accept() => accepted,
        };
        let admitted = accepted.and_then(|(stream, _)| Local::unix(stream));
        match admitted {
            Ok(local) => {
                if sender.send(local).await.is_err() {
                    return;
                }
            }
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => {
                tracing::warn!(%error, "a local connection was refused");
            }
            Err(error) => {
                tracing::warn!(%error, "a local connection failed");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use tokio::net::UnixStream;
    use tokio::sync::mpsc;

    use super::*;

    #[tokio::test]
    async fn a_socket_replaces_a_stale_one_is_private_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("wardroom.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists(), "a crash leaves the file");
        let socket = bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let (incoming, mut connections) = mpsc::channel(1);
        let file = socket.serve(incoming);
        let _client = UnixStream::connect(&path).await.unwrap();
        assert!(connections.recv().await.is_some());
        drop(file);
        assert!(!path.exists());
    }
}
