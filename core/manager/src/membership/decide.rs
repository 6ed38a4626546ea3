//! Which change of the membership comes next? A pure comparison of what the state wants with what Raft has, one step at
//! a time. What cannot be done now is passed over, so that a manager that does not answer holds up nobody else.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_state::State;
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, NodeState, Role};

use crate::raft::{Members, Peer};

/// A learner that lacks no more entries than this may vote: the rest reaches it with the change itself.
const CLOSE: u64 = 64;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// Finish what somebody began: two sets of voters are in force.
    Settle,
    /// Tell the state that the membership has followed.
    SetRole {
        node: NodeId,
        role: Role,
    },
    /// A manager that runs no agent has nobody else to say that it is there.
    Welcome {
        node: NodeId,
    },
    Readdress {
        raft_id: u64,
        peer: Peer,
    },
    DropLearner {
        raft_id: u64,
    },
    RemoveVoter {
        raft_id: u64,
    },
    Promote {
        raft_id: u64,
    },
    AddLearner {
        raft_id: u64,
        peer: Peer,
    },
    /// This manager is to go: the next leader removes it.
    HandOver,
}

impl Change {
    /// What fails together and is tried again together: a member, or the change itself where it is no member's.
    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Settle => "settle".to_owned(),
            Self::HandOver => "hand-over".to_owned(),
            Self::SetRole { node, .. } => format!("role of {node}"),
            Self::Welcome { node } => format!("state of {node}"),
            Self::Readdress { raft_id, .. }
            | Self::DropLearner { raft_id }
            | Self::RemoveVoter { raft_id }
            | Self::Promote { raft_id }
            | Self::AddLearner { raft_id, .. } => raft_id.to_string(),
        }
    }
}

/// What a leader sees of the consensus, without what moves all the time.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Outlook {
    /// Raft id of this manager, which leads.
    pub(crate) me: u64,
    pub(crate) voters: BTreeMap<u64, Peer>,
    pub(crate) learners: BTreeMap<u64, Peer>,
    pub(crate) joint: bool,
    /// Learners that have caught up.
    pub(crate) close: BTreeSet<u64>,
    /// Node ids of the managers that answer, this one's included.
    pub(crate) reachable: BTreeSet<String>,
}

impl Outlook {
    pub(crate) fn new(me: u64, members: Members, reachable: BTreeSet<String>) -> Self {
        let close = |id: &&u64| members.lag(**id).is_some_and(|lag| lag <= CLOSE);
        Self {
            me,
            close: members.learners.keys().filter(close).copied().collect(),
            voters: members.voters,
            learners: members.learners,
            joint: members.joint,
            reachable,
        }
    }

    fn answers(&self, peer: &Peer) -> bool {
        self.reachable.contains(&peer.node_id)
    }

    /// Whether more than half of such voters answer.
    pub(crate) fn has_quorum<'a>(&self, voters: impl Iterator<Item = &'a Peer>) -> bool {
        let (left, of) = self.count(voters);
        left > of / 2
    }

    /// How many of such voters answer, and how many they are.
    pub(crate) fn count<'a>(&self, voters: impl Iterator<Item = &'a Peer>) -> (usize, usize) {
        voters.fold((0, 0), |(left, of), peer| {
            (left + usize::from(self.answers(peer)), of + 1)
        })
    }

    /// The voters but for one.
    pub(crate) fn others(&self, raft_id: u64) -> impl Iterator<Item = &Peer> {
        self.voters
            .iter()
            .filter(move |(id, _)| **id != raft_id)
            .map(|(_, peer)| peer)
    }

    fn member(&self, raft_id: u64) -> Option<&Peer> {
        self.voters.get(&raft_id).or_else(|| self.learners.get(&raft_id))
    }
}

/// The next step, or nothing while all is as it should be. `waiting`: subjects that failed a moment ago.
pub(crate) fn decide(state: &State, outlook: &Outlook, waiting: &BTreeSet<String>) -> Option<Change> {
    let scene = Scene::of(state, outlook)?;
    let steps: [&dyn Fn() -> Vec<Change>; 9] = [
        &|| {
            if outlook.joint {
                vec![Change::Settle]
            } else {
                Vec::new()
            }
        },
        &|| scene.roles(),
        &|| scene.arrivals(),
        &|| scene.addresses(),
        &|| scene.learners_to_drop(),
        &|| scene.voters_to_remove(),
        &|| scene.learners_to_promote(),
        &|| scene.newcomers(),
        &|| scene.hand_over(),
    ];
    for step in steps {
        let free = |change: &Change| !waiting.contains(&change.subject());
        if let Some(change) = step().into_iter().find(free) {
            return Some(change);
        }
        if outlook.joint {
            // Nothing else can be done before.
            return None;
        }
    }
    None
}

struct Scene<'a> {
    state: &'a State,
    outlook: &'a Outlook,
    /// The nodes that are to be managers, by Raft id.
    wanted: BTreeMap<u64, &'a Node>,
}

impl<'a> Scene<'a> {
    /// Nothing is decided by a leader that the state does not know: it was begun or restored a moment ago, and the change
    /// that names it is still to come.
    fn of(state: &'a State, outlook: &'a Outlook) -> Option<Self> {
        state.cluster()?;
        state.nodes().values().find(|node| node.raft_id == outlook.me)?;
        let wanted = state.nodes().values();
        let wanted = wanted.filter(|node| node.desired_role == Role::Manager && node.raft_id != 0);
        Some(Self {
            state,
            outlook,
            wanted: wanted.map(|node| (node.raft_id, node)).collect(),
        })
    }

    fn is_wanted(&self, raft_id: u64, peer: &Peer) -> bool {
        let node = self.wanted.get(&raft_id);
        node.is_some_and(|node| node.id.as_str() == peer.node_id)
    }

    /// Nodes whose work has changed, and the state does not say so yet.
    fn roles(&self) -> Vec<Change> {
        let set = |node: &Node| Change::SetRole {
            node: node.id.clone(),
            role: node.desired_role,
        };
        // A worker whose promotion was called off: Raft may have it all the same.
        let called_off = |node: &Node| node.desired_role == Role::Worker && node.is_in_raft();
        let arrived = |node: &&Node| match node.desired_role {
            Role::Manager => self.outlook.voters.contains_key(&node.raft_id),
            Role::Worker => self.outlook.member(node.raft_id).is_none(),
        };
        let nodes = self
            .state
            .nodes()
            .values()
            .filter(|node| node.role != node.desired_role || called_off(node));
        nodes.filter(arrived).map(set).collect()
    }

    fn arrivals(&self) -> Vec<Change> {
        let arrived = self.wanted.iter().filter(|(raft_id, node)| {
            !node.runs_tasks && node.state == NodeState::Unknown && self.outlook.voters.contains_key(raft_id)
        });
        arrived
            .map(|(_, node)| Change::Welcome { node: node.id.clone() })
            .collect()
    }

    fn addresses(&self) -> Vec<Change> {
        let moved = self.wanted.iter().filter_map(|(raft_id, node)| {
            let known = self.outlook.member(*raft_id)?;
            let moved = known.node_id == node.id.as_str() && known.address != node.address && !node.address.is_empty();
            moved.then(|| Change::Readdress {
                raft_id: *raft_id,
                peer: peer(node),
            })
        });
        moved.collect()
    }

    fn learners_to_drop(&self) -> Vec<Change> {
        let learners = self.outlook.learners.iter();
        let unwanted = learners.filter(|(raft_id, peer)| !self.is_wanted(**raft_id, peer));
        unwanted
            .map(|(raft_id, _)| Change::DropLearner { raft_id: *raft_id })
            .collect()
    }

    /// Never so many that the rest could decide nothing. The leader itself goes in another way.
    fn voters_to_remove(&self) -> Vec<Change> {
        let outlook = self.outlook;
        let unwanted = outlook.voters.iter().filter(|(raft_id, peer)| {
            **raft_id != outlook.me && !self.is_wanted(**raft_id, peer) && outlook.has_quorum(outlook.others(**raft_id))
        });
        unwanted
            .map(|(raft_id, _)| Change::RemoveVoter { raft_id: *raft_id })
            .collect()
    }

    fn learners_to_promote(&self) -> Vec<Change> {
        let outlook = self.outlook;
        let ready = outlook.learners.iter().filter(|(raft_id, peer)| {
            self.is_wanted(**raft_id, peer)
                && outlook.close.contains(raft_id)
                && outlook.answers(peer)
                && outlook.has_quorum(outlook.voters.values().chain([*peer]))
        });
        ready
            .map(|(raft_id, _)| Change::Promote { raft_id: *raft_id })
            .collect()
    }

    fn newcomers(&self) -> Vec<Change> {
        let absent = self
            .wanted
            .iter()
            .filter(|(raft_id, node)| self.outlook.member(**raft_id).is_none() && !node.address.is_empty());
        absent
            .map(|(raft_id, node)| Change::AddLearner {
                raft_id: *raft_id,
                peer: peer(node),
            })
            .collect()
    }

    fn hand_over(&self) -> Vec<Change> {
        let outlook = self.outlook;
        let goes = outlook
            .voters
            .get(&outlook.me)
            .is_some_and(|me| !self.is_wanted(outlook.me, me));
        let stays = |(raft_id, peer): (&u64, &Peer)| {
            *raft_id != outlook.me && self.is_wanted(*raft_id, peer) && outlook.answers(peer)
        };
        if goes && outlook.voters.iter().any(stays) {
            vec![Change::HandOver]
        } else {
            Vec::new()
        }
    }
}

fn peer(node: &Node) -> Peer {
    Peer {
        address: node.address.clone(),
        node_id: node.id.to_string(),
    }
}
