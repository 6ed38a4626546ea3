//! What time is it, for what the leader decides? The later of its clock and the state's: what was done at a moment that
//! lies ahead of a clock that was set back is over all the same, after as long as it takes.

use std::time::Duration;

use tokio::time::Instant;

/// Unix milliseconds that never go back during one term, and go on whatever the clock does.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Now {
    ms: i64,
    at: Instant,
}

impl Now {
    pub(crate) fn new(at: Instant) -> Self {
        Self { ms: i64::MIN, at }
    }

    /// The time at `at`, by this manager's clock and the time of the last change of the state.
    pub(crate) fn read(&mut self, clock_ms: i64, state_ms: i64, at: Instant) -> i64 {
        let passed = i64::try_from(at.saturating_duration_since(self.at).as_millis()).unwrap_or(i64::MAX);
        let carried = self.ms.saturating_add(passed);
        let ms = clock_ms.max(state_ms).max(carried);
        // Parts of a millisecond stay with the instant, or reading often would lose them.
        if ms > carried {
            *self = Self { ms, at };
        } else if passed > 0 {
            *self = Self {
                ms,
                at: self.at + Duration::from_millis(passed.unsigned_abs()),
            };
        }
        ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_clock_that_was_set_back_does_not_stop_the_time() {
        let start = Instant::now();
        let mut now = Now::new(start);
        assert_eq!(now.read(10_000, 9_000, start), 10_000);
        assert_eq!(now.read(1_000, 10_500, start + SECOND / 2), 10_500);
        assert_eq!(
            now.read(1_500, 10_500, start + SECOND),
            11_000,
            "half a second has passed"
        );
        assert_eq!(now.read(60_000, 10_500, start + SECOND * 2), 60_000);
    }

    #[test]
    fn time_passes_for_who_looks_often_too() {
        let start = Instant::now();
        let mut now = Now::new(start);
        now.read(10_000, 0, start);
        let looks = (1..=1_000).map(|n| now.read(0, 0, start + Duration::from_micros(n * 700)));
        assert_eq!(looks.last(), Some(10_700));
    }
}
