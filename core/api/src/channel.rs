//! How is gRPC spoken over a stream we already have? Channels over any connector, the limits both ends agree on, and
//! the deadline every call has.

use std::future::Future;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tonic::transport::{Channel, Endpoint, Error, Uri};
use tonic::{Request, Response, Status};
use tower::service_fn;

use crate::call_error::CallError;
pub use crate::call_error::ConnectFailure;
use crate::net::Duplex;
use crate::v1::ca_client::CaClient;
use crate::v1::control_client::ControlClient;
use crate::v1::daemon_client::DaemonClient;
use crate::v1::dispatcher_client::DispatcherClient;
use crate::v1::join_client::JoinClient;
use crate::v1::lock_client::LockClient;
use crate::v1::peer_client::PeerClient;
use crate::v1::raft_client::RaftClient;

/// Largest message in either direction but for those below; servers set it too. A value has at most 500 KiB, a snapshot comes in chunks.
pub const MESSAGE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Largest answer of the Control service. A watch begins with one message that holds every object: some hundred
/// thousand of them.
pub const WATCH_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a connector may take, TLS included.
pub const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Deadline for calls that have no better one.
pub const CALL_DEADLINE: Duration = Duration::from_secs(10);

/// A channel that connects when first used and again after a failure, each time by calling `connector`.
///
/// A [`ConnectFailure`] from the connector comes out of the call as [`CallError::Socket`].
pub fn lazy<C, F, S, E>(connector: C) -> Channel
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<S, E>> + Send + 'static,
    S: Duplex + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    endpoint().connect_with_connector_lazy(service_fn(move |_: Uri| {
        let connecting = connector();
        async move { connecting.await.map(TokioIo::new) }
    }))
}

/// As [`lazy`], connected before it returns.
pub async fn connected<C, F, S, E>(connector: C) -> Result<Channel, Error>
where
    C: Fn() -> F + Send + 'static,
    F: Future<Output = Result<S, E>> + Send + 'static,
    S: Duplex + 'static,
    E: std::error::Error + Send + Sync + 'static,
{
    let service = service_fn(move |_: Uri| {
        let connecting = connector();
        async move { connecting.await.map(TokioIo::new) }
    });
    endpoint().connect_with_connector(service).await
}

/// No keepalive: heartbeats of our own tell a silent peer sooner. The authority is a word, never looked up.
fn endpoint() -> Endpoint {
    Endpoint::from_static("http://wardroom").connect_timeout(CONNECT_DEADLINE)
}

/// The message with its deadline in the metadata, so that the other end stops working on it as well.
pub fn request<T>(message: T, deadline: Duration) -> Request<T> {
    let mut request = Request::new(message);
    request.set_timeout(deadline);
    request
}

/// Waits for a call's answer, but not longer than `deadline`. For a stream it bounds the opening only.
pub async fn within<T>(
    deadline: Duration,
    call: impl Future<Output = Result<Response<T>, Status>>,
) -> Result<T, CallError> {
    match tokio::time::timeout(deadline, call).await {
        Ok(answer) => Ok(answer?.into_inner()),
        Err(_elapsed) => Err(CallError::Timeout(format!(
            "no answer within {} ms",
            deadline.as_millis()
        ))),
    }
}

/// A control client with the agreed limits.
pub fn control(channel: Channel) -> ControlClient<Channel> {
    ControlClient::new(channel)
        .max_decoding_message_size(WATCH_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A dispatcher client with the agreed limits.
pub fn dispatcher(channel: Channel) -> DispatcherClient<Channel> {
    DispatcherClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A peer client with the agreed limits.
pub fn peer(channel: Channel) -> PeerClient<Channel> {
    PeerClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

/// A client for nodes that want in.
pub fn join(channel: Channel) -> JoinClient<Channel> {
    JoinClient::new(channel)
}

/// A client for nodes that renew their certificate, or go.
pub fn ca(channel: Channel) -> CaClient<Channel> {
    CaClient::new(channel)
}

/// A client of what waits for an unlock key.
pub fn lock(channel: Channel) -> LockClient<Channel> {
    LockClient::new(channel)
}

/// A client of this machine's daemon.
pub fn daemon(channel: Channel) -> DaemonClient<Channel> {
    DaemonClient::new(channel)
}

/// A Raft client with the agreed limits.
pub fn raft(channel: Channel) -> RaftClient<Channel> {
    RaftClient::new(channel)
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;
    use crate::call_error::CallKind;
    use crate::v1::StatusRequest;

    #[tokio::test]
    async fn a_call_that_nobody_answers_ends_at_its_deadline() {
        let (near, _far) = tokio::io::duplex(MESSAGE_BYTES_MAX);
        let near = std::sync::Mutex::new(Some(near));
        let channel = lazy(move || {
            let stream = near.lock().unwrap().take();
            async move { stream.ok_or_else(|| std::io::Error::other("one connection only")) }
        });
        let deadline = Duration::from_millis(20);
        let call = within(deadline, control(channel).status(request(StatusRequest {}, deadline))).await;
        assert_eq!(call.unwrap_err().kind(), CallKind::Timeout);
    }

    #[test]
    fn the_deadline_travels_with_the_message() {
        let request = request(StatusRequest {}, Duration::from_secs(2));
        assert_eq!(request.metadata().get("grpc-timeout").unwrap(), "2000000u");
    }
}
