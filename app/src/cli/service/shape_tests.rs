//! What is given changes, and nothing else does.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::report::Exit;

fn spec(executor: Executor) -> v1::ServiceSpec {
    v1::ServiceSpec {
        run: Some(v1::RunSpec {
            executor: executor.into(),
            ..v1::RunSpec::default()
        }),
        ..v1::ServiceSpec::default()
    }
}

fn applied(executor: Executor, shape: &Shape) -> Result<v1::ServiceSpec, Report> {
    let mut spec = spec(executor);
    apply(shape, &mut spec).map(|()| spec)
}

#[test]
fn nothing_given_leaves_the_managers_defaults() {
    assert_eq!(
        applied(Executor::Process, &Shape::default()).unwrap(),
        spec(Executor::Process)
    );
}

#[test]
fn one_setting_given_keeps_dockers_others() {
    let shape = Shape {
        update: Roll {
            update_parallelism: Some(0),
            update_order: Some(OrderChoice::StartFirst),
            ..Roll::default()
        },
        restart: Restart {
            restart_max_attempts: Some(3),
            ..Restart::default()
        },
        ..Shape::default()
    };
    let made = applied(Executor::Process, &shape).unwrap();
    let update = made.update.unwrap();
    assert_eq!((update.parallelism, update.monitor_ms), (0, 5_000));
    assert_eq!(
        (update.on_failure(), update.order()),
        (FailureAction::Pause, RollOrder::StartFirst)
    );
    let restart = made.restart.unwrap();
    assert_eq!(
        (restart.condition(), restart.delay_ms, restart.max_attempts),
        (RestartCondition::Any, 5_000, 3)
    );
    assert_eq!(made.rollback, None);
}

#[test]
fn checks_are_given_or_taken_away() {
    let health = |health| Shape {
        health,
        ..Shape::default()
    };
    let given = Health {
        health_cmd: Some("curl -f localhost".into()),
        health_retries: Some(5),
        ..Health::default()
    };
    let check = applied(Executor::Container, &health(given.clone()))
        .unwrap()
        .run
        .unwrap()
        .health
        .unwrap();
    assert_eq!(check.test, ["CMD-SHELL", "curl -f localhost"]);
    assert_eq!((check.retries, check.interval_ms), (5, 0));
    let none = Health {
        no_healthcheck: true,
        ..Health::default()
    };
    let made = applied(Executor::Container, &health(none)).unwrap();
    assert_eq!(made.run.unwrap().health.unwrap().test, ["NONE"]);
    let both = Health {
        no_healthcheck: true,
        ..given
    };
    assert_eq!(
        applied(Executor::Container, &health(both)).unwrap_err().message,
        "--no-healthcheck conflicts with --health-* options"
    );
}

#[test]
fn options_of_another_executor_are_refused() {
    let shape = Shape {
        running: Running {
            hostname: Some("a".into()),
            ..Running::default()
        },
        ..Shape::default()
    };
    assert_eq!(
        applied(Executor::Process, &shape).unwrap_err().message,
        "--hostname is for containers, and this service has none"
    );
    let shape = Shape {
        reload: ReloadHook {
            reload_unit: Some("nginx".into()),
            ..ReloadHook::default()
        },
        ..Shape::default()
    };
    assert_eq!(applied(Executor::Process, &shape).unwrap_err().exit, Exit::Usage);
    assert!(applied(Executor::Files, &shape).unwrap().run.unwrap().reload.is_some());
}

#[test]
fn a_roll_back_is_not_rolled_back() {
    let shape = Shape {
        rollback: RollbackRoll {
            rollback_failure_action: Some(FailureChoice::Rollback),
            ..RollbackRoll::default()
        },
        ..Shape::default()
    };
    assert_eq!(applied(Executor::Process, &shape).unwrap_err().exit, Exit::Usage);
}

#[test]
fn signals_have_one_name() {
    assert_eq!(
        ["hup", "SIGHUP", "usr1", "9"].map(signal_name),
        ["SIGHUP", "SIGHUP", "SIGUSR1", "9"]
    );
}
