//! What is being changed, and what must be typed to run it?

use std::collections::BTreeMap;

use wardroom_api::v1::{Availability, Role, ServiceSpec};

use super::form::{Form, Id};
use super::open_work::Steer;
use crate::tui::model::staged::{Cell, Edit};

/// A change; objects are named by id and by name, as they were when the wizard opened.
#[derive(Clone, Debug, PartialEq)]
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
    Steer {
        rotation_id: String,
        name: String,
        steer: Steer,
    },
    Prune {
        secret_id: String,
        name: String,
    },
    Scale {
        service_id: String,
        name: String,
        before: u32,
    },
    RollbackService {
        service_id: String,
        name: String,
    },
    /// The same spec with its counter moved on, made from that version of the service.
    ForceUpdate {
        service_id: String,
        name: String,
        spec: Box<ServiceSpec>,
        expected: u64,
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
            // What can be taken back at once asks for no name.
            Self::Steer {
                steer: Steer::Pause | Steer::Resume,
                ..
            } => "y".to_owned(),
            Self::RotateToken { role } => role_word(*role).to_owned(),
            Self::Rotate { name, .. }
            | Self::Revoke { name, .. }
            | Self::RemoveSecret { name, .. }
            | Self::RemoveService { name, .. }
            | Self::Steer { name, .. }
            | Self::Prune { name, .. }
            | Self::Scale { name, .. }
            | Self::RollbackService { name, .. }
            | Self::ForceUpdate { name, .. }
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

    /// The name of what it is about, whatever has to be typed.
    pub fn about(&self, form: &Form) -> String {
        match self {
            Self::Steer { name, .. } => name.clone(),
            _ => self.confirmed_by(form),
        }
    }

    /// What the typed word is the name of.
    pub fn confirmed_noun(&self) -> &'static str {
        match self {
            Self::CreateSecret
            | Self::Rotate { .. }
            | Self::Revoke { .. }
            | Self::Shred { .. }
            | Self::Steer { .. }
            | Self::Prune { .. }
            | Self::RemoveSecret { .. } => "secret",
            Self::CreateService
            | Self::Grant
            | Self::Withdraw { .. }
            | Self::StageGrant { .. }
            | Self::Scale { .. }
            | Self::RollbackService { .. }
            | Self::ForceUpdate { .. }
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
}
