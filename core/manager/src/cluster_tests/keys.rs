//! Do managers keep their keys as the cluster wants them, also when one is away, and when the power goes between two steps?

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use wardroom_keys::failpoint::{self, Armed};
use wardroom_keys::{Keyring, OsChance, UnlockKey};
use wardroom_log::MemDisk;
use wardroom_state::State;
use wardroom_state::command::{Command, NewUnlockKey};

use super::berth::{Berth, CLUSTER};
use super::fleet::Fleet;

/// Every point at which a manager may die on the way to other keys.
const POINTS: [&str; 8] = [
    "kek.saving",
    "kek.saved",
    "dek.begun",
    "dek.rolled",
    "dek.snapshot",
    "dek.purged",
    "dek.node-key",
    "dek.finished",
];

/// Autolock is on under a new unlock key, which the operator has.
async fn lock(fleet: &Fleet, epoch: u32) {
    let key = UnlockKey::generate(&OsChance);
    let sealed = fleet.sealing_root.seal_unlock_key(&OsChance, CLUSTER, epoch, &key);
    let made = NewUnlockKey {
        epoch,
        check: key.check(),
        sealed: sealed.into(),
    };
    fleet.berths[0].safe.lock().unwrap().insert(epoch, key);
    let lock = Command::SetLock {
        autolock: true,
        unlock_key: Some(made),
        expected: None,
    };
    fleet.propose(lock).await;
    fleet.propose(Command::KeepUnlockKey { epoch }).await;
}

fn has_settled(state: &State) -> bool {
    state.keys().unfinished_orders().next().is_none() && state.on_earlier_unlock_key().is_empty()
}

/// Epochs of the unlock key and of the DEK on the disk, and whether it is locked.
fn on_disk(berth: &Berth) -> (u32, u32, bool) {
    let status = berth.keyring().status();
    assert_eq!(status.pending_dek_epoch, None);
    (status.kek_epoch, status.dek_epoch, status.autolock)
}

#[tokio::test]
async fn every_manager_takes_a_new_unlock_key_and_a_fresh_dek() {
    let fleet = Fleet::begun(3, 5_000).await;
    for number in 0..10 {
        fleet.create(number).await;
    }
    lock(&fleet, 2).await;
    fleet.wait_state("all have followed", has_settled).await;
    for (place, berth) in fleet.berths.iter().enumerate() {
        assert_eq!(on_disk(berth), (2, 2, true));
        let keys = fleet.manager(place).status().borrow().keys.clone().unwrap();
        assert_eq!((keys.kek_epoch, keys.dek_epoch, keys.dek_order), (2, 2, 1));
        let epochs: Vec<u32> = keys.uses.iter().map(|found| found.epoch).collect();
        assert_eq!(epochs, [2], "nothing stands under the key before");
    }
    let index = fleet.create(10).await;
    fleet.agree(index, 11).await;
    fleet.propose(Command::OrderDek).await;
    fleet.wait_state("all have followed again", has_settled).await;
    assert!(fleet.berths.iter().all(|berth| on_disk(berth) == (2, 3, true)));
    let open = Command::SetLock {
        autolock: false,
        unlock_key: None,
        expected: None,
    };
    fleet.propose(open).await;
    let none_locks = |state: &State| state.keys().managers.values().all(|keys| !keys.locks);
    fleet.wait_state("nobody locks", none_locks).await;
    assert!(fleet.berths.iter().all(|berth| on_disk(berth) == (2, 3, false)));
}

#[tokio::test]
async fn a_manager_that_was_down_comes_back_with_the_key_of_its_own_epoch() {
    let mut fleet = Fleet::begun(3, 5_000).await;
    lock(&fleet, 2).await;
    fleet.wait_state("all have followed", has_settled).await;
    let down = (fleet.wait_leader().await + 1) % 3;
    let id = fleet.berths[down].id();
    fleet.kill(down).await;
    for epoch in [3, 4] {
        lock(&fleet, epoch).await;
    }
    let only_it_owes = |state: &State| state.owing(3) == [id.clone()] && state.on_earlier_unlock_key() == [id.clone()];
    fleet.wait_state("the others have followed", only_it_owes).await;
    let leader = fleet.wait_leader().await;
    let kept = |state: &State| state.keys().earlier.keys().copied().collect::<Vec<u32>>();
    assert_eq!(
        fleet.manager(leader).replica().read(kept),
        [2, 3],
        "it may need one of them"
    );
    assert_eq!(on_disk(&fleet.berths[down]).0, 2);
    fleet.start(down).await;
    fleet.wait_state("it has followed too", has_settled).await;
    assert_eq!(
        on_disk(&fleet.berths[down]),
        (4, 3, true),
        "one rotation for both orders"
    );
    let leader = fleet.wait_leader().await;
    assert_eq!(fleet.manager(leader).replica().read(kept), [0_u32; 0]);
    let index = fleet.create(0).await;
    fleet.agree(index, 1).await;
}

/// The disk as it was at a point, and what was acknowledged by then.
struct Image {
    point: &'static str,
    disk: MemDisk,
    acknowledged: u64,
}

/// Takes an image at every point that the manager of that berth passes.
fn watch(berth: &Berth, images: &Arc<Mutex<Vec<Image>>>, acknowledged: &Arc<AtomicU64>) -> Vec<Armed> {
    let arm = |point: &'static str| {
        let (disk, thread) = (berth.memory.clone().unwrap(), berth.address.clone());
        let (images, acknowledged) = (Arc::clone(images), Arc::clone(acknowledged));
        failpoint::arm(point, move || {
            // Other tests' managers pass the same points in this process.
            if std::thread::current().name() == Some(&thread) {
                let acknowledged = acknowledged.load(Ordering::SeqCst);
                let disk = disk.copy();
                images.lock().unwrap().push(Image {
                    point,
                    disk,
                    acknowledged,
                });
            }
        })
    };
    POINTS.into_iter().map(arm).collect()
}

#[tokio::test]
async fn a_power_cut_at_any_point_leaves_the_old_key_or_the_new_and_all_that_was_acknowledged() {
    let (mut fleet, _) = Fleet::begun_in_memory(1).await;
    let (images, acknowledged) = (Arc::default(), Arc::new(AtomicU64::new(0)));
    let armed = watch(&fleet.berths[0], &images, &acknowledged);
    let write = async {
        for number in 0..60 {
            fleet.create(number).await;
            acknowledged.store(number + 1, Ordering::SeqCst);
        }
    };
    let rotate = async {
        lock(&fleet, 2).await;
        fleet.wait_state("autolock is on", has_settled).await;
        lock(&fleet, 3).await;
        fleet.wait_state("the unlock key is another", has_settled).await;
        fleet.propose(Command::OrderDek).await;
        fleet.wait_state("the DEK is another", has_settled).await;
    };
    tokio::join!(write, rotate);
    drop(armed);
    fleet.kill(0).await;

    let images = std::mem::take(&mut *images.lock().unwrap());
    let passed: BTreeSet<&str> = images.iter().map(|image| image.point).collect();
    assert_eq!(passed, BTreeSet::from(POINTS), "every point was passed");
    for (number, image) in images.into_iter().enumerate() {
        image.disk.crash(number as u64);
        fleet.berths[0].memory = Some(image.disk);
        opens_with_one_key_only(&fleet.berths[0], image.point);
        fleet.start(0).await;
        let holds = |state: &State| state.secrets().len() as u64 >= image.acknowledged && has_settled(state);
        fleet.wait_state(image.point, holds).await;
        fleet.kill(0).await;
    }
}

/// The one that the file names; every other one is refused, and none is tried in its place.
fn opens_with_one_key_only(berth: &Berth, point: &str) {
    let epoch = berth.keyring_file().kek_epoch();
    let locks = berth.keyring_file().is_locked();
    assert_eq!(locks, epoch > 1, "{point}");
    for (other, key) in berth.safe.lock().unwrap().iter() {
        let opened = Keyring::unlock(berth.keyring_file(), key, CLUSTER, &berth.node_id);
        assert_eq!(
            opened.is_ok(),
            *other == epoch,
            "{point}: key {other} on a disk of {epoch}"
        );
    }
}
