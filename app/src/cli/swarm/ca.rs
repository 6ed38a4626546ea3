//! `wardroom swarm ca`: the root of all trust, and its rotation until every node that is up has a certificate of the
//! new one. Nodes that are down do not hold it up: they are named, and follow when they come back.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, NodeState};
use wardroom_api::{ClusterView, FeedEvent, WatchFeed};
use wardroom_ca::key_id_of;

use crate::cli::arguments::SwarmCa;
use crate::cli::session::Session;
use crate::cli::{duration, plan, when};
use crate::report::Report;

const WATCHED: &[Kind] = &[Kind::Cluster, Kind::Node, Kind::Operator];

pub async fn run(ca: &SwarmCa, session: &mut Session) -> Result<(), Report> {
    check(ca)?;
    if !ca.rotate {
        return show(session).await;
    }
    if ca.asking.plan {
        let plan = rotate(ca, true, String::new(), session).await?.plan.unwrap_or_default();
        return plan::show(&plan, session);
    }
    let mut basis = String::new();
    if plan::may_ask(ca.asking.yes) {
        let plan = rotate(ca, true, String::new(), session).await?.plan.unwrap_or_default();
        let name = session.cluster().await?.name;
        basis = plan::ask(&plan, &name, "rotate the root of", session)?;
    }
    let answer = rotate(ca, false, basis, session).await?;
    if ca.detach {
        session
            .output
            .note("note: nodes follow one after another; `wardroom swarm ca --format json` tells how many are left");
        return finish(ca, &answer, None, session);
    }
    let progress = follow(ca, &answer, session).await;
    finish(ca, &answer, Some(&progress), session)
}

/// Docker's refusal of an option that does nothing without the other.
fn check(ca: &SwarmCa) -> Result<(), Report> {
    if ca.rotate || (ca.cert_expiry.is_none() && !ca.asking.plan) {
        return Ok(());
    }
    let flag = if ca.asking.plan { "--plan" } else { "--cert-expiry" };
    Err(
        Report::usage(format!("`{flag}` flag requires the `--rotate` flag to update the CA"))
            .hint("to change the life of certificates without a new root, use `wardroom swarm update --cert-expiry`"),
    )
}

async fn show(session: &mut Session) -> Result<(), Report> {
    let cluster = session.cluster().await?;
    if session.output.is_json() {
        return session.output.json(&root_json(&cluster));
    }
    session.output.text(&pem_text(&cluster.root_certificate))
}

/// PEM is letters, digits and dashes; anything else in it is not for a terminal.
fn pem_text(pem: &str) -> String {
    format!("{}\n", crate::text::clean_lines(pem.trim_end()))
}

fn root_json(cluster: &v1::Cluster) -> Value {
    let retiring = |root: &v1::RetiringRoot| {
        let since = when::rfc3339(root.since_ms);
        json!({ "fingerprint": root.fingerprint, "since": since, "remaining": root.remaining })
    };
    json!({
        "fingerprint": cluster.root_fingerprint,
        "certificate": cluster.root_certificate,
        "not_after": when::rfc3339(cluster.root_not_after_ms),
        "certificate_life_ms": cluster.certificate_life_ms,
        "retiring": cluster.retiring.iter().map(retiring).collect::<Value>(),
    })
}

async fn rotate(
    ca: &SwarmCa,
    plan_only: bool,
    plan_basis: String,
    session: &Session,
) -> Result<v1::RotateRootResponse, Report> {
    let message = v1::RotateRootRequest {
        plan_only,
        plan_basis,
        certificate_life_ms: ca.cert_expiry.map(duration::millis),
    };
    let rotated = session.call(message, |mut control, request| async move {
        control.rotate_root(request).await
    });
    Ok(rotated.await?)
}

/// How far a rotation is, by hostname.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Progress {
    renewed: usize,
    /// Up, and still with a certificate of an older root.
    waiting: Vec<String>,
    /// Not up; they follow when they come back.
    down: Vec<String>,
    operators: usize,
}

impl Progress {
    /// `issuers`: what a certificate of the new root may name as its issuer.
    fn of(view: &ClusterView, issuers: &[String]) -> Self {
        let is_new = |issuer: &String| issuers.contains(issuer);
        let mut progress = Self::default();
        for node in view.nodes.values() {
            if is_new(&node.certificate_issuer) {
                progress.renewed += 1;
            } else if node.state() == NodeState::Ready {
                progress.waiting.push(node.hostname.clone());
            } else {
                progress.down.push(node.hostname.clone());
            }
        }
        let operators = view.operators.values();
        progress.operators = operators
            .filter(|operator| !is_new(&operator.certificate_issuer))
            .count();
        progress.waiting.sort();
        progress.down.sort();
        progress
    }

    fn text(&self) -> String {
        let all = self.renewed + self.waiting.len() + self.down.len();
        let mut parts = vec![format!("rotated TLS certificates: {}/{all} nodes", self.renewed)];
        for (word, names) in [("waiting for ", &self.waiting), ("down: ", &self.down)] {
            if !names.is_empty() {
                parts.push(format!("{word}{}", abbreviated(names)));
            }
        }
        parts.join(", ")
    }
}

/// The first few names.
fn abbreviated(names: &[String]) -> String {
    const MOST: usize = 4;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// Watches until every node that is up has a certificate of the new root. Ends only with that, or with the program: the
/// rotation goes on by itself either way.
async fn follow(ca: &SwarmCa, made: &v1::RotateRootResponse, session: &mut Session) -> Progress {
    let mut issuers = vec![made.fingerprint.clone()];
    issuers.extend(key_id_of(&made.root_certificate));
    if !ca.quiet {
        session
            .output
            .note(&format!("desired root digest: sha256:{}", made.fingerprint));
        session
            .output
            .note("note: it goes on by itself; control-C ends only this command");
    }
    let mut feed = WatchFeed::new(session.client.clone(), WATCHED, false);
    let mut view = ClusterView::default();
    let mut shown = None;
    loop {
        let message = match feed.event().await {
            FeedEvent::Message(message) => message,
            FeedEvent::Connected => continue,
            FeedEvent::Lost(reason) => {
                session.output.note(&format!("note: {reason}; trying again"));
                shown = None;
                continue;
            }
        };
        if !view.apply(&message) || view.index < made.index {
            continue;
        }
        let progress = Progress::of(&view, &issuers);
        if !ca.quiet && shown.as_ref() != Some(&progress) {
            session.output.progress(&progress.text());
            shown = Some(progress.clone());
        }
        if progress.waiting.is_empty() {
            session.output.end_progress();
            return progress;
        }
    }
}

/// Says who is left behind, and shows the new root.
fn finish(
    ca: &SwarmCa,
    made: &v1::RotateRootResponse,
    progress: Option<&Progress>,
    session: &mut Session,
) -> Result<(), Report> {
    if let Some(progress) = progress {
        if !progress.down.is_empty() {
            session.output.note(&format!(
                "note: {} not up and will follow on return: {}",
                if progress.down.len() == 1 {
                    "one node is"
                } else {
                    "some nodes are"
                },
                progress.down.join(", ")
            ));
        }
        if progress.operators > 0 {
            session.output.note(&format!(
                "note: operators with a certificate of the old root: {}; it is trusted until these have expired or are removed",
                progress.operators
            ));
        }
    }
    if session.output.is_json() {
        return session.output.json(&json!({
            "fingerprint": made.fingerprint,
            "certificate": made.root_certificate,
            "index": made.index,
            "renewed": progress.map(|progress| progress.renewed),
            "down": progress.map(|progress| progress.down.clone()),
            "operators_left": progress.map(|progress| progress.operators),
        }));
    }
    if ca.quiet || ca.detach {
        return Ok(());
    }
    session.output.text(&pem_text(&made.root_certificate))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::cli::arguments::Asking;

    fn view(nodes: &[(&str, &str, NodeState)]) -> ClusterView {
        let mut view = ClusterView::default();
        for (hostname, issuer, state) in nodes {
            let node = v1::Node {
                id: (*hostname).into(),
                hostname: (*hostname).into(),
                certificate_issuer: (*issuer).into(),
                state: (*state).into(),
                ..v1::Node::default()
            };
            view.nodes.insert(node.id.clone(), node);
        }
        view
    }

    #[test]
    fn only_nodes_that_are_up_are_waited_for() {
        let issuers = ["new".to_owned()];
        let nodes = [
            ("m1", "new", NodeState::Ready),
            ("w1", "old", NodeState::Ready),
            ("w2", "old", NodeState::Down),
        ];
        let progress = Progress::of(&view(&nodes), &issuers);
        assert_eq!(
            progress.text(),
            "rotated TLS certificates: 1/3 nodes, waiting for w1, down: w2"
        );
        let nodes = [("m1", "new", NodeState::Ready), ("w1", "new", NodeState::Down)];
        let progress = Progress::of(&view(&nodes), &issuers);
        assert!(progress.waiting.is_empty() && progress.down.is_empty());
        assert_eq!(progress.text(), "rotated TLS certificates: 2/2 nodes");
    }

    #[test]
    fn many_names_are_cut_short() {
        let names: Vec<String> = (1..=6).map(|number| format!("w{number}")).collect();
        assert_eq!(abbreviated(&names), "w1, w2, w3, w4 and 2 more");
    }

    #[test]
    fn options_of_a_rotation_need_one() {
        let ca = |rotate, cert_expiry| SwarmCa {
            rotate,
            cert_expiry,
            asking: Asking {
                plan: false,
                yes: false,
            },
            detach: false,
            quiet: false,
        };
        let life = Some(std::time::Duration::from_secs(3600));
        assert_eq!(
            check(&ca(false, life)).unwrap_err().message,
            "`--cert-expiry` flag requires the `--rotate` flag to update the CA"
        );
        assert!(check(&ca(true, life)).is_ok() && check(&ca(false, None)).is_ok());
    }
}
