//! Is a process asked whether it is well, by a command that sees what it sees and ends in any case?

use std::time::Duration;

use tokio::runtime::Runtime;
use wardroom_agent::executor::{Executor, Happening, Running};
use wardroom_agent::run::{Health, Test};

use super::bench::{Bench, PATIENCE, is_gone, until};

fn health(line: &str, retries: u32) -> Health {
    Health {
        test: Test::Shell(line.to_owned()),
        interval: Duration::from_millis(20),
        timeout: Duration::from_secs(10),
        start_period: Duration::ZERO,
        retries,
    }
}

fn start(runtime: &Runtime, bench: &Bench, health: Health) -> Box<dyn Running> {
    let health = Health {
        test: match health.test {
            Test::Shell(line) => Test::Shell(line.replace("OUT", bench.out.path().to_str().unwrap())),
            other => other,
        },
        ..health
    };
    let job = bench.job_with("sleep 1000", |run| run.health = Some(health));
    let running = runtime.block_on(bench.processes.start(&job, &[])).unwrap();
    assert!(running.is_checked());
    running
}

fn next(runtime: &Runtime, running: &mut Box<dyn Running>) -> Happening {
    let next = async { tokio::time::timeout(PATIENCE, running.next()).await };
    runtime.block_on(next).expect("something happens")
}

pub(super) fn a_check_sees_what_the_task_sees(runtime: &Runtime, bench: &Bench) {
    let line = "test \"$(cat \"$WARDROOM_SECRETS_DIR/tls/db_password\")\" = one";
    let mut running = start(runtime, bench, health(line, 1));
    assert_eq!(next(runtime, &mut running), Happening::Healthy);
    bench.publish("two");
    let Happening::Unhealthy(words) = next(runtime, &mut running) else {
        panic!("it does not see the new file");
    };
    assert_eq!(words, "exit code 1");
    runtime.block_on(running.stop(PATIENCE));
}

pub(super) fn a_check_that_fails_too_often(runtime: &Runtime, bench: &Bench) {
    let mut running = start(runtime, bench, health("echo starting up; echo not yet >&2; exit 4", 2));
    let ill = "not yet (exit code 4)";
    assert_eq!(next(runtime, &mut running), Happening::Ailing(ill.into()));
    assert_eq!(next(runtime, &mut running), Happening::Unhealthy(ill.into()));
    assert_eq!(runtime.block_on(running.stop(PATIENCE)).code, 143);
    let mut gone = start(
        runtime,
        bench,
        Health {
            test: Test::Command(vec!["/no/such/check".into()]),
            ..health("", 1)
        },
    );
    let Happening::Unhealthy(words) = next(runtime, &mut gone) else {
        panic!("a check that is not there cannot succeed");
    };
    assert!(words.contains("cannot start the check: No such file"), "{words}");
}

pub(super) fn a_check_that_hangs_is_killed(runtime: &Runtime, bench: &Bench) {
    let hangs = Health {
        timeout: Duration::from_millis(300),
        ..health(
            "echo $$ > OUT/check.tmp; mv OUT/check.tmp OUT/check; sleep 1000 & wait",
            1,
        )
    };
    let mut running = start(runtime, bench, hangs);
    assert_eq!(
        next(runtime, &mut running),
        Happening::Unhealthy("no answer within 300 ms".into())
    );
    let check: u32 = bench.written("check").trim().parse().unwrap();
    until("the check is gone", || is_gone(check));
    assert!(!is_gone(running.pid()), "the task itself goes on");
    runtime.block_on(running.stop(PATIENCE));
}
