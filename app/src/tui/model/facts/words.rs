//! What is each state called? One word per value of the wire's enums, the same on every screen.

use wardroom_api::ClusterView;
use wardroom_api::v1::{
    Availability, Executor, HoldingState, Node, NodeState, OnChange, Role, RotationPhase, Service, ServiceSpec, Task,
    TaskState, VersionState,
};

pub fn task_state(state: TaskState) -> &'static str {
    match state {
        TaskState::New => "new",
        TaskState::Pending => "pending",
        TaskState::Assigned => "assigned",
        TaskState::Accepted => "accepted",
        TaskState::Preparing => "preparing",
        TaskState::Ready => "ready",
        TaskState::Starting => "starting",
        TaskState::Running => "running",
        TaskState::Complete => "complete",
        TaskState::Shutdown => "shutdown",
        TaskState::Failed => "FAILED !",
        TaskState::Rejected => "REJECTED !",
        TaskState::Remove => "remove",
        TaskState::Orphaned => "orphaned",
    }
}

/// Wanted and not finished.
pub fn is_active(task: &Task) -> bool {
    task.desired() <= TaskState::Running && task.state() <= TaskState::Running
}

pub fn node_state(node: &Node) -> &'static str {
    match (node.state(), node.availability()) {
        (NodeState::Down, _) => "DOWN !",
        (NodeState::Ready, Availability::Drain) => "drain",
        (NodeState::Ready, Availability::Pause) => "paused",
        (NodeState::Ready, _) => "ready",
        (NodeState::Unknown | NodeState::Unspecified, _) => "unknown",
    }
}

pub fn role(role: Role) -> &'static str {
    match role {
        Role::Manager => "manager",
        Role::Worker => "worker",
        Role::Unspecified => "-",
    }
}

pub fn availability(availability: Availability) -> &'static str {
    match availability {
        Availability::Active => "active",
        Availability::Pause => "pause",
        Availability::Drain => "drain",
        Availability::Unspecified => "-",
    }
}

pub fn version_state(state: VersionState) -> &'static str {
    match state {
        VersionState::Current => "CURRENT",
        VersionState::Superseded => "superseded",
        VersionState::Revoked => "revoked",
        VersionState::Destroyed => "destroyed",
        VersionState::Failed => "failed",
        VersionState::Unspecified => "-",
    }
}

pub fn phase(phase: RotationPhase) -> &'static str {
    match phase {
        RotationPhase::Rolling => "rolling",
        RotationPhase::Verifying => "verifying",
        RotationPhase::Done => "done",
        RotationPhase::RollingBack => "ROLLING BACK !",
        RotationPhase::RolledBack => "ROLLED BACK !",
        RotationPhase::Failed => "FAILED !",
        RotationPhase::Unspecified => "-",
    }
}

pub fn is_running(phase: RotationPhase) -> bool {
    matches!(
        phase,
        RotationPhase::Rolling | RotationPhase::Verifying | RotationPhase::RollingBack
    )
}

pub fn holding_state(state: HoldingState, owed: bool) -> &'static str {
    match (state, owed) {
        (HoldingState::Erased, _) => "erased",
        (HoldingState::Failed, true) => "OWED bad !",
        (HoldingState::Failed, false) => "FAILED !",
        (_, true) => "OWED !",
        (HoldingState::Present, _) => "in memory",
        (HoldingState::Pending, _) => "pending",
        (HoldingState::Unspecified, _) => "-",
    }
}

pub fn on_change(on_change: OnChange) -> &'static str {
    match on_change {
        OnChange::Restart => "restart",
        OnChange::Signal => "signal",
        OnChange::Swap | OnChange::Unspecified => "swap",
    }
}

pub fn executor(executor: Executor) -> &'static str {
    match executor {
        Executor::Process => "process",
        Executor::Files => "files",
        Executor::Container => "container",
        Executor::Unspecified => "-",
    }
}

/// The spec's name, or the id of a service that has none.
pub fn service_name(service: &Service) -> &str {
    service
        .spec
        .as_ref()
        .map_or(service.id.as_str(), |spec| spec.name.as_str())
}

pub fn replicas(spec: &ServiceSpec) -> String {
    if spec.global {
        "global".to_owned()
    } else {
        spec.replicas.to_string()
    }
}

/// `32B`, `3.9K`, `1.2M`.
pub fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes}B"),
        1024..1_048_576 => format!("{}.{}K", bytes / 1024, bytes % 1024 * 10 / 1024),
        _ => format!("{}.{}M", bytes / 1_048_576, bytes % 1_048_576 * 10 / 1_048_576),
    }
}

/// `0440`, as chmod takes it.
pub fn mode(bits: u32) -> String {
    format!("{bits:04o}")
}

/// `tier=1 app=shop`, `-` for none.
pub fn labels<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> String {
    let words: Vec<String> = labels
        .into_iter()
        .map(|(key, value)| {
            if value.is_empty() {
                key.clone()
            } else {
                format!("{key}={value}")
            }
        })
        .collect();
    if words.is_empty() {
        "-".to_owned()
    } else {
        words.join(" ")
    }
}

/// The text with hostnames in the place of node ids: `worker:<id>` and `edge.<id>` say little to people.
pub fn with_hostnames(view: &ClusterView, text: &str) -> String {
    let within_id = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '_');
    let mut named = String::with_capacity(text.len());
    for part in text.split_inclusive(|character| !within_id(character)) {
        let id = part.trim_end_matches(|character| !within_id(character));
        named.push_str(view.hostname(id));
        named.push_str(&part[id.len()..]);
    }
    named
}

/// `no loss`, `1 loss`, `2 losses`.
pub fn losses(number: usize) -> String {
    match number {
        0 => "no loss".to_owned(),
        1 => "1 loss".to_owned(),
        number => format!("{number} losses"),
    }
}

/// The same for numbers that do not count what is in memory.
pub fn count_u64(number: u64, noun: &str) -> String {
    count(usize::try_from(number).unwrap_or(usize::MAX), noun)
}

/// `1 task`, `3 tasks`.
pub fn count(number: usize, noun: &str) -> String {
    if number == 1 {
        format!("1 {noun}")
    } else {
        format!("{number} {noun}s")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_and_modes_are_short() {
        assert_eq!(
            [size(0), size(1023), size(1024), size(4000), size(1 << 20)],
            ["0B", "1023B", "1.0K", "3.9K", "1.0M"]
        );
        assert_eq!((mode(0o444), mode(0)), ("0444".to_owned(), "0000".to_owned()));
        assert_eq!(
            (count(1, "task"), count(0, "task")),
            ("1 task".to_owned(), "0 tasks".to_owned())
        );
    }
}
