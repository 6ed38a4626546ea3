//! What do the options of `service create` and `service update` make of a spec? Only what is given changes.

use std::time::Duration;

use wardroom_api::v1::{self, Executor, FailureAction, RestartCondition, RollOrder, reload};

use super::lists;
use crate::cli::arguments::{
    FailureChoice, Health, OrderChoice, ReloadHook, Restart, RestartChoice, Roll, RollbackRoll, Running, Shape,
};
use crate::cli::duration::millis;
use crate::report::Report;

/// Docker's default, of updates and roll-backs.
const MONITOR_MS: u64 = 5_000;
/// Docker's default.
const RESTART_DELAY_MS: u64 = 5_000;

pub fn apply(shape: &Shape, spec: &mut v1::ServiceSpec) -> Result<(), Report> {
    if let Some(replicas) = shape.replicas {
        if spec.global {
            return Err(Report::usage("replicas can only be used with replicated mode")
                .hint("a global service has one task on every node that its constraints allow"));
        }
        spec.replicas = replicas;
    }
    set(&mut spec.max_per_node, shape.replicas_max_per_node);
    restart(&shape.restart, &mut spec.restart);
    roll(&update(&shape.update), &mut spec.update);
    roll(&rollback(&shape.rollback)?, &mut spec.rollback);
    let run = spec.run.get_or_insert_default();
    running(&shape.running, run)?;
    health(&shape.health, run)?;
    reload(&shape.reload, run)
}

fn set<T>(place: &mut T, given: Option<T>) {
    if let Some(given) = given {
        *place = given;
    }
}

fn running(given: &Running, run: &mut v1::RunSpec) -> Result<(), Report> {
    set(&mut run.image, given.image.clone());
    set(&mut run.user, given.user.clone());
    set(&mut run.dir, given.workdir.clone());
    set(&mut run.hostname, given.hostname.clone());
    set(&mut run.init, given.init);
    set(&mut run.read_only, given.read_only);
    if let Some(text) = &given.entrypoint {
        run.entrypoint = lists::words("--entrypoint", text)?;
    }
    if let Some(signal) = &given.stop_signal {
        run.stop_signal = signal_name(signal);
    }
    if let Some(grace) = given.stop_grace_period {
        run.stop_grace_ms = Some(millis(grace));
    }
    check_container_only(given, run)
}

/// What only containers have is not silently without an effect elsewhere.
fn check_container_only(given: &Running, run: &v1::RunSpec) -> Result<(), Report> {
    if run.executor() == Executor::Container {
        return Ok(());
    }
    let options = [
        ("--image", given.image.is_some()),
        ("--entrypoint", given.entrypoint.is_some()),
        ("--hostname", given.hostname.is_some()),
        ("--init", given.init.is_some()),
        ("--read-only", given.read_only.is_some()),
    ];
    match options.iter().find(|(_, given)| *given) {
        Some((option, _)) => Err(container_only(option)),
        None => Ok(()),
    }
}

pub fn container_only(option: &str) -> Report {
    Report::usage(format!("{option} is for containers, and this service has none"))
        .hint("name an image to run its tasks as containers")
}

/// `HUP`, `sighup` and `SIGHUP` are one signal.
pub fn signal_name(text: &str) -> String {
    let upper = text.to_ascii_uppercase();
    let is_number = !upper.is_empty() && upper.bytes().all(|byte| byte.is_ascii_digit());
    if upper.starts_with("SIG") || upper.is_empty() || is_number {
        upper
    } else {
        format!("SIG{upper}")
    }
}

fn health(given: &Health, run: &mut v1::RunSpec) -> Result<(), Report> {
    if *given == Health::default() {
        return Ok(());
    }
    if given.no_healthcheck {
        if *given
            != (Health {
                no_healthcheck: true,
                ..Health::default()
            })
        {
            return Err(
                Report::usage("--no-healthcheck conflicts with --health-* options").hint("give one or the other")
            );
        }
        run.health = Some(v1::HealthCheck {
            test: vec!["NONE".to_owned()],
            ..v1::HealthCheck::default()
        });
        return Ok(());
    }
    let check = run.health.get_or_insert_default();
    if let Some(command) = &given.health_cmd {
        // Docker takes an empty one for "as the image has it".
        check.test = match command.as_str() {
            "" => Vec::new(),
            line => vec!["CMD-SHELL".to_owned(), line.to_owned()],
        };
    } else if check.test == ["NONE"] {
        check.test = Vec::new();
    }
    set(&mut check.interval_ms, given.health_interval.map(millis));
    set(&mut check.timeout_ms, given.health_timeout.map(millis));
    set(&mut check.start_period_ms, given.health_start_period.map(millis));
    set(&mut check.retries, given.health_retries);
    if check.test.is_empty() && run.executor() != Executor::Container {
        return Err(Report::usage("a health check needs a command").hint("give --health-cmd"));
    }
    Ok(())
}

fn restart(given: &Restart, policy: &mut Option<v1::RestartPolicy>) {
    if *given == Restart::default() {
        return;
    }
    let policy = policy.get_or_insert_with(|| v1::RestartPolicy {
        condition: RestartCondition::Any.into(),
        delay_ms: RESTART_DELAY_MS,
        ..v1::RestartPolicy::default()
    });
    if let Some(condition) = given.restart_condition {
        policy.set_condition(match condition {
            RestartChoice::None => RestartCondition::None,
            RestartChoice::OnFailure => RestartCondition::OnFailure,
            RestartChoice::Any => RestartCondition::Any,
        });
    }
    set(&mut policy.delay_ms, given.restart_delay.map(millis));
    set(&mut policy.max_attempts, given.restart_max_attempts);
    set(&mut policy.window_ms, given.restart_window.map(millis));
}

/// The six settings of a roll-out, whichever way it goes.
#[derive(Default, PartialEq)]
struct Settings {
    parallelism: Option<u32>,
    delay: Option<Duration>,
    monitor: Option<Duration>,
    on_failure: Option<FailureAction>,
    max_failure_ppm: Option<u32>,
    order: Option<RollOrder>,
}

fn update(given: &Roll) -> Settings {
    Settings {
        parallelism: given.update_parallelism,
        delay: given.update_delay,
        monitor: given.update_monitor,
        on_failure: given.update_failure_action.map(action),
        max_failure_ppm: given.update_max_failure_ratio,
        order: given.update_order.map(order),
    }
}

fn rollback(given: &RollbackRoll) -> Result<Settings, Report> {
    if given.rollback_failure_action == Some(FailureChoice::Rollback) {
        return Err(
            Report::usage("invalid --rollback-failure-action: a failed roll-back is not rolled back again")
                .hint("give pause or continue"),
        );
    }
    Ok(Settings {
        parallelism: given.rollback_parallelism,
        delay: given.rollback_delay,
        monitor: given.rollback_monitor,
        on_failure: given.rollback_failure_action.map(action),
        max_failure_ppm: given.rollback_max_failure_ratio,
        order: given.rollback_order.map(order),
    })
}

fn action(choice: FailureChoice) -> FailureAction {
    match choice {
        FailureChoice::Pause => FailureAction::Pause,
        FailureChoice::Continue => FailureAction::Continue,
        FailureChoice::Rollback => FailureAction::Rollback,
    }
}

fn order(choice: OrderChoice) -> RollOrder {
    match choice {
        OrderChoice::StopFirst => RollOrder::StopFirst,
        OrderChoice::StartFirst => RollOrder::StartFirst,
    }
}

fn roll(given: &Settings, settings: &mut Option<v1::RollSettings>) {
    if *given == Settings::default() {
        return;
    }
    let settings = settings.get_or_insert_with(|| v1::RollSettings {
        parallelism: 1,
        monitor_ms: MONITOR_MS,
        on_failure: FailureAction::Pause.into(),
        order: RollOrder::StopFirst.into(),
        ..v1::RollSettings::default()
    });
    set(&mut settings.parallelism, given.parallelism);
    set(&mut settings.delay_ms, given.delay.map(millis));
    set(&mut settings.monitor_ms, given.monitor.map(millis));
    set(&mut settings.on_failure, given.on_failure.map(Into::into));
    set(&mut settings.max_failure_ppm, given.max_failure_ppm);
    set(&mut settings.order, given.order.map(Into::into));
}

fn reload(given: &ReloadHook, run: &mut v1::RunSpec) -> Result<(), Report> {
    let how = if let Some(path) = &given.reload_pidfile {
        reload::How::Pidfile(v1::PidfileSignal {
            path: path.clone(),
            signal: signal_name(given.reload_signal.as_deref().unwrap_or("SIGHUP")),
        })
    } else if let Some(unit) = &given.reload_unit {
        reload::How::Unit(unit.clone())
    } else if let Some(text) = &given.reload_cmd {
        let words = lists::words("--reload-cmd", text)?;
        if words.is_empty() {
            return Err(Report::usage("invalid --reload-cmd: it is empty").hint("write the program and its arguments"));
        }
        reload::How::Command(v1::ReloadCommand { words })
    } else {
        return Ok(());
    };
    if run.executor() != Executor::Files {
        return Err(Report::usage("reload hooks are for the files executor")
            .hint("tasks that run are told with on-change= of the grant: --secret source=NAME,on-change=signal:HUP"));
    }
    run.reload = Some(v1::Reload { how: Some(how) });
    Ok(())
}

#[cfg(test)]
#[path = "shape_tests.rs"]
mod tests;
