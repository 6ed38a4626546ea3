//! When is a worker told? As soon as something was applied that concerns it, and never faster than it listens.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wardroom_api::v1;
use wardroom_state::command::{Actor, Command, Receipt};
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::NodeId;

use crate::context::Context;
use crate::dispatcher::assignments::{Sent, never_told, wanted};
use crate::dispatcher::delivery;
use crate::replica::Applied;

/// One worker's stream of assignments. Nothing is queued: a slow worker's next message is the difference to what it
/// was sent last.
pub(crate) struct Feed {
    context: Context,
    node: NodeId,
    session: String,
    over: CancellationToken,
    applied: broadcast::Receiver<Arc<Applied>>,
    sent: Sent,
    /// Look before waiting: something may have changed since the last look.
    look: bool,
}

impl Feed {
    /// The messages of one session, until it is over.
    pub(crate) fn open(
        context: Context,
        node: NodeId,
        session: String,
        over: CancellationToken,
    ) -> impl Stream<Item = Result<v1::AssignmentsMessage, Status>> {
        let applied = context.replica.subscribe();
        let feed = Self {
            context,
            node,
            session,
            over,
            applied,
            sent: Sent::default(),
            look: true,
        };
        stream::unfold(Some(feed), |feed| async {
            let mut feed = feed?;
            match feed.next().await? {
                Ok(message) => Some((Ok(message), Some(feed))),
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    /// The next message; `None` when the session is over.
    async fn next(&mut self) -> Option<Result<v1::AssignmentsMessage, Status>> {
        loop {
            if !std::mem::take(&mut self.look) && !self.woken().await {
                return None;
            }
            let sent = &mut self.sent;
            let (step, unseen) = self.context.replica.read(|state| {
                let wanted = wanted(state, &self.node, sent.versions());
                let step = sent.step(wanted);
                (step, never_told(state, &self.node, sent))
            });
            self.settle(unseen).await;
            let Some(step) = step else { continue };
            self.look = true;
            let root = self.context.keyring.sealing_root();
            let message = delivery::message(root, &self.context.config.cluster_id, step);
            return Some(message.map_err(|error| {
                tracing::error!(node = %self.node, %error, "a sealed value does not open");
                Status::internal("a sealed value does not open on this manager; see its log")
            }));
        }
    }

    /// What this worker was never told of it cannot give a receipt for; the leader knows that it is not there.
    async fn settle(&self, receipts: Vec<Receipt>) {
        if receipts.is_empty() || !self.context.offices.sessions.is_inventoried(&self.node, &self.session) {
            return;
        }
        let actor = Actor {
            name: "system".to_owned(),
            from: "local".to_owned(),
        };
        let command = Command::Report {
            node: self.node.clone(),
            tasks: Vec::new(),
            receipts,
            inventory: false,
        };
        if let Err(error) = self.context.proposer.propose(actor, command).await {
            tracing::debug!(node = %self.node, %error, "an erasure that needs no receipt was not noted");
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
