//! How does a cluster begin? Its identity and its first nodes, once.

use std::collections::BTreeSet;

use super::audited::counted;
use super::step::Step;
use crate::cluster::Cluster;
use crate::event::ObjectKey;
use crate::node::{Node, Role};
use crate::refusal::Refusal;

pub(super) fn apply(step: &mut Step<'_>, cluster: &Cluster, nodes: &[Node]) -> Result<(), Refusal> {
    if step.state.cluster().is_some() {
        return Err(Refusal::AlreadyBootstrapped);
    }
    check_members(nodes)?;
    if cluster.autolock {
        return Err(Refusal::UnlockKeyMissing);
    }
    if cluster.worker_token.is(&cluster.manager_token.digest) {
        return Err(Refusal::TokenInvalid);
    }
    step.state.facts.cluster = Some(Cluster {
        version_index: step.index,
        ..cluster.clone()
    });
    step.put(ObjectKey::Cluster);
    for node in nodes {
        step.insert_node(node.clone());
    }
    let managers = nodes.iter().filter(|node| node.role == Role::Manager).count();
    let workers = counted(nodes.len() - managers, "worker");
    step.audit(
        "cluster.bootstrap",
        &cluster.name,
        format!("{}, {workers}", counted(managers, "manager")),
    );
    Ok(())
}

fn check_members(nodes: &[Node]) -> Result<(), Refusal> {
    let (mut ids, mut raft_ids, mut keys) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    for node in nodes {
        let invalid = |problem: &str| Refusal::MemberInvalid {
            node: node.hostname.clone(),
            problem: problem.into(),
        };
        if !ids.insert(&node.id) {
            return Err(invalid("another node has its id"));
        }
        if node.desired_role != node.role {
            return Err(invalid("it is to have another role"));
        }
        let key = node.certificate.key_fingerprint.as_str();
        if !key.is_empty() && !keys.insert(key) {
            return Err(invalid("another node has its key"));
        }
        match (node.role, node.raft_id) {
            (Role::Manager, 0) => return Err(invalid("a manager needs a Raft id")),
            (Role::Worker, 1..) => return Err(invalid("a worker has no Raft id")),
            (Role::Manager, raft_id) if !raft_ids.insert(raft_id) => {
                return Err(invalid("another manager has its Raft id"));
            }
            _ => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::cluster::Cluster;
    use crate::command::{Actor, Command, Proposal};
    use crate::node::{Node, Role};
    use crate::refusal::Refusal;
    use crate::script::{Script, cluster, create, expect, joiner, node};
    use crate::state::State;

    fn apply(state: &mut State, command: Command) -> Result<usize, Refusal> {
        let actor = Actor {
            name: "system".into(),
            from: "local".into(),
        };
        state
            .apply(
                1,
                &Proposal {
                    at_ms: 1,
                    actor,
                    command,
                },
            )
            .map(|events| events.len())
    }

    #[test]
    fn nothing_comes_before_it_and_it_comes_once() {
        assert_eq!(
            apply(&mut State::default(), create("db")),
            Err(Refusal::NotBootstrapped)
        );
        let mut script = Script::new();
        let records: Vec<&str> = script.state.audit().map(|record| record.detail.as_str()).collect();
        assert_eq!(records, ["1 manager, 2 workers"]);
        let locked = Command::Bootstrap {
            cluster: Cluster {
                autolock: true,
                ..cluster()
            },
            nodes: vec![node("m1", "harbour", 1)],
        };
        assert_eq!(
            apply(&mut State::default(), locked),
            Err(Refusal::UnlockKeyMissing),
            "its key is made afterwards"
        );
        let again = Command::Bootstrap {
            cluster: cluster(),
            nodes: Vec::new(),
        };
        expect(&script.play(again), "Precondition: this cluster is initialised already");
    }

    #[test]
    fn members_cannot_be_confused() {
        let check = |nodes: Vec<Node>, wanted: &str| {
            let refusal = apply(
                &mut State::default(),
                Command::Bootstrap {
                    cluster: cluster(),
                    nodes,
                },
            );
            let Err(Refusal::MemberInvalid { problem, .. }) = refusal else {
                panic!("{refusal:?}")
            };
            assert_eq!(problem, wanted);
        };
        check(vec![node("a", "a", 1), node("a", "b", 2)], "another node has its id");
        check(
            vec![node("a", "a", 1), node("b", "b", 1)],
            "another manager has its Raft id",
        );
        let manager = Node {
            raft_id: 0,
            ..node("a", "a", 1)
        };
        check(vec![manager], "a manager needs a Raft id");
        let worker = Node {
            raft_id: 3,
            ..node("a", "a", 0)
        };
        check(vec![worker], "a worker has no Raft id");
        let torn = Node {
            desired_role: Role::Worker,
            ..node("a", "a", 1)
        };
        check(vec![torn], "it is to have another role");
        let twin = Node {
            certificate: joiner("a", "a", 0).certificate,
            ..node("b", "b", 0)
        };
        check(vec![joiner("a", "a", 0), twin], "another node has its key");
    }
}
