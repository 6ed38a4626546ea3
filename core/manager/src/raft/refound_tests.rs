//! Does a store that begins again alone survive a power cut at every write? It is as it was or as it shall be, and asking
//! again finishes it.

#![allow(clippy::unwrap_used, reason = "a test stops at the line that fails")]

use std::collections::BTreeMap;
use std::sync::Arc;

use openraft::EntryPayload;
use wardroom_keys::{Keyring, MemKeyStore, SealingRoot, SeededChance, SharedKeyring};
use wardroom_log::{Disk, Fault, Identity, Log, LogOptions, MemDisk, Purged, Record, Snapshots};
use wardroom_state::State;

use super::encode;
use super::refound::{End, Ground, restored, survivor};
use super::snapshot_store::name;
use super::types::{Entry, Membership, Peer, Proposed, SnapshotMeta, StoredMembership, Vote};
use crate::reconcile::scene::Scene;
use crate::refound::RefoundError;

const ME: u64 = 1;
/// The last entry of the survivor, and the last that its snapshot covers.
const LAST: u64 = 40;
const COVERED: u64 = 25;
const TERM: u64 = 7;

fn peer(raft_id: u64) -> Peer {
    Peer {
        address: format!("10.0.0.{raft_id}:2377"),
        node_id: format!("node{raft_id}"),
    }
}

fn ground(disk: &MemDisk) -> Ground {
    let chance = SeededChance::new(1);
    let root = SealingRoot::generate(&chance);
    Ground {
        disk: Arc::new(disk.clone()),
        identity: Identity {
            cluster: "c".into(),
            node: "n".into(),
        },
        keyring: Arc::new(SharedKeyring::new(
            Keyring::create(&chance, "c", "n", &root, 0),
            Arc::new(MemKeyStore::default()),
        )),
        chance: Arc::new(SeededChance::new(disk.operations() + 2)),
        raft_id: ME,
        peer: peer(ME),
        now_ms: 5,
    }
}

fn open(disk: &MemDisk) -> (Log, Snapshots) {
    let Ground {
        disk,
        identity,
        keyring,
        chance,
        ..
    } = ground(disk);
    let options = LogOptions::default();
    let (log, _) = Log::open(
        Arc::clone(&disk),
        identity.clone(),
        Arc::clone(&keyring),
        Arc::clone(&chance),
        options,
    )
    .unwrap();
    (log, Snapshots::open(disk, identity, keyring, chance).unwrap())
}

fn three() -> Membership {
    let nodes: BTreeMap<u64, Peer> = (1..=3).map(|id| (id, peer(id))).collect();
    Membership::new(vec![[1, 2, 3].into()], nodes)
}

fn entry(index: u64) -> Record {
    let payload = if index == 1 {
        EntryPayload::Membership(three())
    } else {
        EntryPayload::Normal(Proposed(vec![7; 40]))
    };
    let log_id = encode::position(TERM, 2, index);
    let entry = Entry { log_id, payload };
    Record::Entry {
        term: TERM,
        index,
        payload: encode::entry(&entry).into(),
    }
}

/// A manager of three that followed another one, and holds a snapshot.
fn survived() -> MemDisk {
    let disk = MemDisk::new();
    let (mut log, snapshots) = open(&disk);
    log.append(&[Record::Vote(encode::vote(&Vote::new_committed(TERM, 2)))])
        .unwrap();
    for index in 1..=LAST {
        log.append(&[entry(index)]).unwrap();
    }
    let at = encode::position(TERM, 2, COVERED);
    let meta = SnapshotMeta {
        last_log_id: Some(at),
        last_membership: StoredMembership::new(Some(encode::position(TERM, 2, 1)), three()),
        snapshot_id: name(Some(at)),
    };
    snapshots.save(&encode::snapshot_header(&meta, 1), b"state").unwrap();
    disk
}

fn copy(disk: &MemDisk) -> MemDisk {
    let copy = MemDisk::new();
    for dir in ["log", "snapshots"] {
        copy.create_dir(dir).unwrap();
    }
    for (path, bytes) in disk.dump() {
        let file = copy.create(&path).unwrap();
        file.write_at(0, &bytes).unwrap();
        file.sync().unwrap();
        copy.sync_dir(path.rsplit_once('/').unwrap().0).unwrap();
    }
    copy
}

/// Every entry that was there is there, and one more that makes this manager the only voter.
fn check_survivor(disk: &MemDisk, end: End) {
    let (log, _) = open(disk);
    let reader = log.reader();
    assert_eq!(reader.bounds(), Some((1, LAST + 1)));
    let found = reader.read(1..=LAST + 1).unwrap();
    let last = found.last().unwrap();
    let last = encode::decode_entry(last.term, last.index, &last.payload).unwrap();
    let EntryPayload::Membership(members) = &last.payload else {
        panic!("{last:?}")
    };
    assert!(members.voter_ids().eq([ME]));
    assert_eq!(members.get_node(&ME), Some(&peer(ME)));
    let vote = encode::decode_vote(&reader.vote().unwrap()).unwrap();
    assert_eq!(
        (vote, vote.leader_id.term),
        (Vote::new(end.term, ME), last.log_id.leader_id.term)
    );
    assert!(end.term > TERM && !vote.committed);
}

#[test]
fn a_survivor_loses_nothing_whenever_the_power_goes() {
    let survived = survived();
    let whole = copy(&survived);
    let before = whole.operations();
    let end = survivor(&ground(&whole)).unwrap();
    let operations = whole.operations() - before;
    check_survivor(&whole, end);
    let mut interrupted = 0;
    for after in 0..operations {
        for seed in 0..4 {
            let disk = copy(&survived);
            disk.inject(Fault::PowerCut { after });
            let said = survivor(&ground(&disk));
            disk.crash(seed);
            let end = survivor(&ground(&disk)).unwrap();
            check_survivor(&disk, end);
            assert_eq!(survivor(&ground(&disk)).unwrap(), end, "once is enough");
            interrupted += u32::from(said.is_err());
            assert!(
                said.is_err() || said.is_ok_and(|said| said == end),
                "what was said to be done is done"
            );
        }
    }
    assert!(
        interrupted >= 8,
        "{interrupted} of {operations} writes were interrupted"
    );
}

#[test]
fn a_snapshot_that_the_log_relies_on_must_be_there() {
    let disk = survived();
    let before = disk.dump().into_iter().find(|(path, _)| path.starts_with("snapshots/"));
    let (path, older) = before.unwrap();
    let (mut log, snapshots) = open(&disk);
    let upto = encode::position(TERM, 2, COVERED + 5);
    let meta = SnapshotMeta {
        last_log_id: Some(upto),
        last_membership: StoredMembership::new(Some(encode::position(TERM, 2, 1)), three()),
        snapshot_id: name(Some(upto)),
    };
    snapshots.save(&encode::snapshot_header(&meta, 1), b"state").unwrap();
    let id = encode::log_id(&upto);
    let purged = Purged { index: upto.index, id };
    log.append(&[Record::PurgeUpTo(purged)]).unwrap();
    survivor(&ground(&copy(&disk))).unwrap();

    let newer = disk.list("snapshots").unwrap().remove(0);
    disk.unlink(&format!("snapshots/{newer}")).unwrap();
    disk.sync_dir("snapshots").unwrap();
    let refused = |disk: &MemDisk| matches!(survivor(&ground(disk)), Err(RefoundError::SnapshotGone(_)));
    assert!(refused(&disk), "it was removed");
    disk.tamper(&path, older);
    assert!(refused(&disk), "an older one was put in its place");
}

#[test]
fn a_survivor_whose_log_ends_before_its_snapshot_goes_on_from_the_snapshot() {
    let disk = MemDisk::new();
    let (mut log, snapshots) = open(&disk);
    log.append(&[entry(1), entry(2)]).unwrap();
    let at = encode::position(TERM, 2, COVERED);
    let meta = SnapshotMeta {
        last_log_id: Some(at),
        last_membership: StoredMembership::new(Some(encode::position(TERM, 2, 1)), three()),
        snapshot_id: name(Some(at)),
    };
    snapshots.save(&encode::snapshot_header(&meta, 1), b"state").unwrap();
    drop((log, snapshots));
    let end = survivor(&ground(&disk)).unwrap();
    assert_eq!(end.index, COVERED + 1);
    let (log, _) = open(&disk);
    assert_eq!(log.reader().purged().map(|purged| purged.index), Some(COVERED));
    assert_eq!(log.reader().bounds(), Some((COVERED + 1, COVERED + 1)));
}

#[test]
fn a_membership_that_the_snapshot_is_past_counts_no_more() {
    let disk = MemDisk::new();
    let (mut log, snapshots) = open(&disk);
    // It was founded alone, fell behind, and heard of the others in a snapshot.
    let first = Entry {
        log_id: encode::position(TERM - 1, ME, 1),
        payload: EntryPayload::Membership(Membership::new(vec![[ME].into()], BTreeMap::from([(ME, peer(ME))]))),
    };
    log.append(&[Record::Entry {
        term: TERM - 1,
        index: 1,
        payload: encode::entry(&first).into(),
    }])
    .unwrap();
    let at = encode::position(TERM, 2, COVERED);
    let meta = SnapshotMeta {
        last_log_id: Some(at),
        last_membership: StoredMembership::new(Some(encode::position(TERM, 2, 20)), three()),
        snapshot_id: name(Some(at)),
    };
    snapshots.save(&encode::snapshot_header(&meta, 1), b"state").unwrap();
    drop((log, snapshots));
    let end = survivor(&ground(&disk)).unwrap();
    assert_eq!(end.index, COVERED + 1, "it is not alone yet");
}

fn state() -> State {
    Scene::with_managers(3).state
}

fn check_restored(disk: &MemDisk, end: End) {
    let (log, snapshots) = open(disk);
    let reader = log.reader();
    let (index, bounds) = (reader.purged().map(|purged| purged.index), reader.bounds());
    assert_eq!((index, bounds), (Some(state().index()), None));
    let kept = snapshots.newest().unwrap().unwrap();
    assert_eq!(kept.data, state().encode());
    let (meta, _) = encode::decode_snapshot_header(&kept.meta).unwrap();
    assert!(meta.last_membership.membership().voter_ids().eq([ME]));
    assert_eq!(meta.last_log_id, Some(encode::position(end.term, ME, end.index)));
    assert_eq!(
        encode::decode_vote(&reader.vote().unwrap()).unwrap(),
        Vote::new(end.term, ME)
    );
}

#[test]
fn a_restored_state_is_there_whenever_the_power_goes() {
    let whole = MemDisk::new();
    let end = restored(&ground(&whole), &state()).unwrap();
    let operations = whole.operations();
    check_restored(&whole, end);
    let mut interrupted = 0;
    for after in 0..operations {
        for seed in 0..4 {
            let disk = MemDisk::new();
            disk.inject(Fault::PowerCut { after });
            let said = restored(&ground(&disk), &state());
            disk.crash(seed);
            let end = restored(&ground(&disk), &state()).unwrap();
            check_restored(&disk, end);
            assert_eq!(restored(&ground(&disk), &state()).unwrap(), end, "once is enough");
            interrupted += u32::from(said.is_err());
            assert!(
                said.is_err() || said.is_ok_and(|said| said == end),
                "what was said to be done is done"
            );
        }
    }
    assert!(
        interrupted >= 40,
        "{interrupted} of {operations} writes were interrupted"
    );
}

#[test]
fn a_disk_that_holds_a_manager_is_not_overwritten() {
    let refused = restored(&ground(&survived()), &state());
    assert!(matches!(refused, Err(RefoundError::NotEmpty)), "{refused:?}");
    let nothing = survivor(&ground(&MemDisk::new()));
    assert!(matches!(nothing, Err(RefoundError::NothingHere)), "{nothing:?}");
}
