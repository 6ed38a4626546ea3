//! Which commands does `:` know? One table with their spellings, the command line's among them.

use super::super::wizard::About;
use crate::command::Command;
use crate::tui::keymap::Action;
use crate::tui::model::place::Kind;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    Nothing,
    /// The rest of the line filters the screen's first list.
    Filter,
    Secret,
    Service,
    Node,
    Operator,
    /// A service and a secret.
    Pair,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Does {
    Go(Kind),
    Act(Action),
    /// Opens this wizard for the named object.
    Open(Action),
    Quit,
}

#[derive(Debug)]
pub struct Entry {
    /// The first is the one that is suggested.
    pub spellings: &'static [&'static str],
    pub takes: Takes,
    pub does: Does,
    pub help: &'static str,
}

impl Entry {
    /// Leads to a change of the cluster, or out of it: absent in read-only sessions.
    pub fn writes(&self) -> bool {
        matches!(self.does, Does::Open(_))
    }

    /// The commands of the command line that it spells.
    pub fn commands(&self) -> impl Iterator<Item = &'static Command> {
        let spelled = |command: &&Command| self.spellings.contains(&command.path().as_str());
        crate::command::COMMANDS.iter().filter(spelled)
    }

    /// What it is about where no object is named.
    pub fn about(&self) -> About {
        if self.spellings[0].starts_with("service") {
            About::Service
        } else {
            About::Secret
        }
    }
}

const fn entry(spellings: &'static [&'static str], takes: Takes, does: Does, help: &'static str) -> Entry {
    Entry {
        spellings,
        takes,
        does,
        help,
    }
}

#[rustfmt::skip]
pub const COMMANDS: &[Entry] = &[
    entry(&["cluster", "pulse", "status"], Takes::Nothing, Does::Go(Kind::Cluster), "overview and what needs attention"),
    entry(&["raft", "raft status"], Takes::Nothing, Does::Go(Kind::Raft), "who leads, what is replicated"),
    entry(&["keys"], Takes::Nothing, Does::Go(Kind::Keys), "which key protects which, certificates"),
    entry(&["secrets", "sec", "secret ls"], Takes::Filter, Does::Go(Kind::Secrets), "secrets"),
    entry(&["services", "svc", "service ls"], Takes::Filter, Does::Go(Kind::Services), "services"),
    entry(&["grants", "matrix"], Takes::Filter, Does::Go(Kind::Grants), "services against secrets"),
    entry(&["nodes", "node ls"], Takes::Filter, Does::Go(Kind::Nodes), "machines, and who holds what in memory"),
    entry(&["operators", "operator ls"], Takes::Filter, Does::Go(Kind::Operators), "who has an operator's certificate"),
    entry(&["audit", "audit ls"], Takes::Filter, Does::Go(Kind::Audit), "who did what"),
    entry(&["tasks"], Takes::Nothing, Does::Go(Kind::Tasks), "tasks and rotations"),
    entry(&["rotations", "rot", "rotation ls"], Takes::Filter, Does::Go(Kind::Rotations), "all rotations, those that run first"),
    entry(&["rotation inspect", "progress"], Takes::Secret, Does::Go(Kind::Rotation), "the newest rotation of a secret, task by task"),
    entry(&["why"], Takes::Pair, Does::Act(Action::Why), "why a service can read a secret, or why not"),
    entry(&["service ps", "ps"], Takes::Service, Does::Go(Kind::Service), "tasks and grants"),
    entry(&["service logs", "logs"], Takes::Service, Does::Go(Kind::Logs), "what the tasks of a service write"),
    entry(&["spec"], Takes::Service, Does::Go(Kind::Spec), "every setting of a service"),
    entry(&["secret inspect", "inspect"], Takes::Secret, Does::Go(Kind::Secret), "versions, holders and grants"),
    entry(&["service inspect"], Takes::Service, Does::Go(Kind::Service), "tasks and grants"),
    entry(&["node inspect"], Takes::Node, Does::Go(Kind::Node), "certificate, what it holds and runs"),
    entry(&["secret create", "create", "new"], Takes::Nothing, Does::Open(Action::New), "create a secret"),
    entry(&["secret rotate", "rotate"], Takes::Secret, Does::Open(Action::Rotate), "a new version under the same target"),
    entry(&["secret revoke", "revoke"], Takes::Secret, Does::Open(Action::Revoke), "cut off everywhere, with proof"),
    entry(&["rotation pause", "pause"], Takes::Secret, Does::Open(Action::PauseRotation), "hold the rotation of a secret"),
    entry(&["rotation resume", "resume"], Takes::Secret, Does::Open(Action::ResumeRotation), "let the rotation of a secret go on"),
    entry(&["rotation cancel", "cancel"], Takes::Secret, Does::Open(Action::CancelRotation), "call the rotation of a secret off"),
    entry(&["secret prune", "prune"], Takes::Secret, Does::Open(Action::Prune), "destroy old versions that nobody needs"),
    entry(&["secret rm", "remove"], Takes::Secret, Does::Open(Action::Remove), "remove a secret that no service uses"),
    entry(&["grant", "access"], Takes::Secret, Does::Open(Action::Access), "grant the secret to a service"),
    entry(&["service create"], Takes::Nothing, Does::Open(Action::New), "create a service"),
    entry(&["service scale", "scale"], Takes::Service, Does::Open(Action::Scale), "how many tasks run"),
    entry(&["service rollback", "rollback"], Takes::Service, Does::Open(Action::RollbackService), "a service back to the spec before"),
    entry(&["force update"], Takes::Service, Does::Open(Action::ForceUpdate), "replace every task of a service"),
    entry(&["service rm"], Takes::Service, Does::Open(Action::Remove), "remove a service and erase its files"),
    entry(&["node promote", "promote"], Takes::Node, Does::Open(Action::Promote), "make the node a manager"),
    entry(&["node demote", "demote"], Takes::Node, Does::Open(Action::Demote), "make the manager a worker"),
    entry(&["node update", "drain"], Takes::Node, Does::Open(Action::Availability), "active, pause or drain"),
    entry(&["labels"], Takes::Node, Does::Open(Action::Labels), "edit the labels of the node"),
    entry(&["node rm"], Takes::Node, Does::Open(Action::Remove), "remove a node that is down, for ever"),
    entry(&["swarm join-token", "tokens"], Takes::Nothing, Does::Act(Action::Tokens), "join tokens, and how a machine joins"),
    entry(&["swarm step-down", "step-down"], Takes::Nothing, Does::Open(Action::StepDown), "the leader hands over"),
    entry(&["swarm ca", "rotate root"], Takes::Nothing, Does::Open(Action::RotateRoot), "a new root CA, nobody is cut off"),
    entry(&["swarm unlock-key", "unlock-key"], Takes::Nothing, Does::Open(Action::RotateUnlockKey), "a new unlock key; shown on the command line only"),
    entry(&["swarm dek", "dek"], Takes::Nothing, Does::Open(Action::RotateDek), "a fresh DEK on every manager, the old ones destroyed"),
    entry(&["swarm update", "autolock"], Takes::Nothing, Does::Open(Action::Autolock), "turn autolock on or off"),
    entry(&["swarm lock", "lock"], Takes::Nothing, Does::Open(Action::LockNow), "lock this manager now: it forgets its keys"),
    entry(&["shred"], Takes::Secret, Does::Open(Action::Shred), "revoke, also from old logs and snapshots"),
    entry(&["operator rm"], Takes::Operator, Does::Open(Action::Remove), "remove; to add is for the command line"),
    entry(&["backup create", "backup"], Takes::Nothing, Does::Open(Action::Backup), "the whole cluster, encrypted, to a file"),
    entry(&["audit verify", "verify"], Takes::Nothing, Does::Act(Action::VerifyChain), "check the audit chain"),
    entry(&["messages"], Takes::Nothing, Does::Act(Action::Messages), "what the message line said"),
    entry(&["help"], Takes::Nothing, Does::Act(Action::Help), "keys of this screen"),
    entry(&["ro"], Takes::Nothing, Does::Act(Action::ReadOnly), "switch off what changes the cluster"),
    entry(&["rw"], Takes::Nothing, Does::Act(Action::ReadWrite), "switch it on again"),
    entry(&["q", "quit", "exit"], Takes::Nothing, Does::Quit, "quit"),
];
