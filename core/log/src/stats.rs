//! How much does the log hold, and how fast is its disk?

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Syncs that the percentiles look back on.
const WINDOW: usize = 512;

/// Figures of one log. Sync times are 0 where time is not measured (simulations).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LogStats {
    pub segments: u64,
    /// Of the oldest segment; see [`crate::LogReader::uses`].
    pub oldest_epoch: u32,
    /// Of the segment that is written to.
    pub epoch: u32,
    /// Written bytes in those segments, headers included.
    pub bytes: u64,
    /// Batches since the log was opened.
    pub appends: u64,
    /// Records since the log was opened.
    pub records: u64,
    /// Microseconds of the write and sync of a batch.
    pub fsync_p50_us: u64,
    pub fsync_p99_us: u64,
    /// The next segment could not be made ahead: refuse new work while votes still fit.
    pub low_space: bool,
}

/// Recent sync times.
#[derive(Default)]
pub(crate) struct SyncTimes(VecDeque<u32>);

impl SyncTimes {
    pub(crate) fn add(&mut self, took: Duration) {
        if self.0.len() == WINDOW {
            self.0.pop_front();
        }
        self.0.push_back(u32::try_from(took.as_micros()).unwrap_or(u32::MAX));
    }

    /// p50 and p99 in microseconds.
    pub(crate) fn percentiles(&self) -> (u64, u64) {
        let mut sorted: Vec<u32> = self.0.iter().copied().collect();
        sorted.sort_unstable();
        let at = |percent: usize| sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1)));
        (
            at(50).copied().unwrap_or_default().into(),
            at(99).copied().unwrap_or_default().into(),
        )
    }
}

/// Measures real time, or nothing at all: a simulation has no use for it and must not depend on it.
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(crate) fn start(measure: bool) -> Self {
        Self(measure.then(Instant::now))
    }

    pub(crate) fn elapsed(&self) -> Option<Duration> {
        self.0.map(|start| start.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentiles_of_the_last_window() {
        let mut times = SyncTimes::default();
        assert_eq!(times.percentiles(), (0, 0));
        times.add(Duration::from_secs(9)); // falls out of the window below
        for us in 1..=512 {
            times.add(Duration::from_micros(us));
        }
        assert_eq!(times.percentiles(), (257, 507));
    }
}
