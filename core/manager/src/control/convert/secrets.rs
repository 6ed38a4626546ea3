//! What do clients see of a secret, of its versions on their way, and of who holds them? Never a value.

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::holding::{Holding, HoldingKey, HoldingState};
use wardroom_state::ids::SecretId;
use wardroom_state::rotation::{Rotation, RotationCause, RotationPhase};
use wardroom_state::secret::{Schedule, Secret, Template, Version, VersionState};

use super::objects::wrap;
use super::words::hex;

pub(crate) fn secret(secret: &Secret) -> v1::Object {
    wrap(Body::Secret(v1::Secret {
        id: secret.id.to_string(),
        name: secret.name.clone(),
        labels: secret.labels.clone(),
        current: secret.current.unwrap_or(0),
        versions: secret.versions.values().map(version).collect(),
        max_age_ms: secret.max_age_ms,
        keep_versions: secret.keep_versions,
        created_at_ms: secret.created_at_ms,
        updated_at_ms: secret.updated_at_ms,
        version_index: secret.version_index,
        lease_ms: secret.lease_ms,
        keep_ms: secret.keep_ms,
        template_driver: template_driver(secret.template).to_owned(),
        schedule: secret.schedule.as_ref().map(schedule),
        schedule_error: secret
            .schedule_failure
            .as_ref()
            .map(|(_, reason)| reason.clone())
            .unwrap_or_default(),
        schedule_error_at_ms: secret.schedule_failure.as_ref().map_or(0, |(at_ms, _)| *at_ms),
    }))
}

/// Docker's name of it.
pub(crate) fn template_driver(template: Template) -> &'static str {
    match template {
        Template::None => "",
        Template::Golang => "golang",
    }
}

fn schedule(schedule: &Schedule) -> v1::Schedule {
    let source = match schedule {
        Schedule::Generate(length) => v1::schedule::Source::Generate(*length),
        Schedule::Hook(name) => v1::schedule::Source::Hook(name.clone()),
    };
    v1::Schedule { source: Some(source) }
}

fn version(version: &Version) -> v1::Version {
    let state = match version.state {
        VersionState::Current => v1::VersionState::Current,
        VersionState::Superseded => v1::VersionState::Superseded,
        VersionState::Revoked => v1::VersionState::Revoked,
        VersionState::Destroyed => v1::VersionState::Destroyed,
        VersionState::Failed => v1::VersionState::Failed,
    };
    v1::Version {
        id: version.id.to_string(),
        number: version.number,
        name: version.name.clone(),
        size: version.size,
        state: state.into(),
        created_at_ms: version.created_at_ms,
        created_by: version.created_by.clone(),
        state_since_ms: version.state_since_ms,
        key_check: version
            .sealed
            .as_ref()
            .map(|sealed| hex(&sealed.key_check))
            .unwrap_or_default(),
    }
}

pub(crate) fn rotation(state: &State, rotation: &Rotation) -> v1::Object {
    let phase = match rotation.phase {
        RotationPhase::Rolling => v1::RotationPhase::Rolling,
        RotationPhase::Verifying => v1::RotationPhase::Verifying,
        RotationPhase::Done => v1::RotationPhase::Done,
        RotationPhase::RollingBack => v1::RotationPhase::RollingBack,
        RotationPhase::RolledBack => v1::RotationPhase::RolledBack,
        RotationPhase::Failed => v1::RotationPhase::Failed,
    };
    let service_name = |id| {
        state
            .services()
            .get(id)
            .map(|service| service.spec.name.clone())
            .unwrap_or_default()
    };
    wrap(Body::Rotation(v1::Rotation {
        id: rotation.id.to_string(),
        secret_id: rotation.secret.to_string(),
        secret_name: secret_name(state, &rotation.secret),
        from: rotation.from.unwrap_or(0),
        to: rotation.to,
        phase: phase.into(),
        services: rotation
            .progress
            .iter()
            .map(|progress| v1::RotationProgress {
                service_id: progress.service.to_string(),
                service_name: service_name(&progress.service),
                tasks: progress.tasks,
                proven: progress.proven,
                settled: progress.settled,
            })
            .collect(),
        actor: rotation.actor.clone(),
        message: rotation.message.clone(),
        started_at_ms: rotation.started_at_ms,
        finished_at_ms: rotation.finished_at_ms,
        version_index: rotation.version_index,
        paused: rotation.paused,
        cause: match rotation.cause {
            RotationCause::Operator => v1::RotationCause::Operator,
            RotationCause::Age => v1::RotationCause::Age,
        }
        .into(),
    }))
}

pub(super) fn holding(state: &State, key: &HoldingKey, holding: &Holding) -> v1::Object {
    let held = match holding.state {
        HoldingState::Pending => v1::HoldingState::Pending,
        HoldingState::Present => v1::HoldingState::Present,
        HoldingState::Erased => v1::HoldingState::Erased,
        // Its bytes may be anywhere: nobody will ever say that they are gone.
        HoldingState::Failed | HoldingState::Unconfirmed => v1::HoldingState::Failed,
    };
    wrap(Body::Holding(v1::Holding {
        node_id: key.node.to_string(),
        task_id: key.task.to_string(),
        secret_id: key.secret.to_string(),
        secret_name: secret_name(state, &key.secret),
        version: key.version,
        target: key.target.clone(),
        state: held.into(),
        since_ms: holding.since_ms,
        proven: holding.proven,
        message: holding.message.clone(),
        owed: holding.owed,
        task_name: state
            .tasks()
            .get(&key.task)
            .map(|task| task.name.clone())
            .unwrap_or_default(),
    }))
}

pub(super) fn secret_name(state: &State, id: &SecretId) -> String {
    state
        .secrets()
        .get(id)
        .map(|secret| secret.name.clone())
        .unwrap_or_default()
}
