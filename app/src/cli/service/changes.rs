//! What do the options of `service update` make of the spec that is there? What goes is taken away first, so that one
//! line can put another thing in its place.

use std::collections::BTreeMap;

use wardroom_api::v1::{self, Executor};

use super::{lists, shape};
use crate::cli::arguments::{ServiceUpdate, SpecChanges};
use crate::cli::{grant, nearest, secret};
use crate::report::Report;

/// The spec after the change. `removed` are the secrets that `--secret-rm` names, in its order.
pub fn changed(
    update: &ServiceUpdate,
    before: &v1::ServiceSpec,
    removed: &[v1::Secret],
) -> Result<v1::ServiceSpec, Report> {
    let changes = &update.changes;
    let mut spec = before.clone();
    for (reference, secret) in changes.secret_rm.iter().zip(removed) {
        take_grant(&mut spec, reference, secret)?;
    }
    for grant in grant::parse_all(&changes.secret_add)? {
        grant::check_target(&spec.grants, &grant)?;
        spec.grants.push(grant);
    }
    entries("label", &mut spec.labels, &changes.label_rm, &changes.label_add)?;
    words(
        "constraint",
        &mut spec.constraints,
        &changes.constraint_rm,
        changes.constraint_add.clone(),
        constraint,
    )?;
    run(changes, spec.run.get_or_insert_default())?;
    shape::apply(&changes.shape, &mut spec)?;
    if update.force {
        let run = spec.run.get_or_insert_default();
        run.force = run.force.saturating_add(1);
    }
    Ok(spec)
}

/// Whether anything is asked for at all.
pub fn is_empty(update: &ServiceUpdate) -> bool {
    update.changes == SpecChanges::default() && !update.force && !update.rollback
}

/// By secret, or by the name of one version for grants that are pinned to it.
fn take_grant(spec: &mut v1::ServiceSpec, reference: &str, secret: &v1::Secret) -> Result<(), Report> {
    let is_secret = secret.name.eq_ignore_ascii_case(reference) || secret.id.starts_with(reference);
    let version = secret
        .versions
        .iter()
        .find(|version| !is_secret && version.name.eq_ignore_ascii_case(reference))
        .map(|version| version.number);
    let before = spec.grants.len();
    spec.grants
        .retain(|grant| grant.secret_id != secret.id || version.is_some_and(|number| grant.pinned != number));
    if spec.grants.len() == before {
        let name = &spec.name;
        return Err(
            Report::usage(format!("secret {reference} is not granted to service {name}"))
                .hint(format!("`wardroom service inspect --pretty {name}` shows what is")),
        );
    }
    Ok(())
}

fn run(changes: &SpecChanges, run: &mut v1::RunSpec) -> Result<(), Report> {
    let here = |name: &str| std::env::var(name).ok();
    take("environment variable", &mut run.env, &changes.env_rm, |variable| {
        lists::variable_name(variable).to_owned()
    })?;
    run.env
        .extend(lists::environment(&[] as &[&str], &changes.env_add, &here)?);
    run.env = lists::last_of_each(std::mem::take(&mut run.env));
    words(
        "group",
        &mut run.groups,
        &changes.group_rm,
        changes.group_add.clone(),
        str::to_owned,
    )?;
    if let Some(text) = &changes.args {
        run.command = lists::words("--args", text)?;
        check_command(run)?;
    }
    container(changes, run)
}

fn check_command(run: &v1::RunSpec) -> Result<(), Report> {
    match run.executor() {
        Executor::Files => Err(Report::usage("the files executor runs no command").hint("leave --args out")),
        Executor::Process | Executor::Unspecified if run.command.is_empty() => {
            Err(Report::usage("a process needs a command").hint("--args 'PROGRAM ARGUMENT...'"))
        }
        _ => Ok(()),
    }
}

/// What only containers have.
fn container(changes: &SpecChanges, run: &mut v1::RunSpec) -> Result<(), Report> {
    let lists = [
        ("--network-add", &changes.network_add),
        ("--mount-add", &changes.mount_add),
        ("--publish-add", &changes.publish_add),
        ("--container-label-add", &changes.container_label_add),
    ];
    if let Some((option, _)) = lists.iter().find(|(_, list)| !list.is_empty())
        && run.executor() != Executor::Container
    {
        return Err(shape::container_only(option));
    }
    entries(
        "container label",
        &mut run.container_labels,
        &changes.container_label_rm,
        &changes.container_label_add,
    )?;
    let networks = changes.network_add.iter().map(|text| lists::network(text));
    words(
        "network",
        &mut run.networks,
        &changes.network_rm,
        networks.collect::<Result<_, _>>()?,
        str::to_owned,
    )?;
    take("mount", &mut run.mounts, &changes.mount_rm, |mount| {
        mount.target.clone()
    })?;
    for text in &changes.mount_add {
        let mount = lists::mount(text)?;
        run.mounts.retain(|other| other.target != mount.target);
        run.mounts.push(mount);
    }
    take("port", &mut run.ports, &changes.publish_rm, |port| {
        port.target.to_string()
    })?;
    for text in &changes.publish_add {
        let port = lists::port(text)?;
        run.ports
            .retain(|other| (other.target, other.protocol) != (port.target, port.protocol));
        run.ports.push(port);
    }
    Ok(())
}

/// Keys with values; one that goes has to be there.
fn entries(what: &str, there: &mut BTreeMap<String, String>, rm: &[String], add: &[String]) -> Result<(), Report> {
    for key in rm {
        if there.remove(key).is_none() {
            return Err(absent(what, key, there.keys().map(String::as_str)));
        }
    }
    there.extend(secret::parse_labels(add)?);
    Ok(())
}

/// Words without an order of their own; one that is there already does not come twice.
fn words(
    what: &str,
    there: &mut Vec<String>,
    rm: &[String],
    add: Vec<String>,
    same: impl Fn(&str) -> String,
) -> Result<(), Report> {
    let rm: Vec<String> = rm.iter().map(|word| same(word)).collect();
    take(what, there, &rm, |word| same(word))?;
    for word in add {
        if there.iter().all(|other| same(other) != same(&word)) {
            there.push(word);
        }
    }
    Ok(())
}

/// What is named `key` goes; it has to be there.
fn take<T>(what: &str, there: &mut Vec<T>, rm: &[String], key: impl Fn(&T) -> String) -> Result<(), Report> {
    for name in rm {
        let before = there.len();
        there.retain(|item| key(item) != *name);
        if there.len() == before {
            let names: Vec<String> = there.iter().map(&key).collect();
            return Err(absent(what, name, names.iter().map(String::as_str)));
        }
    }
    Ok(())
}

/// Docker says nothing here, and the line does half of what it says.
fn absent<'a>(what: &str, name: &str, names: impl Iterator<Item = &'a str> + Clone) -> Report {
    let report = Report::usage(format!("the service has no {what} {name}"));
    if let Some(near) = nearest::to(name, names.clone()) {
        report.hint(format!("did you mean {near}?"))
    } else {
        let there = names.collect::<Vec<_>>().join(", ");
        let there = if there.is_empty() { "none".to_owned() } else { there };
        report.hint(format!("what it has: {there}"))
    }
}

/// `node.role == worker` and `node.role==worker` are one.
fn constraint(text: &str) -> String {
    text.chars().filter(|c| !c.is_whitespace()).collect()
}

#[cfg(test)]
#[path = "changes_tests.rs"]
mod tests;
