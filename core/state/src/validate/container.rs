//! Is what belongs to a container well-formed? Its image, names, networks, mounts and ports.

use std::collections::BTreeSet;

use super::run::absolute;
use super::target::{SECRETS_DIR, is_below};
use super::{invalid, quoted};
use crate::refusal::Refusal;
use crate::service::{Mount, MountKind, Port, RunSpec};

const IMAGE_MAX: usize = 512;
const HOSTNAME_MAX: usize = 63;
const NAME_MAX: usize = 255;
const NETWORKS_MAX: usize = 64;
const MOUNTS_MAX: usize = 200;
const PORTS_MAX: usize = 1_000;
/// Of labels that the agent finds its containers by.
const OWN_LABELS: &str = "wardroom.";

pub(super) fn check(run: &RunSpec) -> Result<(), Refusal> {
    image(&run.image)?;
    hostname(&run.hostname)?;
    networks(&run.networks)?;
    mounts(&run.mounts)?;
    ports(&run.ports)?;
    let own = run.container_labels.keys().find(|key| key.starts_with(OWN_LABELS));
    if let Some(key) = own {
        let problem = format!("'{}' is one of wardroom's own; choose another name", quoted(key));
        return Err(invalid("container label", problem));
    }
    let broken = |(key, value): (&String, &String)| key.is_empty() || key.contains('\0') || value.contains('\0');
    if run.container_labels.iter().any(broken) {
        return Err(invalid("container label", "it has a name, and no NUL byte"));
    }
    Ok(())
}

fn image(image: &str) -> Result<(), Refusal> {
    let printable = |character: char| !character.is_control() && !character.is_whitespace();
    if image.len() <= IMAGE_MAX && !image.starts_with('-') && image.chars().all(printable) {
        return Ok(());
    }
    let problem = format!(
        "'{}' is no reference to one; write NAME, NAME:TAG or NAME@DIGEST",
        quoted(image)
    );
    Err(invalid("image", problem))
}

fn hostname(name: &str) -> Result<(), Refusal> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    let edges = [name.bytes().next(), name.bytes().last()];
    let well_formed = edges.into_iter().flatten().all(|edge| edge.is_ascii_alphanumeric());
    if well_formed && name.len() <= HOSTNAME_MAX && name.bytes().all(fits) {
        return Ok(());
    }
    let problem = format!("'{}' is none; use up to {HOSTNAME_MAX} of [a-zA-Z0-9-.]", quoted(name));
    Err(invalid("hostname", problem))
}

/// As the engine names networks and volumes.
fn is_engine_name(name: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte);
    let begins_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_alphanumeric());
    begins_well && name.len() <= NAME_MAX && name.bytes().all(fits)
}

fn networks(networks: &[String]) -> Result<(), Refusal> {
    if networks.len() > NETWORKS_MAX {
        return Err(invalid("networks", format!("there are at most {NETWORKS_MAX}")));
    }
    let mut seen = BTreeSet::new();
    for name in networks {
        if !is_engine_name(name) {
            return Err(invalid("network", format!("'{}' is no network's name", quoted(name))));
        }
        if !seen.insert(name) {
            return Err(invalid("network", format!("'{name}' is named twice")));
        }
    }
    Ok(())
}

fn mounts(mounts: &[Mount]) -> Result<(), Refusal> {
    if mounts.len() > MOUNTS_MAX {
        return Err(invalid("mounts", format!("there are at most {MOUNTS_MAX}")));
    }
    let mut seen = BTreeSet::new();
    for mount in mounts {
        let target = mount_target(&mount.target)?;
        if target == SECRETS_DIR || is_below(&target, SECRETS_DIR) {
            let problem = format!("'{target}' would hide the secrets; mount it elsewhere");
            return Err(invalid("mount", problem));
        }
        source(mount)?;
        if !seen.insert(target) {
            return Err(invalid(
                "mount",
                format!("Duplicate mount point: {}", quoted(&mount.target)),
            ));
        }
    }
    Ok(())
}

/// Without empty parts and `.`.
fn mount_target(text: &str) -> Result<String, Refusal> {
    absolute("mount target", text)?;
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.is_empty() {
        return Err(invalid("mount target", "destination can't be '/'"));
    }
    if parts.contains(&"..") {
        let problem = format!("'{}' has a part '..'; write the path it means", quoted(text));
        return Err(invalid("mount target", problem));
    }
    Ok(format!("/{}", parts.join("/")))
}

fn source(mount: &Mount) -> Result<(), Refusal> {
    let source = mount.source.as_str();
    match mount.kind {
        MountKind::Bind => absolute("source of a bind mount", source),
        // An anonymous volume has no name.
        MountKind::Volume if source.is_empty() || is_engine_name(source) => Ok(()),
        MountKind::Volume => {
            let problem = format!(
                "'{}' is no volume's name; use [a-zA-Z0-9][a-zA-Z0-9_.-]",
                quoted(source)
            );
            Err(invalid("mount", problem))
        }
        MountKind::Tmpfs if source.is_empty() => Ok(()),
        MountKind::Tmpfs => Err(invalid("mount", "a tmpfs has no source; leave it out")),
    }
}

fn ports(ports: &[Port]) -> Result<(), Refusal> {
    if ports.len() > PORTS_MAX {
        return Err(invalid("published ports", format!("there are at most {PORTS_MAX}")));
    }
    let mut published = Vec::with_capacity(ports.len());
    for port in ports {
        if port.target == 0 {
            return Err(invalid("port", "0 is none; give 1 to 65535"));
        }
        let place = (port.published, port.protocol);
        if port.published != 0 && published.contains(&place) {
            let problem = format!("{} is published twice", port.published);
            return Err(invalid("port", problem));
        }
        published.push(place);
    }
    Ok(())
}
