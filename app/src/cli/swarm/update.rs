//! `wardroom swarm update`: the settings of the cluster. Autolock is one of them, and the one that is asked about on a
//! terminal: after it, a manager that restarts needs a person, or a disk that is stolen needs none.

use serde_json::json;
use wardroom_api::{CallError, v1};

use crate::cli::arguments::SwarmUpdate;
use crate::cli::following::{self, Aim};
use crate::cli::session::Session;
use crate::cli::swarm::unlock_key;
use crate::cli::{duration, lock_state, plan};
use crate::report::Report;

/// What the options ask for; what is not given stays as it is.
fn request(update: &SwarmUpdate) -> Result<v1::UpdateClusterRequest, Report> {
    let request = v1::UpdateClusterRequest {
        certificate_life_ms: update.cert_expiry.map(duration::millis),
        heartbeat_ms: update.dispatcher_heartbeat.map(duration::millis),
        task_history: update.task_history_limit,
        snapshot_every: update.snapshot_interval,
        autolock: update.autolock,
        refuse_env: update.refuse_env,
        ..Default::default()
    };
    if request == v1::UpdateClusterRequest::default() {
        return Err(Report::usage("nothing to change").hint(
            "give --autolock, --cert-expiry, --dispatcher-heartbeat, --task-history-limit, --snapshot-interval or \
             --refuse-env",
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
    let turn = turn(update, session).await?;
    if let Some(turn) = turn.filter(|_| plan::may_ask(update.asking.yes)) {
        let plan = planned(&request, session).await?;
        let name = session.cluster().await?.name;
        let word = if turn == Turn::Off { "off" } else { "on" };
        request.plan_basis = plan::ask(&plan, &name, &format!("turn autolock {word} for"), session)?;
    }
    let answer = send(request, session).await?;
    if session.output.is_json() {
        session.output.json(&json!({ "index": answer.index }))?;
    } else {
        session.output.line("Swarm updated.")?;
    }
    let aim = match turn {
        None => return Ok(()),
        // A document without the key has told nobody of it.
        Some(Turn::On) if session.output.is_json() => {
            session.output.note(unlock_key::SHOWN_BY);
            return Ok(());
        }
        Some(Turn::On) => unlock_key::show_new(session).await?,
        Some(Turn::Off) => Aim {
            index: answer.index,
            locks: Some(false),
            ..Aim::default()
        },
    };
    if update.detach {
        return Ok(());
    }
    // Until then a disk is as it was before the change.
    let parts = following::follow(aim, false, session).await;
    following::check("the setting is made", &parts, session)
}

/// What becomes of autolock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Turn {
    On,
    Off,
}

async fn turn(update: &SwarmUpdate, session: &Session) -> Result<Option<Turn>, Report> {
    match update.autolock {
        None => Ok(None),
        Some(wanted) => Ok(turned(&session.cluster().await?, wanted)),
    }
}

/// A key that nobody has seen yet leaves autolock to be turned on once more.
fn turned(cluster: &v1::Cluster, wanted: bool) -> Option<Turn> {
    match (cluster.autolock, wanted) {
        (true, true) => lock_state::unseen_key(cluster).map(|_| Turn::On),
        (false, true) => Some(Turn::On),
        (true, false) => Some(Turn::Off),
        (false, false) => None,
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
            refuse_env: None,
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
    fn autolock_is_turned_only_where_it_turns() {
        let cluster = |autolock, unlock_key_kept_at_ms| v1::Cluster {
            autolock,
            keys: Some(v1::ClusterKeys {
                unlock_key_epoch: 2,
                unlock_key_kept_at_ms,
                ..v1::ClusterKeys::default()
            }),
            ..v1::Cluster::default()
        };
        assert_eq!(turned(&cluster(false, 5), true), Some(Turn::On));
        assert_eq!(turned(&cluster(false, 5), false), None);
        assert_eq!(turned(&cluster(true, 5), true), None);
        assert_eq!(turned(&cluster(true, 5), false), Some(Turn::Off));
        assert_eq!(
            turned(&cluster(true, 0), true),
            Some(Turn::On),
            "its key was never shown"
        );
    }
}
