//! Can a task run this? What each executor takes, and what each part of a run spec may say.

use super::{container, health, invalid, quoted};
use crate::refusal::Refusal;
use crate::service::{Executor, Reload, RunSpec};

/// The signals that can stop a task.
pub const STOP_SIGNALS: [&str; 13] = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGABRT", "SIGKILL", "SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",
    "SIGCONT", "SIGWINCH", "SIGPWR",
];
const PATH_MAX: usize = 4_096;
const USER_MAX: usize = 255;
/// Environment entries, and groups.
const ENTRIES_MAX: usize = 1_000;
const GROUPS_MAX: usize = 64;
const UNIT_MAX: usize = 255;
const STOP_GRACE_MAX_MS: u64 = 86_400_000;

pub(super) fn check(run: &RunSpec) -> Result<(), Refusal> {
    executor(run)?;
    for (part, words) in [("command", &run.command), ("entrypoint", &run.entrypoint)] {
        if words.iter().any(|word| word.contains('\0')) {
            return Err(if part == "command" {
                Refusal::CommandNul
            } else {
                invalid(part, "its words cannot contain a NUL byte")
            });
        }
    }
    environment(&run.env)?;
    user(&run.user)?;
    groups(&run.groups)?;
    if !run.dir.is_empty() {
        absolute("working directory", &run.dir)?;
    }
    if !run.stop_signal.is_empty() {
        stop_signal(&run.stop_signal)?;
    }
    if run.stop_grace_ms.is_some_and(|ms| ms > STOP_GRACE_MAX_MS) {
        return Err(invalid("stop grace period", "it is at most 24 hours"));
    }
    run.health
        .as_ref()
        .map_or(Ok(()), |test| health::check(test, run.executor))?;
    run.reload.as_ref().map_or(Ok(()), reload)?;
    container::check(run)
}

/// What an executor cannot do is refused rather than left out.
fn executor(run: &RunSpec) -> Result<(), Refusal> {
    let name = match run.executor {
        Executor::Container if run.image.is_empty() => {
            return Err(invalid("image", "a container needs one; name it, like redis:7"));
        }
        Executor::Process if run.command.is_empty() => {
            return Err(Refusal::CommandMissing {
                executor: "process".into(),
            });
        }
        Executor::Files if !run.command.is_empty() => return Err(Refusal::CommandUnwanted),
        Executor::Container => "container",
        Executor::Process => "process",
        Executor::Files => "files",
    };
    let of_containers = [
        ("image", !run.image.is_empty()),
        ("entrypoint", !run.entrypoint.is_empty()),
        ("networks", !run.networks.is_empty()),
        ("mounts", !run.mounts.is_empty()),
        ("published ports", !run.ports.is_empty()),
        ("read-only root file system", run.read_only),
        ("init process", run.init),
        ("hostname", !run.hostname.is_empty()),
        ("container labels", !run.container_labels.is_empty()),
    ];
    // The files executor has an environment all the same: templates read it, and a run says in it whose files they are.
    let of_programs = [("health check", run.health.is_some())];
    let unwanted = |parts: &[(&'static str, bool)]| parts.iter().find(|(_, given)| *given).map(|(part, _)| *part);
    let found = match run.executor {
        Executor::Container => None,
        Executor::Process => unwanted(&of_containers),
        Executor::Files => unwanted(&of_containers).or_else(|| unwanted(&of_programs)),
    };
    if let Some(part) = found {
        let problem = format!("a service with the {name} executor has none; leave it out, or run a container");
        return Err(invalid(part, problem));
    }
    if run.reload.is_some() && run.executor != Executor::Files {
        let problem = "it is for the files executor; give the grant an on-change action instead";
        return Err(invalid("reload hook", problem));
    }
    Ok(())
}

/// `NAME=value`. A refusal names the variable and never its value.
fn environment(entries: &[String]) -> Result<(), Refusal> {
    if entries.len() > ENTRIES_MAX {
        return Err(invalid("environment", format!("it has at most {ENTRIES_MAX} entries")));
    }
    for (place, entry) in entries.iter().enumerate() {
        let name = entry
            .split_once('=')
            .map(|(name, _)| name)
            .filter(|name| !name.is_empty());
        let Some(name) = name else {
            let problem = format!("entry {} is not NAME=value", place + 1);
            return Err(invalid("environment", problem));
        };
        if entry.contains('\0')
            || name
                .chars()
                .any(|character| character.is_control() || character.is_whitespace())
        {
            let problem = format!("{} cannot contain a NUL byte, nor its name a blank", quoted(name));
            return Err(invalid("environment", problem));
        }
    }
    Ok(())
}

/// Of `user`, `uid`, `user:group` and `uid:gid`.
fn user(text: &str) -> Result<(), Refusal> {
    if text.is_empty() {
        return Ok(());
    }
    let (user, group) = text
        .split_once(':')
        .map_or((text, None), |(user, group)| (user, Some(group)));
    if is_account(user) && group.is_none_or(is_account) {
        return Ok(());
    }
    let problem = format!("'{}' is none; write NAME, UID, NAME:GROUP or UID:GID", quoted(text));
    Err(invalid("user", problem))
}

fn groups(groups: &[String]) -> Result<(), Refusal> {
    if groups.len() > GROUPS_MAX {
        return Err(invalid("groups", format!("there are at most {GROUPS_MAX}")));
    }
    groups.iter().find(|group| !is_account(group)).map_or(Ok(()), |group| {
        Err(invalid(
            "group",
            format!("'{}' is none; write NAME or GID", quoted(group)),
        ))
    })
}

/// A name, or a number that can be an id.
fn is_account(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-@$+".contains(&byte);
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        return text.parse::<u32>().is_ok_and(|id| i32::try_from(id).is_ok());
    }
    text.len() <= USER_MAX && !text.starts_with('-') && text.bytes().all(fits)
}

/// An absolute path without NUL and other control characters.
pub(super) fn absolute(part: &str, path: &str) -> Result<(), Refusal> {
    if path.starts_with('/') && path.len() <= PATH_MAX && !path.chars().any(char::is_control) {
        return Ok(());
    }
    let problem = format!("'{}' is not an absolute path of at most {PATH_MAX} bytes", quoted(path));
    Err(invalid(part, problem))
}

/// By its full name, like SIGTERM; containers also take SIGRTMIN+3.
pub fn stop_signal(name: &str) -> Result<(), Refusal> {
    let real_time = name
        .strip_prefix("SIGRTMIN+")
        .and_then(|number| number.parse::<u8>().ok());
    if STOP_SIGNALS.contains(&name) || real_time.is_some_and(|number| number <= 15) {
        return Ok(());
    }
    let problem = format!(
        "'{}' is not known; use one of {}",
        quoted(name),
        STOP_SIGNALS.join(", ")
    );
    Err(invalid("stop signal", problem))
}

fn reload(reload: &Reload) -> Result<(), Refusal> {
    let invalid = |problem: String| Err(invalid("reload hook", problem));
    match reload {
        Reload::Pidfile { path, signal } => {
            absolute("pidfile of the reload hook", path)?;
            super::signal(signal)
        }
        Reload::Unit(unit) => {
            let fits = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
            let well_formed = !unit.is_empty() && !unit.starts_with('-') && unit.bytes().all(fits);
            if well_formed && unit.len() <= UNIT_MAX {
                Ok(())
            } else {
                invalid(format!(
                    "'{}' is no unit's name; write one like nginx.service",
                    quoted(unit)
                ))
            }
        }
        Reload::Command(words) if words.first().is_none_or(String::is_empty) => {
            invalid("its command is empty; name a program".to_owned())
        }
        Reload::Command(words) if words.iter().any(|word| word.contains('\0')) => {
            invalid("a command's words cannot contain a NUL byte".to_owned())
        }
        Reload::Command(_) => Ok(()),
    }
}

#[cfg(test)]
#[path = "run_tests.rs"]
mod tests;
