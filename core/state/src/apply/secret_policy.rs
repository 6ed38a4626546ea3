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
        keep.map(|keep| format!("versions kept {} -> {keep}", secret.keep_versions)),
        time_change("lease", secret.lease_ms, new.lease_ms),
    ];
    words.into_iter().flatten().collect()
}

fn time_change(name: &str, old: u64, new: Option<u64>) -> Option<String> {
    let words = |ms| if ms == 0 { "none".to_owned() } else { duration(ms) };
    let new = new.filter(|new| *new != old)?;
    Some(format!("{name} {} -> {}", words(old), words(new)))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::command::Command;
    use crate::script::{Script, advance, create, expect, rotate, secret};
    use crate::secret::VersionState;

    /// Changes nothing.
    fn update() -> Command {
        Command::UpdateSecret {
            secret: secret("db"),
            labels: None,
            max_age_ms: None,
            keep_versions: None,
            lease_ms: None,
            expected: None,
        }
    }

    fn with_lease(ms: u64) -> Command {
        let mut command = update();
        if let Command::UpdateSecret { lease_ms, .. } = &mut command {
            *lease_ms = Some(ms);
        }
        command
    }

    #[test]
    fn what_is_named_changes_and_the_rest_stays() {
        let mut script = Script::new();
        script.play(create("db"));
        expect(&script.play(update()), "");
        expect(
            &script.play(with_lease(3_600_000)),
            "secret s-db\nsecret.update db [ok] lease none -> 1h",
        );
        let all = Command::UpdateSecret {
            secret: secret("db"),
            labels: Some(BTreeMap::from([("tier".into(), "gold".into())])),
            max_age_ms: Some(86_400_000),
            keep_versions: Some(2),
            lease_ms: Some(0),
            expected: Some(script.state.find_secret("db").unwrap().version_index),
        };
        expect(
            &script.play(all.clone()),
            "secret s-db
             secret.update db [ok] new labels, max age none -> 1d, versions kept 5 -> 2, lease 1h -> none",
        );
        expect(&script.play(all), "Conflict: update out of sequence");
        let db = script.state.find_secret("db").unwrap();
        assert_eq!(
            (db.max_age_ms, db.keep_versions, db.lease_ms, db.labels.len()),
            (86_400_000, 2, 0, 1)
        );
    }

    #[test]
    fn a_lease_is_off_or_reasonable() {
        let mut script = Script::new();
        expect(&script.play(with_lease(0)), "NotFound: secret s-db not found");
        script.play(create("db"));
        for ms in [1, 9_999, 365 * 86_400_000 + 1] {
            expect(
                &script.play(with_lease(ms)),
                "Invalid: a lease is 0 (never) or between 10 seconds and 365 days",
            );
        }
        expect(
            &script.play(with_lease(10_000)),
            "secret s-db\nsecret.update db [ok] lease none -> 10s",
        );
    }

    #[test]
    fn keeping_fewer_versions_destroys_the_oldest_at_once() {
        let mut script = Script::new();
        script.play(create("db"));
        for number in 2..=4 {
            script.play(rotate("db", number));
            script.play(advance("db", number, crate::rotation::RotationPhase::Done));
        }
        let mut fewer = update();
        if let Command::UpdateSecret { keep_versions, .. } = &mut fewer {
            *keep_versions = Some(1);
        }
        expect(
            &script.play(fewer),
            "secret s-db
             secret.update db [ok] versions kept 5 -> 1
             secret.destroy db v2 [ok] older than the newest 1 kept
             secret.destroy db v1 [ok] older than the newest 1 kept",
        );
        assert_eq!(script.version("db", 3), VersionState::Superseded);
    }
}
