//! What does a service look like to a person? Docker's layout of `inspect --pretty`, with what there is here besides.

use std::fmt::Write as _;

use wardroom_api::v1::{self, Executor};

use crate::cli::session::Session;
use crate::cli::{duration, each, ratio, when, words};
use crate::report::Report;
use crate::text::clean;

pub async fn services(references: &[String], session: &mut Session) -> Result<(), Report> {
    let mut missed = Vec::new();
    let mut first = true;
    for reference in references {
        match session.service(reference).await {
            Ok(service) => {
                let gap = if std::mem::take(&mut first) { "" } else { "\n" };
                session
                    .output
                    .text(&format!("{gap}{}", page(&service, when::now_ms())))?;
            }
            Err(report) => missed.push(report),
        }
    }
    each::all_or(missed)
}

/// A page that grows line by line; what comes from outside is made harmless on the way.
#[derive(Default)]
struct Page(String);

impl Page {
    /// `Name:\t\tweb`, with a second tab where the value begins with one; nothing where there is nothing to say.
    fn fact(&mut self, name: &str, value: &str) {
        if !value.is_empty() {
            // Writing to a string cannot fail.
            let (tabs, value) = match value.strip_prefix('\t') {
                Some(value) => ("\t\t", value),
                None => ("\t", value),
            };
            let _ = writeln!(self.0, "{name}:{tabs}{}", clean(value));
        }
    }

    fn heading(&mut self, text: &str) {
        let _ = writeln!(self.0, "{text}:");
    }
}

fn page(service: &v1::Service, now_ms: i64) -> String {
    let spec = service.spec.clone().unwrap_or_default();
    let run = spec.run.clone().unwrap_or_default();
    let mut page = Page::default();
    page.fact("ID", &format!("\t{}", service.id));
    page.fact("Name", &format!("\t{}", spec.name));
    labels(&mut page, "Labels", &spec.labels);
    if spec.global {
        page.fact("Service Mode", "Global");
    } else {
        page.fact("Service Mode", "Replicated");
        page.fact(" Replicas", &spec.replicas.to_string());
    }
    if let Some(status) = &service.update_status {
        update_status(&mut page, status, now_ms);
    }
    placement(&mut page, &spec);
    if let Some(policy) = &spec.restart {
        restart(&mut page, policy);
    }
    roll(&mut page, "UpdateConfig", "Update order", spec.update.as_ref());
    roll(&mut page, "RollbackConfig", "Rollback order", spec.rollback.as_ref());
    task(&mut page, &spec, &run);
    mounts(&mut page, &run);
    secrets(&mut page, &spec);
    page.fact("Networks", &run.networks.join(" "));
    ports(&mut page, &run);
    if let Some(check) = &run.health {
        health(&mut page, check);
    }
    page.0
}

fn labels(page: &mut Page, heading: &str, labels: &std::collections::BTreeMap<String, String>) {
    if labels.is_empty() {
        return;
    }
    page.heading(heading);
    for (key, value) in labels {
        let _ = writeln!(page.0, " {}={}", clean(key), clean(value));
    }
}

fn update_status(page: &mut Page, status: &v1::UpdateStatus, now_ms: i64) {
    page.heading("UpdateStatus");
    page.fact(" State", &format!("\t{}", words::update_state(status.state)));
    page.fact(" Started", &when::ago(status.started_at_ms, now_ms).to_lowercase());
    page.fact(" Completed", &when::ago(status.completed_at_ms, now_ms).to_lowercase());
    page.fact(" Message", &status.message);
}

fn placement(page: &mut Page, spec: &v1::ServiceSpec) {
    if spec.constraints.is_empty() && spec.max_per_node == 0 {
        return;
    }
    page.heading("Placement");
    if !spec.constraints.is_empty() {
        page.fact(" Constraints", &format!("[{}]", spec.constraints.join(" ")));
    }
    if spec.max_per_node > 0 {
        page.fact(" Max Replicas Per Node", &spec.max_per_node.to_string());
    }
}

fn restart(page: &mut Page, policy: &v1::RestartPolicy) {
    page.heading("RestartPolicy");
    page.fact(" Condition", words::restart_condition(policy.condition));
    page.fact(" Delay", &format!("\t{}", duration::text(policy.delay_ms)));
    page.fact(" Max attempts", &policy.max_attempts.to_string());
    if policy.window_ms > 0 {
        page.fact(" Window", &format!("\t{}", duration::text(policy.window_ms)));
    }
}

fn roll(page: &mut Page, heading: &str, order: &str, settings: Option<&v1::RollSettings>) {
    let Some(settings) = settings else { return };
    page.heading(heading);
    page.fact(" Parallelism", &settings.parallelism.to_string());
    if settings.delay_ms > 0 {
        page.fact(" Delay", &format!("\t{}", duration::text(settings.delay_ms)));
    }
    page.fact(" On failure", words::failure_action(settings.on_failure));
    page.fact(" Monitoring Period", &duration::text(settings.monitor_ms));
    page.fact(" Max failure ratio", &ratio::text(settings.max_failure_ppm));
    page.fact(&format!(" {order}"), words::roll_order(settings.order));
}

fn task(page: &mut Page, spec: &v1::ServiceSpec, run: &v1::RunSpec) {
    let heading = match spec.executor() {
        Executor::Container => "ContainerSpec",
        Executor::Files => "FilesSpec",
        _ => "ProcessSpec",
    };
    page.heading(heading);
    page.fact(" Image", &tabbed(&run.image));
    page.fact(" Entrypoint", &run.entrypoint.join(" "));
    page.fact(" Args", &tabbed(&run.command.join(" ")));
    if run.init {
        page.fact(" Init", "\ttrue");
    }
    if run.read_only {
        page.fact(" ReadOnly", "true");
    }
    page.fact(" Env", &tabbed(&run.env.join(" ")));
    page.fact(" Dir", &tabbed(&run.dir));
    page.fact(" User", &tabbed(&run.user));
    page.fact(" Groups", &run.groups.join(" "));
    page.fact(" Hostname", &run.hostname);
    page.fact(" StopSignal", &run.stop_signal);
    if let Some(grace) = run.stop_grace_ms {
        page.fact(" StopGracePeriod", &duration::text(grace));
    }
    if let Some(reload) = &run.reload {
        page.fact(" Reload", &reload_text(reload));
    }
    labels(page, " Labels", &run.container_labels);
}

/// One more tab, where there is something.
fn tabbed(text: &str) -> String {
    if text.is_empty() {
        String::new()
    } else {
        format!("\t{text}")
    }
}

fn reload_text(reload: &v1::Reload) -> String {
    match &reload.how {
        Some(v1::reload::How::Pidfile(pidfile)) => format!("{} to the process of {}", pidfile.signal, pidfile.path),
        Some(v1::reload::How::Unit(unit)) => format!("systemctl reload {unit}"),
        Some(v1::reload::How::Command(command)) => command.words.join(" "),
        None => String::new(),
    }
}

fn mounts(page: &mut Page, run: &v1::RunSpec) {
    if run.mounts.is_empty() {
        return;
    }
    page.heading("Mounts");
    for mount in &run.mounts {
        page.fact(" Target", &mount.target);
        page.fact("  Source", &mount.source);
        page.fact("  ReadOnly", if mount.read_only { "true" } else { "false" });
        page.fact("  Type", &format!("\t{}", words::mount_kind(mount.kind)));
    }
}

fn secrets(page: &mut Page, spec: &v1::ServiceSpec) {
    if spec.grants.is_empty() {
        return;
    }
    page.heading("Secrets");
    for grant in &spec.grants {
        page.fact(" Target", &grant.target);
        page.fact("  Source", &grant.secret_name);
        if grant.pinned > 0 {
            page.fact("  Version", &grant.pinned.to_string());
        }
        page.fact("  Owner", &format!("{}:{}", grant.uid, grant.gid));
        page.fact("  Mode", &format!("{:04o}", grant.mode));
        page.fact("  On change", &words::on_change(grant));
    }
}

fn ports(page: &mut Page, run: &v1::RunSpec) {
    if run.ports.is_empty() {
        return;
    }
    page.heading("Ports");
    for port in &run.ports {
        let protocol = words::protocol(port.protocol);
        let _ = writeln!(
            page.0,
            " PublishedPort = {}\n  Protocol = {protocol}\n  TargetPort = {}\n  PublishMode = host",
            port.published, port.target
        );
    }
}

fn health(page: &mut Page, check: &v1::HealthCheck) {
    page.heading("Healthcheck");
    let span = |milliseconds: u64| {
        if milliseconds == 0 {
            String::new()
        } else {
            duration::text(milliseconds)
        }
    };
    for (name, value) in [
        ("Interval", span(check.interval_ms)),
        (
            "Retries",
            if check.retries == 0 {
                String::new()
            } else {
                check.retries.to_string()
            },
        ),
        ("StartPeriod", span(check.start_period_ms)),
        ("Timeout", span(check.timeout_ms)),
        ("Test", check.test.join(" ")),
    ] {
        if !value.is_empty() {
            let _ = writeln!(page.0, "  {name} = {}", clean(&value));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_layout_is_dockers() {
        let service = v1::Service {
            id: "abc".into(),
            spec: Some(v1::ServiceSpec {
                name: "web".into(),
                replicas: 2,
                labels: [("tier".to_owned(), "front\u{1b}[2J".to_owned())].into(),
                grants: vec![v1::Grant {
                    secret_name: "db_password".into(),
                    target: "pw".into(),
                    mode: 0o444,
                    on_change: v1::OnChange::Swap.into(),
                    ..v1::Grant::default()
                }],
                update: Some(v1::RollSettings {
                    parallelism: 1,
                    monitor_ms: 5_000,
                    ..v1::RollSettings::default()
                }),
                run: Some(v1::RunSpec {
                    executor: Executor::Container.into(),
                    image: "redis:7".into(),
                    ports: vec![v1::Port {
                        published: 80,
                        target: 6379,
                        ..v1::Port::default()
                    }],
                    ..v1::RunSpec::default()
                }),
                ..v1::ServiceSpec::default()
            }),
            update_status: Some(v1::UpdateStatus {
                state: v1::UpdateState::Paused.into(),
                started_at_ms: 1_000,
                message: "update paused due to failure or early termination of task x".into(),
                ..v1::UpdateStatus::default()
            }),
            ..v1::Service::default()
        };
        assert_eq!(
            page(&service, 361_000),
            "ID:\t\tabc\nName:\t\tweb\nLabels:\n tier=front\u{fffd}[2J\nService Mode:\tReplicated\n Replicas:\t2\n\
             UpdateStatus:\n State:\t\tpaused\n Started:\t6 minutes ago\n \
             Message:\tupdate paused due to failure or early termination of task x\n\
             UpdateConfig:\n Parallelism:\t1\n On failure:\tpause\n Monitoring Period:\t5s\n Max failure ratio:\t0\n \
             Update order:\tstop-first\nContainerSpec:\n Image:\t\tredis:7\n\
             Secrets:\n Target:\tpw\n  Source:\tdb_password\n  Owner:\t0:0\n  Mode:\t0444\n  On change:\tswap\n\
             Ports:\n PublishedPort = 80\n  Protocol = tcp\n  TargetPort = 6379\n  PublishMode = host\n"
        );
    }
}
