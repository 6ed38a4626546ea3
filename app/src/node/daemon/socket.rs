//! How is this machine administered? Over a unix socket, by root, by the daemon's own user and by the members of one
//! group. The kernel lets in whom the file's mode admits, and names the user; that name stands in the audit chain.

use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use wardroom_manager::{Guests, Local};

use crate::report::Report;

/// The group whose members are let in unless another one is named; it need not exist.
const GROUP: &str = "wardroom";
/// Connections that wait to be served.
const QUEUE: usize = 16;
/// Pause after a failed accept: running out of descriptors must not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A bound socket; the file goes with it.
pub struct Socket {
    listener: UnixListener,
    guests: Option<Guests>,
    file: File,
}

/// Removes the file when it is dropped: a closed door is better than one that nobody opens.
pub struct File(PathBuf);

impl Drop for File {
    fn drop(&mut self) {
        // A file that stays is replaced by the next start.
        let _ = fs::remove_file(&self.0);
    }
}

/// The group that was named, which must exist, or the usual one, which need not.
pub fn guests(named: Option<&str>) -> Result<Option<Guests>, Report> {
    let Some(name) = named else {
        return Ok(Guests::of(GROUP));
    };
    let found = Guests::of(name);
    found.map(Some).ok_or_else(|| {
        Report::usage(format!(
            "there is no group `{}` on this machine",
            crate::text::clean(name)
        ))
        .hint("create it with `groupadd --system`, or name one that exists with --group")
    })
}

/// Binds the socket. A file that nobody listens at was left by a crash and is replaced; one that is in use is not.
pub async fn bind(path: &Path, guests: Option<Guests>) -> Result<Socket, Report> {
    let cannot = |error: io::Error| {
        Report::failure(format!("cannot listen at {}: {error}", path.display()))
            .hint("make its folder writable to the daemon's user, or name another path with --socket")
    };
    if UnixStream::connect(path).await.is_ok() {
        return Err(
            Report::failure(format!("another process listens at {}", path.display()))
                .hint("stop it, or name another path with --socket"),
        );
    }
    open(path, guests).map_err(cannot)
}

fn open(path: &Path, guests: Option<Guests>) -> io::Result<Socket> {
    if let Some(folder) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(folder)?;
    }
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(path)?;
    let file = File(path.to_owned());
    if let Some(guests) = &guests
        && let Err(error) = std::os::unix::fs::chown(path, None, Some(guests.gid))
    {
        // An unprivileged daemon cannot give its socket away; whoever it lets in must then be its own user or root.
        tracing::warn!(group = guests.name, %error, "the socket could not be given to the group");
    }
    fs::set_permissions(path, Permissions::from_mode(0o660))?;
    Ok(Socket { listener, guests, file })
}

impl Socket {
    /// The connections of users who may come in, and the file, to be kept as long as they should.
    pub fn accept(self) -> (mpsc::Receiver<Local>, File) {
        let (sender, connections) = mpsc::channel(QUEUE);
        tokio::spawn(accept(self.listener, self.guests, sender));
        (connections, self.file)
    }
}

/// Ends when nobody serves the connections any more.
async fn accept(listener: UnixListener, guests: Option<Guests>, sender: mpsc::Sender<Local>) {
    loop {
        let accepted = tokio::select! {
            biased;
            () = sender.closed() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted.and_then(|(stream, _)| Local::unix_with(stream, guests.as_ref())) {
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

    use super::*;

    #[tokio::test]
    async fn a_socket_replaces_a_stale_one_admits_its_user_and_goes_with_its_owner() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("run/wardroom.sock");
        fs::create_dir(dir.path().join("run")).unwrap();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        let socket = bind(&path, None).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
        let (mut connections, file) = socket.accept();
        let _client = UnixStream::connect(&path).await.unwrap();
        assert!(connections.recv().await.is_some());
        let report = bind(&path, None).await.err().unwrap();
        assert!(report.message.contains("another process listens"), "{}", report.message);
        drop(file);
        assert!(!path.exists());
    }

    #[test]
    fn a_group_that_was_named_must_exist() {
        assert!(guests(None).is_ok());
        assert!(
            guests(Some("no-such-group"))
                .unwrap_err()
                .message
                .contains("no-such-group")
        );
        assert_eq!(guests(Some("root")).unwrap().map(|guests| guests.gid), Some(0));
    }
}
