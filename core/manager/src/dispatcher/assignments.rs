//! What should one worker have now, and what must it be told? A pure difference between sent and wanted.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::Receipt;
use wardroom_state::holding::{HoldingKey, HoldingState};
use wardroom_state::ids::{NodeId, SecretId, TaskId, VersionId};
use wardroom_state::secret::{SealedValue, Template};
use wardroom_state::task::{Task, TaskState};

use crate::control::convert;

/// Everything one worker should have at one index. Values are still sealed.
#[derive(Debug, Default)]
pub(crate) struct Wanted {
    pub(super) tasks: BTreeMap<TaskId, v1::TaskAssignment>,
    /// Those of them that the worker has started, as far as it has said.
    pub(super) started: BTreeSet<TaskId>,
    /// Versions that a live task of the node names, and that still have a value.
    pub(super) versions: BTreeSet<VersionId>,
    /// Those of them that the worker has not been sent yet.
    pub(super) unsent: BTreeMap<VersionId, SealedVersion>,
}

/// One version to deliver, as the state knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct SealedVersion {
    pub(crate) id: VersionId,
    pub(crate) secret: SecretId,
    pub(crate) number: u32,
    pub(crate) sealed: SealedValue,
    /// Of its secret; 0: never erased for want of a manager.
    pub(crate) lease_ms: u64,
    pub(crate) template: Template,
}

/// What this session's worker was told so far.
#[derive(Debug, Default)]
pub(crate) struct Sent {
    tasks: BTreeMap<TaskId, v1::TaskAssignment>,
    versions: BTreeSet<VersionId>,
    /// Every file that a task it still knows was ever sent with: secret, version, target.
    told: BTreeMap<TaskId, BTreeSet<(SecretId, u32, String)>>,
    /// `results_in` of the last message; 0 before the first, complete one.
    sequence: u64,
}

/// One message to come: what to unseal and what to say.
#[derive(Debug, PartialEq)]
pub(crate) struct Step {
    pub(crate) complete: bool,
    pub(crate) applies_to: u64,
    pub(crate) results_in: u64,
    pub(crate) versions: Vec<SealedVersion>,
    pub(crate) tasks: Vec<v1::TaskAssignment>,
    pub(crate) tasks_removed: Vec<TaskId>,
    pub(crate) versions_removed: Vec<VersionId>,
}

/// The tasks of a node, and the versions they use. Another node's tasks are never looked at.
pub(crate) fn wanted(state: &State, node: &NodeId, sent: &BTreeSet<VersionId>) -> Wanted {
    let mut wanted = Wanted::default();
    for task in state.tasks_on(node).filter(|task| concerns_the_worker(state, task)) {
        wanted.tasks.insert(task.id.clone(), assignment(state, task));
        if !task.is_live() {
            continue;
        }
        if task.status.state >= TaskState::Starting {
            wanted.started.insert(task.id.clone());
        }
        for version in versions(state, task) {
            if !sent.contains(version.id) {
                wanted
                    .unsent
                    .entry(version.id.clone())
                    .or_insert_with(|| version.to_owned());
            }
            wanted.versions.insert(version.id.clone());
        }
    }
    wanted
}

/// A task that ended concerns its worker until the last of its files is erased.
fn concerns_the_worker(state: &State, task: &Task) -> bool {
    !task.status.state.is_final() || state.holdings_of_task(&task.id).any(|(_, holding)| holding.is_live())
}

fn assignment(state: &State, task: &Task) -> v1::TaskAssignment {
    let service = state.services().get(&task.service);
    let spec = service.map(|service| &service.spec);
    // Whatever was wanted of it before, a task that ended is not started again under the same id.
    let desired = if task.status.state.is_final() {
        task.desired.max(TaskState::Shutdown)
    } else {
        task.desired
    };
    v1::TaskAssignment {
        id: task.id.to_string(),
        service_id: task.service.to_string(),
        name: task.name.clone(),
        desired: convert::task_state(desired).into(),
        files: task
            .files
            .iter()
            .map(|file| convert::secret_file(state, file))
            .collect(),
        run: service
            .and_then(|service| service.run_of(task.generation))
            .map(convert::run),
        service_name: spec.map(|spec| spec.name.clone()).unwrap_or_default(),
        service_labels: spec.map(|spec| spec.labels.clone()).unwrap_or_default(),
        slot: task.slot,
    }
}

/// A version that lies in the state; copied only when it has to be sent.
struct Stored<'a> {
    id: &'a VersionId,
    secret: &'a SecretId,
    number: u32,
    sealed: &'a SealedValue,
    lease_ms: u64,
    template: Template,
}

impl Stored<'_> {
    fn to_owned(&self) -> SealedVersion {
        let (id, secret, sealed) = (self.id.clone(), self.secret.clone(), self.sealed.clone());
        SealedVersion {
            id,
            secret,
            number: self.number,
            sealed,
            lease_ms: self.lease_ms,
            template: self.template,
        }
    }
}

fn versions<'a>(state: &'a State, task: &'a Task) -> impl Iterator<Item = Stored<'a>> {
    task.files.iter().filter_map(|file| {
        let secret = state.secrets().get(&file.secret)?;
        let version = secret.versions.get(&file.version)?;
        let sealed = version.sealed.as_ref()?;
        Some(Stored {
            id: &version.id,
            secret: &file.secret,
            number: file.version,
            sealed,
            lease_ms: secret.lease_ms,
            template: secret.template,
        })
    })
}

/// Erasures that nobody else can confirm: files that were assigned and taken back before the worker heard of them. Its
/// receipt would never come. True only of a worker whose inventory came in this session.
pub(crate) fn never_told(state: &State, node: &NodeId, sent: &Sent) -> Vec<Receipt> {
    let unseen = state.holdings_on(node).filter(|(key, holding)| {
        holding.owed && holding.state == HoldingState::Pending && key.node == *node && !sent.has_told(key)
    });
    unseen
        .map(|(key, _)| Receipt {
            task: key.task.clone(),
            secret: key.secret.clone(),
            version: key.version,
            target: key.target.clone(),
            state: HoldingState::Erased,
            digest: None,
            message: String::new(),
        })
        .collect()
}

impl Sent {
    /// What the worker has been sent and not been told to forget.
    pub(crate) fn versions(&self) -> &BTreeSet<VersionId> {
        &self.versions
    }

    /// The next message, or `None` when the worker knows everything. The first one is complete, also when it is empty.
    pub(crate) fn step(&mut self, wanted: Wanted) -> Option<Step> {
        let complete = self.sequence == 0;
        let Wanted {
            tasks,
            started,
            versions,
            unsent,
        } = wanted;
        let tasks = self.deliverable(tasks, &started, &versions);
        let changed: Vec<_> = tasks.values().filter(|task| !self.knows(task)).cloned().collect();
        let tasks_removed: Vec<_> = self
            .tasks
            .keys()
            .filter(|id| !tasks.contains_key(*id))
            .cloned()
            .collect();
        let versions_removed: Vec<_> = self
            .versions
            .iter()
            .filter(|id| !versions.contains(*id))
            .cloned()
            .collect();
        let silent = changed.is_empty() && unsent.is_empty() && tasks_removed.is_empty() && versions_removed.is_empty();
        if silent && !complete {
            return None;
        }
        for id in &versions_removed {
            self.versions.remove(id);
        }
        self.versions.extend(unsent.keys().cloned());
        for task in &changed {
            let files = task.files.iter();
            let files = files.map(|file| {
                (
                    SecretId::new(file.secret_id.as_str()),
                    file.version,
                    file.target.clone(),
                )
            });
            self.told
                .entry(TaskId::new(task.id.as_str()))
                .or_default()
                .extend(files);
        }
        self.told.retain(|id, _| tasks.contains_key(id));
        self.tasks = tasks;
        let applies_to = self.sequence;
        self.sequence += 1;
        Some(Step {
            complete,
            applies_to,
            results_in: self.sequence,
            versions: unsent.into_values().collect(),
            tasks: changed,
            tasks_removed,
            versions_removed,
        })
    }

    /// The worker was told of this task and not to forget it.
    pub(crate) fn has_task(&self, id: &str) -> bool {
        self.tasks.contains_key(&TaskId::new(id))
    }

    /// One of the worker's tasks is of this service.
    pub(crate) fn runs(&self, service: &str) -> bool {
        self.tasks.values().any(|task| task.service_id == service)
    }

    fn has_told(&self, key: &HoldingKey) -> bool {
        let file = (key.secret.clone(), key.version, key.target.clone());
        self.told.get(&key.task).is_some_and(|files| files.contains(&file))
    }

    fn knows(&self, task: &v1::TaskAssignment) -> bool {
        self.tasks.get(&TaskId::new(task.id.as_str())) == Some(task)
    }

    /// A task whose files cannot all be delivered is not told to start, and one that runs keeps its last set, or in a
    /// new session what there is of it: what is left out of a complete message is stopped. A task on its way out needs
    /// no values any more.
    fn deliverable(
        &self,
        tasks: BTreeMap<TaskId, v1::TaskAssignment>,
        started: &BTreeSet<TaskId>,
        versions: &BTreeSet<VersionId>,
    ) -> BTreeMap<TaskId, v1::TaskAssignment> {
        let at_hand = |file: &v1::SecretFile| versions.contains(&VersionId::new(file.version_id.as_str()));
        tasks
            .into_iter()
            .filter_map(|(id, mut task)| {
                if task.desired() > v1::TaskState::Running || task.files.iter().all(at_hand) {
                    return Some((id, task));
                }
                if let Some(before) = self.tasks.get(&id) {
                    return Some((id, before.clone()));
                }
                task.files.retain(at_hand);
                started.contains(&id).then_some((id, task))
            })
            .collect()
    }
}
