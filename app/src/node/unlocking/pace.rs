//! How long must somebody wait who gives wrong keys? Two are free; from the third on each doubles the pause, up to a minute.

/// Wrong keys without a pause.
const FREE: u32 = 2;
const PAUSE_MIN_MS: i64 = 1_000;
const PAUSE_MAX_MS: i64 = 60_000;

/// Wrong keys so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    wrong: u32,
    last_ms: i64,
}

impl Pace {
    /// Since the last right one.
    pub fn wrong(&self) -> u32 {
        self.wrong
    }

    pub fn failed(&mut self, now_ms: i64) {
        self.wrong = self.wrong.saturating_add(1);
        self.last_ms = now_ms;
    }

    /// Until the next one is looked at; 0: now. A clock that was put back makes nobody wait longer than the pause.
    pub fn left_ms(&self, now_ms: i64) -> u64 {
        let pause_ms = self.pause_ms();
        let passed_ms = now_ms.saturating_sub(self.last_ms);
        if passed_ms < 0 {
            return u64::try_from(pause_ms).unwrap_or(0);
        }
        u64::try_from(pause_ms.saturating_sub(passed_ms)).unwrap_or(0)
    }

    /// From now on as if the last one had come now, if the clock says that it is yet to come.
    pub fn follow(&mut self, now_ms: i64) {
        self.last_ms = self.last_ms.min(now_ms);
    }

    fn pause_ms(&self) -> i64 {
        match self.wrong.checked_sub(FREE + 1) {
            None => 0,
            Some(doublings) => PAUSE_MIN_MS.saturating_mul(1 << doublings.min(16)).min(PAUSE_MAX_MS),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_third_wrong_one_costs_a_second_and_each_after_it_twice_as_much() {
        let mut pace = Pace::default();
        let mut pauses = Vec::new();
        for number in 0..10 {
            pace.failed(number);
            pauses.push(pace.left_ms(number));
        }
        assert_eq!(pauses, [0, 0, 1000, 2000, 4000, 8000, 16_000, 32_000, 60_000, 60_000]);
        assert_eq!(pace.left_ms(9 + 59_000), 1000);
        assert_eq!(pace.left_ms(9 + 60_000), 0);
    }

    #[test]
    fn a_clock_that_is_put_back_locks_nobody_out() {
        let mut pace = Pace::default();
        for _ in 0..3 {
            pace.failed(1_000_000);
        }
        assert_eq!(pace.left_ms(5), 1000);
        pace.follow(5);
        assert_eq!(pace.left_ms(1005), 0);
    }
}
