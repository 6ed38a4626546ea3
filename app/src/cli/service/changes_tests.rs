//! Specs before and after.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use super::*;
use crate::report::Exit;

fn secret(id: &str, name: &str) -> v1::Secret {
    v1::Secret {
        id: id.into(),
        name: name.into(),
        versions: vec![v1::Version {
            number: 2,
            name: format!("{name}_v2"),
            ..v1::Version::default()
        }],
        ..v1::Secret::default()
    }
}

fn grant(id: &str, name: &str, target: &str, pinned: u32) -> v1::Grant {
    v1::Grant {
        secret_id: id.into(),
        secret_name: name.into(),
        target: target.into(),
        pinned,
        ..v1::Grant::default()
    }
}

fn web(executor: Executor) -> v1::ServiceSpec {
    v1::ServiceSpec {
        name: "web".into(),
        replicas: 2,
        labels: BTreeMap::from([("tier".to_owned(), "front".to_owned())]),
        constraints: vec!["node.role==worker".into()],
        grants: vec![grant("s1", "db_v1", "db", 0)],
        run: Some(v1::RunSpec {
            executor: executor.into(),
            command: vec!["sleep".into()],
            env: vec!["A=1".into(), "B=2".into()],
            ..v1::RunSpec::default()
        }),
        ..v1::ServiceSpec::default()
    }
}

fn update(changes: SpecChanges) -> ServiceUpdate {
    ServiceUpdate {
        changes,
        ..ServiceUpdate::default()
    }
}

fn after(changes: SpecChanges) -> Result<v1::ServiceSpec, Report> {
    changed(&update(changes), &web(Executor::Container), &[])
}

fn texts(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|&text| text.to_owned()).collect()
}

#[test]
fn a_secret_takes_the_place_of_another_in_one_line() {
    let changes = SpecChanges {
        secret_rm: texts(&["db_v1"]),
        secret_add: texts(&["source=db_v2,target=db"]),
        ..SpecChanges::default()
    };
    let spec = changed(&update(changes), &web(Executor::Process), &[secret("s1", "db_v1")]).unwrap();
    assert_eq!(spec.grants.len(), 1);
    assert_eq!(
        (spec.grants[0].secret_name.as_str(), spec.grants[0].target.as_str()),
        ("db_v2", "db")
    );
}

#[test]
fn a_secret_goes_by_its_id_too_and_one_that_is_not_there_is_named() {
    let rm = |reference: &str| {
        let changes = SpecChanges {
            secret_rm: texts(&[reference]),
            ..SpecChanges::default()
        };
        changed(&update(changes), &web(Executor::Process), &[secret("s1", "db_v1")])
    };
    assert!(rm("s1").unwrap().grants.is_empty());
    let other = SpecChanges {
        secret_rm: texts(&["api"]),
        ..SpecChanges::default()
    };
    let report = changed(&update(other), &web(Executor::Process), &[secret("s9", "api")]).unwrap_err();
    assert_eq!(report.message, "secret api is not granted to service web");
    // A version's name takes only what is pinned to it.
    let report = rm("db_v1_v2").unwrap_err();
    assert_eq!(report.message, "secret db_v1_v2 is not granted to service web");
}

#[test]
fn a_target_that_is_taken_is_refused_before_it_is_sent() {
    let changes = SpecChanges {
        secret_add: texts(&["source=api,target=/run/secrets/db"]),
        ..SpecChanges::default()
    };
    let report = after(changes).unwrap_err();
    assert!(report.message.contains("conflicting target"), "{}", report.message);
}

#[test]
fn lists_lose_and_gain() {
    let spec = after(SpecChanges {
        env_rm: texts(&["A"]),
        env_add: texts(&["B=3", "C=4"]),
        label_rm: texts(&["tier"]),
        label_add: texts(&["team=a"]),
        constraint_rm: texts(&["node.role == worker"]),
        constraint_add: texts(&["node.labels.zone==eu"]),
        group_add: texts(&["audio"]),
        mount_add: texts(&["type=tmpfs,target=/t"]),
        publish_add: texts(&["80:80", "81:80"]),
        ..SpecChanges::default()
    })
    .unwrap();
    let run = spec.run.unwrap();
    assert_eq!(run.env, ["B=3", "C=4"]);
    assert_eq!(spec.labels, BTreeMap::from([("team".to_owned(), "a".to_owned())]));
    assert_eq!(spec.constraints, ["node.labels.zone==eu"]);
    assert_eq!((run.groups.len(), run.mounts.len(), run.ports.len()), (1, 1, 1));
    assert_eq!(run.ports[0].published, 81, "the last word about a port counts");
}

#[test]
fn what_is_not_there_cannot_go() {
    for (changes, message) in [
        (
            SpecChanges {
                env_rm: texts(&["D"]),
                ..SpecChanges::default()
            },
            "the service has no environment variable D",
        ),
        (
            SpecChanges {
                publish_rm: texts(&["80"]),
                ..SpecChanges::default()
            },
            "the service has no port 80",
        ),
        (
            SpecChanges {
                label_rm: texts(&["teir"]),
                ..SpecChanges::default()
            },
            "the service has no label teir",
        ),
    ] {
        let report = after(changes).unwrap_err();
        assert_eq!((report.message.as_str(), report.exit), (message, Exit::Usage));
    }
}

#[test]
fn a_process_gets_no_ports_and_keeps_a_command() {
    let changes = SpecChanges {
        publish_add: texts(&["80"]),
        ..SpecChanges::default()
    };
    let report = changed(&update(changes), &web(Executor::Process), &[]).unwrap_err();
    assert_eq!(
        report.message,
        "--publish-add is for containers, and this service has none"
    );
    let changes = SpecChanges {
        args: Some(String::new()),
        ..SpecChanges::default()
    };
    let report = changed(&update(changes), &web(Executor::Process), &[]).unwrap_err();
    assert_eq!(report.message, "a process needs a command");
}

#[test]
fn force_counts_up_and_nothing_is_nothing() {
    let mut forced = update(SpecChanges::default());
    assert!(is_empty(&forced));
    forced.force = true;
    assert!(!is_empty(&forced));
    assert_eq!(
        changed(&forced, &web(Executor::Process), &[])
            .unwrap()
            .run
            .unwrap()
            .force,
        1
    );
}
