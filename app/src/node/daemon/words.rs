//! What does Docker say about a node's own state? Its texts, with wardroom's name where a command is named.

use super::local::{Local, Standing};
use super::manifest::NodeRole;
pub use crate::node::unlocking::words::{AUTOLOCK_OFF, LOCKED, NOT_LOCKED};

pub const ALREADY: &str = "This node is already part of a swarm. Use \"wardroom swarm leave\" to leave this swarm and \
                           join another one.";
pub const NOT_PART: &str = "This node is not part of a swarm";
pub const NOT_INITIALISED: &str = "This node is not a swarm manager. Use \"wardroom swarm init\" or \"wardroom swarm \
                                   join\" to connect this node to swarm and try again.";
pub const NOT_READY: &str = "This node is not a swarm manager. Manager is being prepared or has trouble connecting to \
                             the cluster.";
pub const WORKER: &str = "This node is not a swarm manager. Worker nodes can't be used to view or modify cluster state. \
                          Please run this command on a manager node or promote the current node to a manager.";
pub const LOCKED_LEAVE: &str = "Swarm is encrypted and locked. Please unlock it first or use `--force` to ignore this \
                                message.";
/// Before what is refused until the manager is unlocked.
pub const UNLOCK_FIRST: &str = "This manager is locked. Unlock it first with \"wardroom swarm unlock\"";
pub const ONLY_MANAGERS_LOCK: &str = "only managers lock: a worker keeps nothing on its disk that a key could open";
pub const EXPIRED: &str = "Swarm certificates have expired. To replace them, leave the swarm and join again.";
pub const JOIN_TIMED_OUT: &str = "Timeout was reached before node joined. The attempt to join the swarm will continue in \
                                  the background. Use the \"wardroom info\" command to see the current swarm status of \
                                  your node.";

const LEAVING: &str = "You are attempting to leave the swarm on a node that is participating as a manager. ";
const LAST: &str = "Removing the last manager erases all current state of the swarm. Use `--force` to ignore this \
                    message. ";
const CLOSING: &str = "The only way to restore a swarm that has lost consensus is to reinitialize it with \
                       `--force-new-cluster`. Use `--force` to suppress this message.";

/// What a cluster's command is answered by a node on which no manager can answer.
pub fn no_manager(local: &Local) -> String {
    match (&local.standing, local.role) {
        (Standing::Inactive, _) => NOT_INITIALISED.to_owned(),
        (Standing::Error(why), _) => why.clone(),
        (Standing::Locked, _) => LOCKED.to_owned(),
        (Standing::Active | Standing::Pending, Some(NodeRole::Worker)) => WORKER.to_owned(),
        (Standing::Active | Standing::Pending, _) => NOT_READY.to_owned(),
    }
}

/// How many managers the others see, this one included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Managers {
    pub reachable: usize,
    pub unreachable: usize,
}

/// Why a manager does not leave without `--force`; `managers` is `None` on one that takes no part in the consensus.
pub fn manager_leaves(managers: Option<Managers>) -> String {
    let Some(Managers { reachable, unreachable }) = managers else {
        return format!("{LEAVING}Doing so may lose the consensus of your cluster. {CLOSING}");
    };
    // Docker's rule: without this manager, those left are no more than half of all that remain.
    if reachable > unreachable + 2 {
        return format!("{LEAVING}{CLOSING}");
    }
    if reachable == 1 && unreachable == 0 {
        return format!("{LEAVING}{LAST}");
    }
    let (left, all) = (reachable.saturating_sub(1), reachable + unreachable);
    format!(
        "{LEAVING}Removing this node leaves {left} managers out of {all}. Without a Raft quorum your swarm will be \
         inaccessible. {CLOSING}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn local(standing: Standing, role: Option<NodeRole>) -> Local {
        Local {
            standing,
            role,
            ..Local::default()
        }
    }

    #[test]
    fn every_state_without_a_manager_has_its_words() {
        let answer = |standing, role| no_manager(&local(standing, role));
        assert!(answer(Standing::Inactive, None).contains("\"wardroom swarm init\" or \"wardroom swarm join\""));
        assert_eq!(answer(Standing::Active, Some(NodeRole::Worker)), WORKER);
        assert_eq!(answer(Standing::Pending, Some(NodeRole::Worker)), WORKER);
        assert_eq!(answer(Standing::Pending, Some(NodeRole::Manager)), NOT_READY);
        assert_eq!(answer(Standing::Locked, Some(NodeRole::Manager)), LOCKED);
        assert_eq!(answer(Standing::Error(EXPIRED.into()), Some(NodeRole::Worker)), EXPIRED);
    }

    #[test]
    fn a_manager_that_leaves_is_told_what_it_costs() {
        let leave = |reachable, unreachable| manager_leaves(Some(Managers { reachable, unreachable }));
        let closing = "The only way to restore a swarm that has lost consensus is to reinitialize it with \
                       `--force-new-cluster`. Use `--force` to suppress this message.";
        let last = leave(1, 0);
        assert!(last.ends_with("Use `--force` to ignore this message. "), "{last}");
        let two = leave(2, 0);
        assert!(
            two.contains("leaves 1 managers out of 2. Without a Raft quorum"),
            "{two}"
        );
        assert!(leave(3, 1).contains("leaves 2 managers out of 4"));
        for safe in [leave(3, 0), leave(5, 2)] {
            assert_eq!(
                safe,
                format!(
                    "You are attempting to leave the swarm on a node that is participating as a manager. {closing}"
                )
            );
        }
        let apart = manager_leaves(None);
        assert!(
            apart.contains("may lose the consensus of your cluster. The only way"),
            "{apart}"
        );
    }
}
