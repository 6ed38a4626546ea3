//! What do the tests sail with? Managers in one process, with real TLS on loopback and real logs on files.

use std::collections::BTreeMap;
use std::time::Duration;

use tokio::time::timeout;
use wardroom_ca::{Root, SystemClock};
use wardroom_keys::{OsChance, SealingRoot};
use wardroom_log::MemDisk;
use wardroom_state::cluster::{Cluster, JoinToken};
use wardroom_state::command::{Actor, Command, NewVersion};
use wardroom_state::ids::{ClusterId, SecretId, VersionId};
use wardroom_state::secret::{SealedValue, Template};

use super::berth::{Berth, CLUSTER, Running, Safe};
use crate::{Manager, Peer, ProposeError, Timing};

pub(super) const PATIENCE: Duration = Duration::from_secs(60);
/// What lets managers join.
const TOKEN: [u8; 32] = [9; 32];

pub(super) struct Fleet {
    pub(super) berths: Vec<Berth>,
    running: Vec<Option<Running>>,
    /// The first so many are members from the beginning.
    founders: usize,
    root: Root,
    pub(super) sealing_root: SealingRoot,
}

impl Fleet {
    /// Nobody is started yet.
    pub(super) async fn moored(size: u64, snapshot_every: u64) -> Self {
        let root = Root::create(CLUSTER, &SystemClock, &OsChance).unwrap();
        let sealing_root = SealingRoot::generate(&OsChance);
        let mut berths = Vec::new();
        for raft_id in 1..=size {
            berths.push(Berth::new(raft_id, &root, &sealing_root, snapshot_every).await);
        }
        let safe = Safe::default();
        for berth in &mut berths {
            berth.safe = Safe::clone(&safe);
        }
        let running = berths.iter().map(|_| None).collect();
        Self {
            founders: berths.len(),
            berths,
            running,
            root,
            sealing_root,
        }
    }

    /// A fleet that has a leader and its first change.
    pub(super) async fn begun(size: u64, snapshot_every: u64) -> Self {
        Self::moored(size, snapshot_every).await.begin().await
    }

    /// A fleet of `size` of which the first `founders` have begun; the others wait to be admitted.
    pub(super) async fn begun_by(founders: usize, size: u64, timing: Timing) -> Self {
        let mut fleet = Self::moored(size, 5_000).await;
        fleet.founders = founders;
        fleet.berths.iter_mut().for_each(|berth| berth.timing = timing);
        fleet.begin().await
    }

    /// The same on disks that can be filled.
    pub(super) async fn begun_in_memory(size: u64) -> (Self, Vec<MemDisk>) {
        let mut fleet = Self::moored(size, 5_000).await;
        let disks: Vec<MemDisk> = fleet.berths.iter().map(|_| MemDisk::new()).collect();
        for (berth, disk) in fleet.berths.iter_mut().zip(&disks) {
            berth.memory = Some(disk.clone());
        }
        (fleet.begin().await, disks)
    }

    async fn begin(mut self) -> Self {
        let fleet = &mut self;
        for place in 0..fleet.founders {
            fleet.start(place).await;
        }
        fleet
            .manager(0)
            .initialize(fleet.members(), actor(), fleet.bootstrap())
            .await
            .unwrap();
        self
    }

    pub(super) async fn start(&mut self, place: usize) {
        self.running[place] = Some(self.berths[place].start().await);
    }

    pub(super) async fn kill(&mut self, place: usize) {
        self.running[place].take().unwrap().kill().await;
    }

    pub(super) fn manager(&self, place: usize) -> &Manager {
        &self.running[place].as_ref().unwrap().manager
    }

    pub(super) fn alive(&self) -> impl Iterator<Item = &Manager> {
        self.running.iter().flatten().map(|running| &running.manager)
    }

    pub(super) fn members(&self) -> BTreeMap<u64, Peer> {
        let peer = |berth: &Berth| Peer {
            address: berth.address.clone(),
            node_id: berth.node_id.clone(),
        };
        let founders = self.berths.iter().take(self.founders);
        founders.map(|berth| (berth.raft_id, peer(berth))).collect()
    }

    /// Lets a manager in, as its token would; it still has to be started.
    pub(super) async fn admit(&self, place: usize) {
        let node = self.berths[place].node();
        let admit = Command::AdmitNode {
            node,
            token_digest: TOKEN,
        };
        self.propose(admit).await;
    }

    /// Proposes through whoever leads until somebody says yes.
    pub(super) async fn propose(&self, command: Command) -> u64 {
        let propose = async {
            loop {
                for manager in self.alive().filter(|manager| manager.leadership().borrow().mine) {
                    if let Ok(committed) = manager.proposer().propose(actor(), command.clone()).await {
                        return committed.index;
                    }
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(PATIENCE, propose).await.expect("somebody leads and agrees")
    }

    /// Waits until each of these managers that runs knows exactly them as voters, and nobody else as a member. Before that
    /// a change may still need the voters it is leaving.
    pub(super) async fn wait_voters(&self, places: &[usize]) {
        let wanted: Vec<u64> = places.iter().map(|place| self.berths[*place].raft_id).collect();
        let knows = |manager: &Manager| {
            let members = manager.0.context.consensus.members();
            !members.joint && members.learners.is_empty() && members.voters.keys().eq(&wanted)
        };
        let running = || places.iter().filter_map(|place| self.running[*place].as_ref());
        let settled = async {
            while !running().all(|running| knows(&running.manager)) {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            self.wait_leader().await;
        };
        timeout(PATIENCE, settled)
            .await
            .expect("the membership follows the state");
    }

    /// Waits until the leader's state has it so.
    pub(super) async fn wait_state(&self, what: &str, holds: impl Fn(&wardroom_state::State) -> bool) {
        let held = async {
            loop {
                let leader = self.wait_leader().await;
                if self.manager(leader).replica().read(&holds) {
                    return;
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        if timeout(PATIENCE, held).await.is_err() {
            let keys: Vec<_> = self
                .alive()
                .map(|manager| manager.status().borrow().keys.clone())
                .collect();
            let facts: Vec<_> = self
                .alive()
                .map(|manager| manager.replica().read(|state| state.keys().clone()))
                .collect();
            panic!("{what}: not within {PATIENCE:?}; the managers keep {keys:#?}, the states say {facts:#?}");
        }
    }

    pub(super) fn bootstrap(&self) -> Command {
        let cluster = Cluster {
            id: ClusterId::new(CLUSTER),
            name: "test".into(),
            created_at_ms: 1,
            root_certificate: self.root.certificate_pem().to_owned(),
            root_fingerprint: self.root.fingerprint().to_owned(),
            root_key_id: self.root.key_id().to_owned(),
            root_not_after_ms: i64::MAX,
            sealed_root_key: self.sealing_root.seal_root_key(&OsChance, CLUSTER, self.root.key_der()),
            sealing_root_check: self.sealing_root.check(),
            retiring: Vec::new(),
            certificate_life_ms: 90 * 24 * 3_600_000,
            worker_token: JoinToken::default(),
            manager_token: JoinToken {
                sealed_secret: vec![1],
                digest: TOKEN,
                ..JoinToken::default()
            },
            autolock: false,
            heartbeat_ms: 5_000,
            task_history: 5,
            snapshot_every: 5_000,
            refuse_env: false,
            version_index: 0,
        };
        let nodes = self.berths.iter().take(self.founders).map(Berth::node).collect();
        Command::Bootstrap { cluster, nodes }
    }

    /// Creates a secret through whoever leads, as a caller does that asks again until it is told yes.
    pub(super) async fn create(&self, number: u64) -> u64 {
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
        let created = timeout(PATIENCE, create).await;
        created.unwrap_or_else(|_elapsed| {
            let words: Vec<_> = self.alive().map(|manager| manager.status().borrow().clone()).collect();
            panic!("nobody leads, or no quorum answers: {words:#?}")
        })
    }

    /// Waits until everybody alive has applied `index`, and checks that they agree on every secret up to `count`.
    pub(super) async fn agree(&self, index: u64, count: usize) {
        for manager in self.alive() {
            timeout(PATIENCE, manager.replica().wait_index(index))
                .await
                .expect("catches up");
        }
        let digests = timeout(PATIENCE, self.level())
            .await
            .expect("all come to the same index");
        assert!(digests.windows(2).all(|pair| pair[0] == pair[1]), "digests agree");
        for manager in self.alive() {
            manager.replica().read(|state| {
                assert_eq!(state.secrets().len(), count, "no acknowledged secret is missing");
                assert_eq!(state.check(), Vec::<String>::new());
            });
        }
    }

    /// The leader goes on by itself, as when a newcomer has got its vote or a manager has said something of its keys: the
    /// digests of all at one index.
    async fn level(&self) -> Vec<[u8; 32]> {
        loop {
            let seen = self
                .alive()
                .map(|manager| manager.replica().read(|state| (state.index(), state.digest())));
            let (indexes, digests): (Vec<u64>, Vec<[u8; 32]>) = seen.unzip();
            let highest = indexes.iter().copied().max().unwrap_or_default();
            if indexes.iter().all(|index| *index == highest) {
                return digests;
            }
            for manager in self.alive() {
                manager.replica().wait_index(highest).await;
            }
        }
    }

    fn leader(&self) -> Option<usize> {
        self.running.iter().position(|running| {
            running
                .as_ref()
                .is_some_and(|running| running.manager.leadership().borrow().mine)
        })
    }

    pub(super) async fn wait_leader(&self) -> usize {
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

pub(super) fn actor() -> Actor {
    Actor {
        name: "admin:test".into(),
        from: "local".into(),
    }
}

pub(super) fn secret(number: u64) -> Command {
    let version = NewVersion {
        id: VersionId::new(format!("version{number}")),
        size: 3,
        sealed: SealedValue {
            wrapped_key: vec![1],
            ciphertext: vec![2; 100],
            key_check: [0; 4],
        },
        receipt_digest: [0; 32],
        fingerprint: [0; 32],
    };
    let (id, name) = (SecretId::new(format!("secret{number}")), format!("s{number}"));
    Command::CreateSecret {
        id,
        name,
        labels: BTreeMap::new(),
        max_age_ms: 0,
        template: Template::None,
        schedule: None,
        version,
    }
}
