//! Do three managers decide together? Real TLS on loopback, real logs on files; managers are killed and come back.
//!
//! Every manager runs on a runtime of its own: dropping that runtime is what a `kill -9` is to the rest.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tempfile::TempDir;
use tokio::runtime::Runtime;
use tokio::time::timeout;
use wardroom_api::net::{Net, TcpNet};
use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, NodeTls, Role, Root, SystemClock};
use wardroom_keys::{Keyring, KeyringFile, OsChance, SealingRoot, SecretBytes};
use wardroom_log::{RealDisk, Spawn};
use wardroom_state::cluster::Cluster;
use wardroom_state::command::{Actor, Command, NewVersion};
use wardroom_state::ids::{ClusterId, SecretId, VersionId};
use wardroom_state::secret::SealedValue;

use super::*;

const CLUSTER: &str = "testcluster";
const PATIENCE: Duration = Duration::from_secs(60);

/// What survives a manager's death: its directory, its address and its certificate.
struct Berth {
    dir: TempDir,
    raft_id: u64,
    node_id: String,
    address: String,
    root_pem: String,
    certificate_pem: String,
    key: Vec<u8>,
    keyring: Vec<u8>,
    snapshot_every: u64,
}

/// A running manager on a runtime of its own.
struct Running {
    manager: Manager,
    runtime: Option<Runtime>,
}

impl Running {
    /// Ends every task at whatever it was doing, and then the log's thread, so that the disk is free again.
    async fn kill(mut self) {
        let runtime = self.runtime.take().unwrap();
        tokio::task::spawn_blocking(|| runtime.shutdown_timeout(PATIENCE)).await.unwrap();
        self.manager.0.consensus.halt().await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Fleet {
    berths: Vec<Berth>,
    running: Vec<Option<Running>>,
    root: Root,
    sealing_root: SealingRoot,
}

impl Fleet {
    async fn new(size: u64, snapshot_every: u64) -> Self {
        let root = Root::create(CLUSTER, &SystemClock, &OsChance).unwrap();
        let sealing_root = SealingRoot::generate(&OsChance);
        let mut berths = Vec::new();
        for raft_id in 1..=size {
            berths.push(Berth::new(raft_id, &root, &sealing_root, snapshot_every).await);
        }
        let running = berths.iter().map(|_| None).collect();
        let mut fleet = Self { berths, running, root, sealing_root };
        for place in 0..fleet.berths.len() {
            fleet.start(place).await;
        }
        fleet
    }

    /// A fleet that has a leader and its first change.
    async fn begun(size: u64, snapshot_every: u64) -> Self {
        let fleet = Self::new(size, snapshot_every).await;
        fleet.manager(0).initialize(fleet.members(), actor(), fleet.bootstrap()).await.unwrap();
        fleet
    }

    async fn start(&mut self, place: usize) {
        self.running[place] = Some(self.berths[place].start().await);
    }

    async fn kill(&mut self, place: usize) {
        self.running[place].take().unwrap().kill().await;
    }

    fn manager(&self, place: usize) -> &Manager {
        &self.running[place].as_ref().unwrap().manager
    }

    fn alive(&self) -> impl Iterator<Item = &Manager> {
        self.running.iter().flatten().map(|running| &running.manager)
    }

    fn members(&self) -> BTreeMap<u64, Peer> {
        let peer = |berth: &Berth| Peer { address: berth.address.clone(), node_id: berth.node_id.clone() };
        self.berths.iter().map(|berth| (berth.raft_id, peer(berth))).collect()
    }

    fn bootstrap(&self) -> Command {
        let cluster = Cluster {
            id: ClusterId::new(CLUSTER),
            name: "test".into(),
            created_at_ms: 1,
            root_certificate: self.root.certificate_pem().to_owned(),
            root_fingerprint: self.root.fingerprint().to_owned(),
            root_not_after_ms: i64::MAX,
            sealed_root_key: self.sealing_root.seal_root_key(&OsChance, CLUSTER, self.root.key_der()),
            sealing_root_check: self.sealing_root.check(),
            autolock: false,
            heartbeat_ms: 5_000,
            task_history: 5,
            version_index: 0,
        };
        Command::Bootstrap { cluster, nodes: Vec::new() }
    }

    /// Creates a secret through whoever leads, as a caller does that asks again until it is told yes.
    async fn create(&self, number: u64) -> u64 {
        let create = async {
            loop {
                for manager in self.alive().filter(|manager| manager.leadership().borrow().mine) {
                    match manager.proposer().propose(actor(), secret(number)).await {
                        Ok(committed) => return committed.index,
                        // An attempt that went unanswered was made after all.
                        Err(ProposeError::Refused(_)) => return manager.replica().index(),
                        Err(_) => {}
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, create).await.expect("somebody leads and a quorum answers")
    }

    /// Waits until everybody alive has applied `index`, and checks that they agree on every secret up to `count`.
    async fn agree(&self, index: u64, count: usize) {
        for manager in self.alive() {
            timeout(PATIENCE, manager.replica().wait_index(index)).await.expect("catches up");
        }
        let mut seen = Vec::new();
        for manager in self.alive() {
            manager.replica().read(|state| {
                assert_eq!(state.secrets().len(), count, "no acknowledged secret is missing");
                assert_eq!(state.check(), Vec::<String>::new());
                seen.push(state.digest());
            });
        }
        assert!(seen.windows(2).all(|pair| pair[0] == pair[1]), "digests agree");
    }

    fn leader(&self) -> Option<usize> {
        self.running.iter().position(|running| {
            running.as_ref().is_some_and(|running| running.manager.leadership().borrow().mine)
        })
    }

    async fn wait_leader(&self) -> usize {
        let led = async {
            loop {
                match self.leader() {
                    Some(place) => return place,
                    None => tokio::time::sleep(Duration::from_millis(10)).await,
                }
            }
        };
        timeout(PATIENCE, led).await.expect("a leader is elected")
    }
}

impl Berth {
    async fn new(raft_id: u64, root: &Root, sealing_root: &SealingRoot, snapshot_every: u64) -> Self {
        let node_id = format!("node{raft_id}");
        let request = IssueRequest {
            node_id: &node_id,
            role: Role::Manager,
            sans: &[],
            lifetime: NODE_LIFETIME,
            now_ms: SystemClock.now_ms(),
        };
        let issued = root.issue(&request, &OsChance).unwrap();
        let keyring = Keyring::create(&OsChance, CLUSTER, &node_id, sealing_root, 1);
        Self {
            dir: TempDir::new().unwrap(),
            raft_id,
            node_id,
            address: free_address().await,
            root_pem: root.certificate_pem().to_owned(),
            certificate_pem: issued.certificate_pem.clone(),
            key: issued.key.expose().to_vec(),
            keyring: keyring.encode().expose().to_vec(),
            snapshot_every,
        }
    }

    async fn start(&self) -> Running {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let (config, keyring, tls) = (self.config(), self.keyring(), self.tls());
        let seams = seams(self.dir.path());
        let manager = runtime.spawn(Manager::start(config, keyring, tls, seams)).await.unwrap().unwrap();
        Running { manager, runtime: Some(runtime) }
    }

    fn config(&self) -> ManagerConfig {
        ManagerConfig {
            cluster_id: CLUSTER.into(),
            node_id: self.node_id.clone(),
            raft_id: self.raft_id,
            hostname: self.node_id.clone(),
            listen: self.address.clone(),
            advertise: String::new(),
            timing: Timing::default(),
            snapshot_every: self.snapshot_every,
        }
    }

    fn keyring(&self) -> Keyring {
        Keyring::open(KeyringFile::decode(&self.keyring).unwrap(), CLUSTER, &self.node_id).unwrap()
    }

    fn tls(&self) -> NodeTls {
        let key = SecretBytes::new(self.key.clone());
        NodeTls::new(&self.root_pem, &self.certificate_pem, &key, Arc::new(SystemClock)).unwrap()
    }
}

fn seams(dir: &Path) -> Seams {
    Seams {
        clock: Arc::new(SystemClock),
        chance: Arc::new(OsChance),
        net: Arc::new(TcpNet),
        disk: Arc::new(RealDisk::new(dir).unwrap()),
        spawn: Spawn::Thread,
    }
}

/// An address that was free a moment ago; the manager binds it again, now and after every restart.
async fn free_address() -> String {
    TcpNet.bind("127.0.0.1:0").await.unwrap().address()
}

fn actor() -> Actor {
    Actor { name: "admin:test".into(), from: "local".into() }
}

fn secret(number: u64) -> Command {
    let version = NewVersion {
        id: VersionId::new(format!("version{number}")),
        size: 3,
        sealed: SealedValue { wrapped_key: vec![1], ciphertext: vec![2; 100], key_check: [0; 4] },
        receipt_digest: [0; 32],
        fingerprint: [0; 32],
    };
    let (id, name) = (SecretId::new(format!("secret{number}")), format!("s{number}"));
    Command::CreateSecret { id, name, labels: BTreeMap::new(), max_age_ms: 0, version }
}

#[tokio::test]
async fn three_managers_elect_a_leader_and_agree() {
    let fleet = Fleet::begun(3, 5_000).await;
    let mut index = 0;
    for number in 0..20 {
        index = fleet.create(number).await;
    }
    fleet.agree(index, 20).await;
    let leader = fleet.wait_leader().await;
    let follower = (leader + 1) % 3;
    let refused = fleet.manager(follower).proposer().propose(actor(), secret(99)).await.unwrap_err();
    let ProposeError::NotLeader { leader: Some(named) } = refused else { panic!("{refused}") };
    assert_eq!(named.node_id, fleet.berths[leader].node_id);
    let twice = fleet.manager(leader).proposer().propose(actor(), secret(3)).await;
    assert!(matches!(twice, Err(ProposeError::Refused(_))), "a refusal is an answer: {twice:?}");
    assert!(fleet.manager(leader).proposer().confirm().await.unwrap() >= index);
}

#[tokio::test]
async fn a_cluster_is_begun_once() {
    let fleet = Fleet::begun(1, 5_000).await;
    let again = fleet.manager(0).initialize(fleet.members(), actor(), fleet.bootstrap()).await;
    assert!(matches!(again, Err(InitializeError::NotPristine)));
}

#[tokio::test]
async fn a_killed_leader_is_replaced_and_catches_up_when_it_is_back() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    for number in 0..5 {
        fleet.create(number).await;
    }
    let killed = fleet.wait_leader().await;
    fleet.kill(killed).await;
    let mut index = 0;
    for number in 5..10 {
        index = fleet.create(number).await;
    }
    fleet.agree(index, 10).await;
    fleet.start(killed).await;
    let index = index.max(fleet.create(10).await);
    fleet.agree(index, 11).await;
}

#[tokio::test]
async fn what_was_acknowledged_is_there_after_all_were_killed() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let mut index = 0;
    for number in 0..10 {
        index = fleet.create(number).await;
    }
    for place in 0..3 {
        fleet.kill(place).await;
    }
    for place in 0..3 {
        fleet.start(place).await;
    }
    fleet.wait_leader().await;
    fleet.agree(index, 10).await;
    let index = fleet.create(10).await;
    fleet.agree(index, 11).await;
}

#[tokio::test]
async fn a_manager_that_was_away_too_long_is_caught_up_by_a_snapshot() {
    let mut fleet = Fleet::begun(3, 20).await;
    let leader = fleet.wait_leader().await;
    let away = (leader + 1) % 3;
    fleet.kill(away).await;
    let mut index = 0;
    for number in 0..100 {
        index = fleet.create(number).await;
    }
    let purged = async {
        let mut status = fleet.manager(leader).status();
        status.wait_for(|status| status.first_index > 40).await.unwrap();
    };
    timeout(PATIENCE, purged).await.expect("the leader's log no longer reaches back");
    fleet.start(away).await;
    fleet.agree(index, 100).await;
    let mut status = fleet.manager(away).status();
    let by_snapshot = timeout(PATIENCE, status.wait_for(|status| status.snapshot_index > 40)).await;
    by_snapshot.expect("it was caught up by a snapshot").unwrap();

    // The snapshot is durable: the manager finds it again by itself.
    fleet.kill(away).await;
    fleet.start(away).await;
    assert!(fleet.manager(away).replica().read(|state| state.secrets().len()) > 40);
    let index = fleet.create(100).await;
    fleet.agree(index, 101).await;
}

#[tokio::test]
async fn without_a_quorum_nothing_is_confirmed() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    for place in (0..3).filter(|place| *place != leader) {
        fleet.kill(place).await;
    }
    let proposed = fleet.manager(leader).proposer().propose(actor(), secret(1)).await.unwrap_err();
    assert!(matches!(proposed, ProposeError::NoQuorum | ProposeError::NotLeader { leader: None }), "{proposed}");
    assert!(proposed.to_string().contains("more than half of the managers are online"));
    assert!(fleet.manager(leader).proposer().confirm().await.is_err());
    assert_eq!(fleet.manager(leader).replica().read(|state| state.secrets().len()), 0);
}

#[tokio::test]
async fn every_manager_hears_from_every_other() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    let all_speak = |manager: &Manager| {
        let mut table = manager.managers().subscribe();
        async move {
            let spoken = table.wait_for(|table| {
                let words = table.words.values().filter(|(_, word)| matches!(word, Word::Status(s) if !s.leader.is_empty()));
                words.count() == 3
            });
            timeout(PATIENCE, spoken).await.expect("all three speak").unwrap().clone()
        }
    };
    for manager in fleet.alive() {
        all_speak(manager).await;
    }
    let leader = fleet.wait_leader().await;
    let lost = (leader + 1) % 3;
    fleet.kill(lost).await;
    let node_id = fleet.berths[lost].node_id.clone();
    let mut table = fleet.manager(leader).managers().subscribe();
    let gone = table.wait_for(|table| matches!(table.words.get(&node_id), Some((_, Word::Lost(_)))));
    timeout(PATIENCE, gone).await.expect("its silence is noticed").unwrap();
    fleet.start(lost).await;
    all_speak(fleet.manager(leader)).await;
}

#[tokio::test]
async fn an_idle_cluster_publishes_nothing() {
    let fleet = Fleet::begun(3, 5_000).await;
    let leader = fleet.wait_leader().await;
    let index = fleet.create(1).await;
    fleet.agree(index, 1).await;
    let mut status = fleet.manager(leader).status();
    // The last words about the last change come within the pace of publishing.
    while timeout(Duration::from_secs(1), status.changed()).await.is_ok() {}
    assert!(timeout(Duration::from_secs(2), status.changed()).await.is_err(), "heartbeats are no news");
}

#[tokio::test]
async fn a_manager_shut_down_in_order_starts_with_all_it_had_applied() {
    let mut fleet = Fleet::begun(1, 5_000).await;
    let index = fleet.create(1).await;
    fleet.manager(0).shutdown().await;
    fleet.kill(0).await;
    fleet.start(0).await;
    assert_eq!(fleet.manager(0).replica().index(), index);
    assert!(fleet.manager(0).replica().read(|state| state.secrets().len()) == 1);
}

#[tokio::test]
async fn a_keyring_of_another_node_is_refused() {
    let root = Root::create(CLUSTER, &SystemClock, &OsChance).unwrap();
    let sealing_root = SealingRoot::generate(&OsChance);
    let berth = Berth::new(1, &root, &sealing_root, 100).await;
    let other = Keyring::create(&OsChance, CLUSTER, "node2", &sealing_root, 1);
    let started = Manager::start(berth.config(), other, berth.tls(), seams(berth.dir.path())).await;
    assert!(matches!(started, Err(StartError::OtherKeyring { .. })));
}
