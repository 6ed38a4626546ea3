//! What runs where? Tasks of a service or of a node, as Docker lists them: by name, in a slot the newest first.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, TaskState, object};

use crate::cli::arguments::TaskListing;
use crate::cli::filter::Filters;
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

/// Docker's keys of `-f`.
const FILTERS: [&str; 4] = ["id", "name", "node", "desired-state"];
/// Docker shows this much of an error.
const SHORT_ERROR: usize = 30;

/// What a row tells besides its task: hosts by node id, and services by id.
struct Around {
    hostnames: BTreeMap<String, String>,
    services: BTreeMap<String, v1::Service>,
}

impl Around {
    async fn of(session: &Session) -> Result<Self, Report> {
        let services = session.services().await?;
        Ok(Self {
            hostnames: session.hostnames().await?,
            services: services
                .into_iter()
                .map(|service| (service.id.clone(), service))
                .collect(),
        })
    }

    /// What a task runs: by its generation the service's spec, or the one before.
    fn run(&self, task: &v1::Task) -> Option<&v1::RunSpec> {
        let service = self.services.get(&task.service_id)?;
        let spec = match (&service.spec, &service.previous_spec) {
            (_, Some(before)) if task.generation != service.generation => Some(before),
            (now, _) => now.as_ref(),
        };
        spec?.run.as_ref()
    }
}

/// Prints them; a table without rows only when it is the whole answer.
pub async fn print(
    mut tasks: Vec<v1::Task>,
    listing: &TaskListing,
    complete: bool,
    session: &mut Session,
) -> Result<(), Report> {
    let filters = Filters::parse(&listing.filters, &FILTERS)?;
    let around = Around::of(session).await?;
    tasks.retain(|task| is_meant(task, &filters, &around.hostnames));
    if listing.quiet {
        return tasks.iter().try_for_each(|task| session.output.line(&task.id));
    }
    if tasks.is_empty() && !complete && !session.output.is_json() {
        return Ok(());
    }
    if session.output.is_json() {
        return session
            .output
            .json(&tasks.iter().map(|task| document(task, &around)).collect());
    }
    session.output.table(&table(&tasks, &around, listing, when::now_ms()))
}

fn is_meant(task: &v1::Task, filters: &Filters, hostnames: &BTreeMap<String, String>) -> bool {
    let desired = words::task_state(task.desired).to_lowercase();
    filters.any("id", |id| task.id.starts_with(id))
        && filters.any("name", |name| {
            task.name.to_lowercase().starts_with(&name.to_lowercase())
        })
        && filters.any("node", |node| {
            task.node_id == node || holders::hostname(hostnames, &task.node_id) == node
        })
        && filters.any("desired-state", |state| desired == state.to_lowercase())
}

fn table(tasks: &[v1::Task], around: &Around, listing: &TaskListing, now_ms: i64) -> Table {
    let mut table = Table::new(&[
        "ID",
        "NAME",
        "IMAGE",
        "NODE",
        "DESIRED STATE",
        "CURRENT STATE",
        "ERROR",
        "PORTS",
    ]);
    let mut previous = "";
    for task in tasks {
        let shown = if task.name == previous {
            format!(" \\_ {}", task.name)
        } else {
            task.name.clone()
        };
        previous = &task.name;
        let run = around.run(task);
        let node = if listing.no_resolve {
            &task.node_id
        } else {
            holders::hostname(&around.hostnames, &task.node_id)
        };
        table.row([
            if listing.no_trunc { &task.id } else { short(&task.id) },
            &shown,
            run.map_or("", |run| &run.image),
            node,
            words::task_state(task.desired),
            &format!(
                "{} {}",
                words::task_state(task.state),
                when::ago(task.state_since_ms, now_ms).to_lowercase()
            ),
            &quoted(&task.error, listing.no_trunc),
            &ports(task, run),
        ]);
    }
    table
}

fn quoted(error: &str, whole: bool) -> String {
    match error {
        "" => String::new(),
        error if whole || error.chars().count() <= SHORT_ERROR => format!("\"{error}\""),
        error => format!("\"{}…\"", error.chars().take(SHORT_ERROR - 1).collect::<String>()),
    }
}

/// On the node, while the task runs.
fn ports(task: &v1::Task, run: Option<&v1::RunSpec>) -> String {
    let published = run.iter().flat_map(|run| &run.ports).filter(|port| port.published > 0);
    let shown: Vec<String> = published
        .filter(|_| task.state() == TaskState::Running)
        .map(|port| {
            format!(
                "*:{}->{}/{}",
                port.published,
                port.target,
                words::protocol(port.protocol)
            )
        })
        .collect();
    shown.join(",")
}

fn document(task: &v1::Task, around: &Around) -> Value {
    let file = |file: &v1::SecretFile| json!({ "secret": file.secret_name, "version": file.version, "target": file.target, "mode": file.mode });
    json!({
        "id": task.id,
        "name": task.name,
        "slot": task.slot,
        "generation": task.generation,
        "image": around.run(task).map_or("", |run| &run.image),
        "node": holders::hostname(&around.hostnames, &task.node_id),
        "node_id": task.node_id,
        "desired_state": words::task_state(task.desired).to_lowercase(),
        "state": words::task_state(task.state).to_lowercase(),
        "since": when::rfc3339(task.state_since_ms),
        "health": task.health,
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
    use super::*;

    #[test]
    fn history_hangs_below_its_slot() {
        let task = |id: &str, state: TaskState, error: &str| v1::Task {
            id: id.into(),
            service_id: "s".into(),
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
            task(
                "a8kdc5qz2w0x4v6",
                TaskState::Failed,
                "exit 1: the password was not accepted",
            ),
        ];
        let service = v1::Service {
            id: "s".into(),
            spec: Some(v1::ServiceSpec {
                run: Some(v1::RunSpec {
                    image: "redis:7".into(),
                    ports: vec![v1::Port {
                        published: 80,
                        target: 6379,
                        ..v1::Port::default()
                    }],
                    ..v1::RunSpec::default()
                }),
                ..v1::ServiceSpec::default()
            }),
            ..v1::Service::default()
        };
        let around = Around {
            hostnames: BTreeMap::from([("n1".to_owned(), "worker-1".to_owned())]),
            services: BTreeMap::from([("s".to_owned(), service)]),
        };
        assert_eq!(
            table(&tasks, &around, &TaskListing::default(), 361_000).render(),
            "ID             NAME        IMAGE     NODE       DESIRED STATE   CURRENT STATE           ERROR                              PORTS\n\
             n8kdc5qz2w0x   web.1       redis:7   worker-1   Running         Running 6 minutes ago                                      *:80->6379/tcp\n\
             a8kdc5qz2w0x    \\_ web.1   redis:7   worker-1   Running         Failed 6 minutes ago    \"exit 1: the password was not …\"\n"
        );
        let whole = TaskListing {
            no_trunc: true,
            no_resolve: true,
            ..TaskListing::default()
        };
        let text = table(&tasks, &around, &whole, 361_000).render();
        assert!(
            text.contains("n8kdc5qz2w0x4v6 ") && text.contains(" n1 ") && text.contains("accepted\""),
            "{text}"
        );
    }

    #[test]
    fn rows_are_chosen_by_filters() {
        let task = v1::Task {
            id: "abc".into(),
            name: "web.1".into(),
            node_id: "n1".into(),
            desired: TaskState::Shutdown.into(),
            ..v1::Task::default()
        };
        let hosts = BTreeMap::from([("n1".to_owned(), "worker-1".to_owned())]);
        let meant = |text: &str| {
            let filters = Filters::parse(&[text.to_owned()], &FILTERS).unwrap_or_default();
            is_meant(&task, &filters, &hosts)
        };
        assert!(meant("desired-state=shutdown") && meant("node=worker-1") && meant("id=ab"));
        assert!(!meant("desired-state=running") && !meant("node=worker-2") && !meant("name=db"));
    }
}
