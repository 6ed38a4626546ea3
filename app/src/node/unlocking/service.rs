//! What answers at the socket of a locked manager? Its lock, at once; keys and the wish to lock wait for their turn with
//! whoever owns the managers.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot, watch};
use tonic::{Request, Response, Status};
use wardroom_api::v1;
use wardroom_api::v1::lock_server::{Lock, LockServer};
use wardroom_ca::Clock;
use wardroom_keys::SecretBytes;
use wardroom_manager::actor_of;
use wardroom_manager::state::command::Actor;

use super::shown::Shown;
use crate::node::beginning::system;
use crate::node::refusal::{Refusal, Reply};

/// What somebody wants of the lock.
pub enum LockOrder {
    /// The key, or a share of it.
    Unlock(SecretBytes, Actor, Reply<v1::LockFacts>),
    /// To forget the keys.
    Close(Actor, Reply<v1::LockFacts>),
}

/// The service; `orders` leads to whoever owns the managers, `shown` is its word.
pub fn service<O: From<LockOrder> + Send + 'static>(
    orders: mpsc::Sender<O>,
    shown: watch::Receiver<Shown>,
    clock: Arc<dyn Clock>,
) -> LockServer<impl Lock> {
    LockServer::new(Service { orders, shown, clock })
}

struct Service<O> {
    orders: mpsc::Sender<O>,
    shown: watch::Receiver<Shown>,
    clock: Arc<dyn Clock>,
}

impl<O: From<LockOrder> + Send + 'static> Service<O> {
    async fn order(
        &self,
        order: impl FnOnce(Reply<v1::LockFacts>) -> LockOrder,
    ) -> Result<Response<v1::LockFacts>, Status> {
        let (reply, answer) = oneshot::channel();
        let gone = || Status::from(Refusal::stopping());
        self.orders.send(order(reply).into()).await.map_err(|_| gone())?;
        let facts = answer.await.map_err(|_| gone())??;
        Ok(Response::new(facts))
    }
}

#[tonic::async_trait]
impl<O: From<LockOrder> + Send + 'static> Lock for Service<O> {
    async fn get_lock(&self, _: Request<v1::GetLockRequest>) -> Result<Response<v1::LockFacts>, Status> {
        let facts = self.shown.borrow().facts(self.clock.now_ms());
        Ok(Response::new(facts))
    }

    async fn unlock(&self, request: Request<v1::UnlockRequest>) -> Result<Response<v1::LockFacts>, Status> {
        let by = actor_of(&request).unwrap_or_else(system);
        let mut given = request.into_inner().key.unwrap_or_default();
        let key = SecretBytes::new(given.take());
        let actor = by.clone();
        let answer = self.order(|reply| LockOrder::Unlock(key, actor, reply)).await;
        match &answer {
            Ok(facts) if facts.get_ref().locked => {
                tracing::info!(by = by.name, "a share, or the key of some managers, was given");
            }
            Ok(_) => tracing::info!(by = by.name, "the unlock key was given"),
            Err(status) => tracing::warn!(
                by = by.name,
                reason = status.message(),
                "what was given does not unlock"
            ),
        }
        answer
    }

    async fn close(&self, request: Request<v1::CloseRequest>) -> Result<Response<v1::LockFacts>, Status> {
        let by = actor_of(&request).unwrap_or_else(system);
        tracing::info!(by = by.name, "this manager is to forget its keys");
        self.order(|reply| LockOrder::Close(by, reply)).await
    }
}
