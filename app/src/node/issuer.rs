//! Who issues a cluster's certificates, and who is trusted? The newest root issues; the ones before it are trusted as
//! long as the state lists them, and lead to the newest by what they have signed.

use std::time::Duration;

use wardroom_ca::{IssueError, IssueRequest, KeyRequest, NodeFiles, Role, Root};
use wardroom_keys::Chance;
use wardroom_manager::state::cluster::Cluster;
use wardroom_manager::{Manager, RootError};

/// The newest root with its key, and what goes with its certificates.
pub struct Issuer {
    root: Root,
    /// Newest first.
    roots_pem: String,
    /// From the newest root's own down to the oldest one.
    intermediates_pem: String,
    life: Duration,
}

impl Issuer {
    /// Of `cluster`, as the state of `manager` has it or is going to.
    pub fn open(manager: &Manager, cluster: &Cluster) -> Result<Self, RootError> {
        Ok(Self::new(manager.root(cluster)?, cluster))
    }

    /// `root` is the cluster's newest.
    pub fn new(root: Root, cluster: &Cluster) -> Self {
        let crossed = cluster.retiring.iter().rev().map(|older| older.cross_signed.as_str());
        Self {
            root,
            roots_pem: roots_pem(cluster),
            intermediates_pem: crossed.collect(),
            life: Duration::from_millis(cluster.certificate_life_ms),
        }
    }

    /// A new key and a certificate for it. `sans`: names and addresses beside the node's own.
    pub fn issue(
        &self,
        node_id: &str,
        role: Role,
        sans: &[String],
        now_ms: i64,
        chance: &dyn Chance,
    ) -> Result<NodeFiles, IssueError> {
        let asked = KeyRequest::generate(chance);
        let request = IssueRequest {
            node_id,
            role,
            sans,
            lifetime: self.life,
            now_ms,
        };
        let signed = self.root.sign(&asked.csr_pem, &request, &self.intermediates_pem)?;
        Ok(NodeFiles {
            root_pem: self.roots_pem.clone(),
            certificate_pem: signed.certificate_pem,
            key: asked.key,
        })
    }
}

/// The roots to trust, newest first.
pub fn roots_pem(cluster: &Cluster) -> String {
    let older = cluster.retiring.iter().rev().map(|root| root.certificate.as_str());
    std::iter::once(cluster.root_certificate.as_str())
        .chain(older)
        .collect()
}
