//! When is a worker told? As soon as something was applied that concerns it, and never faster than it listens.

use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::{broadcast, watch};
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wardroom_api::v1;
use wardroom_api::v1::change::Action;
use wardroom_api::v1::object::Kind;
use wardroom_keys::{TransitError, TransitOffer, TransitSealer};
use wardroom_state::command::{Actor, Command, Receipt};
use wardroom_state::ids::NodeId;

use crate::context::Context;
use crate::control::convert::limits;
use crate::dispatcher::assignments::{Sent, never_told, wanted};
use crate::dispatcher::delivery;
use crate::dispatcher::instructions::removed;
use crate::replica::Applied;
use crate::watch::skip;

/// One worker's stream of assignments. Nothing is queued: a slow worker's next message is the difference to what it
/// was sent last.
pub(crate) struct Feed {
    context: Context,
    node: NodeId,
    over: CancellationToken,
    /// The worker's inventory is applied.
    inventoried: watch::Receiver<bool>,
    applied: broadcast::Receiver<Arc<Applied>>,
    sent: Sent,
    transit: TransitSealer,
    /// For the first message: what the worker opens the values with.
    transit_key: Vec<u8>,
    /// Look before waiting: something may have changed since the last look.
    look: bool,
}

impl Feed {
    /// The messages of one session, until it is over, with values that only the holder of `transit_key` can open.
    pub(crate) fn open(
        context: Context,
        node: NodeId,
        over: CancellationToken,
        inventoried: watch::Receiver<bool>,
        transit_key: &[u8],
    ) -> Result<impl Stream<Item = Result<v1::AssignmentsMessage, Status>> + use<>, TransitError> {
        let offer = TransitOffer::new(&*context.chance);
        let offered = offer.public().to_vec();
        let applied = context.replica.subscribe();
        let feed = Self {
            context,
            node,
            over,
            inventoried,
            applied,
            sent: Sent::default(),
            transit: offer.sealer(transit_key)?,
            transit_key: offered,
            look: true,
        };
        Ok(stream::unfold(Some(feed), |feed| async {
            let mut feed = feed?;
            match feed.next().await? {
                Ok(message) => Some((Ok(message), Some(feed))),
                Err(status) => Some((Err(status), None)),
            }
        }))
    }

    /// The next message; `None` when the session is over.
    async fn next(&mut self) -> Option<Result<v1::AssignmentsMessage, Status>> {
        loop {
            if !std::mem::take(&mut self.look) && !self.woken().await {
                return None;
            }
            if self.is_removed() {
                return Some(Err(removed(&self.node)));
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
            let message = delivery::message(&root, &self.context.config.cluster_id, step, &mut self.transit);
            return Some(match message {
                Ok(message) => Ok(v1::AssignmentsMessage {
                    transit_key: std::mem::take(&mut self.transit_key),
                    ..message
                }),
                Err(error) => {
                    tracing::error!(node = %self.node, %error, "a sealed value does not open");
                    Err(Status::internal(
                        "a sealed value does not open on this manager; see its log",
                    ))
                }
            });
        }
    }

    fn is_removed(&self) -> bool {
        !self
            .context
            .replica
            .read(|state| state.nodes().contains_key(&self.node))
    }

    /// What this worker was never told of it cannot give a receipt for; the leader knows that it is not there.
    async fn settle(&self, receipts: Vec<Receipt>) {
        if !*self.inventoried.borrow() {
            return;
        }
        for receipts in receipts.chunks(limits::REPORTED) {
            let actor = Actor {
                name: "system".to_owned(),
                from: "local".to_owned(),
            };
            let command = Command::Report {
                node: self.node.clone(),
                tasks: Vec::new(),
                receipts: receipts.to_vec(),
                inventory: false,
            };
            if let Err(error) = self.context.proposer.propose(actor, command).await {
                tracing::debug!(node = %self.node, %error, "an erasure that needs no receipt was not noted");
                return;
            }
        }
    }

    /// Waits until something was applied that may concern this worker; what else is applied already comes along.
    async fn woken(&mut self) -> bool {
        loop {
            let applied = tokio::select! {
                biased;
                () = self.over.cancelled() => return self.is_removed(),
                () = self.context.stop.cancelled() => return false,
                told = self.inventoried.changed() => return told.is_ok(),
                applied = self.applied.recv() => applied,
            };
            match applied {
                Ok(applied) if concerns(&applied, &self.node, &self.sent) => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return false,
            }
        }
        skip(&mut self.applied);
        true
    }
}

/// Whether what was applied touches the worker's tasks, their services, or its files.
fn concerns(applied: &Applied, node: &NodeId, sent: &Sent) -> bool {
    applied.replaced || applied.changes.iter().any(|change| touches(change, node, sent))
}

fn touches(change: &v1::Change, node: &NodeId, sent: &Sent) -> bool {
    match &change.action {
        Some(Action::Put(object)) => match &object.kind {
            Some(Kind::Task(task)) => task.node_id == node.as_str() || sent.has_task(&task.id),
            Some(Kind::Service(service)) => sent.runs(&service.id),
            Some(Kind::Holding(holding)) => holding.node_id == node.as_str(),
            _ => false,
        },
        Some(Action::Removed(key)) => match key.kind() {
            v1::Kind::Task => sent.has_task(&key.id),
            v1::Kind::Service => sent.runs(&key.id),
            v1::Kind::Holding => key.id.split('/').next() == Some(node.as_str()),
            v1::Kind::Node => key.id == node.as_str(),
            _ => false,
        },
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use wardroom_state::service::{Mode, OnChange};

    use super::*;
    use crate::control::convert;
    use crate::reconcile::scene::{Scene, node_id};

    /// `web` on `w1`, known to its worker; `api` on `w2`.
    fn scene() -> (Scene, Sent) {
        let mut scene = Scene::with_workers(2);
        scene.secret("db");
        scene.service("web", Mode::Replicated(1), vec![Scene::grant("db", OnChange::Swap)]);
        scene.schedule();
        scene.service("api", Mode::Replicated(1), vec![Scene::grant("db", OnChange::Swap)]);
        scene.schedule();
        let mut sent = Sent::default();
        sent.step(wanted(&scene.state, &node_id("w1"), sent.versions()));
        (scene, sent)
    }

    /// All objects of a kind, as if each had just changed.
    fn changed(scene: &Scene, kind: v1::Kind, only: impl Fn(&Kind) -> bool) -> Applied {
        let objects = convert::objects(&scene.state, kind, 0).into_iter();
        let wanted = objects.filter(|object| object.kind.as_ref().is_some_and(&only));
        Applied {
            index: 1,
            events: Vec::new(),
            changes: wanted
                .map(|object| v1::Change {
                    action: Some(Action::Put(object)),
                })
                .collect(),
            replaced: false,
        }
    }

    #[test]
    fn another_worker_s_tasks_and_services_wake_nobody_else() {
        let (scene, sent) = scene();
        let of = |node: &str, name: &str| {
            let task = changed(
                &scene,
                v1::Kind::Task,
                |kind| matches!(kind, Kind::Task(task) if task.node_id == node),
            );
            let service = changed(
                &scene,
                v1::Kind::Service,
                |kind| matches!(kind, Kind::Service(service) if service.spec.as_ref().is_some_and(|spec| spec.name == name)),
            );
            let holding = changed(
                &scene,
                v1::Kind::Holding,
                |kind| matches!(kind, Kind::Holding(holding) if holding.node_id == node),
            );
            [task, service, holding].map(|applied| {
                assert_eq!(applied.changes.len(), 1);
                concerns(&applied, &node_id("w1"), &sent)
            })
        };
        assert_eq!(of("w1", "web"), [true; 3]);
        assert_eq!(of("w2", "api"), [false; 3]);
    }

    #[test]
    fn what_is_removed_is_known_by_what_was_sent() {
        let (scene, sent) = scene();
        let removed = |kind: v1::Kind, id: String| {
            let key = v1::ObjectKey { kind: kind.into(), id };
            let applied = Applied {
                changes: vec![v1::Change {
                    action: Some(Action::Removed(key)),
                }],
                ..changed(&scene, v1::Kind::Unspecified, |_| false)
            };
            concerns(&applied, &node_id("w1"), &sent)
        };
        for task in scene.live() {
            let own = task.node == Some(node_id("w1"));
            assert_eq!(removed(v1::Kind::Task, task.id.to_string()), own);
            assert_eq!(removed(v1::Kind::Service, task.service.to_string()), own);
        }
        assert!(removed(v1::Kind::Holding, "w1/t/s/1/db".into()));
        assert!(!removed(v1::Kind::Holding, "w2/t/s/1/db".into()));
    }
}
