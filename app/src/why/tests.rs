//! One cluster, broken at each link in turn.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use wardroom_api::ClusterView;
use wardroom_api::v1::{self, HoldingState, NodeState, RotationPhase, TaskState, VersionState};

use super::*;

/// `web` may read `db` as `pw`; its one task on `host` holds v1, proven.
fn whole() -> ClusterView {
    let mut view = ClusterView {
        index: 7,
        ..ClusterView::default()
    };
    let secret = v1::Secret {
        id: "s".into(),
        name: "db".into(),
        current: 1,
        versions: vec![version(1, VersionState::Current)],
        ..v1::Secret::default()
    };
    view.secrets.insert("s".into(), secret);
    let grant = v1::Grant {
        secret_id: "s".into(),
        secret_name: "db".into(),
        target: "pw".into(),
        mode: 0o400,
        ..v1::Grant::default()
    };
    let spec = v1::ServiceSpec {
        name: "web".into(),
        replicas: 1,
        grants: vec![grant],
        ..v1::ServiceSpec::default()
    };
    let service = v1::Service {
        id: "w".into(),
        spec: Some(spec),
        ..v1::Service::default()
    };
    view.services.insert("w".into(), service);
    let node = v1::Node {
        id: "n".into(),
        hostname: "host".into(),
        state: NodeState::Ready.into(),
        ..v1::Node::default()
    };
    view.nodes.insert("n".into(), node);
    let file = v1::SecretFile {
        secret_id: "s".into(),
        secret_name: "db".into(),
        version: 1,
        target: "pw".into(),
        ..v1::SecretFile::default()
    };
    let task = v1::Task {
        id: "t".into(),
        service_id: "w".into(),
        name: "web.1".into(),
        slot: 1,
        node_id: "n".into(),
        desired: TaskState::Running.into(),
        state: TaskState::Running.into(),
        secrets_dir: "/run/w/t".into(),
        files: vec![file],
        ..v1::Task::default()
    };
    view.tasks.insert("t".into(), task);
    let holding = v1::Holding {
        node_id: "n".into(),
        task_id: "t".into(),
        secret_id: "s".into(),
        version: 1,
        target: "pw".into(),
        state: HoldingState::Present.into(),
        since_ms: 42,
        proven: true,
        ..v1::Holding::default()
    };
    view.holdings.insert("h".into(), holding);
    view
}

fn version(number: u32, state: VersionState) -> v1::Version {
    v1::Version {
        number,
        state: state.into(),
        ..v1::Version::default()
    }
}

/// Where the chain breaks once `harm` is done to it: step, whether it is waited for, words, and what to do.
fn broken(harm: impl FnOnce(&mut ClusterView)) -> (Step, Holds, String, String) {
    let mut view = whole();
    harm(&mut view);
    let why = why(&view, "w", "s", None);
    assert!(!why.is_whole());
    let (_, link) = why.breaks_at().unwrap();
    assert!(!link.next.is_empty(), "nothing to do about: {}", link.text);
    (link.step, link.holds, link.text.clone(), link.next.clone())
}

fn spec(view: &mut ClusterView) -> &mut v1::ServiceSpec {
    view.services.get_mut("w").unwrap().spec.as_mut().unwrap()
}

fn task(view: &mut ClusterView) -> &mut v1::Task {
    view.tasks.get_mut("t").unwrap()
}

fn holding(view: &mut ClusterView) -> &mut v1::Holding {
    view.holdings.get_mut("h").unwrap()
}

#[test]
fn a_whole_chain_tells_every_step() {
    let why = why(&whole(), "w", "s", None);
    assert!(why.is_whole());
    assert_eq!(why.breaks_at(), None);
    let texts: Vec<String> = why
        .all()
        .map(|link| format!("{}: {}", link.step.name(), link.text))
        .collect();
    assert_eq!(
        texts,
        [
            "grant: web may read db as pw, owner 0:0, mode 0400",
            "version: the grant follows the current version: v1",
            "assignment: web.1 is running on host, with v1",
            "delivery: host has v1",
            "file: /run/secrets/pw of its process, /run/w/t/pw on the host",
            "digest: what was read back is what was sealed",
        ]
    );
    assert_eq!(
        (why.tasks[0].node.as_str(), why.tasks[0].target.as_str()),
        ("host", "pw")
    );
    assert_eq!(why.tasks[0].links[1].since_ms, 42);
}

#[test]
fn a_missing_grant_comes_with_the_command_that_gives_it() {
    let (step, holds, text, next) = broken(|view| spec(view).grants.clear());
    assert_eq!((step, holds), (Step::Grant, Holds::No));
    assert_eq!(text, "web was not granted db");
    assert_eq!(next, "wardroom service update --secret-add db web");
    let (step, _, text, _) = broken(|view| drop(view.secrets.remove("s")));
    assert_eq!((step, text.as_str()), (Step::Grant, "there is no secret s any more"));
}

#[test]
fn a_version_that_is_gone_is_named() {
    let revoked = |view: &mut ClusterView| {
        view.secrets.get_mut("s").unwrap().versions = vec![version(1, VersionState::Revoked)];
    };
    let (step, _, text, next) = broken(revoked);
    assert_eq!(step, Step::Version);
    assert_eq!(text, "the grant follows the current version, and v1 is revoked");
    assert!(next.contains("secret rotate db"), "{next}");
    let (step, _, text, _) = broken(|view| view.secrets.get_mut("s").unwrap().current = 0);
    assert_eq!((step, text.as_str()), (Step::Version, "db has no current version"));
    let (_, _, text, next) = broken(|view| spec(view).grants[0].pinned = 3);
    assert_eq!(text, "db has no version 3, to which the grant is pinned");
    assert!(
        next.contains("--secret-rm db --secret-add source=db,target=pw"),
        "{next}"
    );
}

#[test]
fn a_rotation_under_way_is_waited_for() {
    let (step, holds, text, next) = broken(|view| {
        let secret = view.secrets.get_mut("s").unwrap();
        secret.current = 2;
        secret.versions.push(version(2, VersionState::Current));
        let rotation = v1::Rotation {
            id: "r".into(),
            secret_id: "s".into(),
            from: 1,
            to: 2,
            phase: RotationPhase::Rolling.into(),
            ..v1::Rotation::default()
        };
        view.rotations.insert("r".into(), rotation);
        let why = why(view, "w", "s", None);
        assert_eq!(
            why.links[1].text,
            "the grant follows the current version: v2, and a rotation to v2 is rolling"
        );
    });
    assert_eq!((step, holds), (Step::Assignment, Holds::NotYet));
    assert_eq!(text, "web.1 is running on host with v1 in place of v2");
    assert_eq!(next, "wardroom rotation ls db");
}

#[test]
fn tasks_that_do_not_run_say_why() {
    let (step, holds, text, _) = broken(|view| {
        let task = task(view);
        task.node_id.clear();
        task.set_state(TaskState::Pending);
        task.error = "no suitable node (node.role==x)".into();
    });
    assert_eq!((step, holds), (Step::Assignment, Holds::NotYet));
    assert_eq!(text, "web.1 waits for a node: no suitable node (node.role==x)");
    let (_, holds, text, next) = broken(|view| {
        task(view).set_state(TaskState::Failed);
        task(view).set_desired(TaskState::Shutdown);
        task(view).error = "exit 1".into();
    });
    assert_eq!(holds, Holds::No);
    assert_eq!(
        text,
        "web has no task that should run; the last one, web.1, failed: exit 1"
    );
    assert_eq!(next, "wardroom service logs web");
    let (_, _, text, next) = broken(|view| {
        spec(view).replicas = 0;
        view.tasks.clear();
    });
    assert_eq!(
        (text.as_str(), next.as_str()),
        ("web is to have no task", "wardroom service scale web=1")
    );
    let (_, _, text, _) = broken(|view| view.nodes.get_mut("n").unwrap().set_state(NodeState::Down));
    assert_eq!(text, "web.1 is on host, which is down");
}

#[test]
fn one_task_is_asked_about_alone() {
    let mut view = whole();
    task(&mut view).set_state(TaskState::Shutdown);
    let of_task = why(&view, "w", "s", Some("t"));
    let (chain, link) = of_task.breaks_at().unwrap();
    assert_eq!(chain.unwrap().task, "web.1");
    assert_eq!(link.text, "web.1 was stopped");
    let none = why(&view, "w", "s", Some("gone"));
    assert_eq!(none.breaks_at().unwrap().1.text, "there is no task gone any more");
}

#[test]
fn what_a_worker_says_ends_the_chain() {
    let (step, holds, text, _) = broken(|view| view.holdings.clear());
    assert_eq!((step, holds), (Step::Delivery, Holds::NotYet));
    assert_eq!(text, "host was not told of v1 yet");
    let (_, holds, _, _) = broken(|view| holding(view).set_state(HoldingState::Pending));
    assert_eq!(holds, Holds::NotYet);
    let (step, holds, text, _) = broken(|view| {
        holding(view).set_state(HoldingState::Failed);
        holding(view).message = "no space left".into();
    });
    assert_eq!((step, holds), (Step::Delivery, Holds::No));
    assert_eq!(text, "host could not make the file: no space left");
    let (step, _, text, next) = broken(|view| holding(view).proven = false);
    assert_eq!(step, Step::Digest);
    assert_eq!(text, "what host read back is not what was sealed");
    assert!(next.contains("drain host"), "{next}");
}

#[test]
fn what_is_broken_comes_before_what_is_waited_for() {
    let mut view = whole();
    spec(&mut view).replicas = 2;
    let waiting = v1::Task {
        id: "a".into(),
        name: "web.0".into(),
        node_id: String::new(),
        slot: 0,
        state: TaskState::Pending.into(),
        ..view.tasks["t"].clone()
    };
    view.tasks.insert("a".into(), waiting);
    holding(&mut view).proven = false;
    let why = why(&view, "w", "s", None);
    assert_eq!(why.tasks.len(), 2);
    let (chain, link) = why.breaks_at().unwrap();
    assert_eq!((chain.unwrap().task.as_str(), link.step), ("web.1", Step::Digest));
}
