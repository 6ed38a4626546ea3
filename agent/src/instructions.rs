//! What do the managers want of this node besides its tasks? Another role, other roots, a new certificate, or that it
//! goes. The agent passes it on: certificates belong to whoever started it.

use wardroom_api::v1::{self, SessionMessage};
use wardroom_ca::Role;

/// The managers' words about this node, as of the last message of a session. They stay while no manager is heard.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Instructions {
    /// The role this node should have, when its certificate had another one as the message came: it is to ask for a new
    /// certificate. `None` also before the first session.
    pub desired_role: Option<Role>,
    /// Every root to trust, newest first, in PEM; empty before the first session.
    pub roots_pem: String,
    /// The certificate was issued by a root that is going: a new one is to be asked for.
    pub renew: bool,
    /// `host:port` of the managers' TLS ports, the leader's first; before the first session those of the start.
    pub managers: Vec<String>,
    /// This node is no longer of the cluster, in the manager's words. Nothing runs and nothing is held any more.
    pub removed: Option<String>,
}

/// What a manager says to a node that was removed, among other words.
const REMOVED: &str = "was removed from swarm";

impl Instructions {
    /// Takes a message to a node whose certificate says `role`. Returns whether anything is new.
    pub(crate) fn take(&mut self, message: &SessionMessage, role: Role) -> bool {
        let before = self.clone();
        let desired = match message.desired_role() {
            v1::Role::Manager => Some(Role::Manager),
            v1::Role::Worker => Some(Role::Worker),
            v1::Role::Unspecified => None,
        };
        self.desired_role = desired.filter(|desired| *desired != role);
        self.renew = message.renew;
        // What a message leaves out stays as it was.
        if !message.roots_pem.is_empty() {
            self.roots_pem.clone_from(&message.roots_pem);
        }
        if !message.managers.is_empty() {
            self.managers.clone_from(&message.managers);
        }
        *self != before
    }
}

/// The manager's words, if they say that this node was removed.
pub(crate) fn removal(status: &tonic::Status) -> Option<String> {
    let says = status.code() == tonic::Code::PermissionDenied && status.message().contains(REMOVED);
    says.then(|| status.message().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_wanted_only_when_it_differs() {
        let mut instructions = Instructions::default();
        let message = |role: v1::Role| SessionMessage {
            desired_role: role as i32,
            ..Default::default()
        };
        assert!(instructions.take(&message(v1::Role::Manager), Role::Worker));
        assert_eq!(instructions.desired_role, Some(Role::Manager));
        assert!(!instructions.take(&message(v1::Role::Manager), Role::Worker), "no news");
        assert!(instructions.take(&message(v1::Role::Manager), Role::Manager));
        assert_eq!(instructions.desired_role, None);
        let newer = SessionMessage {
            desired_role: 77,
            ..Default::default()
        };
        assert!(!instructions.take(&newer, Role::Manager), "a newer manager's word");
    }

    #[test]
    fn what_a_message_leaves_out_stays() {
        let mut instructions = Instructions::default();
        let full = SessionMessage {
            managers: vec!["m1:2377".into()],
            roots_pem: "root".into(),
            renew: true,
            ..Default::default()
        };
        assert!(instructions.take(&full, Role::Worker));
        assert!(instructions.take(&SessionMessage::default(), Role::Worker));
        let expected = Instructions {
            roots_pem: "root".into(),
            managers: vec!["m1:2377".into()],
            ..Default::default()
        };
        assert_eq!(instructions, expected, "only the wish for a new certificate is over");
    }

    #[test]
    fn only_a_manager_s_own_words_remove_a_node() {
        let says = "Permission denied: node n1 was removed from swarm. To come back it has to join again";
        assert_eq!(removal(&tonic::Status::permission_denied(says)).as_deref(), Some(says));
        assert_eq!(removal(&tonic::Status::unavailable(says)), None);
        assert_eq!(removal(&tonic::Status::permission_denied("no rule allows it")), None);
    }
}
