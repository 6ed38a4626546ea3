//! What is this node to itself? One word that changes with it: for `wardroom info`, for commands that need a manager
//! where there is none, and for systemd.

use std::path::PathBuf;

use wardroom_api::v1;

use super::manifest::{Manifest, NodeRole};

/// Docker's names of a node's own state.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// In no cluster.
    #[default]
    Inactive,
    /// It joins, or it has not been heard by its cluster since it was started.
    Pending,
    Active,
    /// A manager that waits for its unlock key.
    Locked,
    /// Why, and what to do next.
    Error(String),
}

/// This node, as it sees itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Local {
    pub standing: Standing,
    pub hostname: String,
    pub state_dir: PathBuf,
    pub node_id: String,
    pub role: Option<NodeRole>,
    pub cluster_id: String,
    pub listen: String,
    pub address: String,
    pub managers: Vec<String>,
    pub certificate_not_after_ms: i64,
}

impl Local {
    /// A machine without a node.
    pub fn inactive(hostname: &str, state_dir: PathBuf) -> Self {
        Self {
            hostname: hostname.to_owned(),
            state_dir,
            ..Self::default()
        }
    }

    /// The node of this manifest, on the same machine.
    #[must_use]
    pub fn of(&self, manifest: &Manifest, standing: Standing, certificate_not_after_ms: i64) -> Self {
        Self {
            standing,
            node_id: manifest.node_id.clone(),
            role: Some(manifest.role),
            cluster_id: manifest.cluster_id.clone(),
            listen: manifest.listen.clone(),
            address: manifest.advertise.clone(),
            managers: manifest.managers.clone(),
            certificate_not_after_ms,
            ..Self::inactive(&self.hostname, self.state_dir.clone())
        }
    }

    pub fn info(&self) -> v1::InfoResponse {
        let (state, error) = match &self.standing {
            Standing::Inactive => (v1::LocalState::Inactive, ""),
            Standing::Pending => (v1::LocalState::Pending, ""),
            Standing::Active => (v1::LocalState::Active, ""),
            Standing::Locked => (v1::LocalState::Locked, super::words::LOCKED),
            Standing::Error(why) => (v1::LocalState::Error, why.as_str()),
        };
        let role = match self.role {
            None => v1::Role::Unspecified,
            Some(NodeRole::Manager) => v1::Role::Manager,
            Some(NodeRole::Worker) => v1::Role::Worker,
        };
        v1::InfoResponse {
            state: state.into(),
            error: error.to_owned(),
            node_id: self.node_id.clone(),
            hostname: self.hostname.clone(),
            role: role.into(),
            cluster_id: self.cluster_id.clone(),
            listen: self.listen.clone(),
            address: self.address.clone(),
            managers: self.managers.clone(),
            certificate_not_after_ms: self.certificate_not_after_ms,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            state_dir: self.state_dir.display().to_string(),
            pid: std::process::id(),
        }
    }

    /// One line for `systemctl status`.
    pub fn line(&self) -> String {
        let role = match self.role {
            Some(NodeRole::Manager) => "manager",
            Some(NodeRole::Worker) => "worker",
            None => "node",
        };
        match &self.standing {
            Standing::Inactive => "In no cluster; see `wardroom swarm init` and `wardroom swarm join`".to_owned(),
            Standing::Pending => format!("{role} of cluster {}, not heard by it yet", self.cluster_id),
            Standing::Active => format!("{role} of cluster {}", self.cluster_id),
            Standing::Locked => format!("{role} of cluster {}, locked", self.cluster_id),
            Standing::Error(why) => format!("{role} of cluster {}, not working: {why}", self.cluster_id),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Phase;
    use super::*;

    #[test]
    fn a_node_is_shown_as_it_is_and_leaves_no_trace_behind() {
        let machine = Local::inactive("ada", "/var/lib/wardroom".into());
        let mut manifest = Manifest::new(Phase::Member, "c1".into(), "n1".into(), NodeRole::Manager);
        manifest.advertise = "192.0.2.1:2377".into();
        let member = machine.of(&manifest, Standing::Error("the disk is full".into()), 7);
        let info = member.info();
        assert_eq!((info.state(), info.role()), (v1::LocalState::Error, v1::Role::Manager));
        assert_eq!(
            (info.error.as_str(), info.address.as_str()),
            ("the disk is full", "192.0.2.1:2377")
        );
        assert_eq!((info.hostname.as_str(), info.certificate_not_after_ms), ("ada", 7));
        assert_eq!(member.line(), "manager of cluster c1, not working: the disk is full");
        assert_eq!(Local::inactive(&member.hostname, member.state_dir), machine);
    }
}
