//! What do the root CA, the roots before it, the certificates and the join tokens protect, and when do they end?

use wardroom_api::ClusterView;
use wardroom_api::v1::{Cluster, Role};

use super::keys::{Fact, fact};
use crate::tui::model::facts::{keys, members, time, words};

pub fn root(now_ms: i64, cluster: &Cluster) -> Vec<Fact> {
    let left = time::left(now_ms, cluster.root_not_after_ms);
    let remaining = members::remaining_on_older_roots(cluster);
    let mut found = vec![
        fact("protects", "who may join, speak and command"),
        fact("sha256", cluster.root_fingerprint.clone()),
        fact("ends", format!("{} ({left})", time::date(cluster.root_not_after_ms))),
    ];
    if remaining > 0 {
        let hang = words::count(remaining as usize, "certificate");
        found.push(fact("moves", format!("{hang} still on an older root !")));
    }
    found.push(fact("key", "in the state, under the sealing root"));
    found.push(fact("may", "shift-r rotate: nobody is cut off"));
    found
}

pub fn retiring(view: &ClusterView, now_ms: i64, fingerprint: &str) -> Vec<Fact> {
    let roots = view.cluster.iter().flat_map(|cluster| &cluster.retiring);
    let Some(root) = roots.into_iter().find(|root| root.fingerprint == fingerprint) else {
        return Vec::new();
    };
    let hang = |issuer: &str| issuer == fingerprint;
    let nodes = view.nodes.values().filter(|node| hang(&node.certificate_issuer));
    let operators = view.operators.values().filter(|it| hang(&it.certificate_issuer));
    let mut names: Vec<&str> = nodes.map(|node| node.hostname.as_str()).collect();
    names.sort_unstable();
    names.extend(operators.map(|it| it.name.as_str()));
    vec![
        fact("sha256", fingerprint),
        fact("replaced", format!("{} ago", time::age(now_ms, root.since_ms))),
        fact("hang on", format!("{}: {} !", root.remaining, names.join(", "))),
        fact("ends", "with the last certificate under it"),
        fact("may", "o operators: those are added anew"),
    ]
}

pub fn certificates(view: &ClusterView, now_ms: i64) -> Vec<Fact> {
    let (number, first) = keys::certificates(view);
    let mark = if keys::certificates_expiring(view, now_ms) > 0 {
        " !"
    } else {
        ""
    };
    let life = view.cluster.as_ref().map_or(0, |cluster| cluster.certificate_life_ms);
    let mut found = vec![
        fact("protects", "each member's own identity"),
        fact("number", number.to_string()),
        fact("first", format!("ends in {}{mark}", time::left(now_ms, first))),
    ];
    if life > 0 {
        let life = time::span(i64::try_from(life).unwrap_or(i64::MAX));
        found.push(fact("renewal", format!("by itself at 50-80 % of {life}")));
    }
    found.push(fact("may", "tab to the list, soonest first"));
    found
}

pub fn token(view: &ClusterView, now_ms: i64, role: Role) -> Vec<Fact> {
    let Some(token) = members::join_token(view, role) else {
        return Vec::new();
    };
    let who = if role == Role::Manager { "manager" } else { "worker" };
    let ends = match token.expires_at_ms {
        0 => "never".to_owned(),
        at if at <= now_ms => "expired !".to_owned(),
        at => format!("in {}", time::left(now_ms, at)),
    };
    let uses = match token.max_uses {
        0 => words::count(token.uses as usize, "join"),
        most if token.uses >= most => format!("{} of {most} joins, used up !", token.uses),
        most => format!("{} of {most} joins", token.uses),
    };
    vec![
        fact("protects", format!("who joins as a {who}")),
        fact("age", time::age(now_ms, token.created_at_ms)),
        fact("ends", ends),
        fact("uses", uses),
        fact("stored", "in the state, under the sealing root"),
        fact("may", "r rotate  t how a machine joins"),
    ]
}
