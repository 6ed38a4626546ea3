//! How does a value become unreadable also in what was written before? It is revoked, and every manager is ordered to
//! destroy the key of its old records.

use super::step::Step;
use super::{dek_order, revoke, secret};
use crate::ids::SecretId;
use crate::keys::{OrderReason, version_list};
use crate::refusal::Refusal;

pub(super) fn apply(
    step: &mut Step<'_>,
    id: &SecretId,
    version: Option<u32>,
    expected: Option<u64>,
) -> Result<(), Refusal> {
    dek_order::check_room(step.state)?;
    let revoked = match version {
        None => revoke::whole(step, id, expected),
        Some(number) => revoke::version(step, id, number, expected),
    };
    match revoked {
        // Revoked before, and what was written until then can still be read.
        Ok(()) | Err(Refusal::AlreadyRevoked { .. } | Refusal::VersionAlreadyRevoked { .. }) => {}
        Err(refusal) => return Err(refusal),
    }
    let secret = secret::known(step.state, id)?;
    let name = secret.name.clone();
    let versions = version.map_or_else(|| secret.versions.keys().copied().collect(), |number| vec![number]);
    let words = version_list(&versions);
    let order = dek_order::give(
        step,
        OrderReason::Shred {
            secret: id.clone(),
            name: name.clone(),
            versions,
        },
    );
    let detail = format!("{words}: DEK order {order}, {}", dek_order::owed(step.state, order));
    step.audit("secret.shred", name, detail);
    Ok(())
}

#[cfg(test)]
#[path = "shred_tests.rs"]
mod tests;
