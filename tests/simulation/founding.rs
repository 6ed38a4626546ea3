//! Who is in the simulated cluster? Ids, keys and certificates of every node, made from the seed before anything runs.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use wardroom_agent::files::MemoryFiles;
use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, NodeTls, Role, Root};
use wardroom_keys::{
    Chance, KeyStore, Keyring, KeyringFile, MemKeyStore, SealingRoot, SecretBytes, SeededChance, SharedKeyring,
};
use wardroom_manager::Peer;
use wardroom_state::cluster::{Cluster, JoinToken};
use wardroom_state::command::Command;
use wardroom_state::ids::{ClusterId, NodeId, id_from_entropy};
use wardroom_state::node::{self, Availability, Certificate, Node, NodeState};

use crate::clock::{BEGIN_MS, SimClock};
use crate::disk::SimDisk;
use crate::hosts::SNAPSHOT_EVERY;
use crate::locksmith::Safe;
use crate::plant::Plant;

/// Port of every manager; in the simulation each host has an address of its own.
const PORT: u16 = 2377;
/// Workers' heartbeat: short, so that a lost worker is noticed within a run.
const WORKER_HEARTBEAT_MS: u64 = 400;
const TASK_HISTORY: u32 = 2;

/// A node's certificate and whom it trusts.
pub(crate) struct Papers {
    root_pem: String,
    certificate_pem: String,
    key: SecretBytes,
}

impl Papers {
    pub(crate) fn tls(&self, clock: Arc<dyn Clock>) -> NodeTls {
        NodeTls::new(&self.root_pem, &self.certificate_pem, &self.key, clock).expect("the root has just issued it")
    }
}

/// What of a manager outlives its process: its machine.
pub(crate) struct ManagerSeat {
    /// `m1`: its host in turmoil's world.
    pub(crate) name: String,
    pub(crate) cluster_id: String,
    pub(crate) node_id: String,
    /// 0 for one that was never a manager. Comes anew with every promotion.
    pub(crate) raft_id: Cell<u64>,
    /// It was a manager when the cluster was last seen at rest.
    pub(crate) votes: Cell<bool>,
    pub(crate) papers: Papers,
    pub(crate) disk: SimDisk,
    pub(crate) clock: Arc<SimClock>,
    /// Where its keyring rests; it outlives the power.
    keys: Arc<MemKeyStore>,
    /// The operator's, who unlocks it whenever it starts.
    safe: Rc<Safe>,
}

impl ManagerSeat {
    pub(crate) fn address(&self) -> String {
        format!("{}:{PORT}", self.name)
    }

    pub(crate) fn keyring(&self) -> Arc<SharedKeyring> {
        let bytes = self.keys.keyring().expect("it is saved when the seat is made");
        let file = KeyringFile::decode(bytes.expose()).expect("it was encoded");
        let keyring = if file.is_locked() {
            let safe = self.safe.borrow();
            let key = safe
                .get(&file.kek_epoch())
                .expect("no disk needs a key that nobody keeps");
            Keyring::unlock(file, key, &self.cluster_id, &self.node_id).expect("it is the key of its epoch")
        } else {
            Keyring::open(file, &self.cluster_id, &self.node_id).expect("autolock is off")
        };
        Arc::new(SharedKeyring::new(keyring, Arc::clone(&self.keys) as Arc<dyn KeyStore>))
    }
}

/// What of a worker outlives its process: its tmpfs.
pub(crate) struct WorkerSeat {
    /// `w1`
    pub(crate) name: String,
    pub(crate) cluster_id: String,
    pub(crate) node_id: String,
    pub(crate) papers: Papers,
    pub(crate) files: Arc<MemoryFiles>,
    /// It says that it erases and does not.
    pub(crate) keeps: bool,
    pub(crate) clock: Arc<SimClock>,
}

/// A cluster before its first start.
pub(crate) struct Founded {
    pub(crate) cluster_id: String,
    /// The founders, then those that may be promoted.
    pub(crate) managers: Vec<Rc<ManagerSeat>>,
    pub(crate) workers: Vec<Rc<WorkerSeat>>,
    /// Opens every value: only the checks use it.
    pub(crate) sealing_root: SealingRoot,
    pub(crate) bootstrap: Command,
    /// The unlock keys that somebody keeps.
    pub(crate) safe: Rc<Safe>,
}

impl Founded {
    pub(crate) fn members(&self) -> BTreeMap<u64, Peer> {
        let peer = |seat: &Rc<ManagerSeat>| Peer {
            address: seat.address(),
            node_id: seat.node_id.clone(),
        };
        let founders = self.managers.iter().filter(|seat| seat.raft_id.get() != 0);
        founders.map(|seat| (seat.raft_id.get(), peer(seat))).collect()
    }
}

/// Makes a cluster of `founders`, `spares` that may become managers, and `workers`, the same for the same seed, with the fault that is planted in it.
pub(crate) fn found(seed: u64, founders: usize, spares: usize, workers: usize, plant: Plant) -> Founded {
    let maker = Maker::new(seed);
    let sealing_root = SealingRoot::generate(&maker.chance);
    let mut nodes = Vec::new();
    let managers = (1..=founders + spares)
        .map(|number| {
            let seat = maker.manager(number, &sealing_root, plant);
            let tls = seat.papers.tls(Arc::clone(&seat.clock) as Arc<dyn Clock>);
            let mut node = node(&seat.name, &tls, node::Role::Manager);
            if number <= founders {
                seat.raft_id.set(number as u64);
                node.address = seat.address();
                node.raft_id = seat.raft_id.get();
            } else {
                node.role = node::Role::Worker;
                node.desired_role = node::Role::Worker;
            }
            nodes.push(node);
            Rc::new(seat)
        })
        .collect();
    let workers = (1..=workers)
        .map(|number| {
            let seat = maker.worker(number, plant);
            let tls = seat.papers.tls(Arc::clone(&seat.clock) as Arc<dyn Clock>);
            nodes.push(node(&seat.name, &tls, node::Role::Worker));
            Rc::new(seat)
        })
        .collect();
    let cluster = maker.cluster(&sealing_root);
    let bootstrap = Command::Bootstrap { cluster, nodes };
    Founded {
        cluster_id: maker.cluster_id,
        managers,
        workers,
        sealing_root,
        bootstrap,
        safe: maker.safe,
    }
}

struct Maker {
    chance: SeededChance,
    cluster_id: String,
    root: Root,
    safe: Rc<Safe>,
}

impl Maker {
    fn new(seed: u64) -> Self {
        let chance = SeededChance::new(seed).derive("founding");
        let cluster_id = id(&chance);
        let root = Root::create(&cluster_id, &SimClock::default(), &chance).expect("the ids fit a certificate");
        Self {
            chance,
            cluster_id,
            root,
            safe: Rc::default(),
        }
    }

    fn papers(&self, node_id: &str, role: Role) -> Papers {
        let request = IssueRequest {
            node_id,
            role,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: BEGIN_MS,
        };
        let issued = self
            .root
            .issue(&request, &self.chance)
            .expect("the ids fit a certificate");
        Papers {
            root_pem: self.root.certificate_pem().to_owned(),
            certificate_pem: issued.certificate_pem,
            key: issued.key,
        }
    }

    fn manager(&self, number: usize, sealing_root: &SealingRoot, plant: Plant) -> ManagerSeat {
        let node_id = id(&self.chance);
        let keyring = Keyring::create(&self.chance, &self.cluster_id, &node_id, sealing_root, BEGIN_MS);
        let keys = Arc::new(MemKeyStore::default());
        keys.save_keyring(&keyring.encode()).expect("memory has room");
        ManagerSeat {
            name: format!("m{number}"),
            cluster_id: self.cluster_id.clone(),
            papers: self.papers(&node_id, Role::Manager),
            node_id,
            raft_id: Cell::new(0),
            votes: Cell::new(false),
            disk: SimDisk::new(plant == Plant::LyingDisk),
            clock: Arc::default(),
            keys,
            safe: Rc::clone(&self.safe),
        }
    }

    fn worker(&self, number: usize, plant: Plant) -> WorkerSeat {
        let node_id = id(&self.chance);
        WorkerSeat {
            name: format!("w{number}"),
            cluster_id: self.cluster_id.clone(),
            papers: self.papers(&node_id, Role::Worker),
            node_id,
            files: Arc::default(),
            keeps: plant == Plant::KeepingWorker,
            clock: Arc::default(),
        }
    }

    fn cluster(&self, sealing_root: &SealingRoot) -> Cluster {
        Cluster {
            refuse_env: false,
            id: ClusterId::new(&self.cluster_id),
            name: "simulated".to_owned(),
            created_at_ms: BEGIN_MS,
            root_certificate: self.root.certificate_pem().to_owned(),
            root_fingerprint: self.root.fingerprint().to_owned(),
            root_key_id: self.root.key_id().to_owned(),
            root_not_after_ms: self.root.facts().not_after_ms,
            sealed_root_key: sealing_root.seal_root_key(&self.chance, &self.cluster_id, self.root.key_der()),
            retiring: Vec::new(),
            certificate_life_ms: u64::try_from(NODE_LIFETIME.as_millis()).expect("90 days are few milliseconds"),
            worker_token: JoinToken::default(),
            manager_token: JoinToken::default(),
            sealing_root_check: sealing_root.check(),
            autolock: false,
            heartbeat_ms: WORKER_HEARTBEAT_MS,
            task_history: TASK_HISTORY,
            snapshot_every: SNAPSHOT_EVERY,
            version_index: 0,
        }
    }
}

fn node(name: &str, tls: &NodeTls, role: node::Role) -> Node {
    let facts = tls.facts();
    Node {
        id: NodeId::new(tls.identity().node_id),
        hostname: name.to_owned(),
        role,
        desired_role: role,
        availability: Availability::Active,
        state: if role == node::Role::Manager {
            NodeState::Ready
        } else {
            NodeState::Unknown
        },
        message: String::new(),
        state_since_ms: BEGIN_MS,
        address: String::new(),
        raft_id: 0,
        runs_tasks: role == node::Role::Worker,
        version: String::new(),
        labels: BTreeMap::new(),
        certificate: Certificate {
            fingerprint: facts.fingerprint,
            key_fingerprint: tls.key_fingerprint(),
            issuer: facts.issuer,
            not_before_ms: facts.not_before_ms,
            not_after_ms: facts.not_after_ms,
        },
        created_at_ms: BEGIN_MS,
        version_index: 0,
    }
}

fn id(chance: &dyn Chance) -> String {
    let mut entropy = [0; 17];
    chance.fill(&mut entropy);
    id_from_entropy(entropy)
}
