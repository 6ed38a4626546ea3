//! Does a machine lock and unlock as it is told, and is there never a key in clear on its disk while it locks?

use std::fs;
use std::path::PathBuf;

use tonic::Code;

use super::super::manifest::NodeRole;
use super::super::words;
use super::*;
use crate::node::unlocking::LockOrder;

impl Machine {
    /// A cluster that locks from the beginning. Returns its address and its unlock key.
    async fn init_locked(&self) -> (String, Vec<u8>) {
        let message = v1::InitRequest {
            listen: address(),
            autolock: true,
            ..v1::InitRequest::default()
        };
        let mut founded = self.order(|reply| Order::Init(message, system(), reply)).await.unwrap();
        (founded.address.clone(), founded.unlock_key.take().unwrap().take())
    }

    async fn unlock(&self, text: &[u8]) -> Result<v1::LockFacts, Refusal> {
        let text = SecretBytes::new(text.to_vec());
        self.order(|reply| Order::Lock(LockOrder::Unlock(text, system(), reply)))
            .await
    }

    async fn close(&self) -> Result<v1::LockFacts, Refusal> {
        self.order(|reply| Order::Lock(LockOrder::Close(system(), reply))).await
    }

    async fn is_locked(&self) {
        self.is("locked", |local| local.standing == Standing::Locked).await;
    }

    /// Somebody has the unlock key: the managers' disks need it from now on.
    async fn keep_unlock_key(&self, epoch: u32) {
        let message = v1::KeepUnlockKeyRequest { epoch };
        let call = async {
            self.client
                .control()
                .keep_unlock_key(request(message, CALL_DEADLINE))
                .await
        };
        within(CALL_DEADLINE, call).await.unwrap();
    }

    /// Turns autolock on or off.
    async fn autolock(&self, on: bool) {
        let message = v1::UpdateClusterRequest {
            autolock: Some(on),
            ..v1::UpdateClusterRequest::default()
        };
        let call = async {
            self.client
                .control()
                .update_cluster(request(message, CALL_DEADLINE))
                .await
        };
        within(CALL_DEADLINE, call).await.unwrap();
    }

    async fn unlock_key(&self) -> Vec<u8> {
        let call = async {
            let message = v1::GetUnlockKeyRequest::default();
            self.client
                .control()
                .get_unlock_key(request(message, CALL_DEADLINE))
                .await
        };
        let mut answer = within(CALL_DEADLINE, call).await.unwrap();
        answer.key.take().unwrap().take()
    }
}

/// Every file below the directory.
fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found
}

/// No private key (PKCS#8 of Ed25519) and no unlock key stands below the directory, and the node's own is sealed.
fn assert_no_key_in_clear(dir: &Path) {
    const PKCS8: [u8; 16] = [
        0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
    ];
    for path in files(dir) {
        // What is being replaced may be gone by now.
        let bytes = fs::read(&path).unwrap_or_default();
        let has_key = bytes.windows(PKCS8.len()).any(|window| window == PKCS8);
        assert!(!has_key, "{}", path.display());
    }
    assert!(dir.join("identity/key.sealed").exists());
    let keyring = fs::read(dir.join("manager/keyring")).unwrap();
    assert!(wardroom_keys::KeyringFile::decode(&keyring).unwrap().is_locked());
}

fn has_key_in_clear(dir: &Path) -> bool {
    dir.join("identity/key.der").exists()
}

/// Waits until the audit chain says so.
async fn is_noted(machine: &Machine, action: &str, object: &str, detail: &str) {
    let said = (action, object, detail);
    let is_there = |view: &ClusterView| {
        let mut records = view.audit.values();
        records.any(|record| (record.action.as_str(), record.object.as_str(), record.detail.as_str()) == said)
    };
    machine.sees("the audit chain has it", is_there).await;
}

/// Waits until what was ordered of this manager's keys is done: nobody writes its keyring any more.
async fn has_followed(machine: &Machine) {
    let is_done = |view: &ClusterView| {
        let keys = view.cluster.as_ref().and_then(|cluster| cluster.keys.as_ref());
        keys.is_some_and(|keys| !keys.orders.is_empty() && keys.orders.iter().all(|order| order.owing.is_empty()))
    };
    machine.sees("its old keys are left behind", is_done).await;
}

/// Waits until the node's key on disk is another one than before: it was renewed.
async fn renewed(machine: &Machine, before: i64) {
    machine
        .is("renewed", |local| local.certificate_not_after_ms > before)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_that_locks_from_its_beginning_opens_with_its_key_only() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    let (_, key) = machine.init_locked().await;
    machine.is_active().await;
    assert_no_key_in_clear(&dir);
    assert_eq!(machine.unlock_key().await, key);
    machine.create_secret("kept").await;
    assert_eq!(machine.unlock(&key).await.unwrap_err().text, words::NOT_LOCKED);
    machine.stop().await;
    assert_no_key_in_clear(&dir);

    let machine = Machine::start(&dir, &clock).await;
    machine.is_locked().await;
    assert_eq!(machine.nodes().await.unwrap_err().to_string(), words::LOCKED);
    assert_eq!(machine.leave(false).await.unwrap_err().text, words::LOCKED_LEAVE);
    assert_eq!(
        machine.unlock(b"nonsense").await.unwrap_err().code,
        Code::InvalidArgument
    );
    let wrong = wardroom_keys::UnlockKey::generate(&OsChance).text();
    let refusal = machine.unlock(wrong.expose()).await.unwrap_err();
    assert_eq!(refusal.code, Code::Unauthenticated);
    assert!(refusal.text.contains("the key of epoch 2 opens m1"), "{}", refusal.text);
    let again = v1::InitRequest {
        force_new_cluster: true,
        ..v1::InitRequest::default()
    };
    let refusal = machine
        .order(|reply| Order::Init(again, system(), reply))
        .await
        .unwrap_err();
    assert!(refusal.text.contains("Unlock it first"), "{}", refusal.text);
    let joined = machine.join(b"SWMTKN-1-x", "127.0.0.1:1").await.unwrap_err();
    assert!(joined.text.contains("Unlock it first"), "{}", joined.text);

    let facts = machine.unlock(&key).await.unwrap();
    assert!(!facts.locked && facts.managers.is_empty());
    machine.is_active().await;
    assert_eq!(machine.secrets().await, ["kept"]);
    is_noted(&machine, "swarm.unlock", "m1", "with the key, after 1 wrong key").await;
    machine.stop().await;
    assert_no_key_in_clear(&dir);
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_the_lock_on_leaves_no_key_in_clear_and_brings_a_fresh_one() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    machine.init().await;
    let before = machine.is_active().await.certificate_not_after_ms;
    assert!(has_key_in_clear(&dir));
    assert_eq!(machine.close().await.unwrap_err().text, words::AUTOLOCK_OFF);

    clock.advance(60_000);
    machine.autolock(true).await;
    let key = machine.unlock_key().await;
    machine.keep_unlock_key(2).await;
    renewed(&machine, before).await;
    has_followed(&machine).await;
    assert_no_key_in_clear(&dir);
    machine.close().await.unwrap();
    machine.is_locked().await;
    assert!(machine.close().await.unwrap().locked, "it is what was wanted");
    machine.unlock(&key).await.unwrap();
    machine.is_active().await;
    is_noted(&machine, "swarm.lock", "m1", "").await;
    is_noted(&machine, "swarm.unlock", "m1", "with the key").await;

    machine.autolock(false).await;
    let settles = async {
        while !has_key_in_clear(&dir) || dir.join("identity/key.sealed").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settles).await.unwrap();
    machine.stop().await;
    let machine = Machine::start(&dir, &clock).await;
    machine.is_active().await;
    machine.stop().await;
}

/// A keyring is exchanged, and the one before is wiped where it lay: whoever reads it meanwhile finds that.
#[tokio::test(flavor = "multi_thread")]
async fn a_machine_locks_also_while_its_keyring_is_being_replaced() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    let (_, key) = machine.init_locked().await;
    machine.is_active().await;
    // Nobody else writes it from then on.
    let is_at_rest = |view: &ClusterView| {
        let keys = view.cluster.as_ref().and_then(|cluster| cluster.keys.as_ref());
        keys.is_some_and(|keys| !keys.managers.is_empty() && keys.orders.iter().all(|order| order.owing.is_empty()))
    };
    machine.sees("the manager has told of its keys", is_at_rest).await;
    let path = dir.join("manager/keyring");
    let keyring = fs::read(&path).unwrap();
    fs::write(&path, vec![0; keyring.len()]).unwrap();
    let facts = machine.close().await.unwrap();
    assert!(facts.locked && facts.managers[0].unlock_key_epoch == 2);
    let refusal = machine.unlock(&key).await.unwrap_err();
    assert!(refusal.text.contains("not a wardroom keyring"), "{}", refusal.text);
    machine.is_locked().await;
    fs::write(&path, keyring).unwrap();
    machine.unlock(&key).await.unwrap();
    machine.is_active().await;
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_promoted_never_has_its_key_in_clear() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("w1");
    let manager = Machine::start(&scratch.path().join("m1"), &clock).await;
    let node = Machine::start(&dir, &clock).await;
    let (remote, key) = manager.init_locked().await;
    let token = manager.token(v1::Role::Worker).await;
    let id = node.join(&token, &remote).await.unwrap().node_id;
    node.is_active().await;
    assert!(has_key_in_clear(&dir), "a worker's");

    super::roles::wish(&manager, &id, v1::Role::Manager).await;
    let is_manager = |local: &Local| local.role == Some(NodeRole::Manager) && local.standing == Standing::Active;
    node.is("a manager that votes", is_manager).await;
    assert_no_key_in_clear(&dir);
    node.stop().await;
    let node = Machine::start(&dir, &clock).await;
    node.is_locked().await;
    node.unlock(&key).await.unwrap();
    node.is("a manager again", is_manager).await;
    // Written by whoever leads.
    is_noted(&manager, "swarm.unlock", "w1", "with the key").await;

    let both = |view: &ClusterView| view.managers.len() == 2 && view.lost_managers.is_empty();
    manager.sees("both managers answer", both).await;
    super::roles::wish(&manager, &id, v1::Role::Worker).await;
    let is_worker = |local: &Local| local.role == Some(NodeRole::Worker) && local.standing == Standing::Active;
    node.is("a worker", is_worker).await;
    assert!(has_key_in_clear(&dir) && !dir.join("identity/key.sealed").exists());
    assert_eq!(
        fs::read_dir(dir.join("manager")).unwrap().count(),
        0,
        "its keyring is gone"
    );
    node.stop().await;
    let node = Machine::start(&dir, &clock).await;
    node.is_active().await;
    node.stop().await;
    manager.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_joins_as_a_manager_seals_its_key_and_replaces_it() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m2");
    let first = Machine::start(&scratch.path().join("m1"), &clock).await;
    let second = Machine::start(&dir, &clock).await;
    let (remote, key) = first.init_locked().await;
    let token = first.token(v1::Role::Manager).await;
    second.join(&token, &remote).await.unwrap();
    second.is_active().await;
    // The key with which it joined was on the disk in clear: it gets another one, and then nothing is said of the first.
    let is_renewed = |view: &ClusterView| {
        let mut records = view.audit.values();
        records.any(|record| record.action == "node.certificate" && record.object == "m2")
    };
    first.sees("it has another certificate", is_renewed).await;
    let identity = dir.join("identity");
    let settles = async {
        while identity.join("key.exposed").exists() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(DEADLINE, settles).await.unwrap();
    assert_no_key_in_clear(&dir);
    second.stop().await;
    let second = Machine::start(&dir, &clock).await;
    second.is_locked().await;
    second.unlock(&key).await.unwrap();
    second.is_active().await;
    second.stop().await;
    first.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_machine_unlocks_with_what_systemd_gives_it() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    let (_, key) = machine.init_locked().await;
    machine.stop().await;
    let wrong = wardroom_keys::UnlockKey::generate(&OsChance).text();
    let machine = Machine::start_with(&dir, &clock, vec![wrong]).await;
    machine.is_locked().await;
    machine.stop().await;
    let machine = Machine::start_with(&dir, &clock, vec![SecretBytes::new(key)]).await;
    machine.is_active().await;
    is_noted(
        &machine,
        "swarm.unlock",
        "m1",
        "by the systemd credential, with the key",
    )
    .await;
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_survivor_goes_on_alone_once_it_is_unlocked() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    let (_, key) = machine.init_locked().await;
    machine.create_secret("kept").await;
    machine.stop().await;
    // It was about to become the only one when it ended.
    let manifest = super::super::manifest::Manifest::read(&dir).unwrap().unwrap();
    let phase = super::super::manifest::Phase::Refounding;
    super::super::manifest::Manifest { phase, ..manifest }
        .write(&dir)
        .unwrap();
    let machine = Machine::start(&dir, &clock).await;
    machine.is_locked().await;
    machine.unlock(&key).await.unwrap();
    machine.is_active().await;
    let message = v1::InitRequest {
        force_new_cluster: true,
        ..v1::InitRequest::default()
    };
    machine
        .order(|reply| Order::Init(message, system(), reply))
        .await
        .unwrap();
    assert_eq!(machine.secrets().await, ["kept"]);
    assert_no_key_in_clear(&dir);
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_cluster_that_locks_comes_up_locking() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let old = Machine::start(&scratch.path().join("m1"), &clock).await;
    let (_, key) = old.init_locked().await;
    old.create_secret("kept").await;
    let file = super::loss::backup(&old).await;
    old.stop().await;
    let dir = scratch.path().join("m2");
    let new = Machine::start(&dir, &clock).await;
    let right = super::loss::restore(&file, super::loss::PASSPHRASE, &address());
    new.order(|reply| Order::Restore(right, system(), reply)).await.unwrap();
    new.is_active().await;
    assert_no_key_in_clear(&dir);
    new.stop().await;
    let new = Machine::start(&dir, &clock).await;
    new.is_locked().await;
    new.unlock(&key).await.unwrap();
    new.is_active().await;
    assert_eq!(new.secrets().await, ["kept"]);
    new.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_machine_leaves_by_force_without_a_trace() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let dir = scratch.path().join("m1");
    let machine = Machine::start(&dir, &clock).await;
    machine.init_locked().await;
    machine.close().await.unwrap();
    machine.is_locked().await;
    machine.leave(true).await.unwrap();
    assert_eq!(machine.local.borrow().standing, Standing::Inactive);
    assert_eq!(fs::read_dir(dir.join("manager")).unwrap().count(), 0);
    machine.init().await;
    machine.stop().await;
}
