//! `wardroom node`: ls, inspect.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, object};

use crate::cli::arguments::Node;
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{inspect, words};
use crate::report::{Exit, Report};

pub async fn run(command: &Node, session: &mut Session) -> Result<(), Report> {
    match command {
        Node::Ls(list) => self::list(list.quiet, session).await,
        Node::Inspect(inspect) => self::inspect(&inspect.references, session).await,
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
    let mut table = Table::new(&["ID", "HOSTNAME", "STATUS", "AVAILABILITY", "MANAGER STATUS", "ADDRESS"]);
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
            &node.address,
        ]);
    }
    table
}

/// Docker's words; a worker has none.
fn manager_status(node: &v1::Node, status: &v1::StatusResponse) -> &'static str {
    if node.role() != v1::Role::Manager {
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
        "status": words::node_state(node.state).to_lowercase(),
        "availability": words::availability(node.availability).to_lowercase(),
        "manager_status": manager_status(node, status).to_lowercase(),
        "address": node.address,
        "self": node.id == status.answered_by,
    })
}

async fn inspect(references: &[String], session: &mut Session) -> Result<(), Report> {
    let status = session.status().await?;
    let mut found = Vec::new();
    let mut missed = Vec::new();
    for reference in references {
        // Docker's word for the node that answers.
        let wanted = if reference == "self" {
            &status.answered_by
        } else {
            reference
        };
        match session.one(Kind::Node, wanted).await {
            Ok(object::Kind::Node(node)) => found.push(inspect::node(&node, &status.leader)),
            Ok(_) => missed.push(Report::new(Exit::NotFound, format!("node {reference} not found"))),
            Err(report) => missed.push(report),
        }
    }
    session.output.json(&Value::Array(found))?;
    if missed.is_empty() {
        Ok(())
    } else {
        Err(Report::joined(missed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_leader_and_the_answering_manager_are_marked() {
        let node = |id: &str, role: v1::Role| v1::Node {
            id: id.into(),
            hostname: format!("host-{id}"),
            role: role.into(),
            state: v1::NodeState::Ready.into(),
            availability: v1::Availability::Active.into(),
            ..v1::Node::default()
        };
        let status = v1::StatusResponse {
            answered_by: "b".into(),
            leader: "a".into(),
            lost: vec![v1::ManagerLost {
                node_id: "c".into(),
                reason: "timeout".into(),
            }],
            ..v1::StatusResponse::default()
        };
        let nodes = [
            node("a", v1::Role::Manager),
            node("b", v1::Role::Manager),
            node("c", v1::Role::Manager),
            node("w", v1::Role::Worker),
        ];
        assert_eq!(
            list_table(&nodes, &status).render(),
            "ID    HOSTNAME   STATUS   AVAILABILITY   MANAGER STATUS   ADDRESS\n\
             a     host-a     Ready    Active         Leader\n\
             b *   host-b     Ready    Active         Reachable\n\
             c     host-c     Ready    Active         Unreachable\n\
             w     host-w     Ready    Active\n"
        );
    }
}
