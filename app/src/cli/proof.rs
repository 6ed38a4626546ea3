//! Who has proved what about a version, and who is still silent? Read from a view of the cluster.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, HoldingState};

use crate::cli::{holders, words};

/// The tasks that should hold a version, as `web.1 on worker-1`.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Proof {
    pub proven: Vec<String>,
    pub waiting: Vec<String>,
    hosts: BTreeSet<String>,
}

impl Proof {
    /// `proven in 4 tasks on worker-1, worker-2`.
    pub fn proven_text(&self) -> String {
        if self.proven.is_empty() && self.waiting.is_empty() {
            return "no task holds it".to_owned();
        }
        let hosts: Vec<&str> = self.hosts.iter().map(String::as_str).collect();
        format!(
            "proven in {} on {}",
            words::count(self.proven.len(), "task"),
            hosts.join(", ")
        )
    }

    /// Who has not answered.
    pub fn waiting_text(&self) -> String {
        if self.waiting.is_empty() {
            return "its tasks are still being placed".to_owned();
        }
        format!("waiting for {}", self.waiting.join(", "))
    }
}

/// What is known about one version of a secret.
pub fn of_version(view: &ClusterView, secret_id: &str, version: u32) -> Proof {
    let hosts = hostnames(view);
    let mut proof = Proof::default();
    for holding in view
        .holdings_of_secret(secret_id)
        .filter(|holding| holding.version == version)
    {
        let place = place(holding, &hosts);
        match holding.state() {
            HoldingState::Present if holding.proven => {
                proof
                    .hosts
                    .insert(holders::hostname(&hosts, &holding.node_id).to_owned());
                proof.proven.push(place);
            }
            HoldingState::Erased => {}
            _ => proof.waiting.push(place),
        }
    }
    proof
}

/// `web.1 on worker-1` for each, in order, once.
pub fn places<'a>(holdings: impl Iterator<Item = &'a v1::Holding>, hosts: &BTreeMap<String, String>) -> Vec<String> {
    let places: BTreeSet<String> = holdings.map(|holding| place(holding, hosts)).collect();
    places.into_iter().collect()
}

fn place(holding: &v1::Holding, hosts: &BTreeMap<String, String>) -> String {
    let task = if holding.task_name.is_empty() {
        &holding.task_id
    } else {
        &holding.task_name
    };
    format!("{task} on {}", holders::hostname(hosts, &holding.node_id))
}

/// Hostnames by node id.
pub fn hostnames(view: &ClusterView) -> BTreeMap<String, String> {
    view.nodes
        .values()
        .map(|node| (node.id.clone(), node.hostname.clone()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(holdings: &[(&str, &str, HoldingState, bool)]) -> ClusterView {
        let mut view = ClusterView::default();
        for (index, (node, task, state, proven)) in holdings.iter().enumerate() {
            let holding = v1::Holding {
                node_id: (*node).into(),
                task_id: index.to_string(),
                task_name: (*task).into(),
                secret_id: "s".into(),
                version: 2,
                target: "db".into(),
                state: (*state).into(),
                proven: *proven,
                ..v1::Holding::default()
            };
            view.holdings.insert(holding.id(), holding);
            view.nodes.insert(
                (*node).into(),
                v1::Node {
                    id: (*node).into(),
                    hostname: format!("host-{node}"),
                    ..v1::Node::default()
                },
            );
        }
        view
    }

    #[test]
    fn only_a_matching_receipt_is_proof() {
        let view = view(&[
            ("a", "web.1", HoldingState::Present, true),
            ("b", "web.2", HoldingState::Present, false),
            ("b", "web.3", HoldingState::Pending, false),
            ("a", "web.0", HoldingState::Erased, false),
        ]);
        let proof = of_version(&view, "s", 2);
        assert_eq!(proof.proven, ["web.1 on host-a"]);
        assert_eq!(proof.waiting, ["web.2 on host-b", "web.3 on host-b"]);
        assert_eq!(proof.proven_text(), "proven in 1 task on host-a");
        assert_eq!(proof.waiting_text(), "waiting for web.2 on host-b, web.3 on host-b");
    }

    #[test]
    fn a_secret_that_nobody_uses_is_proven_at_once() {
        assert_eq!(of_version(&view(&[]), "s", 2).proven_text(), "no task holds it");
    }
}
