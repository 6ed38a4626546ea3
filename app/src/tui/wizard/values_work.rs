//! What do the fields about what runs mean? Signals, versions, executors, update settings, schedules; each refusal says
//! what to write instead.

use wardroom_api::v1;
use wardroom_api::v1::schedule::Source;

use super::form::{Form, Id};
use super::values::{LENGTH_MAX, max_age, split_command};
use crate::tui::model::facts::spec::or_default;
use crate::tui::model::facts::time::parse_span;

/// The name of a signal as the kernel's headers have it.
pub fn signal(form: &Form) -> Result<&str, String> {
    let name = form.line(Id::Signal);
    let known = name.strip_prefix("SIG").is_some_and(|rest| {
        !rest.is_empty()
            && rest
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
    });
    if known {
        Ok(name)
    } else {
        Err("write a signal such as SIGHUP or SIGUSR1".into())
    }
}

/// The version that a grant stays with; 0: the current one.
pub fn pin(form: &Form) -> Result<u32, String> {
    match form.line(Id::Pin).trim_start_matches('v') {
        "" => Ok(0),
        text => text
            .parse()
            .ok()
            .filter(|number| *number > 0)
            .ok_or_else(|| "write the number of a version, or leave it empty".into()),
    }
}

/// What runs, of which image, with which command.
pub fn runs(form: &Form) -> Result<(v1::Executor, String, Vec<String>), String> {
    let command = || split_command(form.line(Id::Command));
    Ok(match form.chosen(Id::Runs) {
        "files" => (v1::Executor::Files, String::new(), Vec::new()),
        "container" if form.line(Id::Image).is_empty() => return Err("type the name of an image".into()),
        "container" => (v1::Executor::Container, form.line(Id::Image).to_owned(), command()?),
        _ => match command()? {
            words if words.is_empty() => return Err("type a command, or choose files".into()),
            words => (v1::Executor::Process, String::new(), words),
        },
    })
}

/// How an update replaces tasks; `None` where it is as by default.
pub fn update(form: &Form) -> Result<Option<v1::RollSettings>, String> {
    let usual = or_default(None);
    let parallelism = form.line(Id::Parallelism).parse();
    let delay = parse_span(form.line(Id::Delay));
    let wanted = v1::RollSettings {
        order: match form.chosen(Id::Order) {
            "start-first" => v1::RollOrder::StartFirst,
            _ => v1::RollOrder::StopFirst,
        }
        .into(),
        parallelism: parallelism.map_err(|_not_a_number| "write how many tasks are replaced at a time: 1, 2 ...")?,
        delay_ms: delay.ok_or("write a time such as 10s")?,
        on_failure: match form.chosen(Id::OnFailure) {
            "continue" => v1::FailureAction::Continue,
            "rollback" => v1::FailureAction::Rollback,
            _ => v1::FailureAction::Pause,
        }
        .into(),
        ..usual
    };
    Ok((wanted != usual).then_some(wanted))
}

/// What makes the next value of a secret once it has reached its age; without one nothing does.
pub fn schedule(form: &Form) -> Result<Option<v1::Schedule>, String> {
    if max_age(form)? == 0 {
        return Ok(None);
    }
    let source = match form.chosen(Id::Next) {
        "generate" => {
            let length = form.line(Id::NextLength).parse().ok();
            let length = length.filter(|length| (1..=LENGTH_MAX).contains(length));
            Source::Generate(length.ok_or_else(|| format!("the length is a number from 1 to {LENGTH_MAX}"))?)
        }
        "hook" if form.line(Id::Hook).is_empty() => return Err("type the name of a hook".into()),
        "hook" => Source::Hook(form.line(Id::Hook).to_owned()),
        _ => return Ok(None),
    };
    Ok(Some(v1::Schedule { source: Some(source) }))
}

/// Superseded versions that stay.
pub fn keep(form: &Form) -> Result<u32, String> {
    form.line(Id::Keep)
        .parse()
        .map_err(|_not_a_number| "write how many versions stay: 0, 1, 2 ...".into())
}

/// Only versions superseded for longer go; 0: all of them.
pub fn older_than(form: &Form) -> Result<u64, String> {
    match form.line(Id::OlderThan) {
        "" => Ok(0),
        text => parse_span(text).ok_or_else(|| "write an age such as 30d or 12h, or leave it empty".into()),
    }
}
