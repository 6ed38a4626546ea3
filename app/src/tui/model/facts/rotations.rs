//! How far is a rotation? Its phase in words, who began it, and each task with the version that it holds and proves.

use wardroom_api::ClusterView;
use wardroom_api::v1::{Holding, HoldingState, Rotation, RotationCause, RotationPhase, RotationProgress, Task};

use super::words;

/// The phase in one word; a rotation that is held says so.
pub fn state(rotation: &Rotation) -> &'static str {
    if is_paused(rotation) {
        "PAUSED !"
    } else {
        words::phase(rotation.phase())
    }
}

pub fn is_running(rotation: &Rotation) -> bool {
    words::is_running(rotation.phase())
}

pub fn is_paused(rotation: &Rotation) -> bool {
    rotation.paused && is_running(rotation)
}

/// `by admin:jo`, or that the age of the version before was the cause.
pub fn cause(rotation: &Rotation) -> String {
    match rotation.cause() {
        RotationCause::Age => "by age: the version before was due".to_owned(),
        RotationCause::Operator | RotationCause::Unspecified => format!("by {}", rotation.actor),
    }
}

/// `v3 -> v4`
pub fn versions(rotation: &Rotation, arrow: &str) -> String {
    match rotation.from {
        0 => format!("- {arrow} v{}", rotation.to),
        from => format!("v{from} {arrow} v{}", rotation.to),
    }
}

/// Tasks, tasks that prove the new bytes, and tasks that have stayed well with them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Count {
    pub tasks: u64,
    pub proven: u64,
    pub settled: u64,
}

pub fn count(rotation: &Rotation) -> Count {
    let sum = |number: fn(&RotationProgress) -> u32| rotation.services.iter().map(|it| u64::from(number(it))).sum();
    Count {
        tasks: sum(|it| it.tasks),
        proven: sum(|it| it.proven),
        settled: sum(|it| it.settled),
    }
}

/// Those that run, and how many of them are held.
pub fn under_way(view: &ClusterView) -> (usize, usize) {
    let running = view.rotations.values().filter(|rotation| is_running(rotation));
    running.fold((0, 0), |(all, paused), rotation| {
        (all + 1, paused + usize::from(rotation.paused))
    })
}

/// What one service does when its file changes: as its grant says.
pub fn on_change(view: &ClusterView, rotation: &Rotation, service_id: &str) -> &'static str {
    let spec = view.services.get(service_id).and_then(|service| service.spec.as_ref());
    let grant = spec.and_then(|spec| spec.grants.iter().find(|grant| grant.secret_id == rotation.secret_id));
    grant.map_or("-", |grant| words::on_change(grant.on_change()))
}

/// One task of a service that the rotation touches.
#[derive(Debug)]
pub struct TaskLine<'a> {
    pub task: &'a Task,
    /// Its newest word about the secret.
    pub receipt: Option<&'a Holding>,
}

impl TaskLine<'_> {
    /// `v4`, or that nothing was heard.
    pub fn holds(&self) -> String {
        self.receipt
            .map_or_else(|| "-".to_owned(), |receipt| format!("v{}", receipt.version))
    }

    pub fn proof(&self, rotation: &Rotation) -> Proof {
        match self.receipt {
            Some(receipt) if receipt.state() == HoldingState::Failed => Proof::Refused,
            Some(receipt) if receipt.proven && receipt.version == aim(rotation) => Proof::There,
            Some(receipt) if receipt.proven => Proof::Other,
            Some(_) | None => Proof::Missing,
        }
    }
}

/// The version that tasks are brought to.
fn aim(rotation: &Rotation) -> u32 {
    match rotation.phase() {
        RotationPhase::RollingBack | RotationPhase::RolledBack | RotationPhase::Failed => rotation.from,
        _ => rotation.to,
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// The bytes that it is brought to.
    There,
    /// Proved, but of another version.
    Other,
    Missing,
    /// The worker could not keep it.
    Refused,
}

impl Proof {
    pub fn word(self) -> &'static str {
        match self {
            Self::There => "proved",
            Self::Other => "not yet",
            Self::Missing => "no receipt",
            Self::Refused => "FAILED !",
        }
    }
}

/// The active tasks of the services that the rotation touches, service by service.
pub fn tasks<'a>(view: &'a ClusterView, rotation: &Rotation) -> Vec<TaskLine<'a>> {
    let place = |task: &Task| rotation.services.iter().position(|it| it.service_id == task.service_id);
    let active = view.tasks.values().filter(|task| words::is_active(task));
    let mut found: Vec<_> = active.filter_map(|task| Some((place(task)?, task))).collect();
    found.sort_by_key(|(service, task)| (*service, task.slot, &task.name));
    let line = |(_, task): (usize, &'a Task)| TaskLine {
        task,
        receipt: receipt(view, task, &rotation.secret_id),
    };
    found.into_iter().map(line).collect()
}

/// The task's newest word about the secret: of the highest version that it has or should have.
pub fn receipt<'a>(view: &'a ClusterView, task: &Task, secret_id: &str) -> Option<&'a Holding> {
    // The view's keys begin with them.
    let prefix = format!("{}/{}/{secret_id}/", task.node_id, task.id);
    let of_secret = view.holdings.range(prefix.clone()..);
    let of_secret = of_secret
        .take_while(|(key, _)| key.starts_with(&prefix))
        .map(|(_, holding)| holding);
    let kept = of_secret.filter(|holding| holding.state() != HoldingState::Erased);
    kept.max_by_key(|holding| {
        (
            holding.proven,
            holding.state() == HoldingState::Failed,
            holding.since_ms,
            holding.version,
        )
    })
}
