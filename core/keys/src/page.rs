//! Where do keys live in memory? In pages of their own, the best that the kernel gives: memory that no other process can
//! read, else locked pages, left out of core files and of forked processes.
//!
//! | kind | swap | core files | root through `/proc/PID/mem` |
//! |---|---|---|---|
//! | `memfd_secret` | never | never | refused by the kernel |
//! | locked | never | left out | readable |
//! | plain | possible | left out | readable |
#![allow(unsafe_code)] // mappings and the bytes in them; nothing else in this crate needs unsafe

use std::ffi::c_void;
use std::io;
use std::os::fd::{FromRawFd, OwnedFd};
use std::ptr::{NonNull, null_mut};
use std::sync::{Mutex, PoisonError};

use rustix::mm::{Advice, MapFlags, MprotectFlags, ProtFlags, madvise, mlock, mmap, mmap_anonymous, mprotect};
use zeroize::Zeroize;

use crate::memory::KeyMemory;

/// Bytes of one mapping: 2,048 keys, far below an `RLIMIT_MEMLOCK` of 8 MiB, and a multiple of every page size.
const LEN: usize = 64 * 1024;

/// The places of this process that hold no key.
static ARENA: Mutex<Arena> = Mutex::new(Arena { free: Vec::new() });

/// 32 bytes of key memory: zero until written, and zeroed before anybody else gets them.
pub(crate) struct KeySlot(Place);

// SAFETY: a slot alone reaches its bytes, as a Box would; they are not bound to a thread.
unsafe impl Send for KeySlot {}
// SAFETY: through a shared slot the bytes can only be read.
unsafe impl Sync for KeySlot {}

impl KeySlot {
    pub(crate) fn new() -> Self {
        let mut arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
        Self(arena.take(KeyMemory::Secret))
    }

    pub(crate) fn bytes(&self) -> &[u8; 32] {
        // SAFETY: the place is mapped for ever, aligned for bytes, and this slot's alone.
        unsafe { self.0.at.as_ref() }
    }

    pub(crate) fn bytes_mut(&mut self) -> &mut [u8; 32] {
        // SAFETY: as above, and `&mut self` makes this the only reference.
        unsafe { self.0.at.as_mut() }
    }

    pub(crate) fn memory(&self) -> KeyMemory {
        self.0.memory
    }
}

impl Drop for KeySlot {
    fn drop(&mut self) {
        self.bytes_mut().zeroize();
        let mut arena = ARENA.lock().unwrap_or_else(PoisonError::into_inner);
        arena.free.push(self.0);
    }
}

/// Where a slot is, and what guards it.
#[derive(Clone, Copy)]
struct Place {
    at: NonNull<[u8; 32]>,
    memory: KeyMemory,
}

// SAFETY: an address may be known to every thread; only a `KeySlot` follows it.
unsafe impl Send for Place {}

struct Arena {
    free: Vec<Place>,
}

impl Arena {
    /// A free place, in a fresh mapping of at most the kind `best` if there is none.
    fn take(&mut self, best: KeyMemory) -> Place {
        if self.free.is_empty() {
            self.grow(best);
        }
        self.free.pop().expect("a mapping has places")
    }

    fn grow(&mut self, best: KeyMemory) {
        let (first, memory) = map(best);
        let places = (0..LEN / 32).rev().map(|index| Place {
            // SAFETY: `first` begins LEN mapped bytes, so that each step stays within them.
            at: unsafe { first.cast::<[u8; 32]>().add(index) },
            memory,
        });
        self.free.extend(places);
    }
}

/// LEN zeroed bytes with an unreadable page on either side, never unmapped again, and what guards them.
fn map(best: KeyMemory) -> (NonNull<u8>, KeyMemory) {
    let guard = rustix::param::page_size();
    let whole = LEN + 2 * guard;
    let secret = (best == KeyMemory::Secret).then(|| map_secret(whole));
    let (base, mut memory) = match secret {
        Some(Ok(base)) => (base, KeyMemory::Secret),
        // An old kernel, a filter, or the limit: the next best then.
        _ => (map_anonymous(whole), KeyMemory::Plain),
    };
    // SAFETY: all ranges lie within the `whole` bytes just mapped, which nothing refers to yet. The guards are never
    // touched, and the advice takes nothing away from this process. Where a call fails the bytes are only guarded less.
    let first = unsafe {
        let first = base.add(guard);
        let _ = mprotect(base.as_ptr(), guard, MprotectFlags::empty());
        let _ = mprotect(first.add(LEN).as_ptr(), guard, MprotectFlags::empty());
        let _ = madvise(first.as_ptr(), LEN, Advice::LinuxDontDump);
        let _ = madvise(first.as_ptr(), LEN, Advice::LinuxDontFork);
        if memory == KeyMemory::Plain && best >= KeyMemory::Locked && mlock(first.as_ptr(), LEN).is_ok() {
            memory = KeyMemory::Locked;
        }
        first
    };
    (first.cast(), memory)
}

/// Pages that the kernel takes out of its own map: neither it nor root can read them by way of this process.
fn map_secret(len: usize) -> io::Result<NonNull<c_void>> {
    // SAFETY: the call takes flags only and makes a descriptor, or says why not.
    let fd = unsafe { libc::syscall(libc::SYS_memfd_secret, libc::O_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    let fd = i32::try_from(fd).expect("descriptors are ints");
    // SAFETY: the descriptor was just made, and nothing else owns it.
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    rustix::fs::ftruncate(&fd, len as u64)?;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping where the kernel finds room; it stays when the descriptor is closed.
    let base = unsafe { mmap(null_mut(), len, access, MapFlags::SHARED, &fd, 0) }?;
    Ok(NonNull::new(base).expect("the kernel maps nothing at 0 unasked"))
}

fn map_anonymous(len: usize) -> NonNull<c_void> {
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: a new mapping where the kernel finds room.
    let base = unsafe { mmap_anonymous(null_mut(), len, access, MapFlags::PRIVATE) };
    let base = base.expect("a process without room for 72 KiB cannot go on");
    NonNull::new(base).expect("the kernel maps nothing at 0 unasked")
}

#[cfg(test)]
#[path = "page_tests.rs"]
mod tests;
