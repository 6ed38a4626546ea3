//! Which nodes may take a service's tasks? What the scheduler decides, read from a view: only to know how many tasks a
//! global service will have. The manager judges constraints; one that is not understood here counts as fulfilled.

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, Availability, NodeState, Role};

use crate::cli::words;

/// Nodes that run tasks, are there, take new ones, and meet the constraints.
pub fn nodes<'a>(view: &'a ClusterView, spec: &'a v1::ServiceSpec) -> impl Iterator<Item = &'a v1::Node> {
    view.nodes.values().filter(|node| {
        // A worker of an older manager does not say that it runs tasks.
        (node.runs_tasks || node.role() == Role::Worker)
            && node.state() == NodeState::Ready
            && node.availability() == Availability::Active
            && spec.constraints.iter().all(|constraint| is_met(constraint, node))
    })
}

fn is_met(constraint: &str, node: &v1::Node) -> bool {
    let unequal = constraint.find("!=").unwrap_or(usize::MAX);
    let equal = constraint.find("==").unwrap_or(usize::MAX);
    let at = unequal.min(equal);
    let Some((key, value)) = constraint.get(..at).zip(constraint.get(at.saturating_add(2)..)) else {
        return true;
    };
    let actual = match key.trim() {
        "node.id" => node.id.as_str(),
        "node.hostname" => node.hostname.as_str(),
        "node.role" => words::role(node.role),
        key => match key.strip_prefix("node.labels.") {
            Some(label) => node.labels.get(label).map_or("", String::as_str),
            None => return true,
        },
    };
    glob(&value.trim().to_lowercase(), &actual.to_lowercase()) == (equal < unequal)
}

/// `*` stands for any text.
fn glob(pattern: &str, text: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == text,
        Some((start, rest)) => text.strip_prefix(start).is_some_and(|text| {
            text.char_indices()
                .map(|(at, _)| at)
                .chain([text.len()])
                .any(|at| glob(rest, &text[at..]))
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn node(id: &str, role: Role, zone: &str) -> v1::Node {
        v1::Node {
            id: id.into(),
            hostname: format!("host-{id}"),
            role: role.into(),
            runs_tasks: true,
            state: NodeState::Ready.into(),
            availability: Availability::Active.into(),
            labels: BTreeMap::from([("zone".to_owned(), zone.to_owned())]),
            ..v1::Node::default()
        }
    }

    #[test]
    fn constraints_are_read_as_docker_writes_them() {
        let node = node("a", Role::Worker, "eu-west");
        for met in [
            "node.role==worker",
            "node.role == Worker",
            "node.role!=manager",
            "node.hostname==host-*",
            "node.labels.zone==eu*w*",
            "node.labels.zone!=us-*",
            "node.labels.none!=x",
            "node.id==a",
            "engine.labels.x==y",
        ] {
            assert!(is_met(met, &node), "{met}");
        }
        for unmet in [
            "node.role!=worker",
            "node.hostname==host",
            "node.labels.zone==eu",
            "node.labels.none==x",
            "node.id==b",
        ] {
            assert!(!is_met(unmet, &node), "{unmet}");
        }
    }

    #[test]
    fn only_nodes_that_take_tasks_count() {
        let mut view = ClusterView::default();
        let mut add = |node: v1::Node| view.nodes.insert(node.id.clone(), node);
        add(node("m", Role::Manager, ""));
        add(node("w", Role::Worker, ""));
        add(v1::Node {
            availability: Availability::Drain.into(),
            ..node("drained", Role::Worker, "")
        });
        add(v1::Node {
            state: NodeState::Down.into(),
            ..node("down", Role::Worker, "")
        });
        add(v1::Node {
            runs_tasks: false,
            ..node("console", Role::Manager, "")
        });
        let spec = |constraints: &[&str]| v1::ServiceSpec {
            constraints: constraints.iter().map(|&text| text.to_owned()).collect(),
            ..v1::ServiceSpec::default()
        };
        assert_eq!(nodes(&view, &spec(&[])).count(), 2);
        assert_eq!(nodes(&view, &spec(&["node.role==manager"])).count(), 1);
    }
}
