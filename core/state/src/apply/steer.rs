//! What may an operator do to a rotation that is under way?

use super::step::Step;
use crate::ids::RotationId;
use crate::refusal::Refusal;
use crate::rotation::RotationSteer;

pub(super) fn apply(_step: &mut Step<'_>, _id: &RotationId, _steer: RotationSteer) -> Result<(), Refusal> {
    Ok(())
}
