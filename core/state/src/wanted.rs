//! Which exact versions should a task have, and which of a service's tasks have proven a rotation's new one?

use crate::holding::HoldingState;
use crate::rotation::{Rotation, RotationPhase, RotationProgress};
use crate::secret::Version;
use crate::service::{Grant, OnChange, Service};
use crate::state::State;
use crate::task::{SecretFile, Task};

impl State {
    /// What a new task of the service gets: its grants resolved to exact versions, sorted by target. A grant without a
    /// live version is left out; of a secret whose rotation is paused it is the version before.
    pub fn files_wanted(&self, service: &Service) -> Vec<SecretFile> {
        self.files_with(service, |grant| self.version_for_new(grant))
    }

    /// The same, with the version that `version` finds for each grant.
    pub fn files_with<'a>(
        &'a self,
        service: &Service,
        version: impl Fn(&Grant) -> Option<&'a Version>,
    ) -> Vec<SecretFile> {
        let grants = service.spec.grants.iter();
        grants
            .filter_map(|grant| Some(file_of(grant, version(grant)?)))
            .collect()
    }

    /// The version that a grant stands for now, while its value exists.
    pub fn version_wanted(&self, grant: &Grant) -> Option<&Version> {
        let secret = self.facts.secrets.get(&grant.secret)?;
        self.version_with_value(grant, grant.pinned.or(secret.current)?)
    }

    /// One version of the grant's secret, while its value exists.
    pub fn version_with_value(&self, grant: &Grant, number: u32) -> Option<&Version> {
        let version = self.facts.secrets.get(&grant.secret)?.versions.get(&number)?;
        version.sealed.is_some().then_some(version)
    }

    fn version_for_new(&self, grant: &Grant) -> Option<&Version> {
        let paused = self
            .running_rotation(&grant.secret)
            .filter(|rotation| rotation.paused && rotation.phase != RotationPhase::RollingBack);
        let before = paused
            .filter(|_| grant.pinned.is_none())
            .and_then(|rotation| self.version_with_value(grant, rotation.from?));
        before.or_else(|| self.version_wanted(grant))
    }

    /// Per service that follows the secret's current version: its live placed tasks, and how many of them have proven
    /// every file of the rotation's new version. What a rotation must reach before it is done.
    pub fn rotation_progress(&self, rotation: &Rotation) -> Vec<RotationProgress> {
        let followers = self
            .services_with(&rotation.secret)
            .filter(|service| service.followed(rotation).next().is_some());
        followers
            .map(|service| {
                let live = self.tasks_of(&service.id).filter(|task| task.is_placed_and_live());
                let (mut tasks, mut proven) = (0_u32, 0_u32);
                for task in live {
                    tasks = tasks.saturating_add(1);
                    proven = proven.saturating_add(self.has_proven_rotation(service, task, rotation).into());
                }
                RotationProgress {
                    service: service.id.clone(),
                    tasks,
                    proven,
                    settled: 0,
                }
            })
            .collect()
    }

    /// Every file of the task that follows the secret is of the rotation's new version, by a receipt with its digest.
    pub fn has_proven_rotation(&self, service: &Service, task: &Task, rotation: &Rotation) -> bool {
        service
            .followed_by(task, rotation)
            .all(|target| self.has_proven_file(task, rotation, target))
    }

    fn has_proven_file(&self, task: &Task, rotation: &Rotation, target: &str) -> bool {
        self.holdings_of_task(&task.id).any(|(key, holding)| {
            key.secret == rotation.secret
                && key.version == rotation.to
                && key.target == target
                && holding.state == HoldingState::Present
                && holding.proven
        })
    }
}

impl Service {
    /// Targets that follow the rotation's secret. What runs once is not run again for a new version.
    pub fn followed<'a>(&'a self, rotation: &'a Rotation) -> impl Iterator<Item = &'a str> {
        let follows = |grant: &&Grant| {
            let left_alone = self.spec.one_off && grant.on_change == OnChange::Restart;
            grant.secret == rotation.secret && grant.pinned.is_none() && !left_alone
        };
        self.spec
            .grants
            .iter()
            .filter(follows)
            .map(|grant| grant.target.as_str())
    }

    /// Those of them that this task is to have: one of an earlier generation keeps the files that it began with.
    pub fn followed_by<'a>(&'a self, task: &'a Task, rotation: &'a Rotation) -> impl Iterator<Item = &'a str> {
        let has = move |target: &str| {
            let mut files = task.files.iter();
            files.any(|file| file.target == target && file.secret == rotation.secret)
        };
        let current = task.generation == self.generation;
        self.followed(rotation).filter(move |target| current || has(target))
    }
}

fn file_of(grant: &Grant, version: &Version) -> SecretFile {
    SecretFile {
        target: grant.target.clone(),
        secret: grant.secret.clone(),
        version_id: version.id.clone(),
        version: version.number,
        uid: grant.uid,
        gid: grant.gid,
        mode: grant.mode,
        on_change: grant.on_change.clone(),
    }
}
