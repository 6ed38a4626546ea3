//! Which elections has this manager seen? The last ones, each with the time without a known leader before it.

use std::collections::VecDeque;

use wardroom_api::v1;

/// Elections remembered.
const ELECTIONS: usize = 16;

/// The changes of leader this manager has seen, newest last.
#[derive(Default)]
pub(crate) struct Elections {
    ring: VecDeque<v1::Election>,
    current: Option<(u64, String)>,
    /// Since when nobody is known to lead.
    vacant_since_ms: Option<i64>,
}

impl Elections {
    /// Newest last.
    pub(crate) fn told(&self) -> Vec<v1::Election> {
        self.ring.iter().cloned().collect()
    }

    /// Takes in who leads now; nothing happens when that is known already.
    pub(crate) fn observe(&mut self, term: u64, leader: Option<String>, now_ms: i64) {
        let seen = leader.map(|leader| (term, leader));
        if seen == self.current {
            return;
        }
        match &seen {
            None => self.vacant_since_ms = Some(now_ms),
            Some((term, leader)) => {
                let gap = self
                    .vacant_since_ms
                    .take()
                    .map_or(0, |since| now_ms.saturating_sub(since));
                if self.ring.len() == ELECTIONS {
                    self.ring.pop_front();
                }
                let gap_ms = u64::try_from(gap).unwrap_or(0);
                self.ring.push_back(v1::Election {
                    term: *term,
                    leader: leader.clone(),
                    at_ms: now_ms,
                    gap_ms,
                });
            }
        }
        self.current = seen;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_election_is_noted_once_with_the_time_without_a_leader() {
        let mut elections = Elections::default();
        elections.observe(0, None, 5);
        elections.observe(1, Some("ada".into()), 10);
        elections.observe(1, Some("ada".into()), 20);
        elections.observe(2, None, 30);
        elections.observe(3, None, 40);
        elections.observe(3, Some("bob".into()), 90);
        let seen: Vec<_> = elections
            .ring
            .iter()
            .map(|e| (e.term, e.leader.as_str(), e.at_ms, e.gap_ms))
            .collect();
        assert_eq!(seen, [(1, "ada", 10, 0), (3, "bob", 90, 60)]);
    }

    #[test]
    fn only_the_newest_elections_are_kept() {
        let mut elections = Elections::default();
        for term in 1..=40 {
            elections.observe(term, Some("ada".into()), 0);
        }
        assert_eq!(elections.ring.len(), ELECTIONS);
        assert_eq!(elections.ring.back().map(|e| e.term), Some(40));
    }
}
