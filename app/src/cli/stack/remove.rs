//! `wardroom stack rm`: services, then their secrets. One that cannot go keeps none of the others.

use serde_json::{Value, json};
use wardroom_api::v1;

use super::{check_name, members, name};
use crate::cli::session::Session;
use crate::report::{Exit, Report};

pub async fn run(stacks: &[String], session: &mut Session) -> Result<(), Report> {
    stacks.iter().try_for_each(|stack| check_name(stack))?;
    let mut removed = Vec::new();
    let mut failed = Vec::new();
    for stack in stacks {
        if let Err(report) = one(stack, &mut removed, session).await {
            failed.push(report);
        }
    }
    if session.output.is_json() {
        session.output.json(&Value::Array(removed))?;
    }
    crate::cli::each::all_or(failed)
}

async fn one(stack: &str, removed: &mut Vec<Value>, session: &mut Session) -> Result<(), Report> {
    let (services, secrets) = members(stack, session).await?;
    if services.is_empty() && secrets.is_empty() {
        session.output.note(&format!("Nothing found in stack: {stack}"));
        return Ok(());
    }
    let mut failed: Vec<Report> = Vec::new();
    for service in &services {
        let outcome = service_by(name(service), &service.id, session).await;
        note(outcome, "service", name(service), &service.id, removed, &mut failed);
    }
    for secret in &secrets {
        let outcome = secret_by(&secret.name, &secret.id, session).await;
        note(outcome, "secret", &secret.name, &secret.id, removed, &mut failed);
    }
    if failed.is_empty() {
        return Ok(());
    }
    let exit = failed.first().map_or(Exit::Failure, |report| report.exit);
    let whys: Vec<&str> = failed.iter().map(|report| report.message.as_str()).collect();
    let text = format!(
        "failed to remove some resources from stack: {stack}\n{}",
        whys.join("\n")
    );
    Err(Report::new(exit, text).hint("what else it had is gone; resolve the above, then remove the stack again"))
}

fn note(
    outcome: Result<(), Report>,
    kind: &str,
    name: &str,
    id: &str,
    removed: &mut Vec<Value>,
    failed: &mut Vec<Report>,
) {
    match outcome {
        Ok(()) => removed.push(json!({ "kind": kind, "name": name, "id": id })),
        Err(report) => failed.push(report),
    }
}

/// Says what it does, as Docker does, and does it.
pub async fn service_by(name: &str, reference: &str, session: &mut Session) -> Result<(), Report> {
    say(&format!("Removing service {name}"), session)?;
    let message = v1::RemoveServiceRequest {
        reference: reference.to_owned(),
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.remove_service(request).await
        })
        .await;
    answer.map(drop).map_err(|error| named("service", name, error.into()))
}

pub async fn secret_by(name: &str, reference: &str, session: &mut Session) -> Result<(), Report> {
    say(&format!("Removing secret {name}"), session)?;
    let message = v1::RemoveSecretRequest {
        reference: reference.to_owned(),
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.remove_secret(request).await
        })
        .await;
    answer.map(drop).map_err(|error| named("secret", name, error.into()))
}

/// A line for people; programs get one document at the end.
pub fn say(text: &str, session: &mut Session) -> Result<(), Report> {
    if session.output.is_json() {
        return Ok(());
    }
    session.output.line(text)?;
    session.output.flush()
}

fn named(kind: &str, name: &str, report: Report) -> Report {
    Report {
        message: format!("failed to remove {kind} {name}: {}", report.message),
        ..report
    }
}
