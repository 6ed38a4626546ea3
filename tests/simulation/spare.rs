//! What does the node do that becomes a manager and a worker again? What a daemon does: with a Raft id it never had it
//! begins on an empty disk, and it stops when it is wanted no longer.

use std::cell::Ref;
use std::collections::BTreeMap;
use std::rc::Rc;

use wardroom_log::Disk;
use wardroom_manager::Manager;
use wardroom_state::State;
use wardroom_state::command::{Actor, Command};
use wardroom_state::ids::NodeId;
use wardroom_state::node::{Node, Role};

use crate::disk::SimDisk;
use crate::founding::ManagerSeat;
use crate::hosts::start;
use crate::world::{Life, World};

/// One incarnation of the spare, until its host crashes.
pub(crate) async fn run(place: usize, world: Rc<World>) -> turmoil::Result {
    let seat = Rc::clone(&world.cluster.managers[place]);
    loop {
        let raft_id = called(&seat, &world).await;
        if seat.raft_id.replace(raft_id) != raft_id {
            wipe(&seat.disk);
        }
        let life = world.next_life(&seat.name);
        let manager = match start(&seat, world.seed, &life).await {
            Ok(manager) => manager,
            Err(error) => {
                world.complain(format!("{life} did not start: {error}"));
                return std::future::pending().await;
            }
        };
        world.begins(place, Life::new(manager.clone()));
        stays(&seat, &world, raft_id).await;
        seat.disk.spare_syncs();
        world.leave(place);
        manager.shutdown().await;
    }
}

/// Waits until the cluster wants this node under another Raft id, or as a worker.
async fn stays(seat: &ManagerSeat, world: &World, raft_id: u64) {
    loop {
        let news = world.news();
        if wanted(seat, world).is_some_and(|wanted| wanted != raft_id) {
            return;
        }
        news.come().await;
    }
}

/// Waits until the cluster knows where this node is reached and wants it as a manager, and returns its Raft id.
async fn called(seat: &ManagerSeat, world: &World) -> u64 {
    loop {
        let news = world.news();
        let address = newest(world, seat, |node| node.address.clone());
        match wanted(seat, world) {
            Some(_) if address != Some(seat.address()) => tell_address(seat, world).await,
            Some(raft_id) if raft_id != 0 => return raft_id,
            _ => {}
        }
        news.come().await;
    }
}

/// The Raft id that the cluster wants this node to have, 0 for a worker; `None` while nobody can say.
fn wanted(seat: &ManagerSeat, world: &World) -> Option<u64> {
    newest(world, seat, |node| if node.is_in_raft() { node.raft_id } else { 0 })
}

/// What the manager that knows most says about this node.
fn newest<T>(world: &World, seat: &ManagerSeat, look: impl Fn(&Node) -> T) -> Option<T> {
    let lives = world.lives.borrow();
    let knows_most = lives.values().max_by_key(|life| life.manager.replica().index())?;
    let id = NodeId::new(&seat.node_id);
    knows_most
        .manager
        .replica()
        .read(|state| state.nodes().get(&id).map(look))
}

/// As its request for a new certificate does, in either role.
async fn tell_address(seat: &ManagerSeat, world: &World) {
    let leading = |life: &&Life| life.leadership().mine;
    let leader: Option<Manager> = world
        .lives
        .borrow()
        .values()
        .find(leading)
        .map(|life| life.manager.clone());
    let Some(leader) = leader else { return };
    let actor = Actor {
        name: format!("worker:{}", seat.node_id),
        from: seat.name.clone(),
    };
    let command = Command::SetNodeAddress {
        node: NodeId::new(&seat.node_id),
        address: seat.address(),
    };
    // Asked again with the next news if it was not done: whoever leads next begins with an entry.
    let _ = leader.proposer().propose(actor, command).await;
}

/// Nothing of what it was under another Raft id may count.
fn wipe(disk: &SimDisk) {
    for dir in ["log", "snapshots"] {
        for name in disk.list(dir).unwrap_or_default() {
            disk.unlink(&format!("{dir}/{name}")).expect("a disk in memory forgets");
        }
        let _ = disk.sync_dir(dir); // there is none before the first start
    }
}

/// Why the managers are not those that the state wants; `None` when they are. Notes who they are.
pub(crate) fn unsettled(world: &World, lives: &Ref<'_, BTreeMap<usize, Life>>) -> Option<String> {
    let seats = world.cluster.managers.iter().enumerate();
    let first = lives.values().next()?;
    first.manager.replica().read(|state: &State| {
        for (place, seat) in seats {
            let Some(node) = state.nodes().get(&NodeId::new(&seat.node_id)) else {
                return Some("the cluster has not begun".to_owned());
            };
            if node.role != node.desired_role {
                return Some(format!(
                    "{} is {} and wanted as {}",
                    seat.name, node.role, node.desired_role
                ));
            }
            seat.votes.set(node.role == Role::Manager);
            if seat.votes.get() != lives.contains_key(&place) {
                return Some(format!("{} is a {} and does not do its work", seat.name, node.role));
            }
        }
        None
    })
}
