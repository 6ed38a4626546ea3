//! How do the cluster's own settings change, and how does it come by a new root?

use wardroom_api::v1;
use wardroom_ca::Root;
use wardroom_state::command::Command;
use wardroom_state::node::Role;
use wardroom_state::validate;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::issuing::{Issuer, cluster};
use crate::control::secrets::planned;
use crate::control::{keys, plan, tokens};

pub(super) async fn update(
    context: Context,
    caller: Caller,
    request: v1::UpdateClusterRequest,
) -> Result<v1::UpdateClusterResponse, Failure> {
    // What the state would refuse is not proposed first.
    request.certificate_life_ms.map_or(Ok(()), validate::certificate_life)?;
    request.heartbeat_ms.map_or(Ok(()), validate::heartbeat)?;
    request.snapshot_every.map_or(Ok(()), validate::snapshot_every)?;
    let lock = keys::Lock::of(&context)?;
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::cluster_update(state, &request, health)
    })?;
    let mut index = plan.0.index;
    if !request.plan_only {
        plan.check_runnable()?;
        if let Some(on) = request.autolock {
            let confirmed = !request.plan_basis.is_empty();
            index = lock.turn(&context, &caller, on, confirmed).await?;
        }
        let policy = request.refuse_env.map(|refuse_env| Command::SetPolicy { refuse_env });
        for command in settings(&request).into_iter().chain(policy) {
            index = context.proposer.propose(caller.actor(), command).await?.index;
        }
    }
    Ok(v1::UpdateClusterResponse {
        index,
        plan: Some(plan.0),
    })
}

/// `None` where only autolock or a policy is to change.
fn settings(request: &v1::UpdateClusterRequest) -> Option<Command> {
    let command = Command::UpdateCluster {
        certificate_life_ms: request.certificate_life_ms,
        heartbeat_ms: request.heartbeat_ms,
        task_history: request.task_history,
        snapshot_every: request.snapshot_every,
    };
    let nothing = Command::UpdateCluster {
        certificate_life_ms: None,
        heartbeat_ms: None,
        task_history: None,
        snapshot_every: None,
    };
    let alone = request.autolock.is_none() && request.refuse_env.is_none();
    (alone || command != nothing).then_some(command)
}

/// The new root issues from now on, and the one before vouches for it: nodes that trust only the old one accept what the
/// new one issues, and the other way round, until every certificate is of the new one.
pub(super) async fn rotate_root(
    context: Context,
    caller: Caller,
    request: v1::RotateRootRequest,
) -> Result<v1::RotateRootResponse, Failure> {
    request.certificate_life_ms.map_or(Ok(()), validate::certificate_life)?;
    let now_ms = context.clock.now_ms();
    let plan = planned(&context, &request.plan_basis, |state, health| {
        plan::root_rotation(state, now_ms, health)
    })?;
    if request.plan_only {
        return Ok(v1::RotateRootResponse {
            index: plan.0.index,
            plan: Some(plan.0),
            ..Default::default()
        });
    }
    plan.check_runnable()?;
    let changed = request.certificate_life_ms.filter(|life_ms| {
        let cluster = cluster(&context);
        cluster.is_ok_and(|cluster| cluster.certificate_life_ms != *life_ms)
    });
    if let Some(life_ms) = changed {
        let command = Command::UpdateCluster {
            certificate_life_ms: Some(life_ms),
            heartbeat_ms: None,
            task_history: None,
            snapshot_every: None,
        };
        context.proposer.propose(caller.actor(), command).await?;
    }
    let (root, command) = next_root(&context)?;
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::RotateRootResponse {
        plan: Some(plan.0),
        fingerprint: root.fingerprint().to_owned(),
        root_certificate: root.certificate_pem().to_owned(),
        index: committed.index,
    })
}

/// A new root with what follows from it: the old one's word for it, and join tokens that name it.
fn next_root(context: &Context) -> Result<(Root, Command), Failure> {
    let issuer = Issuer::of(context)?;
    let cluster = &issuer.cluster;
    let failed = |error: wardroom_ca::IssueError| Failure::precondition(error.to_string());
    let root = Root::create(cluster.id.as_str(), &*context.clock, &*context.chance).map_err(failed)?;
    let cross_signed = issuer.root.cross_sign(&root).map_err(failed)?;
    let sealing_root = context.keyring.sealing_root();
    let token = |role| tokens::make(context, cluster, root.certificate_der(), role).1;
    let command = Command::RotateRoot {
        root_certificate: root.certificate_pem().to_owned(),
        root_fingerprint: root.fingerprint().to_owned(),
        root_key_id: root.key_id().to_owned(),
        root_not_after_ms: root.facts().not_after_ms,
        sealed_root_key: sealing_root.seal_root_key(&*context.chance, cluster.id.as_str(), root.key_der()),
        cross_signed,
        worker_token: token(Role::Worker),
        manager_token: token(Role::Manager),
        // Two at once would leave a root that nobody vouches for.
        expected: Some(cluster.version_index),
    };
    Ok((root, command))
}
