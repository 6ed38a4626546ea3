//! What was a service told to be? Every setting of its spec as sections of names and texts; what was left out shows the
//! value that holds in its place.

use wardroom_api::v1::{
    self, FailureAction, MountKind, Protocol, RestartCondition, RollOrder, RollSettings, RunSpec, Service, ServiceSpec,
    UpdateState, UpdateStatus, reload::How,
};

use super::{time, words};

/// A heading, or a setting below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Empty for a heading.
    pub name: &'static str,
    pub text: String,
}

fn setting(name: &'static str, text: impl Into<String>) -> Setting {
    Setting {
        name,
        text: text.into(),
    }
}

fn span(length_ms: u64) -> String {
    match length_ms {
        0 => "0s".to_owned(),
        length => time::precise(length),
    }
}

/// All of it, section by section.
pub fn settings(service: &Service) -> Vec<Setting> {
    let Some(spec) = &service.spec else {
        return Vec::new();
    };
    let run = spec.run.clone().unwrap_or_default();
    let mut found = vec![setting("", "What runs")];
    what_runs(spec, &run, &mut found);
    found.push(setting("", "Its surroundings"));
    surroundings(&run, &mut found);
    found.push(setting("", "Where and how many"));
    found.push(setting(
        "tasks",
        if spec.global {
            "one on every node".to_owned()
        } else {
            spec.replicas.to_string()
        },
    ));
    found.push(setting("constraints", list(&spec.constraints)));
    if spec.max_per_node > 0 {
        found.push(setting("per node", format!("at most {}", spec.max_per_node)));
    }
    found.push(setting("labels", words::labels(&spec.labels)));
    found.push(setting("", "When a task ends"));
    restart(spec, &mut found);
    found.push(setting("", "How an update replaces tasks"));
    roll(spec.update.as_ref(), &mut found);
    found.push(setting("", "How a roll-back replaces tasks"));
    roll(spec.rollback.as_ref(), &mut found);
    found
}

fn list(items: &[String]) -> String {
    if items.is_empty() {
        "-".to_owned()
    } else {
        items.join(" ")
    }
}

fn what_runs(spec: &ServiceSpec, run: &RunSpec, found: &mut Vec<Setting>) {
    found.push(setting("executor", words::executor(spec.executor())));
    if !run.image.is_empty() {
        found.push(setting("image", &*run.image));
    }
    if !run.entrypoint.is_empty() {
        found.push(setting("entrypoint", run.entrypoint.join(" ")));
    }
    found.push(setting("command", list(&run.command)));
    if !run.user.is_empty() {
        found.push(setting(
            "user",
            format!("{} {}", run.user, run.groups.join(" ")).trim_end(),
        ));
    }
    if !run.dir.is_empty() {
        found.push(setting("folder", &*run.dir));
    }
    let signal = if run.stop_signal.is_empty() {
        "SIGTERM, or the image's"
    } else {
        &run.stop_signal
    };
    let grace = span(run.stop_grace_ms.unwrap_or(10_000));
    found.push(setting("stop", format!("{signal}, {grace} of grace")));
    found.push(setting("health", health(run)));
    if let Some(how) = run.reload.as_ref().and_then(|reload| reload.how.as_ref()) {
        let text = match how {
            How::Pidfile(it) => format!("{} to the process of {}", it.signal, it.path),
            How::Unit(unit) => format!("systemctl reload {unit}"),
            How::Command(it) => it.words.join(" "),
        };
        found.push(setting("reload", text));
    }
}

fn health(run: &RunSpec) -> String {
    let Some(check) = run.health.as_ref().filter(|check| !check.test.is_empty()) else {
        return "the life of the process".to_owned();
    };
    let or = |length: u64| span(if length == 0 { 30_000 } else { length });
    format!(
        "{}, every {}, within {}, {} tries",
        check.test.join(" "),
        or(check.interval_ms),
        or(check.timeout_ms),
        if check.retries == 0 { 3 } else { check.retries }
    )
}

fn surroundings(run: &RunSpec, found: &mut Vec<Setting>) {
    // Names alone: what stands behind them may be confidential although it should not be.
    let names: Vec<&str> = run
        .env
        .iter()
        .map(|pair| pair.split_once('=').map_or(pair.as_str(), |(name, _)| name))
        .collect();
    found.push(setting(
        "env",
        if names.is_empty() {
            "-".to_owned()
        } else {
            names.join(" ")
        },
    ));
    for mount in &run.mounts {
        let kind = match mount.kind() {
            MountKind::Volume => "volume",
            MountKind::Tmpfs => "tmpfs",
            MountKind::Bind | MountKind::Unspecified => "bind",
        };
        let mode = if mount.read_only { "read-only" } else { "writable" };
        let text = format!("{kind} {} at {}, {mode}", mount.source, mount.target);
        found.push(setting("mount", text));
    }
    for port in &run.ports {
        let protocol = match port.protocol() {
            Protocol::Udp => "udp",
            Protocol::Sctp => "sctp",
            Protocol::Tcp | Protocol::Unspecified => "tcp",
        };
        let published = if port.published == 0 {
            "any".to_owned()
        } else {
            port.published.to_string()
        };
        found.push(setting("port", format!("{published} to {}/{protocol}", port.target)));
    }
    if !run.networks.is_empty() {
        found.push(setting("networks", run.networks.join(" ")));
    }
    let flags: Vec<&str> = [("init", run.init), ("read-only root", run.read_only)]
        .into_iter()
        .filter_map(|(name, on)| on.then_some(name))
        .collect();
    if !flags.is_empty() {
        found.push(setting("flags", flags.join(", ")));
    }
}

fn restart(spec: &ServiceSpec, found: &mut Vec<Setting>) {
    let policy = spec.restart.unwrap_or(v1::RestartPolicy {
        condition: RestartCondition::Any.into(),
        delay_ms: 5000,
        ..v1::RestartPolicy::default()
    });
    let when = match policy.condition() {
        RestartCondition::None => "never",
        RestartCondition::OnFailure => "on failure",
        RestartCondition::Any | RestartCondition::Unspecified => "always",
    };
    let attempts = match policy.max_attempts {
        0 => "any number of times".to_owned(),
        number => format!("at most {number} times"),
    };
    found.push(setting(
        "restart",
        format!("{when}, after {}, {attempts}", span(policy.delay_ms)),
    ));
}

/// Docker's defaults, where nothing was said.
pub fn or_default(settings: Option<&RollSettings>) -> RollSettings {
    settings.copied().unwrap_or(RollSettings {
        parallelism: 1,
        monitor_ms: 5000,
        on_failure: FailureAction::Pause.into(),
        order: RollOrder::StopFirst.into(),
        ..RollSettings::default()
    })
}

pub fn failure_action(action: FailureAction) -> &'static str {
    match action {
        FailureAction::Continue => "continue",
        FailureAction::Rollback => "rollback",
        FailureAction::Pause | FailureAction::Unspecified => "pause",
    }
}

pub fn order(order: RollOrder) -> &'static str {
    match order {
        RollOrder::StartFirst => "start-first",
        RollOrder::StopFirst | RollOrder::Unspecified => "stop-first",
    }
}

fn roll(settings: Option<&RollSettings>, found: &mut Vec<Setting>) {
    let it = or_default(settings);
    let pace = match it.parallelism {
        0 => "all at once".to_owned(),
        number => format!("{number} at a time, {} between", span(it.delay_ms)),
    };
    found.push(setting("pace", format!("{pace}, {}", order(it.order()))));
    let share = match it.max_failure_ppm {
        0 => String::new(),
        ppm => format!(", {}% may fail", f64::from(ppm) / 10_000.0),
    };
    found.push(setting(
        "on failure",
        format!(
            "{}, watched for {}{share}",
            failure_action(it.on_failure()),
            span(it.monitor_ms)
        ),
    ));
}

/// How the last update went, in one word; those that need somebody end in `!`.
pub fn update_state(status: &UpdateStatus) -> &'static str {
    match status.state() {
        UpdateState::Updating => "updating",
        UpdateState::Paused => "PAUSED !",
        UpdateState::Completed => "completed",
        UpdateState::RollbackStarted => "ROLLING BACK !",
        UpdateState::RollbackPaused => "ROLL-BACK PAUSED !",
        UpdateState::RollbackCompleted => "ROLLED BACK !",
        UpdateState::Unspecified => "-",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_an_environment_are_never_shown() {
        let run = RunSpec {
            env: vec!["TOKEN=hunter2".into(), "DEBUG".into()],
            ..RunSpec::default()
        };
        let mut found = Vec::new();
        surroundings(&run, &mut found);
        assert_eq!(found, [setting("env", "TOKEN DEBUG")]);
    }

    #[test]
    fn what_was_left_out_shows_what_holds_instead() {
        let service = Service {
            spec: Some(ServiceSpec::default()),
            ..Service::default()
        };
        let all: Vec<String> = settings(&service).into_iter().map(|it| it.text).collect();
        for text in [
            "SIGTERM, or the image's, 10.0s of grace",
            "always, after 5.0s, any number of times",
            "1 at a time, 0s between, stop-first",
            "pause, watched for 5.0s",
        ] {
            assert!(all.iter().any(|line| line == text), "no '{text}' in {all:#?}");
        }
    }
}
