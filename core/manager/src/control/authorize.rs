//! Who may call what? One table of role and method; a method without a rule is refused.

use crate::control::caller::{Caller, Identity};

/// What an identity is to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An operator: at the local socket, or vouched for by the manager that forwards.
    Admin,
    Manager,
    Worker,
    /// Neither certificate nor local socket.
    Nobody,
}

const OPERATORS: &[Role] = &[Role::Admin];
const READERS: &[Role] = &[Role::Admin, Role::Manager];
const AGENTS: &[Role] = &[Role::Worker, Role::Manager];
const MANAGERS: &[Role] = &[Role::Manager];

/// Every method that a manager serves, by its path on the wire.
const RULES: &[(&str, &[Role])] = &[
    ("/wardroom.v1.Control/List", READERS),
    ("/wardroom.v1.Control/Watch", READERS),
    ("/wardroom.v1.Control/Status", READERS),
    ("/wardroom.v1.Control/CreateSecret", OPERATORS),
    ("/wardroom.v1.Control/RotateSecret", OPERATORS),
    ("/wardroom.v1.Control/RevokeSecret", OPERATORS),
    ("/wardroom.v1.Control/RemoveSecret", OPERATORS),
    ("/wardroom.v1.Control/CreateService", OPERATORS),
    ("/wardroom.v1.Control/UpdateService", OPERATORS),
    ("/wardroom.v1.Control/RemoveService", OPERATORS),
    ("/wardroom.v1.Dispatcher/Session", AGENTS),
    ("/wardroom.v1.Dispatcher/Heartbeat", AGENTS),
    ("/wardroom.v1.Dispatcher/Assignments", AGENTS),
    ("/wardroom.v1.Dispatcher/Report", AGENTS),
    ("/wardroom.v1.Raft/Append", MANAGERS),
    ("/wardroom.v1.Raft/Vote", MANAGERS),
    ("/wardroom.v1.Raft/InstallSnapshot", MANAGERS),
    ("/wardroom.v1.Peer/Follow", MANAGERS),
];

/// Says no with the reason, or lets the call pass.
pub(crate) fn check(path: &str, caller: &Caller) -> Result<(), String> {
    let Some((_, roles)) = RULES.iter().find(|(method, _)| *method == path) else {
        return Err(format!("Permission denied: no rule allows {}", short(path)));
    };
    if roles.contains(&caller.identity.role()) {
        return Ok(());
    }
    let who = match &caller.identity {
        Identity::Admin(name) => format!("administrator {name}"),
        Identity::Manager(id) => format!("manager {id}"),
        Identity::Worker(id) => format!("worker {id}"),
        Identity::Nobody => "a caller without a certificate".to_owned(),
    };
    Err(format!(
        "Permission denied: {who} may not call {}; {}",
        short(path),
        way_in(roles)
    ))
}

/// `Control/List` of `/wardroom.v1.Control/List`; other paths as they are, at a bounded length.
pub(crate) fn short(path: &str) -> String {
    path.strip_prefix("/wardroom.v1.")
        .unwrap_or(path)
        .chars()
        .take(64)
        .collect()
}

/// What to do instead.
fn way_in(roles: &[Role]) -> &'static str {
    if roles.contains(&Role::Admin) {
        "operators call it through a manager's local socket"
    } else if roles.contains(&Role::Worker) {
        "it takes a node certificate of this cluster"
    } else {
        "it takes a manager's certificate"
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

    use super::*;

    /// Every `rpc` of every service, read from the protos themselves.
    fn methods() -> Vec<String> {
        let protos = [
            include_str!("../../../api/proto/control.proto"),
            include_str!("../../../api/proto/dispatcher.proto"),
            include_str!("../../../api/proto/peer.proto"),
            include_str!("../../../api/proto/objects.proto"),
        ];
        let mut found = Vec::new();
        for line in protos.iter().flat_map(|proto| proto.lines()) {
            let mut words = line.trim().split([' ', '(']);
            match (words.next(), words.next()) {
                (Some("service"), Some(name)) => found.push((name.to_owned(), Vec::new())),
                (Some("rpc"), Some(name)) => found
                    .last_mut()
                    .expect("rpc stands in a service")
                    .1
                    .push(name.to_owned()),
                _ => {}
            }
        }
        let paths = |(service, rpcs): (String, Vec<String>)| {
            rpcs.into_iter().map(move |rpc| format!("/wardroom.v1.{service}/{rpc}"))
        };
        found.into_iter().flat_map(paths).collect()
    }

    fn caller(identity: Identity) -> Caller {
        Caller::new(identity, "10.0.0.9:4000")
    }

    #[test]
    fn every_method_has_exactly_one_rule() {
        let mut methods = methods();
        assert!(methods.len() >= 18, "the protos were read: {methods:?}");
        let mut ruled: Vec<String> = RULES.iter().map(|(path, _)| (*path).to_owned()).collect();
        methods.sort();
        ruled.sort();
        assert_eq!(methods, ruled);
    }

    #[test]
    fn each_identity_reaches_its_own_services_only() {
        let reach = |identity: Identity| -> Vec<String> {
            let caller = caller(identity);
            let mut services: Vec<String> = methods()
                .iter()
                .filter(|path| check(path, &caller).is_ok())
                .map(|path| short(path).split('/').next().unwrap_or_default().to_owned())
                .collect();
            services.dedup();
            services
        };
        assert_eq!(reach(Identity::Admin("root".into())), ["Control"]);
        assert_eq!(reach(Identity::Worker("w".into())), ["Dispatcher"]);
        assert_eq!(
            reach(Identity::Manager("m".into())),
            ["Control", "Dispatcher", "Raft", "Peer"]
        );
        assert!(reach(Identity::Nobody).is_empty());
    }

    #[test]
    fn a_manager_by_itself_changes_nothing() {
        for path in methods().iter().filter(|path| path.contains("Control/")) {
            let reads = ["List", "Watch", "Status"].iter().any(|read| path.ends_with(read));
            assert_eq!(
                check(path, &caller(Identity::Manager("m".into()))).is_ok(),
                reads,
                "{path}"
            );
        }
    }

    #[test]
    fn a_method_without_a_rule_is_refused_to_everybody() {
        let refused = check("/wardroom.v1.Control/Dump", &caller(Identity::Admin("root".into())));
        assert_eq!(refused, Err("Permission denied: no rule allows Control/Dump".into()));
    }

    #[test]
    fn a_refusal_names_the_caller_and_the_way_in() {
        let refused = check("/wardroom.v1.Control/List", &caller(Identity::Worker("w1".into())));
        let text = refused.unwrap_err();
        assert!(text.contains("worker w1 may not call Control/List"), "{text}");
        assert!(text.contains("local socket"), "{text}");
    }
}
