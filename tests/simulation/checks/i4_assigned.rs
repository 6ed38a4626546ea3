//! I4: has a worker a version that no task of it was ever given? Its memory is searched for every value of the run.

use std::collections::BTreeSet;
use std::sync::Arc;

use wardroom_api::v1::{change, object};
use wardroom_manager::Applied;
use wardroom_state::State;

use super::Findings;
use super::values::Held;

/// Node and version of every file any task was given.
#[derive(Default)]
pub(crate) struct Assigned(BTreeSet<(String, String)>);

impl Assigned {
    pub(crate) fn learn(&mut self, applied: &[Arc<Applied>], state: &State) {
        // Changes show each task as it was at its index; the state shows only the last of a step.
        for change in applied.iter().flat_map(|applied| &applied.changes) {
            let Some(change::Action::Put(object)) = &change.action else {
                continue;
            };
            if let Some(object::Kind::Task(task)) = &object.kind {
                let files = task
                    .files
                    .iter()
                    .map(|file| (task.node_id.clone(), file.version_id.clone()));
                self.0.extend(files);
            }
        }
        if applied.iter().any(|applied| applied.replaced) {
            for task in state.tasks().values() {
                let Some(node) = &task.node else { continue };
                self.0.extend(
                    task.files
                        .iter()
                        .map(|file| (node.to_string(), file.version_id.to_string())),
                );
            }
        }
    }

    pub(crate) fn check(&self, held: &Held) -> Findings {
        let pairs = held
            .iter()
            .flat_map(|(node, versions)| versions.iter().map(move |version| (node, version)));
        let strangers = pairs.filter(|(node, version)| !self.0.contains(&((*node).clone(), (*version).clone())));
        strangers
            .map(|(node, version)| format!("I4 worker {node} has version {version} and no task for it"))
            .collect()
    }
}
