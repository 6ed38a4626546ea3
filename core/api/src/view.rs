//! What does a client know about the cluster? The newest word about every object, built up from watch messages. Pure:
//! no clock, no connection. The console's model and the tests' eyes.
//!
//! Invariant: the objects are the replica's at exactly `index`. Managers' statuses are each manager's own latest word
//! and belong to no index.

use std::collections::BTreeMap;

use crate::v1::{
    AuditRecord, Change, Cluster, Holding, Kind, ManagerStatus, Node, Object, ObjectKey, Operator, Rotation, Secret,
    Service, Task, WatchMessage, change, object, watch_message,
};

/// Everything that was said, by id.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ClusterView {
    /// The Raft index the objects are from; 0 before the first snapshot.
    pub index: u64,
    pub cluster: Option<Cluster>,
    pub nodes: BTreeMap<String, Node>,
    pub secrets: BTreeMap<String, Secret>,
    pub services: BTreeMap<String, Service>,
    pub tasks: BTreeMap<String, Task>,
    pub rotations: BTreeMap<String, Rotation>,
    /// By `node/task/secret/version/target`.
    pub holdings: BTreeMap<String, Holding>,
    /// By sequence.
    pub audit: BTreeMap<u64, AuditRecord>,
    pub operators: BTreeMap<String, Operator>,
    /// Every manager's latest word about itself, by node id; kept while the manager is lost.
    pub managers: BTreeMap<String, ManagerStatus>,
    /// Managers that do not answer, by node id, and why.
    pub lost_managers: BTreeMap<String, String>,
}

impl ClusterView {
    /// Takes a message in. False when there was nothing to take: an empty message, or changes from an index before
    /// this view's, as a replica that lags behind the last one may send them.
    pub fn apply(&mut self, message: &WatchMessage) -> bool {
        match &message.body {
            Some(watch_message::Body::Snapshot(snapshot)) => {
                self.replace(&snapshot.objects);
                self.index = message.index;
            }
            Some(watch_message::Body::Changes(changes)) => {
                if message.index < self.index {
                    return false;
                }
                for change in &changes.changes {
                    self.change(change);
                }
                self.index = message.index;
            }
            Some(watch_message::Body::Manager(status)) => {
                self.lost_managers.remove(&status.node_id);
                self.managers.insert(status.node_id.clone(), status.clone());
            }
            Some(watch_message::Body::ManagerLost(lost)) => {
                self.lost_managers.insert(lost.node_id.clone(), lost.reason.clone());
            }
            None => return false,
        }
        true
    }

    /// A snapshot is all there is. Managers' statuses come separately and stay, unless their node is gone.
    fn replace(&mut self, objects: &[Object]) {
        let managers = std::mem::take(&mut self.managers);
        let lost_managers = std::mem::take(&mut self.lost_managers);
        *self = Self {
            managers,
            lost_managers,
            ..Self::default()
        };
        for object in objects {
            self.put(object);
        }
        if !self.nodes.is_empty() {
            let nodes = &self.nodes;
            self.managers.retain(|id, _| nodes.contains_key(id));
            self.lost_managers.retain(|id, _| nodes.contains_key(id));
        }
    }

    fn change(&mut self, change: &Change) {
        match &change.action {
            Some(change::Action::Put(object)) => self.put(object),
            Some(change::Action::Removed(key)) => self.remove(key),
            None => {}
        }
    }

    /// An object of a kind this client does not know is left out: a newer manager may say more.
    fn put(&mut self, object: &Object) {
        use object::Kind;
        match &object.kind {
            Some(Kind::Cluster(cluster)) => self.cluster = Some(cluster.clone()),
            Some(Kind::Node(node)) => keep(&mut self.nodes, &node.id, node),
            Some(Kind::Secret(secret)) => keep(&mut self.secrets, &secret.id, secret),
            Some(Kind::Service(service)) => keep(&mut self.services, &service.id, service),
            Some(Kind::Task(task)) => keep(&mut self.tasks, &task.id, task),
            Some(Kind::Rotation(rotation)) => keep(&mut self.rotations, &rotation.id, rotation),
            Some(Kind::Operator(operator)) => keep(&mut self.operators, &operator.id, operator),
            Some(Kind::Holding(holding)) => keep(&mut self.holdings, &holding.id(), holding),
            Some(Kind::Audit(record)) => {
                self.audit.insert(record.sequence, record.clone());
            }
            None => {}
        }
    }

    fn remove(&mut self, key: &ObjectKey) {
        let id = key.id.as_str();
        match key.kind() {
            Kind::Cluster => self.cluster = None,
            Kind::Node => {
                self.nodes.remove(id);
                self.managers.remove(id);
                self.lost_managers.remove(id);
            }
            Kind::Secret => drop(self.secrets.remove(id)),
            Kind::Service => drop(self.services.remove(id)),
            Kind::Task => drop(self.tasks.remove(id)),
            Kind::Rotation => drop(self.rotations.remove(id)),
            Kind::Holding => drop(self.holdings.remove(id)),
            Kind::Operator => drop(self.operators.remove(id)),
            Kind::Audit => drop(id.parse().ok().and_then(|sequence: u64| self.audit.remove(&sequence))),
            Kind::Unspecified => {}
        }
    }
}

fn keep<T: Clone>(objects: &mut BTreeMap<String, T>, id: &str, object: &T) {
    objects.insert(id.to_owned(), object.clone());
}

/// Questions that screens and tests ask again and again.
impl ClusterView {
    /// The secret of that name, case-insensitive as in Docker.
    pub fn secret_named(&self, name: &str) -> Option<&Secret> {
        self.secrets
            .values()
            .find(|secret| secret.name.eq_ignore_ascii_case(name))
    }

    /// The service of that name.
    pub fn service_named(&self, name: &str) -> Option<&Service> {
        self.services
            .values()
            .find(|service| service.spec.as_ref().is_some_and(|spec| spec.name == name))
    }

    /// The services that were granted the secret.
    pub fn services_granted(&self, secret_id: &str) -> impl Iterator<Item = &Service> {
        self.services
            .values()
            .filter(move |service| service.spec.as_ref().is_some_and(|spec| spec.grants_secret(secret_id)))
    }

    pub fn tasks_of_service(&self, service_id: &str) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.service_id == service_id)
    }

    pub fn tasks_on_node(&self, node_id: &str) -> impl Iterator<Item = &Task> {
        self.tasks.values().filter(move |task| task.node_id == node_id)
    }

    pub fn holdings_of_secret(&self, secret_id: &str) -> impl Iterator<Item = &Holding> {
        self.holdings
            .values()
            .filter(move |holding| holding.secret_id == secret_id)
    }

    pub fn holdings_of_task(&self, task_id: &str) -> impl Iterator<Item = &Holding> {
        self.holdings.values().filter(move |holding| holding.task_id == task_id)
    }

    /// The newest rotation of the secret, running or not.
    pub fn rotation_of_secret(&self, secret_id: &str) -> Option<&Rotation> {
        let of_secret = self
            .rotations
            .values()
            .filter(|rotation| rotation.secret_id == secret_id);
        of_secret.max_by_key(|rotation| (rotation.started_at_ms, rotation.version_index))
    }

    /// The manager that says it leads, in the highest term; lost managers do not count.
    pub fn leader(&self) -> Option<&ManagerStatus> {
        let answering = self
            .managers
            .values()
            .filter(|status| !self.lost_managers.contains_key(&status.node_id));
        answering
            .filter(|status| status.role == "leader")
            .max_by_key(|status| status.term)
    }

    /// What people call the node: its hostname, or its id where that is unknown.
    pub fn hostname<'a>(&'a self, node_id: &'a str) -> &'a str {
        match self.nodes.get(node_id) {
            Some(node) if !node.hostname.is_empty() => &node.hostname,
            _ => node_id,
        }
    }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
