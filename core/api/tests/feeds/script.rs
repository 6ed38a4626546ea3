//! A manager that speaks only Watch and Logs, in this process, whose answers and failures the test decides.

use std::sync::{Arc, Mutex};

use tokio::sync::mpsc;
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status};
use wardroom_api::Client;
use wardroom_api::v1::control_server::{Control, ControlServer};
use wardroom_api::v1::{self, LogLine, LogsRequest, WatchMessage, WatchRequest};

/// What a stream says.
pub(crate) type Said<T> = ReceiverStream<Result<T, Status>>;

/// What one method answers, one per call, and what it was asked.
pub(crate) struct Answers<Q, T> {
    answers: Vec<Result<Said<T>, Status>>,
    asked: Vec<Q>,
}

impl<Q, T> Default for Answers<Q, T> {
    fn default() -> Self {
        Self {
            answers: Vec::new(),
            asked: Vec::new(),
        }
    }
}

impl<Q, T> Answers<Q, T> {
    fn next(&mut self, asked: Q) -> Result<Response<Said<T>>, Status> {
        self.asked.push(asked);
        if self.answers.is_empty() {
            return Err(Status::unavailable("the script has ended"));
        }
        self.answers.remove(0).map(Response::new)
    }
}

#[derive(Clone, Default)]
pub(crate) struct Script {
    watch: Arc<Mutex<Answers<WatchRequest, WatchMessage>>>,
    logs: Arc<Mutex<Answers<LogsRequest, LogLine>>>,
}

impl Script {
    pub(crate) fn watch_answers(&self, answers: impl IntoIterator<Item = Result<Said<WatchMessage>, Status>>) {
        self.watch.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn watch_asked(&self) -> Vec<WatchRequest> {
        self.watch.lock().unwrap().asked.clone()
    }

    pub(crate) fn logs_answer(&self, answers: impl IntoIterator<Item = Result<Said<LogLine>, Status>>) {
        self.logs.lock().unwrap().answers.extend(answers);
    }

    pub(crate) fn logs_asked(&self) -> Vec<LogsRequest> {
        self.logs.lock().unwrap().asked.clone()
    }
}

macro_rules! silent {
    ($($method:ident: $request:ident -> $response:ident),+ $(,)?) => {
        #[tonic::async_trait]
        impl Control for Script {
            type WatchStream = Said<WatchMessage>;
            type BackupStream = tokio_stream::Empty<Result<v1::BackupChunk, Status>>;
            type LogsStream = Said<LogLine>;

            async fn logs(&self, request: Request<LogsRequest>) -> Result<Response<Said<LogLine>>, Status> {
                self.logs.lock().unwrap().next(request.into_inner())
            }

            async fn backup(&self, _: Request<v1::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
                Err(Status::unimplemented("backup"))
            }

            async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Said<WatchMessage>>, Status> {
                self.watch.lock().unwrap().next(request.into_inner())
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

/// A stream that says these messages, then what the sender adds, and ends when the sender is dropped.
pub(crate) fn says<T>(messages: Vec<Result<T, Status>>) -> (mpsc::Sender<Result<T, Status>>, Said<T>) {
    let (sender, receiver) = mpsc::channel(16);
    for message in messages {
        sender.try_send(message).unwrap();
    }
    (sender, ReceiverStream::new(receiver))
}

/// Serves the script and returns a client of it.
pub(crate) fn serve(script: &Script) -> Client {
    let (client, incoming) = Client::in_memory("script");
    let server = tonic::transport::Server::builder().add_service(ControlServer::new(script.clone()));
    tokio::spawn(server.serve_with_incoming(ReceiverStream::new(incoming).map(Ok::<_, std::io::Error>)));
    client
}
