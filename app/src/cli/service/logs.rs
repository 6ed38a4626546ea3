//! `wardroom service logs`: what tasks have written, each line with Docker's prefix. What goes to a terminal is made
//! harmless; a pipe gets the bytes as they are.

use std::io::{self, IsTerminal, Write};

use serde_json::json;
use wardroom_api::{LogFeed, v1};

use crate::cli::arguments::ServiceLogs;
use crate::cli::holders;
use crate::cli::session::Session;
use crate::cli::since::{self, Tail};
use crate::cli::subject::Subject;
use crate::cli::{tasks, when};
use crate::report::Report;
use crate::text::clean;

pub async fn logs(logs: &ServiceLogs, session: &mut Session) -> Result<(), Report> {
    let since_ms = match &logs.since {
        Some(text) => since::since(text, when::now_ms())?,
        None => 0,
    };
    let subject = Subject::of(&logs.reference, session).await?;
    let prefix = Prefix::of(&subject, logs, session).await?;
    let message = v1::LogsRequest {
        references: vec![subject.task_id.clone().unwrap_or(subject.service_id)],
        follow: logs.follow,
        tail: match logs.tail {
            Tail::All => None,
            Tail::Last(lines) => Some(lines),
        },
        since_ms,
    };
    let mut feed = LogFeed::open(session.client.clone(), message).await?;
    while let Some(line) = feed.line().await {
        print(&line?, &prefix, session)?;
    }
    Ok(())
}

/// What stands before a line.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
struct Prefix {
    raw: bool,
    timestamps: bool,
    task_ids: bool,
    resolve: bool,
    whole: bool,
    details: bool,
    service_id: String,
    hostnames: std::collections::BTreeMap<String, String>,
    /// The widest that is known now: a task that comes later may be wider.
    width: usize,
}

impl Prefix {
    async fn of(subject: &Subject, logs: &ServiceLogs, session: &Session) -> Result<Self, Report> {
        let mut prefix = Self {
            raw: logs.raw,
            timestamps: logs.timestamps,
            task_ids: !logs.no_task_ids,
            resolve: !logs.no_resolve,
            whole: logs.no_trunc,
            details: logs.details,
            service_id: subject.service_id.clone(),
            hostnames: session.hostnames().await?,
            width: 0,
        };
        let tasks = tasks::listed(session, |ask| ask.service.clone_from(&subject.service_id)).await?;
        let meant = tasks
            .iter()
            .filter(|task| subject.task_id.as_ref().is_none_or(|id| *id == task.id));
        prefix.width = meant
            .map(|task| prefix.place(&task.name, &task.id, &task.node_id).chars().count())
            .max()
            .unwrap_or(0);
        Ok(prefix)
    }

    /// `web.1.x3rq5abc1234@worker-1`
    fn place(&self, name: &str, task_id: &str, node_id: &str) -> String {
        let id = if self.whole { task_id } else { tasks::short(task_id) };
        match (self.resolve, self.task_ids) {
            (false, _) => format!("{id}@{}", if self.whole { node_id } else { tasks::short(node_id) }),
            (true, true) => format!("{name}.{id}@{}", holders::hostname(&self.hostnames, node_id)),
            (true, false) => format!("{name}@{}", holders::hostname(&self.hostnames, node_id)),
        }
    }

    fn text(&self, line: &v1::LogLine) -> String {
        if self.raw {
            return String::new();
        }
        let at = if self.timestamps {
            format!("{} ", when::rfc3339(line.at_ms))
        } else {
            String::new()
        };
        let details = if self.details {
            format!(
                " node.id={},service.id={},task.id={}",
                line.node_id, self.service_id, line.task_id
            )
        } else {
            String::new()
        };
        let place = self.place(&line.task_name, &line.task_id, &line.node_id);
        let width = self.width;
        clean(&format!("{at}{place:<width$}    |{details} ")).into_owned()
    }
}

fn print(line: &v1::LogLine, prefix: &Prefix, session: &mut Session) -> Result<(), Report> {
    if line.lost && !session.output.is_json() {
        session.output.note(&format!(
            "note: older lines of {} are not kept any more",
            line.task_name
        ));
    }
    if session.output.is_json() {
        return session.output.json_line(&json!({
            "task": line.task_name,
            "task_id": line.task_id,
            "node": holders::hostname(&prefix.hostnames, &line.node_id),
            "at": when::rfc3339(line.at_ms),
            "stream": if line.error { "stderr" } else { "stdout" },
            "text": String::from_utf8_lossy(&line.text),
            "lost": line.lost,
        }));
    }
    let mut text = prefix.text(line).into_bytes();
    let terminal = if line.error {
        io::stderr().is_terminal()
    } else {
        io::stdout().is_terminal()
    };
    if terminal {
        text.extend_from_slice(harmless(&line.text).as_bytes());
    } else {
        text.extend_from_slice(&line.text);
    }
    text.push(b'\n');
    if line.error {
        // What was written before comes before.
        session.output.flush()?;
        io::stderr().write_all(&text)?;
        return Ok(());
    }
    session.output.bytes(&text)?;
    session.output.flush()
}

/// Tabs stay.
fn harmless(text: &[u8]) -> String {
    let text = String::from_utf8_lossy(text);
    text.split('\t').map(clean).collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prefix() -> Prefix {
        Prefix {
            raw: false,
            timestamps: false,
            task_ids: true,
            resolve: true,
            whole: false,
            details: false,
            service_id: "s".into(),
            hostnames: [("n".to_owned(), "worker-1".to_owned())].into(),
            width: 30,
        }
    }

    fn line() -> v1::LogLine {
        v1::LogLine {
            task_id: "x3rq5abc1234zzz".into(),
            task_name: "web.1".into(),
            node_id: "n".into(),
            at_ms: 1_767_323_045_595,
            ..v1::LogLine::default()
        }
    }

    #[test]
    fn lines_have_dockers_prefix() {
        assert_eq!(prefix().text(&line()), "web.1.x3rq5abc1234@worker-1       | ");
        let short = Prefix {
            task_ids: false,
            width: 0,
            timestamps: true,
            ..prefix()
        };
        assert_eq!(short.text(&line()), "2026-01-02T03:04:05.595Z web.1@worker-1    | ");
        let ids = Prefix {
            resolve: false,
            whole: true,
            width: 0,
            ..prefix()
        };
        assert_eq!(ids.text(&line()), "x3rq5abc1234zzz@n    | ");
        let raw = Prefix { raw: true, ..prefix() };
        assert_eq!(raw.text(&line()), "");
    }

    #[test]
    fn escapes_do_not_reach_a_terminal() {
        assert_eq!(harmless(b"a\tb\x1b[2J"), "a\tb\u{fffd}[2J");
    }
}
