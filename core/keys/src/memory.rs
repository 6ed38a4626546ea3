//! How is this process kept from leaking its memory? No core files, no tracing by equals, nothing of it in swap.

use std::io;

use rustix::mm::{MlockAllFlags, mlockall};
use rustix::process::{DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit};
use rustix::thread::{CapabilitySet, capabilities};

/// What keeps the long-lived keys of this process from leaving its memory, as far as the kernel and the limits allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum KeyMemory {
    /// Ordinary memory, left out of core files: it may be swapped out. `RLIMIT_MEMLOCK` is too low for better.
    Plain,
    /// Locked into memory and left out of core files.
    Locked,
    /// `memfd_secret`: besides, no other process can read it, not even root through the kernel.
    Secret,
}

/// Forbids core files for this process and everything it starts.
///
/// Call it first thing in a process that will hold keys. Safe everywhere: it takes nothing away but core files.
pub fn forbid_core_files() -> io::Result<()> {
    Ok(setrlimit(
        Resource::Core,
        Rlimit {
            current: Some(0),
            maximum: Some(0),
        },
    )?)
}

/// Stops other processes of the same user from tracing this one or reading its memory, and the kernel from dumping it
/// whatever its limits are: a limit can be lifted from outside, this cannot.
///
/// The price: the kernel gives `/proc/PID` of this process to root, so its own user can no longer read its environment,
/// descriptors or maps there, nor attach a debugger. The process itself still can, and what it executes starts anew.
pub fn forbid_tracing() -> io::Result<()> {
    Ok(set_dumpable_behavior(DumpableBehavior::NotDumpable)?)
}

/// Locks all memory, present and future, as pages are touched. Returns whether it was done.
///
/// Only where `RLIMIT_MEMLOCK` does not count: under a limit, later allocations of the whole process would begin to fail
/// once it is reached. Keys are locked page by page in any case.
pub fn lock_all_memory() -> bool {
    (getrlimit(Resource::Memlock).current.is_none() || may_lock_without_limit())
        && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
}

/// As root has it, unless a container took it away.
fn may_lock_without_limit() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::IPC_LOCK))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn core_files_are_off_afterwards() {
        forbid_core_files().expect("lowering a limit needs no rights");
        let limit = getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
    }
}
