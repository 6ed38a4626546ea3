//! Why can a service read a secret, or why not? The chain of the view as lines to draw: where it breaks stands first.

use super::Model;
use super::facts::{time, words};
use super::list::Seen;
use crate::why::{self, Holds, Link, Why};

/// What is asked: one pair, or every secret of a task.
#[derive(Debug, Default)]
pub struct Asked {
    pub service_id: String,
    pub secret_ids: Vec<String>,
    pub task_id: Option<String>,
    pub top: usize,
    pub seen: Seen,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    /// The answer in one line.
    Whole,
    Waits,
    Broken,
    /// What to do about it.
    Next,
    /// A task's part of the chain begins.
    Task,
    /// A link, by whether it holds.
    Link(Holds),
    Space,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    pub mark: Mark,
    pub step: &'static str,
    pub text: String,
}

fn line(mark: Mark, text: impl Into<String>) -> Line {
    Line {
        mark,
        step: "",
        text: text.into(),
    }
}

/// Made anew from each view: the chain closes before one's eyes.
pub fn lines(model: &Model, asked: &Asked) -> Vec<Line> {
    let mut found = Vec::new();
    for secret_id in &asked.secret_ids {
        let why = why::why(&model.cluster, &asked.service_id, secret_id, asked.task_id.as_deref());
        if !found.is_empty() {
            found.push(line(Mark::Space, ""));
        }
        answer(model, &why, asked.secret_ids.len() > 1, &mut found);
        found.extend(why.links.iter().map(|it| link(model, it)));
        for chain in &why.tasks {
            let node = if chain.node.is_empty() {
                "no node yet"
            } else {
                &chain.node
            };
            let task = words::with_hostnames(&model.cluster, &chain.task);
            found.push(line(Mark::Task, format!("{task} on {node}, file {}", chain.target)));
            found.extend(chain.links.iter().map(|it| link(model, it)));
        }
    }
    found
}

fn answer(model: &Model, why: &Why, several: bool, found: &mut Vec<Line>) {
    let of = if several {
        format!("{}: ", why.secret)
    } else {
        String::new()
    };
    let Some((chain, broken)) = why.breaks_at() else {
        let files = words::count(why.tasks.len(), "file");
        found.push(line(
            Mark::Whole,
            format!("{of}{files} in place and proven, as of #{}", why.index),
        ));
        return;
    };
    let at = chain.map_or_else(String::new, |chain| {
        format!(" of {}", words::with_hostnames(&model.cluster, &chain.task))
    });
    let (mark, verb) = if broken.holds == Holds::No {
        (Mark::Broken, "breaks at")
    } else {
        (Mark::Waits, "waits at")
    };
    let text = format!("{of}it {verb} the {}{at}: {}", broken.step.name(), broken.text);
    found.push(line(mark, words::with_hostnames(&model.cluster, &text)));
    if !broken.next.is_empty() {
        found.push(line(Mark::Next, broken.next.clone()));
    }
}

fn link(model: &Model, link: &Link) -> Line {
    let since = match link.since_ms {
        0 => String::new(),
        at => format!(", since {}", time::moment(model.now_ms, at)),
    };
    Line {
        mark: Mark::Link(link.holds),
        step: link.step.name(),
        text: format!("{}{since}", words::with_hostnames(&model.cluster, &link.text)),
    }
}

/// `api -> db_password`
pub fn title(model: &Model, asked: &Asked) -> String {
    let view = &model.cluster;
    let service = view.services.get(&asked.service_id).map_or("gone", words::service_name);
    let reader = match &asked.task_id {
        Some(id) => view
            .tasks
            .get(id)
            .map_or_else(|| "gone".to_owned(), |task| words::with_hostnames(view, &task.name)),
        None => service.to_owned(),
    };
    let secret = |id: &String| view.secrets.get(id).map_or("gone", |secret| secret.name.as_str());
    match asked.secret_ids.as_slice() {
        [id] => format!("why: {reader}, {}", secret(id)),
        ids => format!("why: {reader}, {}", words::count(ids.len(), "secret")),
    }
}
