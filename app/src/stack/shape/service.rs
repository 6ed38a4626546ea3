//! What is one service? Its keys as a run spec of the API, and what of it has to be resolved outside of the file.

use std::collections::BTreeMap;

use wardroom_api::v1::{self, Executor};

use super::deploy::{self, Deploy};
use super::extension::{self, signal_name};
use super::mounts::{self, MountUse};
use super::networks::{self, NetworkUse};
use super::secrets::{self, SecretUse};
use super::{health, ports, unsupported};
use crate::stack::fields::{At, Fields, command, labels, list, pairs, span, switch, text, text_or_texts, texts};
use crate::stack::problem::Problems;
use crate::stack::tree::{Entry, Node, Place};

/// Keys that only a container has.
const OF_CONTAINERS: &[&str] = &[
    "image",
    "entrypoint",
    "hostname",
    "init",
    "read_only",
    "networks",
    "volumes",
    "ports",
    "labels",
];

#[derive(Clone, Debug)]
pub struct Service {
    pub place: Place,
    /// Without environment, networks and mounts.
    pub run: v1::RunSpec,
    pub deploy: Deploy,
    /// No value: the caller's.
    pub environment: BTreeMap<String, At<Option<String>>>,
    /// Relative to the folder of the first compose file.
    pub env_files: Vec<At<String>>,
    /// `None`: the stack's default.
    pub networks: Option<Vec<NetworkUse>>,
    pub mounts: Vec<MountUse>,
    pub secrets: Vec<SecretUse>,
}

/// An entry under `services:`.
pub fn read(entry: &Entry, problems: &mut Problems) -> Service {
    let key = entry.key.as_str();
    let mut fields = Fields::of(&entry.node, format!("service {key}"), problems);
    let what = fields.what.clone();
    let mut reading = Reading {
        what: &what,
        fields: &mut fields,
        problems,
    };
    let mut run = run(&mut reading, key);
    let extension = reading.extension(key);
    let service = Service {
        place: entry.place.clone(),
        deploy: reading.deploy(key),
        environment: reading.map("environment", pairs).unwrap_or_default(),
        env_files: reading.map("env_file", text_or_texts).unwrap_or_default(),
        networks: reading
            .node("networks")
            .map(|node| networks::used(node, key, reading.problems)),
        mounts: mounts::used(reading.nodes("volumes"), key, reading.problems),
        secrets: secrets::used(reading.nodes("secrets"), key, reading.problems),
        run: {
            run.reload = extension.reload.map(|reload| reload.value);
            run
        },
    };
    let executor = extension.executor.map_or(Executor::Container, |at| at.value);
    let service = Service {
        run: v1::RunSpec {
            executor: executor.into(),
            ..service.run
        },
        ..service
    };
    check(&service, executor, entry, problems);
    fields.refuse_rest(unsupported::SERVICE, problems);
    service
}

/// Reads keys of one service, with the name of each for its sentences.
struct Reading<'r, 'a> {
    what: &'r str,
    fields: &'r mut Fields<'a>,
    problems: &'r mut Problems,
}

impl<'a> Reading<'_, 'a> {
    fn node(&mut self, key: &'static str) -> Option<&'a Node> {
        self.fields.take(key)
    }

    fn map<T>(&mut self, key: &'static str, read: impl Fn(&Node, &str, &mut Problems) -> T) -> Option<T> {
        let node = self.fields.take(key)?;
        Some(read(node, &format!("{}: {key}", self.what), self.problems))
    }

    fn nodes(&mut self, key: &'static str) -> &'a [Node] {
        match self.fields.take(key) {
            Some(node) => list(node, &format!("{}: {key}", self.what), self.problems),
            None => &[],
        }
    }

    fn text(&mut self, key: &'static str) -> String {
        self.map(key, text).flatten().unwrap_or_default()
    }

    fn switch(&mut self, key: &'static str) -> bool {
        self.map(key, switch).flatten().unwrap_or(false)
    }

    fn extension(&mut self, service: &str) -> extension::Extension {
        let node = self.fields.take("x-wardroom");
        node.map(|node| extension::read(node, service, self.problems))
            .unwrap_or_default()
    }

    /// `deploy:`, and `restart:` where that says nothing about it.
    fn deploy(&mut self, service: &str) -> Deploy {
        let node = self.fields.take("deploy");
        let mut deploy = node
            .map(|node| deploy::read(node, service, self.problems))
            .unwrap_or_default();
        let Some(node) = self.fields.take("restart") else {
            return deploy;
        };
        if deploy.restart.is_some() {
            let text = format!(
                "{}: restart and deploy.restart_policy say the same twice; keep the latter",
                self.what
            );
            self.problems.refuse(&node.place, text);
        } else {
            deploy.restart = deploy::restart(node, service, self.problems);
        }
        deploy
    }
}

fn run(reading: &mut Reading<'_, '_>, service: &str) -> v1::RunSpec {
    let groups = reading.map("group_add", texts).unwrap_or_default();
    let container_labels = {
        let node = reading.node("labels");
        labels(node, &format!("{}: labels", reading.what), reading.problems)
    };
    v1::RunSpec {
        image: reading.text("image"),
        entrypoint: reading.map("entrypoint", command).unwrap_or_default(),
        command: reading.map("command", command).unwrap_or_default(),
        user: reading.text("user"),
        groups: groups.into_iter().map(|group| group.value).collect(),
        dir: reading.text("working_dir"),
        hostname: reading.text("hostname"),
        init: reading.switch("init"),
        read_only: reading.switch("read_only"),
        ports: ports::used(reading.nodes("ports"), service, reading.problems),
        container_labels,
        stop_signal: match reading.text("stop_signal").as_str() {
            "" => String::new(),
            name => signal_name(name),
        },
        stop_grace_ms: reading.map("stop_grace_period", span).flatten(),
        health: {
            let node = reading.node("healthcheck");
            node.and_then(|node| health::read(node, service, reading.problems))
        },
        ..v1::RunSpec::default()
    }
}

/// What the executor needs, and what it cannot do, by the place of the key.
fn check(service: &Service, executor: Executor, entry: &Entry, problems: &mut Problems) {
    let what = format!("service {}", entry.key);
    match executor {
        Executor::Process if service.run.command.is_empty() => {
            problems.refuse(
                &entry.place,
                format!("{what}: `command` is missing; a process is made of one"),
            );
        }
        Executor::Container | Executor::Unspecified if service.run.image.is_empty() => {
            let text = format!("{what}: `image` is missing; name one, or write x-wardroom: {{executor: process}}");
            problems.refuse(&entry.place, text);
        }
        _ => {}
    }
    if executor == Executor::Container {
        return;
    }
    let super::Value::Map(entries) = &entry.node.value else {
        return;
    };
    let of_processes = [
        "command",
        "user",
        "group_add",
        "working_dir",
        "stop_signal",
        "stop_grace_period",
        "healthcheck",
        "environment",
        "env_file",
    ];
    for field in entries.iter().filter(|field| !field.node.is_null()) {
        let key = field.key.as_str();
        if OF_CONTAINERS.contains(&key) {
            problems.refuse(
                &field.place,
                format!("{what}: `{key}` needs a container; leave it out, or `executor:`"),
            );
        } else if executor == Executor::Files && of_processes.contains(&key) {
            problems.refuse(
                &field.place,
                format!("{what}: `{key}` needs something that runs; `executor: files` starts nothing"),
            );
        }
    }
    if executor == Executor::Process {
        let absolute = |used: &&SecretUse| used.grant.target.starts_with('/');
        for used in service.secrets.iter().filter(absolute) {
            let text = format!(
                "{what}: a process has its secrets below /run/secrets; write a target without a path before it"
            );
            problems.refuse(&used.target, text);
        }
    }
}
