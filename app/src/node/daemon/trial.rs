//! When is something tried again that failed? Later and later, but never more than a minute later.

use std::time::Duration;

use tokio::time::Instant;

/// Between two tries of the same thing: from the first to the longest pause.
const PAUSE_MIN: Duration = Duration::from_secs(1);
const PAUSE_MAX: Duration = Duration::from_secs(60);

/// What was tried in vain, and when it may be tried again.
#[derive(Default)]
pub struct Trial {
    failures: u32,
    not_before: Option<Instant>,
}

impl Trial {
    pub fn may(&self) -> bool {
        self.not_before.is_none_or(|at| at <= Instant::now())
    }

    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    /// Doubles the pause; returns it.
    pub fn failed(&mut self) -> Duration {
        let pause = pause_after(self.failures);
        self.failures += 1;
        self.not_before = Some(Instant::now() + pause);
        pause
    }
}

fn pause_after(failures: u32) -> Duration {
    PAUSE_MIN.saturating_mul(1 << failures.min(16)).min(PAUSE_MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_fails_is_tried_later_and_later() {
        let mut trial = Trial::default();
        assert!(trial.may());
        let pauses: Vec<u64> = (0..8).map(|_| trial.failed().as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert!(!trial.may());
        tokio::time::advance(PAUSE_MAX).await;
        assert!(trial.may());
        trial.succeeded();
        assert_eq!(trial.failed(), PAUSE_MIN);
        assert_eq!(pause_after(u32::MAX), PAUSE_MAX);
    }
}
