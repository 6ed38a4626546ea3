//! How does an update of a service go on, and how does it go back?

use super::step::Step;
use crate::command::ServiceUpdate;
use crate::ids::ServiceId;
use crate::refusal::Refusal;
use crate::service::UpdateState;

pub(super) fn roll_back(_step: &mut Step<'_>, _id: &ServiceId, _expected: Option<u64>) -> Result<(), Refusal> {
    Ok(())
}

pub(super) fn several(step: &mut Step<'_>, updates: &[ServiceUpdate]) -> Result<(), Refusal> {
    for update in updates {
        super::service::update(step, &update.id, &update.spec, update.expected)?;
    }
    Ok(())
}

pub(super) fn advance(
    _step: &mut Step<'_>,
    _id: &ServiceId,
    _state: UpdateState,
    _message: &str,
) -> Result<(), Refusal> {
    Ok(())
}
