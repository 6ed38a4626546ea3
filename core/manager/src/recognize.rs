//! Who came in? The caller that a certificate stands for, by what the state says of its holder now.

use std::time::Duration;

use wardroom_ca::{Identity as Certified, Role};
use wardroom_state::State;
use wardroom_state::ids::{NodeId, OperatorId};
use wardroom_state::operator::OperatorRole;

use crate::control::caller::{Caller, Identity};
use crate::replica::Replica;

/// How long a connection waits for the state to list its operator, who may have been added a moment ago elsewhere.
const PATIENCE: Duration = Duration::from_secs(1);

/// A manager's certificate is good for what the state says of its holder: one that was demoted is a worker, however long
/// the certificate still lasts. A node that is not known here is believed, for a new manager knows nobody yet.
pub(crate) fn counts_as_manager(state: &State, id: &str) -> bool {
    let node = state.nodes().get(&NodeId::new(id));
    !state.subject_removed(id) && node.is_none_or(wardroom_state::node::Node::is_in_raft)
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
}
