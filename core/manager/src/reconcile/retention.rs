//! Which old versions have been kept for long enough? Those that nobody needs any more are destroyed.

use wardroom_state::State;
use wardroom_state::command::Command;
use wardroom_state::secret::{Secret, Version, VersionState};

use crate::reconcile::decision::Decision;

/// A version that somebody still needs is looked at again when that changes, not when time passes.
pub(crate) fn decide(state: &State, now_ms: i64) -> Decision {
    let mut decision = Decision::default();
    for secret in state.secrets().values().filter(|secret| secret.keep_ms > 0) {
        let mut versions = Vec::new();
        for version in secret.versions.values().filter(|version| is_old(version)) {
            let due_ms = due(secret, version);
            if due_ms > now_ms {
                decision.again_at(due_ms);
            } else if state.need_of_version(&secret.id, version.number).is_none() {
                versions.push(version.number);
            }
        }
        if !versions.is_empty() {
            decision.commands.push(Command::DestroyVersions {
                secret: secret.id.clone(),
                versions,
                why: "kept for as long as old versions are".to_owned(),
            });
        }
    }
    decision
}

fn is_old(version: &Version) -> bool {
    matches!(version.state, VersionState::Superseded | VersionState::Failed) && version.sealed.is_some()
}

fn due(secret: &Secret, version: &Version) -> i64 {
    let keep_ms = i64::try_from(secret.keep_ms).unwrap_or(i64::MAX);
    version.state_since_ms.saturating_add(keep_ms)
}

#[cfg(test)]
mod tests {
    use wardroom_state::ids::SecretId;
    use wardroom_state::service::{Grant, Mode, OnChange};

    use super::*;
    use crate::reconcile::scene::Scene;

    fn keep(scene: &mut Scene, ms: u64) {
        scene.apply(Command::UpdateRetention {
            secret: SecretId::new("db"),
            keep_ms: Some(ms),
            schedule: None,
            expected: None,
        });
    }

    fn destroyed(decision: &Decision) -> Vec<u32> {
        let versions = decision.commands.iter().flat_map(|command| match command {
            Command::DestroyVersions { versions, .. } => versions.clone(),
            other => panic!("{other:?}"),
        });
        versions.collect()
    }

    #[test]
    fn a_version_goes_when_its_time_has_come_and_not_before() {
        let mut scene = Scene::with_workers(1);
        scene.secret("db");
        scene.rotate("db");
        scene.rotate("db");
        assert_eq!(
            decide(&scene.state, i64::MAX),
            Decision::default(),
            "nothing is kept by time"
        );
        keep(&mut scene, 60_000);
        let since = |number: u32| scene.state.secrets()[&SecretId::new("db")].versions[&number].state_since_ms;
        let first = since(1) + 60_000;
        let early = decide(&scene.state, first - 1);
        assert_eq!((destroyed(&early), early.again_at_ms), (vec![], Some(first)));
        // Version 2 is what the rotation that runs would return to.
        assert_eq!(destroyed(&decide(&scene.state, since(2) + 60_000)), [1]);
        let late = decide(&scene.state, since(2) + 60_000);
        scene.carry_out(late);
        let after = decide(&scene.state, i64::MAX);
        assert_eq!(after, Decision::default(), "it wakes with the end of the need");
    }

    #[test]
    fn what_is_pinned_stays_however_old_it_is() {
        let mut scene = Scene::with_workers(1);
        scene.secret("db");
        let pinned = Grant {
            pinned: Some(1),
            ..Scene::grant("db", OnChange::Swap)
        };
        scene.service("old", Mode::Replicated(1), vec![pinned]);
        scene.rotate("db");
        keep(&mut scene, 1);
        assert_eq!(decide(&scene.state, i64::MAX), Decision::default());
    }
}
