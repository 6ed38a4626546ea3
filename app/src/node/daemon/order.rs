//! What can be asked of the daemon? Orders are done one at a time by the supervisor; each carries
//! the place where its answer is waited for.

use wardroom_api::v1;
use wardroom_manager::state::command::Actor;

pub use crate::node::refusal::{Refusal, Reply};
use crate::node::unlocking::LockOrder;

/// What an administrator of this machine wants, who stands in the audit chain for what it changes in the cluster.
pub enum Order {
    Init(v1::InitRequest, Actor, Reply<v1::InitResponse>),
    Join(v1::JoinRequest, Reply<v1::JoinResponse>),
    Leave(v1::LeaveRequest, Actor, Reply<v1::LeaveResponse>),
    Restore(Restore, Actor, Reply<v1::RestoreResponse>),
    Lock(LockOrder),
}

impl From<LockOrder> for Order {
    fn from(order: LockOrder) -> Self {
        Self::Lock(order)
    }
}

/// A backup to begin from, whole.
pub struct Restore {
    pub head: v1::RestoreHead,
    /// As it was made: still encrypted.
    pub file: Vec<u8>,
}
