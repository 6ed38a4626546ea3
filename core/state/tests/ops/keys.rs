//! How could the managers' keys change? Operations on the lock, on orders, and on what each manager says of itself.

use proptest::prelude::*;
use wardroom_state::command::{Command, NewUnlockKey};
use wardroom_state::ids::SecretId;
use wardroom_state::keys::ManagerKeys;

use super::members::{Picks, any_node};
use super::nth;

#[derive(Clone, Copy, Debug)]
pub(super) enum Deed {
    Lock,
    Unlock,
    Keep,
    Order,
    Shred,
    /// A manager has done all that was asked.
    Settle,
    /// Somebody says anything.
    Claim,
    Read,
}

pub(super) fn deed() -> impl Strategy<Value = Deed> {
    use Deed::*;
    prop_oneof![
        6 => Just(Settle),
        3 => prop_oneof![Just(Lock), Just(Keep), Just(Order)],
        2 => Just(Claim),
        1 => prop_oneof![Just(Unlock), Just(Shred), Just(Read)],
    ]
}

pub(super) fn command(picks: Picks<'_>, deed: Deed) -> Command {
    let (state, pick, other) = (picks.state, picks.pick, picks.other);
    let keys = state.keys();
    match deed {
        Deed::Lock => Command::SetLock {
            autolock: other != 1,
            unlock_key: (other != 2).then(|| NewUnlockKey {
                epoch: keys.unlock_epoch().wrapping_add(u32::from(other != 3)),
                check: [7; 4],
                sealed: vec![7; usize::from(other != 4) * 40].into(),
            }),
            expected: (other == 5).then_some(0),
        },
        Deed::Unlock => Command::SetLock {
            autolock: false,
            unlock_key: None,
            expected: None,
        },
        Deed::Keep => Command::KeepUnlockKey {
            epoch: keys.unlock_epoch().wrapping_add(u32::from(other == 3)),
        },
        Deed::Order => Command::OrderDek,
        Deed::Shred => {
            let secret = nth(state.secrets().values(), pick);
            let version = secret.as_ref().and_then(|secret| nth(secret.versions.keys(), other));
            Command::ShredSecret {
                secret: secret.map_or_else(|| SecretId::new("none"), |secret| secret.id),
                version: version.filter(|_| other.is_multiple_of(2)),
                expected: None,
            }
        }
        Deed::Settle => record(picks, keys.kept_unlock_key().0, keys.last_order, true),
        Deed::Claim => {
            let behind = u64::try_from(other % 4).unwrap();
            let epoch = (keys.unlock_epoch() + 1).saturating_sub(u32::try_from(other % 3).unwrap());
            record(picks, epoch, (keys.last_order + 1).saturating_sub(behind), false)
        }
        Deed::Read => Command::NoteAccess {
            action: "join-token.read".into(),
            object: "worker".into(),
            detail: String::new(),
        },
    }
}

/// Of a manager, or of whichever node.
fn record(picks: Picks<'_>, kek_epoch: u32, order: u64, manager: bool) -> Command {
    let id = nth(picks.state.managers(), picks.pick).filter(|_| manager);
    Command::RecordKeys {
        node: id.map_or_else(|| any_node(picks.state, picks.pick), |node| node.id),
        keys: ManagerKeys {
            kek_epoch,
            locks: picks.other.is_multiple_of(2),
            dek_epoch: 1,
            dek_check: [1; 4],
            dek_created_at_ms: 1,
            order,
            at_ms: 0,
        },
    }
}
