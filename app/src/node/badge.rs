//! Who are the nodes of this process? A certificate and a key each, in the node's own folder; and how the root issues
//! them, at the founding and ever after.

use std::path::PathBuf;
use std::sync::Arc;

use wardroom_ca::{Clock, IssueError, NodeFiles, NodeTls, Role};
use wardroom_keys::Chance;

use super::house::House;
use super::issuer::Issuer;
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
}

/// Every node's, managers first, in the order of the manifest.
pub fn all(house: &House, clock: &Arc<dyn Clock>) -> Result<Vec<Badge>, Report> {
    let managers = house
        .manifest
        .managers
        .iter()
        .map(|entry| (&entry.hostname, &entry.node_id, Role::Manager));
    let workers = house
        .manifest
        .workers
        .iter()
        .map(|entry| (&entry.hostname, &entry.node_id, Role::Worker));
    let badge = |(hostname, node_id, role): (&String, &String, Role)| {
        let dir = house.node(hostname);
        let files = NodeFiles::load(&dir).map_err(|error| explain(&error))?;
        let tls = NodeTls::new(&files.root_pem, &files.certificate_pem, &files.key, Arc::clone(clock))
            .map_err(|error| explain_with(&format!("{} is not usable", dir.display()), &error))?;
        Ok(Badge {
            node_id: node_id.clone(),
            hostname: hostname.clone(),
            role,
            dir,
            tls,
        })
    };
    managers.chain(workers).map(badge).collect()
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
