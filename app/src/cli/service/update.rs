//! `wardroom service update`, `rollback` and `scale`: changes of a service that is there, and how they end.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind};

use super::amend::{Amended, amend};
use super::changes;
use crate::cli::arguments::{ServiceRollback, ServiceScale, ServiceUpdate, SpecChanges, Waiting};
use crate::cli::converge::{self, Aim, Awaited};
use crate::cli::plan;
use crate::cli::session::Session;
use crate::report::Report;

pub async fn update(update: &ServiceUpdate, session: &mut Session) -> Result<(), Report> {
    if changes::is_empty(update) {
        return Err(Report::usage("nothing to change").hint("`wardroom service update --help` lists what can change"));
    }
    if update.rollback {
        return roll_back_by_update(update, session).await;
    }
    let mut removed = Vec::with_capacity(update.changes.secret_rm.len());
    for reference in &update.changes.secret_rm {
        removed.push(session.secret(reference).await?);
    }
    let change = |spec: &v1::ServiceSpec| changes::changed(update, spec, &removed);
    // On the heap: a session and a spec on every level of the stack are too much.
    let amended = Box::pin(amend(session, &update.reference, update.plan, change)).await?;
    if update.plan {
        return plan::show(&amended.answer.plan.unwrap_or_default(), session);
    }
    session.output.tell_early(&update.reference)?;
    let ended = awaited(&amended, &update.waiting, session).await;
    tell(&amended.answer.id, amended.answer.index, ended, session)
}

/// Docker's other way to write `service rollback`.
async fn roll_back_by_update(update: &ServiceUpdate, session: &mut Session) -> Result<(), Report> {
    let changes_too = update.changes != SpecChanges::default() || update.force;
    if changes_too {
        return Err(Report::usage("other flags may not be combined with --rollback")
            .hint("roll back first, then change what else is to change"));
    }
    let rollback = ServiceRollback {
        plan: update.plan,
        waiting: update.waiting.clone(),
        reference: update.reference.clone(),
    };
    roll_back(&rollback, session).await
}

pub async fn roll_back(rollback: &ServiceRollback, session: &mut Session) -> Result<(), Report> {
    let before = session.service(&rollback.reference).await?;
    let message = v1::RollbackServiceRequest {
        reference: before.id.clone(),
        plan_only: rollback.plan,
        plan_basis: String::new(),
    };
    let answer = session
        .call(message, |mut control, request| async move {
            control.rollback_service(request).await
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(session.explain(error, Kind::Service, &rollback.reference).await),
    };
    if rollback.plan {
        return plan::show(&answer.plan.unwrap_or_default(), session);
    }
    session.output.tell_early(&rollback.reference)?;
    let awaited = Awaited {
        service_id: answer.id.clone(),
        index: answer.index,
        before: before.update_status,
        aim: Aim::RollBack,
    };
    let ended = wait(&awaited, &rollback.waiting, session).await;
    tell(&answer.id, answer.index, ended, session)
}

pub async fn scale(scale: &ServiceScale, session: &mut Session) -> Result<(), Report> {
    let sizes = scale
        .sizes
        .iter()
        .map(|text| size(text))
        .collect::<Result<Vec<_>, _>>()?;
    let mut scaled = Vec::new();
    let mut refused = Vec::new();
    for (reference, replicas) in sizes {
        let change = |spec: &v1::ServiceSpec| resized(spec, replicas);
        match Box::pin(amend(session, reference, false, change)).await {
            Ok(amended) => {
                if !session.output.is_json() {
                    session.output.line(&format!("{reference} scaled to {replicas}"))?;
                }
                scaled.push(amended);
            }
            Err(report) => refused.push(report),
        }
    }
    session.output.flush()?;
    let waiting = Waiting {
        detach: scale.detach,
        quiet: false,
    };
    let mut documents = Vec::new();
    for amended in &scaled {
        match awaited(amended, &waiting, session).await {
            Ok(converged) => documents.push(document(&amended.answer.id, amended.answer.index, converged)),
            Err(report) => refused.push(report),
        }
    }
    if session.output.is_json() {
        session.output.json(&Value::Array(documents))?;
    }
    crate::cli::each::all_or(refused)
}

/// `web=5`
fn size(text: &str) -> Result<(&str, u32), Report> {
    let wrong = |why: &str| {
        Report::usage(format!("invalid scale specifier '{text}': {why}")).hint("write SERVICE=REPLICAS, e.g. web=5")
    };
    let (reference, number) = text
        .rsplit_once('=')
        .ok_or_else(|| wrong("a number is expected after ="))?;
    if reference.is_empty() {
        return Err(wrong("a service is expected before ="));
    }
    let replicas = number
        .parse()
        .map_err(|_| wrong("the number of tasks is not a number"))?;
    Ok((reference, replicas))
}

fn resized(spec: &v1::ServiceSpec, replicas: u32) -> Result<v1::ServiceSpec, Report> {
    if spec.global {
        return Err(
            Report::usage(format!("{}: scale can only be used with replicated mode", spec.name))
                .hint("a global service has one task on every node that its constraints allow"),
        );
    }
    Ok(v1::ServiceSpec {
        replicas,
        ..spec.clone()
    })
}

async fn awaited(amended: &Amended, waiting: &Waiting, session: &mut Session) -> Result<Option<bool>, Report> {
    let awaited = Awaited {
        service_id: amended.answer.id.clone(),
        index: amended.answer.index,
        before: amended.before.update_status.clone(),
        aim: Aim::Update,
    };
    wait(&awaited, waiting, session).await
}

async fn wait(awaited: &Awaited, waiting: &Waiting, session: &mut Session) -> Result<Option<bool>, Report> {
    if waiting.detach {
        return Ok(None);
    }
    converge::wait(session, awaited, waiting.quiet).await.map(Some)
}

fn document(id: &str, index: u64, converged: Option<bool>) -> Value {
    json!({ "id": id, "index": index, "converged": converged })
}

/// The document is the answer also where the change did not end well.
fn tell(id: &str, index: u64, ended: Result<Option<bool>, Report>, session: &mut Session) -> Result<(), Report> {
    if session.output.is_json() {
        let converged = match &ended {
            Ok(converged) => *converged,
            Err(_) => Some(false),
        };
        session.output.json(&document(id, index, converged))?;
    }
    ended.map(|_| ())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;
    use crate::report::Exit;

    #[test]
    fn sizes_are_read_or_refused() {
        assert_eq!(size("web=5").unwrap(), ("web", 5));
        for wrong in ["web", "=5", "web=", "web=x", "web=-1", "web=99999999999"] {
            let report = size(wrong).unwrap_err();
            assert_eq!(report.exit, Exit::Usage);
            assert!(
                report.message.starts_with("invalid scale specifier"),
                "{}",
                report.message
            );
        }
    }

    #[test]
    fn a_global_service_has_no_size() {
        let global = v1::ServiceSpec {
            global: true,
            ..v1::ServiceSpec::default()
        };
        assert_eq!(resized(&global, 3).unwrap_err().exit, Exit::Usage);
        assert_eq!(resized(&v1::ServiceSpec::default(), 3).unwrap().replicas, 3);
    }
}
