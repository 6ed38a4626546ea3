//! What is a key press about? The object under the selection, or the one that the whole screen is about.

use wardroom_api::v1::{Secret, Service};

use super::Model;
use super::facts::{moves, words};
use super::key_tree::Line;
use super::list::ListId;
use super::place::Place;
use super::rows;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    Secret(String),
    Service(String),
    Node(String),
    Operator(String),
    Task(String),
    Rotation(String),
    Holding(String),
    Record(u64),
    /// A grant, by `service id/target`.
    Grant(String),
    /// A line of the tree of keys.
    Key(Line),
    /// A change that every member makes for itself, by its key.
    Move(String),
    /// A line that a task wrote, by its number.
    Line(u64),
}

/// What the selected row stands for.
pub fn selected(model: &Model) -> Option<Subject> {
    let list = model.focused();
    let Some(key) = model.selected(list) else {
        return of_place(model);
    };
    let key = key.to_owned();
    Some(match list {
        ListId::Attention => return attention_place(model, &key),
        ListId::Managers | ListId::Nodes => Subject::Node(key),
        ListId::Operators => Subject::Operator(key),
        ListId::Certificates if model.cluster.operators.contains_key(&key) => Subject::Operator(key),
        ListId::Certificates => model.cluster.nodes.contains_key(&key).then_some(Subject::Node(key))?,
        ListId::Keys => Subject::Key(Line::of_key(&key)?),
        ListId::Moves => Subject::Move(key),
        ListId::Entries | ListId::Audit => Subject::Record(key.parse().ok()?),
        ListId::Secrets | ListId::MatrixSecrets => Subject::Secret(key),
        ListId::Versions | ListId::Spec => return of_place(model),
        ListId::Holders | ListId::NodeHoldings => Subject::Holding(key),
        ListId::SecretGrants | ListId::ServiceGrants => Subject::Grant(key),
        ListId::Services | ListId::Matrix | ListId::RotationServices => Subject::Service(key),
        ListId::ServiceTasks | ListId::NodeTasks | ListId::RotationTasks | ListId::Tasks => Subject::Task(key),
        ListId::Rotations | ListId::AllRotations => Subject::Rotation(key),
        ListId::Logs => Subject::Line(key.parse().ok()?),
    })
}

fn attention_place(model: &Model, key: &str) -> Option<Subject> {
    match &model.noted.iter().find(|item| item.key == key)?.place {
        Place::Secret(id) => Some(Subject::Secret(id.clone())),
        Place::Service(id) => Some(Subject::Service(id.clone())),
        Place::Node(id) => Some(Subject::Node(id.clone())),
        Place::Rotation(id) => Some(Subject::Rotation(id.clone())),
        _ => None,
    }
}

fn of_place(model: &Model) -> Option<Subject> {
    match model.place() {
        Place::Secret(id) => Some(Subject::Secret(id.clone())),
        Place::Service(id) | Place::Spec(id) => Some(Subject::Service(id.clone())),
        Place::Logs { service, .. } => Some(Subject::Service(service.clone())),
        Place::Rotation(id) => Some(Subject::Rotation(id.clone())),
        Place::Node(id) => Some(Subject::Node(id.clone())),
        _ => None,
    }
}

/// The rotation that a change would be about.
pub fn rotation_id(model: &Model) -> Option<String> {
    match (model.place(), selected(model)?) {
        (Place::Rotation(id), _) => Some(id.clone()),
        (_, Subject::Rotation(id)) => Some(id),
        _ => None,
    }
}

/// The secret that a change would be about.
pub fn secret_id(model: &Model) -> Option<String> {
    if let Place::Secret(id) = model.place() {
        return Some(id.clone());
    }
    let view = &model.cluster;
    let id = match selected(model)? {
        Subject::Secret(id) => id,
        Subject::Holding(id) => view.holdings.get(&id)?.secret_id.clone(),
        Subject::Rotation(id) => view.rotations.get(&id)?.secret_id.clone(),
        Subject::Grant(key) => rows::grant_of(model, &key)?.1.secret_id.clone(),
        _ => return None,
    };
    view.secrets.contains_key(&id).then_some(id)
}

/// The service and the secret of the selected cell of the matrix.
pub fn cell(model: &Model) -> Option<(&Service, &Secret)> {
    let view = &model.cluster;
    let service = view.services.get(model.selected(ListId::Matrix)?)?;
    Some((service, view.secrets.get(model.selected(ListId::MatrixSecrets)?)?))
}

/// The service that a change would be about.
pub fn service_id(model: &Model) -> Option<String> {
    if let Place::Service(id) | Place::Spec(id) | Place::Logs { service: id, .. } = model.place() {
        return Some(id.clone());
    }
    let view = &model.cluster;
    match selected(model)? {
        Subject::Service(id) => Some(id),
        Subject::Task(id) => Some(view.tasks.get(&id)?.service_id.clone()),
        Subject::Grant(key) => Some(rows::grant_of(model, &key)?.0.id.clone()),
        _ => None,
    }
}

/// The node that a change would be about.
pub fn node_id(model: &Model) -> Option<String> {
    let id = match (model.place(), selected(model)?) {
        (Place::Node(id), _) => id.clone(),
        (_, Subject::Node(id)) => id,
        _ => return None,
    };
    model.cluster.nodes.contains_key(&id).then_some(id)
}

/// The operator that a change would be about.
pub fn operator_id(model: &Model) -> Option<String> {
    match selected(model)? {
        Subject::Operator(id) => model.cluster.operators.contains_key(&id).then_some(id),
        _ => None,
    }
}

/// The name that people know it by; `None` once it is gone.
pub fn name(model: &Model, subject: &Subject) -> Option<String> {
    let view = &model.cluster;
    Some(match subject {
        Subject::Secret(id) => view.secrets.get(id)?.name.clone(),
        Subject::Service(id) => words::service_name(view.services.get(id)?).to_owned(),
        Subject::Node(id) => view.nodes.get(id)?.hostname.clone(),
        Subject::Operator(id) => view.operators.get(id)?.name.clone(),
        Subject::Task(id) => view.tasks.get(id)?.name.clone(),
        Subject::Rotation(id) => view.rotations.get(id)?.secret_name.clone(),
        Subject::Holding(id) => view.holdings.get(id)?.secret_name.clone(),
        Subject::Line(number) => model.logs.as_ref()?.get(*number)?.task.clone(),
        Subject::Record(sequence) => view.audit.get(sequence)?.object.clone(),
        Subject::Grant(key) => rows::grant_of(model, key)?.1.secret_name.clone(),
        Subject::Key(line) => line.name(view),
        Subject::Move(key) => moves::with_key(view, key)?.what,
    })
}
