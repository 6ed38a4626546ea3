//! Which ports of a container are seen from outside? Each is published on the node that runs the task; there is no mesh
//! that would lead there from the others.

use wardroom_api::v1::{self, Protocol};

use crate::stack::fields::{At, Fields, choice, text};
use crate::stack::problem::Problems;
use crate::stack::tree::{Node, Value};

const PROTOCOLS: &[(&str, Protocol)] = &[("tcp", Protocol::Tcp), ("udp", Protocol::Udp), ("sctp", Protocol::Sctp)];
/// A range is written quickly and costs an entry for each of its ports.
const LONGEST_RANGE: u32 = 1_000;

/// The list under `ports:` of a service. One port of the node is published once.
pub fn used(nodes: &[Node], service: &str, problems: &mut Problems) -> Vec<v1::Port> {
    let mut ports: Vec<At<v1::Port>> = Vec::new();
    for node in nodes {
        let found = match &node.value {
            Value::Scalar(_) => short(node, service, problems),
            _ => long(node, service, problems),
        };
        for port in found {
            let same = |other: &&At<v1::Port>| {
                let both = (other.value.published, other.value.protocol) == (port.published, port.protocol);
                both && (port.published != 0 || other.value.target == port.target)
            };
            if let Some(other) = ports.iter().find(same) {
                let text = format!(
                    "service {service}: port {} is published twice; the other is at {}",
                    port.published, other.place
                );
                problems.refuse(&node.place, text);
                continue;
            }
            let place = node.place.clone();
            ports.push(At { place, value: port });
        }
    }
    if let Some(first) = nodes.first().filter(|_| !ports.is_empty()) {
        let text = format!("service {service}: ports are published on the nodes that run its tasks (mode host)");
        problems.remark(&first.place, text);
    }
    let mut ports: Vec<v1::Port> = ports.into_iter().map(|port| port.value).collect();
    ports.sort_by_key(|port| (port.target, port.protocol, port.published));
    ports
}

/// `[PUBLISHED:]TARGET[/PROTOCOL]`, each a port or a range.
fn short(node: &Node, service: &str, problems: &mut Problems) -> Vec<v1::Port> {
    let what = format!("service {service}: port");
    let Some(written) = text(node, &what, problems) else {
        return Vec::new();
    };
    let (ports, protocol) = written.split_once('/').unwrap_or((&written, "tcp"));
    let protocol = PROTOCOLS.iter().find(|(name, _)| *name == protocol);
    let (published, target) = ports.rsplit_once(':').unwrap_or(("", ports));
    if published.contains(':') || published.contains('.') {
        let text = format!("{what}: a host address is not supported; ports are published on every address of the node");
        problems.refuse(&node.place, text);
        return Vec::new();
    }
    let published = if published.is_empty() {
        Some((0, 0))
    } else {
        range(published)
    };
    let (Some((_, protocol)), Some(published), Some(target)) = (protocol, published, range(target)) else {
        problems.refuse(
            &node.place,
            format!("{what}: 8080:80, 8080-8081:80-81 or 53:53/udp is expected"),
        );
        return Vec::new();
    };
    spread(published, target, *protocol).unwrap_or_else(|wrong| {
        problems.refuse(&node.place, format!("{what}: {wrong}"));
        Vec::new()
    })
}

fn long(node: &Node, service: &str, problems: &mut Problems) -> Vec<v1::Port> {
    let what = format!("service {service}: port");
    let mut fields = Fields::of(node, what.clone(), problems);
    let target = fields
        .take("target")
        .and_then(|node| text(node, &format!("{what}: target"), problems));
    let published = fields
        .take("published")
        .and_then(|node| text(node, &format!("{what}: published"), problems));
    let protocol = fields
        .take("protocol")
        .and_then(|node| choice(node, &format!("{what}: protocol"), PROTOCOLS, problems));
    if let Some(node) = fields.take("mode")
        && choice(
            node,
            &format!("{what}: mode"),
            &[("host", true), ("ingress", false)],
            problems,
        ) == Some(false)
    {
        let text = format!("{what}: mode ingress is not supported, there is no routing mesh; write mode: host");
        problems.refuse(&node.place, text);
    }
    fields.refuse_rest(
        &[
            ("host_ip", "ports are published on every address of the node"),
            ("name", "leave it out"),
            ("app_protocol", "leave it out"),
        ],
        problems,
    );
    let published = published.map_or(Some((0, 0)), |text| range(&text));
    let target = target
        .and_then(|text| range(&text))
        .filter(|(first, last)| first == last);
    let (Some(target), Some(published)) = (target, published) else {
        let text = format!("{what}: a target from 1 to 65535 is needed, and published likewise");
        problems.refuse(&node.place, text);
        return Vec::new();
    };
    spread(published, target, protocol.unwrap_or(Protocol::Tcp)).unwrap_or_else(|wrong| {
        problems.refuse(&node.place, format!("{what}: {wrong}"));
        Vec::new()
    })
}

/// `80` or `80-90`, both ends from 1 to 65535.
fn range(text: &str) -> Option<(u32, u32)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let port = |text: &str| {
        let digits = text.bytes().all(|byte| byte.is_ascii_digit());
        text.parse::<u16>()
            .ok()
            .filter(|port| digits && *port > 0)
            .map(u32::from)
    };
    let (first, last) = (port(first)?, port(last)?);
    (first <= last).then_some((first, last))
}

/// A port each. A published range stands for as many targets.
fn spread(published: (u32, u32), target: (u32, u32), protocol: Protocol) -> Result<Vec<v1::Port>, &'static str> {
    let count = target.1 - target.0 + 1;
    if count > LONGEST_RANGE {
        return Err("a range of more than 1000 ports; publish fewer");
    }
    if published != (0, 0) && published.1 - published.0 + 1 != count {
        return Err("both ranges have to be of one length");
    }
    let port = |step: u32| v1::Port {
        published: if published == (0, 0) { 0 } else { published.0 + step },
        target: target.0 + step,
        protocol: protocol.into(),
    };
    Ok((0..count).map(port).collect())
}
