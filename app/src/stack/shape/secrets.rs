//! Which secrets does a compose file declare, and how do services see them?

use std::collections::BTreeMap;

use wardroom_api::v1;

use super::standing;
use crate::cli::grant;
use crate::stack::fields::{At, Fields, at, choice, labels, text};
use crate::stack::problem::Problems;
use crate::stack::tree::{Entry, Node, Place, Value};

/// Where a value comes from. Never the value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Relative to the folder of the first compose file.
    File(At<String>),
    /// A variable of the caller.
    Environment(At<String>),
    /// It is there before the stack.
    External,
}

#[derive(Clone, Debug)]
pub struct Secret {
    pub place: Place,
    pub name: Option<String>,
    /// `None`: it was refused.
    pub origin: Option<Origin>,
    pub labels: BTreeMap<String, String>,
    pub template_driver: String,
}

/// A service's reference to a secret.
#[derive(Clone, Debug)]
pub struct SecretUse {
    /// The key under `secrets:` at the top.
    pub source: At<String>,
    /// Where the target is written, or the source in its place.
    pub target: Place,
    /// Everything but the secret's name.
    pub grant: v1::Grant,
}

/// An entry under `secrets:` at the top.
pub fn declared(entry: &Entry, problems: &mut Problems) -> Secret {
    let mut fields = Fields::of(&entry.node, format!("secret {}", entry.key), problems);
    let what = fields.what.clone();
    let (name, external) = standing(&mut fields, problems);
    let file = fields
        .take("file")
        .and_then(|node| at(node, &format!("{what}: file"), problems));
    let environment = fields
        .take("environment")
        .and_then(|node| at(node, &format!("{what}: environment"), problems));
    let mut origins: Vec<Origin> = Vec::new();
    origins.extend(file.map(Origin::File));
    origins.extend(environment.map(Origin::Environment));
    origins.extend(external.then_some(Origin::External));
    if origins.len() != 1 {
        let text = format!("{what}: one of `file`, `environment` and `external: true` is needed, and only one");
        problems.refuse(&entry.place, text);
    }
    let labels_node = fields.take("labels");
    let template = fields.take("template_driver");
    if external && let Some(node) = labels_node.or(template) {
        let text = format!("{what}: an external secret is not changed here; leave labels and template_driver out");
        problems.refuse(&node.place, text);
    }
    let golang = &[("golang", "golang")];
    let template_driver = template.and_then(|node| choice(node, &format!("{what}: template_driver"), golang, problems));
    let secret = Secret {
        place: entry.place.clone(),
        name,
        origin: if origins.len() == 1 { origins.pop() } else { None },
        labels: labels(labels_node, &format!("{what}: labels"), problems),
        template_driver: template_driver.unwrap_or_default().to_owned(),
    };
    fields.refuse_rest(
        &[
            ("driver", "the value has to come from a file or a variable"),
            ("driver_opts", "the value has to come from a file or a variable"),
            ("content", "a value in a compose file is no secret; put it into a file"),
        ],
        problems,
    );
    secret
}

/// The list under `secrets:` of a service. Two references to one target are refused with both places.
pub fn used(nodes: &[Node], service: &str, problems: &mut Problems) -> Vec<SecretUse> {
    let mut uses: Vec<SecretUse> = Vec::new();
    for node in nodes {
        let Some(found) = one(node, service, problems) else {
            continue;
        };
        if let Some(other) = uses.iter().find(|other| other.grant.target == found.grant.target) {
            let text = format!(
                "service {service}: secrets {} and {} have one target, {}; the other is at {}; give one a target of its own",
                other.source.value, found.source.value, found.grant.target, other.target
            );
            problems.refuse(&found.target, text);
            continue;
        }
        uses.push(found);
    }
    uses
}

fn one(node: &Node, service: &str, problems: &mut Problems) -> Option<SecretUse> {
    let what = format!("service {service}: secret");
    if let Value::Scalar(_) = &node.value {
        let source = at(node, &what, problems)?;
        let target = target(&source, &what, problems)?;
        return Some(SecretUse {
            target: node.place.clone(),
            grant: v1::Grant { target, ..fresh() },
            source,
        });
    }
    let mut fields = Fields::of(node, what.clone(), problems);
    let source = fields
        .take("source")
        .and_then(|node| at(node, &format!("{what}: source"), problems));
    let written = fields
        .take("target")
        .and_then(|node| at(node, &format!("{what}: target"), problems));
    let mut grant = fresh();
    if let Some(id) = fields
        .take("uid")
        .and_then(|node| owner(node, &format!("{what}: uid"), problems))
    {
        grant.uid = id;
    }
    if let Some(id) = fields
        .take("gid")
        .and_then(|node| owner(node, &format!("{what}: gid"), problems))
    {
        grant.gid = id;
    }
    if let Some(bits) = fields
        .take("mode")
        .and_then(|node| mode(node, &format!("{what}: mode"), problems))
    {
        grant.mode = bits;
    }
    if let Some(node) = fields.take("x-on-change")
        && let Some(word) = text(node, &format!("{what}: x-on-change"), problems)
        && grant::on_change(&mut grant, &word).is_err()
    {
        problems.refuse(
            &node.place,
            format!("{what}: x-on-change has to be swap, restart or signal:NAME"),
        );
    }
    fields.refuse_rest(&[], problems);
    let Some(source) = source else {
        problems.refuse(
            &node.place,
            format!("{what}: source is missing; name a secret of the top-level `secrets:`"),
        );
        return None;
    };
    let at_target = written.as_ref().unwrap_or(&source);
    grant.target = target(at_target, &what, problems)?;
    Some(SecretUse {
        target: at_target.place.clone(),
        source,
        grant,
    })
}

/// Docker's defaults.
fn fresh() -> v1::Grant {
    v1::Grant {
        mode: 0o444,
        on_change: v1::OnChange::Swap as i32,
        ..v1::Grant::default()
    }
}

/// Docker takes any text here and fails when the task starts.
fn owner(node: &Node, what: &str, problems: &mut Problems) -> Option<u32> {
    let id = text(node, what, problems)?;
    let parsed = id.parse().ok().filter(|_| id.bytes().all(|byte| byte.is_ascii_digit()));
    if parsed.is_none() {
        problems.refuse(
            &node.place,
            format!("{what} has to be a number; names are not resolved"),
        );
    }
    parsed
}

/// `0440`, `"0440"`, `0o440` or a number. Three octal digits without a zero before them mean something else than they
/// seem to.
fn mode(node: &Node, what: &str, problems: &mut Problems) -> Option<u32> {
    let written = text(node, what, problems)?;
    let looks_octal = written.len() == 3 && written.bytes().all(|digit| (b'0'..=b'7').contains(&digit));
    if looks_octal && !written.starts_with('0') {
        problems.refuse(
            &node.place,
            format!("{what}: {written} is read as a decimal number; write 0{written}"),
        );
        return None;
    }
    let mode = grant::mode(&written).ok().filter(|mode| *mode > 0);
    if mode.is_none() {
        problems.refuse(
            &node.place,
            format!("{what} has to be permission bits like 0440, from 0001 to 0777"),
        );
    }
    mode
}

/// The one form of a target: relative below `/run/secrets`, or absolute elsewhere.
fn target(written: &At<String>, what: &str, problems: &mut Problems) -> Option<String> {
    let is_absolute = written.value.starts_with('/');
    let parts: Vec<&str> = written
        .value
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    let wrong = if parts.is_empty() {
        Some("names no file; write a name like db_password")
    } else if parts.iter().any(|part| part.starts_with("..")) {
        Some("must not leave its folder, and no part of it may begin with two dots; write the path itself")
    } else if written.value.chars().any(char::is_control) {
        Some("holds a control character; take it out")
    } else {
        None
    };
    if let Some(wrong) = wrong {
        problems.refuse(&written.place, format!("{what}: the target {wrong}"));
        return None;
    }
    match parts.as_slice() {
        ["run", "secrets", below @ ..] if is_absolute && !below.is_empty() => Some(below.join("/")),
        parts if is_absolute => Some(format!("/{}", parts.join("/"))),
        parts => Some(parts.join("/")),
    }
}
