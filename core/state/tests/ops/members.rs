//! Who could come, go and change? Operations on nodes, operators, tokens, roots and settings.

use proptest::prelude::*;
use wardroom_state::State;
use wardroom_state::cluster::JoinToken;
use wardroom_state::command::Command;
use wardroom_state::ids::{NodeId, OperatorId, SecretId};
use wardroom_state::node::{Certificate, Node, Role};
use wardroom_state::operator::{Operator, OperatorRole};

use super::nth;
use super::world::{node, token};

#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Admit,
    Rejoin,
    RotateToken,
    UpdateCluster,
    RotateRoot,
    RetireRoot,
    Promote,
    Demote,
    FollowRole,
    SetRole,
    Renew,
    Address,
    Labels,
    Remove,
    ForceNewCluster,
    AddOperator,
    RemoveOperator,
    UpdateSecret,
}

pub(super) fn deed() -> impl Strategy<Value = Deed> {
    use Deed::*;
    prop_oneof![
        6 => prop_oneof![Just(Admit), Just(FollowRole), Just(Promote), Just(Demote)],
        3 => prop_oneof![Just(Rejoin), Just(SetRole), Just(Renew), Just(Address), Just(Labels), Just(Remove)],
        2 => prop_oneof![Just(RotateToken), Just(UpdateCluster), Just(UpdateSecret)],
        2 => prop_oneof![Just(RotateRoot), Just(RetireRoot), Just(AddOperator), Just(RemoveOperator)],
        1 => Just(ForceNewCluster),
    ]
}

/// The numbers of an operation, and when it is proposed.
#[derive(Clone, Copy)]
pub(super) struct Picks<'a> {
    pub(super) state: &'a State,
    pub(super) index: u64,
    pub(super) pick: usize,
    pub(super) other: usize,
}

impl Picks<'_> {
    pub(super) fn command(self, deed: Deed) -> Command {
        match deed {
            Deed::Admit => self.admit(&self.joiner(&format!("n{}", self.index))),
            Deed::Rejoin => self.admit(&self.known()),
            Deed::RotateToken => self.rotate_token(),
            Deed::UpdateCluster => self.update_cluster(),
            Deed::RotateRoot => self.rotate_root(),
            Deed::RetireRoot => self.retire_root(),
            Deed::Promote => self.desire(Role::Manager),
            Deed::Demote => self.desire(Role::Worker),
            Deed::FollowRole => self.follow_role(),
            Deed::SetRole => Command::SetRole {
                node: self.known().id,
                role: self.role(),
                certificate: (self.other < 8).then(|| self.certificate("stolen")),
            },
            Deed::Renew => Command::SetCertificate {
                node: self.known().id,
                certificate: Certificate {
                    key_fingerprint: self.known().certificate.key_fingerprint,
                    ..self.certificate("")
                },
            },
            Deed::Address => Command::SetNodeAddress {
                node: self.known().id,
                address: ["ember:1", "10.0.0.1:2377", "nowhere"][self.other % 3].to_owned(),
            },
            Deed::Labels => Command::SetLabels {
                node: self.known().id,
                labels: [("zone".to_owned(), self.other.to_string())].into(),
            },
            Deed::Remove => Command::RemoveNode {
                node: self.known().id,
                force: self.other.is_multiple_of(2),
            },
            Deed::ForceNewCluster => Command::ForceNewCluster { node: self.survivor() },
            Deed::AddOperator => self.add_operator(),
            Deed::RemoveOperator => Command::RemoveOperator {
                id: nth(self.state.operators().keys(), self.pick).unwrap_or_else(|| OperatorId::new("none")),
            },
            Deed::UpdateSecret => self.update_secret(),
        }
    }

    fn role(self) -> Role {
        [Role::Worker, Role::Manager][self.other % 2]
    }

    /// Mostly new; sometimes one that somebody may have had.
    fn raft_id(self) -> u64 {
        let ago = if self.other.is_multiple_of(6) {
            self.pick as u64
        } else {
            0
        };
        100 + self.index.saturating_sub(ago)
    }

    /// Valid until a little later; of the newest root as a rule.
    fn certificate(self, key: &str) -> Certificate {
        let cluster = self.state.cluster().unwrap();
        let older = cluster.retiring.first().filter(|_| self.other.is_multiple_of(5));
        Certificate {
            fingerprint: format!("cert-{}", self.index),
            key_fingerprint: key.to_owned(),
            issuer: older.map_or(&cluster.root_key_id, |root| &root.key_id).clone(),
            not_before_ms: 0,
            not_after_ms: 1_000 + i64::try_from(self.index).unwrap() + i64::try_from(self.other).unwrap(),
        }
    }

    /// Sometimes with an id or a Raft id that is not new.
    fn joiner(self, id: &str) -> Node {
        let reused = nth(self.state.removed().keys(), self.pick).filter(|_| self.other % 5 == 4);
        let raft_id = match self.role() {
            Role::Manager => self.raft_id(),
            Role::Worker => 0,
        };
        Node {
            certificate: self.certificate(&format!("key-{id}")),
            ..node(&reused.unwrap_or_else(|| id.to_owned()), raft_id)
        }
    }

    fn known(self) -> Node {
        nth(self.state.nodes().values(), self.pick).unwrap_or_else(|| self.joiner("none"))
    }

    /// Mostly with the token of its role.
    fn admit(self, node: &Node) -> Command {
        let cluster = self.state.cluster().unwrap();
        let token_digest = match self.other % 8 {
            0 => [99; 32],
            1 => cluster.manager_token.digest,
            2 => cluster.worker_token.digest,
            _ => cluster.token(node.desired_role).digest,
        };
        Command::AdmitNode {
            node: node.clone(),
            token_digest,
        }
    }

    fn fresh_token(self, most: u8) -> JoinToken {
        let byte = u8::try_from(self.index % 80).unwrap() + most;
        JoinToken {
            expires_at_ms: if self.other < 8 {
                1_010 + i64::try_from(self.index).unwrap()
            } else {
                0
            },
            max_uses: u32::try_from(self.other % 4).unwrap(),
            ..token(byte)
        }
    }

    fn rotate_token(self) -> Command {
        Command::RotateToken {
            role: self.role(),
            token: self.fresh_token(100),
        }
    }

    fn update_cluster(self) -> Command {
        let wide = self.pick.is_multiple_of(2);
        Command::UpdateCluster {
            certificate_life_ms: wide.then_some(3_600_000 * (self.other as u64 + 1)),
            heartbeat_ms: Some(500 * self.other as u64),
            task_history: wide.then_some(3),
            snapshot_every: None,
        }
    }

    fn rotate_root(self) -> Command {
        let number = if self.other == 13 { 1 } else { self.index };
        Command::RotateRoot {
            root_certificate: format!("PEM {number}"),
            root_fingerprint: format!("f{number}"),
            root_key_id: format!("k{number}"),
            root_not_after_ms: 9_999,
            sealed_root_key: vec![1],
            cross_signed: format!("cross {number}"),
            worker_token: self.fresh_token(10),
            manager_token: self.fresh_token(150),
            expected: (self.other == 14).then_some(0),
        }
    }

    fn retire_root(self) -> Command {
        let retiring = &self.state.cluster().unwrap().retiring;
        Command::RetireRoot {
            fingerprint: nth(retiring.iter(), self.pick).map_or_else(String::new, |root| root.fingerprint),
        }
    }

    fn desire(self, role: Role) -> Command {
        Command::SetDesiredRole {
            node: self.known().id,
            role,
            raft_id: self.raft_id(),
        }
    }

    /// What the membership loop does: the role becomes the desired one.
    fn follow_role(self) -> Command {
        let moving = self
            .state
            .nodes()
            .values()
            .filter(|node| node.role != node.desired_role);
        let node = nth(moving, self.pick).unwrap_or_else(|| self.known());
        Command::SetRole {
            node: node.id,
            role: node.desired_role,
            certificate: None,
        }
    }

    /// A manager that is there, or a new machine; rarely a worker, which is refused.
    fn survivor(self) -> Node {
        match self.other % 4 {
            0 => self.joiner(&format!("n{}", self.index)),
            1 => self.known(),
            _ => nth(self.state.managers(), self.pick).unwrap_or_else(|| self.known()),
        }
    }

    fn add_operator(self) -> Command {
        let id = if self.other == 7 {
            "n1".to_owned()
        } else {
            format!("o{}", self.index)
        };
        Command::AddOperator {
            operator: Operator {
                id: OperatorId::new(id),
                name: ["ada", "grace", "ADA", "no name"][self.pick % 4].to_owned(),
                role: OperatorRole::Operator,
                certificate: self.certificate("operator"),
                created_at_ms: 0,
                created_by: String::new(),
                version_index: 0,
            },
        }
    }

    fn update_secret(self) -> Command {
        Command::UpdateSecret {
            secret: nth(self.state.secrets().keys(), self.pick).unwrap_or_else(|| SecretId::new("none")),
            labels: None,
            max_age_ms: None,
            keep_versions: Some(u32::try_from(self.other % 3).unwrap()),
            lease_ms: Some(5_000 * self.other as u64),
            expected: (self.other == 3).then_some(0),
        }
    }
}

/// Sometimes one that is gone.
pub(super) fn any_node(state: &State, pick: usize) -> NodeId {
    if pick == 63 {
        return NodeId::new("n9");
    }
    nth(state.nodes().keys(), pick).unwrap_or_else(|| NodeId::new("none"))
}
