//! `wardroom service`: create, ls, ps, inspect, update, rm.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, TaskState, object};

use crate::cli::arguments::{ExecutorChoice, Service, ServiceCreate, ServiceMode, ServicePs, ServiceUpdate};
use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{converge, each, grant, inspect, secret, tasks, words};
use crate::report::Report;

pub async fn run(command: &Service, session: &mut Session) -> Result<(), Report> {
    match command {
        Service::Create(create) => self::create(create, session).await,
        Service::Ls(list) => {
            session.stale = list.reading.stale;
            self::list(list.quiet, session).await
        }
        Service::Ps(ps) => self::tasks(ps, session).await,
        Service::Inspect(inspect) => {
            session.stale = inspect.reading.stale;
            each::inspect(&inspect.of.references, session, async |session, reference| {
                Ok(inspect::service(&session.service(reference).await?))
            })
            .await
        }
        Service::Update(update) => self::update(update, session).await,
        Service::Rm(remove) => self::remove(&remove.references, session).await,
    }
}

/// The spec that the options describe.
fn spec(create: &ServiceCreate) -> Result<v1::ServiceSpec, Report> {
    let global = create.mode == Some(ServiceMode::Global);
    let executor = create.executor.unwrap_or(ExecutorChoice::Process);
    match executor {
        ExecutorChoice::Process if create.command.is_empty() => {
            return Err(Report::usage("a command is required").hint("write it after two dashes: -- sleep 1000"));
        }
        ExecutorChoice::Files if !create.command.is_empty() => {
            return Err(
                Report::usage("the files executor runs no command").hint("leave out what follows the two dashes")
            );
        }
        _ => {}
    }
    Ok(v1::ServiceSpec {
        name: create.name.clone(),
        labels: secret::parse_labels(&create.labels)?,
        run: Some(v1::RunSpec {
            executor: match executor {
                ExecutorChoice::Process => v1::Executor::Process.into(),
                ExecutorChoice::Files => v1::Executor::Files.into(),
            },
            command: create.command.clone(),
            ..v1::RunSpec::default()
        }),
        global,
        replicas: if global { 0 } else { create.replicas.unwrap_or(1) },
        grants: grant::parse_all(&create.secrets)?,
        update: Some(v1::RollSettings {
            parallelism: create.update_parallelism,
            ..v1::RollSettings::default()
        }),
        constraints: create.constraints.clone(),
        ..v1::ServiceSpec::default()
    })
}

async fn create(create: &ServiceCreate, session: &mut Session) -> Result<(), Report> {
    let message = v1::CreateServiceRequest {
        spec: Some(spec(create)?),
        exposes_env: false,
    };
    let made = session
        .call(message, |mut control, request| async move {
            control.create_service(request).await
        })
        .await?;
    if !session.output.is_json() {
        session.output.line(&made.id)?;
        session.output.flush()?;
    }
    let converged = if create.detach {
        None
    } else {
        Some(converge::wait(session, &made.id, made.index).await)
    };
    if session.output.is_json() {
        let document = json!({ "id": made.id, "name": create.name, "index": made.index, "converged": converged });
        return session.output.json(&document);
    }
    Ok(())
}

async fn update(update: &ServiceUpdate, session: &mut Session) -> Result<(), Report> {
    if update.secret_add.is_empty() && update.secret_rm.is_empty() && update.replicas.is_none() {
        return Err(Report::usage("nothing to change").hint("give --secret-add, --secret-rm or --replicas"));
    }
    let message = v1::UpdateServiceRequest {
        reference: update.reference.clone(),
        add: grant::parse_all(&update.secret_add)?,
        remove: update.secret_rm.clone(),
        replicas: update.replicas,
        ..Default::default()
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.update_service(request).await
        })
        .await;
    let changed = match answer {
        Ok(changed) => changed,
        Err(error) if error.to_string().starts_with("secret") => return Err(error.into()),
        Err(error) => return Err(session.explain(error, Kind::Service, &update.reference).await),
    };
    if !session.output.is_json() {
        session.output.line(&update.reference)?;
        session.output.flush()?;
    }
    let converged = if update.detach {
        None
    } else {
        Some(converge::wait(session, &changed.id, changed.index).await)
    };
    if session.output.is_json() {
        let document = json!({ "id": changed.id, "index": changed.index, "converged": converged });
        return session.output.json(&document);
    }
    Ok(())
}

async fn list(quiet: bool, session: &mut Session) -> Result<(), Report> {
    let mut services = session.services().await?;
    services.sort_by(|a, b| natural_order(name(a), name(b)));
    if quiet {
        return services.iter().try_for_each(|service| session.output.line(&service.id));
    }
    let running = running(session).await?;
    if session.output.is_json() {
        return session
            .output
            .json(&services.iter().map(|service| list_json(service, &running)).collect());
    }
    let mut table = Table::new(&["ID", "NAME", "MODE", "REPLICAS", "SECRETS", "COMMAND"]);
    for service in &services {
        let Some(spec) = &service.spec else { continue };
        table.row([
            tasks::short(&service.id),
            &spec.name,
            mode(spec),
            &replicas(service, &running),
            &grants(spec),
            &abbreviated(&spec.command().join(" ")),
        ]);
    }
    session.output.table(&table)
}

fn list_json(service: &v1::Service, running: &Running) -> Value {
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
        "command": spec.command(),
        "labels": spec.labels,
    })
}

/// Tasks by service id: (running, wanted).
type Running = BTreeMap<String, (usize, usize)>;

async fn running(session: &Session) -> Result<Running, Report> {
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
fn replicas(service: &v1::Service, running: &Running) -> String {
    let (up, wanted) = running.get(&service.id).copied().unwrap_or_default();
    match &service.spec {
        Some(spec) if !spec.global => format!("{up}/{}", spec.replicas),
        _ => format!("{up}/{wanted}"),
    }
}

fn mode(spec: &v1::ServiceSpec) -> &'static str {
    if spec.global { "global" } else { "replicated" }
}

/// `db_password, tls_key->key.pem`.
fn grants(spec: &v1::ServiceSpec) -> String {
    let shown = |grant: &v1::Grant| {
        if grant.target == grant.secret_name {
            grant.secret_name.clone()
        } else {
            format!("{}->{}", grant.secret_name, grant.target)
        }
    };
    spec.grants.iter().map(shown).collect::<Vec<_>>().join(", ")
}

fn name(service: &v1::Service) -> &str {
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

async fn tasks(ps: &ServicePs, session: &mut Session) -> Result<(), Report> {
    session.stale = ps.reading.stale;
    let mut tasks = Vec::new();
    let mut missed = Vec::new();
    for reference in &ps.references {
        match session.service(reference).await {
            Ok(service) => tasks.extend(tasks::listed(session, |ask| ask.service.clone_from(&service.id)).await?),
            Err(report) => missed.push(report),
        }
    }
    tasks::print(&tasks, ps.quiet, missed.is_empty(), session).await?;
    each::all_or(missed)
}

async fn remove(references: &[String], session: &mut Session) -> Result<(), Report> {
    each::change(references, session, async |session, reference| {
        let message = v1::RemoveServiceRequest {
            reference: reference.to_owned(),
        };
        let answer = session
            .call(message, |mut control, request| async move {
                control.remove_service(request).await
            })
            .await;
        match answer {
            Ok(answer) => Ok(answer.id),
            Err(error) => Err(session.explain(error, Kind::Service, reference).await),
        }
    })
    .await
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
