//! What survives a crash? One ordered, encrypted log per manager, and snapshots that let it be short.
//!
//! ```text
//! Writer (group commit) ──> Log ──> segments on a Disk        LogReader reads entries from memory or from a segment
//!                            └────> recovery: valid prefix, torn tail cut, any other damage refused
//! Snapshots: one sealed file, replaced whole              DiskKeyring: the keys' file, replaced whole and without a trace
//! ```
//!
//! Nothing is acknowledged before its bytes are on the disk, and no byte on the disk is plaintext. The formats stand
//! in `FORMAT.md` beside this crate.

mod chunks;
mod disk;
mod error;
mod frame;
mod keyring;
mod log;
mod marks;
mod prepare;
mod reader;
mod record;
mod recover;
mod roll;
mod room;
mod segment;
mod snapshot;
mod stats;
mod tail;
mod view;
mod writer;

pub use disk::{
    Disk, DiskFile, Fault, MemDisk, RealDisk, read_exact_at, read_file, replace_and_wipe, wipe, write_file,
};
pub use error::{LogError, RecoverError, SnapshotError};
pub use keyring::DiskKeyring;
pub use log::{Log, LogOptions};
pub use reader::{LogEntry, LogReader};
pub use record::{Purged, Record};
pub use recover::{Cut, Recovered};
pub use roll::{EpochUse, Rolled};
pub use segment::LOG_FORMAT;
pub use snapshot::{SNAPSHOT_FORMAT, Snapshot, SnapshotUse, Snapshots};
pub use stats::LogStats;
pub use writer::{Done, Spawn, Writer};

/// Whose disk this is. Bound into every key and every record; 1 to 190 bytes each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    pub cluster: String,
    pub node: String,
}
