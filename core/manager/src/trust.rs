//! Whom does this manager believe? Its TLS follows the state: the cluster's roots, and the nodes and operators that were
//! removed. Who loses its standing is told so, and then its connections are cut.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use wardroom_ca::{Identity as Certified, NodeTls, Role};
use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::ids::{NodeId, OperatorId};
use wardroom_state::operator::OperatorRole;

use crate::connections::Connections;
use crate::context::Context;
use crate::control::caller::{Caller, Identity};
use crate::replica::{Applied, Replica};

/// Between a removal and the cut of the connections: what the dispatcher still has to say arrives.
const GRACE: Duration = Duration::from_millis(500);
/// How long a connection waits for the state to list its operator, who may have been added a moment ago elsewhere.
const PATIENCE: Duration = Duration::from_secs(1);

/// What of the state decides whom to believe.
#[derive(Debug, Default, PartialEq, Eq)]
struct Standing {
    roots_pem: String,
    /// Of the same roots.
    root_key_ids: BTreeSet<String>,
    removed: BTreeSet<String>,
    managers: BTreeSet<String>,
}

impl Standing {
    fn of(state: &State) -> Self {
        let key_ids = |cluster: &Cluster| {
            let older = cluster.retiring.iter().map(|root| root.key_id.clone());
            older.chain([cluster.root_key_id.clone()]).collect()
        };
        Self {
            root_key_ids: state.cluster().map(key_ids).unwrap_or_default(),
            roots_pem: state.cluster().map(roots_pem).unwrap_or_default(),
            removed: state.removed().keys().cloned().collect(),
            managers: state.managers().map(|node| node.id.to_string()).collect(),
        }
    }
}

/// The roots to trust, newest first.
pub(crate) fn roots_pem(cluster: &Cluster) -> String {
    let older = cluster.retiring.iter().rev().map(|root| root.certificate.as_str());
    std::iter::once(cluster.root_certificate.as_str())
        .chain(older)
        .collect()
}

/// Believes what the state says now, before the first caller is heard, and then follows it until the manager stops.
pub(crate) fn keep(context: Context) -> impl Future<Output = ()> + Send {
    let mut known = Standing::default();
    let applied = follow(&context, &mut known);
    run(context, known, applied)
}

async fn run(context: Context, mut known: Standing, mut applied: Receiver<Arc<Applied>>) {
    loop {
        let next = tokio::select! {
            biased;
            () = context.stop.cancelled() => return,
            next = applied.recv() => next,
        };
        match next {
            Ok(applied) if !concerns(&applied) => {}
            Ok(_) => take_in(&context, &mut known, context.replica.read(Standing::of)),
            Err(RecvError::Lagged(_)) => applied = follow(&context, &mut known),
            Err(RecvError::Closed) => return,
        }
    }
}

fn follow(context: &Context, known: &mut Standing) -> Receiver<Arc<Applied>> {
    let (standing, applied) = context.replica.follow(Standing::of);
    take_in(context, known, standing);
    applied
}

fn concerns(applied: &Applied) -> bool {
    let touches = |event: &Event| {
        let (Event::Put(key) | Event::Removed(key)) = event;
        matches!(key, ObjectKey::Cluster | ObjectKey::Node(_) | ObjectKey::Operator(_))
    };
    applied.replaced || applied.events.iter().any(touches)
}

fn take_in(context: &Context, known: &mut Standing, now: Standing) {
    let tls = &context.tls;
    if now == *known {
        return;
    }
    if now.removed != known.removed {
        tls.refused().replace(now.removed.iter().cloned());
    }
    if now.roots_pem != known.roots_pem
        && let Err(error) = tls.trust(&to_trust(&now, tls))
    {
        tracing::error!(%error, "the roots of the cluster cannot be trusted; those before are trusted on");
    }
    let gone: Vec<String> = now.removed.difference(&known.removed).cloned().collect();
    if !gone.is_empty() || now.managers != known.managers {
        let (connections, replica) = (context.offices.connections.clone(), context.replica.clone());
        tokio::spawn(cut(connections, replica, gone));
    }
    *known = now;
}

/// The state's roots and no others; with those in use before them while the state has yet to hear of the newest, as
/// after a restart in the middle of a rotation.
fn to_trust(now: &Standing, tls: &NodeTls) -> String {
    if now.root_key_ids.contains(&tls.root_key_id()) {
        return now.roots_pem.clone();
    }
    tls.roots_pem() + &now.roots_pem
}

async fn cut(connections: Connections, replica: Replica, gone: Vec<String>) {
    tokio::time::sleep(GRACE).await;
    for subject in &gone {
        connections.cut(subject);
    }
    connections.review(|id| replica.read(|state| counts_as_manager(state, id)));
}

/// A manager's certificate is good for what the state says of its holder: one that was demoted is a worker, however long
/// the certificate still lasts. A node that is not known here is believed, for a new manager knows nobody yet.
fn counts_as_manager(state: &State, id: &str) -> bool {
    let node = state.nodes().get(&NodeId::new(id));
    node.is_none_or(wardroom_state::node::Node::is_in_raft)
}

/// Who came in with a certificate, and whether it was taken for a manager's, if it is one.
pub(crate) async fn recognize(replica: &Replica, certified: Certified, from: String) -> (Caller, Option<bool>) {
    let id = certified.node_id;
    let role = match certified.role {
        Role::Worker => return (Caller::new(Identity::Worker(id), from), None),
        Role::Manager => {
            let as_manager = replica.read(|state| counts_as_manager(state, &id));
            let identity = if as_manager {
                Identity::Manager(id)
            } else {
                Identity::Worker(id)
            };
            return (Caller::new(identity, from), Some(as_manager));
        }
        Role::Viewer => OperatorRole::Viewer,
        Role::Operator => OperatorRole::Operator,
        Role::Admin => OperatorRole::Admin,
    };
    let listed = tokio::time::timeout(PATIENCE, operator_name(replica, &id)).await;
    let identity = match listed {
        Ok(name) => Identity::Operator(role, name),
        Err(_elapsed) => Identity::Unlisted(id.clone()),
    };
    (Caller::certified(identity, id, from), None)
}

/// The name that the state has, or had, for an operator; waits until it has one.
async fn operator_name(replica: &Replica, id: &str) -> String {
    let named = |state: &State| {
        let listed = state
            .operators()
            .get(&OperatorId::new(id))
            .map(|operator| &operator.name);
        let removed = || state.removed().get(id).map(|tombstone| &tombstone.name);
        listed.or_else(removed).cloned()
    };
    let mut indices = replica.indices();
    loop {
        indices.mark_unchanged();
        if let Some(name) = replica.read(named) {
            return name;
        }
        if indices.changed().await.is_err() {
            return std::future::pending().await;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_ca::{IssueRequest, NODE_LIFETIME, Root, SystemClock};
    use wardroom_keys::OsChance;
    use wardroom_state::command::{Actor, Command, Proposal};
    use wardroom_state::node::{Certificate, Role as NodeRole};
    use wardroom_state::operator::Operator;

    use super::*;
    use crate::reconcile::scene::Scene;

    fn certified(id: &str, role: Role) -> Certified {
        Certified {
            node_id: id.into(),
            role,
            cluster_id: "c1".into(),
        }
    }

    fn replica(scene: &Scene) -> Replica {
        let replica = Replica::new();
        replica.replace(scene.state.index(), scene.state.clone());
        replica
    }

    async fn recognized(replica: &Replica, id: &str, role: Role) -> (Identity, Option<bool>) {
        let (caller, as_manager) = recognize(replica, certified(id, role), "10.0.0.7:1".into()).await;
        assert_eq!(caller.subject.as_deref(), Some(id));
        (caller.identity, as_manager)
    }

    fn add_operator(id: &str, name: &str) -> Command {
        let operator = Operator {
            id: OperatorId::new(id),
            name: name.into(),
            role: OperatorRole::Viewer,
            certificate: Certificate::default(),
            created_at_ms: 0,
            created_by: String::new(),
            version_index: 0,
        };
        Command::AddOperator { operator }
    }

    #[tokio::test]
    async fn a_manager_s_certificate_is_good_while_its_holder_is_one() {
        let mut scene = Scene::with_workers(1);
        let taken = |role| match role {
            Role::Manager => (Identity::Manager("w1".into()), Some(true)),
            _ => (Identity::Worker("w1".into()), Some(false)),
        };
        assert_eq!(
            recognized(&replica(&scene), "w1", Role::Manager).await,
            taken(Role::Worker)
        );
        scene.apply(Command::SetDesiredRole {
            node: NodeId::new("w1"),
            role: NodeRole::Manager,
            raft_id: 7,
        });
        assert_eq!(
            recognized(&replica(&scene), "w1", Role::Manager).await,
            taken(Role::Manager)
        );
        let worker = (Identity::Worker("w1".into()), None);
        assert_eq!(recognized(&replica(&scene), "w1", Role::Worker).await, worker);
        let unknown = (Identity::Manager("m9".into()), Some(true));
        assert_eq!(recognized(&replica(&scene), "m9", Role::Manager).await, unknown);
    }

    #[tokio::test(start_paused = true)]
    async fn operators_are_known_by_the_name_that_the_state_has() {
        let mut scene = Scene::with_workers(0);
        scene.apply(add_operator("o1", "ada"));
        let replica = replica(&scene);
        let ada = (Identity::Operator(OperatorRole::Viewer, "ada".into()), None);
        assert_eq!(recognized(&replica, "o1", Role::Viewer).await, ada);
        let unlisted = (Identity::Unlisted("o2".into()), None);
        assert_eq!(recognized(&replica, "o2", Role::Admin).await, unlisted);
        // One that was added elsewhere a moment ago is waited for.
        let (came, ()) = tokio::join!(recognized(&replica, "o2", Role::Operator), async {
            tokio::time::sleep(PATIENCE / 2).await;
            let actor = Actor {
                name: "test".into(),
                from: "local".into(),
            };
            let proposal = Proposal {
                at_ms: 1_000,
                actor,
                command: add_operator("o2", "bob"),
            };
            replica.apply(scene.state.index() + 1, &proposal).unwrap();
        });
        assert_eq!(came, (Identity::Operator(OperatorRole::Operator, "bob".into()), None));
        scene.apply(Command::RemoveOperator {
            id: OperatorId::new("o1"),
        });
        let gone = self::replica(&scene);
        assert_eq!(
            recognized(&gone, "o1", Role::Viewer).await,
            ada,
            "it is called by its name to the end"
        );
    }

    fn tls(root: &Root, others: &[&Root]) -> NodeTls {
        let request = IssueRequest {
            node_id: "m1",
            role: Role::Manager,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: wardroom_ca::Clock::now_ms(&SystemClock),
        };
        let issued = root.issue(&request, &OsChance).unwrap();
        let roots: String = std::iter::once(root)
            .chain(others.iter().copied())
            .map(Root::certificate_pem)
            .collect();
        NodeTls::new(&roots, &issued.certificate_pem, &issued.key, Arc::new(SystemClock)).unwrap()
    }

    #[test]
    fn a_state_that_is_behind_takes_no_root_away() {
        let root = || Root::create("c1", &SystemClock, &OsChance).unwrap();
        let (old, new) = (root(), root());
        let standing = |roots: &[&Root]| Standing {
            roots_pem: roots.iter().map(|root| root.certificate_pem()).collect(),
            root_key_ids: roots.iter().map(|root| root.key_id().to_owned()).collect(),
            ..Standing::default()
        };
        let of = |text: &str| {
            [&old, &new].map(|root| {
                text.replace('\r', "")
                    .contains(root.certificate_pem().replace('\r', "").trim())
            })
        };
        let tls = tls(&new, &[&old]);
        assert_eq!(of(&to_trust(&standing(&[&old]), &tls)), [true, true]);
        assert_eq!(of(&to_trust(&standing(&[&new, &old]), &tls)), [true, true]);
        assert_eq!(of(&to_trust(&standing(&[&new]), &tls)), [false, true]);
        tls.trust(&to_trust(&standing(&[&old]), &tls)).unwrap();
    }
}
