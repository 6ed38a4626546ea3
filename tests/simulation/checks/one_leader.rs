//! Is there one leader per term? From what every manager says at every step, and from the elections it remembers.

use std::collections::BTreeMap;

use wardroom_api::v1::ManagerStatus;
use wardroom_manager::Leadership;

use super::Findings;

/// Leader's node id and who said so first, by term.
#[derive(Default)]
pub(crate) struct Leaders(BTreeMap<u64, (String, String)>);

impl Leaders {
    pub(crate) fn observe(&mut self, who: &str, leadership: &Leadership, status: &ManagerStatus) -> Findings {
        let mut findings = Findings::new();
        if let Some(leader) = &leadership.leader {
            findings.extend(self.note(who, leadership.term, &leader.node_id));
        }
        for election in status.elections.iter().filter(|election| !election.leader.is_empty()) {
            findings.extend(self.note(who, election.term, &election.leader));
        }
        findings
    }

    fn note(&mut self, who: &str, term: u64, leader: &str) -> Option<String> {
        let (known, first) = self
            .0
            .entry(term)
            .or_insert_with(|| (leader.to_owned(), who.to_owned()));
        (known != leader).then(|| format!("O term {term} is led by {leader} for {who}, by {known} for {first}"))
    }
}
