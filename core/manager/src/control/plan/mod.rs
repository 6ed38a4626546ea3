//! What would a change do? Steps, checks and the workers it touches, computed from one state before anything is done.
//!
//! A plan is bound to what it was made from: when the secret, its services or the placement of their tasks have moved
//! on, its basis differs and it is not carried out.

mod basis;
mod blast;
mod grants;
mod health;
mod keys;
mod membership;
mod pace;
mod pruning;
mod quorum;
mod revocation;
mod root;
mod rotation;
mod settings;
mod update;

use wardroom_api::v1;

use crate::control::error::Failure;

pub(crate) use grants::grants;
pub(crate) use health::Health;
pub(crate) use keys::{dek_rotation, unlock_key_rotation};
pub(crate) use membership::{node_removal, node_update};
pub(crate) use pruning::{Keeping, pruning};
pub(crate) use revocation::revocation;
pub(crate) use root::root_rotation;
pub(crate) use rotation::rotation;
pub(crate) use settings::cluster_update;
pub(crate) use update::update;

#[derive(Debug)]
pub(crate) struct Plan(pub(crate) v1::Plan);

impl Plan {
    /// The first blocker is the answer to whoever runs the plan all the same.
    pub(crate) fn check_runnable(&self) -> Result<(), Failure> {
        let blocked = self
            .0
            .checks
            .iter()
            .find(|check| check.level() == v1::CheckLevel::Blocked);
        blocked.map_or(Ok(()), |check| Err(Failure::precondition(&check.text)))
    }
}

fn step(action: v1::PlanAction, subject: impl Into<String>, detail: impl Into<String>) -> v1::PlanStep {
    v1::PlanStep {
        action: action.into(),
        subject: subject.into(),
        detail: detail.into(),
    }
}

fn check(level: v1::CheckLevel, text: impl Into<String>) -> v1::PlanCheck {
    v1::PlanCheck {
        level: level.into(),
        text: text.into(),
    }
}

fn counted(count: usize, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

fn is_runnable(checks: &[v1::PlanCheck]) -> bool {
    checks.iter().all(|check| check.level() != v1::CheckLevel::Blocked)
}

#[cfg(test)]
mod keys_tests;
#[cfg(test)]
mod membership_tests;
#[cfg(test)]
mod tests;
