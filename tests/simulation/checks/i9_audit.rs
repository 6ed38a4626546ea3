//! I9: is every change in the audit chain? The chain is unbroken, and each confirmed call has a record at its index.

use std::collections::BTreeSet;

use wardroom_state::{State, verify_chain};

use super::Findings;
use crate::history::{Ask, History};

pub(crate) fn check(who: &str, history: &History, state: &State) -> Findings {
    let mut findings = Findings::new();
    if let Err(sequence) = verify_chain(state.audit()) {
        findings.push(format!("I9 {who}: the chain is broken at record {sequence}"));
    }
    let complete = state.audit().next().is_none_or(|first| first.sequence == 1);
    if !complete {
        return findings;
    }
    let recorded: BTreeSet<(u64, &str)> = state
        .audit()
        .map(|record| (record.index, record.action.as_str()))
        .collect();
    for call in &history.calls {
        let Some(answer) = call.answer() else { continue };
        if !recorded.contains(&(answer.index, action(&call.ask))) {
            findings.push(format!("I9 {who}: no record of {call}"));
        }
    }
    findings
}

/// What the audit calls it.
fn action(ask: &Ask) -> &'static str {
    match ask {
        Ask::CreateSecret { .. } => "secret.create",
        Ask::RotateSecret { .. } => "secret.rotate",
        Ask::RevokeSecret { .. } => "secret.revoke",
        Ask::RemoveSecret { .. } => "secret.remove",
        Ask::CreateService { .. } => "service.create",
        Ask::RemoveService { .. } => "service.remove",
    }
}
