//! Who may issue certificates here? Whoever holds the root's key: it stands sealed in the state, and a manager's keyring
//! opens it.

use wardroom_ca::{IssueError, Root};
use wardroom_keys::{SealingRoot, UnsealError};
use wardroom_state::cluster::Cluster;

use crate::Manager;

/// Why the root cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RootError {
    #[error("the keyring of this manager does not open it: put back the keyring of this cluster")]
    Sealed(#[from] UnsealError),
    #[error(transparent)]
    Parts(#[from] IssueError),
}

/// The root that issues for `cluster`.
pub(crate) fn open(sealing_root: &SealingRoot, cluster: &Cluster) -> Result<Root, RootError> {
    let key = sealing_root.open_root_key(cluster.id.as_str(), &cluster.sealed_root_key)?;
    Ok(Root::from_parts(&cluster.root_certificate, key)?)
}

impl Manager {
    /// The root of `cluster`, which is the state's or, before its first change is applied, the one that change names.
    pub fn root(&self, cluster: &Cluster) -> Result<Root, RootError> {
        open(&self.0.context.keyring.sealing_root(), cluster)
    }
}
