//! What do the names in a service lead to? Networks and volumes as the engine knows them, folders as the host does.

use wardroom_api::v1;

use super::convert::Surroundings;
use super::problem::Problems;
use super::shape::{Compose, MountSource, Service};
use crate::cli::nearest;

/// The engine's networks, by name.
pub fn networks(key: &str, service: &Service, compose: &Compose, problems: &mut Problems) -> Vec<String> {
    const OF_EVERY_ENGINE: &[&str] = &["host", "none", "bridge"];
    let default = compose.networks.get("default").filter(|network| network.external);
    let called = |key: &str, name: Option<&String>| name.map_or_else(|| key.to_owned(), Clone::clone);
    let Some(uses) = &service.networks else {
        return default
            .map(|network| called("default", network.name.as_ref()))
            .into_iter()
            .collect();
    };
    let mut names = Vec::new();
    for used in uses {
        let name = used.value.as_str();
        match compose.networks.get(name) {
            Some(network) if network.external => names.push(called(name, network.name.as_ref())),
            // It was refused where it is declared, or is the engine's own default.
            Some(_) => {}
            None if name == "default" => {}
            None if OF_EVERY_ENGINE.contains(&name) => names.push(name.to_owned()),
            None => problems.refuse(&used.place, undefined(key, "network", name, compose.networks.keys())),
        }
    }
    names.sort();
    names.dedup();
    names
}

/// Sorted by target.
pub fn mounts(
    key: &str,
    service: &Service,
    compose: &Compose,
    around: &Surroundings<'_>,
    problems: &mut Problems,
) -> Vec<v1::Mount> {
    let mut mounts = Vec::new();
    for mount in &service.mounts {
        let (kind, source) = match &mount.source {
            MountSource::Tmpfs => (v1::MountKind::Tmpfs, String::new()),
            MountSource::Bind(path) => {
                let Some(path) = on_the_host(path, around) else {
                    let text =
                        format!("service {key}: volume: ~ stands for HOME, which is not set; write the path out");
                    problems.refuse(&mount.place, text);
                    continue;
                };
                (v1::MountKind::Bind, path)
            }
            MountSource::Named(name) => {
                let Some(volume) = compose.volumes.get(name) else {
                    problems.refuse(&mount.place, undefined(key, "volume", name, compose.volumes.keys()));
                    continue;
                };
                let usual = if volume.external {
                    name.clone()
                } else {
                    format!("{}_{name}", around.stack)
                };
                (v1::MountKind::Volume, volume.name.clone().unwrap_or(usual))
            }
        };
        mounts.push(v1::Mount {
            kind: kind.into(),
            source,
            target: mount.target.clone(),
            read_only: mount.read_only,
        });
    }
    mounts.sort_by(|a, b| a.target.cmp(&b.target));
    mounts
}

/// An absolute path without `.` and `..`.
fn on_the_host(path: &str, around: &Surroundings<'_>) -> Option<String> {
    let whole = match path.strip_prefix('~') {
        Some(rest) if rest.is_empty() || rest.starts_with('/') => format!("{}{rest}", (around.lookup)("HOME")?),
        _ if path.starts_with('/') => path.to_owned(),
        _ => format!("{}/{path}", around.folder),
    };
    let mut parts: Vec<&str> = Vec::new();
    for part in whole.split('/').filter(|part| !part.is_empty() && *part != ".") {
        if part == ".." {
            parts.pop();
        } else {
            parts.push(part);
        }
    }
    Some(format!("/{}", parts.join("/")))
}

/// Docker's word for it, and what was probably meant.
pub fn undefined<'a>(key: &str, noun: &str, name: &str, names: impl Iterator<Item = &'a String>) -> String {
    match nearest::to(name, names.map(String::as_str)) {
        Some(near) => format!("service {key}: undefined {noun} \"{name}\"; did you mean {near}?"),
        None => format!("service {key}: undefined {noun} \"{name}\"; declare it under the top-level `{noun}s:`"),
    }
}
