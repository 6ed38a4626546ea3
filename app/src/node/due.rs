//! When is a certificate renewed? At a point of its life that is drawn anew each time, so that nodes which were made
//! together part; and when there is an occasion, past half of it.

use std::time::Duration;

use wardroom_ca::{BACKDATE, CertificateFacts, Clock};
use wardroom_keys::Chance;

/// When the timer renews, in percent of a certificate's life.
const PERCENT: std::ops::Range<u64> = 50..81;
/// After this part of its life a certificate is renewed when there is an occasion.
const DUE_PERCENT: u64 = 50;
/// The runtime's time stands still while the machine sleeps: after this the clock is looked at again.
pub const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

/// A point in a certificate's life, in percent of it.
pub fn draw(chance: &dyn Chance) -> u64 {
    PERCENT.start + chance.next_u64() % (PERCENT.end - PERCENT.start)
}

/// Whether to renew when there is an occasion.
pub fn is_due(facts: &CertificateFacts, now_ms: i64) -> bool {
    now_ms >= point_ms(facts, DUE_PERCENT)
}

/// When `percent` of a certificate's life are over. Its life begins when it was made, which is later than it says.
pub fn point_ms(facts: &CertificateFacts, percent: u64) -> i64 {
    let end = i128::from(facts.not_after_ms);
    let backdated = i128::try_from(BACKDATE.as_millis()).expect("an hour fits");
    let made = (i128::from(facts.not_before_ms) + backdated).min(end);
    let point = made + (end - made) * i128::from(percent) / 100;
    i64::try_from(point).unwrap_or(i64::MAX)
}

/// Returns when the clock says `due_ms`, but not before `least` has passed: a time that has passed already belongs to a
/// try that failed, and waits too.
pub async fn sleep_until(clock: &dyn Clock, due_ms: i64, least: Duration) {
    let mut least = least;
    loop {
        let left = u64::try_from(due_ms.saturating_sub(clock.now_ms())).unwrap_or(0);
        let sleep = Duration::from_millis(left).max(least).min(LONGEST_SLEEP.max(least));
        tokio::time::sleep(sleep).await;
        if clock.now_ms() >= due_ms {
            return;
        }
        least = Duration::ZERO;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use wardroom_ca::ManualClock;
    use wardroom_keys::SeededChance;

    use super::*;

    fn facts(not_before_ms: i64, not_after_ms: i64) -> CertificateFacts {
        CertificateFacts {
            fingerprint: String::new(),
            not_before_ms,
            not_after_ms,
            issuer: String::new(),
        }
    }

    #[test]
    fn past_half_of_its_life_it_is_due() {
        const HOUR_MS: i64 = 3_600_000;
        let facts = facts(1000 - HOUR_MS, 3000);
        assert!(!is_due(&facts, 0), "before it was made");
        assert!(!is_due(&facts, 1999));
        assert!(is_due(&facts, 2000));
        assert!(is_due(&facts, 9000), "expired");
    }

    #[test]
    fn any_bytes_of_a_certificate_have_a_point() {
        assert_eq!(point_ms(&facts(5, 1), 80), 1, "it ends before it begins");
        assert_eq!(point_ms(&facts(i64::MIN, i64::MAX), 100), i64::MAX);
    }

    #[test]
    fn the_timer_draws_between_half_and_four_fifths() {
        let chance = SeededChance::new(1);
        let drawn: Vec<u64> = (0..200).map(|_| draw(&chance)).collect();
        assert!(drawn.iter().all(|percent| (50..=80).contains(percent)));
        assert!(drawn.iter().min() < Some(&55) && drawn.iter().max() > Some(&75));
    }

    #[tokio::test(start_paused = true)]
    async fn a_long_wait_looks_at_the_clock_and_a_failed_try_waits() {
        const RETRY: Duration = Duration::from_secs(600);
        let clock = Arc::new(ManualClock::new(0));
        let asleep = tokio::time::Instant::now();
        sleep_until(&*clock, -1, RETRY).await;
        assert_eq!(asleep.elapsed(), RETRY);
        // The machine slept through weeks: the runtime's time has not moved, the clock has.
        tokio::join!(sleep_until(&*clock, i64::from(u32::MAX), RETRY), async {
            clock.set(i64::from(u32::MAX));
        });
        assert!(asleep.elapsed() <= RETRY + LONGEST_SLEEP + Duration::from_secs(1));
    }
}
