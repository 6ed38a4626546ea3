//! Who is calling? The identity a connection proved, or the one a manager vouches for when it forwards.
//!
//! Identities are written as one word and a name, in the audit chain and between managers:
//!
//! ```text
//! admin:root         the user at a manager's local socket
//! viewer:ada         an operator's certificate, by the name the cluster lists it under
//! operator:ada
//! remote-admin:ada   the same of an admin, told apart from a user of that name at the socket
//! unlisted:<id>      an operator's certificate that the cluster does not list
//! manager:<node id>  a node's certificate
//! worker:<node id>
//! nobody             no certificate
//! ```

use http::HeaderMap;
use wardroom_state::command::Actor;
use wardroom_state::operator::OperatorRole;

use crate::control::authorize::Role;

/// Metadata of a forwarded call: who asked, and from where. Believed only from a manager's certificate.
pub(crate) const ACTOR: &str = "wardroom-actor";
pub(crate) const FROM: &str = "wardroom-from";
/// Metadata of a forwarded call: the id in the caller's certificate. Believed as the two above.
pub(crate) const SUBJECT: &str = "wardroom-subject";
/// Metadata of a refused call that is sent on to be noted: how many it stands for. Believed as those above.
pub(crate) const COUNT: &str = "wardroom-count";
/// Metadata of an answer by a manager that does not lead: the leader's address.
pub(crate) const LEADER: &str = "wardroom-leader";

/// What the other end of a connection proved about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The user at the local socket, by its peer credentials.
    Local(String),
    /// An operator's certificate, by the name the state has for it.
    Operator(OperatorRole, String),
    /// The id of an operator's certificate that the state does not list, as after a restore from an older backup.
    Unlisted(String),
    /// Node id from a manager's certificate.
    Manager(String),
    /// Node id from a worker's certificate.
    Worker(String),
    /// No certificate.
    Nobody,
}

impl Identity {
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Local(_) => Role::Local,
            Self::Operator(OperatorRole::Admin, _) => Role::Admin,
            Self::Operator(OperatorRole::Operator, _) => Role::Operator,
            Self::Operator(OperatorRole::Viewer, _) => Role::Viewer,
            Self::Unlisted(_) => Role::Unlisted,
            Self::Manager(_) => Role::Manager,
            Self::Worker(_) => Role::Worker,
            Self::Nobody => Role::Nobody,
        }
    }

    /// As the audit chain names it; see above.
    pub(crate) fn actor_name(&self) -> String {
        match self {
            Self::Local(user) => format!("admin:{user}"),
            Self::Operator(role, name) => format!("{}:{name}", operator_word(*role)),
            Self::Unlisted(id) => format!("unlisted:{id}"),
            Self::Manager(id) => format!("manager:{id}"),
            Self::Worker(id) => format!("worker:{id}"),
            Self::Nobody => "nobody".to_owned(),
        }
    }

    /// The reverse of [`Self::actor_name`]; anything else is nobody.
    fn from_actor_name(text: &str) -> Self {
        let Some((word, name)) = text.split_once(':').filter(|(_, name)| !name.is_empty()) else {
            return Self::Nobody;
        };
        let name = name.to_owned();
        match word {
            "admin" => Self::Local(name),
            "unlisted" => Self::Unlisted(name),
            "manager" => Self::Manager(name),
            "worker" => Self::Worker(name),
            _ => {
                let roles = [OperatorRole::Viewer, OperatorRole::Operator, OperatorRole::Admin];
                let role = roles.into_iter().find(|role| operator_word(*role) == word);
                role.map_or(Self::Nobody, |role| Self::Operator(role, name))
            }
        }
    }

    /// The node id of a node's certificate.
    pub(crate) fn node_id(&self) -> Option<&str> {
        match self {
            Self::Manager(id) | Self::Worker(id) => Some(id),
            Self::Local(_) | Self::Operator(..) | Self::Unlisted(_) | Self::Nobody => None,
        }
    }
}

fn operator_word(role: OperatorRole) -> &'static str {
    match role {
        OperatorRole::Viewer => "viewer",
        OperatorRole::Operator => "operator",
        OperatorRole::Admin => "remote-admin",
    }
}

/// The caller of one request. Connections carry it as their connect info, so every request finds it in its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    /// The id in its certificate, a node's or an operator's; `None` without one.
    pub(crate) subject: Option<String>,
    /// `local` or an address.
    pub(crate) from: String,
    /// Another manager took the call and sent it on; it is not sent on again.
    pub(crate) forwarded: bool,
}

impl Caller {
    pub(crate) fn new(identity: Identity, from: impl Into<String>) -> Self {
        Self {
            subject: identity.node_id().map(str::to_owned),
            identity,
            from: from.into(),
            forwarded: false,
        }
    }

    /// With the id of the certificate that the identity alone does not tell.
    pub(crate) fn certified(identity: Identity, subject: impl Into<String>, from: impl Into<String>) -> Self {
        Self {
            subject: Some(subject.into()),
            ..Self::new(identity, from)
        }
    }

    /// Who is meant: what the headers say when a manager sends them, else who is connected.
    pub(crate) fn resolve(&self, headers: &HeaderMap) -> Self {
        let text = |name: &str| {
            headers
                .get(name)
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned)
        };
        match (&self.identity, text(ACTOR)) {
            (Identity::Manager(_), Some(actor)) => Self {
                identity: Identity::from_actor_name(&actor),
                subject: text(SUBJECT),
                from: text(FROM).unwrap_or_else(|| self.from.clone()),
                forwarded: true,
            },
            _ => self.clone(),
        }
    }

    /// How many calls this one stands for: itself, or as many as a manager that sends refusals on has counted.
    pub(crate) fn stands_for(&self, headers: &HeaderMap) -> u32 {
        let counted = headers.get(COUNT).and_then(|count| count.to_str().ok()?.parse().ok());
        match (&self.identity, headers.contains_key(ACTOR), counted) {
            (Identity::Manager(_), true, Some(count)) => count,
            _ => 1,
        }
    }

    /// The machine it calls from, without the port; `local` stays.
    pub(crate) fn host(&self) -> &str {
        let host = self.from.rsplit_once(':').map_or(self.from.as_str(), |(host, _)| host);
        host.trim_start_matches('[').trim_end_matches(']')
    }

    pub(crate) fn actor(&self) -> Actor {
        Actor {
            name: self.identity.actor_name(),
            from: self.from.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    fn headers(actor: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(ACTOR, actor.parse().unwrap());
        headers.insert(FROM, "local".parse().unwrap());
        headers
    }

    #[test]
    fn a_manager_vouches_for_whom_it_names() {
        let manager = Caller::new(Identity::Manager("m1".into()), "10.0.0.1:9");
        let resolved = manager.resolve(&headers("admin:root"));
        assert_eq!(resolved.identity, Identity::Local("root".into()));
        assert_eq!(resolved.from, "local");
        assert_eq!(resolved.subject, None);
        assert!(resolved.forwarded);
        let mut named = headers("viewer:ada");
        named.insert(SUBJECT, "o1".parse().unwrap());
        assert_eq!(manager.resolve(&named).subject.as_deref(), Some("o1"));
    }

    #[test]
    fn nobody_else_is_believed() {
        for identity in [
            Identity::Worker("w1".into()),
            Identity::Nobody,
            Identity::Local("me".into()),
            Identity::Operator(OperatorRole::Admin, "ada".into()),
            Identity::Unlisted("o1".into()),
        ] {
            let caller = Caller::new(identity, "10.0.0.2:9");
            assert_eq!(caller.resolve(&headers("admin:root")), caller);
        }
    }

    #[test]
    fn only_a_manager_counts_for_others() {
        let mut headers = headers("worker:w1");
        headers.insert(COUNT, "40".parse().unwrap());
        let counts = |identity| Caller::new(identity, "10.0.0.2:9").stands_for(&headers);
        assert_eq!(counts(Identity::Manager("m1".into())), 40);
        assert_eq!(counts(Identity::Worker("w1".into())), 1);
        assert_eq!(counts(Identity::Local("me".into())), 1);
        headers.insert(COUNT, "many".parse().unwrap());
        let manager = Caller::new(Identity::Manager("m1".into()), "10.0.0.2:9");
        assert_eq!(manager.stands_for(&headers), 1);
    }

    #[test]
    fn names_go_there_and_back() {
        for identity in [
            Identity::Local("a:b".into()),
            Identity::Local("ada".into()),
            Identity::Operator(OperatorRole::Viewer, "ada".into()),
            Identity::Operator(OperatorRole::Operator, "ada".into()),
            Identity::Operator(OperatorRole::Admin, "ada".into()),
            Identity::Unlisted("o".into()),
            Identity::Manager("m".into()),
            Identity::Worker("w".into()),
        ] {
            assert_eq!(Identity::from_actor_name(&identity.actor_name()), identity);
        }
        for text in ["", "admin", "admin:", "root", "system", "nobody", "owner:ada"] {
            assert_eq!(Identity::from_actor_name(text), Identity::Nobody, "{text}");
        }
    }

    #[test]
    fn a_caller_s_machine_is_its_address_without_the_port() {
        let host = |from: &str| Caller::new(Identity::Nobody, from).host().to_owned();
        assert_eq!(host("10.0.0.7:4711"), "10.0.0.7");
        assert_eq!(host("[fe80::1]:4711"), "fe80::1");
        assert_eq!(host("local"), "local");
    }
}
