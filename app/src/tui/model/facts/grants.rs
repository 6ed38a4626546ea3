//! How is one grant? The version that it means, and how many of the service's tasks prove that they hold it. Looked up
//! for the rows in view together: a walk through all tasks for each of them would be slow.

use std::collections::BTreeMap;

use wardroom_api::ClusterView;
use wardroom_api::v1::{Grant, Secret, Service, Task};

use super::{secrets, words};

/// The active tasks of some services.
pub struct Tasks<'a>(BTreeMap<&'a str, Vec<&'a Task>>);

impl<'a> Tasks<'a> {
    /// One walk through all tasks.
    pub fn of(view: &'a ClusterView, wanted: impl Fn(&str) -> bool) -> Self {
        let mut found: BTreeMap<&str, Vec<&Task>> = BTreeMap::new();
        let active = view.tasks.values().filter(|task| words::is_active(task));
        for task in active.filter(|task| wanted(&task.service_id)) {
            found.entry(&task.service_id).or_default().push(task);
        }
        Self(found)
    }

    pub fn of_service(&self, service_id: &str) -> &[&'a Task] {
        self.0.get(service_id).map_or(&[], Vec::as_slice)
    }
}

/// A service's grants by secret: a row of the matrix asks for many of them.
pub fn by_secret(service: &Service) -> BTreeMap<&str, Vec<&Grant>> {
    let mut found: BTreeMap<&str, Vec<&Grant>> = BTreeMap::new();
    for grant in service.spec.iter().flat_map(|spec| &spec.grants) {
        found.entry(&grant.secret_id).or_default().push(grant);
    }
    found
}

/// The version that the grant means now; 0: there is none.
pub fn version(secret: &Secret, grant: &Grant) -> u32 {
    if grant.pinned == 0 {
        secret.current
    } else {
        grant.pinned
    }
}

/// Whether the task proves that version in the grant's file.
pub fn is_proven(view: &ClusterView, task: &Task, grant: &Grant, version: u32) -> bool {
    let file = |file: &&wardroom_api::v1::SecretFile| {
        file.secret_id == grant.secret_id && file.target == grant.target && file.version == version
    };
    task.files
        .iter()
        .find(file)
        .is_some_and(|file| secrets::is_proved(view, task, file))
}

/// Of these tasks, how many prove it.
pub fn proven(view: &ClusterView, tasks: &[&Task], grant: &Grant, version: u32) -> usize {
    tasks
        .iter()
        .filter(|task| is_proven(view, task, grant, version))
        .count()
}

/// Every task proves it, and there is one.
pub fn is_settled(view: &ClusterView, tasks: &[&Task], grant: &Grant, version: u32) -> bool {
    !tasks.is_empty() && proven(view, tasks, grant, version) == tasks.len()
}
