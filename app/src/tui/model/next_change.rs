//! When does the screen change although nothing happens? At the next minute, when ages grow; sooner while something
//! counts seconds. One deadline, and none that returns without need.

use super::facts::time::next_minute;
use super::overlay::Overlay;
use super::{Link, Model};

const SECOND: i64 = 1000;
/// So long is an age counted in seconds.
const SECONDS_SHOWN_MS: i64 = 60 * SECOND;

impl Model {
    /// The time at which what is shown grows old, Unix milliseconds; `None` while nothing has been heard.
    pub fn next_change_ms(&self, now_ms: i64) -> Option<i64> {
        // One deadline at the end of the wait after wrong keys: its text names a time, and counts nothing.
        if let Some(locked) = &self.lock {
            return (locked.until_ms > 0).then(|| locked.until_ms.max(now_ms));
        }
        if matches!(self.link, Link::Connecting(_)) {
            return None;
        }
        let minute = next_minute(now_ms);
        let leaderless = self
            .leadership
            .gone_since_ms
            .and_then(|since| next_second(since, now_ms));
        let behind = self.behind.as_ref().map(|behind| behind.until_ms);
        let token = match &self.overlay {
            Some(Overlay::Tokens(tokens)) => tokens.until_ms().map(|until| countdown(until, now_ms)),
            _ => None,
        };
        [leaderless, behind, token]
            .into_iter()
            .flatten()
            .min()
            .map_or(Some(minute), |soon| Some(soon.min(minute)))
    }
}

/// When the whole seconds since then change, as long as they are shown.
fn next_second(since_ms: i64, now_ms: i64) -> Option<i64> {
    let age = now_ms.saturating_sub(since_ms).max(0);
    (age < SECONDS_SHOWN_MS).then(|| now_ms.saturating_add(SECOND - age % SECOND))
}

/// When the whole seconds until then change; a time that is over is due at once.
fn countdown(until_ms: i64, now_ms: i64) -> i64 {
    let left = until_ms.saturating_sub(now_ms);
    if left <= 0 {
        return now_ms;
    }
    now_ms.saturating_add(match left % SECOND {
        0 => SECOND,
        part => part,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_are_counted_for_a_minute() {
        assert_eq!(next_second(1000, 1000), Some(2000));
        assert_eq!(next_second(1000, 1999), Some(2000));
        assert_eq!(next_second(1000, 60_999), Some(61_000));
        assert_eq!(next_second(1000, 61_000), None);
        assert_eq!(next_second(5000, 1000), Some(2000), "a clock that was set back");
    }

    #[test]
    fn a_countdown_ends_when_it_says() {
        assert_eq!(countdown(30_000, 0), 1000);
        assert_eq!(countdown(30_000, 29_500), 30_000);
        assert_eq!(countdown(30_000, 30_000), 30_000);
        assert_eq!(countdown(30_000, 40_000), 40_000);
    }
}
