//! Which disk does a simulated manager have? One in memory that loses what was not synced, and whose syncs can fail or,
//! to try the checks themselves, lie.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use wardroom_log::{Disk, DiskFile, MemDisk};

/// A batch of records is smaller than this; only such syncs are lied about, so that the log still begins well.
const LIE_BYTES: u64 = 256 * 1024;
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
    lies: bool,
}

impl SimDisk {
    /// With `lies`, small writes are called durable and are not.
    pub(crate) fn new(lies: bool) -> Self {
        Self { memory: MemDisk::new(), knobs: Arc::new(Knobs { lies, ..Knobs::default() }) }
    }

    /// The next sync of a file fails.
    pub(crate) fn fail_next_sync(&self) {
        self.knobs.fails.store(true, Ordering::Relaxed);
    }

    /// Failed syncs so far.
    pub(crate) fn struck(&self) -> u64 {
        self.knobs.struck.load(Ordering::Relaxed)
    }

    /// Power off and on.
    pub(crate) fn crash(&self, seed: u64) {
        self.knobs.fails.store(false, Ordering::Relaxed);
        self.memory.crash(seed);
    }

    fn wrap(&self, inner: Arc<dyn DiskFile>) -> Arc<dyn DiskFile> {
        Arc::new(SimFile { inner, knobs: Arc::clone(&self.knobs), unsynced: AtomicU64::new(0) })
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
        self.memory.create(path).map(|file| self.wrap(file))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        self.memory.open(path).map(|file| self.wrap(file))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.memory.rename(from, to)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.memory.unlink(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.memory.sync_dir(dir)
    }
}

struct SimFile {
    inner: Arc<dyn DiskFile>,
    knobs: Arc<Knobs>,
    /// Bytes written since the last honest sync.
    unsynced: AtomicU64,
}

impl DiskFile for SimFile {
    fn size(&self) -> io::Result<u64> {
        self.inner.size()
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.inner.read_at(offset, out)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.unsynced.fetch_add(bytes.len() as u64, Ordering::Relaxed);
        self.inner.write_at(offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        if self.knobs.fails.swap(false, Ordering::Relaxed) {
            self.knobs.struck.fetch_add(1, Ordering::Relaxed);
            return Err(io::Error::from_raw_os_error(EIO));
        }
        if self.knobs.lies && self.unsynced.load(Ordering::Relaxed) < LIE_BYTES {
            return Ok(());
        }
        self.inner.sync()?;
        self.unsynced.store(0, Ordering::Relaxed);
        Ok(())
    }
}
