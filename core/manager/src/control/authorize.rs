//! Who may call what? One table of role and method. A method without a rule does not compile, and a path that is no
//! method is refused.

use wardroom_api::METHODS;
use wardroom_state::operator::OperatorRole;

use crate::control::caller::{Caller, Identity};

/// What an identity is to the rules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// An administrator of the manager's own machine, at its socket.
    Local,
    /// Operators with a certificate, by what it allows.
    Admin,
    Operator,
    Viewer,
    /// A certificate of an operator that the cluster does not list: good for nothing.
    Unlisted,
    Manager,
    Worker,
    /// Neither certificate nor local socket.
    Nobody,
}

/// What concerns the daemon of one machine is done at that machine.
const MACHINE: &[Role] = &[Role::Local];
const ADMINS: &[Role] = &[Role::Local, Role::Admin];
const OPERATORS: &[Role] = &[Role::Local, Role::Admin, Role::Operator];
const VIEWERS: &[Role] = &[Role::Local, Role::Admin, Role::Operator, Role::Viewer];
const NODES: &[Role] = &[Role::Worker, Role::Manager];
const MANAGERS: &[Role] = &[Role::Manager];
/// A node that joins again may still have a certificate.
const JOINERS: &[Role] = &[Role::Nobody, Role::Worker, Role::Manager];

/// Every method of every service, by its path on the wire.
const RULES: &[(&str, &[Role])] = &[
    ("/wardroom.v1.Control/List", VIEWERS),
    ("/wardroom.v1.Control/Watch", VIEWERS),
    ("/wardroom.v1.Control/Status", VIEWERS),
    ("/wardroom.v1.Control/CreateSecret", OPERATORS),
    ("/wardroom.v1.Control/RotateSecret", OPERATORS),
    ("/wardroom.v1.Control/RevokeSecret", OPERATORS),
    ("/wardroom.v1.Control/RemoveSecret", OPERATORS),
    ("/wardroom.v1.Control/UpdateSecret", OPERATORS),
    ("/wardroom.v1.Control/CreateService", OPERATORS),
    ("/wardroom.v1.Control/UpdateService", OPERATORS),
    ("/wardroom.v1.Control/RemoveService", OPERATORS),
    ("/wardroom.v1.Control/RollbackService", OPERATORS),
    ("/wardroom.v1.Control/UpdateGrants", OPERATORS),
    ("/wardroom.v1.Control/Logs", OPERATORS),
    ("/wardroom.v1.Control/SteerRotation", OPERATORS),
    ("/wardroom.v1.Control/PruneVersions", OPERATORS),
    ("/wardroom.v1.Control/GetJoinToken", ADMINS),
    ("/wardroom.v1.Control/RotateJoinToken", ADMINS),
    ("/wardroom.v1.Control/UpdateCluster", ADMINS),
    ("/wardroom.v1.Control/RotateRoot", ADMINS),
    ("/wardroom.v1.Control/UpdateNode", ADMINS),
    ("/wardroom.v1.Control/RemoveNode", ADMINS),
    ("/wardroom.v1.Control/StepDown", ADMINS),
    ("/wardroom.v1.Control/AddOperator", ADMINS),
    ("/wardroom.v1.Control/RemoveOperator", ADMINS),
    ("/wardroom.v1.Control/Backup", ADMINS),
    ("/wardroom.v1.Control/GetUnlockKey", ADMINS),
    ("/wardroom.v1.Control/RotateUnlockKey", ADMINS),
    ("/wardroom.v1.Control/KeepUnlockKey", ADMINS),
    ("/wardroom.v1.Control/RotateDek", ADMINS),
    ("/wardroom.v1.Join/Admit", JOINERS),
    ("/wardroom.v1.Ca/Renew", NODES),
    ("/wardroom.v1.Ca/Depart", NODES),
    ("/wardroom.v1.Dispatcher/Session", NODES),
    ("/wardroom.v1.Dispatcher/Heartbeat", NODES),
    ("/wardroom.v1.Dispatcher/Assignments", NODES),
    ("/wardroom.v1.Dispatcher/Report", NODES),
    ("/wardroom.v1.Dispatcher/LogRequests", NODES),
    ("/wardroom.v1.Dispatcher/PublishLogs", NODES),
    ("/wardroom.v1.Raft/Append", MANAGERS),
    ("/wardroom.v1.Raft/Vote", MANAGERS),
    ("/wardroom.v1.Raft/InstallSnapshot", MANAGERS),
    ("/wardroom.v1.Peer/Follow", MANAGERS),
    ("/wardroom.v1.Peer/Elect", MANAGERS),
    ("/wardroom.v1.Peer/Keys", MANAGERS),
    ("/wardroom.v1.Peer/Note", MANAGERS),
    ("/wardroom.v1.Daemon/Info", MACHINE),
    ("/wardroom.v1.Daemon/Init", MACHINE),
    ("/wardroom.v1.Daemon/Join", MACHINE),
    ("/wardroom.v1.Daemon/Leave", MACHINE),
    ("/wardroom.v1.Daemon/Restore", MACHINE),
    ("/wardroom.v1.Lock/GetLock", MACHINE),
    ("/wardroom.v1.Lock/Unlock", MACHINE),
    ("/wardroom.v1.Lock/Close", MACHINE),
];

const _: () = assert!(
    every_method_has_one_rule(),
    "a method of the protos has no rule here, or two"
);
const _: () = assert!(
    every_rule_has_a_method(),
    "a rule here is for a method that the protos do not have"
);

const fn every_method_has_one_rule() -> bool {
    let mut at = 0;
    while at < METHODS.len() {
        let (mut rule, mut found) = (0, 0);
        while rule < RULES.len() {
            if same(RULES[rule].0, METHODS[at]) {
                found += 1;
            }
            rule += 1;
        }
        if found != 1 {
            return false;
        }
        at += 1;
    }
    true
}

/// By number: each method has one of them.
const fn every_rule_has_a_method() -> bool {
    RULES.len() == METHODS.len()
}

/// Strings cannot be compared at compile time but by their bytes.
const fn same(one: &str, other: &str) -> bool {
    let (one, other) = (one.as_bytes(), other.as_bytes());
    if one.len() != other.len() {
        return false;
    }
    let mut at = 0;
    while at < one.len() {
        if one[at] != other[at] {
            return false;
        }
        at += 1;
    }
    true
}

/// Says no with the reason, or lets the call pass.
pub(crate) fn check(path: &str, caller: &Caller) -> Result<(), String> {
    let Some((_, roles)) = RULES.iter().find(|(method, _)| *method == path) else {
        return Err(format!("Permission denied: no rule allows {}", short(path)));
    };
    if roles.contains(&caller.identity.role()) {
        return Ok(());
    }
    Err(format!(
        "Permission denied: {} may not call {}; {}",
        who(&caller.identity),
        short(path),
        way_in(roles)
    ))
}

/// For what an operator's call may hold and an operator may not say.
pub(crate) fn check_admin(caller: &Caller, deed: &str) -> Result<(), String> {
    if ADMINS.contains(&caller.identity.role()) {
        return Ok(());
    }
    let (who, way_in) = (who(&caller.identity), way_in(ADMINS));
    Err(format!("Permission denied: {who} may not {deed}; {way_in}"))
}

fn who(identity: &Identity) -> String {
    match identity {
        Identity::Local(name) => format!("administrator {name}"),
        Identity::Operator(OperatorRole::Admin, name) => format!("admin {name}"),
        Identity::Operator(OperatorRole::Operator, name) => format!("operator {name}"),
        Identity::Operator(OperatorRole::Viewer, name) => format!("viewer {name}"),
        Identity::Unlisted(id) => format!("an operator with id {id}, whom this cluster does not list,"),
        Identity::Manager(id) => format!("manager {id}"),
        Identity::Worker(id) => format!("worker {id}"),
        Identity::Nobody => "a caller without a certificate".to_owned(),
    }
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
    if roles.contains(&Role::Viewer) {
        "it takes a manager's local socket, or the certificate of a viewer, an operator or an admin"
    } else if roles.contains(&Role::Operator) {
        "it takes a manager's local socket, or the certificate of an operator or an admin"
    } else if roles.contains(&Role::Admin) {
        "it takes a manager's local socket, or the certificate of an admin"
    } else if roles.contains(&Role::Local) {
        "it takes the local socket of that machine"
    } else if roles.contains(&Role::Nobody) {
        "it is for nodes that join"
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

    fn caller(identity: Identity) -> Caller {
        Caller::new(identity, "10.0.0.9:4000")
    }

    fn operator(role: OperatorRole) -> Identity {
        Identity::Operator(role, "ada".into())
    }

    /// Services an identity reaches, each with the number of its methods.
    fn reach(identity: Identity) -> Vec<(String, usize)> {
        let caller = caller(identity);
        let mut services: Vec<(String, usize)> = Vec::new();
        for path in METHODS.iter().filter(|path| check(path, &caller).is_ok()) {
            let service = short(path).split('/').next().unwrap_or_default().to_owned();
            match services.last_mut() {
                Some((last, count)) if *last == service => *count += 1,
                _ => services.push((service, 1)),
            }
        }
        services
    }

    #[test]
    fn each_identity_reaches_its_own_services_only() {
        let own = |services: &[(&str, usize)]| -> Vec<(String, usize)> {
            services
                .iter()
                .map(|(name, count)| ((*name).to_owned(), *count))
                .collect()
        };
        let control = METHODS.iter().filter(|path| path.contains(".Control/")).count();
        assert_eq!(
            reach(Identity::Local("root".into())),
            own(&[("Control", control), ("Daemon", 5), ("Lock", 3)])
        );
        assert_eq!(reach(operator(OperatorRole::Admin)), own(&[("Control", control)]));
        assert_eq!(reach(operator(OperatorRole::Operator)), own(&[("Control", 16)]));
        assert_eq!(reach(operator(OperatorRole::Viewer)), own(&[("Control", 3)]));
        assert_eq!(
            reach(Identity::Worker("w".into())),
            own(&[("Ca", 2), ("Dispatcher", 6), ("Join", 1)])
        );
        assert_eq!(
            reach(Identity::Manager("m".into())),
            own(&[("Ca", 2), ("Dispatcher", 6), ("Join", 1), ("Peer", 4), ("Raft", 3)])
        );
        assert_eq!(reach(Identity::Nobody), own(&[("Join", 1)]));
        assert!(reach(Identity::Unlisted("o".into())).is_empty());
    }

    #[test]
    fn a_method_without_a_rule_is_refused_to_everybody() {
        let refused = check("/wardroom.v1.Control/Dump", &caller(Identity::Local("root".into())));
        assert_eq!(refused, Err("Permission denied: no rule allows Control/Dump".into()));
    }

    #[test]
    fn a_refusal_names_the_caller_and_the_way_in() {
        let text = |path: &str, identity| check(path, &caller(identity)).unwrap_err();
        let list = text("/wardroom.v1.Control/List", Identity::Worker("w1".into()));
        assert!(list.contains("worker w1 may not call Control/List"), "{list}");
        assert!(list.contains("local socket, or the certificate of a viewer"), "{list}");
        let create = text("/wardroom.v1.Control/CreateSecret", operator(OperatorRole::Viewer));
        assert!(
            create.contains("viewer ada may not call Control/CreateSecret"),
            "{create}"
        );
        assert!(
            create.ends_with("or the certificate of an operator or an admin"),
            "{create}"
        );
    }
}
