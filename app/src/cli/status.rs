//! `wardroom status`: is the cluster well, and what needs attention?

use std::collections::BTreeMap;
use std::fmt::Write as _;

use serde_json::{Value, json};
use wardroom_api::v1::{self, HoldingState, Kind, NodeState, Role, TaskState, VersionState, object};
use wardroom_api::{Client, ClusterView};

use crate::cli::session::Session;
use crate::cli::{holders, lock_state, raft, words};
use crate::report::Report;
use crate::text::clean;

pub async fn run(session: &mut Session) -> Result<(), Report> {
    let status = session.status().await?;
    // What is wrong is to be seen all the more without a leader.
    session.stale |= status.leader.is_empty();
    let view = read(session).await?;
    let attention = attention(&status, &view);
    if session.output.is_json() {
        let document = json(&status, &view, &attention, &session.client);
        session.output.json(&document)?;
    } else {
        let at = session.target.to_string();
        session.output.text(&page(&status, &view, &attention, &at))?;
    }
    raft::check_leader(&status)
}

/// What the replica at hand knows, but for the audit records.
async fn read(session: &Session) -> Result<ClusterView, Report> {
    let mut view = ClusterView::default();
    let mut objects = Vec::new();
    for kind in [
        Kind::Cluster,
        Kind::Node,
        Kind::Secret,
        Kind::Service,
        Kind::Task,
        Kind::Rotation,
        Kind::Holding,
    ] {
        objects.extend(session.all(kind).await?);
    }
    let objects = objects
        .into_iter()
        .map(|kind: object::Kind| v1::Object { kind: Some(kind) })
        .collect();
    let body = v1::watch_message::Body::Snapshot(v1::Snapshot { objects });
    view.apply(&v1::WatchMessage {
        index: 0,
        body: Some(body),
    });
    Ok(view)
}

fn hostnames(view: &ClusterView) -> BTreeMap<String, String> {
    view.nodes
        .values()
        .map(|node| (node.id.clone(), node.hostname.clone()))
        .collect()
}

/// Whole sentences, worst first.
fn attention(status: &v1::StatusResponse, view: &ClusterView) -> Vec<String> {
    let hosts = hostnames(view);
    let mut list = Vec::new();
    if status.leader.is_empty() {
        list.push("there is no leader: nothing can be changed".to_owned());
    }
    for lost in &status.lost {
        list.push(format!(
            "manager {} does not answer: {}{}",
            holders::hostname(&hosts, &lost.node_id),
            lost.reason,
            lock_state::may_wait(view.cluster.as_ref(), &lost.node_id)
        ));
    }
    for node in view.nodes.values().filter(|node| node.state() == NodeState::Down) {
        list.push(format!(
            "{} {} is down: {}",
            words::role(node.role),
            node.hostname,
            node.message
        ));
    }
    if let Some(cluster) = &view.cluster {
        list.extend(lock_state::attention(cluster, &hosts));
    }
    let owed = view.holdings.values().filter(|holding| holding.owed).count();
    if owed > 0 {
        list.push(format!(
            "{} owed: a revoked value may still be in memory",
            words::count(owed, "erasure receipt")
        ));
    }
    let unproven = view
        .holdings
        .values()
        .filter(|row| row.state() == HoldingState::Present && !row.proven)
        .count();
    if unproven > 0 {
        list.push(format!(
            "{} with other bytes than were sent",
            words::count(unproven, "file")
        ));
    }
    for service in view.services.values() {
        let Some(spec) = service.spec.as_ref().filter(|spec| !spec.global) else {
            continue;
        };
        let up = view
            .tasks_of_service(&service.id)
            .filter(|task| task.state() == TaskState::Running)
            .count();
        if u32::try_from(up).is_ok_and(|up| up < spec.replicas) {
            list.push(format!("service {} runs {up} of {} tasks", spec.name, spec.replicas));
        }
    }
    list
}

fn counts(view: &ClusterView) -> (usize, usize, usize, usize) {
    let ready = |role: Role| {
        view.nodes
            .values()
            .filter(|node| node.role() == role && node.state() == NodeState::Ready)
            .count()
    };
    let holding = view
        .holdings
        .values()
        .filter(|holding| holding.state() == HoldingState::Present)
        .count();
    let running = view
        .tasks
        .values()
        .filter(|task| task.state() == TaskState::Running)
        .count();
    (
        ready(Role::Worker),
        view.nodes.values().filter(|node| node.role() == Role::Worker).count(),
        running,
        holding,
    )
}

/// `at` is where the answers come from.
fn page(status: &v1::StatusResponse, view: &ClusterView, attention: &[String], at: &str) -> String {
    let hosts = hostnames(view);
    let name = view.cluster.as_ref().map_or("", |cluster| cluster.name.as_str());
    let leader = if status.leader.is_empty() {
        "none"
    } else {
        holders::hostname(&hosts, &status.leader)
    };
    let term = status.managers.iter().map(|manager| manager.term).max().unwrap_or(0);
    let (ready, workers, running, held) = counts(view);
    let usable = view.secrets.values().filter(|secret| secret.current != 0).count();
    let revoked = view
        .secrets
        .values()
        .flat_map(|secret| &secret.versions)
        .filter(|v| v.state() == VersionState::Revoked)
        .count();
    let mut page = String::new();
    let mut line = |label: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = writeln!(page, "{label:<10} {}", clean(text));
    };
    line("Cluster:", &format!("{name}, index {}", status.index));
    line("Host:", at);
    line("Leader:", &format!("{leader}, term {term}"));
    line(
        "Managers:",
        &format!(
            "{} of {} answer",
            status.managers.len(),
            status.managers.len() + status.lost.len()
        ),
    );
    if let Some(cluster) = &view.cluster {
        line("Autolock:", &lock_state::autolock(cluster));
    }
    line("Workers:", &format!("{ready} of {workers} ready"));
    let owing = if revoked == 0 {
        String::new()
    } else {
        format!(", {} not yet erased", words::count(revoked, "version"))
    };
    line(
        "Secrets:",
        &format!("{usable} of {} have a current version{owing}", view.secrets.len()),
    );
    line(
        "Services:",
        &format!("{}, {} running", view.services.len(), words::count(running, "task")),
    );
    line(
        "Holdings:",
        &format!("{} in workers' memory", words::count(held, "file")),
    );
    if attention.is_empty() {
        line("Attention:", "nothing");
    }
    for text in attention {
        line("Attention:", text);
    }
    page
}

fn json(status: &v1::StatusResponse, view: &ClusterView, attention: &[String], client: &Client) -> Value {
    let (ready, workers, running, holding) = counts(view);
    let mut document = raft::status_json(status, &hostnames(view));
    document["host"] = client.address().into();
    document["cluster"] = view.cluster.as_ref().map_or(Value::Null, |cluster| {
        json!({
            "id": cluster.id,
            "name": cluster.name,
            "root_fingerprint": cluster.root_fingerprint,
            "autolock": cluster.autolock,
            "unlock_key_epoch": cluster.keys.as_ref().map_or(0, |keys| keys.unlock_key_epoch),
            "audit_length": cluster.audit_length,
            "audit_head": cluster.audit_head,
        })
    });
    document["workers"] = json!({ "ready": ready, "known": workers });
    document["secrets"] = view.secrets.len().into();
    document["services"] = view.services.len().into();
    document["tasks_running"] = running.into();
    document["files_held"] = holding.into();
    document["attention"] = attention.into();
    document
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_sentences() {
        let mut view = ClusterView::default();
        let worker = v1::Node {
            id: "w".into(),
            hostname: "worker-1".into(),
            role: Role::Worker.into(),
            state: NodeState::Down.into(),
            message: "no heartbeat".into(),
            ..v1::Node::default()
        };
        view.nodes.insert("w".into(), worker);
        let holding = v1::Holding {
            owed: true,
            ..v1::Holding::default()
        };
        view.holdings.insert(holding.id(), holding);
        let status = v1::StatusResponse::default();
        assert_eq!(
            attention(&status, &view),
            [
                "there is no leader: nothing can be changed",
                "worker worker-1 is down: no heartbeat",
                "1 erasure receipt owed: a revoked value may still be in memory",
            ]
        );
        assert!(page(&status, &view, &[], "unix:///x").contains("Host:      unix:///x\nLeader:    none, term 0\n"));
    }
}
