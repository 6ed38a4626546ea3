//! Whose turn is it at a service? An update goes first. Of the rotations that restart or signal its tasks, or are watched
//! by a health check, one goes after the other in the order in which they began, so that a failure has one cause. What
//! has to wait, or is paused, leaves the tasks what they have, and new tasks get the version before.

use std::collections::BTreeMap;

use wardroom_state::State;
use wardroom_state::ids::{RotationId, SecretId};
use wardroom_state::rotation::{Rotation, RotationPhase};
use wardroom_state::secret::{Version, VersionState};
use wardroom_state::service::{Grant, OnChange, Service, UpdateState};
use wardroom_state::task::{SecretFile, Task, TaskState};

use crate::reconcile::settled::{has_health_check, rotation_settled_at_ms};

pub(crate) struct Turn<'a> {
    pub(crate) state: &'a State,
    pub(crate) service: &'a Service,
    /// Secrets that do not move here now, and the version that new tasks get meanwhile.
    held: BTreeMap<&'a SecretId, u32>,
    waiting: BTreeMap<&'a RotationId, String>,
}

impl<'a> Turn<'a> {
    pub(crate) fn of(state: &'a State, service: &'a Service, now_ms: i64) -> Self {
        let mut turn = Self {
            state,
            service,
            held: BTreeMap::new(),
            waiting: BTreeMap::new(),
        };
        let mut active: Option<&Rotation> = None;
        for rotation in rotations(state, service) {
            if rotation.phase == RotationPhase::RollingBack {
                if is_touched(state, service, rotation) {
                    active = Some(rotation);
                }
                continue;
            }
            if rotation.paused {
                turn.hold(rotation, None);
            } else if let Some(update) = turn.update_in_the_way(rotation) {
                turn.hold(rotation, Some(update));
            } else if is_stepwise(service, rotation) {
                match active {
                    Some(first) => turn.hold(rotation, Some(waits_for(state, service, first))),
                    None if is_finished(state, service, rotation, now_ms) => {}
                    None => active = Some(rotation),
                }
            }
        }
        turn
    }

    fn hold(&mut self, rotation: &'a Rotation, why: Option<String>) {
        let value = |from: u32| {
            let secret = self.state.secrets().get(&rotation.secret)?;
            let version = secret.versions.get(&from)?;
            version.sealed.as_ref().map(|_| from)
        };
        // Without a version before there is nothing else to give.
        if let Some(from) = rotation.from.and_then(value) {
            self.held.insert(&rotation.secret, from);
        }
        if let Some(why) = why {
            self.waiting.insert(&rotation.id, why);
        }
    }

    fn update_in_the_way(&self, rotation: &Rotation) -> Option<String> {
        let status = self.service.update_status.as_ref()?;
        let name = &self.service.spec.name;
        match status.state {
            UpdateState::Updating => Some(format!("waits for the update of service {name}")),
            UpdateState::RollbackStarted => Some(format!("waits for the roll-back of service {name}")),
            // Replacing tasks would carry the update on.
            UpdateState::Paused | UpdateState::RollbackPaused if replaces(self.service, rotation) => {
                Some(format!("waits for the update of service {name}, which is paused"))
            }
            _ => None,
        }
    }

    /// Why the rotation does not move here now, when it is not by itself.
    pub(crate) fn why_waiting(&self, rotation: &Rotation) -> Option<&str> {
        self.waiting.get(&rotation.id).map(String::as_str)
    }

    /// What a new task gets.
    pub(crate) fn files_for_new(&self) -> Vec<SecretFile> {
        self.state.files_with(self.service, |grant| self.version_for_new(grant))
    }

    fn version_for_new(&self, grant: &Grant) -> Option<&'a Version> {
        let held = self.held_version(grant);
        let before = held.and_then(|from| self.state.version_with_value(grant, from));
        before.or_else(|| self.state.version_wanted(grant))
    }

    fn held_version(&self, grant: &Grant) -> Option<u32> {
        self.held.get(&grant.secret).copied().filter(|_| grant.pinned.is_none())
    }

    /// What a task should have that is there already.
    pub(crate) fn files_for(&self, task: &Task) -> Vec<SecretFile> {
        self.state.files_with(self.service, |grant| {
            let mut files = task.files.iter();
            let has = files.find(|file| file.target == grant.target && file.secret == grant.secret);
            let keeps = self.held_version(grant).and(has);
            let kept = keeps.and_then(|file| self.state.version_with_value(grant, file.version));
            // What was taken back goes, whatever else waits.
            let kept = kept.filter(|version| version.state != VersionState::Failed);
            kept.or_else(|| self.version_for_new(grant))
        })
    }

    /// All files that the service grants have a version to deliver.
    pub(crate) fn is_complete(&self) -> bool {
        self.files_for_new().len() == self.service.spec.grants.len()
    }

    pub(crate) fn is_paused(&self) -> bool {
        self.service.is_paused()
    }
}

/// Those of the secrets that the service follows, in the order in which they began.
fn rotations<'a>(state: &'a State, service: &'a Service) -> Vec<&'a Rotation> {
    let grants = service.spec.grants.iter().filter(|grant| grant.pinned.is_none());
    let running = grants.filter_map(|grant| state.running_rotation(&grant.secret));
    let mut rotations: Vec<&Rotation> = running.collect();
    rotations.sort_by_key(|rotation| (rotation.started_at_ms, &rotation.id));
    rotations.dedup_by_key(|rotation| &rotation.id);
    rotations
}

fn follows<'a>(service: &'a Service, rotation: &'a Rotation) -> impl Iterator<Item = &'a Grant> {
    let grants = service.spec.grants.iter();
    grants.filter(|grant| grant.secret == rotation.secret && grant.pinned.is_none())
}

fn replaces(service: &Service, rotation: &Rotation) -> bool {
    follows(service, rotation).any(|grant| grant.on_change == OnChange::Restart)
}

fn is_stepwise(service: &Service, rotation: &Rotation) -> bool {
    has_health_check(service) || follows(service, rotation).any(|grant| grant.on_change != OnChange::Swap)
}

fn waits_for(state: &State, service: &Service, first: &Rotation) -> String {
    let secret = state.secrets().get(&first.secret);
    let secret = secret.map_or(first.secret.as_str(), |secret| secret.name.as_str());
    format!("waits for the rotation of {secret} at service {}", service.spec.name)
}

/// A task that has not ended still has the version that failed.
fn is_touched(state: &State, service: &Service, rotation: &Rotation) -> bool {
    let has = |file: &SecretFile| file.secret == rotation.secret && file.version == rotation.to;
    let mut tasks = state.tasks_of(&service.id).filter(|task| !task.status.state.is_final());
    tasks.any(|task| task.files.iter().any(has))
}

/// Every task of the service has the new version and has settled with it.
fn is_finished(state: &State, service: &Service, rotation: &Rotation, now_ms: i64) -> bool {
    let unended = state
        .tasks_of(&service.id)
        .filter(|task| !task.status.state.is_final() && task.desired < TaskState::Remove);
    unended.filter(|task| task.node.is_some()).all(|task| {
        let settled = rotation_settled_at_ms(state, service, task, rotation);
        task.is_live() && settled.is_some_and(|at_ms| at_ms <= now_ms)
    })
}
