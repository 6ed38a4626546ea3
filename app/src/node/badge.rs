//! Who are the nodes of this process? A certificate and a key each, in the node's own folder; and how the root issues
//! them, at the founding and ever after.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use wardroom_ca::{Clock, FilesError, IssueError, KeyRest, NodeFiles, NodeTls, Role};
use wardroom_keys::Chance;

use super::issuer::Issuer;
use super::keys::Keys;
use super::manifest::{ManagerEntry, Manifest, WorkerEntry};
use super::{explain, explain_with};
use crate::report::Report;

/// Names beside the node's own, so that people's tools can connect too.
const SANS: [&str; 2] = ["localhost", "127.0.0.1"];

/// One node's identity. Clones share its TLS: a certificate that one of them takes over is every clone's.
#[derive(Clone)]
pub struct Badge {
    pub node_id: String,
    pub hostname: String,
    pub role: Role,
    /// The node's folder.
    pub dir: PathBuf,
    pub tls: NodeTls,
    /// Of a manager.
    pub keys: Option<Keys>,
}

impl Badge {
    /// Saves new files of the node, their key at rest as its manager's keys say; a worker's in clear.
    pub fn save(&self, files: &NodeFiles) -> Result<(), FilesError> {
        match &self.keys {
            Some(keys) => keys.save_node(files),
            None => files.save(&self.dir, &KeyRest::Clear),
        }
    }

    /// Its key stood on the disk in clear before it was sealed, and wants to be replaced.
    pub fn is_exposed(&self) -> bool {
        self.keys.as_ref().is_some_and(|keys| *keys.exposed().borrow())
    }
}

/// A manager's, with the keys that open its own.
pub fn manager(dir: PathBuf, entry: &ManagerEntry, keys: Keys, clock: &Arc<dyn Clock>) -> Result<Badge, Report> {
    let files = keys.load_node().map_err(|error| explain(&error))?;
    Ok(Badge {
        node_id: entry.node_id.clone(),
        hostname: entry.hostname.clone(),
        role: Role::Manager,
        tls: tls(&dir, &files, clock)?,
        dir,
        keys: Some(keys),
    })
}

/// Every worker's, in the order of the manifest.
pub fn workers(house: &Path, manifest: &Manifest, clock: &Arc<dyn Clock>) -> Result<Vec<Badge>, Report> {
    let badge = |entry: &WorkerEntry| {
        let dir = house.join(&entry.hostname);
        let files = NodeFiles::load(&dir, None).map_err(|error| explain(&error))?;
        Ok(Badge {
            node_id: entry.node_id.clone(),
            hostname: entry.hostname.clone(),
            role: Role::Worker,
            tls: tls(&dir, &files, clock)?,
            dir,
            keys: None,
        })
    };
    manifest.workers.iter().map(badge).collect()
}

/// Every node's of a cluster that is open and does not run, managers first.
#[cfg(test)]
pub fn all(house: &Path, manifest: &Manifest, clock: &Arc<dyn Clock>) -> Result<Vec<Badge>, Report> {
    let mut badges = Vec::new();
    for entry in &manifest.managers {
        let dir = house.join(&entry.hostname);
        let path = dir.join(super::founding::KEYRING);
        let found = super::keyring::look(&path, &manifest.cluster_id, &entry.node_id)?;
        let super::keyring::Found::Open(keyring) = found else {
            return Err(Report::failure("it is locked"));
        };
        let keys = Keys::open(
            keyring,
            super::nodes::disk(&dir)?,
            dir.clone(),
            Arc::new(wardroom_keys::OsChance),
        );
        badges.push(manager(dir, entry, keys, clock)?);
    }
    badges.extend(workers(house, manifest, clock)?);
    Ok(badges)
}

fn tls(dir: &Path, files: &NodeFiles, clock: &Arc<dyn Clock>) -> Result<NodeTls, Report> {
    NodeTls::new(&files.root_pem, &files.certificate_pem, &files.key, Arc::clone(clock))
        .map_err(|error| explain_with(&format!("{} is not usable", dir.display()), &error))
}

/// A new key and certificate for a node of this machine.
pub fn issue(
    issuer: &Issuer,
    node_id: &str,
    role: Role,
    now_ms: i64,
    chance: &dyn Chance,
) -> Result<NodeFiles, IssueError> {
    issuer.issue(node_id, role, &SANS.map(str::to_owned), now_ms, chance)
}
