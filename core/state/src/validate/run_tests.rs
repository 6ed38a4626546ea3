//! Is every part of a run spec checked, and does each executor take only what is its own?

use super::*;
use crate::service::{HealthCheck, Mount, MountKind, Port, Protocol};

fn container(change: impl FnOnce(&mut RunSpec)) -> Result<(), String> {
    let mut run = RunSpec {
        executor: Executor::Container,
        image: "redis:7".into(),
        ..RunSpec::default()
    };
    change(&mut run);
    check(&run).map_err(|refusal| refusal.to_string())
}

fn process(change: impl FnOnce(&mut RunSpec)) -> Result<(), String> {
    let mut run = RunSpec {
        command: vec!["serve".into()],
        ..RunSpec::default()
    };
    change(&mut run);
    check(&run).map_err(|refusal| refusal.to_string())
}

fn files(change: impl FnOnce(&mut RunSpec)) -> Result<(), String> {
    let mut run = RunSpec {
        executor: Executor::Files,
        ..RunSpec::default()
    };
    change(&mut run);
    check(&run).map_err(|refusal| refusal.to_string())
}

fn mount(kind: MountKind, source: &str, target: &str) -> Mount {
    Mount {
        kind,
        source: source.into(),
        target: target.into(),
        read_only: false,
    }
}

fn port(published: u16, target: u16, protocol: Protocol) -> Port {
    Port {
        published,
        target,
        protocol,
    }
}

type Change = fn(&mut RunSpec);

/// One part each that only a container has.
const OF_CONTAINERS: [(&str, Change); 9] = [
    ("image", |run| run.image = "redis".into()),
    ("entrypoint", |run| run.entrypoint = vec!["sh".into()]),
    ("networks", |run| run.networks = vec!["backend".into()]),
    ("mounts", |run| run.mounts = vec![mount(MountKind::Tmpfs, "", "/tmp")]),
    ("published ports", |run| run.ports = vec![port(0, 80, Protocol::Tcp)]),
    ("read-only root file system", |run| run.read_only = true),
    ("init process", |run| run.init = true),
    ("hostname", |run| run.hostname = "web".into()),
    ("container labels", |run| {
        run.container_labels.insert("a".into(), "b".into());
    }),
];

#[test]
fn each_executor_takes_what_is_its_own() {
    assert_eq!(container(|_| ()), Ok(()), "the image's own command");
    assert_eq!(
        container(|run| run.image.clear()),
        Err("invalid image: a container needs one; name it, like redis:7".into())
    );
    assert_eq!(
        process(|run| run.command.clear()),
        Err("a service that runs a process needs a command".into())
    );
    assert!(
        files(|run| run.command = vec!["x".into()])
            .unwrap_err()
            .contains("runs no command")
    );
    for (part, change) in OF_CONTAINERS {
        assert_eq!(container(change), Ok(()), "{part}");
        for (name, outcome) in [("process", process(change)), ("files", files(change))] {
            let text = format!(
                "invalid {part}: a service with the {name} executor has none; leave it out, or run a container"
            );
            assert_eq!(outcome, Err(text));
        }
    }
    let reload: Change = |run| run.reload = Some(Reload::Unit("nginx.service".into()));
    assert_eq!(files(reload), Ok(()));
    assert!(process(reload).unwrap_err().contains("it is for the files executor"));
    let health = HealthCheck {
        test: vec!["CMD".into(), "true".into()],
        interval_ms: 0,
        timeout_ms: 0,
        start_period_ms: 0,
        retries: 0,
    };
    assert_eq!(process(|run| run.health = Some(health.clone())), Ok(()));
    assert!(files(|run| run.health = Some(health)).is_err());
    assert_eq!(
        files(|run| run.env = vec!["A=b".into()]),
        Ok(()),
        "for templates, and for runs"
    );
}

#[test]
fn an_environment_is_names_and_values_and_no_value_is_told() {
    assert_eq!(
        process(|run| run.env = vec!["A=b".into(), "B=".into(), "C=d=e".into()]),
        Ok(())
    );
    for entry in ["hunter2", "=hunter2", "A=hunter2\0", "A B=hunter2", "A\0=hunter2"] {
        let text = process(|run| run.env = vec![entry.into()]).unwrap_err();
        assert!(
            text.starts_with("invalid environment: ") && !text.contains("hunter2"),
            "{text}"
        );
    }
    assert!(process(|run| run.env = vec!["A=b".into(); 1_001]).is_err());
    assert!(process(|run| run.command.push("a\0b".into())).is_err());
    assert!(container(|run| run.entrypoint.push("a\0b".into())).is_err());
}

#[test]
fn users_and_groups_are_names_or_numbers() {
    for user in ["app", "1000", "app:web", "1000:1000", "svc-x.y_z", "app:0"] {
        assert_eq!(process(|run| run.user = user.into()), Ok(()), "{user}");
    }
    for user in [":", "app:", ":web", "a b", "-app", "4294967295", "a:b:c", "a/b"] {
        let text = process(|run| run.user = user.into()).unwrap_err();
        assert!(text.starts_with("invalid user: "), "{text}");
    }
    assert_eq!(process(|run| run.groups = vec!["audio".into(), "44".into()]), Ok(()));
    assert!(process(|run| run.groups = vec![String::new()]).is_err());
    assert!(process(|run| run.groups = vec!["1".into(); 65]).is_err());
}

#[test]
fn how_it_stops_is_known() {
    for signal in ["SIGTERM", "SIGQUIT", "SIGRTMIN+3"] {
        assert_eq!(container(|run| run.stop_signal = signal.into()), Ok(()), "{signal}");
    }
    for signal in ["TERM", "SIGNOPE", "9", "SIGRTMIN+99"] {
        assert!(container(|run| run.stop_signal = signal.into()).is_err(), "{signal}");
    }
    assert_eq!(process(|run| run.stop_grace_ms = Some(86_400_000)), Ok(()));
    assert_eq!(
        process(|run| run.stop_grace_ms = Some(86_400_001)),
        Err("invalid stop grace period: it is at most 24 hours".into())
    );
    assert_eq!(process(|run| run.dir = "/srv".into()), Ok(()));
    for dir in ["srv", "./srv", "/a\0b"] {
        assert!(process(|run| run.dir = dir.into()).is_err(), "{dir:?}");
    }
}

#[test]
fn mounts_have_places_of_their_own() {
    let outcome = |mounts: &[Mount]| container(|run| run.mounts = mounts.to_vec());
    let good = [
        mount(MountKind::Bind, "/srv/data", "/data"),
        mount(MountKind::Volume, "cache", "/cache"),
        mount(MountKind::Volume, "", "/anonymous"),
        mount(MountKind::Tmpfs, "", "/run/secrets2"),
    ];
    assert_eq!(outcome(&good), Ok(()));
    for (bad, words) in [
        (mount(MountKind::Bind, "data", "/data"), "source of a bind mount"),
        (mount(MountKind::Bind, "/a", "data"), "mount target"),
        (mount(MountKind::Bind, "/a", "/data/../b"), "has a part '..'"),
        (mount(MountKind::Bind, "/a", "//./"), "destination can't be '/'"),
        (mount(MountKind::Volume, "a/b", "/b"), "no volume's name"),
        (mount(MountKind::Tmpfs, "a", "/b"), "a tmpfs has no source"),
        (mount(MountKind::Tmpfs, "", "/run//secrets"), "would hide the secrets"),
        (mount(MountKind::Tmpfs, "", "/run/secrets/db"), "would hide the secrets"),
    ] {
        let text = outcome(&[bad]).unwrap_err();
        assert!(text.contains(words), "{text}");
    }
    let twice = [
        mount(MountKind::Tmpfs, "", "/a/b"),
        mount(MountKind::Tmpfs, "", "/a//b/"),
    ];
    assert_eq!(
        outcome(&twice),
        Err("invalid mount: Duplicate mount point: /a//b/".into())
    );
}

#[test]
fn no_port_is_published_twice() {
    let outcome = |ports: &[Port]| container(|run| run.ports = ports.to_vec());
    let (tcp, udp) = (Protocol::Tcp, Protocol::Udp);
    let good = [port(53, 53, tcp), port(53, 53, udp), port(0, 80, tcp), port(0, 80, tcp)];
    assert_eq!(outcome(&good), Ok(()));
    assert_eq!(
        outcome(&[port(80, 80, tcp), port(80, 8_080, tcp)]),
        Err("invalid port: 80 is published twice".into())
    );
    assert!(outcome(&[port(80, 0, tcp)]).is_err());
}

#[test]
fn names_are_the_engines() {
    for image in ["redis", "reg.example.org:5000/a/b:1.2", "a@sha256:00"] {
        assert_eq!(container(|run| run.image = image.into()), Ok(()), "{image}");
    }
    for image in ["a b", "-x", "a\nb", &"x".repeat(513)] {
        assert!(container(|run| run.image = image.into()).is_err(), "{image:?}");
    }
    for name in ["-a", "a-", "a_b", &"x".repeat(64)] {
        assert!(container(|run| run.hostname = name.into()).is_err(), "{name:?}");
    }
    for names in [&["a b"][..], &["a", "a"], &[""]] {
        let names: Vec<String> = names.iter().map(ToString::to_string).collect();
        assert!(container(|run| run.networks = names.clone()).is_err(), "{names:?}");
    }
    let text = container(|run| {
        run.container_labels.insert("wardroom.task".into(), "x".into());
    });
    assert!(text.unwrap_err().contains("one of wardroom's own"));
}

#[test]
fn a_reload_hook_says_what_to_do() {
    let outcome = |reload: Reload| files(|run| run.reload = Some(reload));
    let pidfile = |path: &str, signal: &str| Reload::Pidfile {
        path: path.into(),
        signal: signal.into(),
    };
    let command = |words: &[&str]| Reload::Command(words.iter().map(ToString::to_string).collect());
    for good in [
        pidfile("/run/app.pid", "SIGHUP"),
        Reload::Unit("nginx".into()),
        Reload::Unit("app@1.service".into()),
        command(&["/usr/bin/reload", ""]),
    ] {
        assert_eq!(outcome(good), Ok(()));
    }
    for bad in [
        pidfile("run/app.pid", "SIGHUP"),
        pidfile("/run/app.pid", "SIGNOPE"),
        Reload::Unit(String::new()),
        Reload::Unit("--now".into()),
        Reload::Unit("a b".into()),
        command(&[]),
        command(&[""]),
        command(&["a", "b\0"]),
    ] {
        assert!(outcome(bad.clone()).is_err(), "{bad:?}");
    }
}
