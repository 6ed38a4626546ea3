//! Who changes the cluster itself? Now and then a client asks the leader to step down, or makes the spare a manager, or a
//! worker again. What becomes of it shows at rest.

use std::time::Duration;

use wardroom_api::channel::{request, within};
use wardroom_api::{CallError, Client, v1};

use crate::dice::Dice;
use crate::world::World;

/// How long a client waits for an answer.
const DEADLINE: Duration = Duration::from_secs(3);

/// One change, at random.
pub(crate) async fn make_a_move(client: &Client, dice: &Dice, world: &World) {
    let mut control = client.control();
    let spare = world.cluster.managers.last().expect("there is a spare").name.clone();
    let role = |role: v1::Role| v1::UpdateNodeRequest {
        reference: spare,
        role: role.into(),
        ..Default::default()
    };
    let (kind, answer): (_, Result<(), CallError>) = match dice.below(3) {
        0 => {
            let asked = request(v1::StepDownRequest::default(), DEADLINE);
            ("step-down", within(DEADLINE, control.step_down(asked)).await.map(drop))
        }
        1 => {
            let asked = request(role(v1::Role::Manager), DEADLINE);
            ("promote", within(DEADLINE, control.update_node(asked)).await.map(drop))
        }
        _ => {
            let asked = request(role(v1::Role::Worker), DEADLINE);
            ("demote", within(DEADLINE, control.update_node(asked)).await.map(drop))
        }
    };
    match answer {
        Ok(()) => *world.moves.borrow_mut().entry(kind).or_default() += 1,
        Err(error) => tracing::debug!(kind, %error, "a change of the membership was not made"),
    }
}
