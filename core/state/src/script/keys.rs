//! What do tests say of the managers' keys?

use super::commands::secret;
use crate::command::{Command, NewUnlockKey};
use crate::ids::NodeId;
use crate::keys::ManagerKeys;

/// Its check value is the epoch, over and over.
pub(crate) fn unlock_key(epoch: u32) -> NewUnlockKey {
    let byte = u8::try_from(epoch).expect("scripts rotate a few times");
    NewUnlockKey {
        epoch,
        check: [byte; 4],
        sealed: vec![byte; 40].into(),
    }
}

/// Autolock is on, under the unlock key of that epoch.
pub(crate) fn lock(epoch: u32) -> Command {
    Command::SetLock {
        autolock: true,
        unlock_key: Some(unlock_key(epoch)),
        expected: None,
    }
}

/// Somebody has the key of that epoch.
pub(crate) fn keep(epoch: u32) -> Command {
    Command::KeepUnlockKey { epoch }
}

/// Autolock is off.
pub(crate) fn no_lock() -> Command {
    Command::SetLock {
        autolock: false,
        unlock_key: None,
        expected: None,
    }
}

pub(crate) fn shred(name: &str, version: Option<u32>) -> Command {
    Command::ShredSecret {
        secret: secret(name),
        version,
        expected: None,
    }
}

/// The node opens with the unlock key of that epoch and has fulfilled that order, with a DEK for each.
pub(crate) fn record(node: &str, kek_epoch: u32, order: u64) -> Command {
    let dek_epoch = u32::try_from(order).expect("scripts rotate a few times") + 1;
    Command::RecordKeys {
        node: NodeId::new(node),
        keys: ManagerKeys {
            kek_epoch,
            locks: kek_epoch > 1,
            dek_epoch,
            dek_check: [7; 4],
            dek_created_at_ms: 1,
            order,
            at_ms: 0,
        },
    }
}
