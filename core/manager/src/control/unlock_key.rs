//! Who gets to see an unlock key? An administrator, whole or in shares, once the audit chain says so. Keys of earlier
//! epochs are shown for as long as some manager may still hang on them.

use wardroom_api::v1;
use wardroom_keys::{SecretBytes, UnlockKey, split};
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::keys::SealedUnlockKey;

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;

/// How the key is to be handed out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    Whole,
    Shares { shares: u8, threshold: u8 },
}

pub(super) async fn show(
    context: Context,
    caller: Caller,
    request: v1::GetUnlockKeyRequest,
) -> Result<v1::GetUnlockKeyResponse, Failure> {
    let form = form(&request)?;
    // As in Docker, a cluster that does not lock has no key to show.
    let Some((epoch, _)) = context.replica.read(|state| wanted(state, request.epoch))? else {
        return Ok(context.replica.read(|state| v1::GetUnlockKeyResponse {
            epoch: state.keys().unlock_epoch(),
            index: state.index(),
            ..Default::default()
        }));
    };
    let note = Command::NoteAccess {
        action: "unlock-key.read".to_owned(),
        object: format!("epoch {epoch}"),
        detail: words(form),
    };
    let committed = context.proposer.propose(caller.actor(), note).await?;
    let sealed = match context.replica.read(|state| wanted(state, request.epoch))? {
        Some((noted, sealed)) if noted == epoch => sealed,
        // What the record says and what would be shown differ.
        _ => {
            return Err(Failure::conflict(
                "the unlock key has been rotated meanwhile; ask again",
            ));
        }
    };
    let sealing_root = context.keyring.sealing_root();
    let opened = sealing_root.open_unlock_key(&context.config.cluster_id, epoch, &sealed);
    let key = opened.map_err(|error| Failure::precondition(error.to_string()))?;
    let (key, shares) = handed_out(&context, &key, epoch, form)?;
    Ok(v1::GetUnlockKeyResponse {
        key,
        shares,
        epoch,
        index: committed.index,
    })
}

fn form(request: &v1::GetUnlockKeyRequest) -> Result<Form, Failure> {
    match (request.shares, request.threshold) {
        (0, 0) => Ok(Form::Whole),
        (0, _) => Err(Failure::invalid(
            "a threshold is for shares; say how many there are to be",
        )),
        (shares, threshold) => match (u8::try_from(shares), u8::try_from(threshold)) {
            (Ok(shares), Ok(threshold)) if (2..=shares).contains(&threshold) => Ok(Form::Shares { shares, threshold }),
            _ => Err(Failure::invalid(format!(
                "of {shares} shares {threshold} cannot be what opens: make at most 255, of which at least 2 and at most \
                 all open the key"
            ))),
        },
    }
}

fn words(form: Form) -> String {
    match form {
        Form::Whole => "whole".to_owned(),
        Form::Shares { shares, threshold } => format!("in {shares} shares, of which {threshold} open"),
    }
}

/// The epoch that is meant, and its sealed key; `None` where nothing locks and no epoch was named.
fn wanted(state: &State, epoch: u32) -> Result<Option<(u32, SealedUnlockKey)>, Failure> {
    let keys = state.keys();
    let locks = state.cluster().is_some_and(|cluster| cluster.autolock);
    let epoch = match epoch {
        0 if !locks => return Ok(None),
        0 => keys.unlock_epoch(),
        named => named,
    };
    match keys.sealed_unlock_key(epoch) {
        Some(sealed) => Ok(Some((epoch, sealed.clone()))),
        None => Err(Failure::not_found(format!(
            "no unlock key of epoch {epoch} is kept: {}",
            why_not(epoch, keys.unlock_epoch())
        ))),
    }
}

fn why_not(epoch: u32, current: u32) -> String {
    if epoch > current {
        format!("the newest is of epoch {current}")
    } else if epoch == wardroom_state::keys::FIRST_UNLOCK_KEY {
        "the one from the beginning stands on the managers' disks, and nobody needs it to unlock".to_owned()
    } else {
        format!("no manager needs it, or nobody ever kept it; the newest is of epoch {current}")
    }
}

type HandedOut = (Option<v1::Confidential>, Vec<v1::Confidential>);

fn handed_out(context: &Context, key: &UnlockKey, epoch: u32, form: Form) -> Result<HandedOut, Failure> {
    let confidential = |text: SecretBytes| v1::Confidential::new(text.expose().to_vec());
    match form {
        Form::Whole => Ok((Some(confidential(key.text())), Vec::new())),
        Form::Shares { shares, threshold } => {
            let shares = split(&*context.chance, key, epoch, shares, threshold);
            let shares = shares.map_err(|error| Failure::invalid(error.to_string()))?;
            Ok((None, shares.iter().map(|share| confidential(share.text())).collect()))
        }
    }
}
