//! From a line to a spec: Docker's form, and a process after two dashes.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use clap::FromArgMatches;
use wardroom_api::v1::Executor;

use super::*;
use crate::cli::arguments::{Arguments, Noun, parser};
use crate::report::Exit;

fn made(line: &str) -> Result<v1::ServiceSpec, Report> {
    let line = format!("wardroom service create {line}");
    let matches = parser().try_get_matches_from(line.split(' ')).unwrap();
    match Arguments::from_arg_matches(&matches).unwrap().command {
        Some(Noun::Service(Service::Create(create))) => spec::spec(&create),
        _ => panic!("another command"),
    }
}

fn run(line: &str) -> v1::RunSpec {
    made(line).unwrap().run.unwrap()
}

#[test]
fn dockers_line_is_an_image_with_its_arguments() {
    let spec = made("--name web --secret db redis:7 redis-server --appendonly yes").unwrap();
    let run = spec.run.clone().unwrap();
    assert_eq!((run.executor(), run.image.as_str()), (Executor::Container, "redis:7"));
    assert_eq!(run.command, ["redis-server", "--appendonly", "yes"]);
    assert_eq!((spec.replicas, spec.global, spec.name.as_str()), (1, false, "web"));
    // What follows the image is the container's, whatever it looks like.
    assert_eq!(
        super::tests::run("--name web redis:7 --name x -d").command,
        ["--name", "x", "-d"]
    );
}

#[test]
fn two_dashes_without_an_image_are_a_process() {
    let run = self::run("--name web --replicas 4 -- sleep --format 1000");
    assert_eq!((run.executor(), run.image.as_str()), (Executor::Process, ""));
    assert_eq!(run.command, ["sleep", "--format", "1000"]);
    let with_image = self::run("--image busybox -- sleep 1000");
    assert_eq!(
        (with_image.executor(), with_image.image.as_str()),
        (Executor::Container, "busybox")
    );
    assert_eq!(with_image.command, ["sleep", "1000"]);
    let told = self::run("--executor process sleep 1000");
    assert_eq!((told.executor(), told.command.len()), (Executor::Process, 2));
}

#[test]
fn a_spec_has_one_replica_unless_told() {
    let made = self::made("--secret source=db_password,target=db --constraint node.role==worker -- x").unwrap();
    assert_eq!((made.replicas, made.global), (1, false));
    assert_eq!(list::grants(&made), "db_password->db");
    assert_eq!(made.constraints, ["node.role==worker"]);
    assert!(made.name.contains('_'), "a name is made up: {}", made.name);
    assert_eq!(made.update, None, "the manager has Docker's defaults");
    let global = self::made("--mode global -- x").unwrap();
    assert_eq!((global.replicas, global.global), (0, true));
}

#[test]
fn what_contradicts_itself_is_a_usage_error() {
    for line in [
        "",
        "--name web",
        "--executor files -- x",
        "--executor process",
        "--executor container",
        "--replicas 2 --mode global -- x",
        "--publish 80 -- x",
        "--hostname a -- x",
        "--nmae web redis",
        "--mount type=bind redis",
    ] {
        let report = made(line.trim()).map(|_| ()).unwrap_err();
        assert_eq!(report.exit, Exit::Usage, "{line}");
    }
    let report = made("--nmae web redis").unwrap_err();
    assert_eq!(report.message, "unexpected argument '--nmae' found");
    assert_eq!(report.hint.as_deref(), Some("a similar argument exists: --name"));
}

#[test]
fn files_run_nothing() {
    let run = run("--executor files --reload-unit nginx");
    assert_eq!((run.executor(), run.command.len()), (Executor::Files, 0));
    assert!(run.reload.is_some());
}

#[test]
fn every_option_of_docker_lands_in_its_place() {
    let spec = made(
        "-l a=b --container-label c=d -e X=1 -u 10:20 --group audio -w /w --hostname h --entrypoint /bin/sh --init \
         --read-only --network front --mount type=tmpfs,target=/t -p 8080:80 --stop-signal int --stop-grace-period 3s \
         --health-cmd true --health-interval 1s --constraint node.id==x --replicas-max-per-node 2 --restart-condition \
         on-failure --restart-delay 1s --restart-max-attempts 3 --restart-window 1m --update-delay 2s \
         --update-failure-action rollback --update-max-failure-ratio 0.1 --rollback-order start-first -d -q img arg",
    )
    .unwrap();
    let run = spec.run.unwrap();
    assert_eq!(
        (run.user.as_str(), run.dir.as_str(), run.hostname.as_str()),
        ("10:20", "/w", "h")
    );
    assert_eq!(
        (run.init, run.read_only, run.stop_signal.as_str()),
        (true, true, "SIGINT")
    );
    assert_eq!((run.stop_grace_ms, run.entrypoint.len()), (Some(3_000), 1));
    assert_eq!(
        (run.ports.len(), run.mounts.len(), run.networks.len(), run.groups.len()),
        (1, 1, 1, 1)
    );
    assert_eq!(run.health.unwrap().interval_ms, 1_000);
    assert_eq!((run.image.as_str(), run.command.len(), run.env.len()), ("img", 1, 1));
    let restart = spec.restart.unwrap();
    assert_eq!(
        (restart.condition(), restart.window_ms),
        (v1::RestartCondition::OnFailure, 60_000)
    );
    let update = spec.update.unwrap();
    assert_eq!(
        (update.on_failure(), update.max_failure_ppm),
        (v1::FailureAction::Rollback, 100_000)
    );
    assert_eq!((update.delay_ms, update.monitor_ms), (2_000, 5_000));
    assert_eq!(spec.rollback.unwrap().order(), v1::RollOrder::StartFirst);
    assert_eq!(spec.max_per_node, 2);
}
