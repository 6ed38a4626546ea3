//! What is a secret's policy? Its labels, its age, the versions it keeps, the lease of its files.

use std::collections::BTreeMap;

use super::audited::duration;
use super::rotate::check_token;
use super::secret::known;
use super::step::Step;
use super::version::prune;
use crate::ids::SecretId;
use crate::refusal::Refusal;
use crate::secret::Secret;
use crate::validate;

/// What is to change; `None` stays.
pub(super) struct Policy<'a> {
    pub(super) labels: Option<&'a BTreeMap<String, String>>,
    pub(super) max_age_ms: Option<u64>,
    pub(super) keep_versions: Option<u32>,
    pub(super) lease_ms: Option<u64>,
    pub(super) expected: Option<u64>,
}

pub(super) fn update(step: &mut Step<'_>, id: &SecretId, new: &Policy<'_>) -> Result<(), Refusal> {
    let secret = known(step.state, id)?;
    check_token(secret.version_index, new.expected)?;
    new.lease_ms.map_or(Ok(()), validate::lease)?;
    let (name, detail) = (secret.name.clone(), difference(secret, new));
    if detail.is_empty() {
        return Ok(());
    }
    step.edit_secret(id, |secret| {
        if let Some(labels) = new.labels {
            secret.labels.clone_from(labels);
        }
        secret.max_age_ms = new.max_age_ms.unwrap_or(secret.max_age_ms);
        secret.keep_versions = new.keep_versions.unwrap_or(secret.keep_versions);
        secret.lease_ms = new.lease_ms.unwrap_or(secret.lease_ms);
    });
    step.audit("secret.update", name, detail.join(", "));
    prune(step, id);
    Ok(())
}

fn difference(secret: &Secret, new: &Policy<'_>) -> Vec<String> {
    let labels = new.labels.filter(|labels| **labels != secret.labels);
    let keep = new.keep_versions.filter(|keep| *keep != secret.keep_versions);
    let words = [
        labels.map(|_| "new labels".to_owned()),
        time_change("max age", secret.max_age_ms, new.max_age_ms),
        keep.map(|keep| format!("keep {} -> {keep} versions", secret.keep_versions)),
        time_change("lease", secret.lease_ms, new.lease_ms),
    ];
    words.into_iter().flatten().collect()
}

fn time_change(name: &str, old: u64, new: Option<u64>) -> Option<String> {
    let words = |ms| if ms == 0 { "none".to_owned() } else { duration(ms) };
    let new = new.filter(|new| *new != old)?;
    Some(format!("{name} {} -> {}", words(old), words(new)))
}
