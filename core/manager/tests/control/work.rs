//! Does a service come as it was asked for, and change only as was meant? Through a follower, as an operator has it.

use tonic::{Code, Status};
use wardroom_api::v1;
use wardroom_api::v1::control_client::ControlClient;

use crate::fleet::{Fleet, list, until};

type Control = ControlClient<tonic::transport::Channel>;

async fn secret(control: &mut Control, name: &str) {
    let create = v1::CreateSecretRequest {
        name: name.into(),
        value: Some(v1::Value::from_bytes(b"value".to_vec())),
        ..Default::default()
    };
    control.create_secret(create).await.unwrap();
}

fn grant(secret: &str, target: &str) -> v1::Grant {
    v1::Grant {
        secret_name: secret.into(),
        target: target.into(),
        ..Default::default()
    }
}

/// A container with a file at an absolute path, and most of what there is to say.
fn container(name: &str) -> v1::ServiceSpec {
    v1::ServiceSpec {
        name: name.into(),
        replicas: 2,
        grants: vec![grant("db", "/run/secrets//db"), grant("db", "/etc/app//key")],
        run: Some(v1::RunSpec {
            executor: v1::Executor::Container.into(),
            image: "redis:7".into(),
            env: vec!["LEVEL=info".into()],
            stop_signal: "quit".into(),
            stop_grace_ms: Some(2_000),
            ports: vec![v1::Port {
                published: 6_379,
                target: 6_379,
                protocol: 0,
            }],
            ..Default::default()
        }),
        update: Some(v1::RollSettings {
            parallelism: 2,
            order: v1::RollOrder::StartFirst.into(),
            ..Default::default()
        }),
        ..Default::default()
    }
}

async fn create(control: &mut Control, spec: v1::ServiceSpec) -> Result<(), Status> {
    let request = v1::CreateServiceRequest {
        spec: Some(spec),
        exposes_env: false,
    };
    control.create_service(request).await.map(|_| ())
}

async fn listed(control: &mut Control, name: &str) -> v1::Service {
    let request = v1::ListRequest {
        kind: v1::Kind::Service.into(),
        references: vec![name.into()],
        ..Default::default()
    };
    match list(control, request).await.remove(0) {
        v1::object::Kind::Service(service) => service,
        other => panic!("{other:?}"),
    }
}

fn last(fleet: &Fleet, action: &str) -> String {
    fleet.managers[fleet.follower()].replica().read(|state| {
        let mut found = state.audit().filter(|record| record.action == action);
        found.next_back().unwrap().detail.clone()
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_container_comes_as_it_was_asked_for() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    secret(&mut control, "db").await;
    create(&mut control, container("cache")).await.unwrap();
    let spec = listed(&mut control, "cache").await.spec.unwrap();
    let targets: Vec<_> = spec.grants.iter().map(|grant| grant.target.as_str()).collect();
    assert_eq!(targets, ["/etc/app/key", "db"], "in normal form and order");
    let run = spec.run.unwrap();
    assert_eq!((run.stop_signal.as_str(), run.stop_grace_ms), ("SIGQUIT", Some(2_000)));
    assert_eq!(run.ports[0].protocol(), v1::Protocol::Tcp);
    assert_eq!(spec.restart.unwrap().delay_ms, 5_000, "Docker's default");
    assert_eq!(spec.update.unwrap().order(), v1::RollOrder::StartFirst);
    fleet.stop().await;
}

type Change = fn(&mut v1::ServiceSpec);

fn run(spec: &mut v1::ServiceSpec) -> &mut v1::RunSpec {
    spec.run.as_mut().unwrap()
}

/// What cannot be, and words of the refusal.
const REFUSED: [(Change, &str); 10] = [
    (|spec| run(spec).image.clear(), "a container needs one"),
    (|spec| run(spec).env.push("hunter2".into()), "entry 2 is not NAME=value"),
    (|spec| run(spec).stop_signal = "NOPE".into(), "stop signal"),
    (
        |spec| {
            let twice = run(spec).ports[0];
            run(spec).ports.push(twice);
        },
        "6379 is published twice",
    ),
    (
        |spec| {
            run(spec).executor = v1::Executor::Process.into();
            run(spec).command = vec!["serve".into()];
        },
        "invalid image: a service with the process executor has none",
    ),
    (
        |spec| {
            spec.run = Some(v1::RunSpec {
                command: vec!["serve".into()],
                ..Default::default()
            });
        },
        "is an absolute path, which only a container can have",
    ),
    (
        |spec| spec.grants.push(grant("db", "db")),
        "have a conflicting target: 'db'",
    ),
    (|spec| spec.grants.push(grant("db", "a/../b")), "begins with '..'"),
    (
        |spec| {
            spec.rollback = Some(v1::RollSettings {
                on_failure: v1::FailureAction::Rollback.into(),
                ..Default::default()
            });
        },
        "rollback failure action",
    ),
    (
        |spec| {
            run(spec).env = (0..900)
                .map(|number| format!("A{number}={}", "x".repeat(300)))
                .collect();
        },
        "at most 196608 bytes in all",
    ),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_run_is_refused_before_it_is_proposed() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    secret(&mut control, "db").await;
    for (change, words) in REFUSED {
        let mut spec = container("cache");
        change(&mut spec);
        let status = create(&mut control, spec).await.unwrap_err();
        assert_eq!(status.code(), Code::InvalidArgument, "{status:?}");
        assert!(status.message().contains(words), "{}", status.message());
        assert!(!status.message().contains("hunter2"), "no value is told");
    }
    let services = fleet.managers[fleet.leader()]
        .replica()
        .read(|state| state.services().len());
    assert_eq!(services, 0);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_spec_replaces_the_one_it_was_made_from() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    secret(&mut control, "db").await;
    create(&mut control, container("cache")).await.unwrap();
    let before = listed(&mut control, "cache").await;
    let mut spec = before.spec.unwrap();
    run(&mut spec).image = "redis:8".into();
    run(&mut spec).env = vec!["LEVEL=hunter2".into()];
    let update = |spec: v1::ServiceSpec| v1::UpdateServiceRequest {
        reference: "cache".into(),
        spec: Some(spec),
        expected: Some(before.version_index),
        ..Default::default()
    };
    let both = v1::UpdateServiceRequest {
        replicas: Some(3),
        ..update(spec.clone())
    };
    assert_eq!(
        control.update_service(both).await.unwrap_err().code(),
        Code::InvalidArgument
    );
    let planned = v1::UpdateServiceRequest {
        plan_only: true,
        ..update(spec.clone())
    };
    assert!(
        control
            .update_service(planned)
            .await
            .unwrap()
            .into_inner()
            .plan
            .is_some()
    );
    control.update_service(update(spec.clone())).await.unwrap();
    let after = listed(&mut control, "cache").await;
    assert_eq!(after.spec.unwrap().run.unwrap().image, "redis:8");
    assert_eq!(after.previous_spec.unwrap().run.unwrap().image, "redis:7");
    assert_eq!(last(&fleet, "service.update"), "image redis:7 -> redis:8, env ~LEVEL");

    spec.name.clear();
    let late = control.update_service(update(spec)).await.unwrap_err();
    assert_eq!((late.code(), late.message()), (Code::Aborted, "update out of sequence"));
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_spec_before_there_is_no_way_back() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    secret(&mut control, "db").await;
    create(&mut control, container("cache")).await.unwrap();
    let back = |plan_only| v1::RollbackServiceRequest {
        reference: "cache".into(),
        plan_only,
        ..Default::default()
    };
    let none = control.rollback_service(back(false)).await.unwrap_err();
    assert_eq!(
        (none.code(), none.message()),
        (Code::FailedPrecondition, "service cache does not have a previous spec")
    );
    let scale = v1::UpdateServiceRequest {
        reference: "cache".into(),
        replicas: Some(1),
        ..Default::default()
    };
    control.update_service(scale).await.unwrap();
    let told = control.rollback_service(back(true)).await.unwrap().into_inner();
    assert!(
        told.plan.unwrap().steps[0].detail.starts_with("1 task"),
        "told before it is done"
    );
    assert_eq!(listed(&mut control, "cache").await.spec.unwrap().replicas, 1);
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn grants_of_several_services_change_together() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    for name in ["db", "key"] {
        secret(&mut control, name).await;
    }
    for name in ["one", "two"] {
        create(&mut control, container(name)).await.unwrap();
    }
    let change = |service: &str, add: &[&str], remove: &[&str]| v1::GrantChange {
        service: service.into(),
        add: add.iter().map(|secret| grant(secret, "")).collect(),
        remove: remove.iter().map(ToString::to_string).collect(),
    };
    let request = |changes: Vec<v1::GrantChange>| v1::UpdateGrantsRequest {
        changes,
        ..Default::default()
    };
    let counts = |fleet: &Fleet| {
        let count = |name: &str| {
            let replica = fleet.managers[fleet.follower()].replica().clone();
            replica.read(|state| state.find_service(name).unwrap().spec.grants.len())
        };
        (count("one"), count("two"))
    };
    // One of them cannot be: none is made.
    let bad = request(vec![change("one", &["key"], &[]), change("two", &["nope"], &[])]);
    assert!(control.update_grants(bad).await.is_err());
    assert!(control.update_grants(request(Vec::new())).await.is_err());
    assert_eq!(counts(&fleet), (2, 2));

    let good = request(vec![
        change("one", &["key"], &[]),
        change("two", &["key"], &["db"]),
        change("one", &[], &["db"]),
    ]);
    // A plan is made from the tasks too, and they are still being made.
    for manager in &fleet.managers {
        until(manager, "each task says why it has no node", |state| {
            let tasks = state.tasks().values();
            tasks.filter(|task| !task.status.message.is_empty()).count() == 4
        })
        .await;
    }
    let planned = v1::UpdateGrantsRequest {
        plan_only: true,
        ..good.clone()
    };
    let plan = control.update_grants(planned).await.unwrap().into_inner().plan.unwrap();
    assert!(
        plan.steps.iter().any(|step| step.detail.ends_with("of service two")),
        "{plan:?}"
    );
    let confirmed = v1::UpdateGrantsRequest {
        plan_basis: plan.basis,
        ..good
    };
    control.update_grants(confirmed.clone()).await.unwrap();
    assert_eq!(counts(&fleet), (1, 1));
    // What the plan was made from is gone.
    assert!(control.update_grants(confirmed).await.is_err());
    fleet.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cluster_can_refuse_values_in_environments() {
    let fleet = Fleet::start(0).await;
    let mut control = fleet.control(fleet.follower());
    secret(&mut control, "db").await;
    let exposing = |name: &str| v1::CreateServiceRequest {
        exposes_env: true,
        spec: Some(container(name)),
    };
    control.create_service(exposing("before")).await.unwrap();
    let refuse = v1::UpdateClusterRequest {
        refuse_env: Some(true),
        ..Default::default()
    };
    let changed = control.update_cluster(refuse).await.unwrap().into_inner();
    assert_eq!(changed.plan.unwrap().steps[0].subject, "secrets in environments");
    let refused = control.create_service(exposing("after")).await.unwrap_err();
    assert_eq!(refused.code(), Code::FailedPrecondition);
    assert!(
        refused.message().contains("swarm update --refuse-env=false"),
        "{refused:?}"
    );
    assert_eq!(last(&fleet, "cluster.update"), "secrets in environments refused");
    create(&mut control, container("after")).await.unwrap();
    fleet.stop().await;
}
