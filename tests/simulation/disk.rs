//! Which disk does a simulated manager have? One in memory that loses what was not synced, and whose syncs can fail or,
//! to try the checks themselves, lie.

use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use wardroom_log::{Disk, DiskFile, MemDisk};

/// A lying disk holds back one write of this size or less per file: a batch of records, not a segment's zeros.
const HELD_BYTES: usize = 64 * 1024;
const EIO: i32 = 5;

/// One manager's disk. Clones are the same disk.
#[derive(Clone)]
pub(crate) struct SimDisk {
    pub(crate) memory: MemDisk,
    knobs: Arc<Knobs>,
}

#[derive(Default)]
struct Knobs {
    fails: AtomicBool,
    struck: AtomicU64,
    /// With a lying disk: the newest write of each file, called durable and not even begun.
    held: Option<Mutex<BTreeMap<String, Write>>>,
}

struct Write {
    offset: u64,
    bytes: Vec<u8>,
}

impl SimDisk {
    /// With `lies`, the newest write of a file is called durable and lost with the power. What is left is whole: only
    /// somebody who remembers what was acknowledged can tell.
    pub(crate) fn new(lies: bool) -> Self {
        let held = lies.then(Mutex::default);
        Self {
            memory: MemDisk::new(),
            knobs: Arc::new(Knobs {
                held,
                ..Knobs::default()
            }),
        }
    }

    /// The next sync of a file fails.
    pub(crate) fn fail_next_sync(&self) {
        self.knobs.fails.store(true, Ordering::Relaxed);
    }

    /// What was to fail does not.
    pub(crate) fn spare_syncs(&self) {
        self.knobs.fails.store(false, Ordering::Relaxed);
    }

    /// Failed syncs so far.
    pub(crate) fn struck(&self) -> u64 {
        self.knobs.struck.load(Ordering::Relaxed)
    }

    /// Power off and on.
    pub(crate) fn crash(&self, seed: u64) {
        self.knobs.fails.store(false, Ordering::Relaxed);
        if let Some(mut held) = self.knobs.held() {
            held.clear();
        }
        self.memory.crash(seed);
    }

    fn wrap(&self, path: &str, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SimFile {
            path: path.to_owned(),
            inner,
            knobs: Arc::clone(&self.knobs),
        })
    }
}

impl Knobs {
    fn held(&self) -> Option<MutexGuard<'_, BTreeMap<String, Write>>> {
        self.held
            .as_ref()
            .map(|held| held.lock().expect("no code panics while it holds this lock"))
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.memory.create_dir(dir)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.memory.list(dir)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.memory.create(path).map(|file| self.wrap(path, file))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.memory.open(path).map(|file| self.wrap(path, file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.memory.rename(from, to)
    }

    fn exchange(&self, one: &str, other: &str) -> io::Result<()> {
        self.memory.exchange(one, other)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        if let Some(mut held) = self.knobs.held() {
            held.remove(path);
        }
        self.memory.unlink(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.memory.sync_dir(dir)
    }
}

struct SimFile {
    path: String,
    inner: Arc<dyn DiskFile>,
    knobs: Arc<Knobs>,
}

impl SimFile {
    /// Only within what the file has already: a log's segment, never a snapshot that grows and is renamed.
    fn can_be_held(&self, offset: u64, length: usize) -> io::Result<bool> {
        Ok(length <= HELD_BYTES && offset > 0 && offset + length as u64 <= self.inner.size()?)
    }
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read_at(offset, out)?;
        if let Some(held) = self.knobs.held()
            && let Some(write) = held.get(&self.path)
        {
            for (at, byte) in (write.offset..).zip(&write.bytes) {
                let place = at.checked_sub(offset).and_then(|place| usize::try_from(place).ok());
                if let Some(seen) = place.and_then(|place| out[..count].get_mut(place)) {
                    *seen = *byte;
                }
            }
        }
        Ok(count)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let Some(mut held) = self.knobs.held() else {
            return self.inner.write_at(offset, bytes);
        };
        if let Some(late) = held.remove(&self.path) {
            self.inner.write_at(late.offset, &late.bytes)?;
            self.inner.sync()?;
        }
        if !self.can_be_held(offset, bytes.len())? {
            return self.inner.write_at(offset, bytes);
        }
        held.insert(
            self.path.clone(),
            Write {
                offset,
                bytes: bytes.to_vec(),
            },
        );
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        if self.knobs.fails.swap(false, Ordering::Relaxed) {
            self.knobs.struck.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::from_raw_os_error(EIO));
        }
        self.inner.sync()
    }
}
