//! What does a task run, and how is it replaced? Run specs and the settings of roll-outs, from the wire and back.

use wardroom_api::v1;
use wardroom_state::service::{
    Executor, FailureAction, HealthCheck, Mount, MountKind, Port, Protocol, Reload, RestartCondition, RestartPolicy,
    RollOrder, RollSettings, RunSpec, UpdateState, UpdateStatus,
};

use super::words::executor;
use crate::control::error::Failure;

/// As a client asks for it.
pub(crate) fn requested_run(run: v1::RunSpec) -> Result<RunSpec, Failure> {
    let executor = match run.executor() {
        v1::Executor::Files => Executor::Files,
        v1::Executor::Container => Executor::Container,
        v1::Executor::Process | v1::Executor::Unspecified => Executor::Process,
    };
    Ok(RunSpec {
        executor,
        image: run.image,
        entrypoint: run.entrypoint,
        command: run.command,
        env: run.env,
        user: run.user,
        groups: run.groups,
        dir: run.dir,
        hostname: run.hostname,
        init: run.init,
        read_only: run.read_only,
        networks: run.networks,
        mounts: run.mounts.into_iter().map(requested_mount).collect::<Result<_, _>>()?,
        ports: run.ports.iter().map(requested_port).collect::<Result<_, _>>()?,
        container_labels: run.container_labels,
        stop_signal: signal_name(&run.stop_signal),
        stop_grace_ms: run.stop_grace_ms,
        health: run.health.map(|check| HealthCheck {
            test: check.test,
            interval_ms: check.interval_ms,
            timeout_ms: check.timeout_ms,
            start_period_ms: check.start_period_ms,
            retries: check.retries,
        }),
        reload: run.reload.map(requested_reload).transpose()?,
        force: run.force,
    })
}

/// `TERM` and `sigterm` are `SIGTERM`, as in Docker.
fn signal_name(given: &str) -> String {
    let name = given.to_ascii_uppercase();
    if name.is_empty() || name.starts_with("SIG") {
        name
    } else {
        format!("SIG{name}")
    }
}

fn requested_mount(mount: v1::Mount) -> Result<Mount, Failure> {
    let kind = match mount.kind() {
        v1::MountKind::Bind => MountKind::Bind,
        v1::MountKind::Volume => MountKind::Volume,
        v1::MountKind::Tmpfs => MountKind::Tmpfs,
        v1::MountKind::Unspecified => {
            return Err(Failure::invalid(format!(
                "mount {} has no type; name bind, volume or tmpfs",
                mount.target.escape_default()
            )));
        }
    };
    Ok(Mount {
        kind,
        source: mount.source,
        target: mount.target,
        read_only: mount.read_only,
    })
}

fn requested_port(port: &v1::Port) -> Result<Port, Failure> {
    let number = |given: u32| {
        u16::try_from(given).map_err(|_| Failure::invalid(format!("port {given} does not exist; give 1 to 65535")))
    };
    let protocol = match port.protocol() {
        v1::Protocol::Tcp | v1::Protocol::Unspecified => Protocol::Tcp,
        v1::Protocol::Udp => Protocol::Udp,
        v1::Protocol::Sctp => Protocol::Sctp,
    };
    Ok(Port {
        published: number(port.published)?,
        target: number(port.target)?,
        protocol,
    })
}

fn requested_reload(reload: v1::Reload) -> Result<Reload, Failure> {
    match reload.how {
        Some(v1::reload::How::Pidfile(pidfile)) => Ok(Reload::Pidfile {
            path: pidfile.path,
            signal: signal_name(&pidfile.signal),
        }),
        Some(v1::reload::How::Unit(unit)) => Ok(Reload::Unit(unit)),
        Some(v1::reload::How::Command(command)) => Ok(Reload::Command(command.words)),
        None => Err(Failure::invalid(
            "the reload hook says nothing; name a pidfile, a unit or a command",
        )),
    }
}

/// Docker's defaults where the client names none.
pub(crate) fn requested_restart(policy: Option<v1::RestartPolicy>) -> RestartPolicy {
    let Some(policy) = policy else {
        return RestartPolicy::default();
    };
    let condition = match policy.condition() {
        v1::RestartCondition::None => RestartCondition::None,
        v1::RestartCondition::OnFailure => RestartCondition::OnFailure,
        v1::RestartCondition::Any | v1::RestartCondition::Unspecified => RestartCondition::Any,
    };
    RestartPolicy {
        condition,
        delay_ms: policy.delay_ms,
        max_attempts: policy.max_attempts,
        window_ms: policy.window_ms,
    }
}

/// Docker's defaults where the client names none.
pub(crate) fn requested_roll(settings: Option<v1::RollSettings>) -> RollSettings {
    let Some(settings) = settings else {
        return RollSettings::default();
    };
    let on_failure = match settings.on_failure() {
        v1::FailureAction::Pause | v1::FailureAction::Unspecified => FailureAction::Pause,
        v1::FailureAction::Continue => FailureAction::Continue,
        v1::FailureAction::Rollback => FailureAction::Rollback,
    };
    let order = match settings.order() {
        v1::RollOrder::StopFirst | v1::RollOrder::Unspecified => RollOrder::StopFirst,
        v1::RollOrder::StartFirst => RollOrder::StartFirst,
    };
    RollSettings {
        parallelism: settings.parallelism,
        delay_ms: settings.delay_ms,
        monitor_ms: settings.monitor_ms,
        on_failure,
        max_failure_ppm: settings.max_failure_ppm,
        order,
    }
}

/// As clients and workers see it.
pub(crate) fn run(run: &RunSpec) -> v1::RunSpec {
    v1::RunSpec {
        executor: executor(run.executor).into(),
        image: run.image.clone(),
        entrypoint: run.entrypoint.clone(),
        command: run.command.clone(),
        env: run.env.clone(),
        user: run.user.clone(),
        groups: run.groups.clone(),
        dir: run.dir.clone(),
        hostname: run.hostname.clone(),
        init: run.init,
        read_only: run.read_only,
        networks: run.networks.clone(),
        mounts: run.mounts.iter().map(mount).collect(),
        ports: run.ports.iter().copied().map(port).collect(),
        container_labels: run.container_labels.clone(),
        stop_signal: run.stop_signal.clone(),
        stop_grace_ms: run.stop_grace_ms,
        health: run.health.as_ref().map(|check| v1::HealthCheck {
            test: check.test.clone(),
            interval_ms: check.interval_ms,
            timeout_ms: check.timeout_ms,
            start_period_ms: check.start_period_ms,
            retries: check.retries,
        }),
        reload: run.reload.as_ref().map(reload),
        force: run.force,
    }
}

fn mount(mount: &Mount) -> v1::Mount {
    let kind = match mount.kind {
        MountKind::Bind => v1::MountKind::Bind,
        MountKind::Volume => v1::MountKind::Volume,
        MountKind::Tmpfs => v1::MountKind::Tmpfs,
    };
    v1::Mount {
        kind: kind.into(),
        source: mount.source.clone(),
        target: mount.target.clone(),
        read_only: mount.read_only,
    }
}

fn port(port: Port) -> v1::Port {
    let protocol = match port.protocol {
        Protocol::Tcp => v1::Protocol::Tcp,
        Protocol::Udp => v1::Protocol::Udp,
        Protocol::Sctp => v1::Protocol::Sctp,
    };
    v1::Port {
        published: port.published.into(),
        target: port.target.into(),
        protocol: protocol.into(),
    }
}

fn reload(reload: &Reload) -> v1::Reload {
    let how = match reload {
        Reload::Pidfile { path, signal } => v1::reload::How::Pidfile(v1::PidfileSignal {
            path: path.clone(),
            signal: signal.clone(),
        }),
        Reload::Unit(unit) => v1::reload::How::Unit(unit.clone()),
        Reload::Command(words) => v1::reload::How::Command(v1::ReloadCommand { words: words.clone() }),
    };
    v1::Reload { how: Some(how) }
}

pub(crate) fn restart(policy: &RestartPolicy) -> v1::RestartPolicy {
    let condition = match policy.condition {
        RestartCondition::None => v1::RestartCondition::None,
        RestartCondition::OnFailure => v1::RestartCondition::OnFailure,
        RestartCondition::Any => v1::RestartCondition::Any,
    };
    v1::RestartPolicy {
        condition: condition.into(),
        delay_ms: policy.delay_ms,
        max_attempts: policy.max_attempts,
        window_ms: policy.window_ms,
    }
}

pub(crate) fn roll(settings: &RollSettings) -> v1::RollSettings {
    let on_failure = match settings.on_failure {
        FailureAction::Pause => v1::FailureAction::Pause,
        FailureAction::Continue => v1::FailureAction::Continue,
        FailureAction::Rollback => v1::FailureAction::Rollback,
    };
    let order = match settings.order {
        RollOrder::StopFirst => v1::RollOrder::StopFirst,
        RollOrder::StartFirst => v1::RollOrder::StartFirst,
    };
    v1::RollSettings {
        parallelism: settings.parallelism,
        delay_ms: settings.delay_ms,
        monitor_ms: settings.monitor_ms,
        on_failure: on_failure.into(),
        max_failure_ppm: settings.max_failure_ppm,
        order: order.into(),
    }
}

pub(crate) fn update_status(status: &UpdateStatus) -> v1::UpdateStatus {
    let state = match status.state {
        UpdateState::Updating => v1::UpdateState::Updating,
        UpdateState::Paused => v1::UpdateState::Paused,
        UpdateState::Completed => v1::UpdateState::Completed,
        UpdateState::RollbackStarted => v1::UpdateState::RollbackStarted,
        UpdateState::RollbackPaused => v1::UpdateState::RollbackPaused,
        UpdateState::RollbackCompleted => v1::UpdateState::RollbackCompleted,
    };
    v1::UpdateStatus {
        state: state.into(),
        started_at_ms: status.started_at_ms,
        completed_at_ms: status.completed_at_ms,
        message: status.message.clone(),
    }
}
