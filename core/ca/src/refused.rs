//! Which nodes are no longer welcome although their certificates still are? A set shared by everything that meets
//! peers. Who connects asks it in the handshake; who answers asks it on every message, so that open connections end as
//! well and the removed are told why.

use std::collections::BTreeSet;
use std::sync::{Arc, PoisonError, RwLock};

/// Ids of removed nodes. Clones share one set.
#[derive(Clone, Debug, Default)]
pub struct RefusedNodes(Arc<RwLock<BTreeSet<String>>>);

impl RefusedNodes {
    pub fn refuse(&self, node_id: impl Into<String>) {
        self.0
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(node_id.into());
    }

    /// Makes the set exactly this one, as the replicated state has it.
    pub fn replace(&self, node_ids: impl IntoIterator<Item = String>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = node_ids.into_iter().collect();
    }

    pub fn contains(&self, node_id: &str) -> bool {
        self.0.read().unwrap_or_else(PoisonError::into_inner).contains(node_id)
    }

    /// The ids, sorted.
    pub fn list(&self) -> Vec<String> {
        self.0
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .iter()
            .cloned()
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clones_share_one_set() {
        let (one, other) = (RefusedNodes::default(), RefusedNodes::default());
        let clone = one.clone();
        one.refuse("n2");
        one.refuse("n1");
        assert_eq!(clone.list(), ["n1", "n2"]);
        clone.replace(["n3".to_owned()]);
        assert!(one.contains("n3") && !one.contains("n1") && other.list().is_empty());
    }
}
