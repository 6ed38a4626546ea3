//! Does anybody go back to a leader that was overtaken? Raft's votes are ordered by term and, within a term, by raft id: a
//! later candidate with a higher id may take over in the same term. So leaders are one per term and id, and nobody who
//! has followed one follows an earlier one again.

use std::collections::BTreeMap;

use wardroom_api::v1::ManagerStatus;
use wardroom_manager::Leadership;

use super::Findings;
use crate::world::World;

/// Term and raft id of the leader that each manager follows, by the manager's name.
#[derive(Default)]
pub(crate) struct Leaders(BTreeMap<String, (u64, u64)>);

impl Leaders {
    pub(crate) fn observe(
        &mut self,
        who: &str,
        leadership: &Leadership,
        status: &ManagerStatus,
        world: &World,
    ) -> Findings {
        let raft_id = |node_id: &str| {
            let mut seats = world.cluster.managers.iter();
            seats
                .find(|seat| seat.node_id == node_id)
                .map_or(0, |seat| seat.raft_id.get())
        };
        let told = status.elections.iter().filter(|election| !election.leader.is_empty());
        let told: Vec<_> = told
            .map(|election| (election.term, raft_id(&election.leader)))
            .collect();
        let mut findings = Findings::new();
        if !told.is_sorted() {
            findings.push(format!(
                "O {who} remembers leaders out of order: {told:?} (term, raft id)"
            ));
        }
        if let Some(leader) = &leadership.leader {
            let now = (leadership.term, raft_id(&leader.node_id));
            let before = self.0.insert(who.to_owned(), now).unwrap_or_default();
            if now < before {
                findings.push(format!(
                    "O {who} followed {before:?} and follows {now:?} (term, raft id)"
                ));
            }
        }
        findings
    }

    /// A manager's next life may begin with what it knew a moment before the crash.
    pub(crate) fn forget(&mut self, who: &str) {
        self.0.remove(who);
    }
}
