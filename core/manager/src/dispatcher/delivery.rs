//! Who gets plaintext, and when? Values are unsealed here and nowhere else, and sealed again in the same breath for the
//! one stream of the worker that runs them: what this manager's connections buffer is never plaintext.

use wardroom_api::v1;
use wardroom_api::v1::assignment_change::Change;
use wardroom_keys::{SealContext, SealingRoot, TransitSealer, UnsealError};

use crate::control::convert;
use crate::dispatcher::assignments::{SealedVersion, Step};

/// Builds the message of a step: secrets before the tasks that use them, removals last. `transit` has moved on: the
/// message is to be sent, or the stream to be ended.
pub(crate) fn message(
    root: &SealingRoot,
    cluster: &str,
    step: Step,
    transit: &mut TransitSealer,
) -> Result<v1::AssignmentsMessage, UnsealError> {
    let mut changes = Vec::with_capacity(step.versions.len() + step.tasks.len());
    for version in &step.versions {
        changes.push(Change::Secret(reseal(root, cluster, version, transit)?));
    }
    changes.extend(step.tasks.into_iter().map(Change::Task));
    changes.extend(
        step.tasks_removed
            .into_iter()
            .map(|id| Change::TaskRemoved(id.to_string())),
    );
    changes.extend(
        step.versions_removed
            .into_iter()
            .map(|id| Change::SecretRemoved(id.to_string())),
    );
    Ok(v1::AssignmentsMessage {
        complete: step.complete,
        applies_to: step.applies_to,
        results_in: step.results_in,
        changes: changes
            .into_iter()
            .map(|change| v1::AssignmentChange { change: Some(change) })
            .collect(),
        transit_key: Vec::new(),
    })
}

fn reseal(
    root: &SealingRoot,
    cluster: &str,
    version: &SealedVersion,
    transit: &mut TransitSealer,
) -> Result<v1::SecretAssignment, UnsealError> {
    let context = SealContext {
        cluster,
        secret: version.secret.as_str(),
        version: version.id.as_str(),
    };
    let opened = root.open(&context, &version.sealed.wrapped_key, &version.sealed.ciphertext)?;
    Ok(v1::SecretAssignment {
        version_id: version.id.to_string(),
        secret_id: version.secret.to_string(),
        number: version.number,
        sealed: transit.seal(version.id.as_str(), &opened),
        lease_ms: version.lease_ms,
        template_driver: convert::template_driver(version.template).to_owned(),
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use wardroom_keys::{SecretBytes, SeededChance, TransitOffer, TransitOpener};
    use wardroom_state::ids::{SecretId, TaskId, VersionId};
    use wardroom_state::secret::{SealedValue, Template};

    use super::*;

    fn step(root: &SealingRoot, cluster: &str) -> Step {
        let context = SealContext {
            cluster,
            secret: "s1",
            version: "v1",
        };
        let sealed = root.seal(&SeededChance::new(2), &context, &SecretBytes::new(b"hunter2".to_vec()));
        Step {
            complete: false,
            applies_to: 1,
            results_in: 2,
            versions: vec![SealedVersion {
                template: Template::None,
                id: VersionId::new("v1"),
                secret: SecretId::new("s1"),
                number: 1,
                sealed: SealedValue {
                    wrapped_key: sealed.wrapped_key,
                    ciphertext: sealed.ciphertext,
                    key_check: sealed.key_check,
                },
                lease_ms: 0,
            }],
            tasks: vec![v1::TaskAssignment {
                id: "t1".into(),
                ..Default::default()
            }],
            tasks_removed: vec![TaskId::new("t0")],
            versions_removed: vec![VersionId::new("v0")],
        }
    }

    fn transit() -> (TransitSealer, TransitOpener) {
        let offers = [3, 4].map(|seed| TransitOffer::new(&SeededChance::new(seed)));
        let [leader, worker] = offers.each_ref().map(|offer| *offer.public());
        let [to_send, to_receive] = offers;
        (to_send.sealer(&worker).unwrap(), to_receive.opener(&leader).unwrap())
    }

    #[test]
    fn secrets_come_before_tasks_and_removals_last() {
        let root = SealingRoot::generate(&SeededChance::new(1));
        let (mut to, mut from) = transit();
        let message = message(&root, "c1", step(&root, "c1"), &mut to).unwrap();
        let kinds: Vec<_> = message
            .changes
            .iter()
            .map(|change| match change.change.as_ref().unwrap() {
                Change::Secret(secret) => {
                    let opened = from.open(&secret.version_id, &secret.sealed).unwrap();
                    format!("secret {} {}", secret.version_id, opened.value.equals(b"hunter2"))
                }
                Change::Task(task) => format!("task {}", task.id),
                Change::TaskRemoved(id) => format!("no task {id}"),
                Change::SecretRemoved(id) => format!("no secret {id}"),
            })
            .collect();
        assert_eq!(kinds, ["secret v1 true", "task t1", "no task t0", "no secret v0"]);
        assert_eq!((message.applies_to, message.results_in), (1, 2));
    }

    #[test]
    fn a_value_opens_in_its_own_cluster_only() {
        let root = SealingRoot::generate(&SeededChance::new(1));
        assert!(message(&root, "c2", step(&root, "c1"), &mut transit().0).is_err());
    }
}
