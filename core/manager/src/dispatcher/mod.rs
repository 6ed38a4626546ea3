//! What is a worker told, and what does it answer? The leader's side of a worker's session. A worker is who its
//! certificate says it is; no message names it, and it is told of its own tasks only.

mod assignments;
#[cfg(test)]
mod assignments_tests;
mod delivery;
pub(crate) mod sessions;

use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status};
use wardroom_api::channel::MESSAGE_BYTES_MAX;
use wardroom_api::v1;
use wardroom_api::v1::dispatcher_server::{Dispatcher, DispatcherServer};
use wardroom_state::command::{Actor, Command};
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{NodeState, Role};

use crate::context::Context;
use crate::control::error::Failure;
use crate::control::{convert, forward, id};
use crate::dispatcher::assignments::{Sent, wanted};
use crate::dispatcher::sessions::SessionError;
use crate::replica::Applied;

/// Period of heartbeats while the cluster does not say.
const HEARTBEAT: Duration = Duration::from_secs(5);

pub(crate) fn service(context: &Context) -> DispatcherServer<Service> {
    DispatcherServer::new(Service {
        context: context.clone(),
    })
    .max_decoding_message_size(MESSAGE_BYTES_MAX)
    .max_encoding_message_size(MESSAGE_BYTES_MAX)
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

    async fn mark_ready(&self, node: &NodeId, actor: Actor) -> Result<(), Failure> {
        let ready = |state: &wardroom_state::State| {
            state
                .nodes()
                .get(node)
                .is_some_and(|node| node.state == NodeState::Ready && node.message.is_empty())
        };
        if self.context.replica.read(ready) {
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

    /// Addresses of the managers' TLS ports, this one's first.
    fn managers(&self) -> Vec<String> {
        let own = self.context.config.advertise.clone();
        let others = self.context.replica.read(|state| {
            let managers = state
                .nodes()
                .values()
                .filter(|node| node.role == Role::Manager && !node.address.is_empty());
            managers
                .map(|node| node.address.clone())
                .filter(|address| *address != own)
                .collect::<Vec<_>>()
        });
        std::iter::once(own.clone()).chain(others).collect()
    }
}

#[tonic::async_trait]
impl Dispatcher for Service {
    type SessionStream = BoxStream<'static, Result<v1::SessionMessage, Status>>;
    type AssignmentsStream = BoxStream<'static, Result<v1::AssignmentsMessage, Status>>;

    async fn session(&self, request: Request<v1::SessionRequest>) -> Result<Response<Self::SessionStream>, Status> {
        let (node, actor) = self.node(&request)?;
        let session_id = id(&*self.context.chance);
        let registered = self
            .context
            .offices
            .sessions
            .register(&node, &session_id, Instant::now());
        let over = registered.map_err(|error| self.refuse(&node, error))?;
        if let Err(failure) = self.mark_ready(&node, actor).await {
            self.context.offices.sessions.drop_node(&node);
            return Err(failure.into());
        }
        let heartbeat_ms = u64::try_from(heartbeat(&self.context).as_millis()).unwrap_or(u64::MAX);
        let first = v1::SessionMessage {
            session_id,
            heartbeat_ms,
            managers: self.managers(),
        };
        let stop = self.context.stop.clone();
        // Nothing more to say: the open stream is the session, and its end tells the worker to look for the leader.
        let rest = stream::pending().take_until(async move {
            tokio::select! {
                biased;
                () = over.cancelled() => {}
                () = stop.cancelled() => {}
            }
        });
        Ok(Response::new(stream::once(async { Ok(first) }).chain(rest).boxed()))
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
        let applied = self.context.replica.subscribe();
        let feed = Feed {
            context: self.context.clone(),
            node,
            over,
            applied,
            sent: Sent::default(),
            first: true,
        };
        let messages = stream::unfold(Some(feed), |feed| async {
            let mut feed = feed?;
            match feed.next().await? {
                Ok(message) => Some((Ok(message), Some(feed))),
                Err(status) => Some((Err(status), None)),
            }
        });
        Ok(Response::new(messages.boxed()))
    }

    async fn report(&self, request: Request<v1::ReportRequest>) -> Result<Response<v1::ReportResponse>, Status> {
        let (node, actor, _) = self.in_session(&request, &request.get_ref().session_id)?;
        let report = request.into_inner();
        if report.tasks.is_empty() && report.receipts.is_empty() && !report.inventory {
            return Ok(Response::new(v1::ReportResponse {
                index: self.context.replica.index(),
            }));
        }
        let tasks = report
            .tasks
            .into_iter()
            .map(convert::task_report)
            .collect::<Result<_, _>>()?;
        let receipts = report
            .receipts
            .into_iter()
            .map(convert::receipt)
            .collect::<Result<_, _>>()?;
        let command = Command::Report {
            node,
            tasks,
            receipts,
            inventory: report.inventory,
        };
        let committed = self
            .context
            .proposer
            .propose(actor, command)
            .await
            .map_err(Failure::from)?;
        Ok(Response::new(v1::ReportResponse { index: committed.index }))
    }
}

/// One worker's stream of assignments. Nothing is queued: a slow worker's next message is the difference to what it
/// was sent last.
struct Feed {
    context: Context,
    node: NodeId,
    over: CancellationToken,
    applied: broadcast::Receiver<std::sync::Arc<Applied>>,
    sent: Sent,
    first: bool,
}

impl Feed {
    /// The next message; `None` when the session is over.
    async fn next(&mut self) -> Option<Result<v1::AssignmentsMessage, Status>> {
        loop {
            if !std::mem::take(&mut self.first) && !self.woken().await {
                return None;
            }
            let sent = &mut self.sent;
            let step = self.context.replica.read(|state| {
                let wanted = wanted(state, &self.node, sent.versions());
                sent.step(wanted)
            });
            let Some(step) = step else { continue };
            self.first = true;
            let root = self.context.keyring.sealing_root();
            return Some(
                delivery::message(root, &self.context.config.cluster_id, step).map_err(|error| {
                    tracing::error!(node = %self.node, %error, "a sealed value does not open");
                    Status::internal("a sealed value does not open on this manager; see its log")
                }),
            );
        }
    }

    /// Waits until something was applied that may concern this worker; what else is applied already comes along.
    async fn woken(&mut self) -> bool {
        loop {
            let applied = tokio::select! {
                biased;
                () = self.over.cancelled() => return false,
                () = self.context.stop.cancelled() => return false,
                applied = self.applied.recv() => applied,
            };
            match applied {
                Ok(applied) if concerns(&applied, &self.node) => return true,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => return true,
                Err(RecvError::Closed) => return false,
            }
        }
    }
}

fn concerns(applied: &Applied, node: &NodeId) -> bool {
    applied.replaced
        || applied.events.iter().any(|event| {
            let (Event::Put(key) | Event::Removed(key)) = event;
            match key {
                ObjectKey::Task(_) | ObjectKey::Service(_) => true,
                ObjectKey::Holding(holding) => holding.node == *node,
                _ => false,
            }
        })
}
