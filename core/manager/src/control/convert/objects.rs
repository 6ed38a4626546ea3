//! Which objects do clients see, and which changed? From the domain to the wire; sealed values stay behind.

use v1::object::Kind as Body;
use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::audit::AuditRecord;
use wardroom_state::event::{Event, ObjectKey};

use super::members::{cluster, node, operator};
use super::secrets::{holding, rotation, secret};
use super::words::hex;
use super::work::{service, task};

/// What a client that stands at the index before must take in: the objects that the events name, as they are now.
/// The cluster goes along with audit records, because it names the newest one, and with nodes and operators, because it
/// counts those that hang on an older root.
pub(crate) fn changes(state: &State, events: &[Event]) -> Vec<v1::Change> {
    let mut changes: Vec<v1::Change> = events.iter().map(|event| change(state, event)).collect();
    let touched = events.iter().any(|event| {
        let (Event::Put(key) | Event::Removed(key)) = event;
        matches!(key, ObjectKey::Audit(_) | ObjectKey::Node(_) | ObjectKey::Operator(_))
    });
    if touched && !events.contains(&Event::Put(ObjectKey::Cluster)) {
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
        ObjectKey::Node(id) => state.nodes().get(id).map(|found| node(state, found)),
        ObjectKey::Operator(id) => state.operators().get(id).map(|found| operator(state, found)),
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
        ObjectKey::Operator(id) => (v1::Kind::Operator, id.to_string()),
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
        v1::Kind::Node => state.nodes().values().map(|found| node(state, found)).collect(),
        v1::Kind::Operator => state.operators().values().map(|found| operator(state, found)).collect(),
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
        Some(Body::Operator(_)) => v1::Kind::Operator,
        Some(Body::Secret(_)) => v1::Kind::Secret,
        Some(Body::Service(_)) => v1::Kind::Service,
        Some(Body::Task(_)) => v1::Kind::Task,
        Some(Body::Rotation(_)) => v1::Kind::Rotation,
        Some(Body::Holding(_)) => v1::Kind::Holding,
        Some(Body::Audit(_)) => v1::Kind::Audit,
    }
}

pub(super) fn wrap(body: Body) -> v1::Object {
    v1::Object { kind: Some(body) }
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
