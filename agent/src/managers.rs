//! Which manager is tried next, and after how long a wait? Pure: a list with a place in it, and Swarm's back-off.
//!
//! A host that is dead answers nothing at all, so nobody waits for it alone: after a moment the next one is tried beside it,
//! and whoever opens a session first has it.

use std::collections::BTreeSet;
use std::time::Duration;

use wardroom_keys::Chance;

/// How long a manager may take before another one is tried beside it: many times what one takes that is well.
pub(crate) const HURRY: Duration = Duration::from_millis(300);
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
    /// Tried, and no answer yet.
    under_way: BTreeSet<String>,
    /// What came of the last try was no answer, or a session that broke. They are asked after the others: one may be
    /// gone, another may lead in name only.
    troubled: BTreeSet<String>,
    hint: Option<String>,
    hints: u32,
    wait: Duration,
}

/// What to do next.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// And go on after [`HURRY`], if it has not answered by then.
    Try(String),
    /// Everyone was asked once: wait, then ask again.
    Wait(Duration),
}

impl Managers {
    pub(crate) fn new(addresses: Vec<String>) -> Self {
        Self {
            addresses,
            asked: BTreeSet::new(),
            under_way: BTreeSet::new(),
            troubled: BTreeSet::new(),
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
            self.troubled.retain(|address| known.contains(address));
            self.addresses = known;
        }
    }

    /// A session began; the other tries are given up.
    pub(crate) fn opened(&mut self) {
        self.under_way.clear();
    }

    /// A manager took a report, so it leads in deed: the next loss is retried as swiftly as the first.
    pub(crate) fn served(&mut self, address: &str) {
        self.asked.clear();
        self.troubled.remove(address);
        self.hints = 0;
        self.wait = WAIT_MIN;
    }

    /// There is no session with this manager (any more).
    pub(crate) fn lost(&mut self, address: &str) {
        self.under_way.remove(address);
        self.troubled.insert(address.to_owned());
    }

    /// A manager answers that it does not lead, and may name who does.
    pub(crate) fn follows(&mut self, address: &str, leader: Option<String>) {
        self.under_way.remove(address);
        self.troubled.remove(address);
        let leader = leader.filter(|leader| !leader.is_empty() && self.hints < HINTS_MAX);
        if leader.is_some() {
            self.hints += 1;
            self.hint = leader;
        }
    }

    pub(crate) fn next(&mut self, chance: &dyn Chance) -> Next {
        let hint = self.hint.take().filter(|address| !self.under_way.contains(address));
        if let Some(address) = hint.or_else(|| self.not_asked()) {
            self.asked.insert(address.clone());
            self.under_way.insert(address.clone());
            return Next::Try(address);
        }
        self.asked.clear();
        self.hints = 0;
        let wait = self.wait;
        self.wait = (wait * 2).min(WAIT_MAX);
        Next::Wait(jittered(wait, chance))
    }

    fn not_asked(&self) -> Option<String> {
        let (troubled, well): (Vec<&String>, Vec<&String>) = self
            .addresses
            .iter()
            .partition(|address| self.troubled.contains(*address));
        let is_open = |address: &&String| !self.asked.contains(*address) && !self.under_way.contains(*address);
        well.into_iter().chain(troubled).find(is_open).cloned()
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

    /// Tries everyone who is to be tried, each of whom says that it does not lead, until there is a wait.
    fn round(managers: &mut Managers) -> Vec<String> {
        let chance = SeededChance::new(1);
        let mut asked = Vec::new();
        while let Next::Try(address) = managers.next(&chance) {
            managers.follows(&address, None);
            asked.push(address);
        }
        asked
    }

    #[test]
    fn everyone_is_asked_before_waiting() {
        let mut managers = Managers::new(addresses(&["a", "b"]));
        assert_eq!(round(&mut managers), ["a", "b"]);
        assert_eq!(round(&mut managers), ["a", "b"]);
    }

    #[test]
    fn a_hint_is_followed_at_once_but_not_for_ever() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a"]));
        managers.next(&chance);
        managers.follows("a", Some("leader".into()));
        for _ in 1..HINTS_MAX {
            assert_eq!(managers.next(&chance), tried("leader"));
            managers.follows("leader", Some("leader".into()));
        }
        assert_eq!(managers.next(&chance), tried("leader"));
        managers.follows("leader", Some("leader".into()));
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
        managers.served("a");
        assert!(matches!(managers.next(&chance), Next::Wait(wait) if wait <= WAIT_MIN));
    }

    #[test]
    fn the_leaders_list_replaces_the_configured_one() {
        let mut managers = Managers::new(addresses(&["a"]));
        managers.learn(&addresses(&["b", "", "c"]));
        assert_eq!(round(&mut managers), ["b", "c"]);
        managers.learn(&[]);
        assert_eq!(round(&mut managers), ["b", "c"], "an empty list is no news");
    }

    #[test]
    fn a_leader_that_cannot_commit_does_not_keep_a_worker_from_the_others() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["stale"]));
        assert_eq!(managers.next(&chance), tried("stale"));
        // It opens sessions, names itself first, and fails to take the first report.
        managers.opened();
        managers.learn(&addresses(&["stale", "b", "c"]));
        managers.lost("stale");
        assert_eq!(
            round(&mut managers),
            ["b", "c"],
            "a session that served nothing is no reason to hurry"
        );
        assert_eq!(
            round(&mut managers),
            ["b", "c", "stale"],
            "and it is asked last from here on"
        );
        managers.lost("stale");
        assert_eq!(round(&mut managers), ["b", "c", "stale"]);
    }

    #[test]
    fn a_lost_manager_is_asked_last_but_at_once() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a"]));
        managers.next(&chance);
        managers.opened();
        managers.learn(&addresses(&["a", "b"]));
        managers.served("a");
        managers.lost("a");
        assert_eq!(managers.next(&chance), tried("b"));
        managers.lost("b");
        assert_eq!(managers.next(&chance), tried("a"));
        managers.lost("a");
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
        managers.next(&chance);
        managers.opened();
        managers.served("a");
        managers.lost("a");
        assert_eq!(
            managers.next(&chance),
            tried("a"),
            "nobody is better off, so the order is the leader's"
        );
    }

    #[test]
    fn one_that_does_not_answer_is_not_tried_twice_at_a_time() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["dead", "b"]));
        assert_eq!(managers.next(&chance), tried("dead"));
        assert_eq!(round(&mut managers), ["b"]);
        assert_eq!(round(&mut managers), ["b"]);
        assert_eq!(managers.next(&chance), tried("b"));
        managers.follows("b", Some("dead".into()));
        assert!(matches!(managers.next(&chance), Next::Wait(_)), "it is being tried");
        managers.lost("dead");
        assert_eq!(round(&mut managers), ["b", "dead"]);
    }

    #[test]
    fn a_hint_counts_as_asked() {
        let chance = SeededChance::new(1);
        let mut managers = Managers::new(addresses(&["a", "b"]));
        managers.next(&chance);
        managers.follows("a", Some("b".into()));
        assert_eq!(managers.next(&chance), tried("b"));
        managers.follows("b", None);
        assert!(matches!(managers.next(&chance), Next::Wait(_)));
    }
}
