//! What about trust needs attention? Certificates near their end, roots that are being replaced, tokens that are old or
//! open to many.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Cluster, Role};

use super::attention::Note;
use super::{members, time, words};
use crate::tui::model::place::Place;

const DAY_MS: i64 = 86_400_000;
/// From this age on a manager token that was never exchanged is noted: it admits to everything.
const MANAGER_TOKEN_OLD_MS: i64 = 90 * DAY_MS;
/// So many joins by one token that has no limit are worth a look.
const MANY_USES: u32 = 100;

/// Notes what is so.
pub fn note(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    certificates(view, now_ms, note);
    if let Some(cluster) = &view.cluster {
        roots(view, cluster, now_ms, note);
        tokens(view, now_ms, note);
    }
}

/// A certificate needs attention in the last tenth of its life: renewal is due long before.
pub fn is_expiring(now_ms: i64, not_before_ms: i64, not_after_ms: i64) -> bool {
    let life = not_after_ms.saturating_sub(not_before_ms);
    not_after_ms > 0 && not_after_ms.saturating_sub(now_ms) < life / 10
}

fn certificates(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    let mut ends = |key: String, whose: &str, (from, until): (i64, i64), action, place| {
        if is_expiring(now_ms, from, until) {
            let left = time::left(now_ms, until);
            let end = if left == "expired" {
                "has expired".to_owned()
            } else {
                format!("expires in {left}")
            };
            note(key, format!("the certificate of {whose} {end}"), action, place);
        }
    };
    for node in view.nodes.values() {
        let life = (node.certificate_not_before_ms, node.certificate_not_after_ms);
        ends(
            format!("certificate/{}", node.id),
            &node.hostname,
            life,
            "keys",
            Place::Keys,
        );
    }
    for operator in view.operators.values() {
        let whose = format!("{} {}", members::operator_role(operator), operator.name);
        let life = (operator.certificate_not_before_ms, operator.certificate_not_after_ms);
        let key = format!("certificate/{}", operator.id);
        ends(key, &whose, life, "operators", Place::Operators);
    }
    if let Some(cluster) = &view.cluster {
        let life = (cluster.created_at_ms, cluster.root_not_after_ms);
        ends("certificate/root".into(), "the root", life, "keys", Place::Keys);
    }
}

fn roots(view: &ClusterView, cluster: &Cluster, now_ms: i64, note: &mut Note<'_>) {
    let remaining = members::remaining_on_older_roots(cluster);
    if remaining == 0 {
        return;
    }
    let since = cluster.retiring.iter().map(|root| root.since_ms).min().unwrap_or(0);
    let age = time::age(now_ms, since);
    let nodes = members::on_older_root(view);
    if nodes.is_empty() {
        let operators = words::count(usize::try_from(remaining).unwrap_or(usize::MAX), "operator");
        let text = format!("{operators} still on an older root, replaced {age} ago: add them anew");
        note("root".into(), text, "operators", Place::Operators);
        return;
    }
    let mut text = format!(
        "{} still on an older root, replaced {age} ago",
        words::count(nodes.len(), "node")
    );
    let down: Vec<&str> = nodes
        .into_iter()
        .filter(|node| members::is_down(node))
        .map(|node| node.hostname.as_str())
        .collect();
    if !down.is_empty() {
        text = format!("{text}; down: {}", down.join(", "));
    }
    note("root".into(), text, "keys", Place::Keys);
}

fn tokens(view: &ClusterView, now_ms: i64, note: &mut Note<'_>) {
    if let Some(facts) = members::join_token(view, Role::Manager) {
        let age = now_ms.saturating_sub(facts.created_at_ms);
        if facts.created_at_ms > 0 && age > MANAGER_TOKEN_OLD_MS && facts.expires_at_ms == 0 {
            let text = format!("the manager join token is {} old: rotate it", time::span(age));
            note("token/manager".into(), text, "nodes", Place::Nodes);
        }
    }
    if let Some(facts) = members::join_token(view, Role::Worker)
        && facts.max_uses == 0
        && facts.uses >= MANY_USES
    {
        let text = format!("the worker join token was used {} times and has no limit", facts.uses);
        note("token/worker".into(), text, "nodes", Place::Nodes);
    }
}
