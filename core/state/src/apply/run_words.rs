//! What changed in what a service runs? A few words for the audit chain; of an environment the names, never a value.

use std::collections::BTreeMap;

use super::audited::shorten;
use crate::service::{Executor, RunSpec};

/// `image redis:7 -> redis:8, new command, env +LEVEL -DEBUG`; empty when nothing has changed.
pub(super) fn difference(old: &RunSpec, new: &RunSpec) -> Vec<String> {
    let mut words = Vec::new();
    if old.executor != new.executor {
        words.push(format!(
            "{} -> {}",
            executor_word(old.executor),
            executor_word(new.executor)
        ));
    }
    if old.image != new.image {
        words.push(format!("image {} -> {}", named(&old.image), named(&new.image)));
    }
    if old.env != new.env {
        words.push(environment(&old.env, &new.env));
    }
    let changed = [
        (
            "new command",
            old.command != new.command || old.entrypoint != new.entrypoint,
        ),
        ("another user", old.user != new.user || old.groups != new.groups),
        ("another working directory", old.dir != new.dir),
        ("another hostname", old.hostname != new.hostname),
        ("other networks", old.networks != new.networks),
        (
            "other mounts",
            old.mounts != new.mounts || old.read_only != new.read_only,
        ),
        ("other published ports", old.ports != new.ports),
        ("other container labels", old.container_labels != new.container_labels),
        ("another health check", old.health != new.health),
        ("another reload hook", old.reload != new.reload),
        (
            "stops otherwise",
            (&old.stop_signal, old.stop_grace_ms) != (&new.stop_signal, new.stop_grace_ms) || old.init != new.init,
        ),
        ("replaced by force", old.force != new.force),
    ];
    words.extend(
        changed
            .into_iter()
            .filter(|(_, changed)| *changed)
            .map(|(word, _)| word.to_owned()),
    );
    words
}

fn executor_word(executor: Executor) -> &'static str {
    match executor {
        Executor::Process => "process",
        Executor::Files => "files",
        Executor::Container => "container",
    }
}

fn named(image: &str) -> &str {
    if image.is_empty() { "none" } else { image }
}

/// `env +LEVEL -DEBUG ~PATH`: came, went, changed.
fn environment(old: &[String], new: &[String]) -> String {
    let (old, new) = (variables(old), variables(new));
    let came = new
        .keys()
        .filter(|name| !old.contains_key(*name))
        .map(|name| format!("+{name}"));
    let went = old
        .keys()
        .filter(|name| !new.contains_key(*name))
        .map(|name| format!("-{name}"));
    let changed = new
        .iter()
        .filter(|(name, value)| old.get(*name).is_some_and(|before| before != *value));
    let changed = changed.map(|(name, _)| format!("~{name}"));
    let all: Vec<String> = came.chain(went).chain(changed).collect();
    if all.is_empty() {
        return "env in another order".to_owned();
    }
    shorten(&format!("env {}", all.join(" ")), 300)
}

/// The last one of a name counts.
fn variables(entries: &[String]) -> BTreeMap<&str, &str> {
    entries.iter().filter_map(|entry| entry.split_once('=')).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(image: &str, env: &[&str]) -> RunSpec {
        RunSpec {
            executor: Executor::Container,
            image: image.into(),
            env: env.iter().map(ToString::to_string).collect(),
            ..RunSpec::default()
        }
    }

    #[test]
    fn a_value_of_the_environment_is_never_told() {
        let old = run("redis:7", &["LEVEL=info", "TOKEN=hunter2", "OLD=1"]);
        let new = RunSpec {
            command: vec!["x".into()],
            force: 1,
            ..run("redis:8", &["LEVEL=info", "TOKEN=hunter3", "NEW=hunter4"])
        };
        let words = difference(&old, &new).join(", ");
        assert_eq!(
            words,
            "image redis:7 -> redis:8, env +NEW -OLD ~TOKEN, new command, replaced by force"
        );
        assert!(difference(&old, &old).is_empty());
    }

    #[test]
    fn what_cannot_be_named_is_still_told() {
        let words = difference(&run("a", &["A=1", "B=2"]), &run("a", &["B=2", "A=1"]));
        assert_eq!(words, ["env in another order"]);
        let process = RunSpec {
            command: vec!["serve".into()],
            stop_grace_ms: Some(1),
            ..RunSpec::default()
        };
        assert_eq!(
            difference(&run("a", &[]), &process).join(", "),
            "container -> process, image a -> none, new command, stops otherwise"
        );
    }
}
