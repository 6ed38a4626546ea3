//! What runs of a node, and how does it start? A manager on its store, an agent on memory; both on one identity.

use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;

use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace as AgentPace};
use wardroom_api::{Net, TcpNet};
use wardroom_ca::{Clock, NodeFiles, NodeTls, SystemClock};
use wardroom_keys::{Chance, Keyring, OsChance};
use wardroom_log::{RealDisk, Spawn};
use wardroom_manager::{Manager, ManagerConfig, Seams, StartError, Timing};

use super::home::{Home, cannot_use};
use super::manifest::{Manifest, NodeRole, Pace};
use super::step::to_ask;
use crate::node::beginning::SNAPSHOT_EVERY;
use crate::node::hooks::FolderHooks;
use crate::node::keys::Keys;
use crate::node::nodes::MYSELF;
use crate::node::{explain, explain_with};
use crate::report::Report;

/// Of this program, as nodes tell it.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");
const HOSTNAME: &str = "/proc/sys/kernel/hostname";

/// What a daemon stands on.
#[derive(Clone)]
pub struct Ground {
    pub clock: Arc<dyn Clock>,
    pub chance: Arc<dyn Chance>,
    pub net: Arc<dyn Net>,
    pub hostname: String,
    /// The folder of hooks; without one, that of the daemon's directory.
    pub hooks: Option<PathBuf>,
}

impl Ground {
    /// This machine.
    pub fn real() -> Result<Self, Report> {
        let named = std::fs::read_to_string(HOSTNAME);
        let hostname = named.map_err(|error| {
            Report::failure(format!("this machine does not tell its name: {error}"))
                .hint(format!("make {HOSTNAME} readable to the daemon"))
        })?;
        Ok(Self {
            clock: Arc::new(SystemClock),
            chance: Arc::new(OsChance),
            net: Arc::new(TcpNet),
            hostname: hostname.trim().to_owned(),
            hooks: None,
        })
    }

    /// What a manager touches outside itself.
    pub fn seams(&self, home: &Home) -> Result<Seams, Report> {
        let store = home.store();
        let disk = RealDisk::new(&store).map_err(|error| cannot_use(&store, &error))?;
        Ok(Seams {
            clock: Arc::clone(&self.clock),
            chance: Arc::clone(&self.chance),
            net: Arc::clone(&self.net),
            disk: Arc::new(disk),
            spawn: Spawn::Thread,
            hooks: Arc::new(FolderHooks::new(self.hooks.clone().unwrap_or_else(|| home.hooks()))),
        })
    }

    pub fn manager_config(&self, manifest: &Manifest) -> ManagerConfig {
        ManagerConfig {
            cluster_id: manifest.cluster_id.clone(),
            node_id: manifest.node_id.clone(),
            raft_id: manifest.raft_id,
            hostname: self.hostname.clone(),
            listen: manifest.listen.clone(),
            advertise: manifest.advertise.clone(),
            timing: match manifest.pace {
                Pace::Fast => Timing::fast(),
                Pace::Calm => Timing::calm(),
            },
            snapshot_every: SNAPSHOT_EVERY,
        }
    }

    /// The identity on disk, whose key only the manager's keys may open. An expired certificate is taken: it may have to
    /// be renewed.
    pub fn identity(&self, home: &Home, keys: Option<&Keys>) -> Result<NodeTls, Report> {
        let files = match keys {
            Some(keys) => keys.load_node(),
            None => NodeFiles::load(&home.identity(), None),
        };
        self.tls(&files.map_err(|error| explain(&error))?)
    }

    /// The keys of a keyring that is on this machine's disk already.
    pub fn open_keys(&self, home: &Home, keyring: Keyring) -> Result<Keys, Report> {
        let disk = self.seams(home)?.disk;
        Ok(Keys::open(keyring, disk, home.identity(), Arc::clone(&self.chance)))
    }

    /// The keys of a new keyring, durable on return.
    pub fn create_keys(&self, home: &Home, keyring: Keyring) -> Result<Keys, Report> {
        let disk = self.seams(home)?.disk;
        let made = Keys::create(keyring, disk, home.identity(), Arc::clone(&self.chance));
        made.map_err(|error| cannot_use(home.dir(), &error))
    }

    pub fn tls(&self, files: &NodeFiles) -> Result<NodeTls, Report> {
        let tls = NodeTls::new(
            &files.root_pem,
            &files.certificate_pem,
            &files.key,
            Arc::clone(&self.clock),
        );
        tls.map_err(|error| explain_with("the identity of this node is not usable", &error))
    }

    /// Recovers what is on disk; a manager whose store is empty waits to be contacted.
    pub async fn start_manager(
        &self,
        home: &Home,
        manifest: &Manifest,
        keys: &Keys,
        tls: &NodeTls,
    ) -> Result<Manager, Report> {
        let about = |error: &dyn Error| explain_with("the manager does not start", error);
        let started = Manager::start(
            self.manager_config(manifest),
            keys.ring(),
            tls.clone(),
            self.seams(home)?,
        )
        .await;
        started.map_err(|error| match &error {
            StartError::Bind { .. } => about(&error).hint(
                "see what listens there with `ss -ltnp`, and whether this machine has the address; choose another one \
                 with --listen-addr",
            ),
            _ => about(&error),
        })
    }

    /// Wipes what an earlier life left in memory, and looks for the managers.
    pub fn start_agent(&self, manifest: &Manifest, tls: &NodeTls) -> Result<Agent, Report> {
        let about = |error: &dyn Error| explain_with("the agent does not start", error);
        let config = AgentConfig {
            cluster_id: manifest.cluster_id.clone(),
            node_id: manifest.node_id.clone(),
            hostname: self.hostname.clone(),
            version: VERSION.to_owned(),
            managers: managers(manifest),
            secrets_root: None,
            shim: PathBuf::from(MYSELF),
            pace: AgentPace::default(),
        };
        let mut seams = AgentSeams::real(&config).map_err(|error| about(&error))?;
        seams.chance = Arc::clone(&self.chance);
        seams.net = Arc::clone(&self.net);
        Agent::start(config, tls.clone(), seams).map_err(|error| about(&error))
    }
}

/// Where the agent looks for the leader: a manager's own first, for it knows who leads the cluster that counts it in.
fn managers(manifest: &Manifest) -> Vec<String> {
    match manifest.role {
        NodeRole::Manager => to_ask(std::slice::from_ref(&manifest.advertise), &manifest.managers),
        NodeRole::Worker => manifest.managers.clone(),
    }
}
