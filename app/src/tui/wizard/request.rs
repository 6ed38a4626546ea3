//! What does a filled-in wizard ask of the cluster? Checks of a page, and the calls for its plan and its run.

use wardroom_api::v1;

use super::form::{Form, Id, Source};
use super::open_members::availability_of;
use super::values::{
    backup, backup_path, grant, label_changes, labels, length, max_age, max_uses, mode, owner, recipients, replicas,
    spec, ttl, value,
};
use super::values_work::{keep, older_than, pin, runs, schedule, signal, update};
use super::{NodeChange, Task, Wizard, keys, request_work};
use crate::tui::model::facts::words;
use crate::tui::msg::{BackupOrder, Call};

/// Whether the page may be left; otherwise what to do.
pub fn check_page(wizard: &Wizard, page: usize) -> Result<(), String> {
    let form = &wizard.form;
    for at in form.visible(page) {
        let Some(field) = form.pages.get(page).and_then(|page| page.fields.get(at)) else {
            continue;
        };
        match field.id {
            Id::Name if form.line(Id::Name).is_empty() => return Err("type a name".into()),
            Id::Path if form.line(Id::Path).is_empty() => return Err("type the path of a file".into()),
            Id::Value if form.value().is_none_or(crate::tui::secret_input::SecretInput::is_empty) => {
                let how = if form.source() == Source::Paste {
                    "paste"
                } else {
                    "type"
                };
                return Err(format!("{how} the value, or choose where else it comes from"));
            }
            Id::Length => length(form).map(drop)?,
            Id::Labels => labels(form.line(Id::Labels)).map(drop)?,
            Id::MaxAge => max_age(form).map(drop)?,
            Id::Mode => mode(form).map(drop)?,
            Id::Owner => owner(form).map(drop)?,
            Id::Signal => signal(form).map(drop)?,
            Id::Pin => pin(form).map(drop)?,
            Id::Keep => keep(form).map(drop)?,
            Id::Runs => runs(form).map(drop)?,
            Id::Parallelism | Id::Delay => update(form).map(drop)?,
            Id::Next => schedule(form).map(drop)?,
            Id::OlderThan => older_than(form).map(drop)?,
            Id::Replicas if matches!(wizard.task, Task::Scale { .. }) => request_work::size(wizard).map(drop)?,
            Id::Replicas => replicas(form).map(drop)?,
            Id::Ttl => ttl(form).map(drop)?,
            Id::MaxUses => max_uses(form).map(drop)?,
            Id::File => backup_path(form).map(drop)?,
            Id::Recipients => recipients(form).map(drop)?,
            Id::Again => backup(form).map(drop)?,
            Id::Availability | Id::NodeLabels => check_differs(wizard)?,
            _ => {}
        }
    }
    Ok(())
}

/// A change that would leave the node as it is needs no plan.
fn check_differs(wizard: &Wizard) -> Result<(), String> {
    let Task::Node { hostname, change, .. } = &wizard.task else {
        return Ok(());
    };
    match change {
        NodeChange::Availability(now) if availability_of(wizard.form.chosen(Id::Availability)) == *now => Err(format!(
            "{hostname} is {} already: choose another",
            words::availability(*now)
        )),
        NodeChange::Labels(before) => {
            let changes = label_changes(before, wizard.form.line(Id::NodeLabels))?;
            if changes == Default::default() {
                return Err("the labels are as they were: change them, or leave with esc".into());
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The call that computes the plan, for the tasks whose plan the leader makes. It carries no value.
pub fn plan_call(wizard: &Wizard) -> Option<Call> {
    if let Task::Rotate { secret_id, .. } = &wizard.task {
        let reference = secret_id.clone();
        return Some(Call::RotateSecret(v1::RotateSecretRequest {
            reference,
            plan_only: true,
            ..Default::default()
        }));
    }
    if wizard.task == Task::CreateSecret {
        return None;
    }
    match run_call(wizard, "").ok()? {
        call @ (Call::RotateUnlockKey(_) | Call::RotateDek(_) | Call::UpdateCluster(_)) => keys::plan_call(call),
        Call::RevokeSecret(request) => Some(Call::RevokeSecret(v1::RevokeSecretRequest {
            plan_only: true,
            ..request
        })),
        Call::UpdateService(request) => Some(Call::UpdateService(v1::UpdateServiceRequest {
            plan_only: true,
            ..request
        })),
        Call::RollbackService(request) => Some(Call::RollbackService(v1::RollbackServiceRequest {
            plan_only: true,
            ..request
        })),
        Call::PruneVersions(request) => Some(Call::PruneVersions(v1::PruneVersionsRequest {
            plan_only: true,
            ..request
        })),
        Call::UpdateGrants(request) => Some(Call::UpdateGrants(v1::UpdateGrantsRequest {
            plan_only: true,
            ..request
        })),
        Call::UpdateNode(request) => Some(Call::UpdateNode(v1::UpdateNodeRequest {
            plan_only: true,
            ..request
        })),
        Call::RemoveNode(request) => Some(Call::RemoveNode(v1::RemoveNodeRequest {
            plan_only: true,
            ..request
        })),
        Call::RotateRoot(request) => Some(Call::RotateRoot(v1::RotateRootRequest {
            plan_only: true,
            ..request
        })),
        _ => None,
    }
}

/// The call that runs the plan with that basis.
pub fn run_call(wizard: &Wizard, basis: &str) -> Result<Call, String> {
    let form = &wizard.form;
    let plan_basis = basis.to_owned();
    if let Some(call) = request_work::call(wizard, basis) {
        return call;
    }
    Ok(match &wizard.task {
        Task::CreateSecret => Call::CreateSecret(v1::CreateSecretRequest {
            name: form.line(Id::Name).to_owned(),
            value: Some(value(form)?),
            labels: labels(form.line(Id::Labels))?,
            max_age_ms: max_age(form)?,
            template_driver: match form.chosen(Id::Template) {
                "golang" => "golang".to_owned(),
                _ => String::new(),
            },
            schedule: schedule(form)?,
        }),
        Task::Rotate { secret_id, .. } => Call::RotateSecret(v1::RotateSecretRequest {
            reference: secret_id.clone(),
            value: Some(value(form)?),
            plan_only: false,
            plan_basis,
            if_changed: false,
        }),
        Task::Revoke { secret_id, version, .. } => Call::RevokeSecret(v1::RevokeSecretRequest {
            reference: secret_id.clone(),
            version: *version,
            plan_only: false,
            plan_basis,
            shred: false,
        }),
        Task::RemoveSecret { secret_id, .. } => Call::RemoveSecret(v1::RemoveSecretRequest {
            reference: secret_id.clone(),
        }),
        Task::CreateService => Call::CreateService(v1::CreateServiceRequest {
            spec: Some(spec(form)?),
            exposes_env: false,
        }),
        Task::Grant => {
            let add = vec![grant(form)?];
            Call::UpdateService(v1::UpdateServiceRequest {
                reference: form.chosen(Id::Service).to_owned(),
                add,
                plan_basis,
                ..Default::default()
            })
        }
        Task::Withdraw { service_id, secret, .. } => {
            let remove = vec![secret.clone()];
            Call::UpdateService(v1::UpdateServiceRequest {
                reference: service_id.clone(),
                remove,
                plan_basis,
                ..Default::default()
            })
        }
        Task::StageGrant { .. }
        | Task::Grants { .. }
        | Task::Steer { .. }
        | Task::Prune { .. }
        | Task::Scale { .. }
        | Task::RollbackService { .. }
        | Task::ForceUpdate { .. } => return Err("what is staged is sent with the others".into()),
        Task::RemoveService { service_id, .. } => Call::RemoveService(v1::RemoveServiceRequest {
            reference: service_id.clone(),
        }),
        Task::Node { node_id, change, .. } => node(node_id, change, form, plan_basis)?,
        Task::StepDown { .. } => Call::StepDown(v1::StepDownRequest {
            to: form.chosen(Id::To).to_owned(),
        }),
        Task::RotateRoot { .. } => Call::RotateRoot(v1::RotateRootRequest {
            plan_basis,
            ..Default::default()
        }),
        Task::RotateUnlockKey { .. }
        | Task::RotateDek { .. }
        | Task::Autolock { .. }
        | Task::Shred { .. }
        | Task::Lock { .. } => return keys::call(&wizard.task, plan_basis).ok_or_else(String::new),
        Task::RotateToken { role } => Call::RotateJoinToken(v1::RotateJoinTokenRequest {
            role: (*role).into(),
            ttl_ms: ttl(form)?,
            max_uses: max_uses(form)?,
        }),
        Task::RemoveOperator { operator_id, .. } => Call::RemoveOperator(v1::RemoveOperatorRequest {
            reference: operator_id.clone(),
        }),
        Task::Backup { .. } => Call::Backup(BackupOrder {
            path: backup_path(form)?,
            request: backup(form)?,
        }),
    })
}

fn node(node_id: &str, change: &NodeChange, form: &Form, plan_basis: String) -> Result<Call, String> {
    let mut request = v1::UpdateNodeRequest {
        reference: node_id.to_owned(),
        plan_basis,
        ..Default::default()
    };
    match change {
        NodeChange::Promote => request.role = v1::Role::Manager.into(),
        NodeChange::Demote => request.role = v1::Role::Worker.into(),
        NodeChange::Availability(_) => request.availability = availability_of(form.chosen(Id::Availability)).into(),
        NodeChange::Labels(before) => {
            (request.label_add, request.label_rm) = label_changes(before, form.line(Id::NodeLabels))?;
        }
        NodeChange::Remove => {
            return Ok(Call::RemoveNode(v1::RemoveNodeRequest {
                reference: request.reference,
                force: form.chosen(Id::Force) == "force",
                plan_only: false,
                plan_basis: request.plan_basis,
            }));
        }
    }
    Ok(Call::UpdateNode(request))
}
