//! What would a new root do? Every certificate is renewed under it, the old one is trusted until that is done, and the
//! join tokens change.

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::node::{Node, NodeState};
use wardroom_state::refusal::Refusal;

use crate::control::error::Failure;
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, check, counted, is_runnable, step};

/// Names that a step spells out.
const NAMED: usize = 8;

pub(crate) fn root_rotation(state: &State, now_ms: i64, health: &Health) -> Result<Plan, Failure> {
    let cluster = state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let (reached, silent): (Vec<&Node>, Vec<&Node>) =
        state.nodes().values().partition(|node| node.state == NodeState::Ready);
    let mut steps = vec![
        step(
            PlanAction::Create,
            "root",
            "a new one issues every certificate from now on; the old one vouches for it",
        ),
        step(
            PlanAction::Swap,
            "join tokens",
            "both are new; the old ones are refused",
        ),
    ];
    if !reached.is_empty() {
        let subject = counted(reached.len(), "node");
        let detail = format!(
            "renew their certificates at once, without losing a connection: {}",
            named(&reached)
        );
        steps.push(step(PlanAction::Swap, subject, detail));
    }
    for node in &silent {
        let detail = "renews once it answers; the old root is trusted until then, or until it is removed";
        steps.push(step(PlanAction::Keep, format!("node {}", node.hostname), detail));
    }
    for operator in state.operators().values() {
        if operator.certificate.not_after_ms > now_ms {
            let detail = "keeps its certificate, which the old root stands for; add it anew for one of the new root";
            steps.push(step(PlanAction::Keep, format!("operator {}", operator.name), detail));
        }
    }
    let mut checks = health.checks(state);
    checks.push(if silent.is_empty() {
        check(CheckLevel::Ok, "every node answers")
    } else {
        let text = format!(
            "{} silent: the old root is kept for them, and nobody else waits",
            are(silent.len(), "node")
        );
        check(CheckLevel::Warn, text)
    });
    if !cluster.retiring.is_empty() {
        let text = format!(
            "{} still in use: this rotation joins them",
            are(cluster.retiring.len(), "older root")
        );
        checks.push(check(CheckLevel::Warn, text));
    }
    Ok(Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_cluster("rotate root", cluster),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: Vec::new(),
        stays: hostnames(&silent),
        arrives: hostnames(&reached),
    }))
}

fn are(count: usize, noun: &str) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("{} {verb}", counted(count, noun))
}

/// Sorted by name.
fn hostnames(nodes: &[&Node]) -> Vec<String> {
    let mut names: Vec<String> = nodes.iter().map(|node| node.hostname.clone()).collect();
    names.sort();
    names
}

fn named(nodes: &[&Node]) -> String {
    let mut names = hostnames(nodes);
    let more = names.len().saturating_sub(NAMED);
    names.truncate(NAMED);
    let rest = if more == 0 {
        String::new()
    } else {
        format!(" and {more} more")
    };
    names.join(", ") + &rest
}
