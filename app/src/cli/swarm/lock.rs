//! `wardroom swarm lock`: the managers behind this socket forget their keys, and wait for somebody who has the unlock key.

use wardroom_api::v1;

use crate::cli::arguments::SwarmLock;
use crate::cli::plan;
use crate::cli::session::Session;
use crate::cli::swarm::unlock;
use crate::report::Report;

pub async fn run(lock: &SwarmLock, session: &mut Session) -> Result<(), Report> {
    if plan::may_ask(lock.yes) {
        confirm(session).await?;
    }
    let facts = session
        .ask_lock(v1::CloseRequest {}, |mut lock, request| async move {
            lock.close(request).await
        })
        .await?;
    if session.output.is_json() {
        return session.output.json(&unlock::facts_json(&facts));
    }
    session.output.text(&closed(&facts))
}

/// Whoever has not got the key at hand would lock oneself out.
async fn confirm(session: &mut Session) -> Result<(), Report> {
    let cluster = session.cluster().await?;
    let target = session.target.to_string();
    session.output.note(&format!("Cluster: {target}"));
    session.output.note(&format!(
        "Its managers here forget their keys, and serve nothing until somebody unlocks them{}.",
        epoch(&cluster)
    ));
    plan::confirm(&cluster.name, "lock the managers of")
}

fn epoch(cluster: &v1::Cluster) -> String {
    match &cluster.keys {
        Some(keys) if cluster.autolock => format!(" with the unlock key of epoch {}", keys.unlock_key_epoch),
        _ => String::new(),
    }
}

fn closed(facts: &v1::LockFacts) -> String {
    let waits = unlock::waits(facts);
    if waits.is_empty() {
        return "Swarm locked.\n".to_owned();
    }
    format!("Swarm locked.\n{}\n", crate::text::clean_lines(&waits))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_locks_is_told_what_opens() {
        let facts = v1::LockFacts {
            locked: true,
            managers: vec![v1::LockedManager {
                hostname: "m1\u{1b}".into(),
                unlock_key_epoch: 4,
                unlock_key_check: "0a0b0c0d".into(),
                ..v1::LockedManager::default()
            }],
            ..v1::LockFacts::default()
        };
        assert_eq!(
            closed(&facts),
            "Swarm locked.\nm1\u{fffd} waits for the unlock key of epoch 4 (check 0a0b0c0d)\n"
        );
        assert_eq!(closed(&v1::LockFacts::default()), "Swarm locked.\n");
    }
}
