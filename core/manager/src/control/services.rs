//! How does a service come, change and go? Grants are resolved here; tasks are the reconcile loops' business.

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::ids::ServiceId;
use wardroom_state::refusal::{Noun, Refusal};
use wardroom_state::service::{Mode, Service, ServiceSpec};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::secrets::planned;
use crate::control::{chance, convert, grants, plan};

pub(crate) async fn create(
    context: Context,
    caller: Caller,
    request: v1::CreateServiceRequest,
) -> Result<v1::CreateServiceResponse, Failure> {
    let given = request
        .spec
        .ok_or_else(|| Failure::invalid("invalid argument: the service has no spec"))?;
    let spec = context.replica.read(|state| {
        if request.exposes_env {
            check_env_allowed(state)?;
        }
        convert::service_spec(state, given)
    })?;
    let id = ServiceId::new(chance::id(&*context.chance));
    let committed = context
        .proposer
        .propose(caller.actor(), Command::CreateService { id: id.clone(), spec })
        .await?;
    Ok(v1::CreateServiceResponse {
        id: id.to_string(),
        index: committed.index,
    })
}

/// Environments leak: into child processes, into `inspect`, into crash reports. A cluster can say no.
fn check_env_allowed(state: &State) -> Result<(), Failure> {
    if state.cluster().is_some_and(|cluster| cluster.refuse_env) {
        return Err(Failure::precondition(
            "this cluster refuses secrets in environments; give the program a file, or let an admin allow it with \
             `wardroom swarm update --refuse-env=false`",
        ));
    }
    Ok(())
}

pub(crate) async fn update(
    context: Context,
    caller: Caller,
    request: v1::UpdateServiceRequest,
) -> Result<v1::UpdateServiceResponse, Failure> {
    let (id, spec, expected) = context.replica.read(|state| {
        let service = state.find_service(&request.reference)?;
        if request
            .expected
            .is_some_and(|expected| expected != service.version_index)
        {
            return Err(Refusal::OutOfSequence.into());
        }
        Ok::<_, Failure>((
            service.id.clone(),
            changed(state, service, &request)?,
            service.version_index,
        ))
    })?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::update(state, known(state, &id)?, &spec, health)
    })?;
    if request.plan_only {
        return Ok(v1::UpdateServiceResponse {
            id: id.to_string(),
            index: plan.0.index,
            plan: Some(plan.0),
        });
    }
    // The new spec rests on the one that was read: another change in between would be undone by it.
    let command = Command::UpdateService {
        id: id.clone(),
        spec,
        expected: Some(expected),
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::UpdateServiceResponse {
        id: id.to_string(),
        index: committed.index,
        plan: Some(plan.0),
    })
}

/// Back to the spec before, which then is the one to come back from.
pub(crate) async fn roll_back(
    context: Context,
    caller: Caller,
    request: v1::RollbackServiceRequest,
) -> Result<v1::RollbackServiceResponse, Failure> {
    let (id, spec, expected) = context.replica.read(|state| {
        let service = state.find_service(&request.reference)?;
        let missing = || Failure::precondition(format!("service {} does not have a previous spec", service.spec.name));
        let previous = service.previous.clone().ok_or_else(missing)?;
        Ok::<_, Failure>((service.id.clone(), previous, service.version_index))
    })?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::update(state, known(state, &id)?, &spec, health)
    })?;
    if request.plan_only {
        return Ok(v1::RollbackServiceResponse {
            id: id.to_string(),
            index: plan.0.index,
            plan: Some(plan.0),
        });
    }
    let command = Command::RollbackService {
        id: id.clone(),
        expected: Some(expected),
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::RollbackServiceResponse {
        id: id.to_string(),
        index: committed.index,
        plan: Some(plan.0),
    })
}

pub(crate) async fn remove(
    context: Context,
    caller: Caller,
    request: v1::RemoveServiceRequest,
) -> Result<v1::RemoveServiceResponse, Failure> {
    let id = context
        .replica
        .read(|state| state.find_service(&request.reference).map(|service| service.id.clone()))?;
    let committed = context
        .proposer
        .propose(caller.actor(), Command::RemoveService { id: id.clone() })
        .await?;
    Ok(v1::RemoveServiceResponse {
        id: id.to_string(),
        index: committed.index,
    })
}

pub(super) fn known<'a>(state: &'a State, id: &ServiceId) -> Result<&'a Service, Failure> {
    let missing = || Refusal::NotFound {
        noun: Noun::Service,
        reference: id.to_string(),
    };
    Ok(state.services().get(id).ok_or_else(missing)?)
}

/// The spec after the request: a whole one, or the one there is with some grants and a number changed.
fn changed(state: &State, service: &Service, request: &v1::UpdateServiceRequest) -> Result<ServiceSpec, Failure> {
    if let Some(mut spec) = request.spec.clone() {
        if !request.add.is_empty() || !request.remove.is_empty() || request.replicas.is_some() {
            return Err(Failure::invalid(
                "give the whole new spec, or the grants and replicas to change; not both",
            ));
        }
        if spec.name.is_empty() {
            spec.name.clone_from(&service.spec.name);
        }
        return convert::service_spec(state, spec);
    }
    let mut spec = grants::changed(state, &service.spec, &request.add, &request.remove)?;
    if let Some(replicas) = request.replicas {
        spec.mode = match spec.mode {
            Mode::Replicated(_) => Mode::Replicated(replicas),
            Mode::Global => {
                return Err(Failure::invalid(
                    "replicas can only be used with replicated mode; a global service has one task on every node",
                ));
            }
        };
    }
    convert::checked(state, spec)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::service::OnChange;

    use super::*;
    use crate::reconcile::scene::Scene;

    fn scene() -> Scene {
        let mut scene = Scene::with_workers(1);
        scene.secret("alpha");
        scene.secret("beta");
        scene.service("web", Mode::Replicated(1), vec![Scene::grant("alpha", OnChange::Swap)]);
        scene
    }

    fn update(scene: &Scene, remove: &[&str], add: &[(&str, &str)]) -> Result<Vec<String>, String> {
        let request = v1::UpdateServiceRequest {
            reference: "web".into(),
            remove: remove.iter().map(ToString::to_string).collect(),
            add: add
                .iter()
                .map(|(secret, target)| v1::Grant {
                    secret_name: (*secret).into(),
                    target: (*target).into(),
                    ..Default::default()
                })
                .collect(),
            ..Default::default()
        };
        let service = scene.state.find_service("web").unwrap();
        let spec = changed(&scene.state, service, &request).map_err(|failure| failure.to_string())?;
        Ok(spec
            .grants
            .iter()
            .map(|grant| format!("{}={}", grant.target, grant.secret))
            .collect())
    }

    #[test]
    fn grants_come_and_go_by_name() {
        let scene = scene();
        assert_eq!(
            update(&scene, &[], &[("BETA", "")]),
            Ok(vec!["alpha=alpha".into(), "beta=beta".into()])
        );
        assert_eq!(update(&scene, &["Alpha"], &[]), Ok(vec![]));
    }

    #[test]
    fn a_removal_makes_room_for_an_addition_at_the_same_target() {
        assert_eq!(
            update(&scene(), &["alpha"], &[("beta", "alpha")]),
            Ok(vec!["alpha=beta".into()])
        );
    }

    #[test]
    fn two_secrets_do_not_share_a_target() {
        let text = update(&scene(), &[], &[("beta", "alpha")]).unwrap_err();
        assert_eq!(
            text,
            "secret references 'alpha' and 'beta' have a conflicting target: 'alpha'"
        );
    }

    #[test]
    fn removing_what_is_not_granted_is_an_error() {
        let text = update(&scene(), &["beta"], &[]).unwrap_err();
        assert!(text.starts_with("secret beta is not granted to service web;"), "{text}");
        assert_eq!(update(&scene(), &["gamma"], &[]), Err("secret gamma not found".into()));
    }

    #[test]
    fn the_name_of_a_version_pins_it() {
        let mut scene = scene();
        scene.rotate("beta");
        let grant = v1::Grant {
            secret_name: "beta_v2".into(),
            ..Default::default()
        };
        let grant = convert::grant(&scene.state, &grant).unwrap();
        assert_eq!((grant.pinned, grant.target.as_str()), (Some(2), "beta_v2"));
    }
}
