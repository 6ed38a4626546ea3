//! What does a filled-in wizard ask of the cluster? Checks of a page, and the calls for its plan and its run.

use std::collections::BTreeMap;

use wardroom_api::v1::{self, OnChange, ServiceSpec};

use super::form::{Form, Id, Source};
use super::{Task, Wizard};
use crate::tui::model::facts::time::parse_span;
use crate::tui::msg::Call;

/// Longest generated value, in characters: Docker's limit for a value.
const LENGTH_MAX: u32 = 511_999;

/// Whether the page may be left; otherwise what to do.
pub fn check_page(wizard: &Wizard, page: usize) -> Result<(), String> {
    let form = &wizard.form;
    for at in form.visible(page) {
        let Some(field) = form.pages.get(page).and_then(|page| page.fields.get(at)) else { continue };
        match field.id {
            Id::Name if form.line(Id::Name).is_empty() => return Err("type a name".into()),
            Id::Path if form.line(Id::Path).is_empty() => return Err("type the path of a file".into()),
            Id::Value if form.value().is_none_or(crate::tui::secret_input::SecretInput::is_empty) => {
                let how = if form.source() == Source::Paste { "paste" } else { "type" };
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
        return Some(Call::RotateSecret(v1::RotateSecretRequest { reference, plan_only: true, ..Default::default() }));
    }
    if wizard.task == Task::CreateSecret {
        return None;
    }
    match run_call(wizard, "").ok()? {
        Call::RevokeSecret(request) => Some(Call::RevokeSecret(v1::RevokeSecretRequest { plan_only: true, ..request })),
        Call::UpdateService(request) => Some(Call::UpdateService(v1::UpdateServiceRequest { plan_only: true, ..request })),
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
        Task::Revoke { secret_id, version, .. } => {
            Call::RevokeSecret(v1::RevokeSecretRequest { reference: secret_id.clone(), version: *version, plan_only: false, plan_basis })
        }
        Task::RemoveSecret { secret_id, .. } => Call::RemoveSecret(v1::RemoveSecretRequest { reference: secret_id.clone() }),
        Task::CreateService => Call::CreateService(v1::CreateServiceRequest { spec: Some(spec(form)?) }),
        Task::Grant => {
            let add = vec![grant(form)?];
            Call::UpdateService(v1::UpdateServiceRequest { reference: form.chosen(Id::Service).to_owned(), add, plan_basis, ..Default::default() })
        }
        Task::Withdraw { service_id, secret, .. } => {
            let remove = vec![secret.clone()];
            Call::UpdateService(v1::UpdateServiceRequest { reference: service_id.clone(), remove, plan_basis, ..Default::default() })
        }
        Task::RemoveService { service_id, .. } => Call::RemoveService(v1::RemoveServiceRequest { reference: service_id.clone() }),
    })
}

fn value(form: &Form) -> Result<v1::Value, String> {
    match (form.source(), form.value()) {
        (Source::Generate, _) => Ok(v1::Value::generated(length(form)?)),
        (_, Some(secret)) if !secret.is_empty() => Ok(v1::Value::from_bytes(secret.copy(form.strips_newline()))),
        _ => Err("there is no value".into()),
    }
}

fn length(form: &Form) -> Result<u32, String> {
    let length = form.line(Id::Length).parse().ok().filter(|length| (1..=LENGTH_MAX).contains(length));
    length.ok_or_else(|| format!("the length is a number from 1 to {LENGTH_MAX}"))
}

fn max_age(form: &Form) -> Result<u64, String> {
    match form.line(Id::MaxAge) {
        "" => Ok(0),
        text => parse_span(text).ok_or_else(|| "write an age such as 90d or 12h, or leave it empty".into()),
    }
}

/// `k=v` words; a word without `=` is a label with an empty value.
fn labels(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut found = BTreeMap::new();
    for word in text.split_whitespace() {
        let (key, value) = word.split_once('=').unwrap_or((word, ""));
        if key.is_empty() {
            return Err(format!("label '{word}' has no name: write name=value"));
        }
        if found.insert(key.to_owned(), value.to_owned()).is_some() {
            return Err(format!("label '{key}' stands twice"));
        }
    }
    Ok(found)
}

fn mode(form: &Form) -> Result<u32, String> {
    let mode = u32::from_str_radix(form.line(Id::Mode), 8).ok().filter(|mode| *mode <= 0o777);
    mode.ok_or_else(|| "the mode is octal permission bits, such as 0440".into())
}

fn owner(form: &Form) -> Result<(u32, u32), String> {
    let owner = form.line(Id::Owner).split_once(':').and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)));
    owner.ok_or_else(|| "write two numbers, uid:gid, such as 0:0".into())
}

/// `(global, replicas)`.
fn replicas(form: &Form) -> Result<(bool, u32), String> {
    match form.line(Id::Replicas) {
        "global" => Ok((true, 0)),
        text => text.parse().map(|replicas| (false, replicas)).map_err(|_not_a_number| "write a number of replicas, or global".into()),
    }
}

fn grant(form: &Form) -> Result<v1::Grant, String> {
    let name = form.chosen_label(Id::Secret).to_owned();
    let target = Some(form.line(Id::Target)).filter(|target| !target.is_empty()).unwrap_or(&name).to_owned();
    let (uid, gid) = owner(form)?;
    let (on_change, signal) = match form.chosen(Id::OnChange) {
        "restart" => (OnChange::Restart, ""),
        "signal" => (OnChange::Signal, "SIGHUP"),
        _ => (OnChange::Swap, ""),
    };
    Ok(v1::Grant {
        secret_id: form.chosen(Id::Secret).to_owned(),
        secret_name: name,
        target,
        uid,
        gid,
        mode: mode(form)?,
        on_change: on_change.into(),
        signal: signal.to_owned(),
        pinned: 0,
    })
}

fn spec(form: &Form) -> Result<ServiceSpec, String> {
    let (global, replicas) = replicas(form)?;
    let command = split_command(form.line(Id::Command))?;
    let executor = if command.is_empty() { v1::Executor::Files } else { v1::Executor::Process };
    let grants = if form.chosen(Id::Secret).is_empty() { Vec::new() } else { vec![grant(form)?] };
    Ok(ServiceSpec {
        name: form.line(Id::Name).to_owned(),
        executor: executor.into(),
        command,
        global,
        replicas,
        grants,
        update_parallelism: 1,
        ..ServiceSpec::default()
    })
}

/// Words as a shell splits them: spaces separate, single and double quotes keep together.
fn split_command(text: &str) -> Result<Vec<String>, String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    for character in text.chars() {
        match quote {
            Some(open) if character == open => quote = None,
            Some(_) => word.get_or_insert_default().push(character),
            None if matches!(character, '\'' | '"') => {
                quote = Some(character);
                word.get_or_insert_default();
            }
            None if character.is_whitespace() => words.extend(word.take()),
            None => word.get_or_insert_default().push(character),
        }
    }
    if quote.is_some() {
        return Err("the command has a quote that does not end".into());
    }
    words.extend(word);
    Ok(words)
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
        let target = Some(form.line(Id::Target)).filter(|target| !target.is_empty()).unwrap_or(form.chosen_label(Id::Secret));
        let (uid, gid) = form.line(Id::Owner).split_once(':').unwrap_or(("0", "0"));
        let (secret, mode, change) = (form.chosen_label(Id::Secret), form.line(Id::Mode), form.chosen(Id::OnChange));
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
        Task::Grant => format!("wardroom service update --secret-add {} {}", access(), form.chosen_label(Id::Service)),
        Task::CreateService => {
            let size = match form.line(Id::Replicas) {
                "global" => "--mode global".to_owned(),
                replicas => format!("--replicas {replicas}"),
            };
            let secret = if form.chosen(Id::Secret).is_empty() { String::new() } else { format!(" --secret {}", access()) };
            format!("wardroom service create --name {} {size}{secret} -- {}", form.line(Id::Name), form.line(Id::Command))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_split_as_a_shell_does() {
        assert_eq!(split_command("sh -c 'cat \"$F\"; sleep 9'  x").as_deref(), Ok(["sh", "-c", "cat \"$F\"; sleep 9", "x"].map(String::from).as_slice()));
        assert_eq!(split_command("  ").as_deref(), Ok([].as_slice()));
        assert_eq!(split_command("''").as_deref(), Ok(["".to_owned()].as_slice()));
        assert!(split_command("echo 'x").is_err());
    }

    #[test]
    fn labels_are_words() {
        assert_eq!(labels("tier=1 pci").map(|labels| labels.len()), Ok(2));
        assert!(labels("=x").is_err() && labels("a=1 a=2").is_err());
    }
}
