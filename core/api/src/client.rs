//! How does an operator's program reach a manager? Over a unix socket, over streams made in this process, or over
//! whatever a connector makes (TLS, which this crate does not know); it is the same client each time, and it reconnects
//! when it is used again.

use std::fmt;
use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::DuplexStream;
use tokio::net::UnixStream;
use tokio::sync::mpsc;
use tonic::transport::Channel;

use crate::call_error::ConnectFailure;
use crate::channel;
use crate::host::{Host, HostError};
use crate::net::Duplex;
use crate::v1::control_client::ControlClient;
use crate::v1::daemon_client::DaemonClient;
use crate::v1::lock_client::LockClient;

/// Bytes in flight per direction of an in-memory connection.
const PIPE_BYTES: usize = 64 * 1024;

/// A manager to talk to. Clones share one connection.
#[derive(Clone)]
pub struct Client {
    channel: Channel,
    address: Arc<str>,
    /// Makes another channel to the same manager.
    another: Arc<dyn Fn() -> Channel + Send + Sync>,
}

impl Client {
    /// The manager behind a unix socket. Connects on first use; must be called within a tokio runtime.
    pub fn unix(path: impl Into<PathBuf>) -> Self {
        let path = path.into();
        let address = format!("unix://{}", path.display());
        Self::over(address, move || {
            let path = path.clone();
            async move {
                UnixStream::connect(&path)
                    .await
                    .map_err(|error| socket_failure(&path, &error))
            }
        })
    }

    /// The manager behind whatever `connector` connects to; `address` is what errors call it.
    pub fn over<C, F, S, E>(address: impl Into<Arc<str>>, connector: C) -> Self
    where
        C: Fn() -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Result<S, E>> + Send + 'static,
        S: Duplex + 'static,
        E: std::error::Error + Send + Sync + 'static,
    {
        let another = move || channel::lazy(connector.clone());
        Self {
            channel: another(),
            address: address.into(),
            another: Arc::new(another),
        }
    }

    /// The same manager over a connection that nobody shares and that ends with this client. For a call with a value or a
    /// passphrase in it: what its bytes pass through, on both ends, goes with the connection instead of living on.
    #[must_use]
    pub fn once(&self) -> Self {
        Self {
            channel: (self.another)(),
            ..self.clone()
        }
    }

    /// A client of a manager in this process, and the connections that manager has to serve.
    pub fn in_memory(address: impl Into<Arc<str>>) -> (Self, mpsc::Receiver<DuplexStream>) {
        let address = address.into();
        let (sender, incoming) = mpsc::channel(16);
        let name = address.clone();
        let connector = move || {
            let (sender, name) = (sender.clone(), name.clone());
            async move {
                let (near, far) = tokio::io::duplex(PIPE_BYTES);
                sender.send(far).await.map_err(|_closed| ConnectFailure {
                    address: name.to_string(),
                    cause: "the embedded manager has stopped".into(),
                    hint: "start wardroom again".into(),
                })?;
                Ok::<_, ConnectFailure>(near)
            }
        };
        (Self::over(address, connector), incoming)
    }

    /// The manager behind the socket that the text names, as `unix:///path/to/wardroom.sock`. Managers of another
    /// machine are refused here: who may answer there is for a connector to prove, see [`Client::over`].
    pub fn host(host: &str) -> Result<Self, HostError> {
        match Host::parse(host)? {
            Host::Socket(path) => Ok(Self::unix(path)),
            Host::Managers(_) => Err(HostError::NotHere(host.to_owned())),
        }
    }

    /// What this client connects to, as text for people.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The operators' calls.
    pub fn control(&self) -> ControlClient<Channel> {
        channel::control(self.channel.clone())
    }

    /// What only the daemon of this machine does; a manager elsewhere refuses it.
    pub fn daemon(&self) -> DaemonClient<Channel> {
        channel::daemon(self.channel.clone())
    }

    /// Whether the manager of this socket waits for its unlock key, and what opens it.
    pub fn lock(&self) -> LockClient<Channel> {
        channel::lock(self.channel.clone())
    }
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

fn socket_failure(path: &Path, error: &io::Error) -> ConnectFailure {
    let (cause, hint) = match error.kind() {
        io::ErrorKind::NotFound => ("there is no such socket".to_owned(), start_hint()),
        io::ErrorKind::ConnectionRefused => ("nobody listens there".to_owned(), start_hint()),
        io::ErrorKind::PermissionDenied => (
            "permission denied".to_owned(),
            "run this as the user who started wardroom, or ask for access to the socket".to_owned(),
        ),
        _ => (error.to_string(), "check the path of the socket".to_owned()),
    };
    ConnectFailure {
        address: format!("unix://{}", path.display()),
        cause,
        hint,
    }
}

fn start_hint() -> String {
    "is wardroom running? start it with `wardroom daemon`, or a cluster to play with: `wardroom demo --headless --dir D`"
        .to_owned()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;
    use crate::call_error::{CallError, CallKind};
    use crate::channel::{CALL_DEADLINE, request, within};
    use crate::v1::StatusRequest;

    async fn status(client: &Client) -> CallError {
        let call = within(
            CALL_DEADLINE,
            client.control().status(request(StatusRequest {}, CALL_DEADLINE)),
        )
        .await;
        call.unwrap_err()
    }

    #[tokio::test]
    async fn managers_elsewhere_need_a_connector() {
        let error = Client::host("wardroom://a:2377").unwrap_err();
        assert_eq!(error, HostError::NotHere("wardroom://a:2377".into()));
        let client = Client::host("unix:///run/w.sock").unwrap();
        assert_eq!(client.address(), "unix:///run/w.sock");
    }

    #[tokio::test]
    async fn a_missing_socket_says_how_to_start_wardroom() {
        let folder = tempfile::tempdir().unwrap();
        let error = status(&Client::unix(folder.path().join("w.sock"))).await;
        assert_eq!(error.kind(), CallKind::Socket);
        assert!(error.to_string().starts_with("cannot connect to unix:///"), "{error}");
        assert!(
            error.hint().unwrap().contains("wardroom demo --headless --dir"),
            "{error:?}"
        );
    }

    #[tokio::test]
    async fn what_is_called_once_has_a_connection_of_its_own() {
        let (client, mut incoming) = Client::in_memory("embedded");
        let calling = |client: Client| {
            tokio::spawn(async move { client.control().status(request(StatusRequest {}, CALL_DEADLINE)).await })
        };
        let shared = calling(client.clone());
        let _shared = incoming.recv().await.unwrap();
        let once = calling(client.once());
        let mut own = incoming.recv().await.unwrap();
        once.abort();
        // It is closed as soon as nobody calls on it any more; the shared one stays.
        tokio::io::copy(&mut own, &mut tokio::io::sink()).await.unwrap();
        assert!(!shared.is_finished());
    }

    #[tokio::test]
    async fn a_stopped_embedded_manager_is_named() {
        let (client, incoming) = Client::in_memory("embedded");
        drop(incoming);
        let error = status(&client).await;
        assert_eq!(
            error.to_string(),
            "cannot connect to embedded: the embedded manager has stopped"
        );
    }
}
