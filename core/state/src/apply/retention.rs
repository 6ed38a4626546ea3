//! How long do old versions stay, and what makes new ones?

use super::step::Step;
use crate::ids::SecretId;
use crate::refusal::Refusal;
use crate::secret::Schedule;

pub(super) fn destroy(_step: &mut Step<'_>, _id: &SecretId, _versions: &[u32], _why: &str) -> Result<(), Refusal> {
    Ok(())
}

pub(super) fn update(
    _step: &mut Step<'_>,
    _id: &SecretId,
    _keep_ms: Option<u64>,
    _schedule: Option<&Option<Schedule>>,
    _expected: Option<u64>,
) -> Result<(), Refusal> {
    Ok(())
}

pub(super) fn note_failure(_step: &mut Step<'_>, _id: &SecretId, _reason: &str) -> Result<(), Refusal> {
    Ok(())
}
