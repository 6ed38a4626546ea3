//! What would become of a node, of its tasks and of the quorum? Availability, labels and role, and removal.

use std::collections::BTreeMap;

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::node::{Availability, Node, NodeState, Role};
use wardroom_state::refusal::Refusal;
use wardroom_state::service::{Mode, Service};
use wardroom_state::task::Task;

use crate::control::nodes::NodeChange;
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, check, counted, is_runnable, quorum, step};
use crate::membership::QuorumRisk;

/// Docker's words.
const QUORUM_LOSS: &str = "can't remove member from the raft: this would result in a loss of quorum";

/// `risk`: what the managers' words say about the quorum without that node.
pub(crate) fn node_update(
    state: &State,
    node: &Node,
    change: &NodeChange,
    risk: Option<&QuorumRisk>,
    health: &Health,
) -> Plan {
    let (mut steps, mut checks) = (Vec::new(), health.checks(state));
    if let Some(labels) = &change.labels {
        steps.push(step(PlanAction::Swap, of(node), relabelled(&node.labels, labels)));
    }
    let relabelled = Node {
        labels: change.labels.clone().unwrap_or_else(|| node.labels.clone()),
        ..node.clone()
    };
    let drained = change.availability == Some(Availability::Drain);
    let leaving = leaving(state, node, |service| drained || !takes(service, &relabelled));
    match change.availability {
        Some(Availability::Active) => steps.push(step(PlanAction::Keep, of(node), "takes new tasks again")),
        Some(Availability::Pause) => steps.push(step(
            PlanAction::Keep,
            of(node),
            "keeps its tasks and takes no new ones",
        )),
        Some(Availability::Drain) => steps.push(step(
            PlanAction::Cut,
            of(node),
            "gives its tasks away and takes no new ones",
        )),
        None => {}
    }
    steps.extend(moves(state, node, &leaving));
    checks.extend(
        leaving
            .iter()
            .filter_map(|(service, _)| nowhere_to_go(state, node, service)),
    );
    match change.role {
        Some(Role::Manager) => promotion(state, node, &mut steps, &mut checks),
        Some(Role::Worker) => demotion(state, node, risk, &mut steps, &mut checks),
        None => {}
    }
    if steps.is_empty() {
        steps.push(step(PlanAction::Keep, of(node), "nothing changes"));
    }
    let loses_files = leaving
        .iter()
        .any(|(_, tasks)| tasks.iter().any(|task| !task.files.is_empty()));
    Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_node(state, &format!("update {change:?}"), node),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: if loses_files {
            vec![node.hostname.clone()]
        } else {
            Vec::new()
        },
        stays: Vec::new(),
        arrives: Vec::new(),
    })
}

pub(crate) fn node_removal(state: &State, node: &Node, force: bool, health: &Health) -> Plan {
    let up = node.state != NodeState::Down;
    let leaving = leaving(state, node, |_| true);
    let mut steps = vec![step(
        PlanAction::Destroy,
        of(node),
        "its certificate is refused from now on, its connections are cut, and its id is never used again",
    )];
    steps.extend(moves(state, node, &leaving));
    let mut checks = health.checks(state);
    if node.is_in_raft() {
        let refusal = Refusal::NodeIsManager {
            node: node.hostname.clone(),
        };
        checks.push(check(CheckLevel::Blocked, refusal.to_string()));
    } else if up && !force {
        let refusal = Refusal::NodeNotDown {
            node: node.hostname.clone(),
        };
        checks.push(check(CheckLevel::Blocked, refusal.to_string()));
    } else if up {
        checks.push(check(
            CheckLevel::Warn,
            format!("{} is not down: it is removed while it runs", node.hostname),
        ));
    }
    let held = state
        .holdings_on(&node.id)
        .filter(|(_, holding)| holding.is_live())
        .count();
    if held > 0 {
        let files = counted(held, "file");
        checks.push(check(
            CheckLevel::Warn,
            format!(
                "nobody will confirm that {files} on {} are erased; rotate what must not leak",
                node.hostname
            ),
        ));
    }
    checks.extend(
        leaving
            .iter()
            .filter_map(|(service, _)| nowhere_to_go(state, node, service)),
    );
    let hostname = |holds: bool| if holds { vec![node.hostname.clone()] } else { Vec::new() };
    Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_node(state, &format!("remove {force}"), node),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: Vec::new(),
        stays: hostname(held > 0),
        arrives: Vec::new(),
    })
}

fn of(node: &Node) -> String {
    format!("node {}", node.hostname)
}

fn relabelled(before: &BTreeMap<String, String>, after: &BTreeMap<String, String>) -> String {
    let set = after.iter().filter(|(key, value)| before.get(*key) != Some(value));
    let set = set.map(|(key, value)| format!("{key}={value}"));
    let gone = before
        .keys()
        .filter(|key| !after.contains_key(*key))
        .map(|key| format!("-{key}"));
    format!("labels {}", set.chain(gone).collect::<Vec<_>>().join(", "))
}

fn takes(service: &Service, node: &Node) -> bool {
    service
        .spec
        .constraints
        .iter()
        .all(|constraint| constraint.matches(node))
}

/// Tasks that cannot stay on the node, by service.
fn leaving<'a>(state: &'a State, node: &Node, goes: impl Fn(&Service) -> bool) -> Vec<(&'a Service, Vec<&'a Task>)> {
    let mut leaving: BTreeMap<&str, (&Service, Vec<&Task>)> = BTreeMap::new();
    for task in state.tasks_on(&node.id).filter(|task| task.is_placed_and_live()) {
        if let Some(service) = state.services().get(&task.service).filter(|service| goes(service)) {
            let entry = leaving.entry(service.spec.name.as_str());
            entry.or_insert_with(|| (service, Vec::new())).1.push(task);
        }
    }
    leaving.into_values().collect()
}

fn moves(state: &State, node: &Node, leaving: &[(&Service, Vec<&Task>)]) -> Vec<v1::PlanStep> {
    let step_of = |(service, tasks): &(&Service, Vec<&Task>)| {
        let subject = format!("service {}", service.spec.name);
        let names = tasks
            .iter()
            .map(|task| task.name.as_str())
            .collect::<Vec<_>>()
            .join(", ");
        if service.spec.mode == Mode::Global {
            return step(
                PlanAction::Cut,
                subject,
                format!("{names} ends: it runs on every node that takes it"),
            );
        }
        match able(state, node, service).count() {
            0 => step(
                PlanAction::Cut,
                subject,
                format!("{names} ends and waits for a node that takes it"),
            ),
            nodes => step(
                PlanAction::Move,
                subject,
                format!("{names} moves to one of {}", counted(nodes, "other node")),
            ),
        }
    };
    leaving.iter().map(step_of).collect()
}

/// Other nodes that take tasks of the service now.
fn able<'a>(state: &'a State, node: &'a Node, service: &'a Service) -> impl Iterator<Item = &'a Node> {
    state.nodes().values().filter(move |other| {
        let willing = other.state == NodeState::Ready && other.availability == Availability::Active;
        other.id != node.id && other.runs_tasks && willing && takes(service, other)
    })
}

fn nowhere_to_go(state: &State, node: &Node, service: &Service) -> Option<v1::PlanCheck> {
    let stuck = service.spec.mode != Mode::Global && able(state, node, service).next().is_none();
    stuck.then(|| {
        check(
            CheckLevel::Warn,
            format!(
                "no other node takes {} now: its tasks wait until one does",
                service.spec.name
            ),
        )
    })
}

fn promotion(state: &State, node: &Node, steps: &mut Vec<v1::PlanStep>, checks: &mut Vec<v1::PlanCheck>) {
    let detail = "gets a manager's certificate and the cluster's keys, learns the log, then votes";
    steps.push(step(PlanAction::Create, format!("manager {}", node.hostname), detail));
    let before = quorum::managers(state);
    checks.push(quorum::outlook(before, before + 1));
    if (before + 1).is_multiple_of(2) {
        checks.push(check(
            CheckLevel::Warn,
            "an even number of managers tolerates no more losses than one manager less",
        ));
    }
    if node.role == Role::Manager {
        let refusal = Refusal::StillDemoting {
            node: node.hostname.clone(),
        };
        checks.push(check(CheckLevel::Blocked, refusal.to_string()));
    }
    if node.address.is_empty() {
        let text = format!(
            "node {} has not said where it can be reached; give it an advertise address and let it join again",
            node.hostname
        );
        checks.push(check(CheckLevel::Blocked, text));
    }
    if node.state != NodeState::Ready {
        let text = format!("{} is not ready: it becomes a manager once it answers", node.hostname);
        checks.push(check(CheckLevel::Warn, text));
    }
}

fn demotion(
    state: &State,
    node: &Node,
    risk: Option<&QuorumRisk>,
    steps: &mut Vec<v1::PlanStep>,
    checks: &mut Vec<v1::PlanCheck>,
) {
    let subject = format!("manager {}", node.hostname);
    if node.role == Role::Worker {
        steps.push(step(PlanAction::Cut, subject, "its promotion is called off"));
        return;
    }
    let detail = "loses its vote, then its keys and its copy of the state, and stays as a worker";
    steps.push(step(PlanAction::Cut, subject, detail));
    let before = quorum::managers(state);
    let others = before.saturating_sub(usize::from(node.desired_role == Role::Manager));
    checks.push(quorum::outlook(before, others));
    if others == 0 {
        checks.push(check(CheckLevel::Blocked, Refusal::LastManager.to_string()));
    } else if let Some(risk) = risk {
        checks.push(check(CheckLevel::Blocked, QUORUM_LOSS));
        let text = format!("{} of {} would answer", risk.left, counted(risk.of, "other manager"));
        checks.push(check(CheckLevel::Warn, text));
    }
}
