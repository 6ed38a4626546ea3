//! How is a secret? Its state in one word, who should hold its current version and who proves it.

use std::collections::{BTreeMap, BTreeSet};

use wardroom_api::ClusterView;
use wardroom_api::v1::schedule::Source;
use wardroom_api::v1::{Grant, Holding, HoldingState, Rotation, Secret, SecretFile, Service, Task, VersionState};

use super::{time, words};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretState {
    /// Revoked, and receipts of its erasure are missing.
    Erasing,
    /// The last rotation came back.
    Failed,
    /// Older than its policy allows.
    Stale,
    Rolling,
    /// A rotation of it is held.
    Paused,
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
            Self::Paused => "PAUSED !",
            Self::Unused => "unused",
            Self::Ok => "ok",
            Self::Revoked => "revoked",
        }
    }

    pub fn is_problem(self) -> bool {
        matches!(self, Self::Erasing | Self::Failed | Self::Stale | Self::Unused)
    }
}

/// What the states of all secrets depend on, looked up once: to ask for one secret after the other would walk through
/// every holding, rotation and service for each of them.
pub struct States<'a> {
    /// And whether it is held.
    rolling: BTreeMap<&'a str, bool>,
    owed: BTreeSet<&'a str>,
    granted: BTreeSet<&'a str>,
}

impl<'a> States<'a> {
    pub fn of(view: &'a ClusterView) -> Self {
        let mut newest: BTreeMap<&str, &Rotation> = BTreeMap::new();
        for rotation in view.rotations.values() {
            let kept = newest.entry(&rotation.secret_id).or_insert(rotation);
            if (kept.started_at_ms, kept.version_index) < (rotation.started_at_ms, rotation.version_index) {
                *kept = rotation;
            }
        }
        newest.retain(|_, rotation| words::is_running(rotation.phase()));
        let grants = view.services.values().filter_map(|service| service.spec.as_ref());
        let owed = view.holdings.values().filter(|holding| holding.owed);
        Self {
            rolling: newest.into_iter().map(|(id, rotation)| (id, rotation.paused)).collect(),
            owed: owed.map(|holding| holding.secret_id.as_str()).collect(),
            granted: grants
                .flat_map(|spec| &spec.grants)
                .map(|grant| grant.secret_id.as_str())
                .collect(),
        }
    }

    pub fn state(&self, secret: &Secret, now_ms: i64) -> SecretState {
        state_of(
            secret,
            now_ms,
            self.rolling.get(secret.id.as_str()).copied(),
            self.owed.contains(secret.id.as_str()),
            self.granted.contains(secret.id.as_str()),
        )
    }
}

/// The state of one secret.
pub fn state(view: &ClusterView, secret: &Secret, now_ms: i64) -> SecretState {
    let newest = view.rotation_of_secret(&secret.id);
    state_of(
        secret,
        now_ms,
        newest
            .filter(|rotation| words::is_running(rotation.phase()))
            .map(|rotation| rotation.paused),
        owed(view, &secret.id, None).next().is_some(),
        view.services_granted(&secret.id).next().is_some(),
    )
}

fn state_of(secret: &Secret, now_ms: i64, rolling: Option<bool>, owed: bool, granted: bool) -> SecretState {
    if let Some(paused) = rolling {
        return if paused {
            SecretState::Paused
        } else {
            SecretState::Rolling
        };
    }
    if owed {
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
    if granted { SecretState::Ok } else { SecretState::Unused }
}

fn is_stale(secret: &Secret, created_at_ms: i64, now_ms: i64) -> bool {
    let policy = i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX);
    policy > 0 && now_ms.saturating_sub(created_at_ms) > policy
}

/// Who makes the next value and when it is due, `None` without a schedule.
pub fn next_value(secret: &Secret, now_ms: i64) -> Option<String> {
    let maker = match secret.schedule.as_ref()?.source.as_ref()? {
        Source::Generate(length) => format!("{length} generated characters"),
        Source::Hook(name) => format!("hook {name}"),
    };
    let age = i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX);
    let left = born(secret).saturating_add(age).saturating_sub(now_ms);
    let due = if secret.max_age_ms == 0 {
        "no age is set".to_owned()
    } else if left <= 0 {
        "due now".to_owned()
    } else {
        format!("in {}", time::span(left))
    };
    Some(format!("next by {maker}, {due}"))
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
    let key = holding_key(&task.node_id, &task.id, file);
    view.holdings
        .get(&key)
        .is_some_and(|holding| holding.proven && !holding.owed && holding.state() == HoldingState::Present)
}

/// What the view keeps the holding of that file under.
fn holding_key(node_id: &str, task_id: &str, file: &SecretFile) -> String {
    let SecretFile {
        secret_id,
        version,
        target,
        ..
    } = file;
    format!("{node_id}/{task_id}/{secret_id}/{version}/{target}")
}

/// What one node holds: the view's keys begin with the node.
pub fn holdings_on<'a>(view: &'a ClusterView, node_id: &str) -> impl Iterator<Item = &'a Holding> {
    let prefix = format!("{node_id}/");
    let from = view.holdings.range(prefix.clone()..);
    from.take_while(move |(key, _)| key.starts_with(&prefix))
        .map(|(_, holding)| holding)
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
    // What is owed is rare: it is asked first.
    let owed = view.holdings.values().filter(|holding| holding.owed);
    owed.filter(move |holding| {
        holding.secret_id == secret_id && version.is_none_or(|version| holding.version == version)
    })
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
