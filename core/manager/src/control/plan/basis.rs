//! Has anything moved since the plan was made? A short word over all that the plan rests on.

use wardroom_state::State;
use wardroom_state::cluster::Cluster;
use wardroom_state::node::Node;
use wardroom_state::secret::Secret;
use wardroom_state::service::Service;

/// FNV-1a: equal inputs give equal words on every manager and in every build. It guards against change, not malice.
struct Word(u64);

impl Word {
    fn new(subject: &str) -> Self {
        let mut word = Self(0xcbf2_9ce4_8422_2325);
        word.text(subject);
        word
    }

    fn text(&mut self, text: &str) {
        // The end mark keeps "ab", "c" apart from "a", "bc".
        for byte in text.bytes().chain([0xff]) {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }

    fn number(&mut self, number: u64) {
        self.text(&number.to_string());
    }

    fn service(&mut self, state: &State, service: &Service) {
        self.text(service.id.as_str());
        self.number(service.version_index);
        for task in state.tasks_of(&service.id).filter(|task| task.is_live()) {
            self.text(task.id.as_str());
            self.text(task.node.as_ref().map_or("", |node| node.as_str()));
        }
    }

    fn finish(self) -> String {
        format!("{:016x}", self.0)
    }
}

/// Of a change to a secret: the secret, the services that name it, and where their tasks are.
pub(super) fn of_secret(state: &State, subject: &str, secret: &Secret) -> String {
    let mut word = Word::new(subject);
    word.text(secret.id.as_str());
    word.number(secret.version_index);
    for service in state.services_with(&secret.id) {
        word.service(state, service);
    }
    word.finish()
}

/// Of a change to a service, its secrets included.
pub(super) fn of_service(state: &State, subject: &str, service: &Service) -> String {
    let mut word = Word::new(subject);
    word.service(state, service);
    for grant in &service.spec.grants {
        word.number(
            state
                .secrets()
                .get(&grant.secret)
                .map_or(0, |secret| secret.version_index),
        );
    }
    word.finish()
}

/// Of several changes in one.
pub(super) fn of_all(subject: &str, bases: &[String]) -> String {
    let mut word = Word::new(subject);
    for basis in bases {
        word.text(basis);
    }
    word.finish()
}

/// Of a change to a node: the node, its tasks, and who else is a manager.
pub(super) fn of_node(state: &State, subject: &str, node: &Node) -> String {
    let mut word = Word::new(subject);
    word.text(node.id.as_str());
    word.number(node.version_index);
    for task in state.tasks_on(&node.id).filter(|task| task.is_live()) {
        word.text(task.id.as_str());
    }
    for manager in state.managers() {
        word.text(manager.id.as_str());
    }
    word.finish()
}

/// Of a change to the managers' keys: the cluster, its managers, and what was asked of them so far.
pub(super) fn of_keys(subject: &str, state: &State) -> String {
    let mut word = Word::new(subject);
    word.number(state.cluster().map_or(0, |cluster| cluster.version_index));
    word.number(u64::from(state.keys().unlock_epoch()));
    word.number(state.keys().last_order);
    for manager in state.managers() {
        word.text(manager.id.as_str());
    }
    word.finish()
}

/// Of a change to the cluster itself.
pub(super) fn of_cluster(subject: &str, cluster: &Cluster) -> String {
    let mut word = Word::new(subject);
    word.text(cluster.id.as_str());
    word.number(cluster.version_index);
    word.finish()
}
