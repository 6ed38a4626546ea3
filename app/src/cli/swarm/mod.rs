//! `wardroom swarm`: the cluster as a whole. What only the daemon of a machine does is in `local`.

mod ca;
mod local;
mod token;

use serde_json::json;
use wardroom_api::v1::{self, Kind};

use crate::cli::arguments::{Swarm, SwarmUpdate};
use crate::cli::duration;
use crate::cli::session::{LONG_DEADLINE, Session};
use crate::report::Report;

pub async fn run(command: &Swarm, session: &mut Session) -> Result<(), Report> {
    match command {
        Swarm::Init(init) => local::init(init, session).await,
        Swarm::Join(join) => local::join(join, session).await,
        Swarm::JoinToken(token) => token::run(token, session).await,
        Swarm::Leave(leave) => local::leave(leave.force, session).await,
        Swarm::Update(update) => self::update(update, session).await,
        Swarm::Ca(ca) => ca::run(ca, session).await,
        Swarm::StepDown(step_down) => self::step_down(step_down.to.as_deref(), session).await,
        Swarm::Info => local::info(session).await,
    }
}

/// Whether the command is for the daemon of this machine and not for a cluster.
pub fn is_local(command: &Swarm) -> bool {
    matches!(command, Swarm::Init(_) | Swarm::Join(_) | Swarm::Leave(_) | Swarm::Info)
}

fn update_request(update: &SwarmUpdate) -> Result<v1::UpdateClusterRequest, Report> {
    let request = v1::UpdateClusterRequest {
        certificate_life_ms: update.cert_expiry.map(duration::millis),
        heartbeat_ms: update.dispatcher_heartbeat.map(duration::millis),
        task_history: update.task_history_limit,
        snapshot_every: update.snapshot_interval,
        ..Default::default()
    };
    if request == v1::UpdateClusterRequest::default() {
        return Err(Report::usage("nothing to change")
            .hint("give --cert-expiry, --dispatcher-heartbeat, --task-history-limit or --snapshot-interval"));
    }
    Ok(request)
}

async fn update(update: &SwarmUpdate, session: &mut Session) -> Result<(), Report> {
    let answer = session
        .call(update_request(update)?, |mut control, request| async move {
            control.update_cluster(request).await
        })
        .await?;
    if session.output.is_json() {
        return session.output.json(&json!({ "index": answer.index }));
    }
    session.output.line("Swarm updated.")
}

async fn step_down(to: Option<&str>, session: &mut Session) -> Result<(), Report> {
    let reference = to.unwrap_or_default();
    let message = v1::StepDownRequest {
        to: reference.to_owned(),
    };
    let answer = session
        .call_within(LONG_DEADLINE, message, |mut control, request| async move {
            control.step_down(request).await
        })
        .await;
    let answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(session.explain(error, Kind::Node, reference).await),
    };
    let hostnames = session.hostnames().await?;
    let leader = hostnames.get(&answer.leader).unwrap_or(&answer.leader);
    if session.output.is_json() {
        let document = json!({
            "leader": leader, "leader_id": answer.leader, "gap_ms": answer.gap_ms, "index": answer.index,
        });
        return session.output.json(&document);
    }
    let text = format!("Manager {leader} leads now; changes waited for {} ms.", answer.gap_ms);
    session.output.line(&text)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use std::time::Duration;

    use super::*;
    use crate::report::Exit;

    #[test]
    fn only_what_is_given_changes() {
        let nothing = SwarmUpdate {
            cert_expiry: None,
            dispatcher_heartbeat: None,
            task_history_limit: None,
            snapshot_interval: None,
        };
        assert_eq!(update_request(&nothing).unwrap_err().exit, Exit::Usage);
        let request = update_request(&SwarmUpdate {
            cert_expiry: Some(Duration::from_secs(3600)),
            task_history_limit: Some(0),
            ..nothing
        })
        .unwrap();
        assert_eq!(request.certificate_life_ms, Some(3_600_000));
        assert_eq!((request.task_history, request.heartbeat_ms), (Some(0), None));
    }
}
