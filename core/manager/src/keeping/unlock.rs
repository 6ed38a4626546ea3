//! How does a keyring come under another unlock key? All of it at once: one file, written aside, synced and renamed, so that
//! a crash leaves one that opens with the old key or one that opens with the new.

use wardroom_keys::failpoint::reach;
use wardroom_keys::{Keyring, UnlockKey};

use super::decide::Wanted;
use super::rotate::rest_node_key;
use crate::context::Context;

/// Durable on return. The node key follows: it never lies in clear beside a keyring that is locked for longer than this
/// takes, and a start that finds it so mends it.
pub(super) fn rewrap(context: &Context, wanted: &Wanted) -> Result<(), String> {
    let key = wanted.sealed.as_ref().map(|sealed| open(context, wanted.epoch, sealed));
    let key = key.transpose()?;
    reach("kek.saving");
    let saved = context.consensus.aside(|| {
        context.keyring.change(|keyring| {
            change(context, keyring, wanted, key.as_ref());
            true
        })
    });
    saved.map_err(|error| format!("the keyring cannot be written: {error}; make room on this manager's disk"))?;
    reach("kek.saved");
    tracing::info!(
        epoch = wanted.epoch,
        locks = wanted.locks,
        "this manager's keys are wrapped under the unlock key in force"
    );
    rest_node_key(context)
}

fn change(context: &Context, keyring: &mut Keyring, wanted: &Wanted, key: Option<&UnlockKey>) {
    match key {
        Some(key) => keyring.rewrap(&*context.chance, key, wanted.epoch, wanted.locks),
        None => keyring.set_autolock(wanted.locks),
    }
}

fn open(context: &Context, epoch: u32, sealed: &[u8]) -> Result<UnlockKey, String> {
    let root = context.keyring.sealing_root();
    let opened = root.open_unlock_key(&context.config.cluster_id, epoch, sealed);
    opened.map_err(|error| format!("the unlock key of epoch {epoch} does not open here: {error}"))
}
