//! What would a rotation do? The new version reaches every task that follows the secret, in the way its grant asks for.

use std::collections::BTreeSet;

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::secret::{Secret, Version, VersionState};
use wardroom_state::service::{Grant, OnChange, Service};
use wardroom_state::validate;

use crate::control::error::Failure;
use crate::control::plan::blast::{Holders, hostnames, nodes_of, tasks};
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, check, counted, is_runnable, pace, step};

/// `fingerprint` is the new value's, when it is known already.
pub(crate) fn rotation(
    state: &State,
    secret: &Secret,
    fingerprint: Option<[u8; 32]>,
    health: &Health,
) -> Result<Plan, Failure> {
    let next = secret.versions.last_key_value().map_or(1, |(number, _)| number + 1);
    let name = validate::version_name(&secret.name, next)?;
    let mut steps = vec![step(
        PlanAction::Create,
        format!("version {next}"),
        format!("{name} becomes the current version of {}", secret.name),
    )];
    let mut arrives = BTreeSet::new();
    let mut followers = 0;
    for service in state.services_with(&secret.id) {
        for grant in service.spec.grants.iter().filter(|grant| grant.secret == secret.id) {
            let moved = grant_step(state, service, grant);
            if grant.pinned.is_none() {
                followers += 1;
                arrives.extend(nodes_of(&tasks(state, service)));
            }
            steps.push(moved);
        }
    }
    steps.extend(kept_and_destroyed(secret));

    let holders = Holders::of(state, &secret.id, |version| Some(version) == secret.current);
    let mut checks = health.checks(state);
    checks.push(holders.check(state));
    checks.push(if followers == 0 {
        check(
            CheckLevel::Warn,
            "no service follows it: the new version reaches nobody until one is granted it",
        )
    } else {
        check(
            CheckLevel::Ok,
            format!(
                "{} it",
                if followers == 1 {
                    "1 grant follows"
                } else {
                    "grants follow"
                }
            ),
        )
    });
    checks.extend(running(state, secret));
    checks.extend(fingerprint.and_then(|fingerprint| same_value(secret, fingerprint)));
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_secret(state, "rotate", secret),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: holders.leaves(state),
        stays: holders.stays(state),
        arrives: hostnames(state, &arrives),
    }))
}

fn grant_step(state: &State, service: &Service, grant: &Grant) -> v1::PlanStep {
    let subject = format!("service {}", service.spec.name);
    if let Some(version) = grant.pinned {
        return step(
            PlanAction::Keep,
            subject,
            format!("{} stays at version {version}: it is pinned", grant.target),
        );
    }
    let running = tasks(state, service);
    let places = hostnames(state, &nodes_of(&running)).join(", ");
    let on = if places.is_empty() {
        String::new()
    } else {
        format!(" on {places}")
    };
    let count = counted(running.len(), "task");
    match &grant.on_change {
        OnChange::Swap => {
            let pace = if pace::is_checked(service) {
                format!(", {}", pace::in_place(&service.spec.update))
            } else {
                String::new()
            };
            let detail = format!("{} changes in place in {count}{on}{pace}", grant.target);
            step(PlanAction::Swap, subject, detail)
        }
        OnChange::Signal(signal) => {
            let pace = pace::in_place(&service.spec.update);
            let detail = format!(
                "{} changes in place in {count}{on}, then {signal}, {pace}",
                grant.target
            );
            step(PlanAction::Signal, subject, detail)
        }
        OnChange::Restart => {
            let pace = pace::replacing(&service.spec.update);
            step(PlanAction::Restart, subject, format!("{count}{on} replaced, {pace}"))
        }
    }
}

/// What becomes of the versions there are.
fn kept_and_destroyed(secret: &Secret) -> Vec<v1::PlanStep> {
    let spare = |version: &&Version| {
        let kept = [VersionState::Current, VersionState::Superseded, VersionState::Failed];
        version.sealed.is_some() && kept.contains(&version.state)
    };
    let keep = usize::try_from(secret.keep_versions).unwrap_or(usize::MAX);
    let spare: Vec<&Version> = secret.versions.values().rev().filter(spare).collect();
    let (kept, surplus) = spare.split_at(keep.min(spare.len()));
    let current = kept.first().filter(|version| Some(version.number) == secret.current);
    let keeps = current.map(|version| {
        step(
            PlanAction::Keep,
            format!("version {}", version.number),
            "stays sealed, for a roll-back",
        )
    });
    let destroys = surplus.iter().map(|version| {
        let detail = format!("older than the newest {keep} kept, once nothing uses it");
        step(PlanAction::Destroy, format!("version {}", version.number), detail)
    });
    keeps.into_iter().chain(destroys).collect()
}

fn running(state: &State, secret: &Secret) -> Option<v1::PlanCheck> {
    let running = state.running_rotation(&secret.id)?;
    Some(check(
        CheckLevel::Warn,
        format!(
            "the rotation to version {} still runs; this one overtakes it",
            running.to
        ),
    ))
}

/// A value that was in use before is no rotation.
fn same_value(secret: &Secret, fingerprint: [u8; 32]) -> Option<v1::PlanCheck> {
    let same = |version: &&Version| version.fingerprint == fingerprint;
    let version = secret.versions.values().rev().find(same)?;
    Some(if Some(version.number) == secret.current {
        let text = format!(
            "the value is the one of the current version {}; give a new one",
            version.number
        );
        check(CheckLevel::Blocked, text)
    } else {
        check(
            CheckLevel::Warn,
            format!("the value was used before, in version {}", version.number),
        )
    })
}
