//! How are mounts, ports, variables and words written? Docker's grammars; what is not understood is named, with the
//! nearest thing that would be.

use std::collections::BTreeMap;
use std::path::Path;

use wardroom_api::v1::{self, MountKind, Protocol};

use crate::cli::{nearest, record};
use crate::report::Report;
use crate::text::clean;

const MOUNT: &str = "--mount type=bind,source=/srv/data,target=/data,readonly";
const PORT: &str = "--publish 8080:80, or --publish published=8080,target=80,protocol=tcp";
const MOUNT_KEYS: [&str; 8] = [
    "type",
    "source",
    "src",
    "target",
    "dst",
    "destination",
    "readonly",
    "ro",
];
const PORT_KEYS: [&str; 4] = ["published", "target", "protocol", "mode"];

/// A text as a shell would split it.
pub fn words(option: &str, text: &str) -> Result<Vec<String>, Report> {
    shlex::split(text).ok_or_else(|| {
        Report::usage(format!("invalid {option}: a quotation mark is not closed in {text:?}"))
            .hint("quote it as a shell does, and the whole for this shell: --args 'sh -c \"sleep 5\"'")
    })
}

pub fn mount(text: &str) -> Result<v1::Mount, Report> {
    let refuse = |message: String| Report::usage(message).hint(MOUNT);
    let mut mount = v1::Mount {
        kind: MountKind::Volume.into(),
        ..v1::Mount::default()
    };
    for field in record::fields(text).map_err(refuse)? {
        let (key, value) = record::pair(&field);
        match key.as_str() {
            "type" => mount.kind = mount_kind(value)?.into(),
            "source" | "src" => value.clone_into(&mut mount.source),
            "target" | "dst" | "destination" => value.clone_into(&mut mount.target),
            "readonly" | "ro" => mount.read_only = boolean(&key, value)?,
            _ => return Err(unknown("mount", &key, &MOUNT_KEYS, MOUNT)),
        }
    }
    match (mount.kind(), mount.source.is_empty(), mount.target.starts_with('/')) {
        (_, _, false) if mount.target.is_empty() => Err(refuse("target is required".to_owned())),
        (_, _, false) => Err(refuse(format!(
            "invalid mount target '{}': it must be an absolute path",
            mount.target
        ))),
        (MountKind::Bind, true, _) => Err(refuse("source is required for a bind mount".to_owned())),
        (MountKind::Tmpfs, false, _) => Err(refuse("a tmpfs has no source".to_owned())),
        (MountKind::Bind, false, _) if !mount.source.starts_with('/') => Err(refuse(format!(
            "invalid mount source '{}': it must be an absolute path",
            mount.source
        ))),
        _ => Ok(mount),
    }
}

fn mount_kind(text: &str) -> Result<MountKind, Report> {
    match text.to_lowercase().as_str() {
        "bind" => Ok(MountKind::Bind),
        "volume" => Ok(MountKind::Volume),
        "tmpfs" => Ok(MountKind::Tmpfs),
        _ => Err(Report::usage(format!(
            "invalid mount type '{text}': bind, volume or tmpfs is expected"
        ))
        .hint(MOUNT)),
    }
}

fn boolean(key: &str, value: &str) -> Result<bool, Report> {
    match value.to_lowercase().as_str() {
        "" | "true" | "1" => Ok(true),
        "false" | "0" => Ok(false),
        _ => {
            Err(Report::usage(format!("invalid value for {key}: {value}")).hint(format!("write {key}, or {key}=false")))
        }
    }
}

/// `8080:80/tcp`, `80`, or the long form; on the node that runs the container.
pub fn port(text: &str) -> Result<v1::Port, Report> {
    let refuse = |message: String| Report::usage(message).hint(PORT);
    let mut port = v1::Port {
        protocol: Protocol::Tcp.into(),
        ..v1::Port::default()
    };
    if text.contains('=') {
        for field in record::fields(text).map_err(refuse)? {
            let (key, value) = record::pair(&field);
            match key.as_str() {
                "published" => port.published = number(value)?,
                "target" => port.target = number(value)?,
                "protocol" => port.protocol = protocol(value)?.into(),
                "mode" => host_mode(value)?,
                _ => return Err(unknown("port", &key, &PORT_KEYS, PORT)),
            }
        }
    } else {
        let (numbers, name) = text.split_once('/').unwrap_or((text, "tcp"));
        port.protocol = protocol(name)?.into();
        match numbers.split(':').collect::<Vec<_>>().as_slice() {
            [target] => port.target = number(target)?,
            [published, target] => (port.published, port.target) = (number(published)?, number(target)?),
            _ => {
                return Err(refuse(format!(
                    "invalid port '{text}': an address of the host cannot be named"
                )));
            }
        }
    }
    if port.target == 0 {
        return Err(refuse("a port needs a target".to_owned()));
    }
    Ok(port)
}

fn number(text: &str) -> Result<u32, Report> {
    match text.parse::<u16>() {
        Ok(number) if number > 0 => Ok(number.into()),
        _ if text.contains('-') => Err(
            Report::usage(format!("invalid port '{text}': ranges are not supported"))
                .hint("name each port with a --publish of its own"),
        ),
        _ => Err(Report::usage(format!("invalid port '{text}': a number from 1 to 65535 is expected")).hint(PORT)),
    }
}

fn protocol(text: &str) -> Result<Protocol, Report> {
    match text.to_lowercase().as_str() {
        "tcp" => Ok(Protocol::Tcp),
        "udp" => Ok(Protocol::Udp),
        "sctp" => Ok(Protocol::Sctp),
        _ => Err(Report::usage(format!("invalid protocol '{text}': tcp, udp or sctp is expected")).hint(PORT)),
    }
}

fn host_mode(text: &str) -> Result<(), Report> {
    if text.eq_ignore_ascii_case("host") {
        return Ok(());
    }
    Err(Report::usage(format!("publish mode '{text}' is not supported"))
        .hint("ports are published on the node that runs the container: mode=host, or leave it out"))
}

fn unknown(what: &str, key: &str, keys: &[&'static str], grammar: &str) -> Report {
    let report = Report::usage(format!("invalid field in {what}: {}", clean(key)));
    match nearest::to(key, keys.iter().copied()) {
        Some(near) => report.hint(format!("did you mean {near}? {grammar}")),
        None => report.hint(format!("what there is: {}; e.g. {grammar}", keys.join(", "))),
    }
}

/// A network's name; Docker's long form may hold nothing else.
pub fn network(text: &str) -> Result<String, Report> {
    let refuse = |message: String| Report::usage(message).hint("--network NAME");
    if !text.contains('=') {
        return if text.is_empty() {
            Err(refuse("a network needs a name".to_owned()))
        } else {
            Ok(text.to_owned())
        };
    }
    let mut name = None;
    for field in record::fields(text).map_err(refuse)? {
        match record::pair(&field) {
            (key, value) if key == "name" => name = Some(value.to_owned()),
            (key, _) => return Err(unknown("network", &key, &["name"], "--network NAME")),
        }
    }
    name.ok_or_else(|| refuse("a network needs a name".to_owned()))
}

/// `NAME=value`, or `NAME` for what it is here; `None` where it is nothing here.
pub fn variable(text: &str, here: &dyn Fn(&str) -> Option<String>) -> Result<Option<String>, Report> {
    let (name, value) = match text.split_once('=') {
        Some((name, value)) => (name, Some(value.to_owned())),
        None => (text, here(text)),
    };
    if name.is_empty() || name.contains(char::is_whitespace) {
        return Err(
            Report::usage("invalid environment variable: a name is expected before =")
                .hint("write -e NAME=value; a value that is secret belongs into a secret"),
        );
    }
    Ok(value.map(|value| format!("{name}={value}")))
}

/// Variables of files, then those of options, each name once: the last one counts.
pub fn environment(
    files: &[impl AsRef<Path>],
    options: &[String],
    here: &dyn Fn(&str) -> Option<String>,
) -> Result<Vec<String>, Report> {
    let mut variables = Vec::new();
    for path in files {
        let path = path.as_ref();
        let shown = path.display();
        let text = std::fs::read_to_string(path).map_err(|error| {
            Report::failure(format!("cannot read {shown}: {error}")).hint("--env-file takes a file of NAME=value lines")
        })?;
        for line in text.lines().map(str::trim_start) {
            if !line.is_empty() && !line.starts_with('#') {
                variables.extend(variable(line, here)?);
            }
        }
    }
    for option in options {
        variables.extend(variable(option, here)?);
    }
    Ok(last_of_each(variables))
}

/// The order is that of the first time each name came.
pub fn last_of_each(variables: Vec<String>) -> Vec<String> {
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut kept: Vec<String> = Vec::with_capacity(variables.len());
    for variable in variables {
        let name = variable_name(&variable).to_owned();
        if let Some(&place) = places.get(&name) {
            kept[place] = variable;
        } else {
            places.insert(name, kept.len());
            kept.push(variable);
        }
    }
    kept
}

pub fn variable_name(variable: &str) -> &str {
    variable.split_once('=').map_or(variable, |(name, _)| name)
}

#[cfg(test)]
#[path = "lists_tests.rs"]
mod tests;
