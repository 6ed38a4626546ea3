//! Does a watch feed survive its connections? A manager that speaks only Watch, in this process, whose answers and
//! failures the test decides.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wardroom_api::v1::control_server::{Control, ControlServer};
use wardroom_api::v1::{self, Changes, Kind, ManagerStatus, Snapshot, WatchMessage, WatchRequest, watch_message::Body};
use wardroom_api::{CallKind, Client, FeedEvent, WatchFeed};

type Messages = ReceiverStream<Result<WatchMessage, Status>>;

/// What Watch answers, one per call, and what it was asked.
#[derive(Clone, Default)]
struct Script {
    answers: Arc<Mutex<Vec<Result<Messages, Status>>>>,
    asked: Arc<Mutex<Vec<WatchRequest>>>,
}

macro_rules! silent {
    ($($method:ident: $request:ident -> $response:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl Control for Script {
            type WatchStream = Messages;
            type BackupStream = tokio_stream::Empty<Result<v1::BackupChunk, Status>>;
            type LogsStream = tokio_stream::Empty<Result<v1::LogLine, Status>>;

            async fn logs(&self, _: Request<v1::LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
                Err(Status::unimplemented("logs"))
            }

            async fn backup(&self, _: Request<v1::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
                Err(Status::unimplemented("backup"))
            }

            async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Messages>, Status> {
                self.asked.lock().unwrap().push(request.into_inner());
                let mut answers = self.answers.lock().unwrap();
                if answers.is_empty() {
                    return Err(Status::unavailable("the script has ended"));
                }
                answers.remove(0).map(Response::new)
            }

            $(async fn $method(&self, _: Request<v1::$request>) -> Result<Response<v1::$response>, Status> {
                Err(Status::unimplemented(stringify!($method)))
            })+
        }
    };
}
silent!(
    list: ListRequest -> ListResponse, status: StatusRequest -> StatusResponse,
    create_secret: CreateSecretRequest -> CreateSecretResponse, rotate_secret: RotateSecretRequest -> RotateSecretResponse,
    revoke_secret: RevokeSecretRequest -> RevokeSecretResponse, remove_secret: RemoveSecretRequest -> RemoveSecretResponse,
    create_service: CreateServiceRequest -> CreateServiceResponse,
    update_service: UpdateServiceRequest -> UpdateServiceResponse,
    remove_service: RemoveServiceRequest -> RemoveServiceResponse,
    rollback_service: RollbackServiceRequest -> RollbackServiceResponse,
    update_grants: UpdateGrantsRequest -> UpdateGrantsResponse,
    steer_rotation: SteerRotationRequest -> SteerRotationResponse,
    prune_versions: PruneVersionsRequest -> PruneVersionsResponse,
    update_secret: UpdateSecretRequest -> UpdateSecretResponse,
    get_join_token: GetJoinTokenRequest -> JoinTokenResponse, rotate_join_token: RotateJoinTokenRequest -> JoinTokenResponse,
    update_cluster: UpdateClusterRequest -> UpdateClusterResponse, rotate_root: RotateRootRequest -> RotateRootResponse,
    update_node: UpdateNodeRequest -> UpdateNodeResponse, remove_node: RemoveNodeRequest -> RemoveNodeResponse,
    step_down: StepDownRequest -> StepDownResponse,
    get_unlock_key: GetUnlockKeyRequest -> GetUnlockKeyResponse,
    keep_unlock_key: KeepUnlockKeyRequest -> KeepUnlockKeyResponse,
    rotate_unlock_key: RotateUnlockKeyRequest -> RotateUnlockKeyResponse, rotate_dek: RotateDekRequest -> RotateDekResponse,
    add_operator: AddOperatorRequest -> AddOperatorResponse, remove_operator: RemoveOperatorRequest -> RemoveOperatorResponse,
);

/// A watch stream that says these messages, then what the sender adds, and ends when the sender is dropped.
fn says(messages: Vec<Result<WatchMessage, Status>>) -> (mpsc::Sender<Result<WatchMessage, Status>>, Messages) {
    let (sender, receiver) = mpsc::channel(16);
    for message in messages {
        sender.try_send(message).unwrap();
    }
    (sender, ReceiverStream::new(receiver))
}

fn snapshot(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Snapshot(Snapshot::default())),
    }
}

fn changes(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Changes(Changes::default())),
    }
}

fn manager(index: u64) -> WatchMessage {
    WatchMessage {
        index,
        body: Some(Body::Manager(ManagerStatus::default())),
    }
}

/// Serves the script and returns a client of it.
fn serve(script: &Script) -> Client {
    let (client, incoming) = Client::in_memory("script");
    let server = tonic::transport::Server::builder().add_service(ControlServer::new(script.clone()));
    tokio::spawn(server.serve_with_incoming(ReceiverStream::new(incoming).map(Ok::<_, std::io::Error>)));
    client
}

fn kind(event: &FeedEvent) -> CallKind {
    match event {
        FeedEvent::Lost(reason) => reason.kind(),
        other => panic!("{other:?} is no loss"),
    }
}

#[tokio::test]
async fn a_feed_resumes_after_the_last_objects_it_saw() {
    let script = Script::default();
    let (first, stream) = says(vec![Ok(snapshot(4)), Ok(changes(7)), Ok(manager(9))]);
    let (_second, again) = says(vec![Ok(changes(8))]);
    script.answers.lock().unwrap().extend([Ok(stream), Ok(again)]);
    let mut feed = WatchFeed::new(serve(&script), &[Kind::Secret], true);

    assert_eq!(feed.event().await, FeedEvent::Connected);
    for message in [snapshot(4), changes(7), manager(9)] {
        assert_eq!(feed.event().await, FeedEvent::Message(message));
    }
    drop(first);
    assert_eq!(kind(&feed.event().await), CallKind::Unavailable);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(feed.event().await, FeedEvent::Message(changes(8)));

    let asked = script.asked.lock().unwrap();
    let secret = vec![i32::from(Kind::Secret)];
    let request = |resume_index| WatchRequest {
        resume_index,
        kinds: secret.clone(),
        managers: true,
    };
    assert_eq!(*asked, [request(0), request(7)]);
}

#[tokio::test]
async fn a_refusal_and_a_break_are_told_and_tried_again() {
    let script = Script::default();
    let (_open, stream) = says(vec![Err(Status::aborted("cut"))]);
    let (_last, again) = says(vec![Ok(snapshot(1))]);
    script
        .answers
        .lock()
        .unwrap()
        .extend([Err(Status::permission_denied("not you")), Ok(stream), Ok(again)]);
    let mut feed = WatchFeed::everything(serve(&script));

    assert_eq!(kind(&feed.event().await), CallKind::PermissionDenied);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(kind(&feed.event().await), CallKind::Conflict);
    assert_eq!(feed.event().await, FeedEvent::Connected);
    assert_eq!(feed.event().await, FeedEvent::Message(snapshot(1)));
}

/// Twenty pauses in full would be most of a minute.
#[tokio::test]
async fn who_knows_that_somebody_answers_again_ends_the_pause() {
    let script = Script::default();
    let (_open, stream) = says(vec![Ok(snapshot(1))]);
    let refusals = (0..20).map(|_| Err(Status::failed_precondition("locked")));
    script.answers.lock().unwrap().extend(refusals.chain([Ok(stream)]));
    let mut feed = WatchFeed::everything(serve(&script));
    for _ in 0..20 {
        assert_eq!(kind(&feed.event().await), CallKind::Precondition);
        assert!(polled_once(&mut feed).await.is_none(), "it waits");
        feed.hurry();
    }
    assert_eq!(feed.event().await, FeedEvent::Connected);
    feed.hurry();
    assert_eq!(
        feed.event().await,
        FeedEvent::Message(snapshot(1)),
        "an open watch stays"
    );
}

#[tokio::test]
async fn without_a_manager_the_reason_is_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let mut feed = WatchFeed::everything(Client::unix(folder.path().join("w.sock")));
    assert_eq!(kind(&feed.event().await), CallKind::Socket);
    assert_eq!(kind(&feed.event().await), CallKind::Socket);
}

#[tokio::test]
async fn an_event_that_is_given_up_is_not_lost() {
    let script = Script::default();
    let (sender, stream) = says(vec![]);
    script.answers.lock().unwrap().push(Ok(stream));
    let mut feed = WatchFeed::everything(serve(&script));
    // Polled once and dropped while it opens: the opening goes on in the feed.
    assert!(polled_once(&mut feed).await.is_none());
    assert_eq!(feed.event().await, FeedEvent::Connected);
    sender.send(Ok(snapshot(2))).await.unwrap();
    assert_eq!(feed.event().await, FeedEvent::Message(snapshot(2)));
    assert_eq!(script.asked.lock().unwrap().len(), 1);
}

/// Polls the next event exactly once.
async fn polled_once(feed: &mut WatchFeed) -> Option<FeedEvent> {
    let mut event = std::pin::pin!(feed.event());
    std::future::poll_fn(|context| match event.as_mut().poll(context) {
        std::task::Poll::Ready(event) => std::task::Poll::Ready(Some(event)),
        std::task::Poll::Pending => std::task::Poll::Ready(None),
    })
    .await
}
