//! What is known of a manager that waits for its unlock key? Which ones wait and for which key, how many shares were
//! given, when the next try is taken; and the hidden field that takes a key or a share.

use wardroom_api::v1::LockFacts;

use super::Level;
use crate::tui::msg::Ticket;
use crate::tui::secret_input::SecretInput;

/// How an unlock key and a share of one begin: what begins otherwise was meant for somewhere else and is not sent.
const BEGINNINGS: [&[u8]; 2] = [b"SWMKEY-", b"SWMSHARE-"];
/// Longer than any key or share.
const LENGTH_MAX: usize = 512;

/// The question that an answer is awaited to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    Facts(Ticket),
    /// A key or a share was sent.
    Try(Ticket),
}

#[derive(Debug)]
pub struct Locked {
    pub input: SecretInput,
    /// `None` until the manager has told.
    pub facts: Option<LockFacts>,
    /// From then on the next try is taken; 0: at once.
    pub until_ms: i64,
    pub asked: Option<Asked>,
    pub note: Option<(Level, String)>,
    /// The last try opened it: the connection is made anew.
    pub opened: bool,
}

impl Locked {
    pub fn new() -> Self {
        Self {
            input: SecretInput::up_to(LENGTH_MAX),
            facts: None,
            until_ms: 0,
            asked: None,
            note: None,
            opened: false,
        }
    }

    pub fn say(&mut self, level: Level, text: impl Into<String>) {
        self.note = Some((level, text.into()));
    }

    /// Takes in what the manager tells; whether anything is shown differently now.
    pub fn take_in(&mut self, facts: LockFacts, now_ms: i64) -> bool {
        let wait = i64::try_from(facts.wait_ms).unwrap_or(i64::MAX);
        let until_ms = if wait > 0 { now_ms.saturating_add(wait) } else { 0 };
        // The same end, counted from another moment.
        let moved = until_ms.abs_diff(self.until_ms) >= 1000;
        let shown = |it: &LockFacts| LockFacts {
            wait_ms: 0,
            ..it.clone()
        };
        let changed = moved || self.facts.as_ref().map(shown) != Some(shown(&facts));
        if moved {
            self.until_ms = until_ms;
        }
        self.facts = Some(facts);
        changed
    }

    /// Shares given and needed, once the first one was given.
    pub fn shares(&self) -> Option<(u32, u32)> {
        let facts = self.facts.as_ref()?;
        (facts.shares_need > 0 && facts.shares_have > 0).then_some((facts.shares_have, facts.shares_need))
    }

    pub fn is_sending(&self) -> bool {
        matches!(self.asked, Some(Asked::Try(_)))
    }

    /// Why what was typed is not sent.
    pub fn refusal(&self, now_ms: i64) -> Option<&'static str> {
        let begins = |beginning: &&[u8]| self.input.begins_with(beginning);
        if self.input.is_empty() {
            Some("type or paste the unlock key, or one of its shares")
        } else if now_ms < self.until_ms {
            Some("the next try is not taken yet: wait until then, and press enter")
        } else if !BEGINNINGS.iter().any(begins) {
            Some("that is no unlock key: one begins with SWMKEY-1-, a share with SWMSHARE-1-; the field is empty again")
        } else {
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(wait_ms: u64, have: u32) -> LockFacts {
        LockFacts {
            locked: true,
            shares_have: have,
            shares_need: 3,
            wait_ms,
            ..Default::default()
        }
    }

    #[test]
    fn a_wait_that_only_grows_shorter_is_no_news() {
        let mut locked = Locked::new();
        assert!(locked.take_in(facts(8000, 0), 1000));
        assert_eq!(locked.until_ms, 9000);
        assert!(!locked.take_in(facts(5000, 0), 4010));
        assert_eq!(locked.until_ms, 9000, "the end does not wander");
        assert!(locked.take_in(facts(5000, 1), 4010));
        assert!(locked.take_in(facts(0, 1), 9000));
        assert_eq!((locked.until_ms, locked.shares()), (0, Some((1, 3))));
    }

    #[test]
    fn only_what_may_be_a_key_is_sent() {
        let typed = |text: &str| {
            let mut locked = Locked::new();
            locked.input.paste(text.into()).expect("it fits");
            locked.refusal(0).is_none()
        };
        assert!(typed("SWMKEY-1-abc") && typed("SWMSHARE-1-abc") && typed("SWMKEY-9-abc"));
        assert!(!typed("hunter2") && !typed("") && !typed("swmkey-1-abc"));
    }
}
