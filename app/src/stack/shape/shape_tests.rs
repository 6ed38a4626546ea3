//! Does every key arrive where it belongs, and is every other one refused by its place?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use wardroom_api::v1::{self, Executor, FailureAction, MountKind, Protocol, RestartCondition, RollOrder, reload};

use super::*;
use crate::stack::read;

fn shaped(text: &str) -> (Compose, Vec<String>) {
    let mut problems = Problems::default();
    let tree = read("c.yml", text.as_bytes(), &mut problems).unwrap();
    let compose = shape(&tree, &mut problems);
    (compose, problems.lines())
}

/// One service of that body, flow style.
#[track_caller]
fn web(body: &str) -> Service {
    let (mut compose, problems) = shaped(&format!("services: {{web: {{image: x, {body}}}}}"));
    assert_eq!(problems, Vec::<String>::new());
    compose.services.remove("web").unwrap()
}

#[track_caller]
fn refused(body: &str, expected: &str) {
    let (_, problems) = shaped(&format!("services: {{web: {{image: x, {body}}}}}"));
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert!(problems[0].contains(expected), "{problems:?}");
}

#[test]
fn a_container_with_everything() {
    let service = web(
        "entrypoint: /bin/sh -c 'a b', command: [c, 1], hostname: h, user: '1:2', group_add: [g], working_dir: /w, \
         init: true, read_only: 'yes', stop_signal: usr1, stop_grace_period: 1m30s, labels: {a: 1, b: }",
    );
    let run = service.run;
    assert_eq!(run.executor(), Executor::Container);
    assert_eq!(run.entrypoint, ["/bin/sh", "-c", "a b"]);
    assert_eq!(run.command, ["c", "1"]);
    assert_eq!(
        (run.hostname.as_str(), run.user.as_str(), run.dir.as_str()),
        ("h", "1:2", "/w")
    );
    assert!(run.init && run.read_only);
    assert_eq!(run.stop_signal, "SIGUSR1");
    assert_eq!(run.stop_grace_ms, Some(90_000));
    assert_eq!(run.container_labels["b"], "");
    refused("command: a 'b", "command: a quote is not closed");
    refused("init: maybe", "init has to be true or false");
    refused("stop_grace_period: 5", "invalid duration");
    refused("user: [a]", "user has to be text, and this is a list");
}

#[test]
fn environment_keeps_what_is_the_callers() {
    let service = web("environment: [A=1, B, C=], env_file: a.env");
    let values: Vec<_> = service
        .environment
        .iter()
        .map(|(key, at)| (key.as_str(), at.value.as_deref()))
        .collect();
    assert_eq!(values, [("A", Some("1")), ("B", None), ("C", Some(""))]);
    assert_eq!(service.env_files[0].value, "a.env");
    refused("environment: ['=x']", "a name without = is expected");
    refused("environment: text", "has to be a map or a list of KEY=value");
}

#[test]
fn ports_in_both_syntaxes() {
    let port = |published, target, protocol: Protocol| v1::Port {
        published,
        target,
        protocol: protocol.into(),
    };
    let service = web("ports: ['8080-8081:80-81', 53:53/udp, 9, {target: 443, published: '444', mode: host}]");
    assert_eq!(
        service.run.ports,
        [
            port(0, 9, Protocol::Tcp),
            port(53, 53, Protocol::Udp),
            port(8080, 80, Protocol::Tcp),
            port(8081, 81, Protocol::Tcp),
            port(444, 443, Protocol::Tcp),
        ]
    );
    refused("ports: ['127.0.0.1:80:80']", "a host address is not supported");
    refused("ports: ['80-82:80-81']", "both ranges have to be of one length");
    refused("ports: ['1-60000']", "more than 1000 ports");
    refused("ports: ['0:80']", "8080:80, 8080-8081:80-81 or 53:53/udp is expected");
    refused(
        "ports: ['80:80', '80:81']",
        "port 80 is published twice; the other is at c.yml:1:",
    );
    refused("ports: [{target: 80, mode: ingress}]", "there is no routing mesh");
    refused("ports: [{target: 70000}]", "a target from 1 to 65535 is needed");
}

#[test]
fn mounts_in_both_syntaxes() {
    let service = web(
        "volumes: ['./a:/a:ro', 'b:/b/', {type: tmpfs, target: /c}, {type: bind, source: /d, target: /d, read_only: true}]",
    );
    let mounts: Vec<_> = service
        .mounts
        .iter()
        .map(|mount| (mount.source.clone(), mount.target.as_str(), mount.read_only))
        .collect();
    assert_eq!(
        mounts,
        [
            (MountSource::Bind("./a".into()), "/a", true),
            (MountSource::Named("b".into()), "/b", false),
            (MountSource::Tmpfs, "/c", false),
            (MountSource::Bind("/d".into()), "/d", true),
        ]
    );
    assert_ne!(MountKind::Tmpfs, MountKind::Bind);
    refused("volumes: ['a:/b:z']", "the option `z` is not supported");
    refused("volumes: ['a:b']", "has to be an absolute path");
    refused(
        "volumes: ['a:/b', 'c:/b/']",
        "/b is mounted twice; the other is at c.yml:1:",
    );
    refused("volumes: [/only]", "a volume without a name is not supported");
    refused(
        "volumes: [{type: tmpfs, target: /x, tmpfs: {size: 1}}]",
        "`tmpfs` is not supported",
    );
}

#[test]
fn health_checks() {
    let health = |body: &str| web(&format!("healthcheck: {body}")).run.health;
    let check = health("{test: curl x, interval: 5s, timeout: 1s, start_period: 2s, retries: 4}").unwrap();
    assert_eq!(check.test, ["CMD-SHELL", "curl x"]);
    assert_eq!(
        (
            check.interval_ms,
            check.timeout_ms,
            check.start_period_ms,
            check.retries
        ),
        (5_000, 1_000, 2_000, 4)
    );
    assert_eq!(health("{disable: true}").unwrap().test, ["NONE"]);
    assert_eq!(health("{test: [NONE]}").unwrap().test, ["NONE"]);
    refused("healthcheck: {test: [curl]}", "has to be [CMD, program, ...]");
    refused("healthcheck: {test: a, disable: true}", "exclude each other");
    refused(
        "healthcheck: {start_interval: 1s}",
        "`start_interval` is not supported; use interval",
    );
}

#[test]
fn deployment_settings() {
    let deploy = web(
        "deploy: {replicas: 4, labels: {tier: front}, placement: {constraints: [' node.role == worker '], \
         max_replicas_per_node: 2}, restart_policy: {condition: on-failure, max_attempts: 3}, update_config: {parallelism: 0, \
         delay: 2s, failure_action: rollback, max_failure_ratio: 0.25, order: start-first}, rollback_config: {monitor: 1s}}",
    )
    .deploy;
    assert_eq!(
        (deploy.replicas, deploy.max_per_node, deploy.global),
        (Some(4), 2, false)
    );
    assert_eq!(deploy.constraints, ["node.role==worker"]);
    let restart = deploy.restart.unwrap();
    assert_eq!(
        (restart.condition(), restart.delay_ms, restart.max_attempts),
        (RestartCondition::OnFailure, 5_000, 3)
    );
    let update = deploy.update.unwrap();
    assert_eq!(
        (update.parallelism, update.delay_ms, update.monitor_ms),
        (0, 2_000, 5_000)
    );
    assert_eq!(
        (update.on_failure(), update.max_failure_ppm, update.order()),
        (FailureAction::Rollback, 250_000, RollOrder::StartFirst)
    );
    let rollback = deploy.rollback.unwrap();
    assert_eq!((rollback.parallelism, rollback.monitor_ms), (1, 1_000));
    refused(
        "deploy: {rollback_config: {failure_action: rollback}}",
        "has to be pause or continue",
    );
    refused(
        "deploy: {update_config: {max_failure_ratio: 1.5}}",
        "a share from 0 to 1",
    );
    refused("deploy: {mode: global, replicas: 2}", "mode global has no replicas");
    refused("deploy: {mode: replicated-job}", "has to be replicated or global");
    refused(
        "deploy: {resources: {limits: {cpus: 1}}}",
        "`resources` is not supported",
    );
    refused(
        "deploy: {placement: {constraints: [node.platform.os==linux]}}",
        "KEY==VALUE or KEY!=VALUE is expected",
    );
    refused("deploy: {replica: 2}", "did you mean replicas?");
}

#[test]
fn restart_words_of_compose() {
    let restart = |word: &str| web(&format!("restart: {word}")).deploy.restart.unwrap();
    assert_eq!(restart("unless-stopped").condition(), RestartCondition::Any);
    assert_eq!(restart("\"no\"").condition(), RestartCondition::None);
    assert_eq!(restart("on-failure:3").max_attempts, 3);
    refused(
        "restart: sometimes",
        "has to be no, always, unless-stopped or on-failure[:N]",
    );
    refused(
        "restart: always, deploy: {restart_policy: {condition: any}}",
        "say the same twice",
    );
}

#[test]
fn secrets_of_a_service() {
    let service = web(
        "secrets: [a, {source: b, target: /run/secrets//sub/./b, uid: '10', gid: 20, mode: 0440, x-on-change: 'signal:usr1'}, \
         {source: a, target: /etc/a}]",
    );
    let grants: Vec<&v1::Grant> = service.secrets.iter().map(|used| &used.grant).collect();
    assert_eq!(
        (grants[0].target.as_str(), grants[0].mode, grants[0].on_change()),
        ("a", 0o444, v1::OnChange::Swap)
    );
    assert_eq!((grants[1].target.as_str(), grants[1].mode), ("sub/b", 0o440));
    assert_eq!(
        (grants[1].uid, grants[1].gid, grants[1].signal.as_str()),
        (10, 20, "SIGUSR1")
    );
    assert_eq!(grants[2].target, "/etc/a");
    for target in ["/run/secrets/a", "./a", "a/"] {
        let body = format!("secrets: [a, {{source: b, target: {target}}}]");
        refused(&body, "secrets a and b have one target, a; the other is at c.yml:1:38");
    }
    refused("secrets: [{source: a, target: ../x}]", "must not leave its folder");
    refused("secrets: [{target: x}]", "source is missing");
    refused(
        "secrets: [{source: a, uid: postgres}]",
        "uid has to be a number; names are not resolved",
    );
    refused(
        "secrets: [{source: a, mode: 440}]",
        "440 is read as a decimal number; write 0440",
    );
    refused("secrets: [{source: a, mode: 01777}]", "permission bits like 0440");
    refused("secrets: [{source: a, mode: 0}]", "permission bits like 0440");
    refused(
        "secrets: [{source: a, x-on-change: reboot}]",
        "x-on-change has to be swap, restart or signal:NAME",
    );
    refused(
        "secrets: [{source: a, colour: red}]",
        "`colour` is not a key that wardroom knows",
    );
}

#[test]
fn declared_secrets_have_one_origin() {
    let (compose, problems) = shaped(
        "services: {w: {image: x}}\nsecrets:\n  a: {file: ./a.txt, labels: [k=v], template_driver: golang}\n  b: {environment: B}\n  \
         c: {external: true, name: d}\n  e: {external: {name: f}}\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert!(matches!(&compose.secrets["a"].origin, Some(Origin::File(at)) if at.value == "./a.txt"));
    assert_eq!(compose.secrets["a"].template_driver, "golang");
    assert!(matches!(&compose.secrets["b"].origin, Some(Origin::Environment(at)) if at.value == "B"));
    assert_eq!(compose.secrets["e"].name.as_deref(), Some("f"));
    assert_eq!(compose.secrets["e"].origin, Some(Origin::External));
    let (_, problems) = shaped(
        "services: {w: {image: x}}\nsecrets:\n  a:\n  b: {file: x, external: true}\n  c: {external: true, labels: {x: y}}\n  \
         d: {file: x, driver: vault}\n  e: {content: hunter2}\n",
    );
    let one = "one of `file`, `environment` and `external: true` is needed, and only one";
    assert_eq!(
        problems,
        [
            format!("c.yml:3:3: secret a: {one}"),
            format!("c.yml:4:3: secret b: {one}"),
            "c.yml:5:31: secret c: an external secret is not changed here; leave labels and template_driver out".into(),
            "c.yml:6:16: secret d: `driver` is not supported; the value has to come from a file or a variable".into(),
            format!("c.yml:7:3: secret e: {one}"),
            "c.yml:7:7: secret e: `content` is not supported; a value in a compose file is no secret; put it into a file".into(),
        ]
    );
}

#[test]
fn what_is_not_a_container_says_so() {
    let (compose, problems) = shaped(
        "services:\n  p: {command: sleep 9, x-wardroom: {executor: process}}\n  f:\n    x-wardroom: {executor: files, reload: \
         {pidfile: /run/x.pid, signal: hup}}\n",
    );
    assert_eq!(problems, Vec::<String>::new());
    assert_eq!(compose.services["p"].run.executor(), Executor::Process);
    let Some(reload::How::Pidfile(pidfile)) = compose.services["f"].run.reload.clone().unwrap().how else {
        panic!()
    };
    assert_eq!(
        (pidfile.path.as_str(), pidfile.signal.as_str()),
        ("/run/x.pid", "SIGHUP")
    );
    let (_, problems) = shaped(
        "services:\n  p:\n    image: x\n    ports: ['80']\n    secrets: [{source: a, target: /etc/a}]\n    x-wardroom: {executor: \
         process, reload: {unit: nginx}}\n  f:\n    command: x\n    x-wardroom: {executor: files, reload: {}}\n  c: {}\n",
    );
    assert_eq!(
        problems,
        [
            "c.yml:2:3: service p: `command` is missing; a process is made of one",
            "c.yml:3:5: service p: `image` needs a container; leave it out, or `executor:`",
            "c.yml:4:5: service p: `ports` needs a container; leave it out, or `executor:`",
            "c.yml:5:35: service p: a process has its secrets below /run/secrets; write a target without a path before it",
            "c.yml:6:45: service p: x-wardroom: reload is for `executor: files`; programs that wardroom starts take x-on-change",
            "c.yml:8:5: service f: `command` needs something that runs; `executor: files` starts nothing",
            "c.yml:9:43: service f: x-wardroom.reload: one of pidfile, unit and command is needed, and only one",
            "c.yml:10:3: service c: `image` is missing; name one, or write x-wardroom: {executor: process}",
        ]
    );
}

#[test]
fn nothing_is_passed_over() {
    let (_, problems) = shaped(
        "version: '3.8'\nx-anything: {a: 1}\nconfigs: {c: {file: x}}\nservice: {}\nservices:\n  web:\n    image: x\n    x-mine: 1\n    \
         build: .\n    depends_on: [db]\n    imagge: y\n    privileged: true\n  db: text\nnetworks: {front: {driver: overlay}}\n\
         volumes: {v: {driver: nfs}}\nx-wardroom: {}\n",
    );
    assert_eq!(
        problems,
        [
            "c.yml:3:1: the compose file: `configs` is not supported; hand files over as secrets, or as bind mounts under \
             `volumes:` of the service",
            "c.yml:4:1: the compose file: `service` is not a key; did you mean services?",
            "c.yml:9:5: service web: `build` is not supported; build the image first, and name it with `image:`",
            "c.yml:10:5: service web: `depends_on` is not supported; all services start at once; let the program wait for what \
             it needs",
            "c.yml:11:5: service web: `imagge` is not a key; did you mean image?",
            "c.yml:12:5: service web: `privileged` is not supported; containers run with the engine's own rights; leave it out",
            "c.yml:13:3: service db: `image` is missing; name one, or write x-wardroom: {executor: process}",
            "c.yml:13:7: service db has to be a map, and this is text",
            "c.yml:14:12: network front: wardroom makes no networks; create it in the engines and write `external: true`",
            "c.yml:14:20: network front: `driver` is not supported; wardroom makes no networks; create it in the engines and \
             write `external: true`",
            "c.yml:15:23: volume v: driver has to be local or default",
            "c.yml:16:1: the compose file: `x-wardroom` is not a key that wardroom knows; remove it",
        ]
    );
}

#[test]
fn a_file_without_services_and_a_thousand_errors() {
    assert_eq!(
        shaped("name: x\n").1,
        ["c.yml:1:1: there is no service in it; write at least one under `services:`"]
    );
    assert_eq!(
        shaped("[a]").1[0],
        "c.yml:1:1: the compose file has to be a map, and this is a list"
    );
    let keys: Vec<String> = (0..1000).map(|number| format!("    nonsense{number}: 1")).collect();
    let (_, problems) = shaped(&format!("services:\n  web:\n    image: x\n{}", keys.join("\n")));
    assert_eq!(problems.len(), 1000);
}
