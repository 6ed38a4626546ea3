//! Where may a test let the process die? At named points between the steps of a rotation; release builds have none.
//!
//! A build with debug assertions aborts at the point that the environment variable `WARDROOM_FAILPOINT` names. A test in
//! the same process arms a point with a closure instead, for example one that copies the disk as it is at that moment.

/// Passes the point `name`.
#[inline]
pub fn reach(name: &str) {
    #[cfg(debug_assertions)]
    armed::reach(name);
    #[cfg(not(debug_assertions))]
    let _ = name;
}

#[cfg(debug_assertions)]
pub use armed::{Armed, arm};

#[cfg(debug_assertions)]
mod armed {
    use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

    type Hook = Arc<dyn Fn() + Send + Sync>;

    static ABORT_AT: LazyLock<Option<String>> = LazyLock::new(|| std::env::var("WARDROOM_FAILPOINT").ok());
    static HOOKS: Mutex<Vec<(u64, &'static str, Hook)>> = Mutex::new(Vec::new());

    fn hooks() -> MutexGuard<'static, Vec<(u64, &'static str, Hook)>> {
        HOOKS.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn reach(name: &str) {
        if ABORT_AT.as_deref() == Some(name) {
            std::process::abort();
        }
        // Called without the lock, so that a hook may take its time, arm and disarm.
        let due: Vec<Hook> = hooks()
            .iter()
            .filter(|(_, at, _)| *at == name)
            .map(|(_, _, hook)| Arc::clone(hook))
            .collect();
        for hook in due {
            hook();
        }
    }

    /// Keeps a point armed until it is dropped.
    #[must_use = "dropping it disarms the point"]
    pub struct Armed(u64);

    /// Calls `hook` each time anything in this process passes the point `name`, on the thread that passes it.
    pub fn arm(name: &'static str, hook: impl Fn() + Send + Sync + 'static) -> Armed {
        let mut hooks = hooks();
        let id = hooks.last().map_or(0, |(id, ..)| id + 1);
        hooks.push((id, name, Arc::new(hook)));
        Armed(id)
    }

    impl Drop for Armed {
        fn drop(&mut self) {
            hooks().retain(|(id, ..)| *id != self.0);
        }
    }
}

#[cfg(all(test, debug_assertions))]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::*;

    #[test]
    fn a_hook_is_called_at_its_point_while_it_is_armed() {
        let count = Arc::new(AtomicU32::new(0));
        let counter = Arc::clone(&count);
        let armed = arm("test.here", move || {
            counter.fetch_add(1, Ordering::Relaxed);
        });
        reach("test.there");
        assert_eq!(count.load(Ordering::Relaxed), 0);
        reach("test.here");
        reach("test.here");
        assert_eq!(count.load(Ordering::Relaxed), 2);
        drop(armed);
        reach("test.here");
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }
}
