//! How are the managers? Who leads, who answers, how far each one's log is behind the leader's.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Election, ManagerStatus, Node, Role};

use super::members;

/// Entries behind the leader from which on a manager needs attention.
pub const LAG_NOTED: u64 = 100;

/// One manager as the screens show it; the status is missing while it has not said anything.
#[derive(Clone, Copy, Debug)]
pub struct Manager<'a> {
    pub node: &'a Node,
    pub status: Option<&'a ManagerStatus>,
    /// Why it does not answer.
    pub lost: Option<&'a str>,
    /// Entries of the leader's log that it is known to have; `None` for the leader and where nobody says.
    pub matched: Option<u64>,
    /// Entries behind the leader.
    pub lag: u64,
    /// It has no vote yet: it copies the log, or is about to.
    pub learns: bool,
}

impl Manager<'_> {
    pub fn answers(&self) -> bool {
        self.lost.is_none() && self.status.is_some()
    }

    pub fn leads(&self) -> bool {
        self.lost.is_none() && self.status.is_some_and(|status| status.role == "leader")
    }

    pub fn reach(&self) -> &'static str {
        match (self.lost, self.status) {
            (Some(_), _) => "LOST !",
            (None, Some(_)) => "ok",
            (None, None) => "unknown",
        }
    }
}

/// The managers and those that are becoming one; by hostname, the leader first.
pub fn managers(view: &ClusterView) -> Vec<Manager<'_>> {
    let leader = view.leader();
    let mut found: Vec<Manager<'_>> = view
        .nodes
        .values()
        .filter(|node| node.role() == Role::Manager || learns(view, node))
        .map(|node| {
            let status = view.managers.get(&node.id);
            let matched = leader
                .filter(|leader| leader.node_id != node.id)
                .and_then(|leader| leader.followers.iter().find(|follower| follower.node_id == node.id))
                .map(|follower| follower.matched);
            let last = leader.map_or(0, |leader| leader.last_index);
            let has = matched.or(status.map(|status| status.last_index)).unwrap_or(last);
            let silent = view.lost_managers.get(&node.id).map(String::as_str);
            Manager {
                node,
                status,
                lost: silent,
                matched,
                lag: last.saturating_sub(has),
                learns: learns(view, node),
            }
        })
        .collect();
    found.sort_by(|a, b| (!a.leads(), &a.node.hostname).cmp(&(!b.leads(), &b.node.hostname)));
    found
}

/// Whether it is on its way to be a manager. Its certificate may be a manager's already; until it speaks for itself, the
/// leader's list of those who get the log tells.
pub fn learns(view: &ClusterView, node: &Node) -> bool {
    if members::desired_role(node) != Role::Manager {
        return false;
    }
    match view.managers.get(&node.id) {
        // Before it has heard of anybody, every manager calls itself so.
        Some(status) => status.role == "learner" && status.term > 0,
        None if view.lost_managers.contains_key(&node.id) => false,
        None => view.leader().is_some_and(|leader| {
            let gets_the_log = leader.followers.iter().any(|follower| follower.node_id == node.id);
            leader.node_id != node.id && !gets_the_log
        }),
    }
}

/// The elections that are known, oldest first: by the leader's word, or while there is none by that of whoever knows the
/// latest.
pub fn elections(view: &ClusterView) -> &[Election] {
    let latest = |status: &&ManagerStatus| status.elections.last().map_or(0, |election| election.at_ms);
    let witness = view.leader().or_else(|| view.managers.values().max_by_key(latest));
    witness.map_or(&[], |status| &status.elections)
}

/// How many managers have a vote, how many answer, and whether that is enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quorum {
    pub members: usize,
    pub answering: usize,
    pub has_leader: bool,
}

impl Quorum {
    pub fn of(view: &ClusterView) -> Self {
        let mut managers = managers(view);
        managers.retain(|manager| !manager.learns);
        let answering = managers.iter().filter(|manager| manager.answers()).count();
        Self {
            members: managers.len(),
            answering,
            has_leader: view.leader().is_some(),
        }
    }

    pub fn holds(self) -> bool {
        self.has_leader && self.answering * 2 > self.members
    }

    /// Managers that may still fail.
    pub fn tolerates(self) -> usize {
        self.answering.saturating_sub(self.members / 2 + 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_api::v1::Follower;

    fn view() -> ClusterView {
        let mut view = ClusterView::default();
        for id in ["a", "b"] {
            let node = Node {
                id: id.into(),
                role: Role::Manager.into(),
                ..Default::default()
            };
            view.nodes.insert(id.into(), node);
        }
        let status = ManagerStatus {
            node_id: "a".into(),
            role: "leader".into(),
            ..Default::default()
        };
        view.managers.insert("a".into(), status);
        view
    }

    #[test]
    fn who_has_no_vote_yet_does_not_cost_the_quorum() {
        let mut view = view();
        assert_eq!(
            Quorum::of(&view).members,
            1,
            "b has a manager's certificate and nothing else"
        );
        assert!(Quorum::of(&view).holds());
        if let Some(leader) = view.managers.get_mut("a") {
            leader.followers.push(Follower {
                node_id: "b".into(),
                ..Default::default()
            });
        }
        assert_eq!(Quorum::of(&view).members, 2);
        assert!(
            !Quorum::of(&view).holds(),
            "a manager that was never heard counts against it"
        );
    }

    #[test]
    fn a_manager_that_has_only_just_started_counts() {
        let mut view = view();
        let mut status = ManagerStatus {
            node_id: "b".into(),
            role: "learner".into(),
            ..Default::default()
        };
        view.managers.insert("b".into(), status.clone());
        assert_eq!(Quorum::of(&view).members, 2);
        status.term = 3;
        view.managers.insert("b".into(), status);
        assert_eq!(Quorum::of(&view).members, 1, "it gets the leader's log without a vote");
    }

    #[test]
    fn a_lost_manager_counts() {
        let mut view = view();
        view.lost_managers.insert("b".into(), "no answer".into());
        assert_eq!((Quorum::of(&view).members, Quorum::of(&view).holds()), (2, false));
    }
}
