//! What changed? Events name objects; whoever needs their content reads the state at that index.

use crate::holding::HoldingKey;
use crate::ids::{NodeId, OperatorId, RotationId, SecretId, ServiceId, TaskId};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Put(ObjectKey),
    Removed(ObjectKey),
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ObjectKey {
    Cluster,
    Node(NodeId),
    Operator(OperatorId),
    Secret(SecretId),
    Service(ServiceId),
    Task(TaskId),
    Rotation(RotationId),
    Holding(HoldingKey),
    /// By sequence.
    Audit(u64),
}
