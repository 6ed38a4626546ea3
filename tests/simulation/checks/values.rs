//! Which plaintext belongs to which version? The checks may open every sealed value; nobody else outside a worker does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use wardroom_keys::SealContext;
use wardroom_manager::Applied;
use wardroom_state::State;
use wardroom_state::event::{Event, ObjectKey};
use wardroom_state::secret::{Secret, Version};

use crate::world::World;

/// Version ids by worker's node id.
pub(crate) type Held = BTreeMap<String, BTreeSet<String>>;

/// Every value seen in a state so far, by version id.
#[derive(Default)]
pub(crate) struct Values(BTreeMap<String, Vec<u8>>);

impl Values {
    pub(crate) fn learn(&mut self, applied: &[Arc<Applied>], state: &State, world: &World) {
        let changed = applied
            .iter()
            .flat_map(|applied| &applied.events)
            .filter_map(|event| match event {
                Event::Put(ObjectKey::Secret(id)) => state.secrets().get(id),
                _ => None,
            });
        for secret in changed {
            for version in secret.versions.values() {
                if !self.0.contains_key(version.id.as_str())
                    && let Some(value) = open(world, secret, version)
                {
                    self.0.insert(version.id.to_string(), value);
                }
            }
        }
    }

    /// Whose plaintext is in each worker's memory.
    pub(crate) fn held(&self, world: &World) -> Held {
        let on = |seat: &crate::founding::WorkerSeat| {
            let found = self.0.iter().filter(|(_, value)| seat.files.contains(value));
            found.map(|(version, _)| version.clone()).collect()
        };
        world
            .cluster
            .workers
            .iter()
            .map(|seat| (seat.node_id.clone(), on(seat)))
            .collect()
    }
}

/// The plaintext of a version; `None` when its sealed value is gone or does not open.
pub(crate) fn open(world: &World, secret: &Secret, version: &Version) -> Option<Vec<u8>> {
    let sealed = version.sealed.as_ref()?;
    let context = SealContext {
        cluster: &world.cluster.cluster_id,
        secret: secret.id.as_str(),
        version: version.id.as_str(),
    };
    let opened = world
        .cluster
        .sealing_root
        .open(&context, &sealed.wrapped_key, &sealed.ciphertext);
    opened.ok().map(|opened| opened.value.expose().to_vec())
}
