//! How does a service come and go, and what may stand in its spec?

use std::collections::BTreeMap;

use super::audited::{counted, shorten};
use super::holding;
use super::run_words;
use super::step::Step;
use crate::constraint::Constraint;
use crate::ids::{SecretId, ServiceId, TaskId};
use crate::refusal::{Noun, Refusal};
use crate::service::{Grant, Mode, OnChange, Service, ServiceSpec};
use crate::state::State;
use crate::task::TaskState;
use crate::validate;

pub(super) fn create(step: &mut Step<'_>, id: &ServiceId, spec: &ServiceSpec) -> Result<(), Refusal> {
    let spec = canonical(step.state, spec, &[])?;
    if step.state.services().contains_key(id) {
        return Err(Refusal::IdTaken {
            noun: Noun::Service,
            id: id.to_string(),
        });
    }
    if step.state.derived.service_names.contains_key(&spec.name.to_lowercase()) {
        return Err(Refusal::NameTaken {
            noun: Noun::Service,
            name: spec.name,
        });
    }
    let name = spec.name.clone();
    let mut detail = vec![mode_words(spec.mode)];
    if !spec.constraints.is_empty() {
        detail.push(constraint_words(&spec.constraints));
    }
    detail.extend(spec.grants.iter().map(|grant| format!("+{}", grant_words(step, grant))));
    step.insert_service(Service {
        id: id.clone(),
        spec,
        previous: None,
        generation: 1,
        earlier: BTreeMap::new(),
        update_status: None,
        created_at_ms: step.now_ms,
        updated_at_ms: step.now_ms,
        version_index: step.index,
    });
    step.audit("service.create", name, detail.join(", "));
    Ok(())
}

/// Its placed tasks stay until their workers have let go of them; nobody has to wait for the others.
pub(super) fn remove(step: &mut Step<'_>, id: &ServiceId) -> Result<(), Refusal> {
    let name = known(step.state, id)?.spec.name.clone();
    let tasks: Vec<(TaskId, bool)> = step
        .state
        .tasks_of(id)
        .map(|task| (task.id.clone(), task.node.is_some()))
        .collect();
    for (task, placed) in &tasks {
        if *placed {
            step.edit_task(task, |task| task.desired = TaskState::Remove);
            holding::cut_task(step, task);
        } else {
            step.remove_task(task);
        }
    }
    step.remove_service(id);
    step.audit("service.remove", name, counted(tasks.len(), "task"));
    Ok(())
}

pub(super) fn known<'a>(state: &'a State, id: &ServiceId) -> Result<&'a Service, Refusal> {
    state.services().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Service,
        reference: id.to_string(),
    })
}

/// The spec with its grants in canonical form. Grants that were there before may point at a revoked secret: scaling a
/// service must stay possible after a revoke.
pub(super) fn canonical(state: &State, spec: &ServiceSpec, before: &[Grant]) -> Result<ServiceSpec, Refusal> {
    validate::service_spec(spec)?;
    let unknown = spec
        .grants
        .iter()
        .map(|grant| &grant.secret)
        .filter(|id| !state.secrets().contains_key(*id));
    let mut unknown: Vec<String> = unknown.map(SecretId::to_string).collect();
    unknown.sort();
    unknown.dedup();
    if !unknown.is_empty() {
        return Err(Refusal::SecretsNotFound(unknown));
    }
    let name_of = |grant: &Grant| {
        state
            .secrets()
            .get(&grant.secret)
            .map_or_else(String::new, |s| s.name.clone())
    };
    let grants = validate::grants(&spec.grants, name_of)?;
    for grant in &grants {
        let was_there = before
            .iter()
            .any(|old| old.secret == grant.secret && old.pinned == grant.pinned);
        if !was_there {
            check_live(state, grant)?;
        }
    }
    Ok(ServiceSpec { grants, ..spec.clone() })
}

fn check_live(state: &State, grant: &Grant) -> Result<(), Refusal> {
    if state.version_wanted(grant).is_some() {
        return Ok(());
    }
    let secret = super::secret::known(state, &grant.secret)?;
    let name = secret.name.clone();
    Err(match grant.pinned {
        None => Refusal::NoCurrentVersion { secret: name },
        Some(version) if secret.versions.contains_key(&version) => Refusal::VersionGone { secret: name, version },
        Some(version) => Refusal::VersionNotFound { secret: name, version },
    })
}

/// `+api_key as key.txt (swap), -db_password, 1 replica -> 3 replicas`.
pub(super) fn difference(step: &Step<'_>, old: &ServiceSpec, new: &ServiceSpec) -> String {
    let added = new.grants.iter().filter(|grant| !old.grants.contains(grant));
    let removed = old.grants.iter().filter(|grant| !new.grants.contains(grant));
    let mut words: Vec<String> = removed.map(|grant| format!("-{}", grant_words(step, grant))).collect();
    words.extend(added.map(|grant| format!("+{}", grant_words(step, grant))));
    if old.mode != new.mode {
        words.push(format!("{} -> {}", mode_words(old.mode), mode_words(new.mode)));
    }
    words.extend(run_words::difference(&old.run, &new.run));
    if old.constraints != new.constraints {
        words.push(constraint_words(&new.constraints));
    }
    if old.labels != new.labels {
        words.push("new labels".to_owned());
    }
    if (old.update, old.rollback) != (new.update, new.rollback) {
        words.push("new update settings".to_owned());
    }
    if (old.restart, old.max_per_node, old.one_off) != (new.restart, new.max_per_node, new.one_off) {
        words.push("new task settings".to_owned());
    }
    words.join(", ")
}

fn grant_words(step: &Step<'_>, grant: &Grant) -> String {
    let secret = step.secret_name(&grant.secret);
    let pinned = grant.pinned.map_or_else(String::new, |version| format!(" v{version}"));
    let target = if grant.target == secret {
        String::new()
    } else {
        format!(" as {}", grant.target)
    };
    let on_change = match &grant.on_change {
        OnChange::Swap => "swap",
        OnChange::Restart => "restart",
        OnChange::Signal(signal) => signal,
    };
    format!("{secret}{pinned}{target} ({on_change})")
}

fn constraint_words(constraints: &[Constraint]) -> String {
    if constraints.is_empty() {
        return "on any node".to_owned();
    }
    let all: Vec<String> = constraints.iter().map(Constraint::to_string).collect();
    shorten(&format!("on nodes with {}", all.join(" and ")), 500)
}

fn mode_words(mode: Mode) -> String {
    match mode {
        Mode::Replicated(replicas) => counted(usize::try_from(replicas).unwrap_or(usize::MAX), "replica"),
        Mode::Global => "global".to_owned(),
    }
}

#[cfg(test)]
#[path = "service_tests.rs"]
mod tests;
