//! What is a node told about itself? The role its certificate should have, the roots to trust, where the managers are, and
//! that it was removed. The first message opens its session; another follows whenever one of these changes.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::Stream;
use futures_util::stream;
use tokio::sync::broadcast;
use tokio::sync::broadcast::error::RecvError;
use tokio_util::sync::CancellationToken;
use tonic::Status;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, Role};

use crate::context::Context;
use crate::dispatcher::HEARTBEAT;
use crate::replica::Applied;
use crate::trust::roots_pem;
use crate::watch::skip;

/// The open stream is the session; its end tells the node to look for the leader.
pub(crate) struct Station {
    context: Context,
    node: NodeId,
    session_id: String,
    over: CancellationToken,
    applied: broadcast::Receiver<Arc<Applied>>,
    told: Option<v1::SessionMessage>,
    /// The managers as of that message: of the other nodes only these, and new ones, are worth a look. Nodes are many.
    managers: BTreeSet<NodeId>,
}

impl Station {
    /// The messages of one session, until it is over or the node was removed.
    pub(crate) fn open(
        context: Context,
        node: NodeId,
        session_id: String,
        over: CancellationToken,
    ) -> impl Stream<Item = Result<v1::SessionMessage, Status>> {
        let applied = context.replica.subscribe();
        let station = Self {
            context,
            node,
            session_id,
            over,
            applied,
            told: None,
            managers: BTreeSet::new(),
        };
        stream::unfold(Some(station), |station| async {
            let mut station = station?;
            match station.next().await? {
                Ok(message) => Some((Ok(message), Some(station))),
                Err(status) => Some((Err(status), None)),
            }
        })
    }

    async fn next(&mut self) -> Option<Result<v1::SessionMessage, Status>> {
        loop {
            if self.told.is_some() && !self.woken().await {
                return None;
            }
            let own = &self.context.config.advertise;
            let read = |state: &State| {
                let managers = state.managers().map(|node| node.id.clone()).collect();
                (message(state, &self.node, &self.session_id, own), managers)
            };
            let (message, managers) = self.context.replica.read(read);
            self.managers = managers;
            let Some(message) = message else {
                self.context.offices.sessions.drop_node(&self.node);
                return Some(Err(removed(&self.node)));
            };
            if self.told.as_ref() != Some(&message) {
                self.told = Some(message.clone());
                return Some(Ok(message));
            }
        }
    }

    /// Waits until something was applied that a message may say. Also a session that is over has a last word: that the
    /// node was removed.
    async fn woken(&mut self) -> bool {
        loop {
            let applied = tokio::select! {
                biased;
                applied = self.applied.recv() => applied,
                () = self.over.cancelled() => return self.is_removed(),
                () = self.context.stop.cancelled() => return false,
            };
            match applied {
                Ok(applied) if self.concerns(&applied) => break,
                Ok(_) => {}
                Err(RecvError::Lagged(_)) => break,
                Err(RecvError::Closed) => return false,
            }
        }
        skip(&mut self.applied);
        true
    }

    fn concerns(&self, applied: &Applied) -> bool {
        let says = |event: &Event| match event {
            Event::Put(ObjectKey::Cluster) | Event::Removed(ObjectKey::Node(_)) => true,
            Event::Put(ObjectKey::Node(id)) => {
                let joins = |state: &State| state.nodes().get(id).is_some_and(Node::is_in_raft);
                *id == self.node || self.managers.contains(id) || self.context.replica.read(joins)
            }
            _ => false,
        };
        applied.replaced || applied.events.iter().any(says)
    }

    fn is_removed(&self) -> bool {
        let known = |state: &State| state.nodes().contains_key(&self.node);
        !self.context.replica.read(known)
    }
}

/// What a node that was removed is told, in Docker's words.
pub(crate) fn removed(node: &NodeId) -> Status {
    Status::permission_denied(format!("Permission denied: node {node} was removed from swarm"))
}

/// The message for a node now; `None` when it is not a node any more. `own` is this manager's address.
fn message(state: &State, node: &NodeId, session_id: &str, own: &str) -> Option<v1::SessionMessage> {
    let node = state.nodes().get(node)?;
    let cluster = state.cluster();
    let heartbeat_ms = cluster.map(|cluster| cluster.heartbeat_ms).filter(|ms| *ms > 0);
    let usual = u64::try_from(HEARTBEAT.as_millis()).unwrap_or(u64::MAX);
    let desired = if node.is_in_raft() {
        v1::Role::Manager
    } else {
        v1::Role::Worker
    };
    // A cluster that was begun before certificates named their root does not know it.
    let outdated = |key_id: &str| !key_id.is_empty() && node.certificate.issuer != key_id;
    Some(v1::SessionMessage {
        session_id: session_id.to_owned(),
        heartbeat_ms: heartbeat_ms.unwrap_or(usual),
        managers: managers(state, own),
        desired_role: desired.into(),
        roots_pem: cluster.map(roots_pem).unwrap_or_default(),
        renew: cluster.is_some_and(|cluster| outdated(&cluster.root_key_id)),
    })
}

/// Addresses of the managers' TLS ports, this one's first.
fn managers(state: &State, own: &str) -> Vec<String> {
    let reached = |node: &&Node| node.role == Role::Manager && !node.address.is_empty() && node.address != own;
    let others = state.nodes().values().filter(reached);
    std::iter::once(own)
        .chain(others.map(|node| node.address.as_str()))
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use wardroom_state::command::Command;
    use wardroom_state::node::Certificate;

    use super::*;
    use crate::reconcile::scene::{Scene, node_id};

    fn told(scene: &Scene) -> v1::SessionMessage {
        message(&scene.state, &node_id("w1"), "s", "m1:1").expect("it is a node")
    }

    #[test]
    fn the_role_that_the_certificate_should_have_is_said_throughout() {
        let mut scene = Scene::with_managers(3);
        let desire = |role, raft_id| Command::SetDesiredRole {
            node: node_id("w1"),
            role,
            raft_id,
        };
        let set = |role| Command::SetRole {
            node: node_id("w1"),
            role,
            certificate: None,
        };
        assert_eq!(told(&scene).desired_role(), v1::Role::Worker);
        scene.apply(desire(Role::Manager, 9));
        assert_eq!(told(&scene).desired_role(), v1::Role::Manager);
        scene.apply(set(Role::Manager));
        assert_eq!(told(&scene).desired_role(), v1::Role::Manager);
        scene.apply(desire(Role::Worker, 0));
        assert_eq!(told(&scene).desired_role(), v1::Role::Manager, "it still has a vote");
        scene.apply(set(Role::Worker));
        assert_eq!(told(&scene).desired_role(), v1::Role::Worker);
    }

    #[test]
    fn managers_come_with_this_one_first() {
        let mut scene = Scene::with_managers(3);
        assert_eq!(told(&scene).managers, ["m1:1", "m2:1", "m3:1"]);
        scene.apply(Command::SetNodeAddress {
            node: node_id("m3"),
            address: "other:1".into(),
        });
        assert_eq!(told(&scene).managers, ["m1:1", "m2:1", "other:1"]);
    }

    #[test]
    fn a_certificate_of_another_root_is_to_be_renewed() {
        let mut scene = Scene::with_managers(1);
        let issued_by = |issuer: &str| Command::SetCertificate {
            node: node_id("w1"),
            certificate: Certificate {
                issuer: issuer.into(),
                ..Certificate::default()
            },
        };
        scene.apply(issued_by("k1"));
        assert!(!told(&scene).renew, "the scene's root is k1");
        scene.apply(issued_by("k0"));
        assert!(told(&scene).renew);
    }

    #[test]
    fn who_was_removed_is_told_nothing_else() {
        let mut scene = Scene::with_managers(1);
        scene.apply(Command::RemoveNode {
            node: node_id("w1"),
            force: true,
        });
        assert_eq!(message(&scene.state, &node_id("w1"), "s", "m1:1"), None);
        let text = removed(&node_id("w1"));
        assert_eq!(text.message(), "Permission denied: node w1 was removed from swarm");
    }
}
