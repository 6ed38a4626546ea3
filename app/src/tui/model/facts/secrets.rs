//! How is a secret? Its state in one word, who should hold its current version and who proves it.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_api::ClusterView;
use wardroom_api::v1::{Grant, Holding, HoldingState, Secret, SecretFile, Service, Task, VersionState};

use super::words;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretState {
    /// Revoked, and receipts of its erasure are missing.
    Erasing,
    /// The last rotation came back.
    Failed,
    /// Older than its policy allows.
    Stale,
    Rolling,
    /// No service was granted it.
    Unused,
    Ok,
    /// No current version, and nothing owed.
    Revoked,
}

impl SecretState {
    pub fn word(self) -> &'static str {
        match self {
            Self::Erasing => "ERASING !",
            Self::Failed => "FAILED !",
            Self::Stale => "STALE !",
            Self::Rolling => "rolling",
            Self::Unused => "unused",
            Self::Ok => "ok",
            Self::Revoked => "revoked",
        }
    }

    pub fn is_problem(self) -> bool {
        matches!(self, Self::Erasing | Self::Failed | Self::Stale | Self::Unused)
    }
}

pub fn state(view: &ClusterView, secret: &Secret, now_ms: i64) -> SecretState {
    if view
        .rotation_of_secret(&secret.id)
        .is_some_and(|rotation| words::is_running(rotation.phase()))
    {
        return SecretState::Rolling;
    }
    if owed(view, &secret.id, None).next().is_some() {
        return SecretState::Erasing;
    }
    let Some(current) = secret.current_version() else {
        return SecretState::Revoked;
    };
    if secret
        .versions
        .last()
        .is_some_and(|newest| newest.state() == VersionState::Failed)
    {
        return SecretState::Failed;
    }
    if is_stale(secret, current.created_at_ms, now_ms) {
        return SecretState::Stale;
    }
    if view.services_granted(&secret.id).next().is_none() {
        SecretState::Unused
    } else {
        SecretState::Ok
    }
}

fn is_stale(secret: &Secret, created_at_ms: i64, now_ms: i64) -> bool {
    let policy = i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX);
    policy > 0 && now_ms.saturating_sub(created_at_ms) > policy
}

/// When the current version was made, or the secret when there is none.
pub fn born(secret: &Secret) -> i64 {
    secret
        .current_version()
        .map_or(secret.updated_at_ms, |version| version.created_at_ms)
}

/// Nodes on which every file of the current version is proved, and nodes that should have it.
pub fn hold(view: &ClusterView, secret: &Secret) -> (usize, usize) {
    let mut nodes: BTreeMap<&str, bool> = BTreeMap::new();
    for task in view
        .tasks
        .values()
        .filter(|task| words::is_active(task) && !task.node_id.is_empty())
    {
        let wanted = |file: &&SecretFile| file.secret_id == secret.id && file.version == secret.current;
        for file in task.files.iter().filter(wanted) {
            *nodes.entry(&task.node_id).or_insert(true) &= is_proved(view, task, file);
        }
    }
    (nodes.values().filter(|proved| **proved).count(), nodes.len())
}

/// Whether the task's worker proved exactly this version in this file.
pub fn is_proved(view: &ClusterView, task: &Task, file: &SecretFile) -> bool {
    view.holdings_of_task(&task.id).any(|holding| {
        holding.proven
            && !holding.owed
            && holding.state() == HoldingState::Present
            && holding.target == file.target
            && holding.version == file.version
            && holding.secret_id == file.secret_id
    })
}

/// Files of the task that are proved.
pub fn proved_files(view: &ClusterView, task: &Task) -> usize {
    task.files.iter().filter(|file| is_proved(view, task, file)).count()
}

pub fn is_in_memory(holding: &Holding) -> bool {
    holding.state() == HoldingState::Present || (holding.owed && holding.state() != HoldingState::Erased)
}

/// Erasures of the secret (of one version) that nobody has confirmed yet.
pub fn owed<'a>(view: &'a ClusterView, secret_id: &'a str, version: Option<u32>) -> impl Iterator<Item = &'a Holding> {
    view.holdings_of_secret(secret_id)
        .filter(move |holding| holding.owed && version.is_none_or(|version| holding.version == version))
}

/// The services' grants of the secret.
pub fn grants<'a>(view: &'a ClusterView, secret_id: &'a str) -> impl Iterator<Item = (&'a Service, &'a Grant)> {
    view.services_granted(secret_id).flat_map(move |service| {
        let grants = service.spec.iter().flat_map(|spec| &spec.grants);
        grants
            .filter(move |grant| grant.secret_id == secret_id)
            .map(move |grant| (service, grant))
    })
}

/// Whether every task of the service that should hold the grant's file proves it.
pub fn is_mounted(view: &ClusterView, service: &Service, grant: &Grant) -> bool {
    let mut tasks = view
        .tasks_of_service(&service.id)
        .filter(|task| words::is_active(task))
        .peekable();
    tasks.peek().is_some()
        && tasks.all(|task| {
            let wanted = task
                .files
                .iter()
                .find(|file| file.secret_id == grant.secret_id && file.target == grant.target);
            wanted.is_some_and(|file| is_proved(view, task, file))
        })
}

/// What the list shows as the target: the one that all grants share, or how many there are.
pub fn target(view: &ClusterView, secret: &Secret) -> String {
    let targets: BTreeSet<&str> = grants(view, &secret.id)
        .map(|(_, grant)| grant.target.as_str())
        .collect();
    match (targets.len(), targets.first()) {
        (0, _) => "-".to_owned(),
        (1, Some(target)) => (*target).to_owned(),
        (count, _) => format!("{count} targets"),
    }
}
