//! Does an embedded cluster lock and unlock as a whole, also when a crash has left one of its managers behind?
#![allow(clippy::unwrap_used)] // a failed unwrap is a failed test

use std::path::Path;
use std::time::Duration;

use wardroom_api::channel::{CALL_DEADLINE, request, within};
use wardroom_api::{CallError, Client, v1};
use wardroom_keys::{KeyringFile, OsChance, UnlockKey};
use wardroom_manager::state::State;

use crate::node::cluster::{self, Embedded};
use crate::node::door;
use crate::node::founding::{KEYRING, Wanted};
use crate::node::house::{self, Opened};
use crate::node::unlocking::words;

const DEADLINE: Duration = Duration::from_secs(60);

async fn started(dir: &Path) -> (Embedded, Client) {
    let wanted = Wanted {
        name: "test".into(),
        managers: 3,
        workers: 1,
    };
    let Opened::Mine(house) = house::open(dir, &wanted, &OsChance).unwrap() else {
        panic!("nobody else is there")
    };
    let (client, door) = door::open("embedded".to_owned());
    (cluster::start(house, None, door).await.unwrap(), client)
}

async fn autolock(client: &Client) {
    let message = v1::UpdateClusterRequest {
        autolock: Some(true),
        ..v1::UpdateClusterRequest::default()
    };
    let call = async { client.control().update_cluster(request(message, CALL_DEADLINE)).await };
    within(CALL_DEADLINE, call).await.unwrap();
}

async fn unlock_key(client: &Client) -> Vec<u8> {
    let message = v1::GetUnlockKeyRequest::default();
    let call = async { client.control().get_unlock_key(request(message, CALL_DEADLINE)).await };
    within(CALL_DEADLINE, call).await.unwrap().key.take().unwrap().take()
}

/// Somebody has the unlock key: the managers' disks need it from now on.
async fn keep(client: &Client, epoch: u32) {
    let message = v1::KeepUnlockKeyRequest { epoch };
    let call = async { client.control().keep_unlock_key(request(message, CALL_DEADLINE)).await };
    within(CALL_DEADLINE, call).await.unwrap();
}

async fn rotate(client: &Client) {
    let message = v1::RotateUnlockKeyRequest::default();
    let call = async {
        client
            .control()
            .rotate_unlock_key(request(message, CALL_DEADLINE))
            .await
    };
    within(CALL_DEADLINE, call).await.unwrap();
}

async fn unlock(client: &Client, key: &[u8]) -> Result<v1::LockFacts, CallError> {
    let message = v1::UnlockRequest {
        key: Some(v1::Confidential::new(key.to_vec())),
    };
    let call = async { client.lock().unlock(request(message, CALL_DEADLINE)).await };
    within(CALL_DEADLINE, call).await
}

async fn get_lock(client: &Client) -> v1::LockFacts {
    let call = async {
        client
            .lock()
            .get_lock(request(v1::GetLockRequest {}, CALL_DEADLINE))
            .await
    };
    within(CALL_DEADLINE, call).await.unwrap()
}

async fn close(client: &Client) -> Result<v1::LockFacts, CallError> {
    let call = async { client.lock().close(request(v1::CloseRequest {}, CALL_DEADLINE)).await };
    within(CALL_DEADLINE, call).await
}

async fn list(client: &Client) -> Result<usize, CallError> {
    let message = v1::ListRequest {
        kind: v1::Kind::Node.into(),
        ..v1::ListRequest::default()
    };
    let call = async { client.control().list(request(message, CALL_DEADLINE)).await };
    Ok(within(CALL_DEADLINE, call).await?.objects.len())
}

/// Where nobody writes just now: whoever reads while a keyring is replaced may find the one before, wiped.
fn keyring(dir: &Path, number: u8) -> KeyringFile {
    let path = dir.join(format!("manager-{number}")).join(KEYRING);
    KeyringFile::decode(&std::fs::read(path).unwrap()).unwrap()
}

/// Waits until the cluster knows of its managers' keys what is wanted.
async fn keys_are(cluster: &Embedded, what: &str, wanted: impl Fn(&State) -> bool) {
    let managers = cluster.managers();
    let replica = managers[0].replica();
    let mut moving = replica.indices();
    let settles = async {
        // Not inside a look at the index: what is applied meanwhile holds the state and waits for the index.
        while !replica.read(&wanted) {
            moving.changed().await.unwrap();
        }
    };
    let settled = tokio::time::timeout(DEADLINE, settles).await;
    assert!(
        settled.is_ok(),
        "waited in vain until {what}: {:?}",
        replica.read(|state| state.keys().clone())
    );
}

/// Waits until the audit chain says so of all managers.
async fn is_noted(cluster: &Embedded, action: &str, detail: &str) {
    let said = (action, "manager-1, manager-2, manager-3", detail);
    let is_there = |state: &State| {
        let mut records = state.audit();
        records.any(|record| (record.action.as_str(), record.object.as_str(), record.detail.as_str()) == said)
    };
    keys_are(cluster, "the audit chain has it", is_there).await;
}

/// Waits until every manager's keyring is locked under that epoch, and no node key is in clear or was. Nothing is left to do
/// then: nobody writes a keyring any more.
async fn all_locked(cluster: &Embedded, dir: &Path, epoch: u32) {
    let have_followed = |state: &State| {
        let keys = state.keys();
        let is_kept = keys.kept_unlock_key().0 == epoch;
        is_kept && keys.unfinished_orders().next().is_none() && state.on_earlier_unlock_key().is_empty()
    };
    keys_are(cluster, "all have followed", have_followed).await;
    for number in 1..=3 {
        let file = keyring(dir, number);
        assert!(file.is_locked() && file.kek_epoch() == epoch, "manager-{number}");
        let folder = dir.join(format!("manager-{number}"));
        assert!(folder.join("key.sealed").exists() && !folder.join("key.der").exists());
    }
    // A key that was in clear once is replaced by a renewal, which is no part of the order.
    let is_fresh = |number: u8| {
        let folder = dir.join(format!("manager-{number}"));
        matches!(wardroom_ca::NodeFiles::was_exposed(&folder), Ok(false))
    };
    let settles = async {
        while !(1..=3).all(is_fresh) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settles).await.expect("they are renewed");
}

/// Waits until no manager waits for its key any more.
async fn all_open(client: &Client) {
    let settles = async {
        while !get_lock(client).await.managers.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settles).await.expect("all are open");
}

async fn led(cluster: &Embedded) {
    tokio::time::timeout(DEADLINE, cluster.led()).await.expect("it is led");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_directory_comes_up_locked_and_one_key_opens_all_of_it() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    let (cluster, client) = started(dir).await;
    assert!(
        close(&client)
            .await
            .unwrap_err()
            .to_string()
            .contains("autolock is off")
    );
    autolock(&client).await;
    let key = unlock_key(&client).await;
    keep(&client, 2).await;
    all_locked(&cluster, dir, 2).await;
    cluster.shutdown().await;

    let (cluster, client) = started(dir).await;
    assert!(cluster.is_locked());
    let outside = Client::unix(dir.join(crate::cli::connect::SOCKET));
    let facts = get_lock(&outside).await;
    assert!(facts.locked && facts.managers.len() == 3);
    assert_eq!(list(&client).await.unwrap_err().to_string(), words::LOCKED);
    let wrong = UnlockKey::generate(&OsChance).text();
    let error = unlock(&outside, wrong.expose()).await.unwrap_err();
    assert!(error.to_string().contains("invalid key provided"), "{error}");
    let facts = unlock(&outside, &key).await.unwrap();
    assert!(!facts.locked && facts.managers.is_empty());
    led(&cluster).await;
    assert_eq!(list(&client).await.unwrap(), 4);
    is_noted(&cluster, "swarm.unlock", "with the key, after 1 wrong key").await;

    // It forgets its keys when it is told to, and opens again.
    let facts = close(&client).await.unwrap();
    assert!(facts.locked);
    assert!(cluster.is_locked());
    assert_eq!(list(&client).await.unwrap_err().to_string(), words::LOCKED);
    unlock(&client, &key).await.unwrap();
    led(&cluster).await;
    assert_eq!(list(&client).await.unwrap(), 4);
    is_noted(&cluster, "swarm.lock", "").await;
    is_noted(&cluster, "swarm.unlock", "with the key").await;
    cluster.shutdown().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manager_that_a_crash_left_behind_opens_with_what_the_others_kept() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path();
    let (cluster, client) = started(dir).await;
    autolock(&client).await;
    let first = unlock_key(&client).await;
    keep(&client, 2).await;
    all_locked(&cluster, dir, 2).await;
    // The third manager cannot write its keyring any more, and stays under the key before.
    let obstacle = dir.join("manager-3").join("keyring.tmp");
    std::fs::create_dir(&obstacle).unwrap();
    rotate(&client).await;
    let second = unlock_key(&client).await;
    keep(&client, 3).await;
    let only_one_owes = |state: &State| {
        let behind = state.on_earlier_unlock_key();
        behind.len() == 1 && state.owing(state.keys().last_order) == behind
    };
    keys_are(&cluster, "the others have followed", only_one_owes).await;
    cluster.shutdown().await;
    assert_eq!(keyring(dir, 3).kek_epoch(), 2);
    std::fs::remove_dir(&obstacle).unwrap();

    let (cluster, client) = started(dir).await;
    assert!(cluster.is_locked());
    // The key before opens the third manager alone, and there is no cluster yet.
    let facts = unlock(&client, &first).await.unwrap();
    assert_eq!(facts.managers.len(), 2);
    assert!(!cluster.is_locked(), "it waits for the others");
    cluster.shutdown().await;

    let (cluster, client) = started(dir).await;
    unlock(&client, &second).await.unwrap();
    led(&cluster).await;
    all_open(&client).await;
    all_locked(&cluster, dir, 3).await;
    assert_eq!(list(&client).await.unwrap(), 4);
    cluster.shutdown().await;
}
