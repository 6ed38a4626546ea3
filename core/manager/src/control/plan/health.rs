//! Can the cluster take a change now? What the managers say about themselves.

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::node::Role;

use crate::context::Context;
use crate::control::plan::{check, counted};
use crate::peer::Word;

/// As this manager knows it at the moment of planning.
#[derive(Clone, Debug, Default)]
pub(crate) struct Health {
    /// Hostname of the leader; `None` while nobody leads.
    pub(crate) leader: Option<String>,
    /// Node ids of managers that have fallen silent.
    pub(crate) silent: Vec<String>,
}

impl Health {
    pub(crate) fn of(context: &Context) -> Self {
        let leader = context.leadership.borrow().leader.clone();
        let leader = leader.map(|peer| {
            let named = context.replica.read(|state| {
                let node = state.nodes().values().find(|node| node.id.as_str() == peer.node_id);
                node.map(|node| node.hostname.clone())
            });
            named.unwrap_or(peer.node_id)
        });
        let table = context.managers.subscribe();
        let lost = |(node, word): (&str, &Word)| matches!(word, Word::Lost(_)).then(|| node.to_owned());
        let silent = table.borrow().since(0).filter_map(lost).collect();
        Self { leader, silent }
    }

    /// Quorum and leader, as checks of a plan.
    pub(super) fn checks(&self, state: &State) -> Vec<v1::PlanCheck> {
        let managers = state.nodes().values().filter(|node| node.role == Role::Manager);
        let (silent, answering): (Vec<_>, Vec<_>) =
            managers.partition(|node| self.silent.contains(&node.id.to_string()));
        let all = silent.len() + answering.len();
        let quorum = all / 2 + 1;
        let text = format!(
            "{} of {} answer, {quorum} needed",
            answering.len(),
            counted(all, "manager")
        );
        let names = || {
            silent
                .iter()
                .map(|node| node.hostname.as_str())
                .collect::<Vec<_>>()
                .join(", ")
        };
        let quorum = match answering.len() {
            reached if reached < quorum => {
                check(v1::CheckLevel::Blocked, format!("no quorum: {text}; start {}", names()))
            }
            _ if silent.is_empty() => check(v1::CheckLevel::Ok, format!("quorum: {text}")),
            _ => check(v1::CheckLevel::Warn, format!("quorum: {text}; silent: {}", names())),
        };
        let leader = match &self.leader {
            Some(hostname) => check(v1::CheckLevel::Ok, format!("{hostname} leads")),
            None => check(v1::CheckLevel::Blocked, "nobody leads; wait for the election"),
        };
        vec![quorum, leader]
    }
}
