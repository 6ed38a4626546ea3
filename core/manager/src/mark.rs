//! Was this store refounded a moment ago? A file beside the log says so, until the state has forgotten the managers that
//! were left behind: before that the state still wants them, and one that came back too early would be taken in again.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use wardroom_log::{Disk, write_file};

const FILE: &str = "refounded";

/// The mark of one manager's disk. Clones are the same mark.
#[derive(Clone)]
pub(crate) struct Mark(Arc<Inner>);

struct Inner {
    disk: Arc<dyn Disk>,
    stands: AtomicBool,
}

impl Mark {
    /// As the disk has it.
    pub(crate) fn read(disk: Arc<dyn Disk>) -> io::Result<Self> {
        let stands = disk.list("")?.iter().any(|name| name == FILE);
        Ok(Self(Arc::new(Inner {
            disk,
            stands: AtomicBool::new(stands),
        })))
    }

    /// Durable on return.
    pub(crate) fn set(disk: &dyn Disk) -> io::Result<()> {
        write_file(disk, FILE, b"")
    }

    pub(crate) fn stands(&self) -> bool {
        self.0.stands.load(Ordering::Relaxed)
    }

    /// A file that stays is tried again by the next start, and does no harm.
    pub(crate) fn lift(&self) {
        let disk = &self.0.disk;
        if let Err(error) = disk.unlink(FILE).and_then(|()| disk.sync_dir("")) {
            tracing::warn!(%error, "the mark of a refounded store could not be removed");
        }
        self.0.stands.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_log::MemDisk;

    use super::*;

    #[test]
    fn a_mark_stands_over_a_power_cut_until_it_is_lifted() {
        let disk = MemDisk::new();
        let read = || Mark::read(Arc::new(disk.clone())).unwrap();
        assert!(!read().stands());
        Mark::set(&disk).unwrap();
        Mark::set(&disk).unwrap();
        disk.crash(1);
        let mark = read();
        assert!(mark.stands());
        mark.lift();
        assert!(!mark.stands());
        disk.crash(2);
        assert!(!read().stands());
    }
}
