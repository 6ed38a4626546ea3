//! `wardroom swarm update`: the settings of the cluster. Autolock is one of them, and the one that is asked about on a
//! terminal: after it, a manager that restarts needs a person, or a disk that is stolen needs none.

use serde_json::{Value, json};
use wardroom_api::{CallError, v1};

use crate::cli::arguments::SwarmUpdate;
use crate::cli::following::{self, Aim, Parts};
use crate::cli::session::Session;
use crate::cli::swarm::unlock_key;
use crate::cli::{duration, plan};
use crate::report::Report;

/// What the options ask for; what is not given stays as it is.
fn request(update: &SwarmUpdate) -> Result<v1::UpdateClusterRequest, Report> {
    let request = v1::UpdateClusterRequest {
        certificate_life_ms: update.cert_expiry.map(duration::millis),
        heartbeat_ms: update.dispatcher_heartbeat.map(duration::millis),
        task_history: update.task_history_limit,
        snapshot_every: update.snapshot_interval,
        autolock: update.autolock,
        ..Default::default()
    };
    if request == v1::UpdateClusterRequest::default() {
        return Err(Report::usage("nothing to change").hint(
            "give --autolock, --cert-expiry, --dispatcher-heartbeat, --task-history-limit or --snapshot-interval",
        ));
    }
    Ok(request)
}

pub async fn run(update: &SwarmUpdate, session: &mut Session) -> Result<(), Report> {
    let mut request = request(update)?;
    if update.asking.plan {
        let plan = planned(&request, session).await?;
        return plan::show(&plan, session);
    }
    let switches = switches(update, session).await?;
    if switches.is_some() && plan::may_ask(update.asking.yes) {
        let plan = planned(&request, session).await?;
        let name = session.cluster().await?.name;
        let turn = if switches == Some(true) { "on" } else { "off" };
        request.plan_basis = plan::ask(&plan, &name, &format!("turn autolock {turn} for"), session)?;
    }
    let answer = send(request, session).await?;
    if !session.output.is_json() {
        session.output.line("Swarm updated.")?;
        if answer.order != 0 {
            unlock_key::show_new(session).await?;
        }
    }
    let parts = match switches {
        Some(locks) if !update.detach => Some(follow(locks, &answer, session).await),
        _ => None,
    };
    if session.output.is_json() {
        if answer.order != 0 {
            session.output.note(unlock_key::SHOWN_BY);
        }
        session.output.json(&document(&answer, parts.as_ref()))?;
    }
    match parts {
        None => Ok(()),
        Some(parts) => following::check("the setting is made", &parts, session),
    }
}

/// What autolock is changed to, if it is.
async fn switches(update: &SwarmUpdate, session: &Session) -> Result<Option<bool>, Report> {
    match update.autolock {
        None => Ok(None),
        Some(wanted) => Ok((session.cluster().await?.autolock != wanted).then_some(wanted)),
    }
}

async fn planned(request: &v1::UpdateClusterRequest, session: &Session) -> Result<v1::Plan, Report> {
    let planned = v1::UpdateClusterRequest {
        plan_only: true,
        ..request.clone()
    };
    Ok(send(planned, session).await?.plan.unwrap_or_default())
}

async fn send(request: v1::UpdateClusterRequest, session: &Session) -> Result<v1::UpdateClusterResponse, CallError> {
    session
        .call(request, |mut control, request| async move {
            control.update_cluster(request).await
        })
        .await
}

/// Until then a disk is as it was before the change.
async fn follow(locks: bool, answer: &v1::UpdateClusterResponse, session: &mut Session) -> Parts {
    let aim = Aim {
        index: answer.index,
        order: answer.order,
        unlock_key_epoch: 0,
        locks: Some(locks),
    };
    following::follow(aim, false, session).await
}

fn document(answer: &v1::UpdateClusterResponse, parts: Option<&Parts>) -> Value {
    let mut document = json!({ "index": answer.index });
    if answer.order != 0 {
        document["order"] = answer.order.into();
    }
    if let Some(parts) = parts {
        document["managers"] = parts.json();
    }
    document
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::time::Duration;

    use super::*;
    use crate::cli::arguments::Asking;
    use crate::report::Exit;

    fn nothing() -> SwarmUpdate {
        SwarmUpdate {
            autolock: None,
            cert_expiry: None,
            dispatcher_heartbeat: None,
            task_history_limit: None,
            snapshot_interval: None,
            asking: Asking {
                plan: false,
                yes: false,
            },
            detach: false,
        }
    }

    #[test]
    fn only_what_is_given_changes() {
        assert_eq!(request(&nothing()).unwrap_err().exit, Exit::Usage);
        let given = request(&SwarmUpdate {
            cert_expiry: Some(Duration::from_secs(3600)),
            task_history_limit: Some(0),
            ..nothing()
        })
        .unwrap();
        assert_eq!(given.certificate_life_ms, Some(3_600_000));
        assert_eq!((given.task_history, given.heartbeat_ms), (Some(0), None));
        assert_eq!(given.autolock, None);
        let off = SwarmUpdate {
            autolock: Some(false),
            ..nothing()
        };
        assert_eq!(request(&off).unwrap().autolock, Some(false));
    }

    #[test]
    fn a_program_is_told_the_order_and_no_key() {
        let answer = |order| v1::UpdateClusterResponse {
            index: 9,
            order,
            ..v1::UpdateClusterResponse::default()
        };
        assert_eq!(document(&answer(0), None), json!({ "index": 9 }));
        assert_eq!(
            document(&answer(2), Some(&Parts::default())),
            json!({ "index": 9, "order": 2, "managers": [] })
        );
    }
}
