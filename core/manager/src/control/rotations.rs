//! What may an operator do to a rotation that is under way? Hold it, let it go on, call it off.

use wardroom_api::v1;
use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::ids::RotationId;
use wardroom_state::rotation::{Rotation, RotationSteer};

use crate::context::Context;
use crate::control::caller::Caller;
use crate::control::error::Failure;
use crate::control::secrets::whole_secret;

pub(crate) async fn steer(
    context: Context,
    caller: Caller,
    request: v1::SteerRotationRequest,
) -> Result<v1::SteerRotationResponse, Failure> {
    let steer = match request.action() {
        v1::RotationAction::Pause => RotationSteer::Pause,
        v1::RotationAction::Resume => RotationSteer::Resume,
        v1::RotationAction::Cancel => RotationSteer::Cancel,
        v1::RotationAction::Unspecified => {
            return Err(Failure::invalid(
                "say what to do with the rotation: pause, resume or cancel",
            ));
        }
    };
    let rotation = context
        .replica
        .read(|state| running(state, &request.reference).map(|rotation| rotation.id.clone()))?;
    let command = Command::SteerRotation {
        rotation: rotation.clone(),
        steer,
    };
    let committed = context.proposer.propose(caller.actor(), command).await?;
    Ok(v1::SteerRotationResponse {
        rotation_id: rotation.to_string(),
        index: committed.index,
    })
}

/// By its own id, or as the one rotation of a secret that is not over.
fn running<'a>(state: &'a State, reference: &str) -> Result<&'a Rotation, Failure> {
    let over = |name: &str| {
        let text = format!("no rotation of '{name}' is under way; `wardroom secret inspect {name}` shows the last one");
        Failure::precondition(text)
    };
    if let Some(rotation) = state.rotations().get(&RotationId::new(reference)) {
        let name = state.secrets().get(&rotation.secret).map_or("", |secret| &secret.name);
        return Some(rotation)
            .filter(|rotation| !rotation.phase.is_final())
            .ok_or_else(|| over(name));
    }
    let secret = whole_secret(state, reference)?;
    state.running_rotation(&secret.id).ok_or_else(|| over(&secret.name))
}
