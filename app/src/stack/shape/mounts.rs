//! Which folders does a container see? `volumes:` of a service in both syntaxes, and those at the top.

use wardroom_api::v1::MountKind;

use super::standing;
use crate::stack::fields::{Fields, at, choice, switch, text};
use crate::stack::problem::Problems;
use crate::stack::tree::{Entry, Node, Place, Value};

/// An entry under `volumes:` at the top.
#[derive(Clone, Debug)]
pub struct Volume {
    pub name: Option<String>,
    pub external: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum MountSource {
    /// A folder of the host, perhaps relative or below `~`.
    Bind(String),
    /// A key under `volumes:` at the top.
    Named(String),
    Tmpfs,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountUse {
    pub place: Place,
    pub source: MountSource,
    pub target: String,
    pub read_only: bool,
}

pub fn declared(entry: &Entry, problems: &mut Problems) -> Volume {
    let mut fields = Fields::of(&entry.node, format!("volume {}", entry.key), problems);
    let (name, external) = standing(&mut fields, problems);
    if let Some(node) = fields.take("driver") {
        let what = format!("volume {}: driver", entry.key);
        choice(node, &what, &[("local", ()), ("default", ())], problems);
    }
    fields.refuse_rest(
        &[
            (
                "driver_opts",
                "create the volume in the engines and write `external: true`",
            ),
            ("labels", "create the volume in the engines and write `external: true`"),
        ],
        problems,
    );
    Volume { name, external }
}

/// The list under `volumes:` of a service. Two mounts at one target are refused with both places.
pub fn used(nodes: &[Node], service: &str, problems: &mut Problems) -> Vec<MountUse> {
    let mut mounts: Vec<MountUse> = Vec::new();
    for node in nodes {
        let found = match &node.value {
            Value::Scalar(_) => short(node, service, problems),
            _ => long(node, service, problems),
        };
        let Some(mount) = found else { continue };
        let what = format!("service {service}: volume");
        if !mount.target.starts_with('/') {
            problems.refuse(&mount.place, format!("{what}: the target has to be an absolute path"));
        } else if let Some(other) = mounts.iter().find(|other| other.target == mount.target) {
            let text = format!(
                "{what}: {} is mounted twice; the other is at {}",
                mount.target, other.place
            );
            problems.refuse(&mount.place, text);
        } else {
            mounts.push(mount);
        }
    }
    mounts
}

/// `SOURCE:TARGET[:ro|rw]`, or `TARGET` alone.
fn short(node: &Node, service: &str, problems: &mut Problems) -> Option<MountUse> {
    let what = format!("service {service}: volume");
    let written = at(node, &what, problems)?;
    let parts: Vec<&str> = written.value.split(':').collect();
    let (source, target, options) = match parts.as_slice() {
        [target] => ("", *target, ""),
        [source, target] => (*source, *target, ""),
        [source, target, options] => (*source, *target, *options),
        _ => {
            problems.refuse(
                &node.place,
                format!("{what}: SOURCE:TARGET, with :ro if it is not written to, is expected"),
            );
            return None;
        }
    };
    let mut read_only = false;
    for option in options.split(',').filter(|option| !option.is_empty()) {
        match option {
            "ro" => read_only = true,
            "rw" => {}
            _ => problems.refuse(
                &node.place,
                format!("{what}: the option `{option}` is not supported; use ro or rw"),
            ),
        }
    }
    let is_path = source.starts_with(['/', '.', '~']);
    let source = match source {
        "" => {
            problems.refuse(
                &node.place,
                format!("{what}: a volume without a name is not supported; name it before a colon"),
            );
            return None;
        }
        path if is_path => MountSource::Bind(path.to_owned()),
        name => MountSource::Named(name.to_owned()),
    };
    Some(MountUse {
        place: node.place.clone(),
        source,
        target: normal(target),
        read_only,
    })
}

fn long(node: &Node, service: &str, problems: &mut Problems) -> Option<MountUse> {
    let what = format!("service {service}: volume");
    let kinds = &[
        ("bind", MountKind::Bind),
        ("volume", MountKind::Volume),
        ("tmpfs", MountKind::Tmpfs),
    ];
    let mut fields = Fields::of(node, what.clone(), problems);
    let kind = fields
        .take("type")
        .and_then(|node| choice(node, &format!("{what}: type"), kinds, problems));
    let source = fields
        .take("source")
        .and_then(|node| text(node, &format!("{what}: source"), problems));
    let target = fields
        .take("target")
        .and_then(|node| text(node, &format!("{what}: target"), problems));
    let read_only = fields
        .take("read_only")
        .and_then(|node| switch(node, &format!("{what}: read_only"), problems));
    fields.refuse_rest(
        &[
            ("bind", "leave it out"),
            ("volume", "leave it out"),
            ("tmpfs", "leave it out"),
            ("consistency", "leave it out"),
            ("image", "leave it out"),
        ],
        problems,
    );
    let (Some(kind), Some(target)) = (kind, target) else {
        problems.refuse(
            &node.place,
            format!("{what}: type (bind, volume or tmpfs) and target are needed"),
        );
        return None;
    };
    let source = match (kind, source) {
        (MountKind::Bind, Some(path)) => MountSource::Bind(path),
        (MountKind::Bind, None) => {
            problems.refuse(
                &node.place,
                format!("{what}: a bind mount needs a source, the folder on the host"),
            );
            return None;
        }
        (MountKind::Tmpfs, None) => MountSource::Tmpfs,
        (MountKind::Tmpfs, Some(_)) => {
            problems.refuse(&node.place, format!("{what}: a tmpfs has no source; leave it out"));
            return None;
        }
        (_, Some(name)) => MountSource::Named(name),
        (_, None) => {
            problems.refuse(
                &node.place,
                format!("{what}: a volume without a source is not supported; name one"),
            );
            return None;
        }
    };
    Some(MountUse {
        place: node.place.clone(),
        source,
        target: normal(&target),
        read_only: read_only.unwrap_or(false),
    })
}

/// Without a slash at the end, so that one folder has one name.
fn normal(target: &str) -> String {
    let trimmed = target.trim_end_matches('/');
    if trimmed.is_empty() {
        target.to_owned()
    } else {
        trimmed.to_owned()
    }
}
