//! What do clients see of an object? From the domain to the wire; sealed values stay behind.

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::audit::AuditRecord;
use wardroom_state::cluster::Cluster;
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::holding::{Holding, HoldingKey, HoldingState};
use wardroom_state::node::{Availability, Node, NodeState, Role};
use wardroom_state::rotation::{Rotation, RotationPhase};
use wardroom_state::secret::{Secret, Version, VersionState};
use wardroom_state::service::{Grant, Mode, Service, ServiceSpec};
use wardroom_state::task::{SecretFile, Task};

use super::words::{executor, hex, on_change, task_state};

/// What a client that stands at the index before must take in: the objects that the events name, as they are now.
/// The cluster goes along with audit records, because it names the newest one.
pub(crate) fn changes(state: &State, events: &[Event]) -> Vec<v1::Change> {
    let mut changes: Vec<v1::Change> = events.iter().map(|event| change(state, event)).collect();
    let audited = events
        .iter()
        .any(|event| matches!(event, Event::Put(ObjectKey::Audit(_))));
    if audited && !events.contains(&Event::Put(ObjectKey::Cluster)) {
        changes.extend(cluster(state).map(put));
    }
    changes
}

fn change(state: &State, event: &Event) -> v1::Change {
    match event {
        Event::Put(key) => match object(state, key) {
            Some(found) => put(found),
            None => removed(key),
        },
        Event::Removed(key) => removed(key),
    }
}

fn put(object: v1::Object) -> v1::Change {
    v1::Change {
        action: Some(v1::change::Action::Put(object)),
    }
}

fn removed(key: &ObjectKey) -> v1::Change {
    v1::Change {
        action: Some(v1::change::Action::Removed(object_key(key))),
    }
}

fn object(state: &State, key: &ObjectKey) -> Option<v1::Object> {
    match key {
        ObjectKey::Cluster => cluster(state),
        ObjectKey::Node(id) => state.nodes().get(id).map(node),
        ObjectKey::Secret(id) => state.secrets().get(id).map(secret),
        ObjectKey::Service(id) => state.services().get(id).map(|found| service(state, found)),
        ObjectKey::Task(id) => state.tasks().get(id).map(|found| task(state, found)),
        ObjectKey::Rotation(id) => state.rotations().get(id).map(|found| rotation(state, found)),
        ObjectKey::Holding(key) => state.holdings().get(key).map(|found| holding(state, key, found)),
        ObjectKey::Audit(sequence) => state.audit_record(*sequence).map(audit),
    }
}

/// Kind and id of an object; a holding's id is `node/task/secret/version/target`.
fn object_key(key: &ObjectKey) -> v1::ObjectKey {
    let (kind, id) = match key {
        ObjectKey::Cluster => (v1::Kind::Cluster, String::new()),
        ObjectKey::Node(id) => (v1::Kind::Node, id.to_string()),
        ObjectKey::Secret(id) => (v1::Kind::Secret, id.to_string()),
        ObjectKey::Service(id) => (v1::Kind::Service, id.to_string()),
        ObjectKey::Task(id) => (v1::Kind::Task, id.to_string()),
        ObjectKey::Rotation(id) => (v1::Kind::Rotation, id.to_string()),
        ObjectKey::Holding(key) => (
            v1::Kind::Holding,
            format!(
                "{}/{}/{}/{}/{}",
                key.node, key.task, key.secret, key.version, key.target
            ),
        ),
        ObjectKey::Audit(sequence) => (v1::Kind::Audit, sequence.to_string()),
    };
    v1::ObjectKey { kind: kind.into(), id }
}

/// Every object of a kind, in id order (audit records in sequence, and only those after `after_sequence`).
pub(crate) fn objects(state: &State, kind: v1::Kind, after_sequence: u64) -> Vec<v1::Object> {
    match kind {
        v1::Kind::Unspecified => Vec::new(),
        v1::Kind::Cluster => cluster(state).into_iter().collect(),
        v1::Kind::Node => state.nodes().values().map(node).collect(),
        v1::Kind::Secret => state.secrets().values().map(secret).collect(),
        v1::Kind::Service => state.services().values().map(|found| service(state, found)).collect(),
        v1::Kind::Task => state.tasks().values().map(|found| task(state, found)).collect(),
        v1::Kind::Rotation => state.rotations().values().map(|found| rotation(state, found)).collect(),
        v1::Kind::Holding => state
            .holdings()
            .iter()
            .map(|(key, found)| holding(state, key, found))
            .collect(),
        v1::Kind::Audit => state
            .audit()
            .filter(|record| record.sequence > after_sequence)
            .map(audit)
            .collect(),
    }
}

/// Which kind of object it is.
pub(crate) fn kind_of(object: &v1::Object) -> v1::Kind {
    match &object.kind {
        None => v1::Kind::Unspecified,
        Some(Body::Cluster(_)) => v1::Kind::Cluster,
        Some(Body::Node(_)) => v1::Kind::Node,
        Some(Body::Secret(_)) => v1::Kind::Secret,
        Some(Body::Service(_)) => v1::Kind::Service,
        Some(Body::Task(_)) => v1::Kind::Task,
        Some(Body::Rotation(_)) => v1::Kind::Rotation,
        Some(Body::Holding(_)) => v1::Kind::Holding,
        Some(Body::Audit(_)) => v1::Kind::Audit,
    }
}

fn wrap(body: Body) -> v1::Object {
    v1::Object { kind: Some(body) }
}

fn cluster(state: &State) -> Option<v1::Object> {
    let cluster: &Cluster = state.cluster()?;
    Some(wrap(Body::Cluster(v1::Cluster {
        id: cluster.id.to_string(),
        name: cluster.name.clone(),
        created_at_ms: cluster.created_at_ms,
        root_fingerprint: cluster.root_fingerprint.clone(),
        root_not_after_ms: cluster.root_not_after_ms,
        autolock: cluster.autolock,
        heartbeat_ms: cluster.heartbeat_ms,
        version_index: cluster.version_index,
        audit_length: state.audit_length(),
        audit_head: hex(&state.audit_head()),
        sealing_root_check: hex(&cluster.sealing_root_check),
    })))
}

pub(crate) fn node(node: &Node) -> v1::Object {
    let role = match node.role {
        Role::Manager => v1::Role::Manager,
        Role::Worker => v1::Role::Worker,
    };
    let availability = match node.availability {
        Availability::Active => v1::Availability::Active,
        Availability::Pause => v1::Availability::Pause,
        Availability::Drain => v1::Availability::Drain,
    };
    let state = match node.state {
        NodeState::Unknown => v1::NodeState::Unknown,
        NodeState::Ready => v1::NodeState::Ready,
        NodeState::Down => v1::NodeState::Down,
    };
    wrap(Body::Node(v1::Node {
        id: node.id.to_string(),
        hostname: node.hostname.clone(),
        role: role.into(),
        availability: availability.into(),
        state: state.into(),
        message: node.message.clone(),
        state_since_ms: node.state_since_ms,
        address: node.address.clone(),
        raft_id: node.raft_id,
        labels: node.labels.clone(),
        certificate_fingerprint: node.certificate.fingerprint.clone(),
        certificate_not_before_ms: node.certificate.not_before_ms,
        certificate_not_after_ms: node.certificate.not_after_ms,
        created_at_ms: node.created_at_ms,
        version_index: node.version_index,
    }))
}

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
    }))
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

pub(crate) fn service(state: &State, service: &Service) -> v1::Object {
    wrap(Body::Service(v1::Service {
        id: service.id.to_string(),
        spec: Some(spec(state, &service.spec)),
        previous_spec: service.previous.as_ref().map(|previous| spec(state, previous)),
        created_at_ms: service.created_at_ms,
        updated_at_ms: service.updated_at_ms,
        version_index: service.version_index,
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
        executor: executor(spec.executor).into(),
        command: spec.command.clone(),
        global,
        replicas,
        grants: spec.grants.iter().map(|found| grant(state, found)).collect(),
        update_parallelism: spec.update_parallelism,
        update_monitor_ms: spec.update_monitor_ms,
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

fn secret_name(state: &State, id: &wardroom_state::ids::SecretId) -> String {
    state
        .secrets()
        .get(id)
        .map(|secret| secret.name.clone())
        .unwrap_or_default()
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
            })
            .collect(),
        actor: rotation.actor.clone(),
        message: rotation.message.clone(),
        started_at_ms: rotation.started_at_ms,
        finished_at_ms: rotation.finished_at_ms,
        version_index: rotation.version_index,
    }))
}

fn holding(state: &State, key: &HoldingKey, holding: &Holding) -> v1::Object {
    let held = match holding.state {
        HoldingState::Pending => v1::HoldingState::Pending,
        HoldingState::Present => v1::HoldingState::Present,
        HoldingState::Erased => v1::HoldingState::Erased,
        HoldingState::Failed => v1::HoldingState::Failed,
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

fn audit(record: &AuditRecord) -> v1::Object {
    wrap(Body::Audit(v1::AuditRecord {
        sequence: record.sequence,
        index: record.index,
        at_ms: record.at_ms,
        actor: record.actor.clone(),
        from: record.from.clone(),
        action: record.action.clone(),
        object: record.object.clone(),
        outcome: record.outcome.clone(),
        detail: record.detail.clone(),
        previous: hex(&record.previous),
        hash: hex(&record.hash),
    }))
}
