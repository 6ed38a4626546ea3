//! How does a test wait? For the thing itself, with a deadline that only bounds a failure.

use std::time::{Duration, Instant};

/// Far beyond anything that works; a test that gets here has failed.
pub const DEADLINE: Duration = Duration::from_secs(60);

/// Looks again and again until `look` returns something, and fails with `what` after [`DEADLINE`].
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} in vain: {what}");
        std::thread::park_timeout(Duration::from_millis(20));
    }
}
