//! What can go wrong with a manager's disk, in words that say where, and what to do next?

use std::io;
use std::sync::Arc;

use thiserror::Error;

/// Why something was not written. Nothing of a refused batch was acknowledged.
#[derive(Clone, Debug, Error)]
pub enum LogError {
    /// The log is as it was and may be tried again.
    #[error(
        "no space left on the device for log segment {segment}: nothing was written; \
         free space on the manager's disk and try again"
    )]
    NoSpace { segment: u64 },
    #[error("{doing} log segment {segment} failed; the manager stops writing, check its disk and start it again")]
    Io {
        doing: &'static str,
        segment: u64,
        #[source]
        source: Arc<io::Error>,
    },
    /// An earlier write or sync failed, so nothing more can be promised.
    #[error("the log is closed since an earlier failure ({cause}); check the disk and start the manager again")]
    Poisoned { cause: String },
    #[error("entry {index} does not follow entry {last}; truncate the log first")]
    OutOfOrder { index: u64, last: u64 },
    #[error("a log record of {bytes} bytes is larger than the limit of 16 MiB")]
    TooLarge { bytes: usize },
    #[error("entry {index} of log segment {segment} does not authenticate any more; {HEAL}")]
    Damaged { segment: u64, index: u64 },
    #[error("the log's writer has been shut down")]
    Closed,
}

pub(crate) const HEAL: &str = "the manager can heal it from its peers: stop it, remove its data directory, \
                               start it again";

/// Why a manager's log or snapshot is not served. Nothing on disk was changed.
#[derive(Debug, Error)]
pub enum RecoverError {
    #[error("log segment {segment} is damaged at offset {offset}: {why}; {HEAL}")]
    Damaged {
        segment: u64,
        offset: u64,
        why: &'static str,
    },
    #[error("log segment {segment} is missing; {HEAL}")]
    Missing { segment: u64 },
    #[error(
        "log segment {segment} has format {format}, this wardroom reads up to {}; \
         start the manager with the wardroom that wrote it, or a newer one",
        crate::LOG_FORMAT
    )]
    Newer { segment: u64, format: u16 },
    #[error(
        "the data directory's log segment {segment} belongs to cluster {found}, not to {expected}; \
         use another directory, or remove this one if its cluster is gone"
    )]
    OtherCluster {
        segment: u64,
        found: String,
        expected: String,
    },
    #[error(
        "the data directory's log segment {segment} belongs to node {found}, not to {expected}; \
         a data directory cannot be shared or copied"
    )]
    OtherNode {
        segment: u64,
        found: String,
        expected: String,
    },
    #[error("log segment {segment} needs the data key of epoch {epoch}, which the keyring does not hold; {HEAL}")]
    KeyGone { segment: u64, epoch: u32 },
    #[error("the ids of cluster and node must be 1 to 190 bytes long")]
    BadIdentity,
    #[error("{doing} the log in the data directory failed; check the directory's disk and permissions")]
    Io {
        doing: &'static str,
        #[source]
        source: io::Error,
    },
}

/// Why a snapshot could not be stored or read.
#[derive(Debug, Error)]
pub enum SnapshotError {
    #[error("snapshot {number} is damaged in chunk {chunk}; {HEAL}")]
    Damaged { number: u64, chunk: u32 },
    #[error(
        "snapshot {number} has format {format}, this wardroom reads up to {}; \
         start the manager with the wardroom that wrote it, or a newer one",
        crate::SNAPSHOT_FORMAT
    )]
    Newer { number: u64, format: u16 },
    #[error("snapshot {number} belongs to cluster {cluster}, node {node}; use that manager's own data directory")]
    Foreign { number: u64, cluster: String, node: String },
    #[error("snapshot {number} needs the data key of epoch {epoch}, which the keyring does not hold; {HEAL}")]
    KeyGone { number: u64, epoch: u32 },
    #[error("no space left on the device for a snapshot; free space on the manager's disk, it is tried again")]
    NoSpace,
    #[error("the ids of cluster and node must be 1 to 190 bytes long")]
    BadIdentity,
    #[error("a snapshot of {bytes} bytes is larger than the limit of 16 GiB")]
    TooLarge { bytes: usize },
    #[error("{doing} snapshot {number} failed; check the manager's disk")]
    Io {
        doing: &'static str,
        number: u64,
        #[source]
        source: io::Error,
    },
}

impl LogError {
    /// What everything after this failure is answered with.
    pub(crate) fn poison(&self) -> Self {
        match self {
            Self::Poisoned { .. } => self.clone(),
            Self::Io { source, .. } => Self::Poisoned {
                cause: format!("{self}: {source}"),
            },
            other => Self::Poisoned {
                cause: other.to_string(),
            },
        }
    }
}

pub(crate) fn is_no_space(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}
