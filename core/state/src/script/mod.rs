//! How do tests talk to the state? A script of commands over a small cluster; every line of it also checks the
//! invariants, that a refusal changes nothing, and that a snapshot gives the same state.

mod commands;
mod keys;

use crate::command::{Actor, Command, NewTask, Proposal, TaskChange};
use crate::event::{Event, ObjectKey};
use crate::holding::HoldingKey;
use crate::ids::{NodeId, TaskId};
use crate::secret::VersionState;
use crate::state::State;
pub(crate) use commands::*;
pub(crate) use keys::*;

/// A cluster with the manager harbour and the workers ember (n1) and flint (n2).
pub(crate) struct Script {
    pub(crate) state: State,
    index: u64,
}

impl Script {
    pub(crate) fn new() -> Self {
        let mut script = Self {
            state: State::default(),
            index: 0,
        };
        let nodes = vec![node("m1", "harbour", 1), node("n1", "ember", 0), node("n2", "flint", 0)];
        script.play(Command::Bootstrap {
            cluster: cluster(),
            nodes,
        });
        script
    }

    /// With the secrets, and a service `web` with its task `t1` on ember and their files.
    pub(crate) fn with_web(secrets: &[&str]) -> Self {
        let mut script = Self::new();
        for name in secrets {
            script.play(create(name));
        }
        script.play(service("web", secrets));
        script.start("t1", "web", "n1");
        script
    }

    /// A task with the files its service wants now.
    pub(crate) fn start(&mut self, task: &str, service: &str, node: &str) -> String {
        let owner = self.state.find_service(service).expect("the script made the service");
        let new = NewTask {
            generation: owner.generation,
            id: TaskId::new(task),
            service: owner.id.clone(),
            slot: 1,
            node: Some(NodeId::new(node)),
            files: self.state.files_wanted(owner),
        };
        self.play(Command::CreateTasks { tasks: vec![new] })
    }

    /// What the reconcile loop does after a change of secrets: the task gets what its service wants now.
    pub(crate) fn refresh(&mut self, task: &str) -> String {
        let id = TaskId::new(task);
        let owner = &self.state.services()[&self.state.tasks()[&id].service];
        let files = self.state.files_wanted(owner);
        self.play(change(TaskChange::Files { task: id, files }))
    }

    /// One line per event or audit record, or the refusal.
    pub(crate) fn play(&mut self, command: Command) -> String {
        self.index += 1;
        let name = if matches!(command, Command::Report { .. }) {
            "worker"
        } else {
            "admin:root"
        };
        let actor = Actor {
            name: name.into(),
            from: "local".into(),
        };
        let at_ms = 1_000 + i64::try_from(self.index).expect("scripts are short");
        let before = self.state.digest();
        let outcome = self.state.apply(self.index, &Proposal { at_ms, actor, command });
        assert_eq!(self.state.check(), Vec::<String>::new(), "after entry {}", self.index);
        let decoded = State::decode(&self.state.encode()).expect("our own snapshot");
        assert_eq!(decoded, self.state, "through a snapshot");
        match outcome {
            Ok(events) => {
                assert_eq!(
                    events.is_empty(),
                    self.state.digest() == before,
                    "events tell of every change"
                );
                events
                    .iter()
                    .map(|event| self.words(event))
                    .collect::<Vec<_>>()
                    .join("\n")
            }
            Err(refusal) => {
                assert_eq!(self.state.digest(), before, "a refusal changes nothing");
                format!("{:?}: {refusal}", refusal.kind())
            }
        }
    }

    fn words(&self, event: &Event) -> String {
        let (sign, key) = match event {
            Event::Put(key) => ("", key),
            Event::Removed(key) => ("-", key),
        };
        let words = match key {
            ObjectKey::Audit(sequence) => {
                let record = self.state.audit_record(*sequence).expect("a record just written");
                format!(
                    "{} {} [{}] {}",
                    record.action, record.object, record.outcome, record.detail
                )
            }
            ObjectKey::Holding(key) => format!("holding {}", self.holding_words(key)),
            ObjectKey::Cluster => "cluster".to_owned(),
            ObjectKey::Node(id) => format!("node {id}"),
            ObjectKey::Operator(id) => format!("operator {id}"),
            ObjectKey::Secret(id) => format!("secret {id}"),
            ObjectKey::Service(id) => format!("service {id}"),
            ObjectKey::Task(id) => format!("task {id}"),
            ObjectKey::Rotation(id) => format!("rotation {id}"),
        };
        format!("{sign}{words}")
    }

    fn holding_words(&self, key: &HoldingKey) -> String {
        let place = format!("{} v{} {}", key.secret, key.version, key.task);
        let Some(holding) = self.state.holdings().get(key) else {
            return place;
        };
        let proven = if holding.proven { ", proven" } else { "" };
        let owed = if holding.owed { ", owed" } else { "" };
        format!("{place}: {:?}{proven}{owed}", holding.state)
    }

    pub(crate) fn version(&self, secret: &str, number: u32) -> VersionState {
        self.state
            .find_secret(secret)
            .expect("the script made the secret")
            .versions[&number]
            .state
    }
}

/// Compares line by line, without the indentation of the expected text.
pub(crate) fn expect(actual: &str, expected: &str) {
    let lines = |text: &str| {
        text.lines()
            .map(str::trim)
            .filter(|line| !line.is_empty())
            .collect::<Vec<_>>()
            .join("\n")
    };
    assert_eq!(lines(actual), lines(expected), "\n--- actual:\n{actual}\n");
}
