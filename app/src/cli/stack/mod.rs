//! `wardroom stack`: deploy, config, ls, services, ps, rm. What compose files mean is told by [`crate::stack`]; here are
//! the files themselves, the cluster, and what is done to it.

mod apply;
mod deploy;
mod files;
mod list;
mod remove;
mod steps;
mod values;

use std::collections::BTreeMap;

use wardroom_api::v1;

use crate::cli::arguments::{Stack, StackConfig};
use crate::cli::output::Output;
use crate::cli::session::Session;
use crate::report::Report;
use crate::stack::{NAMESPACE, emit, escape, is_name, shape};

pub async fn run(command: &Stack, session: &mut Session) -> Result<(), Report> {
    match command {
        // It has everything in it that a stack is.
        Stack::Deploy(deploy) => Box::pin(deploy::run(deploy, session)).await,
        // It was done without a cluster.
        Stack::Config(_) => Ok(()),
        Stack::Ls(reading) => {
            session.stale = reading.stale;
            list::stacks(session).await
        }
        Stack::Services(read) => {
            session.stale = read.reading.stale;
            list::services(&read.name, read.quiet, session).await
        }
        Stack::Ps(ps) => {
            session.stale = ps.listing.reading.stale;
            list::tasks(&ps.name, &ps.listing, session).await
        }
        Stack::Rm(remove) => remove::run(&remove.names, session).await,
    }
}

/// The merged files as YAML. What could not be deployed is refused here too.
pub fn config(config: &StackConfig, output: &mut Output) -> Result<(), Report> {
    let mut files = files::load(&config.files.paths, config.skip_interpolation)?;
    if let Some(tree) = files.tree.as_ref().filter(|_| !config.skip_interpolation) {
        shape(tree, &mut files.problems);
    }
    files::tell_remarks(&files.problems, output);
    files.problems.check()?;
    match files.tree {
        Some(tree) if config.skip_interpolation => output.text(&emit(&tree)),
        Some(tree) => output.text(&emit(&escape(tree))),
        None => Ok(()),
    }
}

/// Whether a label says that something belongs to that stack.
fn is_of(labels: &BTreeMap<String, String>, stack: &str) -> bool {
    labels.get(NAMESPACE).is_some_and(|name| name == stack)
}

fn labels(service: &v1::Service) -> BTreeMap<String, String> {
    service
        .spec
        .as_ref()
        .map(|spec| spec.labels.clone())
        .unwrap_or_default()
}

fn name(service: &v1::Service) -> &str {
    service.spec.as_ref().map_or("", |spec| &spec.name)
}

/// Docker's words for a name that cannot be.
fn check_name(stack: &str) -> Result<(), Report> {
    if is_name(stack, 62, "-_") {
        return Ok(());
    }
    Err(Report::usage(format!("invalid stack name: {stack:?}"))
        .hint("take letters, digits, - and _, with a letter or digit at both ends"))
}

/// All of a stack that is there.
async fn members(stack: &str, session: &Session) -> Result<(Vec<v1::Service>, Vec<v1::Secret>), Report> {
    let mut services = session.services().await?;
    services.retain(|service| is_of(&labels(service), stack));
    services.sort_by(|a, b| crate::cli::output::natural_order(name(a), name(b)));
    let mut secrets = session.secrets().await?;
    secrets.retain(|secret| is_of(&secret.labels, stack));
    secrets.sort_by(|a, b| crate::cli::output::natural_order(&a.name, &b.name));
    Ok((services, secrets))
}
