//! Who belongs to the cluster, and by what? Roles on their way, what a manager is to the others, the roots that
//! certificates hang on, join tokens.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Cluster, JoinTokenFacts, Node, NodeState, Operator, OperatorRole, Role};

use super::{managers, words};

/// The role that the cluster wants the node to have; older managers say only the one it has.
pub fn desired_role(node: &Node) -> Role {
    match node.desired_role() {
        Role::Unspecified => node.role(),
        desired => desired,
    }
}

/// Whether a promotion or demotion of it is under way.
pub fn is_changing(node: &Node) -> bool {
    desired_role(node) != node.role()
}

/// `worker`, or `worker -> manager` while it is on its way.
pub fn role_words(node: &Node, arrow: &str) -> String {
    let role = words::role(node.role());
    if is_changing(node) {
        format!("{role} {arrow} {}", words::role(desired_role(node)))
    } else {
        role.to_owned()
    }
}

/// What the node is among the managers; `-` for one that is none.
pub fn standing(view: &ClusterView, node: &Node) -> &'static str {
    let status = view.managers.get(&node.id);
    let silent = view.lost_managers.contains_key(&node.id);
    let is_manager = node.role() == Role::Manager;
    match status {
        _ if !is_manager && desired_role(node) != Role::Manager => "-",
        _ if silent && is_manager => "Unreachable !",
        Some(status) if status.role == "learner" && !silent => "learner",
        Some(status) if status.role == "leader" && is_manager => "Leader",
        Some(_) if is_manager => "Reachable",
        None if is_manager && !managers::learns(view, node) => "unknown",
        _ => "waiting",
    }
}

/// Whether a certificate of that issuer hangs on a root that is being replaced. Unknown issuers do not count.
pub fn hangs_on_older_root(view: &ClusterView, issuer: &str) -> bool {
    let current = view.cluster.as_ref().map_or("", |cluster| &cluster.root_fingerprint);
    !issuer.is_empty() && !current.is_empty() && issuer != current
}

/// The nodes whose certificate hangs on an older root, by name.
pub fn on_older_root(view: &ClusterView) -> Vec<&Node> {
    let older = |node: &&Node| hangs_on_older_root(view, &node.certificate_issuer);
    let mut nodes: Vec<&Node> = view.nodes.values().filter(older).collect();
    nodes.sort_by(|a, b| a.hostname.cmp(&b.hostname));
    nodes
}

/// Certificates that hang on roots which are being replaced, by the managers' own count.
pub fn remaining_on_older_roots(cluster: &Cluster) -> u32 {
    cluster.retiring.iter().map(|root| root.remaining).sum()
}

pub fn is_down(node: &Node) -> bool {
    node.state() == NodeState::Down
}

/// What is known of the token by which nodes of that role join.
pub fn join_token(view: &ClusterView, role: Role) -> Option<&JoinTokenFacts> {
    let cluster = view.cluster.as_ref()?;
    cluster.join_tokens.iter().find(|facts| facts.role() == role)
}

/// Where a new machine joins, `host:port`: the leader, otherwise any manager that answers.
pub fn join_address(view: &ClusterView) -> Option<&str> {
    let address_of = |id: &str| {
        let node = view.nodes.get(id)?;
        Some(node.address.as_str()).filter(|address| !address.is_empty())
    };
    let leader = view.leader().and_then(|leader| address_of(&leader.node_id));
    let answering = || {
        let ids = view.managers.keys().filter(|id| !view.lost_managers.contains_key(*id));
        ids.into_iter().find_map(|id| address_of(id))
    };
    leader.or_else(answering)
}

pub fn operator_role(operator: &Operator) -> &'static str {
    match operator.role() {
        OperatorRole::Viewer => "viewer",
        OperatorRole::Operator => "operator",
        OperatorRole::Admin => "admin",
        OperatorRole::Unspecified => "-",
    }
}

/// What the cluster is called where its name has to be typed.
pub fn cluster_name(view: &ClusterView) -> String {
    let Some(cluster) = &view.cluster else {
        return "cluster".to_owned();
    };
    if cluster.name.is_empty() {
        cluster.id.clone()
    } else {
        cluster.name.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use wardroom_api::v1::ManagerStatus;

    fn node(role: Role, desired: Role) -> Node {
        Node {
            id: "n".into(),
            role: role.into(),
            desired_role: desired.into(),
            ..Default::default()
        }
    }

    fn heard(role: &str) -> ClusterView {
        let mut view = ClusterView::default();
        let status = ManagerStatus {
            node_id: "n".into(),
            role: role.into(),
            ..Default::default()
        };
        view.managers.insert("n".into(), status);
        view
    }

    #[test]
    fn a_role_on_its_way_shows_both_ends() {
        assert_eq!(
            role_words(&node(Role::Worker, Role::Manager), "->"),
            "worker -> manager"
        );
        assert_eq!(role_words(&node(Role::Manager, Role::Unspecified), "->"), "manager");
    }

    #[test]
    fn standing_follows_what_the_managers_say() {
        let manager = node(Role::Manager, Role::Manager);
        let promoted = node(Role::Worker, Role::Manager);
        assert_eq!(standing(&heard("leader"), &manager), "Leader");
        assert_eq!(standing(&heard("follower"), &manager), "Reachable");
        assert_eq!(standing(&heard("learner"), &manager), "learner");
        assert_eq!(standing(&ClusterView::default(), &manager), "unknown");
        assert_eq!(standing(&heard("learner"), &promoted), "learner");
        assert_eq!(standing(&ClusterView::default(), &promoted), "waiting");
        assert_eq!(standing(&heard("leader"), &node(Role::Worker, Role::Worker)), "-");
        let mut silent = heard("follower");
        silent.lost_managers.insert("n".into(), "no answer".into());
        assert_eq!(standing(&silent, &manager), "Unreachable !");
    }

    #[test]
    fn only_known_issuers_are_older() {
        let mut view = ClusterView {
            cluster: Some(Cluster {
                root_fingerprint: "new".into(),
                ..Default::default()
            }),
            ..Default::default()
        };
        assert!(hangs_on_older_root(&view, "old"));
        assert!(!hangs_on_older_root(&view, "new") && !hangs_on_older_root(&view, ""));
        view.cluster = None;
        assert!(!hangs_on_older_root(&view, "old"));
    }
}
