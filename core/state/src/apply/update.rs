//! How does an update of a service begin and go on, and how does it go back? Docker's states and texts.
//!
//! What its tasks run is counted in generations: an update that changes it makes the tasks there are outdated, and one
//! that brings back what some of them still run makes those current again.

use std::collections::BTreeSet;

use super::rotate::check_token;
use super::service::{canonical, difference, known};
use super::step::Step;
use crate::apply::audited::{Outcome, shorten};
use crate::command::ServiceUpdate;
use crate::ids::{ServiceId, TaskId};
use crate::refusal::Refusal;
use crate::service::{Service, ServiceSpec, UpdateState, UpdateStatus};
use crate::state::State;

pub(super) fn one(
    step: &mut Step<'_>,
    id: &ServiceId,
    spec: &ServiceSpec,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    let spec = checked(step.state, id, spec, expected)?;
    begin(step, id, spec);
    Ok(())
}

/// All of them are checked before the first is changed.
pub(super) fn several(step: &mut Step<'_>, updates: &[ServiceUpdate]) -> Result<(), Refusal> {
    let mut named = BTreeSet::new();
    let mut ready = Vec::with_capacity(updates.len());
    for update in updates {
        let spec = checked(step.state, &update.id, &update.spec, update.expected)?;
        if !named.insert(&update.id) {
            return Err(Refusal::ServiceNamedTwice { service: spec.name });
        }
        ready.push((&update.id, spec));
    }
    for (id, spec) in ready {
        begin(step, id, spec);
    }
    Ok(())
}

fn checked(state: &State, id: &ServiceId, spec: &ServiceSpec, expected: Option<u64>) -> Result<ServiceSpec, Refusal> {
    let service = known(state, id)?;
    check_token(service.version_index, expected)?;
    if service.spec.name != spec.name {
        return Err(Refusal::RenameUnsupported);
    }
    if std::mem::discriminant(&service.spec.mode) != std::mem::discriminant(&spec.mode) {
        return Err(Refusal::ModeChangeUnsupported);
    }
    canonical(state, spec, &service.spec.grants)
}

/// Only what replaces or changes tasks is an update that has a state; scaling, labels and settings are just there. What
/// is paused goes on with any update, also with the spec it has.
fn begin(step: &mut Step<'_>, id: &ServiceId, spec: ServiceSpec) {
    let Some(service) = step.state.services().get(id) else {
        return;
    };
    let old = &service.spec;
    let (same, paused) = (*old == spec, service.is_paused());
    if same && !paused {
        return;
    }
    let rolls = (old.run != spec.run || old.grants != spec.grants || paused) && !step.earlier;
    let detail = match difference(step, old, &spec) {
        words if same => format!("resumed{words}"),
        words => words,
    };
    let (name, previous) = (
        spec.name.clone(),
        if same {
            service.previous.clone()
        } else {
            Some(old.clone())
        },
    );
    let status = if rolls {
        Some(status(step, UpdateState::Updating, "update in progress"))
    } else {
        service.update_status.clone()
    };
    put_spec(step, id, spec, previous, status);
    step.audit("service.update", name, detail);
}

fn status(step: &Step<'_>, state: UpdateState, message: &str) -> UpdateStatus {
    UpdateStatus {
        state,
        started_at_ms: step.now_ms,
        completed_at_ms: 0,
        message: shorten(message, 500),
    }
}

fn put_spec(
    step: &mut Step<'_>,
    id: &ServiceId,
    spec: ServiceSpec,
    previous: Option<ServiceSpec>,
    status: Option<UpdateStatus>,
) {
    let earlier = step.earlier;
    step.edit_service(id, |service| {
        let before = std::mem::replace(&mut service.spec, spec);
        if before.run != service.spec.run && !earlier {
            service.earlier.insert(service.generation, before.run);
            service.generation = service.generation.saturating_add(1);
        }
        service.previous = previous;
        service.update_status = status;
    });
    adopt(step, id);
    step.forget_runs(id);
}

/// Tasks that run what the spec asks for again are current.
fn adopt(step: &mut Step<'_>, id: &ServiceId) {
    let Some(service) = step.state.services().get(id) else {
        return;
    };
    let generation = service.generation;
    let runs_it = |earlier: u64| earlier != generation && service.run_of(earlier) == Some(&service.spec.run);
    let same = step.state.tasks_of(id).filter(|task| runs_it(task.generation));
    let same: Vec<TaskId> = same.map(|task| task.id.clone()).collect();
    for task in same {
        step.edit_task(&task, |task| task.generation = generation);
    }
}

impl Service {
    /// A failed update or roll-back waits for somebody.
    pub fn is_paused(&self) -> bool {
        let state = self.update_status.as_ref().map(|status| status.state);
        matches!(state, Some(UpdateState::Paused | UpdateState::RollbackPaused))
    }
}

impl State {
    /// The spec that a roll-back would return to, if there is one and every version it pins still has its value.
    pub fn way_back<'a>(&'a self, service: &'a Service) -> Result<&'a ServiceSpec, Refusal> {
        let name = || service.spec.name.clone();
        let previous = service
            .previous
            .as_ref()
            .ok_or_else(|| Refusal::NoPreviousSpec { service: name() })?;
        for grant in &previous.grants {
            if let Some(version) = grant.pinned.filter(|_| self.version_wanted(grant).is_none()) {
                let secret = self.secrets().get(&grant.secret);
                return Err(Refusal::WayBackGone {
                    service: name(),
                    secret: secret.map_or_else(|| grant.secret.to_string(), |secret| secret.name.clone()),
                    version,
                });
            }
        }
        Ok(previous)
    }
}

/// By an operator: two roll-backs in a row are where they began.
pub(super) fn roll_back(step: &mut Step<'_>, id: &ServiceId, expected: Option<u64>) -> Result<(), Refusal> {
    let service = known(step.state, id)?;
    check_token(service.version_index, expected)?;
    let spec = step.state.way_back(service)?.clone();
    let (name, before) = (spec.name.clone(), service.spec.clone());
    let detail = match difference(step, &before, &spec) {
        words if words.is_empty() => "nothing changes".to_owned(),
        words => words,
    };
    let status = status(step, UpdateState::RollbackStarted, "manually requested rollback");
    put_spec(step, id, spec, Some(before), Some(status));
    step.audit("service.rollback", name, detail);
    Ok(())
}

/// By the leader. A failed update that goes back leaves nothing to return to, as in Docker.
pub(super) fn advance(step: &mut Step<'_>, id: &ServiceId, to: UpdateState, message: &str) -> Result<(), Refusal> {
    let service = known(step.state, id)?;
    let name = service.spec.name.clone();
    let refusal = || Refusal::UpdateStep { service: name.clone() };
    let before = service.update_status.clone().ok_or_else(refusal)?;
    check_step(before.state, to).ok_or_else(refusal)?;
    let message = shorten(message, 500);
    if before.state == to && before.message == message {
        return Ok(());
    }
    if before.state != to && to == UpdateState::RollbackStarted {
        let spec = step.state.way_back(service)?.clone();
        let status = status(step, to, &message);
        put_spec(step, id, spec, None, Some(status));
    } else {
        let over = matches!(to, UpdateState::Completed | UpdateState::RollbackCompleted);
        let completed_at_ms = if over { step.now_ms } else { 0 };
        step.edit_service(id, |service| {
            service.update_status = Some(UpdateStatus {
                state: to,
                completed_at_ms,
                message: message.clone(),
                ..before.clone()
            });
        });
    }
    if before.state != to {
        record(step, name, to, message);
    }
    Ok(())
}

fn check_step(from: UpdateState, to: UpdateState) -> Option<()> {
    use UpdateState::{Completed, Paused, RollbackCompleted, RollbackPaused, RollbackStarted, Updating};
    let allowed = match from {
        Updating => matches!(to, Updating | Completed | Paused | RollbackStarted),
        RollbackStarted => matches!(to, RollbackStarted | RollbackCompleted | RollbackPaused),
        Paused | Completed | RollbackPaused | RollbackCompleted => to == from,
    };
    allowed.then_some(())
}

fn record(step: &mut Step<'_>, name: String, to: UpdateState, message: String) {
    let (action, outcome) = match to {
        UpdateState::Updating => return,
        UpdateState::Completed => ("service.update.done", Outcome::Ok),
        UpdateState::Paused => ("service.update.pause", Outcome::Failed),
        UpdateState::RollbackStarted => ("service.rollback", Outcome::Failed),
        UpdateState::RollbackPaused => ("service.rollback.pause", Outcome::Failed),
        UpdateState::RollbackCompleted => ("service.rollback.done", Outcome::Ok),
    };
    step.audit_outcome(action, name, outcome, message);
}

#[cfg(test)]
#[path = "update_tests.rs"]
mod tests;
