//! How does the manager's `RunSpec` become a `Run`? Field by field; what makes no sense is kept for the executor to refuse.

use std::time::Duration;

use wardroom_api::v1;

use crate::run::{Health, Kind, Mount, MountKind, Port, Reload, Run, Test};

/// Docker's, where the manager gives none.
const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(30);
const RETRIES: u32 = 3;

pub(super) fn run(spec: v1::RunSpec) -> Run {
    let kind = match spec.executor() {
        v1::Executor::Process => Kind::Process,
        v1::Executor::Files => Kind::Files,
        v1::Executor::Container => Kind::Container,
        v1::Executor::Unspecified => Kind::Unknown(spec.executor),
    };
    Run {
        kind,
        image: spec.image,
        entrypoint: spec.entrypoint,
        command: spec.command,
        env: spec.env,
        user: spec.user,
        groups: spec.groups,
        dir: spec.dir,
        hostname: spec.hostname,
        init: spec.init,
        read_only: spec.read_only,
        networks: spec.networks,
        mounts: spec.mounts.into_iter().map(mount).collect(),
        ports: spec.ports.into_iter().map(port).collect(),
        labels: spec.container_labels.into_iter().collect(),
        stop_signal: spec.stop_signal,
        stop_grace: spec.stop_grace_ms.map(Duration::from_millis),
        health: spec.health.map(health),
        reload: spec.reload.and_then(|reload| reload.how).map(reload),
    }
}

fn mount(mount: v1::Mount) -> Mount {
    let kind = match mount.kind() {
        v1::MountKind::Bind => MountKind::Bind,
        v1::MountKind::Volume => MountKind::Volume,
        v1::MountKind::Tmpfs => MountKind::Tmpfs,
        v1::MountKind::Unspecified => MountKind::Unknown(mount.kind),
    };
    Mount {
        kind,
        source: mount.source,
        target: mount.target,
        read_only: mount.read_only,
    }
}

fn port(port: v1::Port) -> Port {
    let protocol = match port.protocol() {
        v1::Protocol::Udp => "udp",
        v1::Protocol::Sctp => "sctp",
        v1::Protocol::Tcp | v1::Protocol::Unspecified => "tcp",
    };
    Port {
        published: port.published,
        target: port.target,
        protocol,
    }
}

fn health(health: v1::HealthCheck) -> Health {
    let or = |ms: u64, default| {
        if ms == 0 { default } else { Duration::from_millis(ms) }
    };
    Health {
        test: Test::of(health.test),
        interval: or(health.interval_ms, INTERVAL),
        timeout: or(health.timeout_ms, TIMEOUT),
        start_period: Duration::from_millis(health.start_period_ms),
        retries: if health.retries == 0 { RETRIES } else { health.retries },
    }
}

fn reload(how: v1::reload::How) -> Reload {
    match how {
        v1::reload::How::Pidfile(v1::PidfileSignal { path, signal }) => Reload::Pidfile { path, signal },
        v1::reload::How::Unit(unit) => Reload::Unit(unit),
        v1::reload::How::Command(command) => Reload::Command(command.words),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_left_out_is_dockers_default() {
        let spec = v1::RunSpec {
            health: Some(v1::HealthCheck {
                test: vec!["CMD".into(), "true".into()],
                ..Default::default()
            }),
            ..Default::default()
        };
        let run = run(spec);
        assert_eq!(run.kind, Kind::Unknown(0));
        assert_eq!(run.stop_grace, None);
        let health = run.health.expect("it was given");
        assert_eq!(
            (health.interval, health.timeout, health.retries),
            (INTERVAL, TIMEOUT, 3)
        );
    }

    #[test]
    fn numbers_that_nobody_knows_are_kept() {
        let spec = v1::RunSpec {
            executor: 77,
            mounts: vec![v1::Mount {
                kind: 99,
                ..Default::default()
            }],
            reload: Some(v1::Reload { how: None }),
            ..Default::default()
        };
        let run = run(spec);
        assert_eq!(run.kind, Kind::Unknown(77));
        assert_eq!(run.mounts[0].kind, MountKind::Unknown(99));
        assert_eq!(run.reload, None);
    }
}
