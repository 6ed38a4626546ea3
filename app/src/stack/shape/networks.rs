//! On which of the engine's networks are a service's containers? They are there before the stack: none is made for it.

use super::standing;
use crate::stack::fields::{At, Fields};
use crate::stack::problem::Problems;
use crate::stack::tree::{Entry, Node, Value};

/// An entry under `networks:` at the top.
#[derive(Clone, Debug)]
pub struct Network {
    /// As the engine calls it.
    pub name: Option<String>,
    pub external: bool,
}

pub type NetworkUse = At<String>;

pub fn declared(entry: &Entry, problems: &mut Problems) -> Network {
    let mut fields = Fields::of(&entry.node, format!("network {}", entry.key), problems);
    let (name, external) = standing(&mut fields, problems);
    if !external && entry.key != "default" {
        let text = format!(
            "network {}: wardroom makes no networks; create it in the engines and write `external: true`",
            entry.key
        );
        problems.refuse(&entry.place, text);
    }
    fields.refuse_rest(
        &[
            (
                "driver",
                "wardroom makes no networks; create it in the engines and write `external: true`",
            ),
            ("driver_opts", "set it where the network is created"),
            ("ipam", "set it where the network is created"),
            ("attachable", "set it where the network is created"),
            ("internal", "set it where the network is created"),
            ("enable_ipv6", "set it where the network is created"),
            ("labels", "set it where the network is created"),
        ],
        problems,
    );
    Network { name, external }
}

/// The list or map under `networks:` of a service.
pub fn used(node: &Node, service: &str, problems: &mut Problems) -> Vec<NetworkUse> {
    let what = format!("service {service}: networks");
    let Value::Map(entries) = &node.value else {
        return crate::stack::fields::texts(node, &what, problems);
    };
    let mut uses = Vec::new();
    for entry in entries {
        let fields = Fields::of(&entry.node, format!("{what}: {}", entry.key), problems);
        let known: Vec<(&str, &str)> = [
            "aliases",
            "ipv4_address",
            "ipv6_address",
            "driver_opts",
            "priority",
            "mac_address",
        ]
        .map(|key| (key, "name the network only"))
        .to_vec();
        fields.refuse_rest(&known, problems);
        uses.push(At {
            place: entry.place.clone(),
            value: entry.key.clone(),
        });
    }
    uses
}
