//! What does the cluster get? Names are those of the stack, references are resolved, and everything stands in one order,
//! so that the same files twice are the same specs twice.

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_api::v1::{self, Executor, FailureAction, RestartCondition, RollOrder};

use super::fields::At;
use super::interpolate::Lookup;
use super::problem::Problems;
use super::shape::{Compose, Origin, Secret, Service};
use super::tree::Place;
use super::{NAMESPACE, env_file, resolve};

/// Where the files are deployed from, and to.
pub struct Surroundings<'a> {
    pub stack: &'a str,
    /// Of the first compose file, absolute.
    pub folder: &'a str,
    pub lookup: Lookup<'a>,
    /// Bytes of a file, or why there are none. The path is as it is written.
    pub file: &'a dyn Fn(&str) -> Result<Vec<u8>, String>,
}

/// All that the cluster should have.
#[derive(Debug, Default)]
pub struct Stack {
    /// By name.
    pub secrets: Vec<Wanted>,
    /// By name; every default is written out.
    pub services: Vec<At<v1::ServiceSpec>>,
}

/// A secret that has to be there.
#[derive(Clone, Debug)]
pub struct Wanted {
    pub name: String,
    pub place: Place,
    pub origin: Origin,
    pub labels: BTreeMap<String, String>,
    pub template_driver: String,
}

pub fn convert(compose: &Compose, around: &Surroundings<'_>, problems: &mut Problems) -> Stack {
    if let Some(name) = compose.name.as_ref().filter(|name| name.value != around.stack) {
        let text = format!(
            "this names the stack {}, and the command line {}; use one name",
            name.value, around.stack
        );
        problems.refuse(&name.place, text);
    }
    let mut stack = Stack {
        secrets: secrets(compose, around.stack, problems),
        services: Vec::new(),
    };
    for (key, service) in &compose.services {
        let spec = spec(key, service, compose, around, problems);
        let place = service.place.clone();
        stack.services.push(At { place, value: spec });
    }
    stack.services.sort_by(|a, b| a.value.name.cmp(&b.value.name));
    let names = stack
        .services
        .iter()
        .map(|service| (service.value.name.as_str(), &service.place));
    unique("service", names, problems);
    lonely(&stack, problems);
    stack
}

fn secrets(compose: &Compose, stack: &str, problems: &mut Problems) -> Vec<Wanted> {
    let mut wanted = Vec::new();
    for (key, secret) in &compose.secrets {
        let name = secret_name(key, secret, stack);
        if !is_name(&name, 64, "-_.") {
            let text = format!(
                "secret {key}: {name} cannot be its name; take letters, digits, -, _ and ., letters and digits at both ends, \
                 at most 64"
            );
            problems.refuse(&secret.place, text);
        }
        let Some(origin) = secret.origin.clone() else {
            continue;
        };
        let mut labels = secret.labels.clone();
        labels.insert(NAMESPACE.to_owned(), stack.to_owned());
        wanted.push(Wanted {
            name,
            place: secret.place.clone(),
            origin,
            labels,
            template_driver: secret.template_driver.clone(),
        });
    }
    wanted.sort_by(|a, b| a.name.cmp(&b.name));
    let names = wanted.iter().map(|secret| (secret.name.as_str(), &secret.place));
    unique("secret", names, problems);
    wanted
}

/// Names of one kind differ by more than the case of their letters.
fn unique<'a>(noun: &str, names: impl Iterator<Item = (&'a str, &'a Place)>, problems: &mut Problems) {
    let mut seen: BTreeMap<String, &Place> = BTreeMap::new();
    for (name, place) in names {
        if let Some(first) = seen.insert(name.to_lowercase(), place) {
            problems.refuse(
                place,
                format!("a {noun} {name} is here for the second time; the first is at {first}"),
            );
        }
    }
}

/// As the cluster calls it: an external one by its own name.
fn secret_name(key: &str, secret: &Secret, stack: &str) -> String {
    match (&secret.name, &secret.origin) {
        (Some(name), _) => name.clone(),
        (None, Some(Origin::External)) => key.to_owned(),
        (None, _) => format!("{stack}_{key}"),
    }
}

fn spec(
    key: &str,
    service: &Service,
    compose: &Compose,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> v1::ServiceSpec {
    let name = format!("{}_{key}", around.stack);
    if !is_name(&name, 63, "-_") {
        let text = format!(
            "service {key}: {name} cannot be its name; take letters, digits, - and _, letters and digits at both ends, at most 63"
        );
        problems.refuse(&service.place, text);
    }
    let deploy = &service.deploy;
    let mut labels = deploy.labels.clone();
    labels.insert(NAMESPACE.to_owned(), around.stack.to_owned());
    v1::ServiceSpec {
        name,
        labels,
        global: deploy.global,
        replicas: if deploy.global { 0 } else { deploy.replicas.unwrap_or(1) },
        grants: grants(key, service, compose, around.stack, problems),
        constraints: deploy.constraints.clone(),
        run: Some(run(key, service, compose, around, problems)),
        restart: Some(deploy.restart.unwrap_or(v1::RestartPolicy {
            condition: RestartCondition::Any.into(),
            delay_ms: 5_000,
            max_attempts: 0,
            window_ms: 0,
        })),
        update: Some(deploy.update.unwrap_or_else(roll_settings)),
        rollback: Some(deploy.rollback.unwrap_or_else(roll_settings)),
        max_per_node: deploy.max_per_node,
        one_off: false,
    }
}

/// Docker's defaults.
fn roll_settings() -> v1::RollSettings {
    v1::RollSettings {
        parallelism: 1,
        delay_ms: 0,
        monitor_ms: 5_000,
        on_failure: FailureAction::Pause.into(),
        max_failure_ppm: 0,
        order: RollOrder::StopFirst.into(),
    }
}

fn run(
    key: &str,
    service: &Service,
    compose: &Compose,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> v1::RunSpec {
    let mut run = service.run.clone();
    run.env = environment(key, service, around, problems);
    if run.executor() != Executor::Container {
        return run;
    }
    run.container_labels
        .insert(NAMESPACE.to_owned(), around.stack.to_owned());
    run.networks = resolve::networks(key, service, compose, problems);
    run.mounts = resolve::mounts(key, service, compose, around, problems);
    run
}

/// `NAME=value`, by name: files first, then what the service says itself.
fn environment(key: &str, service: &Service, around: &Surroundings<'_>, problems: &mut Problems) -> Vec<String> {
    let mut variables: BTreeMap<String, At<Option<String>>> = BTreeMap::new();
    for file in &service.env_files {
        match (around.file)(&file.value) {
            Ok(bytes) => {
                let name: Arc<str> = file.value.as_str().into();
                variables.extend(env_file::parse(&name, &bytes, problems));
            }
            Err(why) => problems.refuse(&file.place, format!("service {key}: env_file: {why}")),
        }
    }
    variables.extend(service.environment.clone());
    let mut lines = Vec::new();
    for (name, at) in variables {
        if let Some(value) = at.value.or_else(|| (around.lookup)(&name)) {
            lines.push(format!("{name}={value}"));
        } else {
            let text = format!("service {key}: {name} has no value here and none in your environment; it stays unset");
            problems.remark(&at.place, text);
        }
    }
    lines
}

/// Sorted by target, as the cluster keeps them.
fn grants(key: &str, service: &Service, compose: &Compose, stack: &str, problems: &mut Problems) -> Vec<v1::Grant> {
    let mut grants = Vec::new();
    for used in &service.secrets {
        let Some(secret) = compose.secrets.get(&used.source.value) else {
            let text = resolve::undefined(key, "secret", &used.source.value, compose.secrets.keys());
            problems.refuse(&used.source.place, text);
            continue;
        };
        grants.push(v1::Grant {
            secret_name: secret_name(&used.source.value, secret, stack),
            ..used.grant.clone()
        });
    }
    grants.sort_by(|a, b| a.target.cmp(&b.target));
    grants
}

/// Nothing leads from one container to another by its name, unless they share a network.
fn lonely(stack: &Stack, problems: &mut Problems) {
    let alone = |service: &&At<v1::ServiceSpec>| {
        let run = service.value.run.as_ref();
        run.is_some_and(|run| run.executor() == Executor::Container && run.networks.is_empty())
    };
    let mut alone = stack.services.iter().filter(alone);
    if let (Some(first), Some(_)) = (alone.next(), alone.next()) {
        problems.remark(
            &first.place,
            "no network is made for a stack: services reach each other by name on an external one only",
        );
    }
}

/// What the cluster takes as a name.
pub fn is_name(name: &str, most: usize, others: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    let is_end = |c: char| c.is_ascii_alphanumeric();
    name.len() <= most && name.starts_with(is_end) && name.ends_with(is_end) && name.chars().all(is_part)
}

#[cfg(test)]
#[path = "convert_tests.rs"]
mod tests;
