//! What are the services, secrets, networks and volumes of a compose file? The typed form of the merged tree, in the
//! terms of the API; names and references are resolved by `convert`.

mod deploy;
mod extension;
mod health;
mod mounts;
mod networks;
mod ports;
mod secrets;
mod service;
mod unsupported;

use std::collections::BTreeMap;

pub use mounts::{MountSource, Volume};
pub use networks::Network;
pub use secrets::{Origin, Secret};
pub use service::Service;

use super::fields::{At, Fields, text};
use super::problem::Problems;
use super::tree::{Entry, Node, Value};

/// The whole, by the names that the files give.
#[derive(Debug, Default)]
pub struct Compose {
    /// `name:` at the top.
    pub name: Option<At<String>>,
    pub services: BTreeMap<String, Service>,
    pub secrets: BTreeMap<String, Secret>,
    pub networks: BTreeMap<String, Network>,
    pub volumes: BTreeMap<String, Volume>,
}

/// Reads the tree; what is wrong goes to `problems`.
pub fn shape(root: &Node, problems: &mut Problems) -> Compose {
    let mut fields = Fields::of(root, "the compose file", problems);
    let mut compose = Compose::default();
    // Obsolete, and without a meaning since Compose has a specification.
    fields.take("version");
    if let Some(node) = fields.take("name") {
        compose.name = named(node, problems);
    }
    for entry in named_maps(fields.take("services"), "services", problems) {
        let service = service::read(entry, problems);
        compose.services.insert(entry.key.clone(), service);
    }
    for entry in named_maps(fields.take("secrets"), "secrets", problems) {
        let secret = secrets::declared(entry, problems);
        compose.secrets.insert(entry.key.clone(), secret);
    }
    for entry in named_maps(fields.take("networks"), "networks", problems) {
        let network = networks::declared(entry, problems);
        compose.networks.insert(entry.key.clone(), network);
    }
    for entry in named_maps(fields.take("volumes"), "volumes", problems) {
        let volume = mounts::declared(entry, problems);
        compose.volumes.insert(entry.key.clone(), volume);
    }
    fields.refuse_rest(unsupported::TOP, problems);
    if compose.services.is_empty() && problems.is_empty() {
        problems.refuse(
            &root.place,
            "there is no service in it; write at least one under `services:`",
        );
    }
    compose
}

fn named(node: &Node, problems: &mut Problems) -> Option<At<String>> {
    super::fields::at(node, "name", problems)
}

/// The entries of a map of maps; none when it is something else.
fn named_maps<'a>(node: Option<&'a Node>, what: &str, problems: &mut Problems) -> &'a [Entry] {
    match node.map(|node| (&node.value, node)) {
        None => &[],
        Some((Value::Map(entries), _)) => entries,
        Some((_, node)) => {
            problems.refuse(
                &node.place,
                format!("{what} has to be a map of names, and this is {}", node.noun()),
            );
            &[]
        }
    }
}

/// `name:` and `external:` of something that may stand outside of the stack.
fn standing(fields: &mut Fields<'_>, problems: &mut Problems) -> (Option<String>, bool) {
    let what = fields.what.clone();
    let mut name = fields
        .take("name")
        .and_then(|node| text(node, &format!("{what}: name"), problems));
    let Some(node) = fields.take("external") else {
        return (name, false);
    };
    let Value::Map(_) = &node.value else {
        let external = super::fields::switch(node, &format!("{what}: external"), problems);
        return (name, external.unwrap_or(false));
    };
    let mut external = Fields::of(node, format!("{what}: external"), problems);
    let inner = external
        .take("name")
        .and_then(|node| text(node, &format!("{what}: external.name"), problems));
    if name.is_some() && inner.is_some() {
        let text = format!("{what}: external.name and name say the same twice; keep name");
        problems.refuse(&node.place, text);
    }
    name = name.or(inner);
    external.refuse_rest(&[], problems);
    (name, true)
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
