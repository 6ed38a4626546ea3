//! Is this well-formed? Pure checks that need no state, for use before proposing and again inside apply.

mod container;
mod health;
mod members;
mod pace;
mod run;
mod schedule;
mod target;

use crate::refusal::Refusal;
use crate::service::{Executor, Mode, ServiceSpec};
pub use members::{
    CERTIFICATE_LIFE_MAX_MS, CERTIFICATE_LIFE_MIN_MS, HEARTBEAT_MAX_MS, HEARTBEAT_MIN_MS, HOSTNAME_MAX, LEASE_MAX_MS,
    LEASE_MIN_MS, OPERATOR_NAME_MAX, SNAPSHOT_EVERY_MIN, address, certificate_life, heartbeat, hostname, lease,
    operator_name, snapshot_every,
};
pub use run::{STOP_SIGNALS, stop_signal};
pub use schedule::{HOOK_NAME_MAX, schedule};
pub use target::{SECRETS_DIR, grants, target};

/// A value of this many bytes or more is refused (500 KiB, Docker's limit).
pub const SECRET_SIZE_LIMIT: usize = 512_000;
pub const SECRET_NAME_MAX: usize = 64;
pub const SERVICE_NAME_MAX: usize = 63;
/// A typing mistake must not start a hundred thousand processes.
pub const REPLICAS_MAX: u32 = 1_000;

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

/// Everything about a spec that can be told without the state. Of its grants only that the executor can have their
/// targets; [`grants`] says the rest.
pub fn service_spec(spec: &ServiceSpec) -> Result<(), Refusal> {
    service_name(&spec.name)?;
    run::check(&spec.run)?;
    pace::restart(&spec.restart)?;
    pace::update(&spec.update)?;
    pace::rollback(&spec.rollback)?;
    for constraint in &spec.constraints {
        constraint.check()?;
    }
    if spec.run.executor != Executor::Container {
        target::relative(&spec.grants)?;
    }
    match spec.mode {
        Mode::Replicated(replicas) if replicas > REPLICAS_MAX => Err(Refusal::ReplicasTooMany {
            replicas,
            most: REPLICAS_MAX,
        }),
        Mode::Replicated(1) => Ok(()),
        _ if spec.one_off => Err(invalid("one-off service", "it has one task; give it one replica")),
        Mode::Global if spec.max_per_node > 0 => Err(invalid(
            "maximum per node",
            "replicas-max-per-node can only be used with replicated mode",
        )),
        _ => Ok(()),
    }
}

/// `part` is what is wrong, `problem` why, and what would be right.
fn invalid(part: impl Into<String>, problem: impl Into<String>) -> Refusal {
    Refusal::SpecInvalid {
        part: part.into(),
        problem: problem.into(),
    }
}

/// Text from outside in a refusal: one line, at a bounded length.
fn quoted(text: &str) -> String {
    text.escape_default().take(80).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

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
    fn version_names_keep_to_the_limit() {
        assert_eq!(version_name("db", 1).as_deref(), Ok("db"));
        assert_eq!(version_name("db", 12).as_deref(), Ok("db_v12"));
        assert!(matches!(
            version_name(&"x".repeat(62), 2),
            Err(Refusal::VersionNameTooLong { version: 2, .. })
        ));
    }
}
