//! How do the dispatcher's messages become this worker's own words? The only file that knows both.
//!
//! Values are taken out of the message without a copy; what is left of it has nothing to wipe.

use std::collections::BTreeMap;
use std::time::Duration;

use wardroom_api::v1;
use wardroom_api::v1::assignment_change::Change as Wire;
use wardroom_keys::SecretBytes;

use crate::assignments::{Change, Desired, Kind, Update, Wanted, WantedFile};
use crate::ids::{SecretId, TaskId, VersionId};
use crate::values::Value;

/// One message: what it says, and the plaintext that came with it.
pub(crate) struct Incoming {
    pub(crate) update: Update,
    pub(crate) values: BTreeMap<VersionId, Value>,
    /// Of those values that are not to be kept for ever without a manager.
    pub(crate) leases: BTreeMap<VersionId, Duration>,
}

/// Takes a message apart. An empty change, which only a newer manager could mean something by, is passed over.
pub(crate) fn incoming(message: v1::AssignmentsMessage) -> Incoming {
    let (mut values, mut leases) = (BTreeMap::new(), BTreeMap::new());
    let mut changes = Vec::with_capacity(message.changes.len());
    for change in message.changes.into_iter().filter_map(|change| change.change) {
        changes.push(match change {
            Wire::Secret(mut secret) => {
                let version = VersionId::new(std::mem::take(&mut secret.version_id));
                let bytes = SecretBytes::new(std::mem::take(&mut secret.value));
                let digest_key = SecretBytes::new(std::mem::take(&mut secret.digest_key));
                values.insert(version.clone(), Value { bytes, digest_key });
                if secret.lease_ms > 0 {
                    leases.insert(version.clone(), Duration::from_millis(secret.lease_ms));
                }
                Change::Value(version)
            }
            Wire::Task(task) => Change::Task(wanted(task)),
            Wire::SecretRemoved(version) => Change::ValueRemoved(VersionId::new(version)),
            Wire::TaskRemoved(task) => Change::TaskRemoved(TaskId::new(task)),
        });
    }
    let update = Update {
        complete: message.complete,
        applies_to: message.applies_to,
        results_in: message.results_in,
        changes,
    };
    Incoming { update, values, leases }
}

fn wanted(task: v1::TaskAssignment) -> Wanted {
    let executor = match task.executor() {
        v1::Executor::Process => Kind::Process,
        v1::Executor::Files => Kind::Files,
        v1::Executor::Container => Kind::Container,
        v1::Executor::Unspecified => Kind::Unknown(task.executor),
    };
    // Swarm's order of states has a meaning: below RUNNING a task is prepared and waits, above it ends.
    let desired = match task.desired {
        state if state < v1::TaskState::Running as i32 => Desired::Ready,
        state if state == v1::TaskState::Running as i32 => Desired::Running,
        _ => Desired::Stopped,
    };
    Wanted {
        id: TaskId::new(task.id),
        name: task.name,
        executor,
        command: task.command,
        desired,
        files: task.files.into_iter().map(wanted_file).collect(),
    }
}

fn wanted_file(file: v1::SecretFile) -> WantedFile {
    let signal = (file.on_change() == v1::OnChange::Signal).then_some(file.signal);
    WantedFile {
        target: file.target,
        secret: SecretId::new(file.secret_id),
        version_id: VersionId::new(file.version_id),
        version: file.version,
        uid: file.uid,
        gid: file.gid,
        mode: file.mode,
        signal,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_travels_beside_its_change() {
        let secret = v1::SecretAssignment {
            version_id: "v1".into(),
            secret_id: "s".into(),
            number: 1,
            value: b"plaintext".to_vec(),
            digest_key: b"key".to_vec(),
            lease_ms: 3_600_000,
        };
        let message = v1::AssignmentsMessage {
            complete: true,
            results_in: 4,
            changes: vec![
                v1::AssignmentChange {
                    change: Some(Wire::Secret(secret)),
                },
                v1::AssignmentChange { change: None },
            ],
            ..Default::default()
        };
        let taken = incoming(message);
        assert_eq!(taken.update.changes, [Change::Value(VersionId::new("v1"))]);
        assert!(taken.update.complete);
        assert!(taken.values[&VersionId::new("v1")].bytes.equals(b"plaintext"));
        assert_eq!(taken.leases[&VersionId::new("v1")], Duration::from_secs(3600));
    }

    #[test]
    fn states_become_how_far_to_go() {
        let desired = |state: v1::TaskState| {
            wanted(v1::TaskAssignment {
                desired: state as i32,
                ..Default::default()
            })
            .desired
        };
        assert_eq!(desired(v1::TaskState::Ready), Desired::Ready);
        assert_eq!(desired(v1::TaskState::Running), Desired::Running);
        assert_eq!(desired(v1::TaskState::Shutdown), Desired::Stopped);
        assert_eq!(desired(v1::TaskState::Remove), Desired::Stopped);
    }

    #[test]
    fn a_signal_counts_only_where_one_is_asked_for() {
        let file = |on_change: v1::OnChange| {
            wanted_file(v1::SecretFile {
                on_change: on_change as i32,
                signal: "SIGHUP".into(),
                ..Default::default()
            })
            .signal
        };
        assert_eq!(file(v1::OnChange::Signal).as_deref(), Some("SIGHUP"));
        assert_eq!(file(v1::OnChange::Swap), None);
    }
}
