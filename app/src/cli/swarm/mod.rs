//! `wardroom swarm`: the cluster as a whole. What only the daemon of a machine does is in `local`.

mod ca;
mod dek;
mod dek_table;
mod info;
mod keeping;
#[cfg(test)]
mod key_fixture;
mod key_source;
mod key_text;
mod local;
mod lock;
mod token;
mod unlock;
mod unlock_key;
mod update;

use serde_json::json;
use wardroom_api::v1::{self, Kind};

use crate::cli::arguments::Swarm;
use crate::cli::session::{LONG_DEADLINE, Session};
use crate::report::Report;

pub async fn run(command: &Swarm, session: &mut Session) -> Result<(), Report> {
    match command {
        Swarm::Init(init) => local::init(init, session).await,
        Swarm::Join(join) => local::join(join, session).await,
        Swarm::JoinToken(token) => token::run(token, session).await,
        Swarm::Leave(leave) => local::leave(leave.force, session).await,
        Swarm::Update(update) => update::run(update, session).await,
        Swarm::Unlock(unlock) => unlock::run(unlock, session).await,
        Swarm::UnlockKey(key) => unlock_key::run(key, session).await,
        Swarm::Lock(lock) => lock::run(lock, session).await,
        Swarm::Dek(dek) => dek::run(dek, session).await,
        Swarm::Ca(ca) => ca::run(ca, session).await,
        Swarm::StepDown(step_down) => self::step_down(step_down.to.as_deref(), session).await,
        Swarm::Info => info::run(session).await,
    }
}

/// Whether the command is for the daemon of this machine and not for a cluster.
pub fn is_local(command: &Swarm) -> bool {
    matches!(command, Swarm::Init(_) | Swarm::Join(_) | Swarm::Leave(_) | Swarm::Info)
}

/// Whether the command is for the managers of this machine, a daemon's or an embedded cluster's: no key travels.
pub fn is_about_the_lock(command: &Swarm) -> bool {
    matches!(command, Swarm::Unlock(_) | Swarm::Lock(_))
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
