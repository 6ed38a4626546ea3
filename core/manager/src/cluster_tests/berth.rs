//! What does one manager of the tests have, and what is left of it when it dies? Its directory, its address, its
//! certificate and its keys; running, it has a runtime of its own, and dropping that is what a `kill -9` is.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::runtime::Runtime;
use wardroom_api::net::{Net, TcpNet};
use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, NodeTls, Role, Root, SystemClock};
use wardroom_keys::{
    Dek, KeyStore, Keyring, KeyringFile, OsChance, SealingRoot, SecretBytes, SharedKeyring, UnlockKey,
};
use wardroom_log::{DiskKeyring, MemDisk, RealDisk, Spawn};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{self, Availability, Certificate, Node, NodeState};

use super::fleet::PATIENCE;
use crate::{Manager, ManagerConfig, Seams, Timing};

pub(super) const CLUSTER: &str = "testcluster";
const KEYRING: &str = "keyring";

/// Unlock keys by epoch.
pub(super) type Safe = Arc<Mutex<BTreeMap<u32, UnlockKey>>>;

/// A keyring beside the log, so that a power cut takes both at the same moment. The node key of these managers is in memory.
struct Rest(DiskKeyring);

impl KeyStore for Rest {
    fn save_keyring(&self, bytes: &SecretBytes) -> io::Result<()> {
        self.0.save(bytes)
    }

    fn rest_node_key(&self, _: Option<&Dek>) -> io::Result<()> {
        Ok(())
    }
}

/// What survives a manager's death: its directory, its address and its certificate.
pub(super) struct Berth {
    pub(super) dir: TempDir,
    pub(super) raft_id: u64,
    pub(super) node_id: String,
    pub(super) address: String,
    root_pem: String,
    certificate_pem: String,
    key: Vec<u8>,
    /// As it was made; from the first start on it rests on the disk.
    made: SecretBytes,
    /// What its operator has in the safe, by epoch.
    pub(super) safe: Safe,
    snapshot_every: u64,
    pub(super) timing: Timing,
    /// Instead of the directory.
    pub(super) memory: Option<MemDisk>,
}

/// A running manager on a runtime of its own.
pub(super) struct Running {
    pub(super) manager: Manager,
    runtime: Option<Runtime>,
}

impl Running {
    /// Ends every task at whatever it was doing, and then the log's thread, so that the disk is free again.
    pub(super) async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(|| runtime.shutdown_timeout(PATIENCE))
            .await
            .unwrap();
        self.manager.0.context.consensus.halt().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Berth {
    pub(super) async fn new(raft_id: u64, root: &Root, sealing_root: &SealingRoot, snapshot_every: u64) -> Self {
        let node_id = format!("node{raft_id}");
        let request = IssueRequest {
            node_id: &node_id,
            role: Role::Manager,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: SystemClock.now_ms(),
        };
        let issued = root.issue(&request, &OsChance).unwrap();
        let keyring = Keyring::create(&OsChance, CLUSTER, &node_id, sealing_root, SystemClock.now_ms());
        Self {
            dir: TempDir::new().unwrap(),
            raft_id,
            node_id,
            address: free_address().await,
            root_pem: root.certificate_pem().to_owned(),
            certificate_pem: issued.certificate_pem.clone(),
            key: issued.key.expose().to_vec(),
            made: keyring.encode(),
            safe: Safe::default(),
            snapshot_every,
            timing: Timing::default(),
            memory: None,
        }
    }

    pub(super) fn id(&self) -> NodeId {
        NodeId::new(self.node_id.as_str())
    }

    /// As the state has it.
    pub(super) fn node(&self) -> Node {
        Node {
            id: self.id(),
            hostname: self.node_id.clone(),
            role: node::Role::Manager,
            desired_role: node::Role::Manager,
            availability: Availability::Active,
            state: NodeState::Ready,
            message: String::new(),
            state_since_ms: 1,
            address: self.address.clone(),
            raft_id: self.raft_id,
            runs_tasks: false,
            version: String::new(),
            labels: BTreeMap::new(),
            certificate: Certificate {
                fingerprint: self.node_id.clone(),
                key_fingerprint: format!("key of {}", self.node_id),
                ..Certificate::default()
            },
            created_at_ms: 1,
            version_index: 0,
        }
    }

    pub(super) async fn start(&self) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name(&self.address)
            .enable_all()
            .build()
            .unwrap();
        let (config, keyring, tls) = (self.config(), self.keyring(), self.tls());
        let seams = self.seams();
        let manager = runtime
            .spawn(Manager::start(config, keyring, tls, seams))
            .await
            .unwrap()
            .unwrap();
        Running {
            manager,
            runtime: Some(runtime),
        }
    }

    pub(super) fn config(&self) -> ManagerConfig {
        ManagerConfig {
            cluster_id: CLUSTER.into(),
            node_id: self.node_id.clone(),
            raft_id: self.raft_id,
            hostname: self.node_id.clone(),
            listen: self.address.clone(),
            advertise: String::new(),
            timing: self.timing,
            snapshot_every: self.snapshot_every,
        }
    }

    pub(super) fn keyring(&self) -> Arc<SharedKeyring> {
        let file = self.keyring_file();
        let opened = if file.is_locked() {
            let safe = self.safe.lock().unwrap();
            Keyring::unlock(file, &safe[&self.keyring_file().kek_epoch()], CLUSTER, &self.node_id)
        } else {
            Keyring::open(file, CLUSTER, &self.node_id)
        };
        let rest = Rest(DiskKeyring::new(self.seams().disk, KEYRING));
        Arc::new(SharedKeyring::new(opened.unwrap(), Arc::new(rest)))
    }

    /// As it stands on the disk.
    pub(super) fn keyring_file(&self) -> KeyringFile {
        let rest = DiskKeyring::new(self.seams().disk, KEYRING);
        let bytes = rest.load().unwrap().unwrap_or_else(|| {
            rest.save(&self.made).unwrap();
            rest.load().unwrap().unwrap()
        });
        KeyringFile::decode(bytes.expose()).unwrap()
    }

    pub(super) fn seams(&self) -> Seams {
        let mut seams = seams(self.dir.path());
        if let Some(memory) = &self.memory {
            seams.disk = Arc::new(memory.clone());
        }
        seams
    }

    pub(super) fn tls(&self) -> NodeTls {
        let key = SecretBytes::new(self.key.clone());
        NodeTls::new(&self.root_pem, &self.certificate_pem, &key, Arc::new(SystemClock)).unwrap()
    }
}

pub(super) fn seams(dir: &Path) -> Seams {
    Seams {
        clock: Arc::new(SystemClock),
        chance: Arc::new(OsChance),
        net: Arc::new(TcpNet),
        disk: Arc::new(RealDisk::new(dir).unwrap()),
        spawn: Spawn::Thread,
        hooks: Arc::new(crate::NoHooks),
    }
}

/// An address that was free a moment ago; the manager binds it again, now and after every restart. It lies below the
/// ports that the system gives to outgoing connections, or one of them could take it meanwhile.
async fn free_address() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    loop {
        let number = std::process::id().wrapping_mul(97) + NEXT.fetch_add(1, Ordering::Relaxed);
        let address = format!("127.0.0.1:{}", 10_000 + number % 20_000);
        if TcpNet.bind(&address).await.is_ok() {
            return address;
        }
    }
}
