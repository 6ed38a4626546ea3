//! Which services are there, and what are their tasks? Docker's tables, with the secrets besides.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Executor, Kind, TaskState, object};

use crate::cli::arguments::{ServiceLs, ServicePs};
use crate::cli::filter::Filters;
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{each, tasks, words};
use crate::report::Report;

/// Docker's keys.
const FILTERS: [&str; 4] = ["id", "name", "label", "mode"];

pub async fn list(list: &ServiceLs, session: &mut Session) -> Result<(), Report> {
    let filters = Filters::parse(&list.filters, &FILTERS)?;
    session.stale = list.reading.stale;
    let mut services = session.services().await?;
    services.retain(|service| is_meant(service, &filters));
    services.sort_by(|a, b| natural_order(name(a), name(b)));
    if list.quiet {
        return services.iter().try_for_each(|service| session.output.line(&service.id));
    }
    let running = running(session).await?;
    if session.output.is_json() {
        return session
            .output
            .json(&services.iter().map(|service| document(service, &running)).collect());
    }
    session.output.table(&table(&services, &running))
}

fn is_meant(service: &v1::Service, filters: &Filters) -> bool {
    let spec = service.spec.clone().unwrap_or_default();
    filters.any("id", |id| service.id.starts_with(id))
        && filters.any("name", |name| {
            spec.name.to_lowercase().starts_with(&name.to_lowercase())
        })
        && filters.any("mode", |wanted| mode(&spec) == wanted)
        && filters.labels("label", &spec.labels)
}

fn table(services: &[v1::Service], running: &Running) -> Table {
    let mut table = Table::new(&["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "SECRETS", "COMMAND", "PORTS"]);
    for service in services {
        let Some(spec) = &service.spec else { continue };
        table.row([
            tasks::short(&service.id),
            &spec.name,
            mode(spec),
            &replicas(service, running),
            image(spec),
            &grants(spec),
            &abbreviated(&spec.command().join(" ")),
            &ports(spec),
        ]);
    }
    table
}

fn document(service: &v1::Service, running: &Running) -> Value {
    let spec = service.spec.clone().unwrap_or_default();
    let (up, wanted) = running.get(&service.id).copied().unwrap_or_default();
    json!({
        "id": service.id,
        "name": spec.name,
        "mode": mode(&spec),
        "replicas": if spec.global { wanted.into() } else { Value::from(spec.replicas) },
        "running": up,
        "secrets": spec.grants.iter().map(|grant| grant.secret_name.clone()).collect::<Vec<_>>(),
        "executor": words::executor(spec.executor().into()),
        "image": spec.run.as_ref().map_or("", |run| &run.image),
        "command": spec.command(),
        "ports": ports(&spec),
        "labels": spec.labels,
        "update": service.update_status.as_ref().map(|status| words::update_state(status.state)),
    })
}

/// Tasks by service id: (running, wanted).
pub type Running = BTreeMap<String, (usize, usize)>;

pub async fn running(session: &Session) -> Result<Running, Report> {
    let mut counts = Running::new();
    for object in session.all(Kind::Task).await? {
        let object::Kind::Task(task) = object else { continue };
        let count = counts.entry(task.service_id.clone()).or_default();
        let wanted = task.desired == TaskState::Running as i32;
        count.0 += usize::from(wanted && task.state == TaskState::Running as i32);
        count.1 += usize::from(wanted);
    }
    Ok(counts)
}

/// `3/4`: a global service wants one task per node it has.
pub fn replicas(service: &v1::Service, running: &Running) -> String {
    let (up, wanted) = running.get(&service.id).copied().unwrap_or_default();
    let spec = service.spec.clone().unwrap_or_default();
    let most = match spec.max_per_node {
        0 => String::new(),
        most => format!(" (max {most} per node)"),
    };
    if spec.global {
        format!("{up}/{wanted}{most}")
    } else {
        format!("{up}/{}{most}", spec.replicas)
    }
}

pub fn mode(spec: &v1::ServiceSpec) -> &'static str {
    if spec.global { "global" } else { "replicated" }
}

/// `redis:7`, or what there is in place of an image.
pub fn image(spec: &v1::ServiceSpec) -> &str {
    match spec.executor() {
        Executor::Container => spec.run.as_ref().map_or("", |run| &run.image),
        Executor::Files => "(files)",
        _ => "(process)",
    }
}

/// `db_password, tls_key->key.pem`.
pub fn grants(spec: &v1::ServiceSpec) -> String {
    let shown = |grant: &v1::Grant| {
        if grant.target == grant.secret_name {
            grant.secret_name.clone()
        } else {
            format!("{}->{}", grant.secret_name, grant.target)
        }
    };
    spec.grants.iter().map(shown).collect::<Vec<_>>().join(", ")
}

/// `*:8080->80/tcp`, as Docker writes them.
pub fn ports(spec: &v1::ServiceSpec) -> String {
    let shown = |port: &v1::Port| {
        let protocol = words::protocol(port.protocol);
        match port.published {
            0 => format!("{}/{protocol}", port.target),
            published => format!("*:{published}->{}/{protocol}", port.target),
        }
    };
    let ports = spec.run.iter().flat_map(|run| &run.ports);
    ports.map(shown).collect::<Vec<_>>().join(", ")
}

pub fn name(service: &v1::Service) -> &str {
    service.spec.as_ref().map_or("", |spec| &spec.name)
}

fn abbreviated(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        text.to_owned()
    } else {
        text.chars().take(MOST - 1).chain(['…']).collect()
    }
}

pub async fn tasks(ps: &ServicePs, session: &mut Session) -> Result<(), Report> {
    session.stale = ps.listing.reading.stale;
    let mut listed = Vec::new();
    let mut missed = Vec::new();
    for reference in &ps.references {
        match session.service(reference).await {
            Ok(service) => listed.extend(tasks::listed(session, |ask| ask.service.clone_from(&service.id)).await?),
            Err(report) => missed.push(report),
        }
    }
    tasks::print(listed, &ps.listing, missed.is_empty(), session).await?;
    each::all_or(missed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicas_count_what_runs() {
        let service = |global, max_per_node| v1::Service {
            id: "s".into(),
            spec: Some(v1::ServiceSpec {
                global,
                replicas: 4,
                max_per_node,
                ..v1::ServiceSpec::default()
            }),
            ..v1::Service::default()
        };
        let running = Running::from([("s".to_owned(), (1, 2))]);
        assert_eq!(replicas(&service(false, 0), &running), "1/4");
        assert_eq!(replicas(&service(false, 2), &running), "1/4 (max 2 per node)");
        assert_eq!(replicas(&service(true, 0), &running), "1/2");
        assert_eq!(replicas(&service(false, 0), &Running::new()), "0/4");
    }

    #[test]
    fn images_and_ports_as_docker_shows_them() {
        let mut spec = v1::ServiceSpec::default();
        assert_eq!((image(&spec), ports(&spec).as_str()), ("(process)", ""));
        spec.run = Some(v1::RunSpec {
            executor: Executor::Container.into(),
            image: "redis:7".into(),
            ports: vec![
                v1::Port {
                    published: 8080,
                    target: 80,
                    ..v1::Port::default()
                },
                v1::Port {
                    target: 53,
                    protocol: v1::Protocol::Udp.into(),
                    ..v1::Port::default()
                },
            ],
            ..v1::RunSpec::default()
        });
        assert_eq!(
            (image(&spec), ports(&spec).as_str()),
            ("redis:7", "*:8080->80/tcp, 53/udp")
        );
    }
}
