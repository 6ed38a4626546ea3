//! Do services come, change and go as they should, and are the refusals in words?

use crate::command::Command;
use crate::constraint::Constraint;
use crate::ids::SecretId;
use crate::script::{Script, create, expect, grant, revoke, service, service_id, spec, update};
use crate::service::{Grant, Mode, OnChange, RunSpec, ServiceSpec};

fn with_grants(grants: Vec<Grant>) -> ServiceSpec {
    ServiceSpec {
        grants,
        ..spec("web", &[])
    }
}

#[test]
fn grants_are_kept_in_canonical_form() {
    let mut script = Script::new();
    script.play(create("api"));
    script.play(create("db"));
    let grants = vec![
        Grant {
            target: "./z//db".into(),
            ..grant("db")
        },
        grant("api"),
    ];
    expect(
        &script.play(Command::CreateService {
            id: service_id("web"),
            spec: with_grants(grants),
        }),
        "service svc-web\nservice.create web [ok] 1 replica, +api (swap), +db as z/db (swap)",
    );
    let service = script.state.find_service("web").unwrap();
    let targets: Vec<&str> = service.spec.grants.iter().map(|grant| grant.target.as_str()).collect();
    assert_eq!(targets, ["api", "z/db"]);
    assert_eq!(script.state.files_wanted(service).len(), 2);
}

#[test]
fn refusals() {
    let mut script = Script::new();
    script.play(create("api"));
    script.play(create("db"));
    let mut check = |spec: ServiceSpec, refusal: &str| {
        expect(
            &script.play(Command::CreateService {
                id: service_id("web"),
                spec,
            }),
            refusal,
        );
    };
    let at = |name: &str, target: &str| Grant {
        target: target.into(),
        ..grant(name)
    };
    let conflict = "Invalid: secret references 'api' and 'db' have a conflicting target: 'a/b'";
    check(with_grants(vec![at("api", "a/b"), at("db", "a//b")]), conflict);
    check(spec("web", &["nope"]), "Invalid: secret not found: s-nope");
    check(
        spec("web", &["nope", "db", "missing"]),
        "Invalid: secrets not found: s-missing, s-nope",
    );
    check(spec("", &[]), "Invalid: meta: name must be provided");
    check(
        with_grants(vec![at("db", "/etc/db")]),
        "Invalid: secret target '/etc/db' is an absolute path, which only a container can have; give a path below the secrets directory, like db_password",
    );
    let mode = Grant {
        mode: 0o4755,
        ..grant("db")
    };
    check(
        with_grants(vec![mode]),
        "Invalid: invalid mode specified: 4755 has more than permission bits; use 0000 to 0777, like 0444",
    );
    let signal = Grant {
        on_change: OnChange::Signal("SIGKILL".into()),
        ..grant("db")
    };
    check(
        with_grants(vec![signal]),
        "Invalid: signal 'SIGKILL' is not known; use one of SIGHUP, SIGINT, SIGQUIT, SIGUSR1, SIGUSR2, SIGTERM, SIGCONT, SIGWINCH, SIGALRM",
    );
    let pinned = Grant {
        pinned: Some(7),
        ..grant("db")
    };
    check(
        with_grants(vec![pinned]),
        "NotFound: secret db has no version 7; see its versions and name one of them",
    );
    let process = ServiceSpec {
        run: RunSpec::default(),
        ..spec("web", &[])
    };
    check(process, "Invalid: a service that runs a process needs a command");
    let many = ServiceSpec {
        mode: Mode::Replicated(5_000),
        ..spec("web", &[])
    };
    check(many, "Invalid: 5000 replicas are too many; a service has at most 1000");
}

#[test]
fn an_update_keeps_what_a_roll_back_needs_and_names_the_difference() {
    let mut script = Script::with_web(&["db"]);
    script.play(create("api"));
    let mut next = spec("web", &["api"]);
    next.mode = Mode::Replicated(3);
    expect(
        &script.play(update("web", next.clone())),
        "service svc-web\nservice.update web [ok] -db (swap), +api (swap), 1 replica -> 3 replicas",
    );
    let service = script.state.find_service("web").unwrap();
    assert_eq!(service.previous.as_ref(), Some(&spec("web", &["db"])));
    expect(&script.play(update("web", next.clone())), "");
    let stale = Command::UpdateService {
        id: service_id("web"),
        spec: next.clone(),
        expected: Some(1),
    };
    expect(&script.play(stale), "Conflict: update out of sequence");
    let renamed = ServiceSpec {
        name: "www".into(),
        ..next.clone()
    };
    expect(
        &script.play(update("web", renamed)),
        "Invalid: renaming services is not supported; create a new service and remove this one",
    );
    let global = ServiceSpec {
        mode: Mode::Global,
        ..next
    };
    expect(
        &script.play(update("web", global)),
        "Invalid: service mode change is not allowed; create a new service and remove this one",
    );
}

#[test]
fn scaling_stays_possible_after_a_revoke() {
    let mut script = Script::with_web(&["db"]);
    script.play(revoke("db", Some(1)));
    let scaled = ServiceSpec {
        mode: Mode::Replicated(2),
        ..spec("web", &["db"])
    };
    expect(
        &script.play(update("web", scaled)),
        "service svc-web\nservice.update web [ok] 1 replica -> 2 replicas",
    );
    expect(
        &script.play(service("api", &["db"])),
        "Precondition: secret 'db' has no current version; rotate it first",
    );
    let gone = ServiceSpec {
        grants: vec![Grant {
            pinned: Some(1),
            secret: SecretId::new("s-db"),
            ..grant("db")
        }],
        ..spec("api", &[])
    };
    expect(
        &script.play(Command::CreateService {
            id: service_id("api"),
            spec: gone,
        }),
        "Precondition: version 1 of secret 'db' has no value any more; name another version or follow the current one",
    );
}

#[test]
fn removing_leaves_placed_tasks_to_their_workers() {
    let mut script = Script::with_web(&["db"]);
    expect(
        &script.play(service("WEB", &[])),
        "AlreadyExists: service WEB already exists",
    );
    expect(
        &script.play(Command::RemoveService { id: service_id("web") }),
        "-service svc-web
         task t1
         holding s-db v1 t1: Pending, owed
         service.remove web [ok] 1 task",
    );
    expect(
        &script.play(Command::RemoveService { id: service_id("web") }),
        "NotFound: service svc-web not found",
    );
}

#[test]
fn constraints_are_checked_and_told() {
    let mut script = Script::new();
    let with = |texts: &[&str]| ServiceSpec {
        constraints: texts.iter().map(|text| Constraint::parse(text).unwrap()).collect(),
        ..spec("web", &[])
    };
    let create = |spec| Command::CreateService {
        id: service_id("web"),
        spec,
    };
    let mut wrong = with(&["node.role==worker"]);
    wrong.constraints[0].key = "node.ip".into();
    expect(
        &script.play(create(wrong)),
        "Invalid: invalid placement constraint 'node.ip==worker': its key is not known; write KEY==VALUE or KEY!=VALUE with node.id, node.hostname, node.role or node.labels.NAME",
    );
    expect(
        &script.play(create(with(&["node.role==worker", "node.labels.zone!=eu"]))),
        "service svc-web
         service.create web [ok] 1 replica, on nodes with node.role==worker and node.labels.zone!=eu",
    );
    expect(
        &script.play(update("web", with(&["node.id==n1"]))),
        "service svc-web\nservice.update web [ok] on nodes with node.id==n1",
    );
    expect(
        &script.play(update("web", with(&[]))),
        "service svc-web\nservice.update web [ok] on any node",
    );
}
