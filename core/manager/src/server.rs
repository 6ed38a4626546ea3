//! Who comes in by which door? The TLS port for managers and workers, and local connections for administrators.
//!
//! A connection proves who it is once, in its handshake or by its peer credentials, and every request on it carries the
//! resulting [`Caller`] in its extensions. Handshakes have a deadline and a cap, and so have callers without a
//! certificate, so that strangers cannot pile up. A connection whose holder loses its standing is cut.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Poller, Poll};
use std::time::Duration;

use futures_util::{Stream, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use wardroom_api::net::{BoxStream, Listener};
use wardroom_ca::{Clock, NodeTls};

use crate::connections::{Connections, Ticket};
use crate::control::authorize::Role;
use crate::control::caller::{Caller, Identity};
use crate::doorstep::Doorstep;
use crate::recognize::recognize;
use crate::replica::Replica;

/// Accepted connections waiting for the server to take them.
const QUEUE: usize = 16;
/// Pause after a failed accept: running out of descriptors must not become a busy loop.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// A silent peer's connection is probed after this, and dropped when it does not answer for as long again.
const KEEPALIVE: Duration = Duration::from_secs(20);

/// A connection whose other end is known.
pub(crate) struct Connection {
    stream: BoxStream,
    caller: Caller,
    end: End,
}

/// What ends a connection from this side.
enum End {
    Never,
    /// Returns when the connection has to end; holds its place in the table of connections until then.
    When(Pin<Box<dyn Future<Output = &'static str> + Send>>),
    /// It has to; reads and writes fail from now on.
    Over(&'static str),
}

impl Connection {
    fn local(stream: BoxStream, caller: Caller) -> Self {
        Self {
            stream,
            caller,
            end: End::Never,
        }
    }

    fn ticketed(stream: BoxStream, caller: Caller, ticket: Ticket) -> Self {
        Self {
            stream,
            caller,
            end: End::When(Box::pin(ticket.ended())),
        }
    }

    fn check_open(&mut self, cx: &mut Poller<'_>) -> io::Result<()> {
        if let End::When(ended) = &mut self.end
            && let Poll::Ready(reason) = ended.as_mut().poll(cx)
        {
            self.end = End::Over(reason);
        }
        match self.end {
            End::Over(reason) => Err(io::Error::new(io::ErrorKind::ConnectionAborted, reason)),
            End::Never | End::When(_) => Ok(()),
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

impl AsyncRead for Connection {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, out: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        self.check_open(cx)?;
        Pin::new(&mut self.stream).poll_read(cx, out)
    }
}

impl AsyncWrite for Connection {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Poller<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.check_open(cx)?;
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Poller<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

/// A connection from this machine, with the user behind it.
pub struct Local {
    stream: BoxStream,
    user: String,
}

impl Local {
    /// A stream made in this process, in the name of `user`.
    pub fn trusted(stream: BoxStream, user: impl Into<String>) -> Self {
        Self {
            stream,
            user: user.into(),
        }
    }

    /// A unix socket; the kernel says who is at the other end. Root and the manager's own user are let in.
    pub fn unix(stream: tokio::net::UnixStream) -> io::Result<Self> {
        let peer = stream.peer_cred()?;
        let own = rustix::process::geteuid().as_raw();
        if peer.uid() != 0 && peer.uid() != own {
            let text = format!(
                "user {} may not administer this manager; use the account it runs under, or root",
                peer.uid()
            );
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, text));
        }
        Ok(Self {
            stream: Box::new(stream),
            user: user_name(peer.uid()),
        })
    }
}

/// The name of a user on this machine, or `uid 1000` when it has none.
pub(crate) fn user_name(uid: u32) -> String {
    let accounts = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    name_in(&accounts, uid).unwrap_or_else(|| format!("uid {uid}"))
}

fn name_in(accounts: &str, uid: u32) -> Option<String> {
    accounts.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)?.parse() == Ok(uid)).then(|| name.to_owned())
    })
}

/// What the TLS port needs to know whoever comes.
#[derive(Clone)]
pub(crate) struct Door {
    pub(crate) tls: NodeTls,
    pub(crate) replica: Replica,
    pub(crate) connections: Connections,
    pub(crate) clock: Arc<dyn Clock>,
}

/// Serves `routes` on the TLS port until `stop`; returns when every connection is closed.
pub(crate) async fn serve_tls(listener: Box<dyn Listener>, door: Door, routes: Routes, stop: CancellationToken) {
    let (ready, incoming) = mpsc::channel(QUEUE);
    let accepting = accept(listener, door, ready, stop.clone());
    tokio::join!(
        accepting,
        serve(ReceiverStream::new(incoming).map(io::Result::Ok), routes, stop)
    );
}

/// Serves `routes` to local connections until `stop` or the end of `incoming`. For whoever answers on this machine whether
/// it has a manager or not; the routes of a manager are [`crate::Manager::local_routes`].
pub async fn serve_local(
    incoming: impl Stream<Item = Local> + Send + 'static,
    routes: Routes,
    stop: CancellationToken,
) {
    let connections = incoming.map(|local| {
        let caller = Caller::new(Identity::Local(local.user), "local");
        io::Result::Ok(Connection::local(local.stream, caller))
    });
    serve(connections, routes, stop).await;
}

async fn serve(
    incoming: impl Stream<Item = io::Result<Connection>> + Send + 'static,
    routes: Routes,
    stop: CancellationToken,
) {
    let served = Server::builder()
        .http2_keepalive_interval(Some(KEEPALIVE))
        .http2_keepalive_timeout(Some(KEEPALIVE))
        .add_routes(routes)
        .serve_with_incoming_shutdown(incoming, stop.cancelled_owned())
        .await;
    if let Err(error) = served {
        tracing::error!(%error, "a server of this manager ended");
    }
}

/// The machine of an address, without the port.
fn host(from: &str) -> &str {
    from.rsplit_once(':').map_or(from, |(host, _port)| host)
}

async fn accept(mut listener: Box<dyn Listener>, door: Door, ready: mpsc::Sender<Connection>, stop: CancellationToken) {
    let doorstep = Doorstep::default();
    loop {
        let accepted = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            accepted = listener.accept() => accepted,
        };
        let (stream, from) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "could not accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let Some(visit) = doorstep.arrive(host(&from)) else {
            tracing::info!(%from, "refused a connection: too many of that machine wait already");
            continue;
        };
        let (door, ready) = (door.clone(), ready.clone());
        tokio::spawn(async move {
            let connection = match visit.turn().await {
                Some(_turn) => door.enter(stream, from).await,
                None => None,
            };
            drop(visit);
            if let Some(connection) = connection {
                // The server stops taking connections when the manager stops.
                let _ = ready.send(connection).await;
            }
        });
    }
}

impl Door {
    async fn enter(&self, stream: BoxStream, from: String) -> Option<Connection> {
        // It has a deadline of its own.
        let (stream, peer) = match self.tls.accept(stream).await {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::info!(%from, %error, "refused a connection");
                return None;
            }
        };
        let mut expires_ms = None;
        let (caller, as_manager) = match peer {
            Some((certified, facts)) => {
                // A node's connection outlives its certificate, which is renewed meanwhile; an operator's does not.
                expires_ms = (!certified.role.is_node()).then_some(facts.not_after_ms);
                recognize(&self.replica, certified, from).await
            }
            None => (Caller::new(Identity::Nobody, from), None),
        };
        let mut ticket = self.ticket(&caller, as_manager);
        if let Some(at_ms) = expires_ms {
            let left = u64::try_from(at_ms.saturating_sub(self.clock.now_ms())).unwrap_or(0);
            ticket = ticket.for_at_most(Duration::from_millis(left));
        }
        Some(Connection::ticketed(Box::new(stream), caller, ticket))
    }

    /// Who has lost its standing gets a stranger's place: long enough to be told so.
    fn ticket(&self, caller: &Caller, as_manager: Option<bool>) -> Ticket {
        match caller.subject.as_deref() {
            Some(id) if !self.tls.refused().contains(id) && caller.identity.role() != Role::Unlisted => {
                self.connections.open(id, as_manager)
            }
            _ => self.connections.stranger(caller.host()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn users_are_named_by_their_account() {
        let accounts = "root:x:0:0:root:/root:/bin/sh\nbroken\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(name_in(accounts, 0).as_deref(), Some("root"));
        assert_eq!(name_in(accounts, 1000).as_deref(), Some("ada"));
        assert_eq!(name_in(accounts, 7), None);
    }
}
