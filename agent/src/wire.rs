//! How do the dispatcher's messages become this worker's own words? The only file that knows both.
//!
//! Values are opened here, and here only: in the message, and in whatever buffered it, they are sealed.

mod run;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wardroom_api::v1;
use wardroom_api::v1::assignment_change::Change as Wire;
use wardroom_keys::{Chance, TransitError, TransitOffer, TransitOpener};

use self::run::run;

use crate::assignments::{Change, Desired, Update, Wanted, WantedFile};
use crate::ids::{SecretId, TaskId, VersionId};
use crate::run::Service;
use crate::values::{Driver, Value};

/// One message: what it says, and the plaintext that came with it.
pub(crate) struct Incoming {
    pub(crate) update: Update,
    pub(crate) values: BTreeMap<VersionId, Value>,
    /// Of those values that are not to be kept for ever without a manager.
    pub(crate) leases: BTreeMap<VersionId, Duration>,
}

/// Reads one stream of assignments, whose values are sealed for it alone.
pub(crate) struct Reader {
    /// Until the first message has brought the leader's half of the agreement.
    offer: Option<TransitOffer>,
    opener: Option<TransitOpener>,
}

impl Reader {
    /// A reader, and what the leader needs to seal for it.
    pub(crate) fn new(chance: &dyn Chance) -> (Self, Vec<u8>) {
        let offer = TransitOffer::new(chance);
        let transit_key = offer.public().to_vec();
        let reader = Self {
            offer: Some(offer),
            opener: None,
        };
        (reader, transit_key)
    }

    /// The first message, which is the complete one, was read.
    pub(crate) fn is_complete(&self) -> bool {
        self.opener.is_some()
    }

    /// After an error the stream is of no use any more: the keys of its values have moved on.
    pub(crate) fn read(&mut self, message: v1::AssignmentsMessage) -> Result<Incoming, TransitError> {
        if let Some(offer) = self.offer.take() {
            self.opener = Some(offer.opener(&message.transit_key)?);
        }
        incoming(message, self.opener.as_mut().ok_or(TransitError::Key)?)
    }
}

/// Takes a message apart. An empty change, which only a newer manager could mean something by, is passed over.
fn incoming(message: v1::AssignmentsMessage, transit: &mut TransitOpener) -> Result<Incoming, TransitError> {
    let (mut values, mut leases) = (BTreeMap::new(), BTreeMap::new());
    let mut changes = Vec::with_capacity(message.changes.len());
    for change in message.changes.into_iter().filter_map(|change| change.change) {
        changes.push(match change {
            Wire::Secret(secret) => {
                let opened = transit.open(&secret.version_id, &secret.sealed)?;
                let version = VersionId::new(secret.version_id);
                let value = Value {
                    bytes: opened.value,
                    digest_key: opened.digest_key,
                    driver: Driver::of(&secret.template_driver),
                };
                values.insert(version.clone(), value);
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
    Ok(Incoming { update, values, leases })
}

fn wanted(task: v1::TaskAssignment) -> Wanted {
    // Swarm's order of states has a meaning: below RUNNING a task is prepared and waits, above it ends.
    let desired = match task.desired {
        state if state < v1::TaskState::Running as i32 => Desired::Ready,
        state if state == v1::TaskState::Running as i32 => Desired::Running,
        _ => Desired::Stopped,
    };
    Wanted {
        id: TaskId::new(task.id),
        name: task.name,
        service: Arc::new(Service {
            id: task.service_id,
            name: task.service_name,
            labels: task.service_labels.into_iter().collect(),
        }),
        slot: task.slot,
        run: Arc::new(run(task.run.unwrap_or_default())),
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
    use wardroom_keys::{Opened, SecretBytes, SeededChance, TransitOffer, TransitSealer};

    use super::*;

    /// The leader's end, and a reader that has read its first message.
    fn transit() -> (TransitSealer, Reader) {
        let leader = TransitOffer::new(&SeededChance::new(1));
        let (mut reader, transit_key) = Reader::new(&SeededChance::new(2));
        let first = v1::AssignmentsMessage {
            transit_key: leader.public().to_vec(),
            ..Default::default()
        };
        assert!(!reader.is_complete());
        reader.read(first).expect("a fresh key");
        assert!(reader.is_complete());
        (leader.sealer(&transit_key).expect("a fresh key"), reader)
    }

    fn sealed(sealer: &mut TransitSealer) -> v1::SecretAssignment {
        let opened = Opened {
            value: SecretBytes::new(b"plaintext".to_vec()),
            digest_key: SecretBytes::new(vec![7; 32]),
        };
        v1::SecretAssignment {
            version_id: "v1".into(),
            secret_id: "s".into(),
            number: 1,
            sealed: sealer.seal("v1", &opened),
            lease_ms: 3_600_000,
            template_driver: String::new(),
        }
    }

    #[test]
    fn a_value_of_another_stream_is_an_error() {
        let (mut sealer, mut reader) = transit();
        let _missed = sealed(&mut sealer);
        let change = Some(Wire::Secret(sealed(&mut sealer)));
        let message = v1::AssignmentsMessage {
            changes: vec![v1::AssignmentChange { change }],
            ..Default::default()
        };
        assert!(reader.read(message).is_err());
    }

    #[test]
    fn without_the_leaders_key_nothing_is_read() {
        let (mut reader, _) = Reader::new(&SeededChance::new(2));
        assert!(reader.read(v1::AssignmentsMessage::default()).is_err());
        assert!(
            reader.read(v1::AssignmentsMessage::default()).is_err(),
            "also not later"
        );
    }

    #[test]
    fn a_value_travels_beside_its_change() {
        let (mut sealer, mut reader) = transit();
        let secret = sealed(&mut sealer);
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
        let taken = reader.read(message).expect("it is of this stream");
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
