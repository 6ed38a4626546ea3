//! What is to be done with this manager's keys? Compares what the keyring says with what the cluster wants, and names one
//! step; after it the look is repeated.

use wardroom_keys::KeyStatus;
use wardroom_state::State;
use wardroom_state::keys::SealedUnlockKey;

/// Age at which a DEK is replaced, in milliseconds: 90 days.
const DEK_AGE_MS: i64 = 90 * 86_400_000;
/// Records under one DEK at which it is replaced. Nonces stay unique far beyond: a habit, not a limit of the cipher.
const DEK_RECORDS: u64 = 1 << 32;

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The keyring is to open with another unlock key, or to stand on the disk otherwise than it does.
    Rewrap(Wanted),
    /// A fresh DEK, which will fulfil the order of that number.
    Begin { order: u64 },
    /// A rotation was begun, now or in an earlier life.
    GoOn,
    /// All is well, until that time at least.
    Wait { until_ms: Option<i64> },
}

/// How the keyring is to stand on the disk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Wanted {
    pub(super) epoch: u32,
    /// The unlock key stands nowhere on the disk.
    pub(super) locks: bool,
    /// `None`: the unlock key that the keyring has stays.
    pub(super) sealed: Option<SealedUnlockKey>,
}

/// `records`: written under the DEK in force.
pub(super) fn decide(state: &State, keys: &KeyStatus, records: u64, now_ms: i64) -> Step {
    if state.cluster().is_none() {
        return Step::Wait { until_ms: None };
    }
    if let Some(wanted) = rewrap(state, keys) {
        return Step::Rewrap(wanted);
    }
    if keys.pending_dek_epoch.is_some() {
        return Step::GoOn;
    }
    let ordered = state.keys().last_order;
    if keys.dek_order < ordered {
        return Step::Begin { order: ordered };
    }
    let due_ms = due_ms(keys);
    if now_ms >= due_ms || records >= DEK_RECORDS {
        return Step::Begin { order: keys.dek_order };
    }
    Step::Wait { until_ms: Some(due_ms) }
}

/// When the age of the DEK in force asks for another one, Unix milliseconds.
pub(crate) fn due_ms(keys: &KeyStatus) -> i64 {
    keys.dek_created_at_ms.saturating_add(DEK_AGE_MS)
}

/// A keyring ahead of the state waits: it was handed out by a leader that knew more than is applied here. A key that nobody
/// keeps yet is not taken: who would open the disk?
fn rewrap(state: &State, keys: &KeyStatus) -> Option<Wanted> {
    let (epoch, sealed) = state.keys().kept_unlock_key();
    let locks = state.disks_lock();
    if keys.kek_epoch > epoch || (keys.kek_epoch == epoch && keys.autolock == locks) {
        return None;
    }
    Some(Wanted {
        epoch,
        locks,
        sealed: sealed.filter(|_| keys.kek_epoch < epoch).cloned(),
    })
}
