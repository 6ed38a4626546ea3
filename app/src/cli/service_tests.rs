//! Specs from options, and Docker's tables of services.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::report::Exit;

fn options(command: &[&str]) -> ServiceCreate {
    ServiceCreate {
        name: "web".into(),
        replicas: None,
        mode: None,
        executor: None,
        secrets: vec!["source=db_password,target=db".into()],
        labels: vec![],
        constraints: vec!["node.role==worker".into()],
        update_parallelism: 1,
        detach: false,
        command: command.iter().map(|&word| word.to_owned()).collect(),
    }
}

#[test]
fn a_spec_has_one_replica_unless_told() {
    let made = spec(&options(&["sleep", "1000"])).unwrap();
    assert_eq!((made.replicas, made.global), (1, false));
    assert_eq!(made.command(), ["sleep", "1000"]);
    assert_eq!(grants(&made), "db_password->db");
    assert_eq!(made.constraints, ["node.role==worker"]);
    let global = spec(&ServiceCreate {
        mode: Some(ServiceMode::Global),
        ..options(&["x"])
    })
    .unwrap();
    assert_eq!((global.replicas, global.global), (0, true));
}

#[test]
fn a_process_needs_a_command_and_files_take_none() {
    assert_eq!(spec(&options(&[])).unwrap_err().exit, Exit::Usage);
    let files = |command: &[&str]| ServiceCreate {
        executor: Some(ExecutorChoice::Files),
        ..options(command)
    };
    assert_eq!(spec(&files(&[])).unwrap().executor(), v1::Executor::Files);
    assert_eq!(spec(&files(&["x"])).unwrap_err().exit, Exit::Usage);
}

#[test]
fn replicas_count_what_runs() {
    let service = |global| v1::Service {
        id: "s".into(),
        spec: Some(v1::ServiceSpec {
            global,
            replicas: 4,
            ..v1::ServiceSpec::default()
        }),
        ..v1::Service::default()
    };
    let running = Running::from([("s".to_owned(), (1, 2))]);
    assert_eq!(replicas(&service(false), &running), "1/4");
    assert_eq!(replicas(&service(true), &running), "1/2");
    assert_eq!(replicas(&service(false), &Running::new()), "0/4");
}
