//! What if a node cannot be erased, or written down, to the end? Nobody takes it for gone before it is, and what stays is
//! seen to later.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use wardroom_ca::{KeyRequest, NodeFiles};

use super::super::manifest::{Manifest, NodeRole, Phase};
use super::*;

const DAY_MS: i64 = 24 * 3600 * 1000;

/// A node that is on disk, and what its agent left in memory when it was killed.
struct Left {
    dir: PathBuf,
    memory: PathBuf,
}

impl Left {
    /// Its identity holds a key.
    fn behind(dir: PathBuf, phase: Phase) -> Self {
        let opened = home(&dir);
        opened.joining_key(&OsChance).unwrap();
        fs::write(opened.keyring(), "keys").unwrap();
        drop(opened);
        let node_id = format!("left{}", wardroom_keys::Chance::next_u64(&OsChance));
        let mut manifest = Manifest::new(phase, "c1".into(), node_id.clone(), NodeRole::Worker);
        manifest.reason = "it was removed.".into();
        manifest.write(&dir).unwrap();
        Self {
            memory: plaintext(&dir, &node_id),
            dir,
        }
    }

    /// As long as another holds it, nobody can take it to erase it.
    fn hold(&self) -> File {
        let held = File::open(&self.memory).unwrap();
        held.lock().unwrap();
        held
    }

    fn keeps_nothing(&self) -> bool {
        let is_empty = |name: &str| fs::read_dir(self.dir.join(name)).unwrap().count() == 0;
        is_empty("identity") && is_empty("manager") && !self.memory.exists()
    }
}

/// A secret of a task, where an agent without a better place keeps it.
fn plaintext(dir: &Path, node_id: &str) -> PathBuf {
    let user = fs::metadata(dir).unwrap().uid();
    let memory = PathBuf::from(format!("/dev/shm/wardroom-{user}-{node_id}"));
    fs::create_dir_all(memory.join("task1/secrets/..set-7")).unwrap();
    fs::write(memory.join("task1/secrets/..set-7/db"), "c4n4ry").unwrap();
    memory
}

#[tokio::test(flavor = "multi_thread")]
async fn a_departure_that_was_killed_is_finished_in_memory_too() {
    let scratch = tempfile::tempdir().unwrap();
    let left = Left::behind(scratch.path().join("w1"), Phase::Leaving);
    let machine = Machine::start(&left.dir, &clock()).await;
    assert_eq!(machine.local.borrow().standing, Standing::Inactive);
    assert!(left.keeps_nothing());
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_removal_that_was_killed_is_finished_and_what_resists_is_tried_again() {
    let scratch = tempfile::tempdir().unwrap();
    let left = Left::behind(scratch.path().join("w1"), Phase::Removed);
    let held = left.hold();
    let machine = Machine::start(&left.dir, &clock()).await;
    let resists = |local: &Local| matches!(&local.standing, Standing::Error(why) if why.contains("not erased yet"));
    machine.is("told that something resists", resists).await;
    assert!(!left.keeps_nothing());
    assert_eq!(
        fs::read_dir(left.dir.join("identity")).unwrap().count(),
        0,
        "its keys go"
    );
    drop(held);
    let reason = Standing::Error("it was removed.".to_owned());
    machine
        .is("left with the reason alone", |local| local.standing == reason)
        .await;
    assert!(left.keeps_nothing());
    machine.leave(false).await.unwrap();
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_cannot_erase_everything_has_not_left() {
    let scratch = tempfile::tempdir().unwrap();
    let left = Left::behind(scratch.path().join("w1"), Phase::Member);
    let held = left.hold();
    let machine = Machine::start(&left.dir, &clock()).await;
    let refusal = machine.leave(false).await.unwrap_err();
    assert!(refusal.text.contains("in use by another agent"), "{}", refusal.text);
    let again = |local: &Local| matches!(&local.standing, Standing::Error(why) if why.contains("swarm leave"));
    machine.is("told to leave again", again).await;
    assert!(
        Manifest::read(&left.dir).unwrap().is_some(),
        "the next start knows of it"
    );
    drop(held);
    machine.leave(false).await.unwrap();
    assert_eq!(machine.local.borrow().standing, Standing::Inactive);
    assert!(left.keeps_nothing());
    assert_eq!(Manifest::read(&left.dir).unwrap(), None);
    machine.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_comes_back_and_cannot_be_written_down_is_still_a_node() {
    let (scratch, clock) = (tempfile::tempdir().unwrap(), clock());
    let (at, with) = (scratch.path().join("m1"), scratch.path().join("w1"));
    let manager = Machine::start(&at, &clock).await;
    let worker = Machine::start(&with, &clock).await;
    let (remote, token) = manager.init().await;
    let joined = worker.join(&token, &remote).await.unwrap();
    worker.stop().await;
    manager.stop().await;
    clock.advance(100 * DAY_MS);
    let manager = Machine::start(&at, &clock).await;
    manager.is_active().await;
    let worker = Machine::start(&with, &clock).await;
    // No file can be written where a folder stands.
    let obstacle = with.join("node.json.new");
    fs::create_dir(&obstacle).unwrap();
    worker.join(&token, &remote).await.unwrap_err();
    let broken =
        |local: &Local| matches!(&local.standing, Standing::Error(why) if why.contains("start the daemon again"));
    assert_eq!(worker.is("told what to do", broken).await.node_id, joined.node_id);
    worker.stop().await;

    fs::remove_dir(&obstacle).unwrap();
    let worker = Machine::start(&with, &clock).await;
    let back = worker.join(&token, &remote).await.unwrap();
    assert_eq!(back.node_id, joined.node_id, "it is the node it was");
    worker.stop().await;
    manager.stop().await;
}

#[test]
fn who_comes_back_as_another_voter_keeps_nothing_of_the_one_it_was() {
    let scratch = tempfile::tempdir().unwrap();
    let left = Left::behind(scratch.path().join("m1"), Phase::Member);
    let before = Manifest {
        role: NodeRole::Manager,
        raft_id: 7,
        ..Manifest::read(&left.dir).unwrap().unwrap()
    };
    let ground = Ground::real().unwrap();
    let (told, _) = watch::channel(Local::inactive("m1", left.dir.clone()));
    let supervisor = Supervisor::new(ground, home(&left.dir), told, CancellationToken::new());
    let keyring = left.dir.join("manager/keyring");
    for (raft_id, stays) in [(7, true), (8, false)] {
        let files = NodeFiles {
            root_pem: String::new(),
            certificate_pem: String::new(),
            key: KeyRequest::generate(&OsChance).key,
        };
        let manifest = Manifest {
            raft_id,
            ..before.clone()
        };
        supervisor.write_down(Some(&before), &manifest, &files, None).unwrap();
        assert_eq!(keyring.exists(), stays, "{raft_id}");
        assert_eq!(Manifest::read(&left.dir).unwrap(), Some(manifest));
    }
    wardroom_agent::files::forget(&before.node_id).unwrap();
    assert!(!left.memory.exists());
}
