//! How is each domain word said on the wire? Enums, one to one, and bytes as hex.

use std::fmt::Write as _;

use wardroom_api::v1;
use wardroom_state::node::{Availability, Role};
use wardroom_state::operator::OperatorRole;
use wardroom_state::service::{Executor, OnChange};
use wardroom_state::task::TaskState;

use crate::control::error::Failure;

pub(crate) fn role(role: Role) -> v1::Role {
    match role {
        Role::Manager => v1::Role::Manager,
        Role::Worker => v1::Role::Worker,
    }
}

/// A role that a request names.
pub(crate) fn requested_role(given: i32) -> Result<Role, Failure> {
    match v1::Role::try_from(given) {
        Ok(v1::Role::Manager) => Ok(Role::Manager),
        Ok(v1::Role::Worker) => Ok(Role::Worker),
        Ok(v1::Role::Unspecified) | Err(_) => Err(Failure::invalid(format!(
            "unknown role {given}; name worker or manager"
        ))),
    }
}

/// A role that a request names; `None` where it names none.
pub(crate) fn requested_role_if_any(given: i32) -> Result<Option<Role>, Failure> {
    match given {
        0 => Ok(None),
        given => requested_role(given).map(Some),
    }
}

pub(crate) fn requested_operator_role(given: i32) -> Result<OperatorRole, Failure> {
    match v1::OperatorRole::try_from(given) {
        Ok(v1::OperatorRole::Viewer) => Ok(OperatorRole::Viewer),
        Ok(v1::OperatorRole::Operator) => Ok(OperatorRole::Operator),
        Ok(v1::OperatorRole::Admin) => Ok(OperatorRole::Admin),
        Ok(v1::OperatorRole::Unspecified) | Err(_) => Err(Failure::invalid(format!(
            "unknown role {given}; name viewer, operator or admin"
        ))),
    }
}

/// `None` where a request names none.
pub(crate) fn requested_availability(given: i32) -> Result<Option<Availability>, Failure> {
    match v1::Availability::try_from(given) {
        Ok(v1::Availability::Unspecified) => Ok(None),
        Ok(v1::Availability::Active) => Ok(Some(Availability::Active)),
        Ok(v1::Availability::Pause) => Ok(Some(Availability::Pause)),
        Ok(v1::Availability::Drain) => Ok(Some(Availability::Drain)),
        Err(_) => Err(Failure::invalid(format!(
            "unknown availability {given}; name active, pause or drain"
        ))),
    }
}

pub(super) fn operator_role(role: OperatorRole) -> v1::OperatorRole {
    match role {
        OperatorRole::Viewer => v1::OperatorRole::Viewer,
        OperatorRole::Operator => v1::OperatorRole::Operator,
        OperatorRole::Admin => v1::OperatorRole::Admin,
    }
}

pub(super) fn availability(availability: Availability) -> v1::Availability {
    match availability {
        Availability::Active => v1::Availability::Active,
        Availability::Pause => v1::Availability::Pause,
        Availability::Drain => v1::Availability::Drain,
    }
}

pub(crate) fn executor(executor: Executor) -> v1::Executor {
    match executor {
        Executor::Process => v1::Executor::Process,
        Executor::Files => v1::Executor::Files,
        Executor::Container => v1::Executor::Container,
    }
}

pub(super) fn on_change(on_change: &OnChange) -> (v1::OnChange, String) {
    match on_change {
        OnChange::Swap => (v1::OnChange::Swap, String::new()),
        OnChange::Restart => (v1::OnChange::Restart, String::new()),
        OnChange::Signal(signal) => (v1::OnChange::Signal, signal.clone()),
    }
}

pub(crate) fn task_state(state: TaskState) -> v1::TaskState {
    match state {
        TaskState::New => v1::TaskState::New,
        TaskState::Pending => v1::TaskState::Pending,
        TaskState::Assigned => v1::TaskState::Assigned,
        TaskState::Accepted => v1::TaskState::Accepted,
        TaskState::Preparing => v1::TaskState::Preparing,
        TaskState::Ready => v1::TaskState::Ready,
        TaskState::Starting => v1::TaskState::Starting,
        TaskState::Running => v1::TaskState::Running,
        TaskState::Complete => v1::TaskState::Complete,
        TaskState::Shutdown => v1::TaskState::Shutdown,
        TaskState::Failed => v1::TaskState::Failed,
        TaskState::Rejected => v1::TaskState::Rejected,
        TaskState::Remove => v1::TaskState::Remove,
        TaskState::Orphaned => v1::TaskState::Orphaned,
    }
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
            // Writing to a string cannot fail.
            let _ = write!(text, "{byte:02x}");
            text
        })
}
