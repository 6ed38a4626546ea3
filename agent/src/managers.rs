//! Which manager is tried next, and after how long a wait? Pure: a list with a place in it, and Swarm's back-off.

use std::collections::BTreeSet;
use std::time::Duration;

use wardroom_keys::Chance;

/// Swarm's bounds of the wait between rounds.
const WAIT_MIN: Duration = Duration::from_millis(100);
const WAIT_MAX: Duration = Duration::from_secs(8);
/// How often in a row a manager's hint is followed at once: two managers that name each other must not spin.
const HINTS_MAX: u32 = 3;

/// The managers' addresses, as configured and as the leader last told.
#[derive(Debug)]
pub(crate) struct Managers {
    addresses: Vec<String>,
    /// In this round.
    asked: BTreeSet<String>,
    /// Whose session broke last: asked after the others, because it may lead in name only.
    lost: Option<String>,
    hint: Option<String>,
    hints: u32,
    wait: Duration,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    Try(String),
    /// Everyone was asked once: wait, then ask again.
    Wait(Duration),
}

impl Managers {
    pub(crate) fn new(addresses: Vec<String>) -> Self {
        Self {
            addresses,
            asked: BTreeSet::new(),
            lost: None,
            hint: None,
            hints: 0,
            wait: WAIT_MIN,
        }
    }

    /// The leader's list, itself first.
    pub(crate) fn learn(&mut self, addresses: &[String]) {
        let known: Vec<String> = addresses
            .iter()
            .filter(|address| !address.is_empty())
            .cloned()
            .collect();
        if !known.is_empty() {
            self.addresses = known;
        }
    }

    /// A manager took a report, so it leads in deed: the next loss is retried as swiftly as the first.
    pub(crate) fn served(&mut self) {
        self.asked.clear();
        self.hints = 0;
        self.wait = WAIT_MIN;
    }

    /// There is no session with this manager (any more).
    pub(crate) fn lost(&mut self, address: &str) {
        self.lost = Some(address.to_owned());
    }

    /// A manager does not lead and names who does.
    pub(crate) fn hinted(&mut self, leader: String) {
        if self.hints < HINTS_MAX && !leader.is_empty() {
            self.hints += 1;
            self.hint = Some(leader);
        }
    }

    pub(crate) fn next(&mut self, chance: &dyn Chance) -> Next {
        let next = self.hint.take().or_else(|| self.not_asked());
        if let Some(address) = next {
            self.asked.insert(address.clone());
            return Next::Try(address);
        }
        self.asked.clear();
        self.hints = 0;
        let wait = self.wait;
        self.wait = (wait * 2).min(WAIT_MAX);
        Next::Wait(jittered(wait, chance))
    }

    fn not_asked(&self) -> Option<String> {
        let is_lost = |address: &&String| self.lost.as_ref() == Some(*address);
        let others = self.addresses.iter().filter(|address| !is_lost(address));
        let mut order = others.chain(self.addresses.iter().filter(is_lost));
        order.find(|address| !self.asked.contains(*address)).cloned()
    }
}

/// Between half of `wait` and all of it, so that workers that lost the same leader do not come back in step.
fn jittered(wait: Duration, chance: &dyn Chance) -> Duration {
    let half = u64::try_from(wait.as_millis() / 2).unwrap_or(0);
    Duration::from_millis(half + chance.next_u64() % (half + 1))
}

#[cfg(test)]
mod tests {
    use wardroom_keys::SeededChance;

    use super::*;

    fn addresses(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    fn tried(name: &str) -> Next {
        Next::Try(name.to_owned())
    }

    #[test]
    fn everyone_is_asked_before_waiting() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a", "b"]));
        assert_eq!(
            [managers.next(&chance), managers.next(&chance)],
            [tried("a"), tried("b")]
        );
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
        assert_eq!(managers.next(&chance), tried("a"));
    }

    #[test]
    fn a_hint_is_followed_at_once_but_not_for_ever() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a"]));
        managers.next(&chance);
        for _ in 0..HINTS_MAX {
            managers.hinted("leader".into());
            assert_eq!(managers.next(&chance), tried("leader"));
        }
        managers.hinted("leader".into());
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
    }

    #[test]
    fn waits_grow_from_100_ms_to_8_s_and_start_again_after_a_session() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(Vec::new());
        let mut waits = Vec::new();
        for _ in 0..10 {
            if let Next::Wait(wait) = managers.next(&chance) {
                waits.push(wait);
            }
        }
        assert!(waits[0] >= WAIT_MIN / 2 && waits[0] <= WAIT_MIN, "{waits:?}");
        assert!(waits[9] >= WAIT_MAX / 2 && waits[9] <= WAIT_MAX, "{waits:?}");
        managers.served();
        assert!(matches!(managers.next(&chance), Next::Wait(wait) if wait <= WAIT_MIN));
    }

    #[test]
    fn the_leaders_list_replaces_the_configured_one() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a"]));
        managers.learn(&addresses(&["b", "", "c"]));
        assert_eq!(
            [managers.next(&chance), managers.next(&chance)],
            [tried("b"), tried("c")]
        );
        managers.learn(&[]);
        assert!(
            matches!(managers.next(&chance), Next::Wait(_)),
            "an empty list is no news"
        );
    }

    #[test]
    fn a_leader_that_cannot_commit_does_not_keep_a_worker_from_the_others() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["stale"]));
        assert_eq!(managers.next(&chance), tried("stale"));
        // It opens sessions, names itself first, and fails to take the first report.
        managers.learn(&addresses(&["stale", "b", "c"]));
        managers.lost("stale");
        let round = [(); 2].map(|()| managers.next(&chance));
        assert_eq!(round, [tried("b"), tried("c")]);
        assert!(
            matches!(managers.next(&chance), Next::Wait(_)),
            "a session that served nothing is no reason to hurry"
        );
        assert_eq!(managers.next(&chance), tried("b"), "and it is asked last from here on");
    }

    #[test]
    fn a_lost_manager_is_asked_last_but_at_once() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a"]));
        managers.next(&chance);
        managers.learn(&addresses(&["a", "b"]));
        managers.served();
        managers.lost("a");
        assert_eq!(
            [managers.next(&chance), managers.next(&chance)],
            [tried("b"), tried("a")]
        );
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
        managers.next(&chance);
        managers.served();
        managers.lost("b");
        assert_eq!(managers.next(&chance), tried("a"));
    }

    #[test]
    fn a_hint_counts_as_asked() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a", "b"]));
        managers.next(&chance);
        managers.hinted("b".into());
        assert_eq!(managers.next(&chance), tried("b"));
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
    }
}
