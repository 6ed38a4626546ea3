//! What must not outlive a node on this machine? Its secrets in memory, of which an agent that was killed has left some, and
//! the keys on disk that prove it to others. What says which node it was goes last; until then there is another try.

use std::future::pending;

use tokio::time::{Instant, sleep_until};

use super::manifest::Phase;
use super::order::Refusal;
use super::supervisor::{Node, Supervisor};
use super::trial::Trial;
use crate::node::explain;
use crate::report::Report;

/// When what could not be erased is tried again, if there is such a thing.
#[derive(Default)]
pub struct Erasing {
    trial: Trial,
    again: Option<Instant>,
}

impl Erasing {
    /// Waits for that time, for ever if nothing is to be done.
    pub async fn due(&self) {
        match self.again {
            Some(at) => sleep_until(at).await,
            None => pending().await,
        }
    }

    pub fn succeeded(&mut self) {
        *self = Self::default();
    }

    fn failed(&mut self) {
        self.again = Some(Instant::now() + self.trial.failed());
    }
}

impl Supervisor {
    /// Nothing of this node is left; none of its parts may run. The manifest stays as long as anything else does: the next
    /// start finishes what this one could not.
    pub fn wipe(&self, node_id: &str) -> Result<(), Report> {
        self.erase(node_id)?;
        self.home.wipe().map_err(|error| self.cannot_use(&error))
    }

    /// A node that was removed keeps nothing but the reason. What resists is told, and tried again.
    pub fn erase_removed(&mut self) {
        self.erasing.again = None;
        let Node::Broken { manifest, .. } = &self.node else {
            return;
        };
        if manifest.phase != Phase::Removed {
            return;
        }
        let erased = self.erase(&manifest.node_id);
        let Node::Broken { manifest, why } = &mut self.node else {
            return;
        };
        why.clone_from(&manifest.reason);
        match erased {
            Ok(()) => self.erasing.succeeded(),
            Err(report) => {
                tracing::error!(%report, "what this node held is not erased yet; it is tried again");
                *why = format!("{why} What it held is not erased yet: {}", Refusal::from(report).text);
                self.erasing.failed();
            }
        }
    }

    /// One that resists keeps nothing of the other.
    fn erase(&self, node_id: &str) -> Result<(), Report> {
        let keys = self.home.wipe_keys().map_err(|error| self.cannot_use(&error));
        let memory = wardroom_agent::files::forget(node_id).map_err(|error| explain(&error));
        keys.and(memory)
    }
}
