//! What are the wire's numbers called? The one place where states become words; a number from a newer manager is
//! `unknown`, never a panic.

use wardroom_api::v1;

pub fn version_state(state: i32) -> &'static str {
    match v1::VersionState::try_from(state) {
        Ok(v1::VersionState::Current) => "current",
        Ok(v1::VersionState::Superseded) => "superseded",
        Ok(v1::VersionState::Revoked) => "revoked",
        Ok(v1::VersionState::Destroyed) => "destroyed",
        Ok(v1::VersionState::Failed) => "failed",
        _ => "unknown",
    }
}

pub fn holding_state(state: i32) -> &'static str {
    match v1::HoldingState::try_from(state) {
        Ok(v1::HoldingState::Pending) => "pending",
        Ok(v1::HoldingState::Present) => "present",
        Ok(v1::HoldingState::Erased) => "erased",
        Ok(v1::HoldingState::Failed) => "failed",
        _ => "unknown",
    }
}

/// As Docker shows them: `Running`, `Shutdown`.
pub fn task_state(state: i32) -> &'static str {
    match v1::TaskState::try_from(state) {
        Ok(v1::TaskState::New) => "New",
        Ok(v1::TaskState::Pending) => "Pending",
        Ok(v1::TaskState::Assigned) => "Assigned",
        Ok(v1::TaskState::Accepted) => "Accepted",
        Ok(v1::TaskState::Preparing) => "Preparing",
        Ok(v1::TaskState::Ready) => "Ready",
        Ok(v1::TaskState::Starting) => "Starting",
        Ok(v1::TaskState::Running) => "Running",
        Ok(v1::TaskState::Complete) => "Complete",
        Ok(v1::TaskState::Shutdown) => "Shutdown",
        Ok(v1::TaskState::Failed) => "Failed",
        Ok(v1::TaskState::Rejected) => "Rejected",
        Ok(v1::TaskState::Remove) => "Remove",
        Ok(v1::TaskState::Orphaned) => "Orphaned",
        Err(_) => "Unknown",
    }
}

pub fn node_state(state: i32) -> &'static str {
    match v1::NodeState::try_from(state) {
        Ok(v1::NodeState::Ready) => "Ready",
        Ok(v1::NodeState::Down) => "Down",
        _ => "Unknown",
    }
}

pub fn availability(availability: i32) -> &'static str {
    match v1::Availability::try_from(availability) {
        Ok(v1::Availability::Active) => "Active",
        Ok(v1::Availability::Pause) => "Pause",
        Ok(v1::Availability::Drain) => "Drain",
        _ => "Unknown",
    }
}

pub fn role(role: i32) -> &'static str {
    match v1::Role::try_from(role) {
        Ok(v1::Role::Manager) => "manager",
        Ok(v1::Role::Worker) => "worker",
        _ => "unknown",
    }
}

pub fn operator_role(role: i32) -> &'static str {
    match v1::OperatorRole::try_from(role) {
        Ok(v1::OperatorRole::Viewer) => "viewer",
        Ok(v1::OperatorRole::Operator) => "operator",
        Ok(v1::OperatorRole::Admin) => "admin",
        _ => "unknown",
    }
}

/// Docker's names of a node's own state.
pub fn local_state(state: i32) -> &'static str {
    match v1::LocalState::try_from(state) {
        Ok(v1::LocalState::Inactive) => "inactive",
        Ok(v1::LocalState::Pending) => "pending",
        Ok(v1::LocalState::Active) => "active",
        Ok(v1::LocalState::Locked) => "locked",
        Ok(v1::LocalState::Error) => "error",
        _ => "unknown",
    }
}

pub fn executor(executor: i32) -> &'static str {
    match v1::Executor::try_from(executor) {
        Ok(v1::Executor::Process) => "process",
        Ok(v1::Executor::Files) => "files",
        Ok(v1::Executor::Container) => "container",
        _ => "unknown",
    }
}

/// Docker's names of how far an update is.
pub fn update_state(state: i32) -> &'static str {
    match v1::UpdateState::try_from(state) {
        Ok(v1::UpdateState::Updating) => "updating",
        Ok(v1::UpdateState::Paused) => "paused",
        Ok(v1::UpdateState::Completed) => "completed",
        Ok(v1::UpdateState::RollbackStarted) => "rollback_started",
        Ok(v1::UpdateState::RollbackPaused) => "rollback_paused",
        Ok(v1::UpdateState::RollbackCompleted) => "rollback_completed",
        _ => "unknown",
    }
}

pub fn failure_action(action: i32) -> &'static str {
    match v1::FailureAction::try_from(action) {
        Ok(v1::FailureAction::Continue) => "continue",
        Ok(v1::FailureAction::Rollback) => "rollback",
        _ => "pause",
    }
}

pub fn roll_order(order: i32) -> &'static str {
    match v1::RollOrder::try_from(order) {
        Ok(v1::RollOrder::StartFirst) => "start-first",
        _ => "stop-first",
    }
}

pub fn restart_condition(condition: i32) -> &'static str {
    match v1::RestartCondition::try_from(condition) {
        Ok(v1::RestartCondition::None) => "none",
        Ok(v1::RestartCondition::OnFailure) => "on-failure",
        _ => "any",
    }
}

pub fn mount_kind(kind: i32) -> &'static str {
    match v1::MountKind::try_from(kind) {
        Ok(v1::MountKind::Bind) => "bind",
        Ok(v1::MountKind::Volume) => "volume",
        Ok(v1::MountKind::Tmpfs) => "tmpfs",
        _ => "unknown",
    }
}

pub fn protocol(protocol: i32) -> &'static str {
    match v1::Protocol::try_from(protocol) {
        Ok(v1::Protocol::Udp) => "udp",
        Ok(v1::Protocol::Sctp) => "sctp",
        _ => "tcp",
    }
}

/// `swap`, `restart` or `signal:SIGHUP`, as `--secret on-change=` takes it.
pub fn on_change(grant: &v1::Grant) -> String {
    match v1::OnChange::try_from(grant.on_change) {
        Ok(v1::OnChange::Swap) => "swap".to_owned(),
        Ok(v1::OnChange::Restart) => "restart".to_owned(),
        Ok(v1::OnChange::Signal) => format!("signal:{}", grant.signal),
        _ => "unknown".to_owned(),
    }
}

pub fn rotation_phase(phase: i32) -> &'static str {
    match v1::RotationPhase::try_from(phase) {
        Ok(v1::RotationPhase::Rolling) => "rolling",
        Ok(v1::RotationPhase::Verifying) => "verifying",
        Ok(v1::RotationPhase::Done) => "done",
        Ok(v1::RotationPhase::RollingBack) => "rolling back",
        Ok(v1::RotationPhase::RolledBack) => "rolled back",
        Ok(v1::RotationPhase::Failed) => "failed",
        _ => "unknown",
    }
}

pub fn rotation_cause(cause: i32) -> &'static str {
    match v1::RotationCause::try_from(cause) {
        Ok(v1::RotationCause::Operator) => "operator",
        Ok(v1::RotationCause::Age) => "age",
        _ => "unknown",
    }
}

pub fn plan_action(action: i32) -> &'static str {
    match v1::PlanAction::try_from(action) {
        Ok(v1::PlanAction::Create) => "create",
        Ok(v1::PlanAction::Move) => "move",
        Ok(v1::PlanAction::Swap) => "swap",
        Ok(v1::PlanAction::Restart) => "restart",
        Ok(v1::PlanAction::Signal) => "signal",
        Ok(v1::PlanAction::Erase) => "erase",
        Ok(v1::PlanAction::Cut) => "cut",
        Ok(v1::PlanAction::Destroy) => "destroy",
        Ok(v1::PlanAction::Keep) => "keep",
        Ok(v1::PlanAction::Blocked) => "blocked",
        _ => "unknown",
    }
}

pub fn check_level(level: i32) -> &'static str {
    match v1::CheckLevel::try_from(level) {
        Ok(v1::CheckLevel::Ok) => "ok",
        Ok(v1::CheckLevel::Warn) => "warning",
        Ok(v1::CheckLevel::Blocked) => "blocked",
        _ => "unknown",
    }
}

/// Why every manager was to take a new DEK.
pub fn dek_reason(order: &v1::DekOrder) -> String {
    match order.reason() {
        v1::DekReason::Autolock => "autolock was turned on".to_owned(),
        v1::DekReason::UnlockKey => "the unlock key was rotated".to_owned(),
        v1::DekReason::Shred => {
            let versions: Vec<String> = order.versions.iter().map(|number| format!("v{number}")).collect();
            format!("{} {} shredded", order.secret_name, versions.join(", "))
        }
        v1::DekReason::Demand => "on demand".to_owned(),
        v1::DekReason::Unspecified => "unknown".to_owned(),
    }
}

/// `512 B`, `1.5 KiB`: rounded down to a tenth.
pub fn bytes(number: u64) -> String {
    let mut tenths = u128::from(number) * 10;
    let mut unit = "B";
    for larger in ["KiB", "MiB", "GiB", "TiB"] {
        if tenths < 10_240 {
            break;
        }
        (tenths, unit) = (tenths / 1024, larger);
    }
    match (unit, tenths % 10) {
        ("B", _) | (_, 0) => format!("{} {unit}", tenths / 10),
        (_, tenth) => format!("{}.{tenth} {unit}", tenths / 10),
    }
}

/// `1 task`, `2 tasks`.
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
    fn numbers_of_a_newer_manager_have_a_word_too() {
        assert_eq!(version_state(99), "unknown");
        assert_eq!(task_state(1), "Unknown");
        assert_eq!(holding_state(v1::HoldingState::Present as i32), "present");
        assert_eq!(count(1, "task"), "1 task");
        assert_eq!(count(0, "task"), "0 tasks");
    }

    #[test]
    fn sizes_are_short() {
        for (number, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1 KiB"),
            (1536, "1.5 KiB"),
            (8 * 1024 * 1024, "8 MiB"),
            (u64::MAX, "16777215.9 TiB"),
        ] {
            assert_eq!(bytes(number), text);
        }
    }

    #[test]
    fn an_order_has_a_reason() {
        let mut order = v1::DekOrder {
            secret_name: "db".into(),
            versions: vec![1, 2],
            ..v1::DekOrder::default()
        };
        assert_eq!(dek_reason(&order), "unknown");
        order.set_reason(v1::DekReason::Shred);
        assert_eq!(dek_reason(&order), "db v1, v2 shredded");
    }
}
