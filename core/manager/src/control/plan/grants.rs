//! What would a change of several services' grants do? Each service's plan, one after the other, under one basis.

use std::collections::BTreeSet;

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::ServiceUpdate;

use crate::control::error::Failure;
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, is_runnable, update};
use crate::control::services::known;

pub(crate) fn grants(state: &State, updates: &[ServiceUpdate], health: &Health) -> Result<Plan, Failure> {
    let (mut steps, mut checks): (Vec<v1::PlanStep>, Vec<v1::PlanCheck>) = (Vec::new(), Vec::new());
    let (mut leaves, mut arrives) = (BTreeSet::new(), BTreeSet::new());
    let mut bases = Vec::new();
    for change in updates {
        let service = known(state, &change.id)?;
        let plan = update(state, service, &change.spec, health)?.0;
        // A grant's step names the secret only, which is enough for one service.
        let told = plan.steps.into_iter().map(|step| v1::PlanStep {
            detail: if step.subject.starts_with("service ") {
                step.detail
            } else {
                format!("{} of service {}", step.detail, service.spec.name)
            },
            ..step
        });
        steps.extend(told);
        for check in plan.checks {
            if !checks.contains(&check) {
                checks.push(check);
            }
        }
        leaves.extend(plan.leaves);
        arrives.extend(plan.arrives);
        bases.push(plan.basis);
    }
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_all("grants", &bases),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: leaves.into_iter().collect(),
        stays: Vec::new(),
        arrives: arrives.into_iter().collect(),
    }))
}
