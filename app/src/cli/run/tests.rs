//! What is asked for, and what is known of this process.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::grants::{Variable, wanted};
use super::user::User;
use super::*;
use crate::report::Exit;

const CALLER: User = User {
    uid: 1000,
    gid: 100,
    becomes: None,
};

fn arguments(secrets: &[&str], env: &[&str]) -> Run {
    let owned = |texts: &[&str]| texts.iter().map(|&text| text.to_owned()).collect();
    Run {
        secrets: owned(secrets),
        env: owned(env),
        ..Run::default()
    }
}

#[test]
fn files_belong_to_the_caller_and_nobody_else() {
    let wanted = wanted(
        &arguments(&["db", "source=api,target=key,uid=5,mode=0440"], &[]),
        &CALLER,
    )
    .unwrap();
    let owners: Vec<_> = wanted
        .grants
        .iter()
        .map(|grant| (grant.target.as_str(), grant.uid, grant.gid, grant.mode))
        .collect();
    assert_eq!(owners, [("db", 1000, 100, 0o400), ("key", 5, 100, 0o440)]);
}

#[test]
fn variables_are_read_from_files_that_are_asked_for_once() {
    let made = wanted(
        &arguments(&["source=db,target=pw"], &["PASSWORD=db", "KEY=api", "PW=pw"]),
        &CALLER,
    )
    .unwrap();
    let variable = |name: &str, target: &str| Variable {
        name: name.into(),
        target: target.into(),
    };
    assert_eq!(
        made.variables,
        [
            variable("PASSWORD", "pw"),
            variable("KEY", "api"),
            variable("PW", "env-PW")
        ]
    );
    let names: Vec<_> = made.grants.iter().map(|grant| grant.secret_name.as_str()).collect();
    assert_eq!(names, ["db", "api", "pw"]);
}

#[test]
fn what_cannot_be_meant_is_refused_before_anything_is_lent() {
    for (secrets, env) in [
        (&["source=db,on-change=restart"][..], &[][..]),
        (&["db", "source=x,target=/run/secrets/db"], &[]),
        (&["source=db,target=/etc/passwd"], &[]),
        (&[], &["PASSWORD"]),
        (&[], &["=db"]),
        (&[], &["A B=db"]),
        (&[], &["A=db", "A=api"]),
    ] {
        let report = wanted(&arguments(secrets, env), &CALLER).unwrap_err();
        assert_eq!(report.exit, Exit::Usage, "{secrets:?} {env:?}");
    }
    let no_command = check(&arguments(&["db"], &[]), &[]).unwrap_err();
    assert_eq!(no_command.message, "a command is required");
    assert!(check(&arguments(&[], &[]), &["true".to_owned()]).is_err());
}

#[test]
fn this_process_is_known_by_its_number_and_its_start() {
    let said = lend::this_process().unwrap();
    let (pid, start) = said.split_once(':').unwrap();
    assert_eq!(pid, std::process::id().to_string());
    assert!(start.parse::<u64>().unwrap() > 0);
    let line = "7 (a ) b) S 1 7 7 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 4242 9 10";
    assert_eq!(lend::start_time(line), Some(4242));
    assert_eq!(lend::start_time("7 (a) S 1"), None);
}

#[test]
fn a_run_is_a_service_of_one_task_that_runs_nothing() {
    let spec = lend::spec("/usr/bin/psql", Vec::new(), place::Node::This("n1".into())).unwrap();
    assert!(spec.name.starts_with("run-") && spec.one_off, "{}", spec.name);
    assert_eq!(spec.labels["wardroom.run"], "psql");
    assert_eq!(spec.constraints, ["node.id==n1"]);
    assert_eq!(spec.restart.unwrap().condition(), v1::RestartCondition::None);
    let run = spec.run.unwrap();
    assert!(
        run.command.is_empty() && run.env[0].starts_with("WARDROOM_RUN_PID="),
        "{:?}",
        run.env
    );
}
