//! What does a filled-in wizard ask of the cluster? Checks of a page, and the calls for its plan and its run.

use wardroom_api::v1;

use super::form::{Id, Source};
use super::values::{grant, labels, length, max_age, mode, owner, replicas, spec, value};
use super::{Task, Wizard};
use crate::tui::msg::Call;

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
            Id::Replicas => replicas(form).map(drop)?,
            _ => {}
        }
    }
    Ok(())
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
        Call::RevokeSecret(request) => Some(Call::RevokeSecret(v1::RevokeSecretRequest {
            plan_only: true,
            ..request
        })),
        Call::UpdateService(request) => Some(Call::UpdateService(v1::UpdateServiceRequest {
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
    Ok(match &wizard.task {
        Task::CreateSecret => Call::CreateSecret(v1::CreateSecretRequest {
            name: form.line(Id::Name).to_owned(),
            value: Some(value(form)?),
            labels: labels(form.line(Id::Labels))?,
            max_age_ms: max_age(form)?,
        }),
        Task::Rotate { secret_id, .. } => Call::RotateSecret(v1::RotateSecretRequest {
            reference: secret_id.clone(),
            value: Some(value(form)?),
            plan_only: false,
            plan_basis,
        }),
        Task::Revoke { secret_id, version, .. } => Call::RevokeSecret(v1::RevokeSecretRequest {
            reference: secret_id.clone(),
            version: *version,
            plan_only: false,
            plan_basis,
        }),
        Task::RemoveSecret { secret_id, .. } => Call::RemoveSecret(v1::RemoveSecretRequest {
            reference: secret_id.clone(),
        }),
        Task::CreateService => Call::CreateService(v1::CreateServiceRequest {
            spec: Some(spec(form)?),
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
        Task::RemoveService { service_id, .. } => Call::RemoveService(v1::RemoveServiceRequest {
            reference: service_id.clone(),
        }),
    })
}

/// The command line that does the same; never with a value in it.
pub fn same_as(wizard: &Wizard) -> String {
    let form = &wizard.form;
    let source = match form.source() {
        Source::Generate => format!("--generate {}", form.line(Id::Length)),
        Source::File => form.line(Id::Path).to_owned(),
        Source::Type | Source::Paste => "-".to_owned(),
    };
    let access = || {
        let target = Some(form.line(Id::Target))
            .filter(|target| !target.is_empty())
            .unwrap_or(form.chosen_label(Id::Secret));
        let (uid, gid) = form.line(Id::Owner).split_once(':').unwrap_or(("0", "0"));
        let (secret, mode, change) = (
            form.chosen_label(Id::Secret),
            form.line(Id::Mode),
            form.chosen(Id::OnChange),
        );
        format!("source={secret},target={target},uid={uid},gid={gid},mode={mode},on-change={change}")
    };
    match &wizard.task {
        Task::CreateSecret => format!("wardroom secret create {} {source}", form.line(Id::Name)),
        Task::Rotate { name, .. } => format!("wardroom secret rotate {name} {source}"),
        Task::Revoke { name, version: 0, .. } => format!("wardroom secret revoke {name}"),
        Task::Revoke { name, version, .. } => format!("wardroom secret revoke {name}@{version}"),
        Task::RemoveSecret { name, .. } => format!("wardroom secret rm {name}"),
        Task::RemoveService { name, .. } => format!("wardroom service rm {name}"),
        Task::Withdraw { service, secret, .. } => format!("wardroom service update --secret-rm {secret} {service}"),
        Task::Grant => format!(
            "wardroom service update --secret-add {} {}",
            access(),
            form.chosen_label(Id::Service)
        ),
        Task::CreateService => {
            let size = match form.line(Id::Replicas) {
                "global" => "--mode global".to_owned(),
                replicas => format!("--replicas {replicas}"),
            };
            let secret = if form.chosen(Id::Secret).is_empty() {
                String::new()
            } else {
                format!(" --secret {}", access())
            };
            format!(
                "wardroom service create --name {} {size}{secret} -- {}",
                form.line(Id::Name),
                form.line(Id::Command)
            )
        }
    }
}
