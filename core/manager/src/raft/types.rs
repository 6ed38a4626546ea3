//! Which types does consensus run on? The one place that names them for openraft.
//!
//! Payloads stay bytes: Raft orders proposals and never looks into one. The serde derives below satisfy openraft's
//! bounds and are no format; what goes to disk and wire is written by [`super::encode`] and [`super::wire`].

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use wardroom_state::refusal::Refusal;

use crate::replica::Applied;

openraft::declare_raft_types!(
    /// Everything openraft is generic over.
    pub(crate) TypeConfig:
        D = Proposed,
        R = Outcome,
        NodeId = u64,
        Node = Peer,
        Entry = openraft::Entry<TypeConfig>,
        SnapshotData = SnapshotBytes,
        AsyncRuntime = super::runtime::Runtime,
);

pub(crate) type Raft = openraft::Raft<TypeConfig>;
pub(crate) type Entry = openraft::Entry<TypeConfig>;
pub(crate) type LogId = openraft::LogId<u64>;
pub(crate) type Vote = openraft::Vote<u64>;
pub(crate) type Membership = openraft::Membership<u64, Peer>;
pub(crate) type StoredMembership = openraft::StoredMembership<u64, Peer>;
pub(crate) type SnapshotMeta = openraft::SnapshotMeta<u64, Peer>;
pub(crate) type StorageError = openraft::StorageError<u64>;
pub(crate) type StorageIoError = openraft::StorageIOError<u64>;

/// A member as the replicated membership knows it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Peer {
    /// `host:port` of its TLS port.
    pub address: String,
    /// The common name of its certificate: whoever answers at `address` must prove to be this node.
    pub node_id: String,
}

/// An encoded `wardroom_state::command::Proposal`. It may hold sealed values, so Debug shows its length only.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Proposed(pub(crate) Vec<u8>);

impl fmt::Debug for Proposed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proposed({} bytes)", self.0.len())
    }
}

/// What applying an entry gave, handed to the proposer on the manager where it was proposed.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// The state machine said no; nothing changed.
    pub(crate) refusal: Option<Refusal>,
    /// What changed; `None` for Raft's own entries and for refusals.
    #[serde(skip)]
    pub(crate) applied: Option<Arc<Applied>>,
}

/// An encoded state, in memory while it travels.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct SnapshotBytes(pub(crate) Arc<Vec<u8>>);

impl fmt::Debug for SnapshotBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SnapshotBytes({} bytes)", self.0.len())
    }
}
