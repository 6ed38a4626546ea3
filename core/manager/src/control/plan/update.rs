//! What would an update of a service do? Files come and go in place or by replacement, tasks are added or removed.

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::service::{Grant, Mode, OnChange, Service, ServiceSpec};

use crate::control::error::Failure;
use crate::control::plan::blast::{hostnames, nodes_of, tasks};
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, check, counted, is_runnable, pace, step};

#[allow(clippy::unnecessary_wraps)] // all plans are made the same way
pub(crate) fn update(state: &State, service: &Service, spec: &ServiceSpec, health: &Health) -> Result<Plan, Failure> {
    let running = tasks(state, service);
    let hosts = hostnames(state, &nodes_of(&running));
    let count = counted(running.len(), "task");
    let name = |grant: &Grant| {
        state
            .secrets()
            .get(&grant.secret)
            .map_or_else(String::new, |secret| secret.name.clone())
    };
    let goes: Vec<&Grant> = service
        .spec
        .grants
        .iter()
        .filter(|grant| !spec.grants.contains(grant))
        .collect();
    let comes: Vec<&Grant> = spec
        .grants
        .iter()
        .filter(|grant| !service.spec.grants.contains(grant))
        .collect();

    let mut steps = Vec::new();
    for grant in &goes {
        steps.push(step(
            PlanAction::Erase,
            format!("secret {}", name(grant)),
            format!("{} goes from {count}", grant.target),
        ));
    }
    for grant in &comes {
        let detail = format!("arrives as {} in {count}", grant.target);
        steps.push(step(PlanAction::Create, format!("secret {}", name(grant)), detail));
    }
    let mut changed = goes.iter().chain(&comes);
    if service.spec.run != spec.run || changed.any(|grant| grant.on_change == OnChange::Restart) {
        let detail = format!("{count} replaced, {}", pace::replacing(&spec.update));
        steps.push(step(PlanAction::Restart, format!("service {}", spec.name), detail));
    }
    steps.extend(scaling(service, spec));
    if steps.is_empty() {
        steps.push(step(
            PlanAction::Keep,
            format!("service {}", spec.name),
            "nothing changes",
        ));
    }

    let mut checks = health.checks(state);
    let valueless = |grant: &&&Grant| state.version_wanted(grant).is_none();
    for grant in comes.iter().filter(valueless) {
        let text = format!(
            "secret {} has no current version: new tasks wait until it is rotated",
            name(grant)
        );
        checks.push(check(CheckLevel::Warn, text));
    }
    let only = |some: &[&Grant]| if some.is_empty() { Vec::new() } else { hosts.clone() };
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_service(state, &subject(spec), service),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: only(&goes),
        stays: Vec::new(),
        arrives: only(&comes),
    }))
}

/// What the plan was asked for: the same request on the same state gives the same basis.
fn subject(spec: &ServiceSpec) -> String {
    format!("update {spec:?}")
}

fn scaling(service: &Service, spec: &ServiceSpec) -> Option<v1::PlanStep> {
    let (Mode::Replicated(before), Mode::Replicated(after)) = (service.spec.mode, spec.mode) else {
        return None;
    };
    let subject = format!("service {}", spec.name);
    let between = |from: u32, to: u32| counted(usize::try_from(to - from).unwrap_or(usize::MAX), "task");
    match before.cmp(&after) {
        std::cmp::Ordering::Less => Some(step(
            PlanAction::Create,
            subject,
            format!("{} more", between(before, after)),
        )),
        std::cmp::Ordering::Equal => None,
        std::cmp::Ordering::Greater => Some(step(
            PlanAction::Cut,
            subject,
            format!("{} removed, the highest slots first", between(after, before)),
        )),
    }
}
