//! What is there to do until the cluster has what the files say? A list of steps in their order, from what is wanted and
//! what is there; nothing in it is done yet.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_api::v1;

use super::{is_of, labels, name};
use crate::stack::{At, NAMESPACE, Origin, Problems, Stack, Wanted};

/// One change. Indexes are those of the stack's lists.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    CreateSecret(usize),
    /// A new version, if the value is not the current one's: only the manager can tell.
    CompareSecret(usize),
    /// Labels that the files have changed.
    LabelSecret(usize, LabelChange),
    CreateService(usize),
    UpdateService {
        index: usize,
        id: String,
        /// What the spec was made from.
        expected: u64,
        /// How far the update before is.
        before: Option<v1::UpdateStatus>,
    },
    KeepService(usize),
    RemoveService(String),
    RemoveSecret(String),
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LabelChange {
    pub add: BTreeMap<String, String>,
    pub remove: Vec<String>,
}

/// What is in the cluster.
pub struct Present<'a> {
    pub services: &'a [v1::Service],
    pub secrets: &'a [v1::Secret],
}

/// Secrets first, so that services find them; what is no longer wanted goes last.
pub fn steps(stack: &mut Stack, name: &str, present: &Present<'_>, prune: bool, problems: &mut Problems) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, wanted) in stack.secrets.iter().enumerate() {
        secret(index, wanted, name, present, &mut steps, problems);
    }
    for (index, wanted) in stack.services.iter_mut().enumerate() {
        steps.extend(service(index, wanted, name, present, problems));
    }
    if prune {
        steps.extend(pruned(stack, name, present));
    }
    steps
}

fn secret(
    index: usize,
    wanted: &Wanted,
    stack: &str,
    present: &Present<'_>,
    steps: &mut Vec<Step>,
    problems: &mut Problems,
) {
    let found = present
        .secrets
        .iter()
        .find(|secret| secret.name.eq_ignore_ascii_case(&wanted.name));
    let shown = &wanted.name;
    match (found, &wanted.origin) {
        (Some(_), Origin::External) => {}
        (None, Origin::External) => {
            let text = format!("secret not found: {shown}; it is external, so create it before the stack");
            problems.refuse(&wanted.place, text);
        }
        (None, _) => steps.push(Step::CreateSecret(index)),
        (Some(secret), _) if !is_of(&secret.labels, stack) => {
            let text = format!(
                "secret {shown} is there and not of this stack; write `external: true` to use it, or give this one a `name:`"
            );
            problems.refuse(&wanted.place, text);
        }
        (Some(secret), _) if secret.template_driver != wanted.template_driver => {
            let text =
                format!("secret {shown} is there with another template_driver, which cannot change; give it a `name:`");
            problems.refuse(&wanted.place, text);
        }
        (Some(secret), _) => {
            steps.push(Step::CompareSecret(index));
            let change = label_change(&secret.labels, &wanted.labels);
            if change != LabelChange::default() {
                steps.push(Step::LabelSecret(index, change));
            }
        }
    }
}

fn label_change(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> LabelChange {
    let new = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let gone = before.keys().filter(|key| !after.contains_key(*key));
    LabelChange {
        add: new.map(|(key, value)| (key.clone(), value.clone())).collect(),
        remove: gone.cloned().collect(),
    }
}

/// The wanted spec takes over what only the cluster knows: how often tasks were replaced by force.
fn service(
    index: usize,
    wanted: &mut At<v1::ServiceSpec>,
    stack: &str,
    present: &Present<'_>,
    problems: &mut Problems,
) -> Option<Step> {
    let spec = &mut wanted.value;
    let found = present
        .services
        .iter()
        .find(|service| name(service).eq_ignore_ascii_case(&spec.name));
    let Some((service, before)) = found.and_then(|service| Some((service, service.spec.as_ref()?))) else {
        return Some(Step::CreateService(index));
    };
    if before.labels.get(NAMESPACE).map(String::as_str) != Some(stack) {
        let text = format!(
            "service {} is there and not of this stack; call this one differently",
            spec.name
        );
        problems.refuse(&wanted.place, text);
        return None;
    }
    if before.global != spec.global {
        let text = format!(
            "service {}: service mode change is not allowed; remove it first",
            spec.name
        );
        problems.refuse(&wanted.place, text);
        return None;
    }
    if let (Some(run), Some(before)) = (&mut spec.run, &before.run) {
        run.force = before.force;
    }
    if bare(before) == bare(spec) {
        return Some(Step::KeepService(index));
    }
    Some(Step::UpdateService {
        index,
        id: service.id.clone(),
        expected: service.version_index,
        before: service.update_status.clone(),
    })
}

/// Without what differs between a spec that is sent and the same one as the cluster shows it.
fn bare(spec: &v1::ServiceSpec) -> v1::ServiceSpec {
    let mut spec = spec.clone();
    for grant in &mut spec.grants {
        grant.secret_id.clear();
    }
    spec.grants.sort_by(|a, b| a.target.cmp(&b.target));
    spec
}

/// Services that the files do not name, and secrets likewise unless a service that stays reads them.
fn pruned(stack: &Stack, name: &str, present: &Present<'_>) -> Vec<Step> {
    let services: BTreeSet<String> = stack
        .services
        .iter()
        .map(|spec| spec.value.name.to_lowercase())
        .collect();
    let secrets: BTreeSet<String> = stack.secrets.iter().map(|secret| secret.name.to_lowercase()).collect();
    let is_gone = |service: &&v1::Service| {
        is_of(&labels(service), name) && !services.contains(&super::name(service).to_lowercase())
    };
    let gone: Vec<&v1::Service> = present.services.iter().filter(is_gone).collect();
    let stays = |service: &&v1::Service| !gone.iter().any(|other| other.id == service.id);
    // What a stack's own service reads from now on stands in the files.
    let foreign = present
        .services
        .iter()
        .filter(stays)
        .filter(|service| !is_of(&labels(service), name));
    let mut read: BTreeSet<&str> = foreign
        .filter_map(|service| service.spec.as_ref())
        .flat_map(|spec| &spec.grants)
        .map(|grant| grant.secret_name.as_str())
        .collect();
    read.extend(
        stack
            .services
            .iter()
            .flat_map(|spec| &spec.value.grants)
            .map(|grant| grant.secret_name.as_str()),
    );
    let old = present.secrets.iter().filter(|secret| {
        is_of(&secret.labels, name)
            && !secrets.contains(&secret.name.to_lowercase())
            && !read.contains(secret.name.as_str())
    });
    let mut steps: Vec<Step> = gone
        .iter()
        .map(|service| Step::RemoveService(super::name(service).to_owned()))
        .collect();
    steps.extend(old.map(|secret| Step::RemoveSecret(secret.name.clone())));
    steps
}

#[cfg(test)]
#[path = "steps_tests.rs"]
mod tests;
