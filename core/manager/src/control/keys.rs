//! How do the managers come by new keys? The leader makes and seals them, and orders them; every manager then does its
//! own part. No answer here holds a key: `unlock_key` is the one place that shows one.

use wardroom_api::v1;
use wardroom_keys::UnlockKey;
use wardroom_state::command::{Command, NewUnlockKey};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::plan;
use crate::control::secrets::planned;

/// The lock as it is before a change of it is planned.
pub(super) struct Lock {
    on: bool,
    epoch: u32,
    /// The cluster's.
    version_index: u64,
}

impl Lock {
    pub(super) fn of(context: &Context) -> Result<Self, Failure> {
        let known = context.replica.read(|state| {
            let cluster = state.cluster()?;
            Some(Self {
                on: cluster.autolock,
                epoch: state.keys().unlock_epoch(),
                version_index: cluster.version_index,
            })
        });
        known.ok_or_else(|| Failure::precondition("this cluster is not initialised yet; initialise it first"))
    }

    /// Turns autolock on, under a new unlock key, or off. Returns the change's index. `confirmed`: what was planned is done
    /// on what it was planned from, or not at all.
    pub(super) async fn turn(
        &self,
        context: &Context,
        caller: &Caller,
        on: bool,
        confirmed: bool,
    ) -> Result<u64, Failure> {
        let key = (on && !self.on).then(|| self.next(context));
        let bound = confirmed || key.is_some();
        self.propose(context, caller, on, key, bound).await
    }

    async fn rotate(&self, context: &Context, caller: &Caller) -> Result<u64, Failure> {
        // Bound: where autolock was turned off meanwhile, the new key would turn it on again.
        self.propose(context, caller, true, Some(self.next(context)), true)
            .await
    }

    async fn propose(
        &self,
        context: &Context,
        caller: &Caller,
        autolock: bool,
        unlock_key: Option<NewUnlockKey>,
        bound: bool,
    ) -> Result<u64, Failure> {
        let command = Command::SetLock {
            autolock,
            unlock_key,
            expected: bound.then_some(self.version_index),
        };
        Ok(context.proposer.propose(caller.actor(), command).await?.index)
    }

    fn next_epoch(&self) -> u32 {
        self.epoch.saturating_add(1)
    }

    /// In clear it is here only; every manager opens it with the sealing root.
    fn next(&self, context: &Context) -> NewUnlockKey {
        let (key, epoch) = (UnlockKey::generate(&*context.chance), self.next_epoch());
        let sealing_root = context.keyring.sealing_root();
        let sealed = sealing_root.seal_unlock_key(&*context.chance, &context.config.cluster_id, epoch, &key);
        NewUnlockKey {
            epoch,
            check: key.check(),
            sealed: sealed.into(),
        }
    }
}

/// Number of the order that the change at that index gave; 0 where it gave none.
pub(super) fn order_at(context: &Context, index: u64) -> u64 {
    context.replica.read(|state| {
        let mut newest_first = state.keys().orders.iter().rev();
        let given = newest_first.find(|order| order.index == index);
        given.map_or(0, |order| order.number)
    })
}

pub(super) async fn rotate_unlock_key(
    context: Context,
    caller: Caller,
    request: v1::RotateUnlockKeyRequest,
) -> Result<v1::RotateUnlockKeyResponse, Failure> {
    let lock = Lock::of(&context)?;
    let plan = planned(&context, &request.plan_basis, plan::unlock_key_rotation)?;
    let mut index = plan.0.index;
    if !request.plan_only {
        plan.check_runnable()?;
        index = lock.rotate(&context, &caller).await?;
    }
    Ok(v1::RotateUnlockKeyResponse {
        plan: Some(plan.0),
        epoch: lock.next_epoch(),
        index,
    })
}

/// Whoever read the key says that it is in a safe place. Only now do the managers' disks need it: a key that was lost on the
/// way to its reader locks nobody out.
pub(super) async fn keep_unlock_key(
    context: Context,
    caller: Caller,
    request: v1::KeepUnlockKeyRequest,
) -> Result<v1::KeepUnlockKeyResponse, Failure> {
    let keep = Command::KeepUnlockKey { epoch: request.epoch };
    let index = context.proposer.propose(caller.actor(), keep).await?.index;
    Ok(v1::KeepUnlockKeyResponse {
        order: order_at(&context, index),
        index,
    })
}

pub(super) async fn rotate_dek(
    context: Context,
    caller: Caller,
    request: v1::RotateDekRequest,
) -> Result<v1::RotateDekResponse, Failure> {
    let plan = planned(&context, &request.plan_basis, plan::dek_rotation)?;
    let (mut index, mut order) = (plan.0.index, 0);
    if !request.plan_only {
        plan.check_runnable()?;
        index = context.proposer.propose(caller.actor(), Command::OrderDek).await?.index;
        order = order_at(&context, index);
    }
    Ok(v1::RotateDekResponse {
        plan: Some(plan.0),
        order,
        index,
    })
}
