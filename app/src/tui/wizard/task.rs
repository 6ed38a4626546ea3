//! What is being changed, what must be typed to run it, and what is said about it?

use std::collections::BTreeMap;

use wardroom_api::v1::{Availability, Role};

use super::form::{Form, Id};
use crate::tui::model::staged::{Cell, Edit};

/// A change; objects are named by id and by name, as they were when the wizard opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Task {
    CreateSecret,
    Rotate {
        secret_id: String,
        name: String,
    },
    /// Version 0: all of them, and the grants.
    Revoke {
        secret_id: String,
        name: String,
        version: u32,
    },
    RemoveSecret {
        secret_id: String,
        name: String,
    },
    CreateService,
    Grant,
    Withdraw {
        service_id: String,
        service: String,
        secret: String,
    },
    /// The form of a cell of the matrix: it changes nothing but what is staged.
    StageGrant {
        cell: Cell,
        service: String,
        secret: String,
    },
    /// Everything that is staged, and the services it is about, by name.
    Grants {
        edits: Vec<(Cell, Edit)>,
        services: Vec<String>,
        cluster: String,
    },
    RemoveService {
        service_id: String,
        name: String,
    },
    Node {
        node_id: String,
        hostname: String,
        change: NodeChange,
    },
    /// The leader, by name, hands over.
    StepDown {
        leader: String,
    },
    RotateRoot {
        cluster: String,
    },
    RotateToken {
        role: Role,
    },
    RemoveOperator {
        operator_id: String,
        name: String,
    },
    Backup {
        cluster: String,
    },
    RotateUnlockKey {
        cluster: String,
    },
    RotateDek {
        cluster: String,
    },
    Autolock {
        cluster: String,
        on: bool,
    },
    /// Revokes, and rotates every manager's DEK. Version 0: all of them, and the grants.
    Shred {
        secret_id: String,
        name: String,
        version: u32,
    },
    /// The manager that answers, by name, forgets its keys.
    Lock {
        manager: String,
    },
}

/// What changes about a node, and what is so now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeChange {
    Promote,
    Demote,
    Availability(Availability),
    Labels(BTreeMap<String, String>),
    Remove,
}

/// `worker`, `manager`: the word that names a token.
pub fn role_word(role: Role) -> &'static str {
    match role {
        Role::Manager => "manager",
        Role::Worker | Role::Unspecified => "worker",
    }
}

impl Task {
    /// The name that must be typed to run the plan.
    pub fn confirmed_by(&self, form: &Form) -> String {
        match self {
            Self::CreateSecret | Self::CreateService => form.line(Id::Name).to_owned(),
            Self::Grant => form.chosen_label(Id::Service).to_owned(),
            Self::Withdraw { service, .. } | Self::StageGrant { service, .. } => service.clone(),
            Self::Grants { services, cluster, .. } => match services.as_slice() {
                [service] => service.clone(),
                _ => cluster.clone(),
            },
            Self::RotateToken { role } => role_word(*role).to_owned(),
            Self::Rotate { name, .. }
            | Self::Revoke { name, .. }
            | Self::RemoveSecret { name, .. }
            | Self::RemoveService { name, .. }
            | Self::RemoveOperator { name, .. }
            | Self::Node { hostname: name, .. }
            | Self::StepDown { leader: name }
            | Self::Lock { manager: name }
            | Self::Shred { name, .. }
            | Self::RotateUnlockKey { cluster: name }
            | Self::RotateDek { cluster: name }
            | Self::Autolock { cluster: name, .. }
            | Self::RotateRoot { cluster: name }
            | Self::Backup { cluster: name } => name.clone(),
        }
    }

    /// What the typed word is the name of.
    pub fn confirmed_noun(&self) -> &'static str {
        match self {
            Self::CreateSecret
            | Self::Rotate { .. }
            | Self::Revoke { .. }
            | Self::Shred { .. }
            | Self::RemoveSecret { .. } => "secret",
            Self::CreateService
            | Self::Grant
            | Self::Withdraw { .. }
            | Self::StageGrant { .. }
            | Self::RemoveService { .. } => "service",
            Self::Grants { services, .. } if services.len() == 1 => "service",
            Self::Node { .. } => "node",
            Self::StepDown { .. } => "leader",
            Self::Lock { .. } => "manager",
            Self::RotateRoot { .. }
            | Self::Grants { .. }
            | Self::RotateUnlockKey { .. }
            | Self::RotateDek { .. }
            | Self::Autolock { .. }
            | Self::Backup { .. } => "cluster",
            Self::RotateToken { .. } => "role",
            Self::RemoveOperator { .. } => "operator",
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
            Self::Grants { .. } => '5',
            _ => '8',
        }
    }

    /// What has to be known before it runs.
    pub fn warning(&self) -> &'static str {
        match self {
            Self::Rotate { .. } => "on failure the version before returns; the new one is marked failed",
            Self::Revoke { .. } => "there is no way back: the sealed value is dropped at once",
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
