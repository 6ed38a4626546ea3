//! What would new keys do? The managers that answer take them at once; those that are down keep what they have, and owe
//! the rest until they are back.

use wardroom_api::v1;
use wardroom_api::v1::{CheckLevel, PlanAction};
use wardroom_state::State;
use wardroom_state::keys::{FIRST_UNLOCK_KEY, ManagerKeys};
use wardroom_state::node::Node;
use wardroom_state::refusal::Refusal;

use crate::control::error::Failure;
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, check, counted, is_runnable, step};

const BACKUPS: &str = "backups taken before still open for the recipients they were made for";

pub(crate) fn unlock_key_rotation(state: &State, health: &Health) -> Result<Plan, Failure> {
    let cluster = state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let managers = Managers::of(state, health);
    let mut checks = health.checks(state);
    if !cluster.autolock {
        checks.push(check(CheckLevel::Blocked, Refusal::AutolockOff.to_string()));
    }
    checks.push(managers.check());
    checks.push(check(CheckLevel::Warn, BACKUPS));
    Ok(plan(
        state,
        "rotate unlock key",
        managers.new_unlock_key(),
        checks,
        &managers,
    ))
}

pub(crate) fn dek_rotation(state: &State, health: &Health) -> Result<Plan, Failure> {
    state.cluster().ok_or(Refusal::NotBootstrapped)?;
    let managers = Managers::of(state, health);
    let mut steps = managers.fresh_deks();
    steps.push(step(
        PlanAction::Destroy,
        "old DEKs",
        "each goes with the last log segment and snapshot under it",
    ));
    let mut checks = health.checks(state);
    checks.push(managers.check());
    checks.push(check(CheckLevel::Warn, BACKUPS));
    Ok(plan(state, "rotate DEK", steps, checks, &managers))
}

fn plan(
    state: &State,
    subject: &str,
    steps: Vec<v1::PlanStep>,
    checks: Vec<v1::PlanCheck>,
    managers: &Managers<'_>,
) -> Plan {
    Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_keys(subject, state),
        runnable: is_runnable(&checks),
        steps,
        checks,
        leaves: Vec::new(),
        stays: hostnames(&managers.down),
        arrives: hostnames(&managers.answering),
    })
}

/// The managers, by whether they answer.
pub(super) struct Managers<'a> {
    state: &'a State,
    answering: Vec<&'a Node>,
    down: Vec<&'a Node>,
}

impl<'a> Managers<'a> {
    pub(super) fn of(state: &'a State, health: &Health) -> Self {
        let is_down = |node: &&Node| health.silent.iter().any(|id| id == node.id.as_str());
        let (down, answering) = state.managers().partition(is_down);
        Self { state, answering, down }
    }

    /// Turning autolock on, or a rotation.
    pub(super) fn new_unlock_key(&self) -> Vec<v1::PlanStep> {
        let epoch = self.state.keys().unlock_epoch().saturating_add(1);
        let mut steps = vec![step(
            PlanAction::Create,
            "unlock key",
            format!("epoch {epoch}; no disk changes before somebody has read it and keeps it"),
        )];
        if !self.answering.is_empty() {
            let detail = format!(
                "wrap their keys under it then: {}",
                hostnames(&self.answering).join(", ")
            );
            steps.push(step(PlanAction::Swap, counted(self.answering.len(), "manager"), detail));
        }
        steps.extend(self.fresh_deks());
        steps
    }

    /// What an order does.
    pub(super) fn fresh_deks(&self) -> Vec<v1::PlanStep> {
        let mut steps = Vec::new();
        if !self.answering.is_empty() {
            let names = hostnames(&self.answering).join(", ");
            let detail = format!("go on under a fresh DEK each and destroy the one before: {names}");
            steps.push(step(PlanAction::Swap, counted(self.answering.len(), "manager"), detail));
        }
        for node in &self.down {
            let detail = "is down: it keeps its keys, and owes the rest until it is back or removed";
            steps.push(step(PlanAction::Keep, format!("manager {}", node.hostname), detail));
        }
        steps
    }

    /// Whoever is down is named, with the key that it needs.
    pub(super) fn check(&self) -> v1::PlanCheck {
        if self.down.is_empty() {
            return check(CheckLevel::Ok, "every manager answers");
        }
        let words: Vec<String> = self.down.iter().map(|node| self.down_words(node)).collect();
        check(CheckLevel::Warn, words.join("; "))
    }

    fn down_words(&self, node: &Node) -> String {
        let hostname = &node.hostname;
        match self.told(node) {
            Some(keys) if !keys.locks => {
                format!("{hostname} is down: it starts without a key, and takes the new ones then")
            }
            Some(keys) => format!(
                "{hostname} is down: it needs the unlock key of its own epoch, {}, to start",
                keys.kek_epoch
            ),
            None => format!("{hostname} is down: it needs the unlock key it had, if it had one, to start"),
        }
    }

    /// Of the managers that are down, those that stay locked whatever is decided now.
    pub(super) fn still_locked(&self) -> Vec<v1::PlanStep> {
        let (kept, _) = self.state.keys().kept_unlock_key();
        let needs = |node: &Node| match self.told(node) {
            Some(keys) => keys.locks.then_some(keys.kek_epoch),
            None => (kept > FIRST_UNLOCK_KEY).then_some(kept),
        };
        let stays = self.down.iter().filter_map(|node| {
            let epoch = needs(node)?;
            let detail = format!("is down and stays locked: unlock it with the key of epoch {epoch} once more");
            Some(step(PlanAction::Keep, format!("manager {}", node.hostname), detail))
        });
        stays.collect()
    }

    fn told(&self, node: &Node) -> Option<&ManagerKeys> {
        self.state.keys().managers.get(&node.id)
    }
}

/// Sorted by name.
fn hostnames(nodes: &[&Node]) -> Vec<String> {
    let mut names: Vec<String> = nodes.iter().map(|node| node.hostname.clone()).collect();
    names.sort();
    names
}
