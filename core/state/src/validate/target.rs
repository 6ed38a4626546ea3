//! Where may a secret's file be? Below the secrets directory, or, in a container, at any path of its own.

use super::{mode, quoted, signal};
use crate::refusal::{Refusal, TargetProblem};
use crate::service::{Grant, OnChange};

/// Where a task finds its secrets: a target that is not absolute is below it.
pub const SECRETS_DIR: &str = "/run/secrets";
const TARGET_MAX: usize = 1_024;
const TARGET_PART_MAX: usize = 255;

/// The normal form of a target: a path without empty parts, `.` or anything that begins with `..`. One below the secrets
/// directory is relative to it, any other absolute one stays absolute.
pub fn target(text: &str) -> Result<String, Refusal> {
    let unsafe_for = |problem| refused(text, problem);
    if text.chars().any(char::is_control) {
        return Err(unsafe_for(TargetProblem::Control));
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    // `..data` and its like are the agent's own links in the same directory.
    if parts.iter().any(|part| part.starts_with("..")) {
        return Err(unsafe_for(TargetProblem::Dots));
    }
    if text.len() > TARGET_MAX || parts.iter().any(|part| part.len() > TARGET_PART_MAX) {
        return Err(unsafe_for(TargetProblem::TooLong));
    }
    match (text.starts_with('/'), parts.as_slice()) {
        (_, []) | (true, ["run", "secrets"]) => Err(Refusal::TargetMissing),
        (true, ["run", "secrets", below @ ..]) => Ok(below.join("/")),
        (true, parts) => Ok(format!("/{}", parts.join("/"))),
        (false, parts) => Ok(parts.join("/")),
    }
}

fn refused(text: &str, problem: TargetProblem) -> Refusal {
    Refusal::TargetUnsafe {
        target: quoted(text),
        problem,
    }
}

/// Only a container has a file system of its own, in which files can be anywhere.
pub(super) fn relative(grants: &[Grant]) -> Result<(), Refusal> {
    for grant in grants {
        if target(&grant.target)?.starts_with('/') {
            return Err(refused(&grant.target, TargetProblem::Absolute));
        }
    }
    Ok(())
}

/// The grants in canonical form: targets normal, sorted by target. `name_of` names a grant's secret for the refusal.
pub fn grants(grants: &[Grant], name_of: impl Fn(&Grant) -> String) -> Result<Vec<Grant>, Refusal> {
    let mut canonical = Vec::with_capacity(grants.len());
    for grant in grants {
        let target = target(&grant.target)?;
        mode(grant.mode)?;
        if let OnChange::Signal(name) = &grant.on_change {
            signal(name)?;
        }
        canonical.push(Grant {
            target,
            ..grant.clone()
        });
    }
    for (place, second) in canonical.iter().enumerate() {
        for first in &canonical[..place] {
            if let Some(target) = conflict(&first.target, &second.target) {
                let (first, second) = (name_of(first), name_of(second));
                return Err(Refusal::TargetConflict { first, second, target });
            }
        }
    }
    canonical.sort();
    Ok(canonical)
}

/// Two files cannot be at one path, and a file cannot be a directory of another.
fn conflict(one: &str, other: &str) -> Option<String> {
    let (one_path, other_path) = (absolute(one), absolute(other));
    let same = one_path == other_path || is_below(&one_path, &other_path) || is_below(&other_path, &one_path);
    same.then(|| {
        if one_path.len() <= other_path.len() {
            one.to_owned()
        } else {
            other.to_owned()
        }
    })
}

fn absolute(target: &str) -> String {
    if target.starts_with('/') {
        target.to_owned()
    } else {
        format!("{SECRETS_DIR}/{target}")
    }
}

pub(super) fn is_below(path: &str, directory: &str) -> bool {
    path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SecretId;

    fn grant(target: &str, secret: &str) -> Grant {
        Grant {
            target: target.into(),
            secret: SecretId::new(secret),
            pinned: None,
            uid: 0,
            gid: 0,
            mode: 0o444,
            on_change: OnChange::Swap,
        }
    }

    #[test]
    fn targets_have_one_normal_form() {
        for (text, normal) in [
            ("a", "a"),
            ("./a", "a"),
            ("a//b", "a/b"),
            ("a/./b/", "a/b"),
            (".pgpass", ".pgpass"),
            ("run/secrets/a", "run/secrets/a"),
            ("/run/secrets/a", "a"),
            ("//run/./secrets//a/b", "a/b"),
            ("/etc//app/./key", "/etc/app/key"),
            ("/run/secrets2/a", "/run/secrets2/a"),
        ] {
            assert_eq!(target(text).as_deref(), Ok(normal));
            assert_eq!(target(normal).as_deref(), Ok(normal), "it stays as it is");
        }
        for text in ["", ".", "./", "/", "/run/secrets", "/run//secrets/./"] {
            assert_eq!(target(text), Err(Refusal::TargetMissing), "{text:?}");
        }
        for (text, wrong) in [
            ("../a", TargetProblem::Dots),
            ("a/../b", TargetProblem::Dots),
            ("/run/secrets/../a", TargetProblem::Dots),
            ("/..data", TargetProblem::Dots),
            ("..data", TargetProblem::Dots),
            ("a\nb", TargetProblem::Control),
            ("/a\0b", TargetProblem::Control),
            (&"x".repeat(256), TargetProblem::TooLong),
            (&format!("/{}", "x/".repeat(600)), TargetProblem::TooLong),
        ] {
            assert!(
                matches!(target(text), Err(Refusal::TargetUnsafe { problem, .. }) if problem == wrong),
                "{text:?}"
            );
        }
    }

    #[test]
    fn only_a_container_has_absolute_targets() {
        assert_eq!(relative(&[grant("a", "A"), grant("/run/secrets/b", "B")]), Ok(()));
        let text = relative(&[grant("/etc/key", "A")]).map_err(|refusal| refusal.to_string());
        assert_eq!(
            text.err().as_deref(),
            Some(
                "secret target '/etc/key' is an absolute path, which only a container can have; give a path below the \
                 secrets directory, like db_password"
            )
        );
    }

    #[test]
    fn targets_conflict_in_normal_form_and_as_directories() {
        let check = |one: &str, other: &str, target: Option<&str>| {
            let found = grants(&[grant(one, "A"), grant(other, "B")], |grant| grant.secret.to_string()).err();
            let wanted = target.map(|target| Refusal::TargetConflict {
                first: "A".into(),
                second: "B".into(),
                target: target.into(),
            });
            assert_eq!(found, wanted, "{one} and {other}");
        };
        check("a", "b", None);
        check("a", "ab", None);
        check("a", "a", Some("a"));
        check("a/b", "./a//b", Some("a/b"));
        check("a/b", "a", Some("a"));
        check("a", "/run/secrets/a", Some("a"));
        check("/run/secrets/a", "a/b", Some("a"));
        check("/etc/key", "key", None);
        check("/etc/key", "/etc//key", Some("/etc/key"));
        check("/etc", "/etc/key", Some("/etc"));
        check("a", "/run", Some("/run"));
    }
}
