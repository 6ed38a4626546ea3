//! Where is a write done? On the leader: here, if this manager leads, else there, in the caller's name over mutual TLS.
//! The answer waits until this manager has seen the change too, so that the caller can read what it wrote.

use std::future::Future;
use std::time::Duration;

use tokio::time::Instant;
use tonic::metadata::MetadataValue;
use tonic::transport::Channel;
use tonic::{Request, Response, Status};
use tower::ServiceExt;
use wardroom_api::channel::{self, CALL_DEADLINE};
use wardroom_api::v1;

use crate::context::Context;
use crate::control::caller::{ACTOR, COUNT, Caller, FROM, Identity, LEADER, SUBJECT};
use crate::control::error::Failure;
use crate::links::{Lane, is_late};
use crate::raft::Peer;
use crate::status::Leadership;

/// How long a call waits for somebody to lead before it says that nobody does.
const ELECTION_PATIENCE: Duration = Duration::from_secs(3);
/// How long a read waits before it says that nobody leads.
const READ_PATIENCE: Duration = Duration::from_millis(500);
/// Pause before a leader that is not ready yet is asked again.
const PAUSE: Duration = Duration::from_millis(50);

/// An answer to a write.
pub(crate) trait Written {
    /// Raft index of the change; 0 when nothing was changed.
    fn index(&self) -> u64;
}

macro_rules! written {
    ($($name:ident),+ $(,)?) => {$(
        impl Written for v1::$name {
            fn index(&self) -> u64 {
                self.index
            }
        }
    )+};
}
written!(
    CreateSecretResponse,
    RotateSecretResponse,
    RevokeSecretResponse,
    RemoveSecretResponse,
    CreateServiceResponse,
    UpdateServiceResponse,
    RemoveServiceResponse,
    RollbackServiceResponse,
    UpdateGrantsResponse,
    SteerRotationResponse,
    PruneVersionsResponse,
    UpdateSecretResponse,
    JoinTokenResponse,
    UpdateClusterResponse,
    RotateRootResponse,
    UpdateNodeResponse,
    RemoveNodeResponse,
    StepDownResponse,
    AddOperatorResponse,
    RemoveOperatorResponse,
    GetUnlockKeyResponse,
    RotateUnlockKeyResponse,
    KeepUnlockKeyResponse,
    RotateDekResponse,
    AdmitResponse,
    RenewResponse,
    DepartResponse,
);

/// Who called; the gate has put it there.
pub(crate) fn caller<T>(request: &Request<T>) -> Caller {
    let known = request.extensions().get::<Caller>().cloned();
    known.unwrap_or_else(|| Caller::new(Identity::Nobody, "unknown"))
}

/// Does a write where it belongs. `here` runs it on this manager, `there` calls the leader. What a manager answered
/// "not the leader" to was not done and is tried again within the deadline; anything else is final.
pub(crate) async fn write<M, R, H, T>(
    context: &Context,
    request: Request<M>,
    here: impl Fn(Context, Caller, M) -> H,
    there: impl Fn(Channel, Request<M>) -> T,
) -> Result<Response<R>, Status>
where
    M: Clone,
    R: Written,
    H: Future<Output = Result<R, Failure>>,
    T: Future<Output = Result<Response<R>, Status>>,
{
    let caller = caller(&request);
    let message = request.into_inner();
    let deadline = Instant::now() + CALL_DEADLINE;
    loop {
        let answer = match leader(context, &caller).await? {
            None => here(context.clone(), caller.clone(), message.clone())
                .await
                .map_err(Status::from),
            Some(leader) => {
                let remaining = deadline.saturating_duration_since(Instant::now());
                let (line, attempt) = context.links.attempt(&leader, Lane::Urgent);
                let request = in_the_name_of(&caller, channel::request(message.clone(), remaining));
                let Ok(answer) = tokio::time::timeout(remaining, there(line, request)).await else {
                    return Err(Failure::Unconfirmed.into());
                };
                if answer.as_ref().is_err_and(is_late) {
                    return Err(Failure::Unconfirmed.into());
                }
                attempt.answered();
                answer.map(Response::into_inner)
            }
        };
        match answer {
            Ok(written) => return Ok(seen_here(context, written, deadline).await),
            Err(status) if !caller.forwarded && was_not_done(&status) && Instant::now() + PAUSE < deadline => {
                tokio::time::sleep(PAUSE).await;
            }
            Err(status) if !caller.forwarded && was_not_done(&status) => return Err(Failure::NoLeader.into()),
            // The connection broke under the call: the leader may have done it.
            Err(status) if std::error::Error::source(&status).is_some() => return Err(Failure::Unconfirmed.into()),
            Err(status) => return Err(status),
        }
    }
}

/// Says in Docker's words that nobody leads, if that is so and stays so for a moment. A leader that no quorum answers
/// leads nobody.
pub(crate) async fn check_led(context: &Context) -> Result<(), Failure> {
    let mut leadership = context.leadership.clone();
    let led = leadership.wait_for(|known| is_decided(context, known));
    match tokio::time::timeout(READ_PATIENCE, led).await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(_)) | Err(_) => Err(Failure::NoLeader),
    }
}

/// Somebody leads: this manager with a quorum behind it, or another one.
fn is_decided(context: &Context, known: &Leadership) -> bool {
    let is_other = |leader: &Peer| leader.node_id != context.config.node_id;
    known.mine || known.leader.as_ref().is_some_and(is_other)
}

/// The manager that leads; `None` when it is this one. A forwarded call is not forwarded again.
pub(super) async fn leader(context: &Context, caller: &Caller) -> Result<Option<Peer>, Failure> {
    let mut leadership = context.leadership.clone();
    let known = leadership.wait_for(|known| caller.forwarded || is_decided(context, known));
    let known = match tokio::time::timeout(ELECTION_PATIENCE, known).await {
        Ok(Ok(known)) => known.clone(),
        Ok(Err(_)) | Err(_) => return Err(Failure::NoLeader),
    };
    match known.leader {
        _ if known.mine => Ok(None),
        leader if caller.forwarded => Err(Failure::NotLeader {
            leader: leader.map(|peer| peer.address),
        }),
        Some(leader) => Ok(Some(leader)),
        None => Err(Failure::NoLeader),
    }
}

/// The manager asked does not lead, or could not be reached at all: the change was not made.
fn was_not_done(status: &Status) -> bool {
    let unreachable = || {
        let causes = std::iter::successors(std::error::Error::source(status), |cause| cause.source());
        causes
            .into_iter()
            .any(<dyn std::error::Error>::is::<tonic::ConnectError>)
    };
    status.metadata().contains_key(LEADER) || status.message() == crate::control::error::NOT_LEADER || unreachable()
}

pub(super) fn in_the_name_of<M>(caller: &Caller, mut request: Request<M>) -> Request<M> {
    let text = |text: &str| {
        let printable: String = text
            .chars()
            .map(|c| if c.is_ascii_graphic() || c == ' ' { c } else { '?' })
            .collect();
        MetadataValue::try_from(printable).expect("printable ASCII is valid metadata")
    };
    request
        .metadata_mut()
        .insert(ACTOR, text(&caller.identity.actor_name()));
    request.metadata_mut().insert(FROM, text(&caller.from));
    if let Some(subject) = &caller.subject {
        request.metadata_mut().insert(SUBJECT, text(subject));
    }
    request
}

async fn seen_here<R: Written>(context: &Context, written: R, deadline: Instant) -> Response<R> {
    let seeing = context.replica.wait_index(written.index());
    // The change is made in any case; a manager that lags that far shows it later.
    let _ = tokio::time::timeout_at(deadline, seeing).await;
    Response::new(written)
}

/// Calls a method at the leader in the name of a caller who may not, so that the leader notes the refusal of `count`
/// calls. Returns whether it did.
pub(crate) async fn knock(context: &Context, leader: &Peer, caller: &Caller, path: &str, count: u32) -> bool {
    let mut bodyless = in_the_name_of(caller, Request::new(()));
    bodyless.metadata_mut().insert(COUNT, count.into());
    let Ok(mut request) = http::Request::post(path).body(tonic::body::Body::empty()) else {
        tracing::error!(
            path,
            count,
            "refused calls of a method that cannot be called are not noted"
        );
        return true;
    };
    *request.headers_mut() = bodyless.into_parts().0.into_headers();
    request.headers_mut().insert(
        http::header::CONTENT_TYPE,
        http::HeaderValue::from_static("application/grpc"),
    );
    let line = context.links.channel(leader, Lane::Urgent);
    let answered = tokio::time::timeout(CALL_DEADLINE, line.oneshot(request)).await;
    matches!(answered, Ok(Ok(_)))
}
