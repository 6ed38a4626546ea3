//! What does the audit chain hear of a lock? Who opened or closed it, and how; a manager says it, for a locked one cannot.

use std::time::Duration;

use wardroom_manager::state::command::Actor;
use wardroom_manager::{Manager, Note};

/// How long a manager that is to lock tries to have that recorded: its keys go, whoever leads.
const LAST_WORD: Duration = Duration::from_secs(1);

/// Stands before how it was opened where nobody gave a key.
pub const BY_CREDENTIAL: &str = "by the systemd credential, ";

/// `managers`: their hostnames.
pub fn unlocked(by: Actor, managers: &[&str], how: String) -> Note {
    Note {
        actor: by,
        action: Note::UNLOCKED,
        object: managers.join(", "),
        detail: how,
    }
}

/// What a manager says before it forgets its keys, if anybody can record it now.
pub async fn locks(manager: &Manager, by: Actor, managers: &[&str]) {
    let note = Note {
        actor: by,
        action: Note::LOCKED,
        object: managers.join(", "),
        detail: String::new(),
    };
    if tokio::time::timeout(LAST_WORD, manager.noted(&note)).await.is_err() {
        tracing::warn!(
            by = note.actor.name,
            "nobody leads now: that it is locked is in this log only"
        );
    }
}
