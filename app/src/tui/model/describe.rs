//! What is known of one object? Everything but a value, as lines in the shape of YAML.

pub mod keys;
mod members;
mod roots;

use wardroom_api::v1;

use super::Model;
use super::facts::{moves, secrets, time, words};
use super::rows;
use super::subject::Subject;

/// Characters of a long text that stand in one line.
const PAGE: usize = 70;

/// Lines about the subject; empty once it is gone.
pub fn describe(model: &Model, subject: &Subject) -> Vec<String> {
    let view = &model.cluster;
    let lines = match subject {
        Subject::Secret(id) => view.secrets.get(id).map(|it| secret(it, model.now_ms)),
        Subject::Service(id) => view.services.get(id).map(service),
        Subject::Node(id) => view.nodes.get(id).map(|node| members::node(view, node)),
        Subject::Operator(id) => view.operators.get(id).map(|operator| members::operator(view, operator)),
        Subject::Task(id) => view
            .tasks
            .get(id)
            .map(|task| self::task(task, view.hostname(&task.node_id))),
        Subject::Rotation(id) => view.rotations.get(id).map(rotation),
        Subject::Holding(id) => view
            .holdings
            .get(id)
            .map(|holding| self::holding(holding, view.hostname(&holding.node_id))),
        Subject::Line(number) => model
            .logs
            .as_ref()
            .and_then(|logs| logs.get(*number))
            .map(|line| log_line(line, view.hostname(&line.node_id))),
        Subject::Record(sequence) => view.audit.get(sequence).map(record),
        Subject::Key(it) => Some(keys::page(model, it)),
        Subject::Move(key) => moves::with_key(view, key).map(|it| keys::of_move(&it)),
        Subject::Grant(key) => rows::grant_of(model, key).map(|(service, grant)| {
            let mut lines = vec![line("service", words::service_name(service))];
            lines.extend(self::grant(grant));
            lines
        }),
    };
    lines.unwrap_or_default()
}

fn line(name: &str, value: impl std::fmt::Display) -> String {
    format!("{name}: {value}")
}

fn labels(labels: &std::collections::BTreeMap<String, String>) -> Vec<String> {
    let mut lines = vec![if labels.is_empty() {
        "labels: {}".to_owned()
    } else {
        "labels:".to_owned()
    }];
    lines.extend(labels.iter().map(|(key, value)| format!("  {key}: {value}")));
    lines
}

fn secret(secret: &v1::Secret, now_ms: i64) -> Vec<String> {
    let mut lines = vec![
        line("name", &secret.name),
        line("id", &secret.id),
        line("value", "not readable, by anybody"),
    ];
    lines.extend(labels(&secret.labels));
    let policy = if secret.max_age_ms == 0 {
        "none".to_owned()
    } else {
        time::span(i64::try_from(secret.max_age_ms).unwrap_or(i64::MAX))
    };
    lines.extend([
        line("rotate_after", policy),
        line("keep_versions", secret.keep_versions),
        line(
            "keep_for",
            match secret.keep_ms {
                0 => "any time".to_owned(),
                length => time::span(i64::try_from(length).unwrap_or(i64::MAX)),
            },
        ),
        line(
            "template",
            if secret.template_driver.is_empty() {
                "none"
            } else {
                &secret.template_driver
            },
        ),
        line(
            "schedule",
            secrets::next_value(secret, now_ms).unwrap_or_else(|| "none".to_owned()),
        ),
        line("schedule_error", &secret.schedule_error),
        line("current", secret.current),
        line("created", time::date(secret.created_at_ms)),
        line("updated", time::date(secret.updated_at_ms)),
        line("version_index", secret.version_index),
        "versions:".to_owned(),
    ]);
    for version in &secret.versions {
        lines.extend([
            format!("- number: {}", version.number),
            format!("  name: {}", version.name),
            format!("  id: {}", version.id),
            format!("  state: {}", words::version_state(version.state()).to_lowercase()),
            format!("  since: {}", time::date(version.state_since_ms)),
            format!("  size: {}", version.size),
            format!(
                "  created: {} by {}",
                time::date(version.created_at_ms),
                version.created_by
            ),
            format!(
                "  data_key_check: {}",
                if version.key_check.is_empty() {
                    "dropped"
                } else {
                    &version.key_check
                }
            ),
        ]);
    }
    lines
}

fn grant(grant: &v1::Grant) -> Vec<String> {
    let version = if grant.pinned == 0 {
        "current".to_owned()
    } else {
        format!("v{}", grant.pinned)
    };
    vec![
        line("secret", &grant.secret_name),
        line("version", version),
        line("target", &grant.target),
        line("owner", format!("{}:{}", grant.uid, grant.gid)),
        line("mode", words::mode(grant.mode)),
        line("on_change", words::on_change(grant.on_change())),
    ]
}

fn service(service: &v1::Service) -> Vec<String> {
    let mut lines = vec![line("name", words::service_name(service)), line("id", &service.id)];
    if let Some(spec) = &service.spec {
        lines.push(line("executor", words::executor(spec.executor())));
        lines.push(line("command", spec.command().join(" ")));
        lines.push(line("replicas", words::replicas(spec)));
        lines.extend(labels(&spec.labels));
        lines.push("grants:".to_owned());
        for granted in &spec.grants {
            let inner = grant(granted);
            lines.extend(
                inner
                    .iter()
                    .enumerate()
                    .map(|(at, text)| format!("{}{text}", if at == 0 { "- " } else { "  " })),
            );
        }
    }
    lines.extend([
        line("created", time::date(service.created_at_ms)),
        line("updated", time::date(service.updated_at_ms)),
        line("version_index", service.version_index),
    ]);
    lines
}

fn task(task: &v1::Task, host: &str) -> Vec<String> {
    let mut lines = vec![
        line("name", &task.name),
        line("id", &task.id),
        line("node", host),
        line("desired", words::task_state(task.desired())),
        line("state", words::task_state(task.state())),
        line("since", time::date(task.state_since_ms)),
        line("message", &task.message),
        line("error", &task.error),
        line("exit_code", task.exit_code),
        line("health", &task.health),
        line("generation", task.generation),
        line("pid", task.pid),
        line("secrets_dir", &task.secrets_dir),
        "files:".to_owned(),
    ];
    lines.extend(task.files.iter().map(|file| {
        format!(
            "- {}: {} v{} {}:{} {}",
            file.target,
            file.secret_name,
            file.version,
            file.uid,
            file.gid,
            words::mode(file.mode)
        )
    }));
    lines
}

fn rotation(rotation: &v1::Rotation) -> Vec<String> {
    let mut lines = vec![
        line("secret", &rotation.secret_name),
        line("id", &rotation.id),
        line("from", rotation.from),
        line("to", rotation.to),
        line("phase", words::phase(rotation.phase())),
        line("paused", rotation.paused),
        line("message", &rotation.message),
        line("actor", &rotation.actor),
        line("started", time::date(rotation.started_at_ms)),
        line("finished", time::date(rotation.finished_at_ms)),
        "services:".to_owned(),
    ];
    lines.extend(rotation.services.iter().map(|service| {
        format!(
            "- {}: {} of {} proved, {} settled",
            service.service_name, service.proven, service.tasks, service.settled
        )
    }));
    lines
}

fn log_line(it: &super::logs::Line, host: &str) -> Vec<String> {
    let mut lines = vec![
        line("task", &it.task),
        line("node", host),
        line("time", format!("{} ({})", time::date(it.at_ms), time::clock(it.at_ms))),
        line("stream", if it.error { "standard error" } else { "standard output" }),
        "text:".to_owned(),
    ];
    // A page does not break lines by itself.
    let text: Vec<char> = it.text.chars().collect();
    lines.extend(
        text.chunks(PAGE)
            .map(|part| format!("  {}", part.iter().collect::<String>())),
    );
    lines
}

fn holding(holding: &v1::Holding, host: &str) -> Vec<String> {
    vec![
        line("secret", &holding.secret_name),
        line("version", holding.version),
        line("target", &holding.target),
        line("node", host),
        line("task", &holding.task_name),
        line("state", words::holding_state(holding.state(), holding.owed)),
        line("since", time::date(holding.since_ms)),
        line("proven", holding.proven),
        line("message", &holding.message),
    ]
}

fn record(record: &v1::AuditRecord) -> Vec<String> {
    vec![
        line("sequence", record.sequence),
        line("raft_index", record.index),
        line(
            "time",
            format!("{} ({})", time::date(record.at_ms), time::clock(record.at_ms)),
        ),
        line("actor", &record.actor),
        line("from", &record.from),
        line("action", &record.action),
        line("object", &record.object),
        line("outcome", &record.outcome),
        line("detail", &record.detail),
        line("previous", &record.previous),
        line("hash", &record.hash),
    ]
}
