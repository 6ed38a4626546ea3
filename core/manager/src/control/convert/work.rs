//! What do clients see of the work? Services with their grants, and tasks with the files they were given.

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::service::{Grant, Mode, Service, ServiceSpec};
use wardroom_state::task::{SecretFile, Task};

use super::objects::wrap;
use super::run;
use super::secrets::secret_name;
use super::words::{on_change, task_state};

pub(crate) fn service(state: &State, service: &Service) -> v1::Object {
    wrap(Body::Service(v1::Service {
        id: service.id.to_string(),
        spec: Some(spec(state, &service.spec)),
        previous_spec: service.previous.as_ref().map(|previous| spec(state, previous)),
        created_at_ms: service.created_at_ms,
        updated_at_ms: service.updated_at_ms,
        version_index: service.version_index,
        generation: service.generation,
        update_status: service.update_status.as_ref().map(run::update_status),
    }))
}

fn spec(state: &State, spec: &ServiceSpec) -> v1::ServiceSpec {
    let (global, replicas) = match spec.mode {
        Mode::Replicated(replicas) => (false, replicas),
        Mode::Global => (true, 0),
    };
    v1::ServiceSpec {
        name: spec.name.clone(),
        labels: spec.labels.clone(),
        global,
        replicas,
        grants: spec.grants.iter().map(|found| grant(state, found)).collect(),
        constraints: spec.constraints.iter().map(ToString::to_string).collect(),
        run: Some(run::run(&spec.run)),
        restart: Some(run::restart(&spec.restart)),
        update: Some(run::roll(&spec.update)),
        rollback: Some(run::roll(&spec.rollback)),
        max_per_node: spec.max_per_node,
        one_off: spec.one_off,
    }
}

fn grant(state: &State, grant: &Grant) -> v1::Grant {
    let (on_change, signal) = on_change(&grant.on_change);
    v1::Grant {
        secret_id: grant.secret.to_string(),
        secret_name: secret_name(state, &grant.secret),
        pinned: grant.pinned.unwrap_or(0),
        target: grant.target.clone(),
        uid: grant.uid,
        gid: grant.gid,
        mode: grant.mode,
        on_change: on_change.into(),
        signal,
    }
}

pub(crate) fn task(state: &State, task: &Task) -> v1::Object {
    wrap(Body::Task(v1::Task {
        id: task.id.to_string(),
        service_id: task.service.to_string(),
        name: task.name.clone(),
        slot: task.slot,
        node_id: task.node.as_ref().map(ToString::to_string).unwrap_or_default(),
        desired: task_state(task.desired).into(),
        state: task_state(task.status.state).into(),
        message: task.status.message.clone(),
        error: task.status.error.clone(),
        exit_code: task.status.exit_code,
        pid: task.status.pid,
        secrets_dir: task.status.secrets_dir.clone(),
        files: task.files.iter().map(|file| secret_file(state, file)).collect(),
        created_at_ms: task.created_at_ms,
        state_since_ms: task.status.since_ms,
        version_index: task.version_index,
        generation: task.generation,
        health: task.status.health.clone(),
    }))
}

pub(crate) fn secret_file(state: &State, file: &SecretFile) -> v1::SecretFile {
    let (on_change, signal) = on_change(&file.on_change);
    v1::SecretFile {
        secret_id: file.secret.to_string(),
        secret_name: secret_name(state, &file.secret),
        version_id: file.version_id.to_string(),
        version: file.version,
        target: file.target.clone(),
        uid: file.uid,
        gid: file.gid,
        mode: file.mode,
        on_change: on_change.into(),
        signal,
    }
}
