//! What time is it on a simulated host? Simulated time since a fixed date, and wrong by what the schedule says.

use std::sync::atomic::{AtomicI64, Ordering};

use wardroom_ca::Clock;

/// The date on which every simulation begins, Unix milliseconds.
pub(crate) const BEGIN_MS: i64 = 1_800_000_000_000;

/// One host's clock.
#[derive(Default)]
pub(crate) struct SimClock {
    wrong_by_ms: AtomicI64,
    /// What was last seen; destructors ask outside of simulated time.
    elapsed_ms: AtomicI64,
}

impl SimClock {
    /// Jumps, backwards too.
    pub(crate) fn jump(&self, by_ms: i64) {
        self.wrong_by_ms.fetch_add(by_ms, Ordering::Relaxed);
    }
}

impl Clock for SimClock {
    fn now_ms(&self) -> i64 {
        if let Some(elapsed) = turmoil::sim_elapsed() {
            let elapsed = i64::try_from(elapsed.as_millis()).expect("a simulation lasts seconds");
            self.elapsed_ms.store(elapsed, Ordering::Relaxed);
        }
        BEGIN_MS + self.elapsed_ms.load(Ordering::Relaxed) + self.wrong_by_ms.load(Ordering::Relaxed)
    }
}
