//! A cluster starts, keeps what it was told, and starts again; what it cannot start with is named.
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use wardroom_api::Client;
use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::v1;

use std::collections::BTreeMap;
use std::path::Path;

use wardroom_ca::{CertificateFacts, ManualClock, NodeFiles};
use wardroom_keys::OsChance;
use wardroom_manager::state::State;
use wardroom_manager::state::command::Command;
use wardroom_manager::state::ids::NodeId;

use super::*;
use crate::node::badge;
use crate::node::beginning::system;
use crate::node::establish::establish;
use crate::node::founding::Wanted;
use crate::node::house::{self, Opened};
use crate::node::manifest::{ManagerEntry, Manifest};
use crate::node::nodes::{self, Ground};
use crate::node::{door, samples};

const DAY_MS: i64 = 24 * 3600 * 1000;

fn open(dir: &Path) -> Box<House> {
    open_with(dir, 1)
}

fn open_with(dir: &Path, managers: u8) -> Box<House> {
    let wanted = Wanted {
        name: "test".into(),
        managers,
        workers: 0,
    };
    match house::open(dir, &wanted, &OsChance).unwrap() {
        Opened::Mine(house) => house,
        Opened::Running { .. } => panic!("nobody else is there"),
    }
}

async fn started(dir: &Path) -> (Embedded, Client) {
    let house = open(dir);
    let (client, door) = door::open("embedded".to_owned());
    (start(house, None, door).await.unwrap(), client)
}

async fn names(client: &Client) -> Vec<String> {
    let ask = v1::ListRequest {
        kind: v1::Kind::Secret.into(),
        ..v1::ListRequest::default()
    };
    let listed = within(CALL_DEADLINE, client.control().list(request(ask, CALL_DEADLINE)))
        .await
        .unwrap();
    let name = |object: v1::Object| match object.kind {
        Some(v1::object::Kind::Secret(secret)) => Some(secret.name),
        _ => None,
    };
    listed.objects.into_iter().filter_map(name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_it_was_told_is_there_after_a_restart() {
    let scratch = tempfile::tempdir().unwrap();
    let (cluster, client) = started(scratch.path()).await;
    let socket = scratch.path().join(crate::cli::connect::SOCKET);
    assert!(socket.exists());
    let message = v1::CreateSecretRequest {
        name: "kept".into(),
        value: Some(v1::Value::generated(8)),
        ..v1::CreateSecretRequest::default()
    };
    within(
        CALL_DEADLINE,
        client.control().create_secret(request(message, CALL_DEADLINE)),
    )
    .await
    .unwrap();
    cluster.shutdown().await;
    assert!(!socket.exists());
    assert_eq!(
        Manifest::read(scratch.path()).unwrap().unwrap().founding,
        None,
        "it is founded once"
    );

    let (cluster, _client) = started(scratch.path()).await;
    // The socket and the door lead to the same cluster.
    assert_eq!(names(&Client::unix(&socket)).await, ["kept"]);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn samples_are_made_once() {
    let scratch = tempfile::tempdir().unwrap();
    let (cluster, client) = started(scratch.path()).await;
    samples::furnish(&client).await.unwrap();
    let made = names(&client).await.len();
    samples::furnish(&client).await.unwrap();
    assert_eq!((made, names(&client).await.len()), (6, 6));
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_in_use_is_named_and_nothing_stays_behind() {
    let scratch = tempfile::tempdir().unwrap();
    let house = open(scratch.path());
    let address = house.manifest.managers[0].address.clone();
    let _other = std::net::TcpListener::bind(&address).unwrap();
    let (_client, door) = door::open("embedded".to_owned());
    let report = start(house, None, door).await.err().unwrap();
    assert!(report.message.contains(&address), "{}", report.message);
    assert!(report.hint.is_some());
    assert!(!scratch.path().join(crate::cli::connect::SOCKET).exists());
    // The lock is free again.
    drop(open(scratch.path()));
}

async fn started_at(dir: &Path, clock: &Arc<ManualClock>) -> (Embedded, Client) {
    let (client, door) = door::open("embedded".to_owned());
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    (start_at(open_with(dir, 3), None, door, clock).await.unwrap(), client)
}

impl Embedded {
    /// Of a cluster that is led.
    pub(in crate::node) fn managers(&self) -> Vec<Manager> {
        match &*self.phase.borrow() {
            Phase::Running(managers) => managers.clone(),
            _ => panic!("it is led"),
        }
    }
}

/// The certificates of the nodes in that directory. Nothing else is read there: the keys are those of the cluster that runs.
fn certificates(dir: &Path) -> BTreeMap<NodeId, CertificateFacts> {
    let manifest = Manifest::read(dir).unwrap().unwrap();
    let certificate = |manager: &ManagerEntry| {
        let (identity, facts) = NodeFiles::identity(&dir.join(&manager.hostname)).unwrap();
        (NodeId::new(identity.node_id), facts)
    };
    manifest.managers.iter().map(certificate).collect()
}

/// Until the state says of every node what its folder says; gives the earliest end of a certificate.
async fn recorded(dir: &Path, cluster: &Embedded) -> i64 {
    let certificates = certificates(dir);
    let managers = cluster.managers();
    let replica = managers[0].replica();
    let mut moving = replica.indices();
    let is_recorded = |(node, facts): (&NodeId, &CertificateFacts)| {
        replica.read(|state| state.nodes()[node].certificate.fingerprint == facts.fingerprint)
    };
    // Not inside a look at the index: what is applied meanwhile holds the state and waits for the index.
    let all_are = async {
        while !certificates.iter().all(is_recorded) {
            moving.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), all_are)
        .await
        .expect("it is recorded");
    certificates.values().map(|facts| facts.not_after_ms).min().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_outlives_its_certificates() {
    let scratch = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    let (cluster, _client) = started_at(scratch.path(), &clock).await;
    let first_end = recorded(scratch.path(), &cluster).await;
    cluster.shutdown().await;

    // Nobody opened it before all its certificates had expired: no manager believes another one.
    clock.set(first_end + 30 * DAY_MS);
    let (cluster, client) = started_at(scratch.path(), &clock).await;
    let second_end = recorded(scratch.path(), &cluster).await;
    assert!(second_end > clock.now_ms() + 80 * DAY_MS);
    assert_eq!(names(&client).await, [""; 0]);
    cluster.shutdown().await;

    // Opened again while they are young: nothing is renewed.
    clock.advance(DAY_MS);
    let (cluster, _client) = started_at(scratch.path(), &clock).await;
    assert_eq!(recorded(scratch.path(), &cluster).await, second_end);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_root_takes_over_by_itself() {
    let scratch = tempfile::tempdir().unwrap();
    let clock = Arc::new(ManualClock::new(SystemClock.now_ms()));
    let (cluster, client) = started_at(scratch.path(), &clock).await;
    recorded(scratch.path(), &cluster).await;
    let of_old = certificates(scratch.path()).into_values();
    let old: Vec<String> = of_old.map(|facts| facts.issuer).collect();
    let call = async {
        let message = v1::RotateRootRequest::default();
        client.control().rotate_root(request(message, CALL_DEADLINE)).await
    };
    within(CALL_DEADLINE, call).await.unwrap();

    // The old root is let go when the last certificate is of the new one.
    let managers = cluster.managers();
    let replica = managers[0].replica();
    let mut moving = replica.indices();
    let has_moved = |state: &State| {
        let cluster = state.cluster().unwrap();
        let is_new = |issuer: &String| *issuer == cluster.root_key_id && !old.contains(issuer);
        cluster.retiring.is_empty() && state.nodes().values().all(|node| is_new(&node.certificate.issuer))
    };
    let moved = async {
        while !replica.read(has_moved) {
            moving.changed().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(30), moved)
        .await
        .expect("everybody follows");
    cluster.shutdown().await;
    let (cluster, client) = started_at(scratch.path(), &clock).await;
    assert_eq!(names(&client).await, [""; 0]);
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_founding_is_finished_by_whoever_leads() {
    let scratch = tempfile::tempdir().unwrap();
    let mut house = open_with(scratch.path(), 3);
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let ground = Ground {
        manifest: house.manifest.clone(),
        badges: badge::all(&house.dir, &house.manifest, &clock).unwrap(),
        clock,
        seed: None,
    };
    let mut managers = nodes::start_managers(&ground, &ground.manifest.managers).await.unwrap();
    // The members are told, and the first change is not: any other change is refused before it.
    let members = house.manifest.managers.iter().map(|entry| {
        let peer = wardroom_manager::Peer {
            address: entry.address.clone(),
            node_id: entry.node_id.clone(),
        };
        (entry.raft_id, peer)
    });
    let refused = Command::NoteRefusal {
        method: String::new(),
        reason: String::new(),
    };
    assert!(
        managers[0]
            .initialize(members.collect(), system(), refused)
            .await
            .is_err()
    );
    // Whoever is asked first does not lead.
    managers.rotate_left(1);
    establish(&mut house, &managers, &ground.badges).await.unwrap();
    assert_eq!(Manifest::read(scratch.path()).unwrap().unwrap().founding, None);
    // A crash came before the manifest was written: it is found to be done.
    house.manifest.founding = ground.manifest.founding.clone();
    establish(&mut house, &managers, &ground.badges).await.unwrap();
    for manager in &managers {
        manager.shutdown().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_socket_that_cannot_be_bound_leaves_no_worker() {
    let scratch = tempfile::tempdir().unwrap();
    let wanted = Wanted {
        name: "test".into(),
        managers: 1,
        workers: 1,
    };
    let Opened::Mine(house) = house::open(scratch.path(), &wanted, &OsChance).unwrap() else {
        panic!("nobody else is there")
    };
    // No socket can replace a folder.
    std::fs::create_dir(house.socket()).unwrap();
    let (_client, door) = door::open("embedded".to_owned());
    let report = start(house, None, door).await.err().unwrap();
    assert!(
        report.message.contains(&*scratch.path().to_string_lossy()),
        "{}",
        report.message
    );
    drop(open(scratch.path()));
}
