//! What would a revoke do? Grants are cut, files erased wherever they are, and the sealed value is gone for good.

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::refusal::Refusal;
use wardroom_state::secret::{Secret, Version, VersionState};

use crate::control::error::Failure;
use crate::control::plan::blast::{Holders, tasks};
use crate::control::plan::health::Health;
use crate::control::plan::keys::Managers;
use crate::control::plan::{Plan, basis, check, is_runnable, step};

/// Of one version, or of the whole secret. `shred`: what was written before goes too.
pub(crate) fn revocation(
    state: &State,
    secret: &Secret,
    version: Option<u32>,
    shred: bool,
    health: &Health,
) -> Result<Plan, Failure> {
    let going = going(secret, version)?;
    let goes = |number: u32| going.iter().any(|version| version.number == number);
    let mut steps = Vec::new();
    for service in state.services_with(&secret.id) {
        let holding = tasks(state, service);
        let affected = holding
            .iter()
            .filter(|task| {
                task.files
                    .iter()
                    .any(|file| file.secret == secret.id && goes(file.version))
            })
            .count();
        let subject = format!("service {}", service.spec.name);
        let lose = lose(affected);
        if version.is_none() {
            steps.push(step(PlanAction::Cut, subject, format!("the grant goes; {lose}")));
        } else if affected > 0 {
            steps.push(step(PlanAction::Cut, subject, format!("{lose}; the grant stays")));
        }
    }
    let holders = Holders::of(state, &secret.id, goes);
    for hostname in holders.leaves(state) {
        steps.push(step(
            PlanAction::Erase,
            hostname,
            "overwrites and removes the files, then sends receipts",
        ));
    }
    for version in &going {
        let detail = "the sealed value is dropped at once and cannot come back";
        steps.push(step(PlanAction::Destroy, format!("version {}", version.number), detail));
    }

    let mut checks = health.checks(state);
    checks.push(holders.check(state));
    if version.is_some() && version == secret.current {
        checks.push(check(
            CheckLevel::Warn,
            "it is the current version: new tasks wait until the secret is rotated",
        ));
    }
    if shred {
        let managers = Managers::of(state, health);
        steps.extend(managers.fresh_deks());
        steps.push(step(
            PlanAction::Destroy,
            "old records",
            "whatever a manager's disk holds of the value from before cannot be read any more",
        ));
        checks.push(managers.check());
        checks.push(check(
            CheckLevel::Warn,
            "backups taken before still hold the value for whoever can open them",
        ));
    } else if let Some(text) = nothing_left(state, secret, version, &going) {
        checks.push(check(CheckLevel::Blocked, text));
    }
    let verb = if shred { "shred" } else { "revoke" };
    let subject = version.map_or_else(|| verb.to_owned(), |number| format!("{verb} {number}"));
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_secret(state, &subject, secret),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: holders.leaves(state),
        stays: holders.stays(state),
        arrives: Vec::new(),
    }))
}

fn lose(tasks: usize) -> String {
    match tasks {
        0 => "no task has the file".to_owned(),
        1 => "1 task loses the file and keeps running".to_owned(),
        several => format!("{several} tasks lose the file and keep running"),
    }
}

/// The versions that a revoke ends.
fn going(secret: &Secret, version: Option<u32>) -> Result<Vec<&Version>, Failure> {
    if let Some(number) = version.filter(|number| !secret.versions.contains_key(number)) {
        return Err(Refusal::VersionNotFound {
            secret: secret.name.clone(),
            version: number,
        }
        .into());
    }
    let gone = |state| matches!(state, VersionState::Revoked | VersionState::Destroyed);
    let named = |found: &&Version| version.is_none_or(|number| number == found.number);
    Ok(secret
        .versions
        .values()
        .filter(named)
        .filter(|found| !gone(found.state))
        .collect())
}

fn nothing_left(state: &State, secret: &Secret, version: Option<u32>, going: &[&Version]) -> Option<String> {
    let granted = version.is_none() && state.services_with(&secret.id).next().is_some();
    if !going.is_empty() || granted {
        return None;
    }
    let refusal = match version {
        None => Refusal::AlreadyRevoked {
            secret: secret.name.clone(),
        },
        Some(version) => Refusal::VersionAlreadyRevoked {
            secret: secret.name.clone(),
            version,
        },
    };
    Some(refusal.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_task_loses_and_several_lose() {
        assert_eq!(lose(0), "no task has the file");
        assert_eq!(lose(1), "1 task loses the file and keeps running");
        assert_eq!(lose(3), "3 tasks lose the file and keep running");
    }
}
