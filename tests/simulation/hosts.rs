//! What runs on a simulated host? A real manager with its local clients, or a real worker; only the seams differ.

use std::path::PathBuf;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use wardroom_agent::files::Files;
use wardroom_agent::{Agent, AgentConfig, AgentSeams, Pace, StartError};
use wardroom_api::Client;
use wardroom_ca::Clock;
use wardroom_keys::SeededChance;
use wardroom_log::{Disk, Spawn};
use wardroom_manager::{Local, Manager, ManagerConfig, Seams, Timing};
use wardroom_state::command::Actor;

use crate::founding::{ManagerSeat, WorkerSeat};
use crate::net::SimNet;
use crate::plant::KeepingFiles;
use crate::workload;
use crate::world::{Life, World};

/// Entries between two snapshots: few, so that snapshots and purges happen within a run.
pub(crate) const SNAPSHOT_EVERY: u64 = 120;

/// A worker that cannot wipe what an earlier life left is started again.
const STARTS_MAX: u32 = 20;

/// One incarnation of a manager, until its host crashes.
pub(crate) async fn manager(place: usize, world: Rc<World>) -> turmoil::Result {
    let seat = Rc::clone(&world.cluster.managers[place]);
    let life = world.next_life(&seat.name);
    let manager = match start(&seat, world.seed, &life).await {
        Ok(manager) => manager,
        Err(error) => {
            // A disk that crashed must open again: refusing it would be data lost.
            world.complain(format!("{life} did not start: {error}"));
            return std::future::pending().await;
        }
    };
    world.begins(place, Life::new(manager.clone()));
    let (client, incoming) = Client::in_memory(seat.name.clone());
    manager.serve_local(ReceiverStream::new(incoming).map(|stream| Local::trusted(Box::new(stream), "root")));
    if place == 0 && !world.begun.get() {
        begin(&manager, &world).await;
    }
    workload::run(&life, place, &client, &world).await;
    std::future::pending().await
}

pub(crate) async fn start(seat: &ManagerSeat, seed: u64, life: &str) -> Result<Manager, wardroom_manager::StartError> {
    let config = ManagerConfig {
        cluster_id: seat.cluster_id.clone(),
        node_id: seat.node_id.clone(),
        raft_id: seat.raft_id.get(),
        hostname: seat.name.clone(),
        listen: seat.address(),
        advertise: seat.address(),
        timing: Timing::default(),
        snapshot_every: SNAPSHOT_EVERY,
    };
    let clock: Arc<dyn Clock> = Arc::clone(&seat.clock) as Arc<dyn Clock>;
    let seams = Seams {
        clock: Arc::clone(&clock),
        chance: Arc::new(SeededChance::new(seed).derive(life)),
        net: Arc::new(SimNet),
        disk: Arc::new(seat.disk.clone()) as Arc<dyn Disk>,
        spawn: Spawn::Task,
        hooks: Arc::new(wardroom_manager::NoHooks),
    };
    Manager::start(config, seat.keyring(), seat.papers.tls(clock), seams).await
}

async fn begin(manager: &Manager, world: &World) {
    let actor = Actor {
        name: "system".to_owned(),
        from: "local".to_owned(),
    };
    match manager
        .initialize(world.cluster.members(), actor, world.cluster.bootstrap.clone())
        .await
    {
        Ok(_) => world.begun.set(true),
        Err(error) => world.complain(format!("the cluster could not be begun: {error}")),
    }
}

/// One incarnation of a worker, until its host crashes.
pub(crate) async fn worker(place: usize, world: Rc<World>) -> turmoil::Result {
    let seat = Rc::clone(&world.cluster.workers[place]);
    let life = world.next_life(&seat.name);
    for _ in 0..STARTS_MAX {
        let chance = SeededChance::new(world.seed).derive(&life);
        let seams = AgentSeams::simulated(Arc::new(chance), Arc::new(SimNet), files(&seat));
        let tls = seat.papers.tls(Arc::clone(&seat.clock) as Arc<dyn Clock>);
        match Agent::start(config(&seat, &world), tls, seams) {
            Ok(_running) => return std::future::pending().await,
            // It must not begin on what an earlier life left; whoever supervises it starts it again.
            Err(StartError::Files(_)) => {}
            Err(error) => world.complain(format!("{life} did not start: {error}")),
        }
    }
    world.complain(format!("{life} did not start in {STARTS_MAX} tries"));
    std::future::pending().await
}

fn files(seat: &WorkerSeat) -> Arc<dyn Files> {
    let files = Arc::clone(&seat.files);
    if seat.keeps {
        Arc::new(KeepingFiles(files))
    } else {
        files
    }
}

fn config(seat: &WorkerSeat, world: &World) -> AgentConfig {
    AgentConfig {
        cluster_id: seat.cluster_id.clone(),
        node_id: seat.node_id.clone(),
        hostname: seat.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        managers: world.cluster.managers.iter().map(|manager| manager.address()).collect(),
        secrets_root: None,
        shim: PathBuf::new(),
        pace: Pace {
            swap_grace: Duration::from_millis(200),
            ..Pace::default()
        },
    }
}
