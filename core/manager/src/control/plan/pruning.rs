//! What would pruning do? Each old version goes, or stays for a reason that is told.

use wardroom_api::v1;
use wardroom_api::v1::PlanAction;
use wardroom_state::State;
use wardroom_state::ids::SecretId;
use wardroom_state::secret::{Secret, Version, VersionState};

use crate::control::error::Failure;
use crate::control::plan::health::Health;
use crate::control::plan::{Plan, basis, is_runnable, step};
use crate::control::secrets::known;

/// Versions of one secret that go.
#[derive(Debug, PartialEq)]
pub(crate) struct Pruned {
    pub(crate) secret: SecretId,
    /// Oldest first, with their names.
    pub(crate) versions: Vec<(u32, String)>,
}

/// Which old versions of these secrets go.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keeping {
    /// The newest so many stay.
    pub(crate) newest: u32,
    /// As does what was superseded at this time or later, Unix milliseconds.
    pub(crate) since_ms: i64,
}

pub(crate) fn pruning(
    state: &State,
    secrets: &[SecretId],
    keeping: Keeping,
    health: &Health,
) -> Result<(Plan, Vec<Pruned>), Failure> {
    let (mut steps, mut pruned, mut bases) = (Vec::new(), Vec::new(), Vec::new());
    for id in secrets {
        let secret = known(state, id)?;
        let mut goes = Vec::new();
        for (version, stays) in judged(state, secret, keeping) {
            let subject = format!("{} (version {} of {})", version.name, version.number, secret.name);
            if let Some(why) = stays {
                steps.push(step(PlanAction::Keep, subject, why));
            } else {
                let detail = "its sealed value is dropped and cannot come back";
                steps.push(step(PlanAction::Destroy, subject, detail));
                goes.push((version.number, version.name.clone()));
            }
        }
        let numbers: Vec<u32> = goes.iter().map(|(number, _)| *number).collect();
        bases.push(basis::of_secret(state, &format!("prune {numbers:?}"), secret));
        if !goes.is_empty() {
            pruned.push(Pruned {
                secret: id.clone(),
                versions: goes,
            });
        }
    }
    if steps.is_empty() {
        steps.push(step(PlanAction::Keep, "secrets", "none of them has an old version"));
    }
    let checks = health.checks(state);
    let plan = Plan(v1::Plan {
        index: state.index(),
        basis: basis::of_all("prune", &bases),
        runnable: is_runnable(&checks),
        steps,
        checks,
        ..Default::default()
    });
    Ok((plan, pruned))
}

/// The old versions that still have a value, oldest first, each with the reason why it stays.
fn judged<'a>(state: &State, secret: &'a Secret, keeping: Keeping) -> Vec<(&'a Version, Option<String>)> {
    let old = |version: &&Version| {
        matches!(version.state, VersionState::Superseded | VersionState::Failed) && version.sealed.is_some()
    };
    let newest = usize::try_from(keeping.newest).unwrap_or(usize::MAX);
    let judge = |(place, version): (usize, &'a Version)| {
        let stays = if place < newest {
            Some(format!("one of the newest {newest}"))
        } else if version.state_since_ms >= keeping.since_ms {
            Some("not old enough".to_owned())
        } else {
            state.need_of_version(&secret.id, version.number)
        };
        (version, stays)
    };
    let mut judged: Vec<_> = secret
        .versions
        .values()
        .rev()
        .filter(old)
        .enumerate()
        .map(judge)
        .collect();
    judged.reverse();
    judged
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_state::command::Command;
    use wardroom_state::rotation::RotationPhase;
    use wardroom_state::service::{Grant, Mode, OnChange};

    use super::*;
    use crate::reconcile::scene::Scene;

    fn prune(scene: &Scene, newest: u32, since_ms: i64) -> (v1::Plan, Vec<Pruned>) {
        let keeping = Keeping { newest, since_ms };
        let ids = [SecretId::new("db")];
        let (plan, pruned) = pruning(&scene.state, &ids, keeping, &Health::default()).unwrap();
        (plan.0, pruned)
    }

    /// Version 1 is pinned, versions 2 and 3 are spare, version 4 is current.
    fn scene() -> Scene {
        let mut scene = Scene::with_workers(1);
        scene.secret("db");
        let pinned = Grant {
            pinned: Some(1),
            ..Scene::grant("db", OnChange::Swap)
        };
        scene.service("old", Mode::Replicated(1), vec![pinned]);
        scene.rotate("db");
        scene.rotate("db");
        let last = scene.rotate("db");
        scene.apply(Command::AdvanceRotation {
            rotation: last,
            phase: RotationPhase::Done,
            progress: Vec::new(),
            message: String::new(),
        });
        scene
    }

    fn numbers(pruned: &[Pruned]) -> Vec<u32> {
        let versions = pruned.iter().flat_map(|pruned| &pruned.versions);
        versions.map(|(number, _)| *number).collect()
    }

    #[test]
    fn every_old_version_goes_or_says_why_not() {
        let scene = scene();
        let (plan, pruned) = prune(&scene, 0, i64::MAX);
        assert_eq!(numbers(&pruned), [2, 3]);
        let steps: Vec<_> = plan
            .steps
            .iter()
            .map(|step| (step.action(), step.detail.as_str()))
            .collect();
        assert_eq!(steps[0], (PlanAction::Keep, "service old pins it"));
        assert_eq!(steps[1].0, PlanAction::Destroy);
        assert_eq!(steps.len(), 3);
    }

    #[test]
    fn the_newest_and_the_young_stay() {
        let scene = scene();
        assert_eq!(numbers(&prune(&scene, 1, i64::MAX).1), [2]);
        assert_eq!(numbers(&prune(&scene, 0, 0).1), [0_u32; 0]);
        let wider = prune(&scene, 1, i64::MAX).0.basis;
        assert_ne!(prune(&scene, 0, i64::MAX).0.basis, wider, "another set is another plan");
        assert_eq!(prune(&scene, 1, i64::MAX).0.basis, wider);
    }
}
