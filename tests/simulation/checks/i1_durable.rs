//! I1 on the disks alone: with every machine off, is each acknowledged index on a majority of disks, and do the logs say
//! the same at each index?

use std::collections::BTreeMap;
use std::sync::Arc;

use wardroom_keys::{Chance, SeededChance};
use wardroom_log::{Disk, Identity, Log, LogOptions};

use super::Findings;
use crate::founding::ManagerSeat;
use crate::world::World;

/// What one disk holds.
struct Scan {
    who: String,
    /// Up to here the log is behind a snapshot.
    purged: u64,
    last: u64,
    /// Term and payload by index.
    entries: BTreeMap<u64, (u64, Arc<[u8]>)>,
}

pub(crate) fn check(world: &World) -> Findings {
    let mut findings = Findings::new();
    let mut scans = Vec::new();
    let voters = || world.cluster.managers.iter().filter(|seat| seat.votes.get());
    for seat in voters() {
        match scan(seat, world.seed) {
            Ok(scan) => scans.push(scan),
            Err(error) => findings.push(format!("I1 the log of {} does not open: {error}", seat.name)),
        }
    }
    let acknowledged = world
        .history
        .borrow()
        .calls
        .iter()
        .filter_map(|call| call.answer())
        .map(|made| made.index)
        .max();
    let acknowledged = acknowledged.unwrap_or(0);
    let majority = voters().count() / 2 + 1;
    let holders = scans.iter().filter(|scan| scan.last >= acknowledged).count();
    if holders < majority {
        let reached: Vec<_> = scans.iter().map(|scan| (&scan.who, scan.last)).collect();
        findings.push(format!(
            "I1 index {acknowledged} was acknowledged and only {holders} disks have it: {reached:?}"
        ));
    }
    findings.extend(disagreements(&scans, acknowledged));
    findings
}

/// Entries up to `committed` that two disks have differently. Beyond it they may: nobody was told of those.
fn disagreements(scans: &[Scan], committed: u64) -> Findings {
    let mut findings = Findings::new();
    for (place, one) in scans.iter().enumerate() {
        for other in &scans[place + 1..] {
            let differs = one.entries.range(..=committed).find(|(index, entry)| {
                **index > other.purged && other.entries.get(*index).is_some_and(|theirs| theirs != *entry)
            });
            if let Some((index, _)) = differs {
                findings.push(format!(
                    "I1 the logs of {} and {} differ at {index}",
                    one.who, other.who
                ));
            }
        }
    }
    findings
}

fn scan(seat: &ManagerSeat, seed: u64) -> Result<Scan, Box<dyn std::error::Error>> {
    let disk: Arc<dyn Disk> = Arc::new(seat.disk.memory.clone());
    let chance: Arc<dyn Chance> = Arc::new(SeededChance::new(seed).derive(&format!("scan {}", seat.name)));
    let identity = Identity {
        cluster: seat.cluster_id.clone(),
        node: seat.node_id.clone(),
    };
    let (log, recovered) = Log::open(disk, identity, seat.keyring(), chance, LogOptions::default())?;
    let entries = log.reader().read(..)?;
    let purged = recovered.purged.map_or(0, |purged| purged.index);
    Ok(Scan {
        who: seat.name.clone(),
        purged,
        last: entries.last().map_or(purged, |entry| entry.index),
        entries: entries
            .into_iter()
            .map(|entry| (entry.index, (entry.term, entry.payload)))
            .collect(),
    })
}
