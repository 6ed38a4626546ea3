//! What do changes of what runs ask of the cluster? Grants that were staged, rotations that are steered, services that are
//! scaled, put back or started anew, versions that are pruned.

use wardroom_api::v1;

use super::values::replicas;
use super::values_work::{keep, older_than};
use super::{Task, Wizard};
use crate::tui::model::staged;
use crate::tui::msg::Call;

/// The call that runs the plan with that basis; `None` for the other tasks.
pub fn call(wizard: &Wizard, basis: &str) -> Option<Result<Call, String>> {
    match &wizard.task {
        Task::Grants { .. }
        | Task::Steer { .. }
        | Task::Prune { .. }
        | Task::Scale { .. }
        | Task::RollbackService { .. }
        | Task::ForceUpdate { .. } => Some(made(wizard, basis.to_owned())),
        _ => None,
    }
}

fn made(wizard: &Wizard, plan_basis: String) -> Result<Call, String> {
    let form = &wizard.form;
    Ok(match &wizard.task {
        Task::Steer { rotation_id, steer, .. } => Call::SteerRotation(v1::SteerRotationRequest {
            reference: rotation_id.clone(),
            action: steer.action().into(),
        }),
        Task::Prune { secret_id, .. } => Call::PruneVersions(v1::PruneVersionsRequest {
            references: vec![secret_id.clone()],
            keep: Some(keep(form)?),
            older_than_ms: older_than(form)?,
            plan_only: false,
            plan_basis,
        }),
        Task::Scale { service_id, .. } => Call::UpdateService(v1::UpdateServiceRequest {
            reference: service_id.clone(),
            replicas: Some(size(wizard)?),
            plan_basis,
            ..Default::default()
        }),
        Task::RollbackService { service_id, .. } => Call::RollbackService(v1::RollbackServiceRequest {
            reference: service_id.clone(),
            plan_only: false,
            plan_basis,
        }),
        Task::ForceUpdate {
            service_id,
            spec,
            expected,
            ..
        } => Call::UpdateService(v1::UpdateServiceRequest {
            reference: service_id.clone(),
            spec: Some((**spec).clone()),
            expected: Some(*expected),
            plan_basis,
            ..Default::default()
        }),
        Task::Grants { edits, .. } => Call::UpdateGrants(v1::UpdateGrantsRequest {
            changes: staged::changes(edits.iter()),
            plan_only: false,
            plan_basis,
        }),
        _ => return Err("nothing is to be sent".into()),
    })
}

/// So many tasks, another number than before.
pub fn size(wizard: &Wizard) -> Result<u32, String> {
    match (replicas(&wizard.form), &wizard.task) {
        (Ok((false, wanted)), Task::Scale { name, before, .. }) if wanted == *before => Err(format!(
            "{name} has that size already: write another, or leave with esc"
        )),
        (Ok((false, wanted)), _) => Ok(wanted),
        _ => Err("write a number of replicas".into()),
    }
}
