//! The rows of lists about who belongs to the cluster: nodes, operators, and the certificates of both.

use wardroom_api::v1::{Node, Operator};

use super::{Entry, field};
use crate::tui::model::Model;
use crate::tui::model::facts::{members, trust, words};
use crate::tui::model::filter::Fields;

/// Soonest to expire first; the root comes last by its life.
pub fn certificates(model: &Model) -> Vec<Entry<'_>> {
    let view = &model.cluster;
    let nodes = view.nodes.values().map(|node| Entry {
        key: (&node.id).into(),
        name: (&node.hostname).into(),
        at_ms: node.certificate_not_after_ms,
        problem: needs_renewal(
            model,
            (node.certificate_not_before_ms, node.certificate_not_after_ms),
            &node.certificate_issuer,
        ),
        fields: vec![field("kind", words::role(node.role()))],
        ..Entry::default()
    });
    let mut found: Vec<Entry<'_>> = nodes
        .chain(view.operators.values().map(|it| operator(model, it)))
        .collect();
    if let Some(cluster) = &view.cluster {
        let at_ms = cluster.root_not_after_ms;
        found.push(Entry {
            key: "root".into(),
            name: "root CA".into(),
            at_ms,
            problem: trust::is_expiring(model.now_ms, cluster.created_at_ms, at_ms),
            ..Entry::default()
        });
    }
    found.sort_by(|a, b| (a.at_ms, &a.name).cmp(&(b.at_ms, &b.name)));
    found
}

fn needs_renewal(model: &Model, (from, until): (i64, i64), issuer: &str) -> bool {
    trust::is_expiring(model.now_ms, from, until) || members::hangs_on_older_root(&model.cluster, issuer)
}

fn operator<'a>(model: &Model, operator: &'a Operator) -> Entry<'a> {
    let life = (operator.certificate_not_before_ms, operator.certificate_not_after_ms);
    Entry {
        key: (&operator.id).into(),
        name: (&operator.name).into(),
        at_ms: operator.certificate_not_after_ms,
        state: members::operator_role(operator).into(),
        problem: needs_renewal(model, life, &operator.certificate_issuer),
        fields: vec![
            field("role", members::operator_role(operator)),
            field("kind", members::operator_role(operator)),
            field("by", &operator.created_by),
        ],
    }
}

/// By name.
pub fn operators(model: &Model) -> Vec<Entry<'_>> {
    let mut found: Vec<Entry<'_>> = model.cluster.operators.values().map(|it| operator(model, it)).collect();
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

/// Managers first, each group by name.
pub fn nodes<'a>(model: &'a Model, filtered: bool) -> Vec<Entry<'a>> {
    let view = &model.cluster;
    let mut nodes: Vec<_> = view.nodes.values().collect();
    nodes.sort_by(|a, b| (a.role, &a.hostname).cmp(&(b.role, &b.hostname)));
    let fields = |node: &Node| {
        let mut fields: Fields = node
            .labels
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        fields.extend([
            field("role", words::role(node.role())),
            field("availability", words::availability(node.availability())),
            field("manager", members::standing(view, node)),
            field("version", &node.version),
        ]);
        fields
    };
    let entry = |node: &'a Node| {
        let state = words::node_state(node);
        let standing = members::standing(view, node);
        Entry {
            key: (&node.id).into(),
            name: (&node.hostname).into(),
            at_ms: node.state_since_ms,
            state: state.into(),
            problem: state.ends_with('!') || standing.ends_with('!'),
            fields: if filtered { fields(node) } else { Vec::new() },
        }
    };
    nodes.into_iter().map(entry).collect()
}
