//! How fast may a machine try join tokens? Each wrong one costs it a moment, and only a few of its tries are under way at
//! once. Other machines do not notice.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// What a wrong token costs.
pub(crate) const PENALTY: Duration = Duration::from_millis(250);
/// Wrong tries of one machine that may be under way at once.
const AT_ONCE: u32 = 5;
/// Machines remembered, each while it waits; more than may be connected at once.
const MACHINES: usize = 1_024;

/// Cheap to clone; all clones are the same table.
#[derive(Clone, Default)]
pub(crate) struct Attempts(Arc<Mutex<BTreeMap<String, u32>>>);

impl Attempts {
    /// Whether a machine may try now.
    pub(crate) fn admits(&self, host: &str) -> bool {
        let waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.get(host).is_none_or(|tries| *tries < AT_ONCE)
    }

    /// Waits for what a wrong try costs, and counts it meanwhile.
    pub(crate) async fn failed(&self, host: &str) {
        let _counted = self.count(host);
        tokio::time::sleep(PENALTY).await;
    }

    fn count(&self, host: &str) -> Counted {
        let mut waiting = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() < MACHINES || waiting.contains_key(host) {
            *waiting.entry(host.to_owned()).or_default() += 1;
        }
        Counted {
            attempts: self.clone(),
            host: host.to_owned(),
        }
    }
}

/// One try under way; dropped with it, also when the caller goes.
struct Counted {
    attempts: Attempts,
    host: String,
}

impl Drop for Counted {
    fn drop(&mut self) {
        let mut waiting = self.attempts.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tries) = waiting.get_mut(&self.host) {
            *tries = tries.saturating_sub(1);
            if *tries == 0 {
                waiting.remove(&self.host);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_machine_has_few_wrong_tries_at_once_and_others_are_not_concerned() {
        let attempts = Attempts::default();
        let wrong = join_all((0..AT_ONCE).map(|_| attempts.failed("10.0.0.7")));
        let watched = async {
            tokio::task::yield_now().await;
            assert!(!attempts.admits("10.0.0.7"));
            assert!(attempts.admits("10.0.0.8"));
        };
        let before = tokio::time::Instant::now();
        tokio::join!(biased; wrong, watched);
        assert_eq!(before.elapsed(), PENALTY);
        assert!(attempts.admits("10.0.0.7"), "the moment is over");
        assert!(attempts.0.lock().is_ok_and(|waiting| waiting.is_empty()));
    }

    #[tokio::test(start_paused = true)]
    async fn who_hangs_up_is_not_counted_any_more() {
        let attempts = Attempts::default();
        let mut tries: Vec<_> = (0..AT_ONCE).map(|_| Box::pin(attempts.failed("10.0.0.7"))).collect();
        for one in &mut tries {
            assert!(futures_util::poll!(one).is_pending());
        }
        assert!(!attempts.admits("10.0.0.7"));
        drop(tries);
        assert!(attempts.admits("10.0.0.7"));
    }
}
