//! Who may read what? Grants of one service, and of several at once.

use std::collections::BTreeMap;

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::{Command, ServiceUpdate};
use wardroom_state::ids::ServiceId;
use wardroom_state::service::ServiceSpec;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::secrets::{planned, version_named};
use crate::control::{convert, plan};

/// Services of one call.
const CHANGES: usize = 1_000;

/// All of them or none: one plan, one change.
pub(crate) async fn update(
    context: Context,
    caller: Caller,
    request: v1::UpdateGrantsRequest,
) -> Result<v1::UpdateGrantsResponse, Failure> {
    if request.changes.is_empty() {
        return Err(Failure::invalid("name the services whose grants are to change"));
    }
    if request.changes.len() > CHANGES {
        return Err(Failure::invalid(format!(
            "at most {CHANGES} services change at once; send less"
        )));
    }
    let updates = context.replica.read(|state| updates(state, &request.changes))?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::grants(state, &updates, health)
    })?;
    if request.plan_only {
        return Ok(v1::UpdateGrantsResponse {
            index: plan.0.index,
            plan: Some(plan.0),
        });
    }
    let command = Command::UpdateServices { updates };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::UpdateGrantsResponse {
        plan: Some(plan.0),
        index: committed.index,
    })
}

/// One new spec for each service that is named, however often it is.
fn updates(state: &State, changes: &[v1::GrantChange]) -> Result<Vec<ServiceUpdate>, Failure> {
    let mut specs: BTreeMap<ServiceId, ServiceUpdate> = BTreeMap::new();
    for change in changes {
        let service = state.find_service(&change.service)?;
        let update = specs.entry(service.id.clone()).or_insert_with(|| ServiceUpdate {
            id: service.id.clone(),
            spec: service.spec.clone(),
            expected: Some(service.version_index),
        });
        update.spec = changed(state, &update.spec, &change.add, &change.remove)?;
    }
    let checked = specs.into_values().map(|update| {
        let spec = convert::checked(state, update.spec)?;
        Ok(ServiceUpdate { spec, ..update })
    });
    checked.collect()
}

/// Removals come first, so that one request can put another secret at the same target.
pub(super) fn changed(
    state: &State,
    spec: &ServiceSpec,
    add: &[v1::Grant],
    remove: &[String],
) -> Result<ServiceSpec, Failure> {
    let mut spec = spec.clone();
    for reference in remove {
        remove_grants(state, &mut spec, reference)?;
    }
    convert::limits::grants(spec.grants.len() + add.len())?;
    for grant in add {
        spec.grants.push(convert::grant(state, grant)?);
    }
    Ok(spec)
}

/// By secret, or by the name of one version for grants that are pinned to it.
fn remove_grants(state: &State, spec: &mut ServiceSpec, reference: &str) -> Result<(), Failure> {
    let secret = state.find_secret(reference)?;
    let version = version_named(secret, reference);
    let before = spec.grants.len();
    spec.grants
        .retain(|grant| grant.secret != secret.id || (version.is_some() && grant.pinned != version));
    if spec.grants.len() == before {
        return Err(Failure::invalid(format!(
            "secret {reference} is not granted to service {}; `service inspect {}` shows what is",
            spec.name, spec.name
        )));
    }
    Ok(())
}
