//! Who is calling? The identity a connection proved, or the one a manager vouches for when it forwards.

use http::HeaderMap;
use wardroom_state::command::Actor;

use crate::control::authorize::Role;

/// Metadata of a forwarded call: who asked, and from where. Believed only from a manager's certificate.
pub(crate) const ACTOR: &str = "wardroom-actor";
pub(crate) const FROM: &str = "wardroom-from";
/// Metadata of a refused call that is sent on to be noted: how many it stands for. Believed as the two above.
pub(crate) const COUNT: &str = "wardroom-count";
/// Metadata of an answer by a manager that does not lead: the leader's address.
pub(crate) const LEADER: &str = "wardroom-leader";

/// What the other end of a connection proved about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Identity {
    /// The user at the local socket, by its peer credentials.
    Admin(String),
    /// Node id from a manager's certificate.
    Manager(String),
    /// Node id from a worker's certificate.
    Worker(String),
    Nobody,
}

impl Identity {
    pub(crate) fn role(&self) -> Role {
        match self {
            Self::Admin(_) => Role::Admin,
            Self::Manager(_) => Role::Manager,
            Self::Worker(_) => Role::Worker,
            Self::Nobody => Role::Nobody,
        }
    }

    /// As the audit chain names it: `admin:root`, `worker:<node id>`.
    pub(crate) fn actor_name(&self) -> String {
        match self {
            Self::Admin(name) => format!("admin:{name}"),
            Self::Manager(id) => format!("manager:{id}"),
            Self::Worker(id) => format!("worker:{id}"),
            Self::Nobody => "nobody".to_owned(),
        }
    }

    /// The reverse of [`Self::actor_name`]; anything else is nobody.
    fn from_actor_name(name: &str) -> Self {
        match name.split_once(':') {
            Some(("admin", user)) if !user.is_empty() => Self::Admin(user.to_owned()),
            Some(("manager", id)) if !id.is_empty() => Self::Manager(id.to_owned()),
            Some(("worker", id)) if !id.is_empty() => Self::Worker(id.to_owned()),
            _ => Self::Nobody,
        }
    }

    /// The node id of a certificate.
    pub(crate) fn node_id(&self) -> Option<&str> {
        match self {
            Self::Manager(id) | Self::Worker(id) => Some(id),
            Self::Admin(_) | Self::Nobody => None,
        }
    }
}

/// The caller of one request. Connections carry it as their connect info, so every request finds it in its extensions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Caller {
    pub(crate) identity: Identity,
    /// `local` or an address.
    pub(crate) from: String,
    /// Another manager took the call and sent it on; it is not sent on again.
    pub(crate) forwarded: bool,
}

impl Caller {
    pub(crate) fn new(identity: Identity, from: impl Into<String>) -> Self {
        Self {
            identity,
            from: from.into(),
            forwarded: false,
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
        assert_eq!(resolved.identity, Identity::Admin("root".into()));
        assert_eq!(resolved.from, "local");
        assert!(resolved.forwarded);
    }

    #[test]
    fn nobody_else_is_believed() {
        for identity in [
            Identity::Worker("w1".into()),
            Identity::Nobody,
            Identity::Admin("me".into()),
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
        assert_eq!(counts(Identity::Admin("me".into())), 1);
        headers.insert(COUNT, "many".parse().unwrap());
        let manager = Caller::new(Identity::Manager("m1".into()), "10.0.0.2:9");
        assert_eq!(manager.stands_for(&headers), 1);
    }

    #[test]
    fn names_go_there_and_back() {
        for identity in [
            Identity::Admin("a:b".into()),
            Identity::Manager("m".into()),
            Identity::Worker("w".into()),
        ] {
            assert_eq!(Identity::from_actor_name(&identity.actor_name()), identity);
        }
        for text in ["", "admin", "admin:", "root", "system"] {
            assert_eq!(Identity::from_actor_name(text), Identity::Nobody, "{text}");
        }
    }
}
