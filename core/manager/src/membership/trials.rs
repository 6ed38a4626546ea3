//! When is a step that failed tried again? After a pause that doubles each time, up to a bound.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use tokio::time::Instant;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);

/// The steps that failed, by what they are about.
#[derive(Debug, Default)]
pub(crate) struct Trials(BTreeMap<String, Trial>);

#[derive(Debug)]
struct Trial {
    pause: Duration,
    again: Instant,
}

impl Trials {
    /// What is not to be tried yet.
    pub(crate) fn waiting(&self, now: Instant) -> BTreeSet<String> {
        let early = self.0.iter().filter(|(_, trial)| trial.again > now);
        early.map(|(subject, _)| subject.clone()).collect()
    }

    /// When the next one may be tried; what may be tried already, and was not wanted any more, is no reason to look.
    /// `now` must be that of [`Self::waiting`], or a trial that comes due in between would be lost to both.
    pub(crate) fn next(&self, now: Instant) -> Option<Instant> {
        self.0
            .values()
            .map(|trial| trial.again)
            .filter(|again| *again > now)
            .min()
    }

    pub(crate) fn failed(&mut self, subject: String, now: Instant) {
        let before = self.0.get(&subject).map(|trial| trial.pause);
        let pause = before.map_or(FIRST, |pause| (pause * 2).min(LONGEST));
        let again = now + pause;
        self.0.insert(subject, Trial { pause, again });
    }

    pub(crate) fn succeeded(&mut self, subject: &str) {
        self.0.remove(subject);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn pauses_double_up_to_a_bound_and_begin_anew_after_a_success() {
        let mut trials = Trials::default();
        let mut pauses = Vec::new();
        for _ in 0..8 {
            let now = Instant::now();
            trials.failed("2".to_owned(), now);
            assert_eq!(trials.waiting(now), ["2".to_owned()].into());
            let again = trials.next(now).expect("it is tried again");
            pauses.push((again - now).as_millis());
            tokio::time::advance(again - now).await;
            assert_eq!(trials.waiting(Instant::now()), BTreeSet::new());
            assert_eq!(trials.next(again), None);
        }
        assert_eq!(pauses, [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000]);
        trials.succeeded("2");
        trials.failed("2".to_owned(), Instant::now());
        assert_eq!(trials.next(Instant::now()), Some(Instant::now() + FIRST));
    }
}
