//! What is said about a change: its verb, how it is asked for, what has to be known before and done after it.

use super::open_work::Steer;
use super::{NodeChange, Task};

impl Task {
    /// How the line is asked for that runs the plan.
    pub fn prompt(&self) -> String {
        match self {
            Self::Steer {
                steer: Steer::Pause | Steer::Resume,
                ..
            } => "type y to run:  ".to_owned(),
            _ => format!("type the {}'s name to run:  ", self.confirmed_noun()),
        }
    }

    /// The verb, for breadcrumbs and messages.
    pub fn verb(&self) -> &'static str {
        match self {
            Self::CreateSecret => "new secret",
            Self::Rotate { .. } => "rotate",
            Self::Revoke { version: 0, .. } => "revoke",
            Self::Revoke { .. } => "revoke version",
            Self::RemoveSecret { .. } | Self::RemoveService { .. } | Self::RemoveOperator { .. } => "remove",
            Self::CreateService => "new service",
            Self::Grant => "grant",
            Self::Withdraw { .. } => "withdraw",
            Self::StageGrant { .. } => "edit",
            Self::Steer { steer, .. } => steer.verb(),
            Self::Prune { .. } => "prune",
            Self::Scale { .. } => "scale",
            Self::RollbackService { .. } => "roll back",
            Self::ForceUpdate { .. } => "force update",
            Self::Grants { .. } => "staged grants",
            Self::Node { change, .. } => change.verb(),
            Self::StepDown { .. } => "step down",
            Self::RotateRoot { .. } => "rotate root",
            Self::RotateToken { .. } => "rotate token",
            Self::Backup { .. } => "backup",
            Self::RotateUnlockKey { .. } => "rotate unlock key",
            Self::RotateDek { .. } => "rotate DEKs",
            Self::Autolock { on: true, .. } => "autolock on",
            Self::Autolock { on: false, .. } => "autolock off",
            Self::Shred { .. } => "shred",
            Self::Lock { .. } => "lock",
        }
    }

    /// Whether the breadcrumbs lack what it is about: its name is still being chosen.
    pub fn names_itself(&self) -> bool {
        !matches!(self, Self::CreateSecret | Self::CreateService | Self::Grant)
    }

    /// The digit of the screen on which its progress shows.
    pub fn seen_on(&self) -> char {
        match self {
            Self::Node { .. } => '6',
            Self::StepDown { .. } => '2',
            Self::RotateRoot { .. }
            | Self::RotateUnlockKey { .. }
            | Self::RotateDek { .. }
            | Self::Autolock { .. }
            | Self::Shred { .. }
            | Self::Lock { .. }
            | Self::RemoveOperator { .. } => '3',
            Self::Grants { .. } | Self::Scale { .. } | Self::RollbackService { .. } | Self::ForceUpdate { .. } => '5',
            _ => '8',
        }
    }

    /// What has to be known before it runs.
    pub fn warning(&self) -> &'static str {
        match self {
            Self::Rotate { .. } => "on failure the version before returns; the new one is marked failed",
            Self::Revoke { .. } => "there is no way back: the sealed value is dropped at once",
            Self::Steer {
                steer: Steer::Cancel, ..
            } => "there is no way back to it: rotate again when you are ready",
            Self::Prune { .. } => "there is no way back: a pruned version cannot be rolled back to",
            Self::Node { change, .. } => change.warning(),
            Self::StepDown { .. } => "writes wait until the next leader has taken over",
            Self::RotateRoot { .. } => "nobody is cut off; a node that is down gets its certificate when it returns",
            Self::RotateToken { .. } => "the token before is refused at once; nodes that joined by it stay",
            Self::RemoveOperator { .. } => "there is no way back: a new certificate has to be made on the command line",
            Self::RotateUnlockKey { .. } => "the key before then opens nothing but the disks of managers that are down",
            Self::RotateDek { .. } => "copies of disks from before keep what they have",
            Self::Autolock { on: true, .. } => "a manager that restarts serves nothing until somebody unlocks it",
            Self::Autolock { on: false, .. } => "from then on whoever has a manager's disk can read it",
            Self::Shred { .. } => "there is no way back: no value, no log and no snapshot of it is left",
            Self::Lock { .. } => "have the unlock key at hand: without it this manager stays locked",
            Self::Backup { .. } => "whoever opens the file has every secret: keep it and its key apart",
            _ => "",
        }
    }
}

/// Where a new unlock key is to be read: never here.
const KEEP_THE_KEY: &str = "now run `wardroom swarm unlock-key` on a manager and keep the key in a safe: it is never shown \
                            here, and without it no manager that restarts can be opened";

impl Task {
    /// What has to be done by people once it is accepted.
    pub fn advice(&self) -> &'static str {
        match self {
            Self::RotateUnlockKey { .. } | Self::Autolock { on: true, .. } => KEEP_THE_KEY,
            _ => "",
        }
    }
}

impl NodeChange {
    fn verb(&self) -> &'static str {
        match self {
            Self::Promote => "promote",
            Self::Demote => "demote",
            Self::Availability(_) => "availability",
            Self::Labels(_) => "labels",
            Self::Remove => "remove",
        }
    }

    fn warning(&self) -> &'static str {
        match self {
            Self::Promote => "a manager keeps every secret, sealed, and the key that opens them",
            Self::Demote => "its copy of the state and of the keys is wiped",
            Self::Remove => "there is no way back: the machine has to join anew, with a token",
            Self::Availability(_) | Self::Labels(_) => "",
        }
    }
}
