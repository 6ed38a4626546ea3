//! `wardroom audit`: who did what, and is the chain of records unbroken? The links are checked here, on this side of
//! the connection: each record must name the hash of the one before, and the newest must be the cluster's head.

use serde_json::{Value, json};
use wardroom_api::v1::{self, Kind, object};
use wardroom_api::{FeedEvent, WatchFeed};

use crate::cli::arguments::{AuditLs, Format};
use crate::cli::output::Table;
use crate::cli::session::Session;
use crate::cli::when;
use crate::report::Report;
use crate::text::clean;

/// As much of a hash as people compare.
const SHORT_HASH: usize = 12;

pub async fn list(arguments: &AuditLs, session: &mut Session) -> Result<(), Report> {
    session.stale = arguments.reading.stale;
    let (index, records) = records(session).await?;
    if arguments.follow {
        return follow(index, records, session).await;
    }
    let cluster = session.cluster().await?;
    let chain = check(&records, &cluster);
    if session.output.format == Format::Jsonl {
        records
            .iter()
            .try_for_each(|record| session.output.json_line(&record_json(record)))?;
    } else if session.output.is_json() {
        let state = if chain.is_ok() { "unbroken" } else { "broken" };
        session.output.json(&json!({
            "chain": state,
            "head": cluster.audit_head,
            "records": records.iter().map(record_json).collect::<Value>(),
        }))?;
    } else {
        session.output.table(&table(&records))?;
    }
    let chain = chain?;
    if !session.output.is_json() {
        session.output.note(&chain.text());
    }
    Ok(())
}

pub async fn verify(stale: bool, session: &mut Session) -> Result<(), Report> {
    session.stale = stale;
    let (_, records) = records(session).await?;
    let chain = check(&records, &session.cluster().await?)?;
    if session.output.is_json() {
        return session.output.json(&json!({
            "chain": "unbroken",
            "records": chain.records,
            "first_sequence": chain.first,
            "last_sequence": chain.last,
            "head": chain.head,
        }));
    }
    session.output.line(&chain.text())
}

async fn records(session: &Session) -> Result<(u64, Vec<v1::AuditRecord>), Report> {
    let (index, objects) = session
        .list(v1::ListRequest {
            kind: Kind::Audit.into(),
            ..Default::default()
        })
        .await?;
    let mut records: Vec<v1::AuditRecord> = objects
        .into_iter()
        .filter_map(|object| {
            if let object::Kind::Audit(record) = object {
                Some(record)
            } else {
                None
            }
        })
        .collect();
    records.sort_by_key(|record| record.sequence);
    Ok((index, records))
}

/// An unbroken stretch of the chain.
#[derive(Debug, PartialEq, Eq)]
struct Chain {
    records: usize,
    first: u64,
    last: u64,
    head: String,
}

impl Chain {
    fn text(&self) -> String {
        if self.records == 0 {
            return "chain: empty".to_owned();
        }
        let head = self.head.get(..SHORT_HASH).unwrap_or(&self.head);
        format!("chain: unbroken, {} to {}, head {head}", self.first, self.last)
    }
}

/// The cluster is read after the records, so it may only be further.
fn check(records: &[v1::AuditRecord], cluster: &v1::Cluster) -> Result<Chain, Report> {
    for pair in records.windows(2) {
        check_link(&pair[0], &pair[1])?;
    }
    let Some((first, last)) = records.first().zip(records.last()) else {
        return Ok(Chain {
            records: 0,
            first: 0,
            last: 0,
            head: String::new(),
        });
    };
    let at_head = cluster.audit_length == last.sequence;
    if cluster.audit_length < last.sequence || (at_head && cluster.audit_head != last.hash) {
        return Err(broken(last.sequence, "the cluster's head is another one"));
    }
    Ok(Chain {
        records: records.len(),
        first: first.sequence,
        last: last.sequence,
        head: last.hash.clone(),
    })
}

fn check_link(before: &v1::AuditRecord, record: &v1::AuditRecord) -> Result<(), Report> {
    if record.sequence != before.sequence + 1 {
        return Err(broken(before.sequence + 1, "records are missing"));
    }
    if record.previous != before.hash {
        return Err(broken(
            record.sequence,
            "it does not name the hash of the record before",
        ));
    }
    Ok(())
}

fn broken(sequence: u64, why: &str) -> Report {
    Report::failure(format!("the audit chain is broken at record {sequence}: {why}"))
        .hint("compare with another manager (--host), and keep both answers: records were altered or lost")
}

/// Prints what is there and then what comes; ends with the program.
async fn follow(index: u64, records: Vec<v1::AuditRecord>, session: &mut Session) -> Result<(), Report> {
    let mut last: Option<v1::AuditRecord> = None;
    for record in records {
        print_next(&mut last, record, session)?;
    }
    let mut feed = WatchFeed::new(session.client.clone(), &[Kind::Audit], false).resume_from(index);
    loop {
        let message = match feed.event().await {
            FeedEvent::Message(message) => message,
            FeedEvent::Connected => continue,
            FeedEvent::Lost(reason) => {
                session.output.note(&format!("note: {reason}; trying again"));
                continue;
            }
        };
        let mut view = wardroom_api::ClusterView::default();
        view.apply(&message);
        for record in view.audit.into_values() {
            print_next(&mut last, record, session)?;
        }
    }
}

/// Prints a record once, after checking that it continues the chain.
fn print_next(
    last: &mut Option<v1::AuditRecord>,
    record: v1::AuditRecord,
    session: &mut Session,
) -> Result<(), Report> {
    if let Some(before) = last.as_ref() {
        if record.sequence <= before.sequence {
            return Ok(());
        }
        check_link(before, &record)?;
    }
    if session.output.is_json() {
        session.output.json_line(&record_json(&record))?;
    } else {
        session.output.line(&line(&record))?;
        session.output.flush()?;
    }
    *last = Some(record);
    Ok(())
}

/// A line of its own, for lists without an end: columns cannot be measured ahead.
fn line(record: &v1::AuditRecord) -> String {
    let text = format!(
        "{:>6}  {}  {:<16}  {:<18}  {:<24}  {:<6}  {}",
        record.sequence,
        when::rfc3339(record.at_ms),
        clean(&record.actor),
        clean(&record.action),
        clean(&record.object),
        clean(&record.outcome),
        clean(&record.detail),
    );
    text.trim_end().to_owned()
}

fn table(records: &[v1::AuditRecord]) -> Table {
    let mut table = Table::new(&[
        "SEQUENCE", "INDEX", "TIME", "ACTOR", "FROM", "ACTION", "OBJECT", "OUTCOME", "DETAIL",
    ]);
    for record in records {
        table.row([
            record.sequence.to_string(),
            record.index.to_string(),
            when::rfc3339(record.at_ms),
            record.actor.clone(),
            record.from.clone(),
            record.action.clone(),
            record.object.clone(),
            record.outcome.clone(),
            record.detail.clone(),
        ]);
    }
    table
}

fn record_json(record: &v1::AuditRecord) -> Value {
    json!({
        "sequence": record.sequence,
        "index": record.index,
        "time": when::rfc3339(record.at_ms),
        "actor": record.actor,
        "from": record.from,
        "action": record.action,
        "object": record.object,
        "outcome": record.outcome,
        "detail": record.detail,
        "previous": record.previous,
        "hash": record.hash,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

    use super::*;

    fn chain(length: u64) -> Vec<v1::AuditRecord> {
        let record = |sequence: u64| v1::AuditRecord {
            sequence,
            previous: format!("hash-{}", sequence - 1),
            hash: format!("hash-{sequence}"),
            ..v1::AuditRecord::default()
        };
        (1..=length).map(record).collect()
    }

    fn cluster(length: u64) -> v1::Cluster {
        v1::Cluster {
            audit_length: length,
            audit_head: format!("hash-{length}"),
            ..v1::Cluster::default()
        }
    }

    #[test]
    fn an_unbroken_chain_ends_at_the_clusters_head() {
        let whole = check(&chain(3), &cluster(3)).unwrap();
        assert_eq!((whole.records, whole.first, whole.last), (3, 1, 3));
        // The cluster may have gone on since, and the oldest records may be gone.
        assert!(check(&chain(3)[1..], &cluster(4)).is_ok());
        assert_eq!(check(&[], &cluster(0)).unwrap().records, 0);
    }

    #[test]
    fn every_kind_of_damage_is_found() {
        let mut altered = chain(3);
        altered[1].hash = "other".into();
        assert!(check(&altered, &cluster(3)).unwrap_err().message.contains("record 3"));
        let mut missing = chain(3);
        missing.remove(1);
        assert!(
            check(&missing, &cluster(3))
                .unwrap_err()
                .message
                .contains("record 2: records are missing")
        );
        assert!(
            check(
                &chain(3),
                &v1::Cluster {
                    audit_head: "other".into(),
                    ..cluster(3)
                }
            )
            .is_err()
        );
        assert!(check(&chain(3), &cluster(2)).is_err());
    }

    #[test]
    fn a_line_is_harmless_and_has_no_tail() {
        let record = v1::AuditRecord {
            sequence: 7,
            action: "secret.create".into(),
            object: "x\u{1b}".into(),
            ..Default::default()
        };
        let line = line(&record);
        assert!(line.contains("x\u{fffd}"));
        assert_eq!(line.trim_end(), line);
    }
}
