//! How does a cluster begin that locks from its first moment, or again from a backup of one? Its unlock key is on no disk,
//! also not before anybody was told of it.

use wardroom_api::v1;
use wardroom_keys::{Keyring, SealingRoot, UnlockKey};
use wardroom_manager::Manager;
use wardroom_manager::state::State;
use wardroom_manager::state::command::{Actor, Command, NewUnlockKey};
use wardroom_manager::state::keys::FIRST_UNLOCK_KEY;

use super::manifest::Manifest;
use super::order::Refusal;
use super::parts::Ground;
use super::supervisor::Supervisor;
use crate::node::explain;
use crate::node::keys::Keys;
use crate::report::Report;

/// The keyring of a cluster's first manager.
pub fn first(manifest: &Manifest, root: &SealingRoot, autolock: bool, ground: &Ground) -> Keyring {
    let (chance, now_ms) = (&*ground.chance, ground.clock.now_ms());
    let (cluster, node) = (&manifest.cluster_id, &manifest.node_id);
    if !autolock {
        return Keyring::create(chance, cluster, node, root, now_ms);
    }
    let key = UnlockKey::generate(chance);
    let mut keyring = Keyring::join(chance, cluster, node, root, &key, FIRST_UNLOCK_KEY + 1, now_ms);
    keyring.set_autolock(true);
    keyring
}

/// The keyring of a restored cluster's manager: under the unlock key that somebody keeps, locked if the state says so.
pub fn restored(manifest: &Manifest, root: &SealingRoot, state: &State, ground: &Ground) -> Result<Keyring, Report> {
    let (chance, now_ms) = (&*ground.chance, ground.clock.now_ms());
    let (cluster, node) = (&manifest.cluster_id, &manifest.node_id);
    let (epoch, Some(sealed)) = state.keys().kept_unlock_key() else {
        return Ok(Keyring::create(chance, cluster, node, root, now_ms));
    };
    let key = root.open_unlock_key(cluster, epoch, sealed);
    let key = key.map_err(|error| explain(&error))?;
    let mut keyring = Keyring::join(chance, cluster, node, root, &key, epoch, now_ms);
    keyring.set_autolock(state.disks_lock());
    Ok(keyring)
}

impl Supervisor {
    /// The unlock key under which the first manager's keyring stands already becomes the cluster's, and is needed from then
    /// on. It is told when that is in the state: a crash before leaves no cluster that could need it.
    pub async fn lock_cluster(
        &self,
        manager: &Manager,
        keys: &Keys,
        actor: &Actor,
    ) -> Result<v1::Confidential, Refusal> {
        let ring = keys.ring();
        let (key, epoch) = (ring.unlock_key(), ring.kek_epoch());
        let root = ring.sealing_root();
        let sealed = root.seal_unlock_key(&*self.ground.chance, ring.cluster(), epoch, &key);
        let new = NewUnlockKey {
            epoch,
            check: key.check(),
            sealed: sealed.into(),
        };
        let turn_on = Command::SetLock {
            autolock: true,
            unlock_key: Some(new),
            expected: None,
        };
        for change in [turn_on, Command::KeepUnlockKey { epoch }] {
            let proposed = self
                .unless_stopped(manager.proposer().propose(actor.clone(), change))
                .await?;
            proposed.map_err(|error| Refusal::failure(error.to_string()))?;
        }
        Ok(v1::Confidential::new(key.text().expose().to_vec()))
    }
}
