//! Who changes the cluster's keys? Now and then a client turns autolock on or off, has a new unlock key made and keeps it in
//! the safe, or orders fresh DEKs. What becomes of it shows at rest.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::time::Duration;

use wardroom_api::channel::{request, within};
use wardroom_api::{CallError, Client, v1};
use wardroom_keys::UnlockKey;
use wardroom_state::State;

use crate::dice::Dice;
use crate::world::World;

/// How long a client waits for an answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// Unlock keys that an operator has, by epoch. A key comes in before it is said to be kept, so that no disk ever needs one
/// that is not there.
pub(crate) type Safe = RefCell<BTreeMap<u32, UnlockKey>>;

/// One change, at random.
pub(crate) async fn turn(client: &Client, dice: &Dice, world: &World) {
    let (kind, done) = match dice.below(4) {
        0 => ("autolock-off", lock(client, false).await),
        1 => ("autolock-on", keep(client, world, lock(client, true).await).await),
        2 => ("unlock-key", keep(client, world, rotate(client).await).await),
        _ => ("dek", order(client).await),
    };
    match done {
        Ok(()) => *world.moves.borrow_mut().entry(kind).or_default() += 1,
        Err(error) => tracing::debug!(kind, %error, "a change of the keys was not made"),
    }
}

async fn lock(client: &Client, on: bool) -> Result<(), CallError> {
    let message = v1::UpdateClusterRequest {
        autolock: Some(on),
        ..Default::default()
    };
    let mut control = client.control();
    within(DEADLINE, control.update_cluster(request(message, DEADLINE)))
        .await
        .map(drop)
}

async fn rotate(client: &Client) -> Result<(), CallError> {
    let message = v1::RotateUnlockKeyRequest::default();
    let mut control = client.control();
    within(DEADLINE, control.rotate_unlock_key(request(message, DEADLINE)))
        .await
        .map(drop)
}

async fn order(client: &Client) -> Result<(), CallError> {
    let message = v1::RotateDekRequest::default();
    let mut control = client.control();
    within(DEADLINE, control.rotate_dek(request(message, DEADLINE)))
        .await
        .map(drop)
}

/// Reads the key that was made, if that is known, and keeps it.
async fn keep(client: &Client, world: &World, made: Result<(), CallError>) -> Result<(), CallError> {
    made?;
    let mut control = client.control();
    let asked = request(v1::GetUnlockKeyRequest::default(), DEADLINE);
    let mut shown = within(DEADLINE, control.get_unlock_key(asked)).await?;
    let Some(mut text) = shown.key.take() else {
        return Ok(()); // somebody has turned autolock off meanwhile
    };
    let text = text.take();
    let key = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| UnlockKey::parse(text).ok());
    let Some(key) = key else {
        world.complain("an unlock key is none".to_owned());
        return Ok(());
    };
    world.cluster.safe.borrow_mut().insert(shown.epoch, key);
    let keep = request(v1::KeepUnlockKeyRequest { epoch: shown.epoch }, DEADLINE);
    within(DEADLINE, control.keep_unlock_key(keep)).await.map(drop)
}

/// Why the managers' keys are not yet as the cluster wants them.
pub(crate) fn unsettled(state: &State) -> Option<String> {
    let keys = state.keys();
    if let Some(order) = keys.unfinished_orders().next() {
        return Some(format!(
            "DEK order {} is owed by {:?}",
            order.number,
            state.owing(order.number)
        ));
    }
    let behind = state.on_earlier_unlock_key();
    (!behind.is_empty()).then(|| format!("{behind:?} open with an earlier unlock key"))
}
