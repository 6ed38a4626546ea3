//! In which world does a worker live? The real one, or one in which any number of workers share a process.

use std::sync::Arc;

use wardroom_api::{Net, TcpNet};
use wardroom_keys::{Chance, OsChance};

use crate::agent::AgentConfig;
use crate::executor::{Containers, Executors, FilesOnly, Simulated};
use crate::files::{Files, RootError, TmpfsFiles, choose, is_in_use};

/// The world as a worker meets it.
#[derive(Clone)]
pub struct AgentSeams {
    pub chance: Arc<dyn Chance>,
    pub net: Arc<dyn Net>,
    pub files: Arc<dyn Files>,
    pub executors: Executors,
}

impl AgentSeams {
    /// The real world: TCP, files in memory, processes of this host and containers of its engine. What an earlier life has
    /// left running in the engine is removed before its files are.
    pub fn real(config: &AgentConfig) -> Result<Self, RootError> {
        let containers = Containers::new(&config.cluster_id, &config.node_id);
        if !is_in_use(config.secrets_root.as_deref(), &config.node_id) {
            containers.sweep_now();
        }
        let root = choose(config.secrets_root.as_deref(), &config.node_id)?;
        if !root.is_swap_free() {
            tracing::info!(path = %root.path().display(), "secrets are kept in memory that the kernel may swap out");
        }
        Ok(Self {
            chance: Arc::new(OsChance),
            net: Arc::new(TcpNet),
            files: Arc::new(TmpfsFiles::new(root)),
            executors: Executors::real(config.shim.clone(), containers),
        })
    }

    /// No file system and no process: workloads are timers that run until they are stopped, and `secrets_root` and `shim`
    /// of the configuration are not looked at. What it says and hears over `net` is real. A worker costs its session and
    /// what it holds, so that a thousand of them run in one process; each needs `files` of its own, such as
    /// [`crate::files::MemoryFiles`].
    pub fn simulated(chance: Arc<dyn Chance>, net: Arc<dyn Net>, files: Arc<dyn Files>) -> Self {
        Self {
            chance,
            net,
            files,
            executors: Executors {
                process: Arc::new(Simulated::default()),
                files: Arc::new(FilesOnly),
                container: None,
            },
        }
    }
}
