//! What do the tests of the loops act on? A small cluster, changed by commands as the real one is.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::cluster::{Cluster, JoinToken};
use wardroom_state::command::{Actor, Command, NewVersion, Proposal, Receipt, TaskReport};
use wardroom_state::holding::HoldingState;
use wardroom_state::ids::{ClusterId, NodeId, RotationId, SecretId, ServiceId, TaskId, VersionId};
use wardroom_state::node::{Availability, Certificate, Node, NodeState, Role};
use wardroom_state::rotation::RotationCause;
use wardroom_state::secret::{SealedValue, Template};
use wardroom_state::service::{Grant, Mode, OnChange, RollSettings, RunSpec, ServiceSpec};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::decision::Decision;

pub(crate) struct Scene {
    pub(crate) state: State,
    pub(crate) now_ms: i64,
    index: u64,
    ids: u32,
}

pub(crate) fn node_id(name: &str) -> NodeId {
    NodeId::new(name)
}

fn node(name: &str, role: Role, raft_id: u64) -> Node {
    Node {
        id: node_id(name),
        hostname: format!("host-{name}"),
        role,
        desired_role: role,
        availability: Availability::Active,
        state: NodeState::Ready,
        message: String::new(),
        state_since_ms: 0,
        address: String::new(),
        raft_id,
        runs_tasks: role == Role::Worker,
        version: String::new(),
        labels: BTreeMap::new(),
        certificate: Certificate::default(),
        created_at_ms: 0,
        version_index: 0,
    }
}

/// A digest that stands for the value of one version.
fn digest(secret: &str, version: u32) -> [u8; 32] {
    let mut digest = [0; 32];
    let text = format!("{secret}/{version}");
    digest.iter_mut().zip(text.bytes()).for_each(|(to, byte)| *to = byte);
    digest
}

impl Scene {
    /// Manager `m1` and ready workers `w1`, `w2` ...
    pub(crate) fn with_workers(workers: u32) -> Self {
        Self::with_workers_that(workers, |_| {})
    }

    /// The same, each node changed before it comes in.
    pub(crate) fn with_workers_that(workers: u32, differ: impl Fn(&mut Node)) -> Self {
        let workers = (1..=workers).map(|n| node(&format!("w{n}"), Role::Worker, 0));
        let mut nodes: Vec<Node> = std::iter::once(node("m1", Role::Manager, 1)).chain(workers).collect();
        nodes.iter_mut().for_each(differ);
        Self::with_nodes(nodes)
    }

    /// Managers `m1` at `m1:1` with Raft id 1 and so on, and worker `w1`.
    pub(crate) fn with_managers(managers: u64) -> Self {
        let manager = |n: u64| Node {
            address: format!("m{n}:1"),
            ..node(&format!("m{n}"), Role::Manager, n)
        };
        let worker = node("w1", Role::Worker, 0);
        Self::with_nodes((1..=managers).map(manager).chain([worker]).collect())
    }

    fn with_nodes(nodes: Vec<Node>) -> Self {
        let cluster = Cluster {
            id: ClusterId::new("c1"),
            name: "test".into(),
            created_at_ms: 0,
            root_certificate: String::new(),
            root_fingerprint: String::new(),
            root_key_id: "k1".into(),
            root_not_after_ms: 0,
            sealed_root_key: Vec::new(),
            retiring: Vec::new(),
            certificate_life_ms: 90 * 24 * 3_600_000,
            worker_token: JoinToken::default(),
            manager_token: JoinToken::default(),
            sealing_root_check: [0; 4],
            autolock: false,
            heartbeat_ms: 5_000,
            task_history: 5,
            snapshot_every: 5_000,
            refuse_env: false,
            version_index: 0,
        };
        let mut scene = Self {
            state: State::default(),
            now_ms: 1_000,
            index: 0,
            ids: 0,
        };
        scene.apply(Command::Bootstrap { cluster, nodes });
        scene
    }

    pub(crate) fn apply(&mut self, command: Command) {
        self.index += 1;
        let actor = Actor {
            name: "test".into(),
            from: "local".into(),
        };
        let proposal = Proposal {
            at_ms: self.now_ms,
            actor,
            command,
        };
        self.state
            .apply(self.index, &proposal)
            .expect("the scene's commands are accepted");
        assert_eq!(self.state.check(), Vec::<String>::new());
    }

    pub(crate) fn wait_ms(&mut self, ms: i64) {
        self.now_ms += ms;
    }

    pub(crate) fn node_state(&mut self, name: &str, state: NodeState) {
        self.apply(Command::SetNodeState {
            node: node_id(name),
            state,
            message: String::new(),
        });
    }

    pub(crate) fn availability(&mut self, name: &str, availability: Availability) {
        self.apply(Command::SetAvailability {
            node: node_id(name),
            availability,
        });
    }

    fn version(name: &str, number: u32) -> NewVersion {
        NewVersion {
            id: VersionId::new(format!("{name}-version-{number}")),
            size: 8,
            sealed: SealedValue {
                wrapped_key: vec![1],
                ciphertext: vec![2],
                key_check: [3; 4],
            },
            receipt_digest: digest(name, number),
            fingerprint: digest(name, number),
        }
    }

    /// The secret's id is its name.
    pub(crate) fn secret(&mut self, name: &str) {
        self.apply(Command::CreateSecret {
            id: SecretId::new(name),
            name: name.into(),
            labels: BTreeMap::new(),
            max_age_ms: 0,
            template: Template::None,
            schedule: None,
            version: Self::version(name, 1),
        });
    }

    pub(crate) fn rotate(&mut self, name: &str) -> RotationId {
        self.rotate_because(name, RotationCause::Operator)
    }

    pub(crate) fn rotate_because(&mut self, name: &str, cause: RotationCause) -> RotationId {
        let next = self.state.secrets()[&SecretId::new(name)].versions.len() + 1;
        let next = u32::try_from(next).unwrap();
        let rotation = RotationId::new(format!("{name}-rotation-{next}"));
        self.apply(Command::RotateSecret {
            secret: SecretId::new(name),
            version: Self::version(name, next),
            rotation: rotation.clone(),
            cause,
            expected: None,
        });
        rotation
    }

    pub(crate) fn grant(secret: &str, on_change: OnChange) -> Grant {
        Grant {
            target: secret.into(),
            secret: SecretId::new(secret),
            pinned: None,
            uid: 0,
            gid: 0,
            mode: 0o444,
            on_change,
        }
    }

    /// The service's id is its name.
    pub(crate) fn service(&mut self, name: &str, mode: Mode, grants: Vec<Grant>) {
        let spec = ServiceSpec {
            name: name.into(),
            run: RunSpec {
                command: vec!["sleep".into()],
                ..RunSpec::default()
            },
            mode,
            grants,
            update: RollSettings {
                monitor_ms: 0,
                ..RollSettings::default()
            },
            ..ServiceSpec::default()
        };
        self.apply(Command::CreateService {
            id: ServiceId::new(name),
            spec,
        });
    }

    pub(crate) fn update(&mut self, name: &str, change: impl FnOnce(&mut ServiceSpec)) {
        let id = ServiceId::new(name);
        let mut spec = self.state.services()[&id].spec.clone();
        change(&mut spec);
        self.apply(Command::UpdateService {
            id,
            spec,
            expected: None,
        });
    }

    /// Runs one loop and applies what it decides.
    pub(crate) fn carry_out(&mut self, decision: Decision) -> Vec<Command> {
        for command in &decision.commands {
            self.apply(command.clone());
        }
        decision.commands
    }

    /// Lets the scheduler act once.
    pub(crate) fn schedule(&mut self) -> Vec<Command> {
        let mut ids = self.ids;
        let decision = super::tasks::decide(&self.state, self.now_ms, &mut || {
            ids += 1;
            TaskId::new(format!("task{ids:03}"))
        });
        self.ids = ids;
        self.carry_out(decision)
    }

    /// One look of the driver: the first loop that has something to change.
    pub(crate) fn round(&mut self) -> Vec<Command> {
        let mut ids = self.ids;
        let (commands, _) = super::loops(&self.state, self.now_ms, self.now_ms, &mut || {
            ids += 1;
            TaskId::new(format!("task{ids:03}"))
        });
        self.ids = ids;
        let again_at_ms = None;
        self.carry_out(Decision { commands, again_at_ms })
    }

    /// How long the driver would wait now for the time to pass.
    pub(crate) fn waits_ms(&self) -> Option<u128> {
        let mut new_id = || unreachable!("nothing is to be done");
        let (commands, wait) = super::loops(&self.state, self.now_ms, self.now_ms, &mut new_id);
        assert_eq!(commands, [], "nothing is to be done");
        wait.map(|wait| wait.as_millis())
    }

    /// Rounds until the leader has nothing to do at this moment; the workers answer nothing.
    pub(crate) fn rounds(&mut self) {
        for _ in 0..100 {
            if self.round().is_empty() {
                return;
            }
        }
        panic!("the loops go on for ever");
    }

    /// The same, with the workers in between: no time passes.
    pub(crate) fn settle(&mut self) {
        for _ in 0..200 {
            self.rounds();
            let before = self.state.digest();
            self.workers_obey();
            if self.state.digest() == before {
                return;
            }
        }
        panic!("the loops do not settle");
    }

    /// The same, and time passes as long as a loop waits for it.
    pub(crate) fn settle_in_time(&mut self) {
        for _ in 0..200 {
            self.settle();
            let Some(wait_ms) = self.waits_ms() else { return };
            self.wait_ms(i64::try_from(wait_ms).unwrap());
        }
        panic!("the loops wait for ever");
    }

    pub(crate) fn tasks(&self) -> Vec<&Task> {
        self.state.tasks().values().collect()
    }

    pub(crate) fn live(&self) -> Vec<&Task> {
        self.state.tasks().values().filter(|task| task.is_live()).collect()
    }

    /// Live tasks as `name@node`, sorted.
    pub(crate) fn placed(&self) -> Vec<String> {
        let place = |task: &Task| task.node.as_ref().map_or("-".to_owned(), ToString::to_string);
        let mut placed: Vec<_> = self
            .live()
            .iter()
            .map(|task| format!("{}@{}", task.name, place(task)))
            .collect();
        placed.sort();
        placed
    }

    /// A worker's word about one of its tasks.
    pub(crate) fn report(&mut self, task: &TaskId, state: TaskState) {
        let node = self.state.tasks()[task].node.clone().expect("only placed tasks report");
        let report = TaskReport {
            task: task.clone(),
            state,
            message: String::new(),
            error: if state == TaskState::Failed {
                "exit code 1".into()
            } else {
                String::new()
            },
            exit_code: 0,
            pid: 0,
            secrets_dir: String::new(),
            health: String::new(),
        };
        self.apply(Command::Report {
            node,
            tasks: vec![report],
            receipts: Vec::new(),
            inventory: false,
        });
    }

    pub(crate) fn receipt(&mut self, task: &TaskId, secret: &str, version: u32, state: HoldingState) {
        let node = self.state.tasks()[task].node.clone().expect("only placed tasks report");
        let receipt = Receipt {
            task: task.clone(),
            secret: SecretId::new(secret),
            version,
            target: secret.into(),
            state,
            digest: (state == HoldingState::Present).then(|| digest(secret, version)),
            message: if state == HoldingState::Failed {
                "disk full".into()
            } else {
                String::new()
            },
        };
        self.apply(Command::Report {
            node,
            tasks: Vec::new(),
            receipts: vec![receipt],
            inventory: false,
        });
    }

    /// Every worker that is not down does what it is told: tasks run and prove their files, or end and erase them.
    pub(crate) fn workers_obey(&mut self) {
        let up = |id: &NodeId| {
            self.state
                .nodes()
                .get(id)
                .is_some_and(|node| node.state != NodeState::Down)
        };
        let reached = self
            .state
            .tasks()
            .values()
            .filter(|task| task.node.as_ref().is_some_and(up));
        let tasks: Vec<Task> = reached.cloned().collect();
        for task in tasks {
            let ended = task.status.state.is_final();
            if task.is_live() {
                self.report(&task.id, TaskState::Running);
                for file in &task.files {
                    self.receipt(&task.id, file.secret.as_str(), file.version, HoldingState::Present);
                }
            } else if !ended {
                self.report(&task.id, TaskState::Shutdown);
            }
            let kept: Vec<_> = if task.is_live() { task.files.clone() } else { Vec::new() };
            let stale: Vec<_> = self
                .state
                .holdings_of_task(&task.id)
                .filter(|(_, holding)| holding.owed)
                .collect();
            let stale: Vec<_> = stale
                .iter()
                .map(|(key, _)| (key.secret.to_string(), key.version))
                .collect();
            for (secret, version) in stale {
                if !kept
                    .iter()
                    .any(|file| file.secret.as_str() == secret && file.version == version)
                {
                    self.receipt(&task.id, &secret, version, HoldingState::Erased);
                }
            }
        }
    }

    pub(crate) fn fail(&mut self, task: &TaskId) {
        self.report(task, TaskState::Failed);
        for (secret, version) in self.held(task) {
            self.receipt(task, &secret, version, HoldingState::Erased);
        }
    }

    fn held(&self, task: &TaskId) -> Vec<(String, u32)> {
        let live = self
            .state
            .holdings_of_task(task)
            .filter(|(_, holding)| holding.is_live());
        live.map(|(key, _)| (key.secret.to_string(), key.version)).collect()
    }
}
