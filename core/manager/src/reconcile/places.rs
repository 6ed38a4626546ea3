//! What does one place of a service look like? A slot of a replicated service, or a node of a global one.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::ids::NodeId;
use wardroom_state::node::NodeState;
use wardroom_state::secret::VersionState;
use wardroom_state::service::{Mode, Service};
use wardroom_state::task::{Task, TaskState};

use crate::reconcile::placement::keeps_tasks;

#[derive(Default)]
pub(crate) struct Place<'a> {
    pub(crate) tasks: Vec<&'a Task>,
}

/// Every slot that the service should have, or every node that it has been on and that takes its tasks.
pub(crate) fn places<'a>(state: &'a State, service: &Service) -> Vec<Place<'a>> {
    match service.spec.mode {
        Mode::Replicated(replicas) => {
            let mut slots: BTreeMap<u32, Place<'_>> = (1..=replicas).map(|slot| (slot, Place::default())).collect();
            for task in state.tasks_of(&service.id) {
                if let Some(place) = slots.get_mut(&task.slot) {
                    place.tasks.push(task);
                }
            }
            slots.into_values().collect()
        }
        Mode::Global => {
            let mut nodes: BTreeMap<&NodeId, Place<'_>> = BTreeMap::new();
            for task in state.tasks_of(&service.id) {
                if let Some(node) = task.node.as_ref().filter(|node| takes(state, node, service)) {
                    nodes.entry(node).or_default().tasks.push(task);
                }
            }
            nodes.into_values().collect()
        }
    }
}

fn takes(state: &State, node: &NodeId, service: &Service) -> bool {
    let up = state
        .nodes()
        .get(node)
        .is_some_and(|node| node.state != NodeState::Down);
    up && keeps_tasks(state, node, service)
}

impl<'a> Place<'a> {
    pub(crate) fn live(&self) -> impl Iterator<Item = &'a Task> {
        self.tasks.iter().copied().filter(|task| task.is_live())
    }

    /// Told to end and not ended yet.
    pub(crate) fn is_stopping(&self) -> bool {
        let stops = |task: &&Task| task.desired.is_final() && !task.status.state.is_final();
        self.tasks.iter().any(stops)
    }

    /// The newest end first.
    pub(crate) fn ended(&self) -> Vec<&'a Task> {
        let mut ended = self.tasks.clone();
        ended.retain(|task| task.status.state.is_final());
        ended.sort_by_key(|task| std::cmp::Reverse((task.status.since_ms, &task.id)));
        ended
    }
}

/// It ended by itself, and not well.
pub(crate) fn has_failed(task: &Task) -> bool {
    matches!(task.status.state, TaskState::Failed | TaskState::Rejected)
}

/// One of its files is of a version that a rotation was taken back from.
pub(crate) fn has_failed_version(state: &State, task: &Task) -> bool {
    task.files.iter().any(|file| {
        let secret = state.secrets().get(&file.secret);
        let version = secret.and_then(|secret| secret.versions.get(&file.version));
        version.is_some_and(|version| version.state == VersionState::Failed)
    })
}
