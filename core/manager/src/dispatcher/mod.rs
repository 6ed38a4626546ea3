//! What is a worker told, and what does it answer? The leader's side of a worker's session. A worker is who its
//! certificate says it is; no message names it, and it is told of its own tasks only.

mod assignments;
#[cfg(test)]
mod assignments_tests;
mod delivery;
mod feed;
mod instructions;
pub(crate) mod logs;
pub(crate) mod sessions;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::BoxStream;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};
use wardroom_api::channel::MESSAGE_BYTES_MAX;
use wardroom_api::v1;
use wardroom_api::v1::dispatcher_server::{Dispatcher, DispatcherServer};
use wardroom_state::command::{Actor, Command};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, NodeState};

use crate::context::Context;
use crate::control::error::Failure;
use crate::control::{convert, forward, id};
use crate::dispatcher::feed::Feed;
use crate::dispatcher::instructions::Station;
use crate::dispatcher::sessions::SessionError;

/// One complete message carries all values of a node, so it may be larger than others; workers take as much.
const ASSIGNMENT_BYTES_MAX: usize = 64 * 1024 * 1024;
/// How long a worker may take to say which request it answers.
const FIRST_BATCH: Duration = Duration::from_secs(10);
/// Period of heartbeats while the cluster does not say.
const HEARTBEAT: Duration = Duration::from_secs(5);

pub(crate) fn service(context: &Context) -> DispatcherServer<Service> {
    DispatcherServer::new(Service {
        context: context.clone(),
    })
    .max_decoding_message_size(MESSAGE_BYTES_MAX)
    .max_encoding_message_size(ASSIGNMENT_BYTES_MAX)
}

/// The workers' heartbeat period, as the cluster's spec has it.
pub(crate) fn heartbeat(context: &Context) -> Duration {
    let ms = context
        .replica
        .read(|state| state.cluster().map(|cluster| cluster.heartbeat_ms));
    ms.filter(|ms| *ms > 0).map_or(HEARTBEAT, Duration::from_millis)
}

pub(crate) struct Service {
    context: Context,
}

impl Service {
    /// The worker behind the call, which must be a node of this cluster.
    fn node<T>(&self, request: &Request<T>) -> Result<(NodeId, Actor), Failure> {
        let caller = forward::caller(request);
        let node = caller.identity.node_id().map(NodeId::new);
        let known = node.filter(|node| self.context.replica.read(|state| state.nodes().contains_key(node)));
        let name = caller.identity.actor_name();
        let node = known
            .ok_or_else(|| Failure::precondition(format!("{name} is not a node of this cluster; join it first")))?;
        Ok((node, caller.actor()))
    }

    /// A worker that was told of another leader finds it in the answer.
    fn refuse(&self, node: &NodeId, error: SessionError) -> Failure {
        match error {
            SessionError::NotLeading => self.not_leading(),
            SessionError::TooOften => {
                Failure::Unavailable(format!("node {node} exceeded rate limit count of registrations"))
            }
            SessionError::Unknown => Failure::invalid("session invalid; open a new one"),
        }
    }

    fn not_leading(&self) -> Failure {
        let leader = self.context.leadership.borrow().leader.clone();
        let other = leader.filter(|leader| leader.node_id != self.context.config.node_id);
        Failure::NotLeader {
            leader: other.map(|leader| leader.address),
        }
    }

    fn in_session<T>(
        &self,
        request: &Request<T>,
        session: &str,
    ) -> Result<(NodeId, Actor, CancellationToken), Failure> {
        let (node, actor) = self.node(request)?;
        let heard = self.context.offices.sessions.hear(&node, session, Instant::now());
        let over = heard.map_err(|error| self.refuse(&node, error))?;
        Ok((node, actor, over))
    }

    /// A leader that was cut off, or that has just started again, may not know of the one after it, nor of a revoke:
    /// before a worker is told anything, a quorum confirms that this one leads.
    async fn confirm(&self) -> Result<(), Failure> {
        self.context.proposer.confirm().await?;
        Ok(())
    }

    /// Whoever registers is ready, and is what it says it is.
    async fn note(&self, node: &NodeId, actor: Actor, said: &v1::SessionRequest) -> Result<(), Failure> {
        let known = self.context.replica.read(|state| state.nodes().get(node).cloned());
        if known.as_ref().is_some_and(|known| differs(known, said)) {
            let command = Command::DescribeNode {
                node: node.clone(),
                hostname: said.hostname.clone(),
                version: said.version.clone(),
            };
            if let Err(error) = self.context.proposer.propose(actor.clone(), command).await {
                tracing::warn!(%node, %error, "what a node says about itself was not noted");
            }
        }
        if known.is_some_and(|known| known.state == NodeState::Ready && known.message.is_empty()) {
            return Ok(());
        }
        let command = Command::SetNodeState {
            node: node.clone(),
            state: NodeState::Ready,
            message: String::new(),
        };
        self.context.proposer.propose(actor, command).await?;
        Ok(())
    }
}

/// A node that names no host has nothing to say about itself.
fn differs(known: &Node, said: &v1::SessionRequest) -> bool {
    !said.hostname.is_empty() && (known.hostname != said.hostname || known.version != said.version)
}

#[tonic::async_trait]
impl Dispatcher for Service {
    type SessionStream = BoxStream<'static, Result<v1::SessionMessage, Status>>;
    type LogRequestsStream = BoxStream<'static, Result<v1::LogRequest, Status>>;
    type AssignmentsStream = BoxStream<'static, Result<v1::AssignmentsMessage, Status>>;

    async fn session(&self, request: Request<v1::SessionRequest>) -> Result<Response<Self::SessionStream>, Status> {
        let (node, actor) = self.node(&request)?;
        let sessions = &self.context.offices.sessions;
        sessions
            .admit(&node, Instant::now())
            .map_err(|error| self.refuse(&node, error))?;
        self.confirm().await?;
        let session_id = id(&*self.context.chance);
        let over = sessions
            .register(&node, &session_id, Instant::now())
            .map_err(|error| self.refuse(&node, error))?;
        if let Err(failure) = self.note(&node, actor, request.get_ref()).await {
            sessions.drop_node(&node);
            return Err(failure.into());
        }
        let (context, stop) = (self.context.clone(), self.context.stop.clone());
        let messages = Station::open(context, node, session_id, over);
        Ok(Response::new(messages.take_until(stop.cancelled_owned()).boxed()))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        self.in_session(&request, &request.get_ref().session_id)?;
        let period_ms = u64::try_from(heartbeat(&self.context).as_millis()).unwrap_or(u64::MAX);
        // A tenth more or less, so that workers that registered together do not stay in step.
        let jitter = self.context.chance.next_u64() % (period_ms / 5).max(1);
        Ok(Response::new(v1::HeartbeatResponse {
            period_ms: period_ms - period_ms / 10 + jitter,
        }))
    }

    async fn assignments(
        &self,
        request: Request<v1::AssignmentsRequest>,
    ) -> Result<Response<Self::AssignmentsStream>, Status> {
        let (node, _, over) = self.in_session(&request, &request.get_ref().session_id)?;
        // The complete message to come rests on what is true now, not on what was when the session began.
        self.confirm().await?;
        let request = request.into_inner();
        let inventoried = self.context.offices.sessions.inventoried(&node, &request.session_id);
        let inventoried = inventoried.map_err(|error| self.refuse(&node, error))?;
        let feed = Feed::open(self.context.clone(), node, over, inventoried, &request.transit_key);
        let feed = feed.map_err(|error| Failure::invalid(error.to_string()))?;
        Ok(Response::new(feed.boxed()))
    }

    async fn log_requests(
        &self,
        request: Request<v1::LogRequestsRequest>,
    ) -> Result<Response<Self::LogRequestsStream>, Status> {
        let (node, _, over) = self.in_session(&request, &request.get_ref().session_id)?;
        let session = request.into_inner().session_id;
        let requests = self.context.offices.logs.requests(node, session, over);
        let stop = self.context.stop.clone().cancelled_owned();
        Ok(Response::new(requests.take_until(stop).boxed()))
    }

    async fn publish_logs(
        &self,
        request: Request<Streaming<v1::LogBatch>>,
    ) -> Result<Response<v1::PublishLogsResponse>, Status> {
        let (node, _) = self.node(&request)?;
        let mut batches = request.into_inner();
        let first = tokio::time::timeout(FIRST_BATCH, batches.message()).await;
        let first = first.map_err(|_elapsed| Status::deadline_exceeded("no lines came; begin again"))??;
        let first = first.ok_or_else(|| Failure::invalid("the first batch names its request"))?;
        let heard = self
            .context
            .offices
            .sessions
            .hear(&node, &first.session_id, Instant::now());
        let over = heard.map_err(|error| self.refuse(&node, error))?;
        self.context.offices.logs.publish(&node, first, batches, over).await?;
        Ok(Response::new(v1::PublishLogsResponse {}))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let (node, actor, _) = self.in_session(&request, &request.get_ref().session_id)?;
        let report = request.into_inner();
        let (session, inventory) = (report.session_id.clone(), report.inventory);
        if report.tasks.is_empty() && report.receipts.is_empty() && !inventory {
            return Ok(Response::new(v1::ReportResponse {
                index: self.context.replica.index(),
            }));
        }
        let (tasks, receipts) = convert::report(report)?;
        let command = Command::Report {
            node: node.clone(),
            tasks,
            receipts,
            inventory,
        };
        let committed = self
            .context
            .proposer
            .propose(actor, command)
            .await
            .map_err(Failure::from)?;
        if inventory {
            self.context.offices.sessions.note_inventory(&node, &session);
        }
        Ok(Response::new(v1::ReportResponse { index: committed.index }))
    }
}
