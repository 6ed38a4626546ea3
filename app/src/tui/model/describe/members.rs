//! What is known of a node, and of an operator?

use wardroom_api::ClusterView;
use wardroom_api::v1::{Node, Operator};

use super::{labels, line};
use crate::tui::model::facts::{members, time, words};

fn root(view: &ClusterView, issuer: &str) -> String {
    match issuer {
        "" => "-".to_owned(),
        _ if members::hangs_on_older_root(view, issuer) => format!("{issuer} (an older root)"),
        _ => format!("{issuer} (the current root)"),
    }
}

pub fn node(view: &ClusterView, node: &Node) -> Vec<String> {
    let mut lines = vec![
        line("hostname", &node.hostname),
        line("id", &node.id),
        line("role", words::role(node.role())),
        line("desired_role", words::role(members::desired_role(node))),
        line("manager_status", members::standing(view, node)),
        line("state", words::node_state(node)),
        line("availability", words::availability(node.availability())),
        line("message", &node.message),
        line("since", time::date(node.state_since_ms)),
        line("address", &node.address),
        line("raft_id", node.raft_id),
        line("runs_tasks", node.runs_tasks),
        line("version", &node.version),
        line("joined", time::date(node.created_at_ms)),
        line("certificate", &node.certificate_fingerprint),
        line("certificate_from", time::date(node.certificate_not_before_ms)),
        line("certificate_until", time::date(node.certificate_not_after_ms)),
        line("certificate_root", root(view, &node.certificate_issuer)),
    ];
    lines.extend(labels(&node.labels));
    lines
}

pub fn operator(view: &ClusterView, operator: &Operator) -> Vec<String> {
    vec![
        line("name", &operator.name),
        line("id", &operator.id),
        line("role", members::operator_role(operator)),
        line(
            "created",
            format!("{} by {}", time::date(operator.created_at_ms), operator.created_by),
        ),
        line("certificate", &operator.certificate_fingerprint),
        line("certificate_from", time::date(operator.certificate_not_before_ms)),
        line("certificate_until", time::date(operator.certificate_not_after_ms)),
        line("certificate_root", root(view, &operator.certificate_issuer)),
    ]
}
