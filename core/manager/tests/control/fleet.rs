//! What do the tests run against? Three managers, a client of each, and certificates for workers.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt};
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::Channel;
use wardroom_api::net::TcpNet;
use wardroom_api::v1::control_client::ControlClient;
use wardroom_api::{channel, v1};
use wardroom_ca::{Clock, IssueRequest, NODE_LIFETIME, NodeTls, Role, Root, SystemClock};
use wardroom_keys::{Keyring, MemKeyStore, OsChance, SealingRoot, SecretBytes, SharedKeyring};
use wardroom_log::{MemDisk, Spawn};
use wardroom_manager::{HookError, Hooks, Local, Manager, ManagerConfig, Peer, Seams, Timing};
use wardroom_state::State;
use wardroom_state::cluster::{Cluster, JoinToken};
use wardroom_state::command::{Actor, Command};
use wardroom_state::ids::{ClusterId, NodeId};
use wardroom_state::node::{Availability, Certificate, Node, NodeState};

const CLUSTER: &str = "testcluster";
/// Far more than anything takes: what a test waits for happens, or the test fails.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) async fn in_time<T>(what: &str, future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future)
        .await
        .unwrap_or_else(|_| panic!("{what} did not happen in time"))
}

pub(crate) struct Fleet {
    pub(crate) managers: Vec<Manager>,
    locals: Vec<Channel>,
    pub(crate) disks: Vec<MemDisk>,
    pub(crate) root: Root,
}

impl Fleet {
    /// Three managers that lead and follow, and workers `w1` ... that are known and have not spoken yet.
    pub(crate) async fn start(workers: u32) -> Self {
        let root = Root::create(CLUSTER, &SystemClock, &OsChance).unwrap();
        let sealing_root = SealingRoot::generate(&OsChance);
        let (mut managers, mut locals, mut disks) = (Vec::new(), Vec::new(), Vec::new());
        for raft_id in 1..=3 {
            let node_id = format!("m{raft_id}");
            let keyring = Keyring::create(&OsChance, CLUSTER, &node_id, &sealing_root, 1);
            let keyring = Arc::new(SharedKeyring::new(keyring, Arc::new(MemKeyStore::default())));
            let disk = MemDisk::new();
            let tls = certificate(&root, &node_id, Role::Manager);
            let manager = Manager::start(config(raft_id, &node_id), keyring, tls, seams(&disk))
                .await
                .unwrap();
            let (local, incoming) = local_channel();
            let incoming = ReceiverStream::new(incoming);
            manager.serve_local(incoming.map(|stream| Local::trusted(Box::new(stream), "test")));
            managers.push(manager);
            locals.push(local);
            disks.push(disk);
        }
        let fleet = Self {
            managers,
            locals,
            disks,
            root,
        };
        fleet.bootstrap(&sealing_root, workers).await;
        fleet
    }

    async fn bootstrap(&self, sealing_root: &SealingRoot, workers: u32) {
        let peer = |(place, manager): (usize, &Manager)| {
            let raft_id = place as u64 + 1;
            (
                raft_id,
                Peer {
                    address: manager.address().to_owned(),
                    node_id: format!("m{raft_id}"),
                },
            )
        };
        let members: BTreeMap<u64, Peer> = self.managers.iter().enumerate().map(peer).collect();
        let managers = members.iter().map(|(raft_id, peer)| Node {
            address: peer.address.clone(),
            raft_id: *raft_id,
            ..node(&peer.node_id, wardroom_state::node::Role::Manager)
        });
        let workers = (1..=workers).map(|number| node(&format!("w{number}"), wardroom_state::node::Role::Worker));
        let cluster = Cluster {
            id: ClusterId::new(CLUSTER),
            name: "test".into(),
            created_at_ms: 1,
            root_certificate: self.root.certificate_pem().to_owned(),
            root_fingerprint: self.root.fingerprint().to_owned(),
            root_key_id: self.root.key_id().to_owned(),
            root_not_after_ms: i64::MAX,
            sealed_root_key: sealing_root.seal_root_key(&OsChance, CLUSTER, self.root.key_der()),
            sealing_root_check: sealing_root.check(),
            retiring: Vec::new(),
            certificate_life_ms: 90 * 24 * 3_600_000,
            worker_token: JoinToken::default(),
            manager_token: JoinToken::default(),
            autolock: false,
            heartbeat_ms: 1_000,
            task_history: 5,
            snapshot_every: 5_000,
            refuse_env: false,
            version_index: 0,
        };
        let bootstrap = Command::Bootstrap {
            cluster,
            nodes: managers.chain(workers).collect(),
        };
        let actor = Actor {
            name: "system".into(),
            from: "local".into(),
        };
        self.managers[0].initialize(members, actor, bootstrap).await.unwrap();
        for manager in &self.managers {
            until(manager, "the cluster begins", |state| state.cluster().is_some()).await;
        }
    }

    /// The place of the manager that leads.
    pub(crate) fn leader(&self) -> usize {
        self.managers
            .iter()
            .position(|manager| manager.leadership().borrow().mine)
            .expect("somebody leads")
    }

    pub(crate) fn follower(&self) -> usize {
        (self.leader() + 1) % self.managers.len()
    }

    /// An operator at the local socket of one manager.
    pub(crate) fn control(&self, place: usize) -> ControlClient<tonic::transport::Channel> {
        channel::control(self.local(place))
    }

    /// The local socket of one manager, for any service.
    pub(crate) fn local(&self, place: usize) -> Channel {
        self.locals[place].clone()
    }

    pub(crate) fn addresses(&self) -> Vec<String> {
        self.managers
            .iter()
            .map(|manager| manager.address().to_owned())
            .collect()
    }

    pub(crate) fn worker_tls(&self, node_id: &str) -> NodeTls {
        self.tls(node_id, Role::Worker)
    }

    pub(crate) fn tls(&self, node_id: &str, role: Role) -> NodeTls {
        certificate(&self.root, node_id, role)
    }

    pub(crate) async fn stop(self) {
        for manager in &self.managers {
            manager.shutdown().await;
        }
    }
}

/// Connections to a manager in this process, and where it gets them from.
fn local_channel() -> (Channel, mpsc::Receiver<DuplexStream>) {
    let (sender, incoming) = mpsc::channel(16);
    let channel = channel::lazy(move || {
        let sender = sender.clone();
        async move {
            let (near, far) = tokio::io::duplex(64 * 1024);
            sender.send(far).await.map_err(std::io::Error::other)?;
            Ok::<_, std::io::Error>(near)
        }
    });
    (channel, incoming)
}

/// Waits until the manager's replica shows what is asked for; woken by what is applied.
pub(crate) async fn until(manager: &Manager, what: &str, holds: impl Fn(&State) -> bool) {
    let mut indices = manager.replica().indices();
    in_time(what, async {
        while !manager.replica().read(&holds) {
            indices.changed().await.unwrap();
        }
    })
    .await;
}

fn certificate(root: &Root, node_id: &str, role: Role) -> NodeTls {
    let now_ms = SystemClock.now_ms();
    let request = IssueRequest {
        node_id,
        role,
        sans: &[],
        lifetime: NODE_LIFETIME,
        now_ms,
    };
    let issued = root.issue(&request, &OsChance).unwrap();
    NodeTls::new(
        root.certificate_pem(),
        &issued.certificate_pem,
        &issued.key,
        Arc::new(SystemClock),
    )
    .unwrap()
}

fn config(raft_id: u64, node_id: &str) -> ManagerConfig {
    ManagerConfig {
        cluster_id: CLUSTER.into(),
        node_id: node_id.into(),
        raft_id,
        hostname: format!("host-{node_id}"),
        listen: "127.0.0.1:0".into(),
        advertise: String::new(),
        timing: Timing::default(),
        snapshot_every: 5_000,
    }
}

fn seams(disk: &MemDisk) -> Seams {
    Seams {
        clock: Arc::new(SystemClock),
        chance: Arc::new(OsChance),
        net: Arc::new(TcpNet),
        disk: Arc::new(disk.clone()),
        spawn: Spawn::Task,
        hooks: Arc::new(FakeHooks),
    }
}

/// `give` gives a value, whatever it is asked for; the others fail.
struct FakeHooks;

impl Hooks for FakeHooks {
    fn run<'a>(&'a self, hook: &'a str, secret: &'a str) -> BoxFuture<'a, Result<SecretBytes, HookError>> {
        let made = match hook {
            "give" => Ok(SecretBytes::new(format!("given to {secret}").into_bytes())),
            _ => Err(HookError("it ended with exit status: 1".into())),
        };
        std::future::ready(made).boxed()
    }
}

fn node(id: &str, role: wardroom_state::node::Role) -> Node {
    Node {
        id: NodeId::new(id),
        hostname: format!("host-{id}"),
        role,
        desired_role: role,
        availability: Availability::Active,
        state: NodeState::Unknown,
        message: String::new(),
        state_since_ms: 0,
        address: String::new(),
        raft_id: 0,
        runs_tasks: role == wardroom_state::node::Role::Worker,
        version: String::new(),
        labels: BTreeMap::new(),
        certificate: Certificate::default(),
        created_at_ms: 0,
        version_index: 0,
    }
}

/// Objects of one kind as a manager lists them.
pub(crate) async fn list(
    control: &mut ControlClient<tonic::transport::Channel>,
    request: v1::ListRequest,
) -> Vec<v1::object::Kind> {
    let listed = control.list(request).await.unwrap().into_inner();
    listed.objects.into_iter().map(|object| object.kind.unwrap()).collect()
}
