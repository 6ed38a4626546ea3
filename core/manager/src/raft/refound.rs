//! How does one manager begin again alone? Its stores are given a membership of their own, offline, so that the Raft that
//! starts on them next has one voter.
//!
//! A survivor's log is only added to, in one batch: a vote above every term the store has seen, then a membership entry.
//! A crash leaves the first of them at most, which changes nothing. A restored state is written as a snapshot behind a
//! vote, and the log is purged up to it last: until then nothing in the store claims to be a log.

use std::sync::Arc;

use openraft::EntryPayload;
use wardroom_keys::{Chance, SharedKeyring};
use wardroom_log::{Disk, Identity, Log, LogOptions, Purged, Record, Recovered, Snapshots};
use wardroom_state::State;

use super::encode;
use super::open::snapshot_reaches;
use super::snapshot_store::name;
use super::types::{Entry, LogId, Membership, Peer, SnapshotMeta, StoredMembership, Vote};
use crate::refound::RefoundError;

/// What begins again, on which disk.
pub(crate) struct Ground {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) identity: Identity,
    pub(crate) keyring: Arc<SharedKeyring>,
    pub(crate) chance: Arc<dyn Chance>,
    pub(crate) raft_id: u64,
    pub(crate) peer: Peer,
    /// For the snapshot of a restored state.
    pub(crate) now_ms: i64,
}

/// Where the store ends now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) term: u64,
    pub(crate) index: u64,
}

/// What was found on the disk.
struct Store {
    log: Log,
    snapshots: Snapshots,
    vote: Vote,
    purged: Option<LogId>,
    /// Of the newest entry, in the log or in the snapshot.
    last: Option<LogId>,
    /// Of the newest entry in the log itself.
    logged: Option<LogId>,
    snapshot: Option<SnapshotMeta>,
    /// The newest membership, be it committed or not.
    membership: StoredMembership,
}

impl Store {
    fn open(ground: &Ground) -> Result<Self, RefoundError> {
        let (identity, keyring) = (ground.identity.clone(), Arc::clone(&ground.keyring));
        let (disk, chance) = (Arc::clone(&ground.disk), Arc::clone(&ground.chance));
        let options = LogOptions::default();
        let opened = Log::open(
            Arc::clone(&disk),
            identity.clone(),
            Arc::clone(&keyring),
            Arc::clone(&chance),
            options,
        );
        let (log, recovered) = opened?;
        let snapshots = Snapshots::open(disk, identity, keyring, chance)?;
        let newest = snapshots.newest()?;
        let meta = newest
            .map(|found| encode::decode_snapshot_header(&found.meta))
            .transpose()?;
        let meta = meta.map(|(meta, _)| meta);
        Self::read(log, snapshots, &recovered, meta)
    }

    fn read(
        log: Log,
        snapshots: Snapshots,
        recovered: &Recovered,
        snapshot: Option<SnapshotMeta>,
    ) -> Result<Self, RefoundError> {
        let vote = recovered.vote.as_deref().map(encode::decode_vote).transpose()?;
        let purged = recovered
            .purged
            .as_ref()
            .map(|purged| encode::decode_log_id(&purged.id));
        let purged = purged.transpose()?;
        let mut logged = purged;
        let mut membership = snapshot
            .as_ref()
            .map(|meta| meta.last_membership.clone())
            .unwrap_or_default();
        let reader = log.reader();
        if let Some((first, last)) = recovered.entries {
            for index in first..=last {
                for found in reader.read(index..=index)? {
                    let entry = encode::decode_entry(found.term, found.index, &found.payload)?;
                    logged = Some(entry.log_id);
                    // The log may still hold what a snapshot from a leader is long past.
                    if let EntryPayload::Membership(members) = entry.payload
                        && Some(entry.log_id) > *membership.log_id()
                    {
                        membership = StoredMembership::new(Some(entry.log_id), members);
                    }
                }
            }
        }
        let covered = snapshot.as_ref().and_then(|meta| meta.last_log_id);
        snapshot_reaches(purged, covered)?;
        Ok(Self {
            log,
            snapshots,
            vote: vote.unwrap_or_default(),
            purged,
            last: logged.max(covered),
            logged,
            snapshot,
            membership,
        })
    }

    /// Above every term that this store has seen.
    fn next_vote(&self, raft_id: u64) -> Vote {
        let in_log = self.last.map_or(0, |last| last.leader_id.term);
        Vote::new(self.vote.leader_id.term.max(in_log) + 1, raft_id)
    }

    fn end(&self) -> End {
        let term = self.vote.leader_id.term;
        End {
            term,
            index: self.last.map_or(0, |last| last.index),
        }
    }
}

fn alone(ground: &Ground) -> Membership {
    Membership::new(
        vec![[ground.raft_id].into()],
        [(ground.raft_id, ground.peer.clone())]
            .into_iter()
            .collect::<std::collections::BTreeMap<_, _>>(),
    )
}

/// Everything stays, also the entries that nobody knows to be committed: any of them may have been acknowledged.
pub(crate) fn survivor(ground: &Ground) -> Result<End, RefoundError> {
    let mut store = Store::open(ground)?;
    let Some(last) = store.last else {
        return Err(RefoundError::NothingHere);
    };
    if *store.membership.membership() == alone(ground) {
        return Ok(store.end());
    }
    let vote = store.next_vote(ground.raft_id);
    let mut batch = vec![Record::Vote(encode::vote(&vote))];
    if store.logged < Some(last) {
        // A snapshot came from a leader, and a crash before the log had forgotten what it covers.
        batch.push(purge(last));
    }
    let term = vote.leader_id.term;
    let entry = Entry {
        log_id: encode::position(term, ground.raft_id, last.index + 1),
        payload: EntryPayload::Membership(alone(ground)),
    };
    batch.push(Record::Entry {
        term,
        index: entry.log_id.index,
        payload: encode::entry(&entry).into(),
    });
    store.log.append(&batch)?;
    Ok(End {
        term,
        index: entry.log_id.index,
    })
}

/// Only on a disk that never held anything, or an earlier try of this.
pub(crate) fn restored(ground: &Ground, state: &State) -> Result<End, RefoundError> {
    let mut store = Store::open(ground)?;
    let begun = store.logged.is_some();
    let earlier = store
        .snapshot
        .as_ref()
        .is_none_or(|meta| *meta.last_membership.membership() == alone(ground));
    if begun && is_restored(&store, ground, state)? {
        return Ok(store.end());
    }
    if begun || !earlier {
        return Err(RefoundError::NotEmpty);
    }
    let vote = store.next_vote(ground.raft_id);
    store.log.append(&[Record::Vote(encode::vote(&vote))])?;
    let last = encode::position(vote.leader_id.term, ground.raft_id, state.index());
    let meta = SnapshotMeta {
        last_log_id: Some(last),
        last_membership: StoredMembership::new(Some(last), alone(ground)),
        snapshot_id: name(Some(last)),
    };
    store
        .snapshots
        .save(&encode::snapshot_header(&meta, ground.now_ms), &state.encode())?;
    store.log.append(&[purge(last)])?;
    Ok(End {
        term: vote.leader_id.term,
        index: last.index,
    })
}

/// An earlier try came to its end, and nothing has happened since.
fn is_restored(store: &Store, ground: &Ground, state: &State) -> Result<bool, RefoundError> {
    let covers = store.snapshot.as_ref().and_then(|meta| meta.last_log_id);
    if store.purged.is_none() || store.logged != store.purged || covers != store.purged {
        return Ok(false);
    }
    let kept = store.snapshots.newest()?.map(|found| found.data);
    Ok(*store.membership.membership() == alone(ground) && kept.as_deref() == Some(&*state.encode()))
}

fn purge(upto: LogId) -> Record {
    Record::PurgeUpTo(Purged {
        index: upto.index,
        id: encode::log_id(&upto),
    })
}
