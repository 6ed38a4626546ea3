//! What does an answer mean for a wizard? A plan to show, or the word that the change is through.

use wardroom_api::v1::Plan;

use crate::tui::msg::Answer;
use crate::tui::wizard::Accepted;

/// The plan, if the answer carries one, and what was accepted; `None` for answers that belong to no wizard.
pub fn of(answer: Answer) -> Option<(Option<Plan>, Accepted)> {
    let at = |index| Accepted {
        index,
        ..Accepted::default()
    };
    let of = |id, index| Accepted {
        index,
        id,
        ..Accepted::default()
    };
    let ordered = |index, order, epoch| Accepted {
        index,
        order,
        epoch,
        ..Accepted::default()
    };
    Some(match answer {
        Answer::SecretRotated(it) => {
            let accepted = Accepted {
                rotation_id: it.rotation_id,
                version_name: it.version_name,
                ..at(it.index)
            };
            (it.plan, accepted)
        }
        Answer::SecretRevoked(it) => (it.plan, ordered(it.index, it.order, 0)),
        Answer::ServiceUpdated(it) => (it.plan, of(it.id, it.index)),
        Answer::ServiceRolledBack(it) => (it.plan, of(it.id, it.index)),
        Answer::GrantsUpdated(it) => (it.plan, at(it.index)),
        Answer::RotationSteered(it) => {
            let accepted = Accepted {
                rotation_id: it.rotation_id,
                ..at(it.index)
            };
            (None, accepted)
        }
        Answer::VersionsPruned(it) => {
            let accepted = Accepted {
                version_name: it.destroyed.join(", "),
                ..at(it.index)
            };
            (it.plan, accepted)
        }
        Answer::SecretCreated(it) => (None, of(it.id, it.index)),
        Answer::SecretRemoved(it) => (None, of(it.id, it.index)),
        Answer::ServiceCreated(it) => (None, of(it.id, it.index)),
        Answer::ServiceRemoved(it) => (None, of(it.id, it.index)),
        Answer::NodeUpdated(it) => (it.plan, of(it.id, it.index)),
        Answer::NodeRemoved(it) => (it.plan, of(it.id, it.index)),
        Answer::RootRotated(it) => {
            let accepted = Accepted {
                fingerprint: it.fingerprint,
                ..at(it.index)
            };
            (it.plan, accepted)
        }
        Answer::SteppedDown(it) => {
            let accepted = Accepted {
                leader: it.leader,
                gap_ms: it.gap_ms,
                ..at(it.index)
            };
            (None, accepted)
        }
        // The new token in it is wiped unseen: it is shown where it is asked for.
        Answer::JoinToken(it) => (None, at(it.index)),
        Answer::OperatorRemoved(it) => (None, of(it.id, it.index)),
        Answer::BackedUp(it) => {
            let accepted = Accepted {
                bytes: it.bytes,
                ..at(it.index)
            };
            (None, accepted)
        }
        Answer::ClusterUpdated(it) => (it.plan, at(it.index)),
        // The order comes once somebody keeps the key.
        Answer::UnlockKeyRotated(it) => (it.plan, ordered(it.index, 0, it.epoch)),
        Answer::DekRotated(it) => (it.plan, ordered(it.index, it.order, 0)),
        Answer::Status(_) | Answer::Lock(_) => return None,
    })
}
