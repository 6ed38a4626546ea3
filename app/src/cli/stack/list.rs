//! Which stacks are there, and what is in them? By the label on services and secrets; Docker's columns.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::v1;

use super::{check_name, labels, members, name};
use crate::cli::arguments::TaskListing;
use crate::cli::output::{Table, natural_order};
use crate::cli::service::list::{self, Running};
use crate::cli::session::Session;
use crate::cli::tasks;
use crate::report::Report;
use crate::stack::NAMESPACE;

/// A stack whose services are gone still has its secrets.
pub async fn stacks(session: &mut Session) -> Result<(), Report> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for secret in session.secrets().await? {
        if let Some(stack) = secret.labels.get(NAMESPACE) {
            counts.entry(stack.clone()).or_default();
        }
    }
    for service in session.services().await? {
        if let Some(stack) = labels(&service).get(NAMESPACE) {
            *counts.entry(stack.clone()).or_default() += 1;
        }
    }
    let mut stacks: Vec<(String, usize)> = counts.into_iter().collect();
    stacks.sort_by(|a, b| natural_order(&a.0, &b.0));
    if session.output.is_json() {
        let document = |(name, services): &(String, usize)| json!({ "name": name, "services": services });
        return session.output.json(&stacks.iter().map(document).collect());
    }
    let mut table = Table::new(&["NAME", "SERVICES"]);
    for (name, services) in &stacks {
        table.row([name.as_str(), &services.to_string()]);
    }
    session.output.table(&table)
}

pub async fn services(stack: &str, quiet: bool, session: &mut Session) -> Result<(), Report> {
    let services = of(stack, session).await?;
    if quiet {
        return services.iter().try_for_each(|service| session.output.line(&service.id));
    }
    let running = list::running(session).await?;
    if session.output.is_json() {
        return session
            .output
            .json(&services.iter().map(|service| document(service, &running)).collect());
    }
    let mut table = Table::new(&["ID", "NAME", "MODE", "REPLICAS", "IMAGE", "PORTS"]);
    for service in &services {
        let Some(spec) = &service.spec else { continue };
        table.row([
            tasks::short(&service.id),
            &spec.name,
            list::mode(spec),
            &list::replicas(service, &running),
            list::image(spec),
            &list::ports(spec),
        ]);
    }
    if services.is_empty() {
        return Ok(());
    }
    session.output.table(&table)
}

pub async fn tasks(stack: &str, listing: &TaskListing, session: &mut Session) -> Result<(), Report> {
    let mut found = Vec::new();
    let services = of(stack, session).await?;
    for service in &services {
        found.extend(tasks::listed(session, |ask| ask.service.clone_from(&service.id)).await?);
    }
    tasks::print(found, listing, !services.is_empty(), session).await
}

/// Its services; a word for people when there is nothing.
async fn of(stack: &str, session: &mut Session) -> Result<Vec<v1::Service>, Report> {
    check_name(stack)?;
    let (services, _) = members(stack, session).await?;
    if services.is_empty() {
        session.output.note(&format!("Nothing found in stack: {stack}"));
    }
    Ok(services)
}

fn document(service: &v1::Service, running: &Running) -> Value {
    let (up, wanted) = running.get(&service.id).copied().unwrap_or_default();
    let spec = service.spec.clone().unwrap_or_default();
    json!({
        "id": service.id,
        "name": name(service),
        "mode": list::mode(&spec),
        "replicas": if spec.global { wanted.into() } else { Value::from(spec.replicas) },
        "running": up,
        "image": list::image(&spec),
        "ports": list::ports(&spec),
    })
}
