//! How does a call of the Control service reach its work? Reads are answered here, writes where they belong; one line a
//! method.

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tonic::{Request, Response, Status};
use wardroom_api::v1::control_server::Control;
use wardroom_api::{channel, v1};

use crate::context::Context;
use crate::control::{
    backups, cluster, forward, grants, keys, list, logs, nodes, operators, retention, rotations, secrets, services,
    tokens, unlock_key, veil,
};
use crate::peer::Word;
use crate::watch::Watcher;

pub(super) struct Service {
    pub(super) context: Context,
}

/// Forwards or does a write, and a read that the audit chain has to know of first: `write!(self, request, create_secret, secrets::create)`.
macro_rules! write {
    ($self:ident, $request:ident, $method:ident, $here:path) => {
        forward::write(&$self.context, $request, $here, |leader, request| async move {
            channel::control(leader).$method(request).await
        })
        .await
    };
}

/// As [`write!`], for a call with something secret in its question or its answer.
macro_rules! write_in_confidence {
    ($self:ident, $request:ident, $method:ident, $here:path) => {
        veil::write(&$self.context, $request, $here, |leader, request| async move {
            channel::control(leader).$method(request).await
        })
        .await
    };
}

#[tonic::async_trait]
impl Control for Service {
    type WatchStream = BoxStream<'static, Result<v1::WatchMessage, Status>>;
    type LogsStream = BoxStream<'static, Result<v1::LogLine, Status>>;
    type BackupStream = BoxStream<'static, Result<v1::BackupChunk, Status>>;

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListResponse>, Status> {
        if !request.get_ref().stale {
            forward::check_led(&self.context).await?;
        }
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
        write_in_confidence!(self, request, create_secret, secrets::create)
    }

    async fn rotate_secret(
        &self,
        request: Request<v1::RotateSecretRequest>,
    ) -> Result<Response<v1::RotateSecretResponse>, Status> {
        write_in_confidence!(self, request, rotate_secret, secrets::rotate)
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

    async fn update_secret(
        &self,
        request: Request<v1::UpdateSecretRequest>,
    ) -> Result<Response<v1::UpdateSecretResponse>, Status> {
        write!(self, request, update_secret, secrets::update)
    }

    async fn get_join_token(
        &self,
        request: Request<v1::GetJoinTokenRequest>,
    ) -> Result<Response<v1::JoinTokenResponse>, Status> {
        let mut shown = write_in_confidence!(self, request, get_join_token, tokens::show)?;
        // The manager that was asked is the one to join at, whoever leads.
        shown.get_mut().address.clone_from(&self.context.config.advertise);
        Ok(shown)
    }

    async fn rotate_join_token(
        &self,
        request: Request<v1::RotateJoinTokenRequest>,
    ) -> Result<Response<v1::JoinTokenResponse>, Status> {
        write_in_confidence!(self, request, rotate_join_token, tokens::rotate)
    }

    async fn update_cluster(
        &self,
        request: Request<v1::UpdateClusterRequest>,
    ) -> Result<Response<v1::UpdateClusterResponse>, Status> {
        write!(self, request, update_cluster, cluster::update)
    }

    async fn rotate_root(
        &self,
        request: Request<v1::RotateRootRequest>,
    ) -> Result<Response<v1::RotateRootResponse>, Status> {
        write!(self, request, rotate_root, cluster::rotate_root)
    }

    async fn update_node(
        &self,
        request: Request<v1::UpdateNodeRequest>,
    ) -> Result<Response<v1::UpdateNodeResponse>, Status> {
        write!(self, request, update_node, nodes::update)
    }

    async fn remove_node(
        &self,
        request: Request<v1::RemoveNodeRequest>,
    ) -> Result<Response<v1::RemoveNodeResponse>, Status> {
        write!(self, request, remove_node, nodes::remove)
    }

    async fn step_down(&self, request: Request<v1::StepDownRequest>) -> Result<Response<v1::StepDownResponse>, Status> {
        write!(self, request, step_down, nodes::step_down)
    }

    async fn add_operator(
        &self,
        request: Request<v1::AddOperatorRequest>,
    ) -> Result<Response<v1::AddOperatorResponse>, Status> {
        write!(self, request, add_operator, operators::add)
    }

    async fn remove_operator(
        &self,
        request: Request<v1::RemoveOperatorRequest>,
    ) -> Result<Response<v1::RemoveOperatorResponse>, Status> {
        write!(self, request, remove_operator, operators::remove)
    }

    async fn get_unlock_key(
        &self,
        request: Request<v1::GetUnlockKeyRequest>,
    ) -> Result<Response<v1::GetUnlockKeyResponse>, Status> {
        write_in_confidence!(self, request, get_unlock_key, unlock_key::show)
    }

    async fn rotate_unlock_key(
        &self,
        request: Request<v1::RotateUnlockKeyRequest>,
    ) -> Result<Response<v1::RotateUnlockKeyResponse>, Status> {
        write!(self, request, rotate_unlock_key, keys::rotate_unlock_key)
    }

    async fn keep_unlock_key(
        &self,
        request: Request<v1::KeepUnlockKeyRequest>,
    ) -> Result<Response<v1::KeepUnlockKeyResponse>, Status> {
        write!(self, request, keep_unlock_key, keys::keep_unlock_key)
    }

    async fn rotate_dek(
        &self,
        request: Request<v1::RotateDekRequest>,
    ) -> Result<Response<v1::RotateDekResponse>, Status> {
        write!(self, request, rotate_dek, keys::rotate_dek)
    }

    async fn rollback_service(
        &self,
        request: Request<v1::RollbackServiceRequest>,
    ) -> Result<Response<v1::RollbackServiceResponse>, Status> {
        write!(self, request, rollback_service, services::roll_back)
    }

    async fn update_grants(
        &self,
        request: Request<v1::UpdateGrantsRequest>,
    ) -> Result<Response<v1::UpdateGrantsResponse>, Status> {
        write!(self, request, update_grants, grants::update)
    }

    async fn logs(&self, request: Request<v1::LogsRequest>) -> Result<Response<Self::LogsStream>, Status> {
        logs::logs(&self.context, request).await.map(Response::new)
    }

    async fn steer_rotation(
        &self,
        request: Request<v1::SteerRotationRequest>,
    ) -> Result<Response<v1::SteerRotationResponse>, Status> {
        write!(self, request, steer_rotation, rotations::steer)
    }

    async fn prune_versions(
        &self,
        request: Request<v1::PruneVersionsRequest>,
    ) -> Result<Response<v1::PruneVersionsResponse>, Status> {
        write!(self, request, prune_versions, retention::prune)
    }

    async fn backup(&self, request: Request<v1::BackupRequest>) -> Result<Response<Self::BackupStream>, Status> {
        backups::backup(&self.context, request).await.map(Response::new)
    }
}
