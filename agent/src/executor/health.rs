//! Is a process well? A command is asked at intervals, as Docker asks a container's.
//!
//! Failures in a row count, those of the start period only once it has been well before. The verdict is pure; the asking is
//! a future that survives being waited for in pieces.

use std::pin::Pin;
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use super::Happening;
use crate::run::Health;

/// What one asking came to: well, or the words of why not.
pub(super) type Outcome = Result<(), String>;

/// One asking that is under way.
pub(super) type Asking = Pin<Box<dyn Future<Output = Outcome> + Send>>;

/// Asks once.
pub(super) type Ask = Box<dyn Fn() -> Asking + Send + Sync>;

/// The pure part: what an outcome means.
struct Verdict {
    retries: u32,
    starting_until: Instant,
    failures: u32,
    was_well: bool,
}

impl Verdict {
    fn take(&mut self, outcome: Outcome, asked_at: Instant) -> Option<Happening> {
        match outcome {
            Ok(()) => {
                let news = !self.was_well || self.failures > 0;
                (self.was_well, self.failures) = (true, 0);
                news.then_some(Happening::Healthy)
            }
            Err(_) if !self.was_well && asked_at < self.starting_until => None,
            Err(words) => {
                self.failures += 1;
                Some(if self.failures >= self.retries {
                    Happening::Unhealthy(words)
                } else {
                    Happening::Ailing(words)
                })
            }
        }
    }
}

/// The checks of one running process.
pub(super) struct Checks {
    ask: Ask,
    interval: Duration,
    verdict: Verdict,
    due: Instant,
    asking: Option<(Instant, Asking)>,
}

impl Checks {
    pub(super) fn new(health: &Health, ask: Ask) -> Self {
        let now = Instant::now();
        Self {
            ask,
            interval: health.interval,
            verdict: Verdict {
                retries: health.retries.max(1),
                starting_until: later(now, health.start_period),
                failures: 0,
                was_well: false,
            },
            due: later(now, health.interval),
            asking: None,
        }
    }

    /// Waits for news. Cancelling it loses nothing.
    pub(super) async fn next(&mut self) -> Happening {
        loop {
            if self.asking.is_none() {
                sleep_until(self.due).await;
                self.asking = Some((Instant::now(), (self.ask)()));
            }
            let Some((asked_at, asking)) = &mut self.asking else {
                continue;
            };
            let (asked_at, outcome) = (*asked_at, asking.await);
            self.asking = None;
            self.due = later(Instant::now(), self.interval);
            if let Some(news) = self.verdict.take(outcome, asked_at) {
                return news;
            }
        }
    }
}

/// A time so far off that it cannot be said is as good as never.
fn later(from: Instant, by: Duration) -> Instant {
    const NEVER: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    from + by.min(NEVER)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;
    use crate::run::Test;

    fn health(retries: u32, start_period: Duration) -> Health {
        Health {
            test: Test::None,
            interval: Duration::from_secs(1),
            timeout: Duration::from_secs(1),
            start_period,
            retries,
        }
    }

    /// Checks that come to these outcomes, one after the other.
    fn checks(health: &Health, mut outcomes: Vec<Outcome>) -> Checks {
        outcomes.reverse();
        let outcomes = Mutex::new(outcomes);
        let ask = move || -> Asking {
            let outcome = outcomes.lock().expect("nobody panics").pop().unwrap_or(Ok(()));
            Box::pin(async move { outcome })
        };
        Checks::new(health, Box::new(ask))
    }

    fn ill(words: &str) -> Outcome {
        Err(words.to_owned())
    }

    #[tokio::test(start_paused = true)]
    async fn failures_in_a_row_count() {
        let outcomes = vec![ill("a"), Ok(()), ill("b"), ill("c"), ill("d")];
        let mut checks = checks(&health(3, Duration::ZERO), outcomes);
        let begun = Instant::now();
        assert_eq!(checks.next().await, Happening::Ailing("a".into()));
        assert_eq!(
            begun.elapsed(),
            Duration::from_secs(1),
            "the first is after one interval"
        );
        assert_eq!(checks.next().await, Happening::Healthy);
        assert_eq!(checks.next().await, Happening::Ailing("b".into()));
        assert_eq!(checks.next().await, Happening::Ailing("c".into()));
        assert_eq!(checks.next().await, Happening::Unhealthy("d".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_period_forgives_until_it_was_well() {
        let outcomes = vec![ill("a"), ill("b"), Ok(()), ill("c")];
        let mut checks = checks(&health(1, Duration::from_secs(60)), outcomes);
        assert_eq!(checks.next().await, Happening::Healthy);
        assert_eq!(checks.next().await, Happening::Unhealthy("c".into()));
    }

    #[tokio::test(start_paused = true)]
    async fn being_waited_for_in_pieces_loses_nothing() {
        let mut checks = checks(&health(1, Duration::ZERO), vec![ill("a")]);
        for _ in 0..9 {
            let short = tokio::time::timeout(Duration::from_millis(100), checks.next());
            assert!(short.await.is_err());
        }
        assert_eq!(checks.next().await, Happening::Unhealthy("a".into()));
    }
}
