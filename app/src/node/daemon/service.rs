//! How does an order reach the supervisor? The Daemon service, on the local socket only. What this node is to itself is
//! answered at once; everything else waits for its turn.

use tokio::sync::{mpsc, oneshot, watch};
use tonic::{Request, Response, Status, Streaming};
use wardroom_api::channel::MESSAGE_BYTES_MAX;
use wardroom_api::v1;
use wardroom_api::v1::daemon_server::{Daemon, DaemonServer};
use wardroom_manager::actor_of;
use wardroom_manager::state::command::Actor;

use super::local::Local;
use super::order::{Order, Refusal, Reply, Restore};
use crate::node::beginning::system;

/// The largest backup that is taken in, in bytes: it is read whole before anything is done with it.
const BACKUP_BYTES_MAX: usize = 1 << 30;

/// The service; `orders` leads to the supervisor, `local` is its word.
pub fn service(orders: mpsc::Sender<Order>, local: watch::Receiver<Local>) -> DaemonServer<impl Daemon> {
    DaemonServer::new(Service { orders, local })
        .max_decoding_message_size(MESSAGE_BYTES_MAX)
        .max_encoding_message_size(MESSAGE_BYTES_MAX)
}

struct Service {
    orders: mpsc::Sender<Order>,
    local: watch::Receiver<Local>,
}

impl Service {
    async fn order<T>(&self, order: impl FnOnce(Reply<T>) -> Order) -> Result<Response<T>, Status> {
        let (reply, answer) = oneshot::channel();
        let gone = || Status::from(Refusal::stopping());
        self.orders.send(order(reply)).await.map_err(|_| gone())?;
        let answer = answer.await.map_err(|_| gone())?;
        Ok(Response::new(answer?))
    }
}

#[tonic::async_trait]
impl Daemon for Service {
    async fn info(&self, _: Request<v1::InfoRequest>) -> Result<Response<v1::InfoResponse>, Status> {
        Ok(Response::new(self.local.borrow().info()))
    }

    async fn init(&self, request: Request<v1::InitRequest>) -> Result<Response<v1::InitResponse>, Status> {
        let actor = asking(&request);
        self.order(|reply| Order::Init(request.into_inner(), actor, reply))
            .await
    }

    async fn join(&self, request: Request<v1::JoinRequest>) -> Result<Response<v1::JoinResponse>, Status> {
        self.order(|reply| Order::Join(request.into_inner(), reply)).await
    }

    async fn leave(&self, request: Request<v1::LeaveRequest>) -> Result<Response<v1::LeaveResponse>, Status> {
        let actor = asking(&request);
        self.order(|reply| Order::Leave(request.into_inner(), actor, reply))
            .await
    }

    async fn restore(
        &self,
        request: Request<Streaming<v1::RestoreRequest>>,
    ) -> Result<Response<v1::RestoreResponse>, Status> {
        let actor = asking(&request);
        let restore = collect(request.into_inner()).await?;
        self.order(|reply| Order::Restore(restore, actor, reply)).await
    }
}

/// The user at the other end; the process itself where nobody is.
fn asking<T>(request: &Request<T>) -> Actor {
    actor_of(request).unwrap_or_else(system)
}

/// The head, then the pieces in their order.
async fn collect(mut pieces: Streaming<v1::RestoreRequest>) -> Result<Restore, Status> {
    let headless =
        || Status::invalid_argument("the backup does not begin with its head: use `wardroom backup restore`");
    let mut first = pieces.message().await?.ok_or_else(headless)?;
    let head = first.head.take().ok_or_else(headless)?;
    let mut file = std::mem::take(&mut first.data);
    while let Some(piece) = pieces.message().await? {
        if file.len() + piece.data.len() > BACKUP_BYTES_MAX {
            return Err(Status::invalid_argument(format!(
                "the backup has more than {BACKUP_BYTES_MAX} bytes: check that it is one"
            )));
        }
        file.extend_from_slice(&piece.data);
    }
    Ok(Restore { head, file })
}
