//! How many tasks, where, and how are they replaced? The map under `deploy:` of a service. What it does not say is
//! Docker's default.

use std::collections::BTreeMap;

use wardroom_api::v1::{self, FailureAction, RestartCondition, RollOrder};

use crate::stack::fields::{At, Fields, choice, labels, number, span, text, texts};
use crate::stack::problem::Problems;
use crate::stack::tree::Node;

#[derive(Clone, Debug, Default)]
pub struct Deploy {
    pub global: bool,
    pub replicas: Option<u32>,
    pub labels: BTreeMap<String, String>,
    pub constraints: Vec<String>,
    pub max_per_node: u32,
    pub restart: Option<v1::RestartPolicy>,
    pub update: Option<v1::RollSettings>,
    pub rollback: Option<v1::RollSettings>,
}

pub fn read(node: &Node, service: &str, problems: &mut Problems) -> Deploy {
    let what = format!("service {service}: deploy");
    let mut fields = Fields::of(node, what.clone(), problems);
    let modes = &[("replicated", false), ("global", true)];
    let global = fields
        .take("mode")
        .and_then(|node| choice(node, &format!("{what}.mode"), modes, problems));
    let replicas_node = fields.take("replicas");
    let replicas = replicas_node.and_then(|node| number(node, &format!("{what}.replicas"), problems));
    if let Some(node) = replicas_node.filter(|_| global == Some(true)) {
        problems.refuse(
            &node.place,
            format!("{what}: mode global has no replicas; leave one of them out"),
        );
    }
    let mut deploy = Deploy {
        global: global.unwrap_or(false),
        replicas,
        labels: labels(fields.take("labels"), &format!("{what}.labels"), problems),
        restart: fields
            .take("restart_policy")
            .map(|node| restart_policy(node, &format!("{what}.restart_policy"), problems)),
        update: fields
            .take("update_config")
            .map(|node| roll(node, &format!("{what}.update_config"), true, problems)),
        rollback: fields
            .take("rollback_config")
            .map(|node| roll(node, &format!("{what}.rollback_config"), false, problems)),
        ..Deploy::default()
    };
    if let Some(node) = fields.take("placement") {
        placement(node, &format!("{what}.placement"), &mut deploy, problems);
    }
    fields.refuse_rest(
        &[
            ("resources", "wardroom sets no limits; leave it out"),
            ("endpoint_mode", "there is no virtual address; leave it out"),
        ],
        problems,
    );
    deploy
}

fn placement(node: &Node, what: &str, deploy: &mut Deploy, problems: &mut Problems) {
    let mut fields = Fields::of(node, what, problems);
    if let Some(node) = fields.take("constraints") {
        let what = format!("{what}.constraints");
        let written = texts(node, &what, problems);
        let read = written
            .iter()
            .filter_map(|written| constraint(written, &what, problems));
        deploy.constraints = read.collect();
    }
    let most = fields.take("max_replicas_per_node");
    deploy.max_per_node = most
        .and_then(|node| number(node, &format!("{what}.max_replicas_per_node"), problems))
        .unwrap_or(0);
    fields.refuse_rest(
        &[("preferences", "tasks are spread over the nodes anyway; leave it out")],
        problems,
    );
}

/// As the cluster writes it: `node.role==worker`.
fn constraint(written: &At<String>, what: &str, problems: &mut Problems) -> Option<String> {
    let text = written.value.as_str();
    let operator = ["==", "!="]
        .into_iter()
        .filter_map(|operator| Some((text.find(operator)?, operator)))
        .min();
    let parts = operator.map(|(at, operator)| (text[..at].trim(), operator, text[at + 2..].trim()));
    let is_known = |key: &str| {
        let label = key.strip_prefix("node.labels.").is_some_and(|label| !label.is_empty());
        label || matches!(key, "node.id" | "node.hostname" | "node.role")
    };
    match parts {
        Some((key, operator, value)) if is_known(key) && !value.is_empty() => Some(format!("{key}{operator}{value}")),
        _ => {
            let text = format!(
                "{what}: KEY==VALUE or KEY!=VALUE is expected, with node.id, node.hostname, node.role or node.labels.NAME as key"
            );
            problems.refuse(&written.place, text);
            None
        }
    }
}

fn restart_policy(node: &Node, what: &str, problems: &mut Problems) -> v1::RestartPolicy {
    let conditions = &[
        ("none", RestartCondition::None),
        ("on-failure", RestartCondition::OnFailure),
        ("any", RestartCondition::Any),
    ];
    let mut fields = Fields::of(node, what, problems);
    let condition = fields
        .take("condition")
        .and_then(|node| choice(node, &format!("{what}.condition"), conditions, problems));
    let delay = fields
        .take("delay")
        .and_then(|node| span(node, &format!("{what}.delay"), problems));
    let attempts = fields
        .take("max_attempts")
        .and_then(|node| number(node, &format!("{what}.max_attempts"), problems));
    let window = fields
        .take("window")
        .and_then(|node| span(node, &format!("{what}.window"), problems));
    fields.refuse_rest(&[], problems);
    v1::RestartPolicy {
        condition: condition.unwrap_or(RestartCondition::Any).into(),
        delay_ms: delay.unwrap_or(RESTART_DELAY_MS),
        max_attempts: attempts.unwrap_or(0),
        window_ms: window.unwrap_or(0),
    }
}

const RESTART_DELAY_MS: u64 = 5_000;

/// `restart:` of a service, as `docker compose` has it: `no`, `always`, `unless-stopped`, `on-failure[:N]`.
pub fn restart(node: &Node, service: &str, problems: &mut Problems) -> Option<v1::RestartPolicy> {
    let what = format!("service {service}: restart");
    let written = text(node, &what, problems)?;
    let (word, attempts) = written.split_once(':').unwrap_or((&written, ""));
    let condition = match word {
        "no" | "false" => Some(RestartCondition::None),
        "always" | "unless-stopped" => Some(RestartCondition::Any),
        "on-failure" => Some(RestartCondition::OnFailure),
        _ => None,
    };
    let attempts = match attempts {
        "" => Some(0),
        number if word == "on-failure" => number.parse().ok(),
        _ => None,
    };
    let (Some(condition), Some(max_attempts)) = (condition, attempts) else {
        problems.refuse(
            &node.place,
            format!("{what} has to be no, always, unless-stopped or on-failure[:N]"),
        );
        return None;
    };
    Some(v1::RestartPolicy {
        condition: condition.into(),
        delay_ms: RESTART_DELAY_MS,
        max_attempts,
        window_ms: 0,
    })
}

/// `update_config` or `rollback_config`.
fn roll(node: &Node, what: &str, is_update: bool, problems: &mut Problems) -> v1::RollSettings {
    let all = &[
        ("pause", FailureAction::Pause),
        ("continue", FailureAction::Continue),
        ("rollback", FailureAction::Rollback),
    ];
    let orders = &[
        ("stop-first", RollOrder::StopFirst),
        ("start-first", RollOrder::StartFirst),
    ];
    // A failing roll-back is never rolled back.
    let actions = if is_update { &all[..] } else { &all[..2] };
    let mut fields = Fields::of(node, what, problems);
    let parallelism = fields
        .take("parallelism")
        .and_then(|node| number(node, &format!("{what}.parallelism"), problems));
    let delay = fields
        .take("delay")
        .and_then(|node| span(node, &format!("{what}.delay"), problems));
    let monitor = fields
        .take("monitor")
        .and_then(|node| span(node, &format!("{what}.monitor"), problems));
    let on_failure = fields
        .take("failure_action")
        .and_then(|node| choice(node, &format!("{what}.failure_action"), actions, problems));
    let ratio = fields
        .take("max_failure_ratio")
        .and_then(|node| share(node, &format!("{what}.max_failure_ratio"), problems));
    let order = fields
        .take("order")
        .and_then(|node| choice(node, &format!("{what}.order"), orders, problems));
    fields.refuse_rest(&[], problems);
    v1::RollSettings {
        parallelism: parallelism.unwrap_or(1),
        delay_ms: delay.unwrap_or(0),
        monitor_ms: monitor.unwrap_or(5_000),
        on_failure: on_failure.unwrap_or(FailureAction::Pause).into(),
        max_failure_ppm: ratio.unwrap_or(0),
        order: order.unwrap_or(RollOrder::StopFirst).into(),
    }
}

/// A share from 0 to 1, in millionths.
fn share(node: &Node, what: &str, problems: &mut Problems) -> Option<u32> {
    let written = text(node, what, problems)?;
    let (whole, fraction) = written.split_once('.').unwrap_or((&written, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let is_number = !written.is_empty() && written != "." && digits(whole) && digits(fraction);
    let millionths: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let value = format!("{whole}{millionths}")
        .parse::<u32>()
        .ok()
        .filter(|ppm| is_number && *ppm <= 1_000_000);
    if value.is_none() {
        problems.refuse(&node.place, format!("{what} has to be a share from 0 to 1, like 0.25"));
    }
    value
}
