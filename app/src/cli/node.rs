//! `wardroom node`: ls, inspect, ps. What changes nodes is in `node_change`.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Role};

use crate::cli::arguments::{Format, Node, NodeInspect, NodePs};
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{each, inspect, node_change, tasks, when, words};
use crate::report::Report;
use crate::text::clean;

/// Docker's word for the node that answers.
const SELF: &str = "self";

pub async fn run(command: &Node, session: &mut Session) -> Result<(), Report> {
    match command {
        Node::Ls(list) => {
            session.stale = list.reading.stale;
            self::list(list.quiet, session).await
        }
        Node::Inspect(inspect) => self::inspect(inspect, session).await,
        Node::Ps(ps) => self::tasks(ps, session).await,
        Node::Update(update) => node_change::update(update, session).await,
        Node::Promote(nodes) => node_change::set_role(nodes, Role::Manager, session).await,
        Node::Demote(nodes) => node_change::set_role(nodes, Role::Worker, session).await,
        Node::Rm(remove) => node_change::remove(remove, session).await,
    }
}

async fn list(quiet: bool, session: &mut Session) -> Result<(), Report> {
    let mut nodes = session.nodes().await?;
    nodes.sort_by(|a, b| natural_order(&a.hostname, &b.hostname));
    if quiet {
        return nodes.iter().try_for_each(|node| session.output.line(&node.id));
    }
    let status = session.status().await?;
    if session.output.is_json() {
        return session
            .output
            .json(&nodes.iter().map(|node| list_json(node, &status)).collect());
    }
    session.output.table(&list_table(&nodes, &status))
}

/// The manager that answers is marked as Docker marks its own row.
fn list_table(nodes: &[v1::Node], status: &v1::StatusResponse) -> Table {
    let mut table = Table::new(&["ID", "HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS", "VERSION"]);
    for node in nodes {
        let id = if node.id == status.answered_by {
            format!("{} *", node.id)
        } else {
            node.id.clone()
        };
        table.row([
            id.as_str(),
            &node.hostname,
            words::node_state(node.state),
            words::availability(node.availability),
            manager_status(node, status),
            &node.version,
        ]);
    }
    table
}

/// Docker's words; a worker has none, nor has a node that is only on its way to be a manager.
fn manager_status(node: &v1::Node, status: &v1::StatusResponse) -> &'static str {
    if node.role() != Role::Manager {
        ""
    } else if node.id == status.leader {
        "Leader"
    } else if status.lost.iter().any(|lost| lost.node_id == node.id) {
        "Unreachable"
    } else {
        "Reachable"
    }
}

fn list_json(node: &v1::Node, status: &v1::StatusResponse) -> Value {
    json!({
        "id": node.id,
        "hostname": node.hostname,
        "role": words::role(node.role),
        "desired_role": words::role(if node.desired_role == 0 { node.role } else { node.desired_role }),
        "status": words::node_state(node.state).to_lowercase(),
        "message": node.message,
        "availability": words::availability(node.availability).to_lowercase(),
        "manager_status": manager_status(node, status).to_lowercase(),
        "address": node.address,
        "version": node.version,
        "labels": node.labels,
        "runs_tasks": node.runs_tasks,
        "certificate_not_after": when::rfc3339(node.certificate_not_after_ms),
        "certificate_issuer": node.certificate_issuer,
        "self": node.id == status.answered_by,
    })
}

async fn inspect(arguments: &NodeInspect, session: &mut Session) -> Result<(), Report> {
    session.stale = arguments.reading.stale;
    if arguments.pretty && session.output.format != Format::Table {
        return Err(
            Report::usage("cannot supply extra formatting options to the pretty template")
                .hint("leave out --pretty or --format"),
        );
    }
    let status = session.status().await?;
    if arguments.pretty {
        return pretty(&arguments.references, &status, session).await;
    }
    each::inspect(&arguments.references, session, async |session, reference| {
        let node = session.node(meant(reference, &status)).await?;
        Ok(inspect::node(&node, &status.leader))
    })
    .await
}

fn meant<'a>(reference: &'a str, status: &'a v1::StatusResponse) -> &'a str {
    if reference == SELF {
        &status.answered_by
    } else {
        reference
    }
}

async fn pretty(references: &[String], status: &v1::StatusResponse, session: &mut Session) -> Result<(), Report> {
    let mut missed = Vec::new();
    for reference in references {
        match session.node(meant(reference, status)).await {
            Ok(node) => {
                let page = page(&node, manager_status(&node, status), when::now_ms());
                session.output.text(&page)?;
            }
            Err(report) => missed.push(report),
        }
    }
    each::all_or(missed)
}

/// Docker's blocks, and what else is known.
fn page(node: &v1::Node, manager_status: &str, now_ms: i64) -> String {
    let mut page = String::new();
    let mut line = |label: &str, text: &str| {
        // Writing to a string cannot fail.
        let _ = match text {
            "" => writeln!(page, "{label}"),
            text => writeln!(page, "{label:<24}{}", clean(text)),
        };
    };
    line("ID:", &node.id);
    if !node.labels.is_empty() {
        line("Labels:", "");
        for (key, value) in &node.labels {
            line(&format!(" - {}={}", clean(key), clean(value)), "");
        }
    }
    line("Hostname:", &node.hostname);
    line("Joined at:", &when::rfc3339(node.created_at_ms));
    line("Status:", "");
    line(" State:", words::node_state(node.state));
    if !node.message.is_empty() {
        line(" Message:", &node.message);
    }
    line(" Availability:", words::availability(node.availability));
    if !manager_status.is_empty() {
        line("Manager Status:", "");
        line(" Address:", &node.address);
        line(
            " Raft Status:",
            if manager_status == "Leader" {
                "Reachable"
            } else {
                manager_status
            },
        );
        line(" Leader:", if manager_status == "Leader" { "Yes" } else { "No" });
    }
    if node.desired_role != 0 && node.desired_role != node.role {
        line("Becomes:", words::role(node.desired_role));
    }
    line("Certificate:", &when::validity(node.certificate_not_after_ms, now_ms));
    if !node.version.is_empty() {
        line("Version:", &node.version);
    }
    page
}

async fn tasks(ps: &NodePs, session: &mut Session) -> Result<(), Report> {
    session.stale = ps.listing.reading.stale;
    let status = session.status().await?;
    let own = [SELF.to_owned()];
    let references = if ps.references.is_empty() {
        &own[..]
    } else {
        &ps.references
    };
    let mut tasks = Vec::new();
    let mut missed = Vec::new();
    for reference in references {
        match session.node(meant(reference, &status)).await {
            Ok(node) => tasks.extend(tasks::listed(session, |ask| ask.node.clone_from(&node.id)).await?),
            Err(report) => missed.push(report),
        }
    }
    tasks::print(tasks, &ps.listing, missed.is_empty(), session).await?;
    each::all_or(missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn node(id: &str, role: Role) -> v1::Node {
        v1::Node {
            id: id.into(),
            hostname: format!("host-{id}"),
            role: role.into(),
            state: v1::NodeState::Ready.into(),
            availability: v1::Availability::Active.into(),
            version: "0.1.0".into(),
            ..v1::Node::default()
        }
    }

    fn status() -> v1::StatusResponse {
        v1::StatusResponse {
            answered_by: "b".into(),
            leader: "a".into(),
            lost: vec![v1::ManagerLost {
                node_id: "c".into(),
                reason: "timeout".into(),
            }],
            ..v1::StatusResponse::default()
        }
    }

    #[test]
    fn the_leader_and_the_answering_manager_are_marked() {
        let nodes = [
            node("a", Role::Manager),
            node("b", Role::Manager),
            node("c", Role::Manager),
            node("w", Role::Worker),
        ];
        assert_eq!(
            list_table(&nodes, &status()).render(),
            "ID    HOSTNAME   STATUS   AVAILABILITY   MANAGER STATUS   VERSION\n\
             a     host-a     Ready    Active         Leader           0.1.0\n\
             b *   host-b     Ready    Active         Reachable        0.1.0\n\
             c     host-c     Ready    Active         Unreachable      0.1.0\n\
             w     host-w     Ready    Active                          0.1.0\n"
        );
    }

    #[test]
    fn a_page_has_dockers_blocks() {
        let node = v1::Node {
            labels: [("zone".to_owned(), "eu\u{1b}".to_owned())].into(),
            created_at_ms: 1_767_323_045_595,
            certificate_not_after_ms: 1_767_323_045_595,
            address: "10.0.0.1:2377".into(),
            ..node("a", Role::Manager)
        };
        assert_eq!(
            page(&node, manager_status(&node, &status()), 1_767_323_044_000),
            "ID:                     a\n\
             Labels:\n \
             - zone=eu\u{fffd}\n\
             Hostname:               host-a\n\
             Joined at:              2026-01-02T03:04:05.595Z\n\
             Status:\n \
             State:                 Ready\n \
             Availability:          Active\n\
             Manager Status:\n \
             Address:               10.0.0.1:2377\n \
             Raft Status:           Reachable\n \
             Leader:                Yes\n\
             Certificate:            valid for 1 second (2026-01-02T03:04:05Z)\n\
             Version:                0.1.0\n"
        );
        let promoted = v1::Node {
            desired_role: Role::Manager.into(),
            ..self::node("w", Role::Worker)
        };
        assert!(page(&promoted, "", 0).contains("Becomes:                manager\n"));
    }
}
