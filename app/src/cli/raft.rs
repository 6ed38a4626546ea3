//! `wardroom raft status`: every manager's place in the log, by its own word.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use wardroom_api::{NO_LEADER, v1};

use crate::cli::output::{Table, natural_order};
use crate::cli::session::Session;
use crate::cli::{holders, when};
use crate::report::{Exit, Report};

pub async fn status(session: &mut Session) -> Result<(), Report> {
    let status = session.status().await?;
    session.stale |= status.leader.is_empty();
    let hostnames = session.hostnames().await?;
    if session.output.is_json() {
        session.output.json(&status_json(&status, &hostnames))?;
    } else {
        session.output.table(&table(&status, &hostnames))?;
    }
    check_leader(&status)
}

/// Without a leader the answer is printed all the same, and the exit code says so.
pub fn check_leader(status: &v1::StatusResponse) -> Result<(), Report> {
    if !status.leader.is_empty() {
        return Ok(());
    }
    Err(Report::new(Exit::NoQuorum, NO_LEADER).hint(
        "start managers until more than half of them answer; if they are lost for good, \
         `wardroom swarm init --force-new-cluster` goes on with one",
    ))
}

fn table(status: &v1::StatusResponse, hostnames: &BTreeMap<String, String>) -> Table {
    let mut table = Table::new(&[
        "MANAGER",
        "RAFT ID",
        "ROLE",
        "TERM",
        "LAST",
        "COMMITTED",
        "APPLIED",
        "SNAPSHOT",
        "FSYNC P50/P99",
        "DIGEST",
    ]);
    for manager in sorted(status) {
        let log = manager.log.unwrap_or_default();
        table.row([
            manager.hostname.clone(),
            manager.raft_id.to_string(),
            manager.role.clone(),
            manager.term.to_string(),
            manager.last_index.to_string(),
            manager.committed.to_string(),
            manager.applied.to_string(),
            manager.snapshot_index.to_string(),
            format!("{}/{} us", log.fsync_p50_us, log.fsync_p99_us),
            Some(manager.digest.clone())
                .filter(|digest| !digest.is_empty())
                .unwrap_or_else(|| "-".to_owned()),
        ]);
    }
    for lost in &status.lost {
        table.row([
            holders::hostname(hostnames, &lost.node_id),
            "",
            "lost",
            "",
            "",
            "",
            "",
            "",
            "",
            &lost.reason,
        ]);
    }
    table
}

fn sorted(status: &v1::StatusResponse) -> Vec<&v1::ManagerStatus> {
    let mut managers: Vec<&v1::ManagerStatus> = status.managers.iter().collect();
    managers.sort_by(|a, b| natural_order(&a.hostname, &b.hostname));
    managers
}

/// The whole status as data.
pub fn status_json(status: &v1::StatusResponse, hostnames: &BTreeMap<String, String>) -> Value {
    json!({
        "index": status.index,
        "answered_by": status.answered_by,
        "leader": status.leader,
        "leader_hostname": if status.leader.is_empty() { "" } else { holders::hostname(hostnames, &status.leader) },
        "managers": sorted(status).into_iter().map(manager_json).collect::<Value>(),
        "lost": status.lost.iter().map(|lost| json!({
            "node_id": lost.node_id,
            "hostname": holders::hostname(hostnames, &lost.node_id),
            "reason": lost.reason,
        })).collect::<Value>(),
    })
}

fn manager_json(manager: &v1::ManagerStatus) -> Value {
    json!({
        "node_id": manager.node_id,
        "hostname": manager.hostname,
        "raft_id": manager.raft_id,
        "role": manager.role,
        "term": manager.term,
        "voted_for": manager.voted_for,
        "leader": manager.leader,
        "first_index": manager.first_index,
        "last_index": manager.last_index,
        "committed": manager.committed,
        "applied": manager.applied,
        "snapshot_index": manager.snapshot_index,
        "digest": manager.digest,
        "followers": manager.followers.iter().map(|follower| json!({
            "raft_id": follower.raft_id, "node_id": follower.node_id, "matched": follower.matched,
        })).collect::<Value>(),
        "elections": manager.elections.iter().map(|election| json!({
            "term": election.term, "leader": election.leader, "at": when::rfc3339(election.at_ms), "gap_ms": election.gap_ms,
        })).collect::<Value>(),
        "log": manager.log.as_ref().map(log_json),
        "keys": manager.keys.as_ref().map(keys_json),
    })
}

fn log_json(log: &v1::LogStatus) -> Value {
    json!({
        "segments": log.segments,
        "bytes": log.bytes,
        "appends": log.appends,
        "records": log.records,
        "fsync_p50_us": log.fsync_p50_us,
        "fsync_p99_us": log.fsync_p99_us,
        "snapshot_bytes": log.snapshot_bytes,
        "snapshot_at": when::rfc3339(log.snapshot_at_ms),
    })
}

/// Epochs, ages and check values; no call knows key bytes.
fn keys_json(keys: &v1::KeyStatus) -> Value {
    json!({
        "kek_epoch": keys.kek_epoch,
        "autolock": keys.autolock,
        "kek_check": keys.kek_check,
        "dek_epoch": keys.dek_epoch,
        "dek_created": when::rfc3339(keys.dek_created_at_ms),
        "dek_records": keys.dek_records,
        "dek_check": keys.dek_check,
        "certificate_fingerprint": keys.certificate_fingerprint,
        "certificate_not_after": when::rfc3339(keys.certificate_not_after_ms),
        "dek_order": keys.dek_order,
        "step": keys.step,
        "trouble": keys.trouble,
        "memory_locked": keys.memory_locked,
        "memory": keys.memory,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    #[test]
    fn a_manager_that_does_not_answer_has_its_row() {
        let status = v1::StatusResponse {
            managers: vec![v1::ManagerStatus {
                hostname: "manager-1".into(),
                role: "leader".into(),
                ..Default::default()
            }],
            lost: vec![v1::ManagerLost {
                node_id: "b".into(),
                reason: "connection refused".into(),
            }],
            ..v1::StatusResponse::default()
        };
        let text = table(&status, &BTreeMap::from([("b".to_owned(), "manager-2".to_owned())])).render();
        assert!(text.lines().nth(2).unwrap().starts_with("manager-2"), "{text}");
        assert!(text.contains("connection refused"));
        assert_eq!(check_leader(&status).unwrap_err().exit, Exit::NoQuorum);
    }
}
