//! What was given of a key that is not whole yet? Shares, kept until there are enough of one set, but not for ever.

use wardroom_keys::{Share, ShareCollection, UnlockKey};

use crate::node::refusal::Refusal;

/// Shares that nobody completes are forgotten.
const PATIENCE_MS: i64 = 15 * 60 * 1000;
/// Sets that are collected side by side: a key may have been split more than once.
const SETS_MAX: usize = 4;

/// Everything that was given, newest set last.
#[derive(Default)]
pub struct Shares(Vec<Set>);

struct Set {
    of: [u8; 4],
    shares: ShareCollection,
    last_ms: i64,
}

impl Set {
    fn end_ms(&self) -> i64 {
        self.last_ms.saturating_add(PATIENCE_MS)
    }
}

/// What came of a share.
pub enum Collected {
    /// More are needed.
    Some,
    Key(UnlockKey),
    /// Enough, and they give another key than they name.
    Forged,
}

impl Shares {
    pub fn add(&mut self, share: Share, now_ms: i64) -> Result<Collected, Refusal> {
        self.forget_old(now_ms);
        let of = share.set();
        let mut set = match self.0.iter().position(|set| set.of == of) {
            Some(place) => self.0.remove(place),
            None => Set {
                of,
                shares: ShareCollection::default(),
                last_ms: now_ms,
            },
        };
        let added = set.shares.add(share);
        let progress = set.shares.progress();
        set.last_ms = now_ms;
        if added.is_ok() && progress.have >= progress.need {
            // Whatever comes of them, they have done their work.
            return Ok(set.shares.combine().map_or(Collected::Forged, Collected::Key));
        }
        self.0.push(set);
        if self.0.len() > SETS_MAX {
            self.0.remove(0);
        }
        match added {
            Ok(_) => Ok(Collected::Some),
            Err(error) => Err(Refusal::invalid(error.to_string())),
        }
    }

    /// How many of the newest set are there, how many it takes, and until when they are kept.
    pub fn progress(&self) -> Option<(u8, u8, i64)> {
        let set = self.0.last()?;
        let progress = set.shares.progress();
        Some((progress.have, progress.need, set.end_ms()))
    }

    /// When the next of them are old; `None` where there are none.
    pub fn end_ms(&self) -> Option<i64> {
        self.0.iter().map(Set::end_ms).min()
    }

    pub fn forget_old(&mut self, now_ms: i64) {
        self.0.retain(|set| now_ms < set.end_ms());
    }
}
