//! Is this well-formed? Pure checks that need no state, for use before proposing and again inside apply.

mod members;

use crate::refusal::{Refusal, TargetProblem};
use crate::service::{Executor, Grant, Mode, OnChange, ServiceSpec};
pub use members::{
    CERTIFICATE_LIFE_MAX_MS, CERTIFICATE_LIFE_MIN_MS, HEARTBEAT_MAX_MS, HEARTBEAT_MIN_MS, HOSTNAME_MAX, LEASE_MAX_MS,
    LEASE_MIN_MS, OPERATOR_NAME_MAX, SNAPSHOT_EVERY_MIN, address, certificate_life, heartbeat, hostname, lease,
    operator_name, snapshot_every,
};

/// A value of this many bytes or more is refused (500 KiB, Docker's limit).
pub const SECRET_SIZE_LIMIT: usize = 512_000;
pub const SECRET_NAME_MAX: usize = 64;
pub const SERVICE_NAME_MAX: usize = 63;
/// A typing mistake must not start a hundred thousand processes.
pub const REPLICAS_MAX: u32 = 1_000;
const TARGET_MAX: usize = 1_024;
const TARGET_PART_MAX: usize = 255;

/// The signals that a grant can name.
pub const SIGNALS: [&str; 9] = [
    "SIGHUP", "SIGINT", "SIGQUIT", "SIGUSR1", "SIGUSR2", "SIGTERM", "SIGCONT", "SIGWINCH", "SIGALRM",
];

/// `^[a-zA-Z0-9]+(?:[a-zA-Z0-9-_.]*[a-zA-Z0-9])?$`, at most 64 characters.
pub fn secret_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::NameMissing);
    }
    let well_formed = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    if name.len() > SECRET_NAME_MAX || !well_formed || !ends_are_alphanumeric(name) {
        return Err(Refusal::NameInvalid);
    }
    Ok(())
}

/// `^[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*$`, at most 63 characters.
pub fn service_name(name: &str) -> Result<(), Refusal> {
    if name.is_empty() {
        return Err(Refusal::ServiceNameMissing);
    }
    let well_formed = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    if !well_formed || !ends_are_alphanumeric(name) {
        return Err(Refusal::ServiceNameInvalid);
    }
    if name.len() > SERVICE_NAME_MAX {
        return Err(Refusal::ServiceNameTooLong);
    }
    Ok(())
}

fn ends_are_alphanumeric(name: &str) -> bool {
    let bytes = name.as_bytes();
    let edges = [bytes.first(), bytes.last()];
    edges
        .into_iter()
        .all(|edge| edge.is_some_and(u8::is_ascii_alphanumeric))
}

/// Bytes of a value: 1 to 511999.
pub fn secret_size(bytes: usize) -> Result<(), Refusal> {
    if bytes == 0 || bytes >= SECRET_SIZE_LIMIT {
        Err(Refusal::SizeInvalid)
    } else {
        Ok(())
    }
}

/// Docker's name of a version: the secret's own for the first, `NAME_vN` from the second on.
pub fn version_name(secret: &str, version: u32) -> Result<String, Refusal> {
    if version <= 1 {
        return Ok(secret.to_owned());
    }
    let name = format!("{secret}_v{version}");
    if name.len() > SECRET_NAME_MAX {
        return Err(Refusal::VersionNameTooLong { version, name });
    }
    Ok(name)
}

/// The normal form of a target: a relative path without empty parts, `.` or anything that begins with `..`.
pub fn target(text: &str) -> Result<String, Refusal> {
    let unsafe_for = |problem| Refusal::TargetUnsafe {
        target: text.escape_default().take(80).collect(),
        problem,
    };
    if text.starts_with('/') {
        return Err(unsafe_for(TargetProblem::Absolute));
    }
    if text.chars().any(char::is_control) {
        return Err(unsafe_for(TargetProblem::Control));
    }
    let parts: Vec<&str> = text
        .split('/')
        .filter(|part| !part.is_empty() && *part != ".")
        .collect();
    if parts.is_empty() {
        return Err(Refusal::TargetMissing);
    }
    // `..data` and its like are the agent's own links in the same directory.
    if parts.iter().any(|part| part.starts_with("..")) {
        return Err(unsafe_for(TargetProblem::Dots));
    }
    if text.len() > TARGET_MAX || parts.iter().any(|part| part.len() > TARGET_PART_MAX) {
        return Err(unsafe_for(TargetProblem::TooLong));
    }
    Ok(parts.join("/"))
}

/// Permission bits only.
pub fn mode(mode: u32) -> Result<(), Refusal> {
    if mode > 0o777 {
        Err(Refusal::ModeInvalid { mode })
    } else {
        Ok(())
    }
}

pub fn signal(name: &str) -> Result<(), Refusal> {
    if SIGNALS.contains(&name) {
        return Ok(());
    }
    Err(Refusal::SignalUnknown {
        signal: name.escape_default().take(40).collect(),
    })
}

/// Everything about a spec that can be told without the state, but for its grants.
pub fn service_spec(spec: &ServiceSpec) -> Result<(), Refusal> {
    service_name(&spec.name)?;
    match (spec.run.executor, spec.run.command.is_empty()) {
        (Executor::Process, true) => {
            return Err(Refusal::CommandMissing {
                executor: "process".into(),
            });
        }
        (Executor::Files, false) => return Err(Refusal::CommandUnwanted),
        _ => {}
    }
    if spec.run.command.iter().any(|word| word.contains('\0')) {
        return Err(Refusal::CommandNul);
    }
    for constraint in &spec.constraints {
        constraint.check()?;
    }
    match spec.mode {
        Mode::Replicated(replicas) if replicas > REPLICAS_MAX => Err(Refusal::ReplicasTooMany {
            replicas,
            most: REPLICAS_MAX,
        }),
        _ => Ok(()),
    }
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
    let below = |path: &str, directory: &str| path.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    let same = one == other || below(one, other) || below(other, one);
    same.then(|| {
        if one.len() <= other.len() {
            one.to_owned()
        } else {
            other.to_owned()
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::SecretId;

    #[test]
    fn secret_names_follow_dockers_rule() {
        for name in ["a", "db_password", "0", "a.b-c_d", &"x".repeat(64)] {
            assert_eq!(secret_name(name), Ok(()), "{name}");
        }
        for name in ["_a", "a_", "-", "a b", "a\n", "é", "a/b", &"x".repeat(65)] {
            assert_eq!(secret_name(name), Err(Refusal::NameInvalid), "{name:?}");
        }
        assert_eq!(secret_name(""), Err(Refusal::NameMissing));
    }

    #[test]
    fn service_names_follow_dockers_rule() {
        assert_eq!(service_name("web-1_x"), Ok(()));
        assert_eq!(service_name(""), Err(Refusal::ServiceNameMissing));
        for name in ["-web", "web-", "a.b", "a b"] {
            assert_eq!(service_name(name), Err(Refusal::ServiceNameInvalid), "{name}");
        }
        assert_eq!(service_name(&"a".repeat(64)), Err(Refusal::ServiceNameTooLong));
    }

    #[test]
    fn sizes_stop_where_docker_stops() {
        assert_eq!(secret_size(0), Err(Refusal::SizeInvalid));
        assert_eq!(secret_size(1), Ok(()));
        assert_eq!(secret_size(511_999), Ok(()));
        assert_eq!(secret_size(512_000), Err(Refusal::SizeInvalid));
    }

    #[test]
    fn targets_have_one_normal_form() {
        for (text, normal) in [
            ("a", "a"),
            ("./a", "a"),
            ("a//b", "a/b"),
            ("a/./b/", "a/b"),
            (".pgpass", ".pgpass"),
        ] {
            assert_eq!(target(text).as_deref(), Ok(normal));
        }
        for text in ["", ".", "./"] {
            assert_eq!(target(text), Err(Refusal::TargetMissing), "{text:?}");
        }
        for (text, wrong) in [
            ("/run/secrets/a", TargetProblem::Absolute),
            ("../a", TargetProblem::Dots),
            ("a/../b", TargetProblem::Dots),
            ("..data", TargetProblem::Dots),
            ("a\nb", TargetProblem::Control),
            (&"x".repeat(256), TargetProblem::TooLong),
        ] {
            assert!(
                matches!(target(text), Err(Refusal::TargetUnsafe { problem, .. }) if problem == wrong),
                "{text:?}"
            );
        }
    }

    #[test]
    fn version_names_keep_to_the_limit() {
        assert_eq!(version_name("db", 1).as_deref(), Ok("db"));
        assert_eq!(version_name("db", 12).as_deref(), Ok("db_v12"));
        assert!(matches!(
            version_name(&"x".repeat(62), 2),
            Err(Refusal::VersionNameTooLong { version: 2, .. })
        ));
    }

    #[test]
    fn targets_conflict_in_normal_form_and_as_directories() {
        let check = |one: &str, other: &str, target: Option<&str>| {
            let grant = |target: &str, secret: &str| Grant {
                target: target.into(),
                secret: SecretId::new(secret),
                pinned: None,
                uid: 0,
                gid: 0,
                mode: 0o444,
                on_change: OnChange::Swap,
            };
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
    }
}
