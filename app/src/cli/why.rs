//! `wardroom why`: the chain from a grant to the bytes, for people as a page and for programs as JSON; it fails where the
//! chain is not whole, so that a script can ask too.

use std::fmt::Write as _;

use serde_json::{Value, json};
use wardroom_api::ClusterView;
use wardroom_api::v1::Kind;

use crate::cli::arguments::Why as Arguments;
use crate::cli::session::Session;
use crate::cli::subject::Subject;
use crate::cli::{wait, when};
use crate::report::{Exit, Report};
use crate::text::clean;
use crate::why::{Holds, Link, Why, why};

const READ: &[Kind] = &[
    Kind::Secret,
    Kind::Service,
    Kind::Task,
    Kind::Node,
    Kind::Rotation,
    Kind::Holding,
];

pub async fn run(arguments: &Arguments, session: &mut Session) -> Result<(), Report> {
    let secret = session.secret(&arguments.secret).await?;
    let subject = Subject::of(&arguments.of, session).await?;
    let view = wait::until(&session.client, READ, 0, |view| Some(view.clone())).await;
    let view =
        view.map_err(|_| Report::new(Exit::Timeout, "the manager did not send what it has").hint("try again"))?;
    answer(&view, &subject, &secret.id, session)
}

fn answer(view: &ClusterView, subject: &Subject, secret_id: &str, session: &mut Session) -> Result<(), Report> {
    let why = why(view, &subject.service_id, secret_id, subject.task_id.as_deref());
    if session.output.is_json() {
        session.output.json(&document(&why))?;
    } else {
        session.output.text(&page(&why, when::now_ms()))?;
    }
    match why.breaks_at() {
        None => Ok(()),
        // The page has said it all.
        Some(_) => Err(Report {
            quiet: true,
            ..Report::failure("the chain is not whole")
        }),
    }
}

/// The chain from top to bottom, and below it where it breaks.
fn page(why: &Why, now_ms: i64) -> String {
    let mut text = String::new();
    let mut print = |indent: &str, link: &Link| {
        let (mark, step) = (link.holds.name(), link.step.name());
        let since = match when::ago(link.since_ms, now_ms) {
            ago if ago.is_empty() => String::new(),
            ago => format!(" ({})", ago.to_lowercase()),
        };
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{indent}{mark:<8} {step:<11} {}{since}", clean(&link.text));
    };
    why.links.iter().for_each(|link| print("", link));
    for chain in &why.tasks {
        chain.links.iter().for_each(|link| print("  ", link));
    }
    match why.breaks_at() {
        None => {
            let tasks = crate::cli::words::count(why.tasks.len(), "file");
            let _ = writeln!(text, "whole: {tasks} in place and proven, at index {}", why.index);
        }
        Some((chain, link)) => {
            let at = chain.map_or_else(String::new, |chain| format!(" in {}", clean(&chain.task)));
            let word = if link.holds == Holds::No {
                "broken"
            } else {
                "not whole yet"
            };
            let _ = writeln!(text, "{word} at the {}{at}: {}", link.step.name(), clean(&link.text));
            let _ = writeln!(text, "Next: {}", clean(&link.next));
        }
    }
    text
}

fn document(why: &Why) -> Value {
    let link = |link: &Link| {
        json!({
            "step": link.step.name(),
            "holds": link.holds.name(),
            "text": link.text,
            "next": link.next,
            "since": when::rfc3339(link.since_ms),
        })
    };
    let breaks_at = why.breaks_at().map(|(chain, broken)| {
        let mut at = link(broken);
        at["task"] = chain.map_or(Value::Null, |chain| json!(chain.task));
        at
    });
    json!({
        "index": why.index,
        "service": why.service,
        "secret": why.secret,
        "whole": why.is_whole(),
        "breaks_at": breaks_at,
        "links": why.links.iter().map(link).collect::<Value>(),
        "tasks": why.tasks.iter().map(|chain| json!({
            "task": chain.task,
            "task_id": chain.task_id,
            "node": chain.node,
            "target": chain.target,
            "links": chain.links.iter().map(link).collect::<Value>(),
        })).collect::<Value>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_break_is_on_the_page_and_in_the_document() {
        let why = why(&ClusterView::default(), "w", "s", None);
        assert_eq!(
            page(&why, 0),
            "broken   grant       there is no service w any more\n\
             broken at the grant: there is no service w any more\n\
             Next: `wardroom service ls` lists what there is\n"
        );
        let document = document(&why);
        assert_eq!(document["whole"], false);
        assert_eq!(document["breaks_at"]["step"], "grant");
        assert_eq!(document["breaks_at"]["task"], Value::Null);
    }
}
