//! Who leads? A cluster is there when one of its managers leads and its first change is committed. A founding that was
//! cut short anywhere is finished by the next start, whichever manager leads then.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use wardroom_manager::state::command::Command;
use wardroom_manager::{InitializeError, Manager, NO_LEADER, Peer, ProposeError};

use super::badge::Badge;
use super::beginning::system;
use super::founding::cannot_write;
use super::house::House;
use super::{bootstrap, explain};
use crate::report::{Exit, Report};

/// How long the managers may take to elect a leader.
const ELECTION: Duration = Duration::from_secs(15);
/// How long the first members may take to agree on the first change.
const FOUNDING: Duration = Duration::from_secs(30);
/// Between two tries, while leadership moves.
const PAUSE: Duration = Duration::from_millis(100);

/// Founds the cluster if that is still to be done; otherwise waits for the leader that must come.
pub async fn establish(house: &mut House, managers: &[Manager], badges: &[Badge]) -> Result<(), Report> {
    let no_leader = |house: &House| {
        Report::new(Exit::NoQuorum, NO_LEADER).hint(format!("look into {}", house.log_file().display()))
    };
    let Some(founding) = &house.manifest.founding else {
        let led = tokio::time::timeout(ELECTION, leading(managers)).await;
        return led.map(|_| ()).map_err(|_elapsed| no_leader(house));
    };
    let first_change = bootstrap::first_change(house, founding, badges);
    let founded = tokio::time::timeout(FOUNDING, found(managers, &members(house), &first_change)).await;
    founded.unwrap_or_else(|_elapsed| Err(no_leader(house)))?;
    house.manifest.founding = None;
    house
        .manifest
        .write(&house.dir)
        .map_err(|error| cannot_write(&house.dir, &error))
}

/// The manager that leads and has applied everything before it, as soon as there is one.
pub async fn leading(managers: &[Manager]) -> Manager {
    let led = managers.iter().map(|manager| async move {
        let mut leadership = manager.leadership();
        let led = leadership.wait_for(|leadership| leadership.mine).await;
        led.is_ok().then(|| manager.clone())
    });
    let mut waiting: FuturesUnordered<_> = led.collect();
    while let Some(led) = waiting.next().await {
        if let Some(manager) = led {
            return manager;
        }
    }
    // All have stopped.
    std::future::pending().await
}

fn members(house: &House) -> BTreeMap<u64, Peer> {
    let peer = |entry: &super::manifest::ManagerEntry| Peer {
        address: entry.address.clone(),
        node_id: entry.node_id.clone(),
    };
    house
        .manifest
        .managers
        .iter()
        .map(|entry| (entry.raft_id, peer(entry)))
        .collect()
}

/// Until the first change is committed. A manager without any log is told who the members are; after a crash they may
/// know already, and another one may lead.
async fn found(managers: &[Manager], members: &BTreeMap<u64, Peer>, first_change: &Command) -> Result<(), Report> {
    let Some((first, others)) = managers.split_first() else {
        return Err(
            Report::failure("a cluster without a manager cannot run").hint("choose another directory with --dir")
        );
    };
    loop {
        let asked = tokio::select! {
            biased;
            asked = first.initialize(members.clone(), system(), first_change.clone()) => asked.map(|_| ()),
            leader = leading(others) => propose(&leader, first_change).await,
        };
        match asked {
            Ok(()) | Err(InitializeError::NotPristine) => return Ok(()),
            Err(_) if managers.iter().any(is_founded) => return Ok(()),
            Err(InitializeError::Bootstrap(ProposeError::NotLeader { .. } | ProposeError::NoQuorum)) => {}
            Err(error) => return Err(explain(&error)),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn propose(leader: &Manager, first_change: &Command) -> Result<(), InitializeError> {
    if is_founded(leader) {
        return Ok(());
    }
    leader.proposer().propose(system(), first_change.clone()).await?;
    Ok(())
}

fn is_founded(manager: &Manager) -> bool {
    manager.replica().read(|state| state.cluster().is_some())
}
