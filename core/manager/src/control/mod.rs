//! What may operators ask? The Control service: authorize, validate, propose; reads come from the replica at hand.

pub(crate) mod authorize;
pub(crate) mod caller;
mod chance;
pub(crate) mod convert;
pub(crate) mod error;
pub(crate) mod forward;
mod gate;
mod list;
pub(crate) mod offices;
mod plan;
pub(crate) mod refusals;
mod secrets;
mod services;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use wardroom_api::channel::{MESSAGE_BYTES_MAX, WATCH_BYTES_MAX};
use wardroom_api::v1;
use wardroom_api::v1::control_server::{Control, ControlServer};
use wardroom_api::v1::peer_server::{Peer, PeerServer};
use wardroom_api::v1::raft_server::{Raft, RaftServer};

use crate::context::Context;
use crate::dispatcher;
use crate::peer::Word;
use crate::watch::Watcher;

pub(crate) use chance::id;

/// What managers and workers reach on the TLS port, behind the gate.
pub(crate) fn tls_routes(context: &Context, raft: RaftServer<impl Raft>, peers: PeerServer<impl Peer>) -> Routes {
    let routes = Routes::new(control(context)).add_service(dispatcher::service(context));
    guarded(context, routes.add_service(raft).add_service(peers))
}

/// What administrators reach on this machine, behind the same gate.
pub(crate) fn local_routes(context: &Context) -> Routes {
    guarded(context, Routes::new(control(context)))
}

fn guarded(context: &Context, routes: Routes) -> Routes {
    let gate = gate::Gate::new(context.offices.refusals.clone());
    routes.into_axum_router().layer(gate).into()
}

fn control(context: &Context) -> ControlServer<Service> {
    ControlServer::new(Service {
        context: context.clone(),
    })
    .max_decoding_message_size(MESSAGE_BYTES_MAX)
    .max_encoding_message_size(WATCH_BYTES_MAX)
}

struct Service {
    context: Context,
}

/// Forwards or does a write: `write!(self, request, create_secret, secrets::create)`.
macro_rules! write {
    ($self:ident, $request:ident, $method:ident, $here:path) => {
        forward::write(&$self.context, $request, $here, |mut leader, request| async move {
            leader.$method(request).await
        })
        .await
    };
}

#[tonic::async_trait]
impl Control for Service {
    type WatchStream = BoxStream<'static, Result<v1::WatchMessage, Status>>;

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        let listed = self.context.replica.read(|state| list::list(state, request.get_ref()));
        Ok(Response::new(listed?))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let (context, request) = (&self.context, request.get_ref());
        let managers = request.managers.then(|| context.managers.subscribe());
        let watcher = Watcher::new(context.replica.clone(), &context.offices.recent, request, managers);
        let messages = stream::unfold(watcher, |mut watcher| async move {
            let message = watcher.next().await?;
            Some((Ok(message), watcher))
        });
        Ok(Response::new(
            messages.take_until(context.stop.clone().cancelled_owned()).boxed(),
        ))
    }

    async fn status(&self, _: Request<v1::StatusRequest>) -> Result<Response<v1::StatusResponse>, Status> {
        let context = &self.context;
        let mut status = v1::StatusResponse {
            index: context.replica.index(),
            answered_by: context.config.node_id.clone(),
            leader: context
                .leadership
                .borrow()
                .leader
                .clone()
                .map(|peer| peer.node_id)
                .unwrap_or_default(),
            ..Default::default()
        };
        for (node_id, word) in context.managers.subscribe().borrow().since(0) {
            match word {
                Word::Status(word) => status.managers.push(v1::ManagerStatus::clone(word)),
                Word::Lost(reason) => {
                    status.lost.push(v1::ManagerLost {
                        node_id: node_id.to_owned(),
                        reason: reason.clone(),
                    });
                }
            }
        }
        Ok(Response::new(status))
    }

    async fn create_secret(
        &self,
        request: Request<v1::CreateSecretRequest>,
    ) -> Result<Response<v1::CreateSecretResponse>, Status> {
        write!(self, request, create_secret, secrets::create)
    }

    async fn rotate_secret(
        &self,
        request: Request<v1::RotateSecretRequest>,
    ) -> Result<Response<v1::RotateSecretResponse>, Status> {
        write!(self, request, rotate_secret, secrets::rotate)
    }

    async fn revoke_secret(
        &self,
        request: Request<v1::RevokeSecretRequest>,
    ) -> Result<Response<v1::RevokeSecretResponse>, Status> {
        write!(self, request, revoke_secret, secrets::revoke)
    }

    async fn remove_secret(
        &self,
        request: Request<v1::RemoveSecretRequest>,
    ) -> Result<Response<v1::RemoveSecretResponse>, Status> {
        write!(self, request, remove_secret, secrets::remove)
    }

    async fn create_service(
        &self,
        request: Request<v1::CreateServiceRequest>,
    ) -> Result<Response<v1::CreateServiceResponse>, Status> {
        write!(self, request, create_service, services::create)
    }

    async fn update_service(
        &self,
        request: Request<v1::UpdateServiceRequest>,
    ) -> Result<Response<v1::UpdateServiceResponse>, Status> {
        write!(self, request, update_service, services::update)
    }

    async fn remove_service(
        &self,
        request: Request<v1::RemoveServiceRequest>,
    ) -> Result<Response<v1::RemoveServiceResponse>, Status> {
        write!(self, request, remove_service, services::remove)
    }
    async fn update_secret(&self, _: Request<v1::UpdateSecretRequest>) -> Result<Response<v1::UpdateSecretResponse>, Status> {
        Err(Status::unimplemented("update_secret"))
    }

    async fn get_join_token(&self, _: Request<v1::GetJoinTokenRequest>) -> Result<Response<v1::JoinTokenResponse>, Status> {
        Err(Status::unimplemented("get_join_token"))
    }

    async fn rotate_join_token(&self, _: Request<v1::RotateJoinTokenRequest>) -> Result<Response<v1::JoinTokenResponse>, Status> {
        Err(Status::unimplemented("rotate_join_token"))
    }

    async fn update_cluster(&self, _: Request<v1::UpdateClusterRequest>) -> Result<Response<v1::UpdateClusterResponse>, Status> {
        Err(Status::unimplemented("update_cluster"))
    }

    async fn rotate_root(&self, _: Request<v1::RotateRootRequest>) -> Result<Response<v1::RotateRootResponse>, Status> {
        Err(Status::unimplemented("rotate_root"))
    }

    async fn update_node(&self, _: Request<v1::UpdateNodeRequest>) -> Result<Response<v1::UpdateNodeResponse>, Status> {
        Err(Status::unimplemented("update_node"))
    }

    async fn remove_node(&self, _: Request<v1::RemoveNodeRequest>) -> Result<Response<v1::RemoveNodeResponse>, Status> {
        Err(Status::unimplemented("remove_node"))
    }

    async fn step_down(&self, _: Request<v1::StepDownRequest>) -> Result<Response<v1::StepDownResponse>, Status> {
        Err(Status::unimplemented("step_down"))
    }

    async fn add_operator(&self, _: Request<v1::AddOperatorRequest>) -> Result<Response<v1::AddOperatorResponse>, Status> {
        Err(Status::unimplemented("add_operator"))
    }

    async fn remove_operator(&self, _: Request<v1::RemoveOperatorRequest>) -> Result<Response<v1::RemoveOperatorResponse>, Status> {
        Err(Status::unimplemented("remove_operator"))
    }

    type BackupStream = BoxStream<'static, Result<v1::BackupChunk, Status>>;

    async fn backup(&self, _: Request<v1::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        Err(Status::unimplemented("backup"))
    }
}
