//! What does the engine need to know of a container? Everything that a service asks for, the task's directory, and labels
//! by which it is found again; no value, and nothing about one.

use std::collections::HashMap;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bollard::models::{
    ContainerCreateBody, HealthConfig, HostConfig, HostConfigLogConfig, Mount as EngineMount, MountType, PortBinding,
    PortMap,
};

use crate::executor::Job;
use crate::executor::process::unknown_check;
use crate::files::SEEN_AT;
use crate::run::{Health, Mount, MountKind, Run, Test};

pub(super) const TASK: &str = "wardroom.task";
pub(super) const SERVICE: &str = "wardroom.service";
pub(crate) const NODE: &str = "wardroom.node";
pub(super) const CLUSTER: &str = "wardroom.cluster";
/// Of one start of an agent.
pub(super) const LIFE: &str = "wardroom.life";
/// Where the agent keeps its files.
pub(super) const ROOT: &str = "wardroom.root";

/// By what this agent's containers are known.
pub(crate) struct Labels {
    cluster: String,
    pub(super) node: String,
    pub(super) life: String,
}

impl Labels {
    pub(super) fn new(cluster: &str, node: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            cluster: cluster.to_owned(),
            node: node.to_owned(),
            life: format!("{}-{}", std::process::id(), now.as_nanos()),
        }
    }

    fn of(&self, job: &Job) -> HashMap<String, String> {
        let root = job.hidden.as_deref().unwrap_or(Path::new("")).display().to_string();
        let ours = [
            (TASK, job.task.to_string()),
            (SERVICE, job.service.name.clone()),
            (NODE, self.node.clone()),
            (CLUSTER, self.cluster.clone()),
            (LIFE, self.life.clone()),
            (ROOT, root),
        ];
        let own = job.run.labels.iter().map(|(name, value)| (name.clone(), value.clone()));
        // The last word about a name is ours.
        own.chain(ours.map(|(name, value)| (name.to_owned(), value))).collect()
    }
}

/// What can be told before the engine is asked.
pub(super) fn fits(run: &Run) -> Result<(), String> {
    if run.image.is_empty() {
        return Err("the service has no image; give it one with --image".to_owned());
    }
    if let Some(Test::Unknown(word)) = run.health.as_ref().map(|health| &health.test) {
        return Err(unknown_check(word));
    }
    for mount in &run.mounts {
        if let MountKind::Unknown(number) = mount.kind {
            return Err(format!("this worker does not know mounts of kind {number}; update it"));
        }
        let target = mount.target.trim_end_matches('/');
        if target == SEEN_AT || target.starts_with(&format!("{SEEN_AT}/")) {
            return Err(format!(
                "a mount at {} would hide the secrets; choose another target",
                mount.target.escape_default()
            ));
        }
    }
    match run
        .ports
        .iter()
        .find(|port| port.target == 0 || port.target > 65535 || port.published > 65535)
    {
        Some(port) => Err(format!("{}:{} are not two ports", port.published, port.target)),
        None => Ok(()),
    }
}

pub(super) fn body(job: &Job, labels: &Labels) -> ContainerCreateBody {
    let run = &*job.run;
    ContainerCreateBody {
        image: Some(run.image.clone()),
        entrypoint: some(&run.entrypoint),
        cmd: some(&run.command),
        env: some(&run.env),
        user: text(&run.user),
        working_dir: text(&run.dir),
        hostname: text(&run.hostname),
        stop_signal: text(&run.stop_signal),
        labels: Some(labels.of(job)),
        healthcheck: run.health.as_ref().map(health),
        exposed_ports: some(
            &run.ports
                .iter()
                .map(|port| format!("{}/{}", port.target, port.protocol))
                .collect::<Vec<_>>(),
        ),
        attach_stdout: Some(true),
        attach_stderr: Some(true),
        host_config: Some(host(job)),
        ..Default::default()
    }
}

fn host(job: &Job) -> HostConfig {
    let run = &*job.run;
    let secrets = EngineMount {
        typ: Some(MountType::BIND),
        source: Some(job.secrets_dir.display().to_string()),
        target: Some(SEEN_AT.to_owned()),
        read_only: Some(true),
        ..Default::default()
    };
    HostConfig {
        mounts: Some([secrets].into_iter().chain(run.mounts.iter().map(mount)).collect()),
        init: run.init.then_some(true),
        readonly_rootfs: Some(run.read_only),
        network_mode: run.networks.first().cloned(),
        port_bindings: ports(run),
        group_add: some(&run.groups),
        // Nothing of what it prints is kept by the engine: its drivers write to a disk.
        log_config: Some(HostConfigLogConfig {
            typ: Some("none".to_owned()),
            config: None,
        }),
        ..Default::default()
    }
}

fn mount(mount: &Mount) -> EngineMount {
    let typ = match mount.kind {
        MountKind::Volume => MountType::VOLUME,
        MountKind::Tmpfs => MountType::TMPFS,
        MountKind::Bind | MountKind::Unknown(_) => MountType::BIND,
    };
    EngineMount {
        typ: Some(typ),
        source: text(&mount.source),
        target: Some(mount.target.clone()),
        read_only: Some(mount.read_only),
        ..Default::default()
    }
}

fn ports(run: &Run) -> Option<PortMap> {
    let mut map = PortMap::new();
    for port in &run.ports {
        let published = if port.published == 0 {
            String::new()
        } else {
            port.published.to_string()
        };
        let binding = PortBinding {
            host_ip: None,
            host_port: Some(published),
        };
        map.entry(format!("{}/{}", port.target, port.protocol))
            .or_default()
            .get_or_insert_with(Vec::new)
            .push(binding);
    }
    (!map.is_empty()).then_some(map)
}

fn health(health: &Health) -> HealthConfig {
    let nanos = |time: Duration| Some(i64::try_from(time.as_nanos()).unwrap_or(i64::MAX));
    let test = match &health.test {
        Test::None | Test::Unknown(_) => vec!["NONE".to_owned()],
        Test::Command(words) => [vec!["CMD".to_owned()], words.clone()].concat(),
        Test::Shell(line) => vec!["CMD-SHELL".to_owned(), line.clone()],
    };
    HealthConfig {
        test: Some(test),
        interval: nanos(health.interval),
        timeout: nanos(health.timeout),
        start_period: nanos(health.start_period),
        retries: Some(i64::from(health.retries)),
        start_interval: None,
    }
}

fn some(words: &[String]) -> Option<Vec<String>> {
    (!words.is_empty()).then(|| words.to_vec())
}

fn text(word: &str) -> Option<String> {
    (!word.is_empty()).then(|| word.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::ids::TaskId;
    use crate::run::Port;

    fn job(run: Run) -> Job {
        Job {
            task: TaskId::new("t1"),
            name: "web.1".into(),
            service: Arc::default(),
            run: Arc::new(run),
            secrets_dir: "/run/x/t1/secrets".into(),
            hidden: Some("/run/x".into()),
            log: Arc::default(),
        }
    }

    #[test]
    fn the_secrets_are_bound_read_only_and_nothing_is_logged() {
        let labels = [
            ("wardroom.node".to_owned(), "mine".to_owned()),
            ("a".to_owned(), "b".to_owned()),
        ];
        let run = Run {
            image: "busybox".into(),
            labels: labels.into(),
            ..Run::default()
        };
        let body = body(&job(run), &Labels::new("c1", "n1"));
        let host = body.host_config.expect("it is set");
        let mount = &host.mounts.expect("there is one")[0];
        assert_eq!(mount.source.as_deref(), Some("/run/x/t1/secrets"));
        assert_eq!(
            (mount.target.as_deref(), mount.read_only),
            (Some("/run/secrets"), Some(true))
        );
        assert_eq!(host.log_config.and_then(|log| log.typ).as_deref(), Some("none"));
        let labels = body.labels.expect("they are set");
        assert_eq!(
            labels[NODE], "n1",
            "a service cannot pass its containers off as another node's"
        );
        assert_eq!((labels["a"].as_str(), labels[ROOT].as_str()), ("b", "/run/x"));
        assert_eq!(body.cmd, None, "what is not given is the image's own");
    }

    #[test]
    fn ports_and_checks_are_the_engines() {
        let port = |published, protocol| Port {
            published,
            target: 80,
            protocol,
        };
        let run = Run {
            ports: vec![port(8080, "tcp"), port(0, "udp"), port(8081, "tcp")],
            health: Some(Health {
                test: Test::Shell("true".into()),
                interval: Duration::from_secs(1),
                timeout: Duration::from_secs(2),
                start_period: Duration::ZERO,
                retries: 4,
            }),
            ..Run::default()
        };
        let map = ports(&run).expect("there are some");
        let published = |key: &str| -> Vec<String> {
            let bindings = map[key].clone().unwrap_or_default();
            bindings.into_iter().filter_map(|binding| binding.host_port).collect()
        };
        assert_eq!(published("80/tcp"), ["8080", "8081"]);
        assert_eq!(published("80/udp"), [""]);
        let health = health(run.health.as_ref().expect("it is set"));
        assert_eq!(health.test, Some(vec!["CMD-SHELL".into(), "true".into()]));
        assert_eq!((health.interval, health.retries), (Some(1_000_000_000), Some(4)));
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let with = |change: fn(&mut Run)| {
            let mut run = Run {
                image: "busybox".into(),
                ..Run::default()
            };
            change(&mut run);
            fits(&run).expect_err("it is refused")
        };
        assert!(with(|run| run.image.clear()).contains("has no image"));
        let hiding = |run: &mut Run| {
            run.mounts = vec![Mount {
                kind: MountKind::Tmpfs,
                source: String::new(),
                target: "/run/secrets/".into(),
                read_only: false,
            }];
        };
        assert!(with(hiding).contains("would hide the secrets"));
    }
}
