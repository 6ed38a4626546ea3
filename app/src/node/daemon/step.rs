//! What is to be done next? Pure: from what the manifest says at the start, from what the managers want while the node
//! runs, and from the role that a new certificate brings.

use wardroom_agent::Instructions;
use wardroom_ca::Role;

use super::manifest::{Manifest, Phase};

/// What the daemon does first with what it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    /// There is no node here.
    Rest,
    /// What was begun is taken back, or what was to go is gone: nothing of a node stays.
    Wipe,
    /// The node was admitted and has no certificate; its key stays, so that it is the same node when it asks again.
    AskAgain,
    Run,
    /// The manager becomes the only one of its cluster, then runs.
    Refound,
    /// The cluster has removed the node: only the reason is shown.
    Tell,
}

/// `is_saved`: a certificate of the manifest's node is on disk.
pub fn at_start(manifest: Option<&Manifest>, is_saved: bool) -> Start {
    let Some(manifest) = manifest else {
        return Start::Rest;
    };
    match manifest.phase {
        Phase::Founding | Phase::Leaving => Start::Wipe,
        Phase::Joining if !is_saved => Start::AskAgain,
        Phase::Joining | Phase::Member => Start::Run,
        Phase::Refounding => Start::Refound,
        Phase::Removed => Start::Tell,
    }
}

/// What the managers' last words ask of a node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Nothing,
    /// To ask for a new certificate.
    Renew,
    /// To be gone, in the manager's words.
    Gone(String),
    /// To be gone, says a manager of a cluster that was split off with `--force-new-cluster`: this node's own goes on.
    Doubt,
}

/// The certificate that a node shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shown {
    pub role: Role,
    /// By the newest root that the node knows.
    pub is_of_newest_root: bool,
    /// The time to renew it has come by the clock.
    pub is_due: bool,
    /// The node's own manager votes, and somebody leads it.
    pub is_led: bool,
}

/// A word is older than the certificate when what it asks for is there already. A manager is demoted before it can be
/// removed: one that still votes under a leader was not removed by its own cluster, and must not destroy what it holds.
pub fn wish(shown: Shown, told: &Instructions) -> Wish {
    if let Some(words) = &told.removed {
        return if shown.is_led {
            Wish::Doubt
        } else {
            Wish::Gone(words.clone())
        };
    }
    let has_other_role = told.desired_role.is_some_and(|desired| desired != shown.role);
    let has_old_root = told.renew && !shown.is_of_newest_root;
    if has_other_role || has_old_root || shown.is_due {
        Wish::Renew
    } else {
        Wish::Nothing
    }
}

/// What a new certificate changes besides its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    Stay,
    Promote,
    Demote,
}

pub fn turn(before: Role, after: Role) -> Turn {
    match (before == Role::Manager, after == Role::Manager) {
        (false, true) => Turn::Promote,
        (true, false) => Turn::Demote,
        _ => Turn::Stay,
    }
}

/// Addresses to ask at, each once: the leader's first as the session tells them, then those that were known before.
pub fn to_ask(told: &[String], known: &[String]) -> Vec<String> {
    let mut addresses: Vec<String> = Vec::new();
    for address in told.iter().chain(known).filter(|address| !address.is_empty()) {
        if !addresses.contains(address) {
            addresses.push(address.clone());
        }
    }
    addresses
}

#[cfg(test)]
mod tests {
    use super::super::manifest::NodeRole;
    use super::*;

    #[test]
    fn what_was_cut_short_is_finished_or_taken_back() {
        let start = |phase, is_saved| {
            let manifest = Manifest::new(phase, "c1".into(), "n1".into(), NodeRole::Worker);
            at_start(Some(&manifest), is_saved)
        };
        assert_eq!(at_start(None, false), Start::Rest);
        assert_eq!(start(Phase::Founding, true), Start::Wipe);
        assert_eq!(start(Phase::Joining, false), Start::AskAgain);
        assert_eq!(start(Phase::Joining, true), Start::Run);
        assert_eq!(start(Phase::Member, true), Start::Run);
        assert_eq!(
            start(Phase::Member, false),
            Start::Run,
            "a lost certificate is told, not wiped over"
        );
        assert_eq!(start(Phase::Refounding, true), Start::Refound);
        assert_eq!(start(Phase::Leaving, true), Start::Wipe);
        assert_eq!(start(Phase::Removed, false), Start::Tell);
    }

    #[test]
    fn a_certificate_is_asked_for_when_anybody_wants_another() {
        let told = Instructions::default();
        let worker = Shown {
            role: Role::Worker,
            is_of_newest_root: true,
            is_due: false,
            is_led: false,
        };
        let due = Shown { is_due: true, ..worker };
        assert_eq!(wish(worker, &told), Wish::Nothing);
        assert_eq!(wish(due, &told), Wish::Renew);
        let promoted = Instructions {
            desired_role: Some(Role::Manager),
            ..told.clone()
        };
        let manager = Shown {
            role: Role::Manager,
            ..worker
        };
        assert_eq!(wish(worker, &promoted), Wish::Renew);
        assert_eq!(
            wish(manager, &promoted),
            Wish::Nothing,
            "it has it, and the word is old"
        );
        let rotated = Instructions {
            renew: true,
            ..told.clone()
        };
        let old = Shown {
            is_of_newest_root: false,
            ..worker
        };
        assert_eq!(wish(old, &rotated), Wish::Renew);
        assert_eq!(wish(worker, &rotated), Wish::Nothing, "it has it, and the word is old");
        let removed = Instructions {
            removed: Some("bye".into()),
            ..promoted
        };
        assert_eq!(wish(due, &removed), Wish::Gone("bye".into()));
        let led = Shown {
            is_led: true,
            ..manager
        };
        assert_eq!(wish(led, &removed), Wish::Doubt);
    }

    #[test]
    fn a_role_turns_or_stays() {
        assert_eq!(turn(Role::Worker, Role::Manager), Turn::Promote);
        assert_eq!(turn(Role::Manager, Role::Worker), Turn::Demote);
        assert_eq!(turn(Role::Manager, Role::Manager), Turn::Stay);
        assert_eq!(turn(Role::Worker, Role::Worker), Turn::Stay);
    }

    #[test]
    fn everybody_is_asked_once() {
        let list = |names: &[&str]| names.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(
            to_ask(&list(&["b", "a"]), &list(&["a", "", "c"])),
            list(&["b", "a", "c"])
        );
    }
}
