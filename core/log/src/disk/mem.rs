//! How is a disk simulated? In memory, with a power cord that can be pulled and faults that strike at a chosen operation.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::mem_inner::Inner;
use super::{Disk, DiskFile, checked};

/// What strikes a [`MemDisk`], at which write operation counted from now (0 is the next one).
///
/// Write operations are `create_dir`, `create`, `rename`, `exchange`, `unlink`, `sync_dir`, `write_at` and `sync`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// This operation fails with EIO and does nothing.
    Error { after: u64 },
    /// This operation, if it is a write, stops after `written` bytes with EIO.
    ShortWrite { after: u64, written: usize },
    /// The first sync of a file at or after this operation fails; what it covered may or may not reach the disk.
    SyncFails { after: u64 },
    /// This operation happens in part or not at all and everything after it fails, until [`MemDisk::crash`].
    PowerCut { after: u64 },
}

/// A disk in memory. Clones are the same disk, so it survives the simulated machine that used it.
///
/// Unsynced writes live in a cache of 512-byte sectors; a crash keeps or loses each of them as the seed has it, and
/// names likewise keep only a prefix of what was not made durable with `sync_dir`. Files opened before a crash are dead.
#[derive(Clone, Default)]
pub struct MemDisk(Arc<Mutex<Inner>>);

impl MemDisk {
    pub fn new() -> Self {
        Self::default()
    }

    /// The machine loses power and comes back: unsynced writes are lost or torn as `seed` decides.
    pub fn crash(&self, seed: u64) {
        self.inner().crash(seed);
    }

    /// The same disk in another machine, as it is at this moment: what is not synced is not synced there either.
    #[must_use]
    pub fn copy(&self) -> Self {
        Self(Arc::new(Mutex::new(self.inner().clone())))
    }

    /// Arms one fault; it replaces the one armed before.
    pub fn inject(&self, fault: Fault) {
        self.inner().arm(fault);
    }

    /// Disarms the fault, if it has not struck yet.
    pub fn heal(&self) {
        self.inner().disarm();
    }

    /// Bytes that all files together may hold; beyond, writes fail with ENOSPC. `None` is no limit.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner().capacity = bytes;
    }

    /// Write operations so far.
    pub fn operations(&self) -> u64 {
        self.inner().operations
    }

    /// Every byte of every file as it is now, by path: for canary scans and for tampering in tests.
    pub fn dump(&self) -> Vec<(String, Vec<u8>)> {
        self.inner().dump()
    }

    /// From now on, what removed files held stays on the medium, as it does on a real one until other bytes come there.
    pub fn keep_freed(&self) {
        self.inner().freed.get_or_insert_default();
    }

    /// The durable bytes of every file, whether it has a name or not, and of those freed since [`MemDisk::keep_freed`]: what
    /// somebody finds who takes the medium out now.
    pub fn image(&self) -> Vec<Vec<u8>> {
        self.inner().image()
    }

    /// Replaces a file's durable bytes behind everybody's back, as an attacker with the disk in hand would.
    pub fn tamper(&self, path: &str, bytes: Vec<u8>) {
        self.inner().tamper(path, bytes);
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, inode: u64, boot: u64) -> Arc<dyn DiskFile> {
        Arc::new(MemFile {
            disk: self.clone(),
            inode,
            boot,
        })
    }
}

impl Disk for MemDisk {
    fn create_dir(&self, dir: &str) -> io::Result<()> {
        self.inner().create_dir(checked(dir)?)
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.inner().list(checked(dir)?)
    }

    fn create(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let mut inner = self.inner();
        let inode = inner.create(checked(path)?)?;
        Ok(self.file(inode, inner.boot))
    }

    fn open(&self, path: &str) -> io::Result<Arc<dyn DiskFile>> {
        let inner = self.inner();
        let inode = inner.find(checked(path)?)?;
        Ok(self.file(inode, inner.boot))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.inner().rename(checked(from)?, checked(to)?)
    }

    fn exchange(&self, one: &str, other: &str) -> io::Result<()> {
        self.inner().exchange(checked(one)?, checked(other)?)
    }

    fn unlink(&self, path: &str) -> io::Result<()> {
        self.inner().unlink(checked(path)?)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.inner().sync_dir(checked(dir)?)
    }
}

struct MemFile {
    disk: MemDisk,
    inode: u64,
    /// Which life of the machine opened it.
    boot: u64,
}

impl MemFile {
    fn inner(&self) -> io::Result<MutexGuard<'_, Inner>> {
        let inner = self.disk.inner();
        if inner.boot == self.boot {
            Ok(inner)
        } else {
            Err(io::Error::other("the machine that opened it is gone"))
        }
    }
}

impl DiskFile for MemFile {
    fn size(&self) -> io::Result<u64> {
        self.inner()?.size(self.inode)
    }

    fn read_at(&self, offset: u64, out: &mut [u8]) -> io::Result<usize> {
        self.inner()?.read_at(self.inode, offset, out)
    }

    fn write_at(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.inner()?.write_at(self.inode, offset, bytes)
    }

    fn sync(&self) -> io::Result<()> {
        self.inner()?.sync(self.inode)
    }
}
