//! What changes about a machine? Its state, its availability, its certificate, its address, its labels.

use std::collections::BTreeMap;

use super::admit::VERSION_SHOWN;
use super::audited::shorten;
use super::step::Step;
use crate::ids::NodeId;
use crate::node::{Availability, Certificate, Node, NodeState};
use crate::refusal::{Noun, Refusal};
use crate::state::State;
use crate::validate;

pub(super) fn set_state(step: &mut Step<'_>, id: &NodeId, to: NodeState, message: &str) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let message = shorten(message, 500);
    let (hostname, from) = (node.hostname.clone(), node.state);
    if from == to && node.message == message {
        return Ok(());
    }
    let now_ms = step.now_ms;
    step.edit_node(id, |node| {
        if from != to {
            node.state_since_ms = now_ms;
        }
        node.state = to;
        node.message.clone_from(&message);
    });
    if from != to {
        let reason = if message.is_empty() {
            String::new()
        } else {
            format!(": {message}")
        };
        step.audit(
            "node.state",
            hostname,
            format!("{} -> {}{reason}", state_word(from), state_word(to)),
        );
    }
    Ok(())
}

pub(super) fn set_availability(step: &mut Step<'_>, id: &NodeId, to: Availability) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    let (hostname, from) = (node.hostname.clone(), node.availability);
    if from != to {
        step.edit_node(id, |node| node.availability = to);
        let detail = format!("{} -> {}", availability_word(from), availability_word(to));
        step.audit("node.availability", hostname, detail);
    }
    Ok(())
}

pub(super) fn set_certificate(step: &mut Step<'_>, id: &NodeId, certificate: &Certificate) -> Result<(), Refusal> {
    known(step.state, id)?;
    check_key(step.state, id, certificate)?;
    take_certificate(step, id, certificate);
    Ok(())
}

/// The node and its key have been checked.
pub(super) fn take_certificate(step: &mut Step<'_>, id: &NodeId, certificate: &Certificate) {
    let node = step.state.nodes().get(id);
    if node.is_some_and(|node| node.certificate != *certificate) {
        step.edit_node(id, |node| node.certificate = certificate.clone());
        learn_root(step, certificate);
        let detail = format!("sha256 {}", shorten(&certificate.fingerprint, 64));
        step.audit("node.certificate", step.hostname(id), detail);
    }
}

/// A cluster from before issuers were recorded learns its root's key id from the first certificate that names it.
pub(super) fn learn_root(step: &mut Step<'_>, certificate: &Certificate) {
    let unknown = step
        .state
        .cluster()
        .is_some_and(|cluster| cluster.root_key_id.is_empty());
    if unknown && !certificate.issuer.is_empty() {
        step.edit_cluster(|cluster| cluster.root_key_id.clone_from(&certificate.issuer));
    }
}

/// One key is one node.
pub(super) fn check_key(state: &State, id: &NodeId, certificate: &Certificate) -> Result<(), Refusal> {
    match state.node_by_key(&certificate.key_fingerprint) {
        Some(other) if other.id != *id => Err(Refusal::KeyTaken {
            hostname: other.hostname.clone(),
            id: other.id.to_string(),
        }),
        _ => Ok(()),
    }
}

pub(super) fn set_address(step: &mut Step<'_>, id: &NodeId, address: &str) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    validate::address(address)?;
    if node.address != address {
        let (hostname, from) = (node.hostname.clone(), or_none(&node.address));
        step.edit_node(id, |node| address.clone_into(&mut node.address));
        step.audit("node.address", hostname, format!("{from} -> {address}"));
    }
    Ok(())
}

pub(super) fn describe(step: &mut Step<'_>, id: &NodeId, hostname: &str, version: &str) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    validate::hostname(hostname)?;
    let version = shorten(version, VERSION_SHOWN);
    let mut words = Vec::new();
    if node.hostname != hostname {
        words.push(format!("hostname {} -> {hostname}", node.hostname));
    }
    if node.version != version {
        words.push(format!("version {} -> {version}", or_none(&node.version)));
    }
    if !words.is_empty() {
        step.edit_node(id, |node| {
            hostname.clone_into(&mut node.hostname);
            node.version.clone_from(&version);
        });
        step.audit("node.describe", hostname, words.join(", "));
    }
    Ok(())
}

pub(super) fn set_labels(step: &mut Step<'_>, id: &NodeId, labels: &BTreeMap<String, String>) -> Result<(), Refusal> {
    let node = known(step.state, id)?;
    if node.labels != *labels {
        let (hostname, detail) = (node.hostname.clone(), label_changes(&node.labels, labels));
        step.edit_node(id, |node| node.labels.clone_from(labels));
        step.audit("node.labels", hostname, detail);
    }
    Ok(())
}

/// `-disk, zone=eu`.
fn label_changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> String {
    let gone = old.keys().filter(|key| !new.contains_key(*key));
    let mut words: Vec<String> = gone.map(|key| format!("-{key}")).collect();
    let set = new.iter().filter(|(key, value)| old.get(*key) != Some(value));
    words.extend(set.map(|(key, value)| format!("{key}={value}")));
    shorten(&words.join(", "), 500)
}

fn or_none(text: &str) -> String {
    if text.is_empty() {
        "none".to_owned()
    } else {
        text.to_owned()
    }
}

pub(super) fn known<'a>(state: &'a State, id: &NodeId) -> Result<&'a Node, Refusal> {
    state.nodes().get(id).ok_or_else(|| Refusal::NotFound {
        noun: Noun::Node,
        reference: id.to_string(),
    })
}

fn state_word(state: NodeState) -> &'static str {
    match state {
        NodeState::Unknown => "unknown",
        NodeState::Ready => "ready",
        NodeState::Down => "down",
    }
}

fn availability_word(availability: Availability) -> &'static str {
    match availability {
        Availability::Active => "active",
        Availability::Pause => "pause",
        Availability::Drain => "drain",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::Command;
    use crate::script::{Script, expect};

    #[test]
    fn changes_of_a_node_are_recorded_once() {
        let mut script = Script::new();
        let node = || NodeId::new("n1");
        let down = || Command::SetNodeState {
            node: node(),
            state: NodeState::Down,
            message: "3 heartbeats missed".into(),
        };
        expect(
            &script.play(down()),
            "node n1\nnode.state ember [ok] unknown -> down: 3 heartbeats missed",
        );
        expect(&script.play(down()), "");
        let drain = || Command::SetAvailability {
            node: node(),
            availability: Availability::Drain,
        };
        expect(
            &script.play(drain()),
            "node n1\nnode.availability ember [ok] active -> drain",
        );
        expect(&script.play(drain()), "");
        let certificate = Certificate {
            fingerprint: "ab".into(),
            key_fingerprint: "key-n1".into(),
            issuer: "k0".into(),
            not_before_ms: 1,
            not_after_ms: 2,
        };
        let renew = || Command::SetCertificate {
            node: node(),
            certificate: certificate.clone(),
        };
        expect(&script.play(renew()), "node n1\nnode.certificate ember [ok] sha256 ab");
        expect(&script.play(renew()), "");
        let labels = |pairs: &[(&str, &str)]| Command::SetLabels {
            node: node(),
            labels: pairs
                .iter()
                .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
                .collect(),
        };
        expect(
            &script.play(labels(&[("disk", "ssd"), ("zone", "eu")])),
            "node n1\nnode.labels ember [ok] disk=ssd, zone=eu",
        );
        expect(
            &script.play(labels(&[("zone", "us")])),
            "node n1\nnode.labels ember [ok] -disk, zone=us",
        );
        expect(&script.play(labels(&[("zone", "us")])), "");
        let describe = || Command::DescribeNode {
            node: node(),
            hostname: "ash".into(),
            version: "0.4.0".into(),
        };
        expect(
            &script.play(describe()),
            "node n1\nnode.describe ash [ok] hostname ember -> ash, version none -> 0.4.0",
        );
        expect(&script.play(describe()), "");
        let unknown = Command::SetAvailability {
            node: NodeId::new("n9"),
            availability: Availability::Drain,
        };
        expect(&script.play(unknown), "NotFound: node n9 not found");
    }

    #[test]
    fn an_address_is_where_a_manager_is_reached() {
        let mut script = Script::new();
        let move_to = |address: &str| Command::SetNodeAddress {
            node: NodeId::new("m1"),
            address: address.into(),
        };
        expect(
            &script.play(move_to("10.0.0.5:2377")),
            "node m1\nnode.address harbour [ok] none -> 10.0.0.5:2377",
        );
        expect(&script.play(move_to("10.0.0.5:2377")), "");
        expect(
            &script.play(move_to("[fd00::5]:2377")),
            "node m1\nnode.address harbour [ok] 10.0.0.5:2377 -> [fd00::5]:2377",
        );
        expect(
            &script.play(move_to("fd00::5:2377")),
            "Invalid: 'fd00::5:2377' is not an address at which a node can be reached; give host:port, like 10.0.0.5:2377",
        );
    }

    #[test]
    fn one_key_is_one_node() {
        let mut script = Script::new();
        let renew = |node: &str| Command::SetCertificate {
            node: NodeId::new(node),
            certificate: Certificate {
                key_fingerprint: "key".into(),
                ..Certificate::default()
            },
        };
        script.play(renew("n1"));
        expect(
            &script.play(renew("n2")),
            "AlreadyExists: this key is already that of node ember; propose again under its id, n1",
        );
        script.play(Command::SetCertificate {
            node: NodeId::new("n1"),
            certificate: Certificate::default(),
        });
        assert_eq!(script.state.node_by_key("key"), None);
        expect(
            &script.play(renew("n2")),
            "node n2\nnode.certificate flint [ok] sha256 ",
        );
    }
}
