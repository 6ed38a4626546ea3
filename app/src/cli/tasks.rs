//! What runs where? Tasks of a service or of a node, as Docker lists them: by name, in a slot the newest first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, object};

use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{holders, when, words};
use crate::report::Report;

/// Docker shows this much of a service's or task's id.
const SHORT_ID: usize = 12;

pub fn short(id: &str) -> &str {
    id.get(..SHORT_ID).unwrap_or(id)
}

/// The tasks that `narrow` asks for, in the order of a list.
pub async fn listed(session: &Session, narrow: impl FnOnce(&mut v1::ListRequest)) -> Result<Vec<v1::Task>, Report> {
    let mut ask = v1::ListRequest {
        kind: Kind::Task.into(),
        ..Default::default()
    };
    narrow(&mut ask);
    let (_, objects) = session.list(ask).await?;
    let tasks = objects.into_iter().filter_map(|object| match object {
        object::Kind::Task(task) => Some(task),
        _ => None,
    });
    let mut tasks: Vec<v1::Task> = tasks.collect();
    tasks.sort_by(|a, b| {
        natural_order(&a.name, &b.name)
            .then(b.created_at_ms.cmp(&a.created_at_ms))
            .then_with(|| a.id.cmp(&b.id))
    });
    Ok(tasks)
}

/// Prints them; a table without rows only when it is the whole answer.
pub async fn print(tasks: &[v1::Task], quiet: bool, complete: bool, session: &mut Session) -> Result<(), Report> {
    if quiet {
        return tasks.iter().try_for_each(|task| session.output.line(&task.id));
    }
    if tasks.is_empty() && !complete && !session.output.is_json() {
        return Ok(());
    }
    let hostnames = session.hostnames().await?;
    if session.output.is_json() {
        return session
            .output
            .json(&tasks.iter().map(|task| document(task, &hostnames)).collect());
    }
    session.output.table(&table(tasks, &hostnames, when::now_ms()))
}

fn table(tasks: &[v1::Task], hostnames: &BTreeMap<String, String>, now_ms: i64) -> Table {
    let mut table = Table::new(&["ID", "NAME", "NODE", "DESIRED STATE", "CURRENT STATE", "ERROR"]);
    let mut previous = "";
    for task in tasks {
        let shown = if task.name == previous {
            format!(" \\_ {}", task.name)
        } else {
            task.name.clone()
        };
        previous = &task.name;
        table.row([
            short(&task.id),
            &shown,
            holders::hostname(hostnames, &task.node_id),
            words::task_state(task.desired),
            &format!(
                "{} {}",
                words::task_state(task.state),
                when::ago(task.state_since_ms, now_ms).to_lowercase()
            ),
            &quoted(&task.error),
        ]);
    }
    table
}

fn quoted(error: &str) -> String {
    if error.is_empty() {
        String::new()
    } else {
        format!("\"{error}\"")
    }
}

fn document(task: &v1::Task, hostnames: &BTreeMap<String, String>) -> Value {
    let file = |file: &v1::SecretFile| json!({ "secret": file.secret_name, "version": file.version, "target": file.target, "mode": file.mode });
    json!({
        "id": task.id,
        "name": task.name,
        "slot": task.slot,
        "node": holders::hostname(hostnames, &task.node_id),
        "node_id": task.node_id,
        "desired_state": words::task_state(task.desired).to_lowercase(),
        "state": words::task_state(task.state).to_lowercase(),
        "since": when::rfc3339(task.state_since_ms),
        "error": task.error,
        "message": task.message,
        "exit_code": task.exit_code,
        "pid": task.pid,
        "secrets_dir": task.secrets_dir,
        "secrets": task.files.iter().map(file).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use wardroom_api::v1::TaskState;

    use super::*;

    #[test]
    fn history_hangs_below_its_slot() {
        let task = |id: &str, state: TaskState, error: &str| v1::Task {
            id: id.into(),
            name: "web.1".into(),
            node_id: "n1".into(),
            desired: TaskState::Running.into(),
            state: state.into(),
            state_since_ms: 1_000,
            error: error.into(),
            ..v1::Task::default()
        };
        let tasks = [
            task("n8kdc5qz2w0x4v6", TaskState::Running, ""),
            task("a8kdc5qz2w0x4v6", TaskState::Failed, "exit 1"),
        ];
        let hosts = BTreeMap::from([("n1".to_owned(), "worker-1".to_owned())]);
        assert_eq!(
            table(&tasks, &hosts, 361_000).render(),
            "ID             NAME        NODE       DESIRED STATE   CURRENT STATE           ERROR\n\
             n8kdc5qz2w0x   web.1       worker-1   Running         Running 6 minutes ago\n\
             a8kdc5qz2w0x    \\_ web.1   worker-1   Running         Failed 6 minutes ago    \"exit 1\"\n"
        );
    }
}
